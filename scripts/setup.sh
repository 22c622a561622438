#!/usr/bin/env bash
# Build the Python environment and the console. Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."

want=$(cat pyproject.toml requirements/dev.lock | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/.rencheng-setup 2>/dev/null)" != "$want" ]; then
  scripts/system.sh venv
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null
  .venv/bin/python -m pip install -q --disable-pip-version-check "uv>=0.8"
  echo "installing Python packages" >&2
  if ! .venv/bin/uv pip install -q --python .venv/bin/python -r requirements/dev.lock; then
    .venv/bin/python -m pip install -q --disable-pip-version-check -r requirements/dev.lock
  fi
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps -e . ||
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
  echo "$want" >.venv/.rencheng-setup
fi
scripts/system.sh node
scripts/console.sh
