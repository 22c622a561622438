"""Ten million readings through the embedded store and through Spark, a driver and an executor killed on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from benchmarks.kill_spark import kills

from rencheng.adapters.spark import require_java, require_pyspark
from rencheng.kernel import NotFound

READINGS = int(os.environ.get("RENCHENG_SCALE_OUT_READINGS", "10000000"))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_spark_gives_the_alarms_of_the_embedded_store_whatever_is_killed(tmp_path: Path) -> None:
    try:
        require_pyspark()
        require_java()
    except NotFound as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    found = kills(tmp_path, READINGS)
    assert found.readings >= READINGS
    assert found.alarms > 100
    assert found.spark_digest == found.digest
    assert found.stored == found.status.readings == found.readings  # each once
    assert (found.status.repeated, found.status.refused) == (0, 0)
    assert [what.split()[0] for what in found.killed] == ["driver", "executor"]
