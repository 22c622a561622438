#!/usr/bin/env bash
# Start `make run` as a visitor would, wait until the page answers and the storm has begun, and stop it as a visitor would.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
export RENCHENG_PORT=${RENCHENG_PORT:-8769} RENCHENG_HOME=${RENCHENG_HOME:-$(mktemp -d)} RENCHENG_DEMO_SPEED=7200
setsid make run >"$log" 2>&1 &
leader=$!
trap 'kill -- -"$leader" 2>/dev/null || true; rm -f "$log"' EXIT

answers() { python3 -c 'import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' \
  "http://127.0.0.1:$RENCHENG_PORT$1" 2>/dev/null; }

for _ in $(seq 180); do
  if answers / | grep -q '<div id="app"' && answers "/api/facts?kind=SignalRaised" | grep -q '"seq"'; then
    kill -INT -- -"$leader"
    wait "$leader" 2>/dev/null || true
    grep -q "is up" "$log" && ! grep -q Traceback "$log" && { echo "make run: the page answers and the storm has begun"; exit 0; }
    break
  fi
  kill -0 "$leader" 2>/dev/null || break
  sleep 1
done
cat "$log" >&2
echo "make run did not come up" >&2
exit 1
