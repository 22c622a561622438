#!/usr/bin/env bash
# PySpark for the tests of scale-out, into the environment that setup made. Quick when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

want=$(sha256sum <requirements/spark.lock | cut -d' ' -f1)
if [ "$(cat .venv/.rencheng-spark 2>/dev/null)" != "$want" ]; then
  echo "installing PySpark" >&2
  .venv/bin/uv pip install -q --python .venv/bin/python --no-deps -r requirements/spark.lock ||
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps -r requirements/spark.lock
  echo "$want" >.venv/.rencheng-spark
fi
scripts/system.sh java
