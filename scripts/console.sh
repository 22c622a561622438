#!/usr/bin/env bash
# Build the console into the package. Quick when nothing it is made of changed.
set -euo pipefail
cd "$(dirname "$0")/../console"

static=../src/rencheng/web/static
want=$(find . -path ./node_modules -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
[ -f "$static/index.html" ] && [ "$(cat "$static/.stamp" 2>/dev/null)" = "$want" ] && exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
packages=$(cat package-lock.json .npmrc | sha256sum | cut -d' ' -f1)
if [ "$(cat node_modules/.rencheng-packages 2>/dev/null)" != "$packages" ]; then
  echo "installing the console's packages" >&2
  npm ci --no-audit --no-fund --loglevel=error >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  echo "$packages" >node_modules/.rencheng-packages
fi
echo "building the console" >&2
npm run --silent build >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
echo "$want" >"$static/.stamp"
