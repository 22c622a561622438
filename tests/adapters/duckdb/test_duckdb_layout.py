"""Readings that were sorted into runs are found as if they had never moved, at every moment, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.duckdb.readings_taker import SENSORS, T0, batch_of

from rencheng.adapters.duckdb import DuckDbReadings, compaction, journal, readings, runs
from rencheng.kernel import StorageFailed
from rencheng.sense import decoded_from_arrays
from rencheng.sense.reading_query import AllOf, Comparison, OneReading, ReadingQuery

TAKER = Path(__file__).with_name("readings_taker.py")
ROOT = Path(__file__).parents[3]
FAR = T0 + timedelta(days=9999)
LONG_AGO = T0 - timedelta(days=9999)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments, parts and merges of a few hundred readings."""
    monkeypatch.setattr(readings, "SEGMENT_ROWS", 300)
    monkeypatch.setattr(journal, "CHECKPOINT_TRANSACTIONS", 2)
    monkeypatch.setattr(compaction, "PART_ROWS", 500)
    monkeypatch.setattr(compaction, "MERGED", 3)
    monkeypatch.setattr(compaction, "MERGE_ROWS", 70)


def everything(store: DuckDbReadings) -> list[Any]:
    """What a store tells of its readings in each of the ways to ask."""
    window = store.window("stage_m", start=LONG_AGO, end=FAR, good_only=False)
    page = ReadingQuery(where=Comparison("value", ">", 2.0), order=(("at", True), ("value", False)), skip=3, top=70)
    one = ReadingQuery(channels=(("s07", "stage_m"),), order=(("at", False),), top=5000)
    return [
        window.to_pydict(),
        store.latest(at=FAR).to_pydict(),
        store.latest(at=T0 + timedelta(minutes=25)).to_pydict(),
        store.count(),
        store.select(page).to_pydict(),
        store.select(one).to_pydict(),
        store.count_selected(page),
        store.count_selected(ReadingQuery()),
        store.health().to_pydict(),
    ]


def take(store: DuckDbReadings, number: int) -> None:
    position, batch, arrival = batch_of(number)
    store.take("f", position, batch, now=arrival)


@pytest.mark.usefixtures("_small")
def test_a_store_that_sorts_answers_as_one_that_does_not(tmp_path: Path) -> None:
    plain = DuckDbReadings()
    sorting = DuckDbReadings(tmp_path / "readings.duckdb")
    for number in range(16):
        for store in (plain, sorting):
            take(store, number)
        if number % 7 == 3:
            sorting.compact()
            assert everything(sorting) == everything(plain)
    sorting.compact()
    levels = [run.level for run in sorting._layout.now().runs]
    assert max(levels) >= 2  # runs of runs
    assert len(levels) < 8
    assert everything(sorting) == everything(plain)
    sorting.close()
    again = DuckDbReadings(tmp_path / "readings.duckdb")
    assert everything(again) == everything(plain)
    again.close()


@pytest.mark.usefixtures("_small")
def test_repeats_and_second_values_are_known_though_their_stamps_lie_in_runs(tmp_path: Path) -> None:
    store = DuckDbReadings(tmp_path / "readings.duckdb")
    for number in range(6):
        take(store, number)
    store.compact()
    assert not store._layout.now().segments
    _, batch, arrival = batch_of(2)
    again = store.take("g", "again", batch, now=arrival)
    assert (again.accepted, again.repeated) == (0, SENSORS * 10)
    at = np.array([(T0 + timedelta(minutes=21)).replace(tzinfo=None)], "datetime64[us]")
    second = store.take("g", "other", decoded_from_arrays(["s07"], "stage_m", at, np.array([9.5])), now=arrival)
    assert second.flagged == {"duplicate_stamp": 1}
    store.compact()
    asked = OneReading("s07", "stage_m", int(at.view(np.int64)[0]), second=9.5)
    assert store.select(ReadingQuery(where=AllOf((asked,))))["value"].to_pylist() == [9.5]
    store.close()


@settings(max_examples=6, deadline=None)
@given(steps=st.lists(st.sampled_from(["take", "late", "compact", "open"]), min_size=2, max_size=14))
def test_whatever_is_taken_sorted_and_reopened_no_reading_is_lost_or_doubled(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("layout") / "readings.duckdb"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readings, "SEGMENT_ROWS", 300)
        patch.setattr(journal, "CHECKPOINT_TRANSACTIONS", 2)
        patch.setattr(compaction, "PART_ROWS", 500)
        patch.setattr(compaction, "MERGED", 2)
        plain, store = DuckDbReadings(), DuckDbReadings(path)
        for n, step in enumerate(steps):
            if step == "compact":
                store.compact()
            elif step == "open":
                store.close()
                store = DuckDbReadings(path)
            else:
                position, batch, arrival = batch_of(n if step == "take" else max(0, n - 4))
                for each in (plain, store):
                    each.take("f", f"{position}{step}", batch, now=arrival + timedelta(hours=1))
        assert everything(store) == everything(plain)
        store.close()


@pytest.mark.usefixtures("_small")
def test_who_reads_while_it_is_sorted_sees_every_reading_once(tmp_path: Path) -> None:
    store = DuckDbReadings(tmp_path / "readings.duckdb")
    odd: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        seen = 0
        while not stop.is_set():
            window = store.window("stage_m", start=LONG_AGO, end=FAR, good_only=False)
            whole = window.group_by(["sensor_id", "at"]).aggregate([])
            if window.num_rows % (SENSORS * 10) or whole.num_rows != window.num_rows or window.num_rows < seen:
                odd.append(window.num_rows)
            seen = window.num_rows

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for number in range(16):
        take(store, number)
    store.compact()
    stop.set()
    for watcher in watchers:
        watcher.join()
    assert odd == []
    assert store.count() == 16 * SENSORS * 10
    assert len(list((tmp_path / "readings.duckdb.runs").iterdir())) == 2 * len(store._layout.now().runs)
    store.close()


def test_a_process_killed_while_it_sorts_loses_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    acknowledged = 0
    for wanted in (12, 20):
        process = subprocess.Popen(
            [sys.executable, str(TAKER), str(path), "0", "small"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        for _ in range(wanted):
            acknowledged = int(process.stdout.readline().split()[1]) + 1
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *(int(line.split()[1]) + 1 for line in rest.splitlines() if " " in line)])
        store = DuckDbReadings(path)
        batches = int(store.position("f") or "-1") + 1
        assert batches >= acknowledged
        window = store.window("stage_m", start=LONG_AGO, end=FAR, good_only=False)
        assert window.num_rows == store.count() == batches * SENSORS * 10
        assert window.group_by(["sensor_id", "at"]).aggregate([]).num_rows == window.num_rows
        store.compact()
        known = {run.run for run in store._layout.now().runs}
        store.close()
        folder = tmp_path / "readings.duckdb.runs"
        assert {int(file.name[:8]) for file in folder.iterdir()} == known
    assert known


@pytest.mark.usefixtures("_small")
def test_a_disk_that_refuses_runs_leaves_readings_where_they_are(tmp_path: Path) -> None:
    store = DuckDbReadings(tmp_path / "readings.duckdb")
    (tmp_path / "readings.duckdb.runs").write_text("in the way")  # no folder can be made
    for number in range(6):
        take(store, number)
    with pytest.raises(StorageFailed, match="cannot sort"):
        store.compact()
    assert store.count() == 6 * SENSORS * 10
    (tmp_path / "readings.duckdb.runs").unlink()
    store.compact()
    assert (store.count(), len(store._layout.now().segments)) == (6 * SENSORS * 10, 0)
    store.close()


@pytest.mark.usefixtures("_small")
def test_a_store_whose_runs_are_missing_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    store = DuckDbReadings(path)
    for number in range(6):
        take(store, number)
    store.compact()
    store.close()
    folder = tmp_path / "readings.duckdb.runs"
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed, match=r"lacks \d+ of its files, the first .*Restore the folder together with"):
        DuckDbReadings(path)
    (tmp_path / "elsewhere").rename(folder)
    path.rename(tmp_path / "old")
    runs.run_file(folder, 77).write_bytes(b"x")
    with pytest.raises(StorageFailed, match="lie beside a database that knows none of them"):
        DuckDbReadings(path)


def test_a_store_of_the_second_format_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    store = DuckDbReadings(path)
    take(store, 0)
    store.close()
    with duckdb.connect(str(path)) as con:  # as the program before wrote it
        con.execute("DROP TABLE segments")
        con.execute("DROP TABLE runs")
        con.execute("UPDATE store_format SET version = 2")
    store = DuckDbReadings(path)
    take(store, 1)
    store.compact()
    assert store.count() == 2 * SENSORS * 10
    store.close()


@pytest.mark.usefixtures("_small")
def test_a_channel_of_more_readings_than_fit_is_merged_day_by_day(tmp_path: Path) -> None:
    store = DuckDbReadings(tmp_path / "readings.duckdb")
    for part in range(3):
        minute = part * 400 + np.arange(400)
        at = np.datetime64(T0.replace(tzinfo=None), "us") + (minute * 11).astype("timedelta64[m]")
        batch = decoded_from_arrays(["s"] * 400, "stage_m", at, np.round(2 + np.sin(minute / 50), 3))
        store.take("f", f"{part}", batch, now=T0 + timedelta(days=10))
        store.compact()
    (run,) = store._layout.now().runs
    assert (run.level, run.rows) == (2, 1200)
    at = pa.array(store.select(ReadingQuery(order=(("at", False),), top=5000))["at"]).cast(pa.int64()).to_numpy()
    assert np.array_equal(at, np.sort(at))
    assert len(at) == 1200
    store.close()
