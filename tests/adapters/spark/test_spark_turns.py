"""A turn counts once: whole, in order, and again only if it is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.adapters.spark.spark_city import Shards
from tests.sense.detection_city import batch, city, rules, stream

from rencheng.adapters.spark import engine
from rencheng.adapters.spark.files import write_whole
from rencheng.adapters.spark.parcels import FileNote
from rencheng.adapters.spark.turns import ScaledAlarms, ShardNote, commit_turn, read_turns, staging
from rencheng.kernel import NotFound, StorageFailed


@pytest.fixture(scope="module")
def alarms(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    readings = stream(5, 400, np.random.default_rng(2))
    shards = Shards(tmp_path_factory.mktemp("plan"), city(5), rules(), 1)
    shards.turn([("f", 0, batch(readings, slice(None)))])
    return shards.story()


def note(out: Path, shard: int, turn: int, alarms: pa.Table, attempt: int = 1) -> ShardNote:
    path = staging(out, turn) / f"shard-{shard}-attempt-{attempt}.parquet"
    write_whole(path, pa.table({"value": [1.0, 2.0]}))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, alarms.schema) as writer:
        writer.write_table(alarms)
    return ShardNote(
        shard=shard,
        staged=str(path),
        first_us=5,
        last_us=9,
        readings=2,
        offered=3,
        alarms=sink.getvalue().to_pybytes(),
        files=(FileNote(path="f", rows=4, refused=1),) if shard == 0 else (),
        arrived_us=7,
        clock_us=6,
        state_bytes=100,
        channels=1,
        seconds=0.5,
    )


def test_a_turn_broken_off_anywhere_and_done_again_is_there_once(tmp_path: Path, alarms: pa.Table) -> None:
    half = alarms.num_rows // 2
    parts = (alarms.slice(0, half), alarms.slice(half))
    first = commit_turn(tmp_path, 0, [note(tmp_path, k, 0, parts[k]) for k in (1, 0)])
    (tmp_path / "turns" / "000000000.json").unlink()  # killed before the note was written
    again = commit_turn(tmp_path, 0, [note(tmp_path, k, 0, parts[k], attempt=2) for k in (0, 1)])
    third = commit_turn(tmp_path, 0, [note(tmp_path, k, 0, parts[k], attempt=3) for k in (0, 1)])  # killed after it
    assert first == again == third
    assert (first.readings, first.repeated, first.rows, first.refused) == (4, 2, 4, 1)
    assert len(list(tmp_path.glob("readings/shard=*/*.parquet"))) == 2
    assert ScaledAlarms(tmp_path).alarms()["seq"].to_pylist() == list(range(1, alarms.num_rows + 1))


def test_a_turn_done_again_with_other_alarms_is_an_error_not_a_second_truth(tmp_path: Path, alarms: pa.Table) -> None:
    commit_turn(tmp_path, 0, [note(tmp_path, 0, 0, alarms)])
    with pytest.raises(StorageFailed, match="other alarms"):
        commit_turn(tmp_path, 0, [note(tmp_path, 0, 0, alarms.slice(1))])


def test_alarms_are_read_on_from_where_a_reader_stopped(tmp_path: Path, alarms: pa.Table) -> None:
    for turn in range(3):
        commit_turn(tmp_path, turn, [note(tmp_path, 0, turn, alarms)])
    whole = ScaledAlarms(tmp_path)
    n = alarms.num_rows
    assert whole.alarms(since=n + 3, limit=n)["seq"].to_pylist() == list(range(n + 4, 2 * n + 4))
    one = alarms["sensor_id"].to_pylist()[0]
    assert set(whole.alarms(sensor_id=one)["sensor_id"].to_pylist()) == {one}
    assert whole.alarms(since=3 * n).num_rows == 0
    assert whole.last_alarm == 3 * n
    assert set(whole.alarms(kinds=("threshold",), rules=("high", "odd"))["rule"].to_pylist()) == {"high"}
    assert whole.alarms(kinds=("threshold",), rules=("odd",)).num_rows == 0
    stamps = whole.alarms()["at"].to_pylist()[:n]
    assert stamps == sorted(stamps)
    assert [turn.last_alarm for turn in read_turns(tmp_path)] == [n, 2 * n, 3 * n]


def test_a_full_disk_is_named_with_its_mend(tmp_path: Path, alarms: pa.Table) -> None:
    (tmp_path / "alarms").write_text("in the way")
    with pytest.raises(StorageFailed, match="run the same command again"):
        commit_turn(tmp_path, 0, [replace(note(tmp_path, 0, 0, alarms), staged="")])


def test_missing_java_is_told_with_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="apt-get install -y openjdk-17-jre-headless"):
        engine.require_java({"PATH": str(tmp_path)})
    with pytest.raises(NotFound, match="JAVA_HOME"):
        engine.require_java({"PATH": "", "JAVA_HOME": str(tmp_path)})
    (tmp_path / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    (tmp_path / "java").chmod(0o755)
    with pytest.raises(NotFound, match="Java 11 is too old, Spark needs 17"):
        engine.require_java({"PATH": f"{tmp_path}"})


def test_missing_pyspark_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    with pytest.raises(NotFound, match=r"pip install .rencheng\[spark\]"):
        engine.require_pyspark()
