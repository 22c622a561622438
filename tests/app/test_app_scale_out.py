"""A folder of files through Spark: readings that Spark itself can read, alarms as facts, and going on after a stop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.spark_stream import make_sensor_city, write_stream
from typer.testing import CliRunner

from rencheng.adapters.spark import require_java, require_pyspark
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.app.scale_out import ScaleOutOptions, scale_out, settings_of
from rencheng.cli.root import app
from rencheng.kernel import Conflict, InvalidConfig, InvalidInput, NotFound

SCRIPT = """
import json, shutil, sys
from pathlib import Path
from pyspark.sql import SparkSession
from rencheng.adapters.spark import open_session
from rencheng.app.scale_out import ScaleOutOptions, scale_out
folder = Path(sys.argv[1])
settings = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
options = ScaleOutOptions(shards=3, files=2, history=True, memory="512m", settings=settings)
told = []
for more in ("", "late.parquet"):
    if more:
        shutil.copy(folder / more, folder / "in" / more)
    found = scale_out(folder / "city", folder / "in", folder / "out", feed=None, options=options, tell=told.append)
    told.append([found.readings, found.repeated, found.refused, found.alarms, found.turns])
spark = open_session("local[1]", shards=1, memory="512m", settings={})
readings = spark.read.parquet(str(folder / "out" / "readings"))
told.append({name: kind for name, kind in readings.dtypes})
told.append([readings.count(), readings.select("sensor_id", "quantity", "at", "value").distinct().count()])
print(json.dumps(told))
"""


def needs_spark() -> None:
    try:
        require_pyspark()
        require_java()
    except NotFound as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    needs_spark()
    folder = tmp_path_factory.mktemp("scale-out")
    make_sensor_city(folder / "city", 60)
    rows = write_stream(folder / "in", sensors=60, minutes=600, files=5)
    first = pq.read_table(folder / "in" / "readings-00001.parquet").slice(0, 500)
    stranger = first.slice(0, 7).set_column(0, "sensor_id", pa.array(["nobody"] * 7).dictionary_encode())
    pq.write_table(pa.concat_tables([first, stranger], promote_options="permissive"), folder / "late.parquet")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, [rows, *json.loads(done.stdout.splitlines()[-1])]


@pytest.mark.slow
def test_a_second_run_goes_on_and_what_came_before_is_not_taken_twice(played: tuple[Path, list[Any]]) -> None:
    _, (rows, *told) = played
    lists = [entry for entry in told if isinstance(entry, list)]
    assert lists[0][:3] == [rows, 0, 0]
    assert lists[0][4] == 3
    assert lists[1] == [rows, 500, 7, lists[0][3], 4]
    assert lists[2] == [rows, rows]  # stored once each


@pytest.mark.slow
def test_spark_reads_the_written_readings_in_types_of_its_own(played: tuple[Path, list[Any]]) -> None:
    kinds = next(entry for entry in played[1] if isinstance(entry, dict))
    assert kinds == {
        "sensor_id": "string",
        "quantity": "string",
        "at": "timestamp",
        "value": "double",
        "flags": "int",
        "shard": "int",
    }


@pytest.mark.slow
def test_alarms_become_facts_once_and_refused_rows_are_kept_with_their_reason(played: tuple[Path, list[Any]]) -> None:
    folder, _ = played
    ledger = SqliteLedger(folder / "out" / "ledger.sqlite")
    entries = list(ledger.since(0))
    ledger.close()
    raised = [entry for entry in entries if entry.kind == "SignalRaised"]
    assert entries[0].kind == "RunStarted"
    assert raised
    assert len({(e.body.signal_id, e.body.colour) for e in raised}) == len(raised)
    sequence = [e.body.alarm_seq for e in entries if e.kind in {"SignalRaised", "SignalCleared"}]
    assert sequence == sorted(set(sequence))
    aside = pq.read_table(folder / "out" / "refused", partitioning=None)
    assert set(aside["reason"].to_pylist()) == {"unknown_sensor"}
    assert {path.rsplit("/", 1)[1] for path in aside["path"].to_pylist()} == {"late.parquet"}


@pytest.mark.slow
def test_the_status_tells_what_the_folder_holds(played: tuple[Path, list[Any]]) -> None:
    folder, (rows, *_) = played
    told = CliRunner().invoke(app, ["scale-out", "status", str(folder / "out"), "--json"])
    assert told.exit_code == 0
    found = json.loads(told.stdout)
    assert (found["readings"], found["repeated"], found["refused"], found["files"]) == (rows, 500, 7, 6)
    assert len(found["digest"]) == 64
    text = CliRunner().invoke(app, ["scale-out", "status", str(folder / "out")]).stdout
    assert "告警" in text
    assert found["digest"] in text


@pytest.mark.slow
def test_the_folder_of_another_source_or_of_more_shards_is_left_alone(played: tuple[Path, list[Any]]) -> None:
    folder, _ = played
    options = ScaleOutOptions(shards=3, history=True, settings={})
    with pytest.raises(Conflict, match="already holds another run"):
        scale_out(folder / "city", folder, folder / "out", feed=None, options=options)
    more = ScaleOutOptions(shards=4, history=True, settings={})
    with pytest.raises(Conflict, match="number of shards"):
        scale_out(folder / "city", folder / "in", folder / "out", feed=None, options=more)


def test_what_cannot_be_is_refused_before_java_starts(tmp_path: Path, sandbox_city: Path) -> None:
    options = ScaleOutOptions(settings={})
    with pytest.raises(NotFound, match="no folder"):
        scale_out(sandbox_city, tmp_path / "none", tmp_path / "out", feed=None, options=options)
    feed = tmp_path / "feed.toml"
    feed.write_text('[feed]\nid = "x"\nformat = "senml"\n', encoding="utf-8")
    with pytest.raises(InvalidConfig, match="its format is senml"):
        scale_out(sandbox_city, tmp_path, tmp_path / "out", feed=feed, options=options)
    with pytest.raises(InvalidInput, match="KEY=VALUE"):
        settings_of(["spark.ui.enabled"])
    with pytest.raises(NotFound, match="holds no scaled-out detection"):
        CliRunner().invoke(app, ["scale-out", "status", str(tmp_path)], catch_exceptions=False)
