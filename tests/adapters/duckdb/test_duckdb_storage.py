"""What is lost when the process is killed, the disk is full or two programs want the file: nothing acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from tests.adapters.duckdb.readings_taker import SENSORS, T0, batch_of

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.kernel import StorageFailed
from rencheng.science.quality import STATE_DTYPE
from rencheng.sense import Channel, decoded_from_arrays

TAKER = Path(__file__).with_name("readings_taker.py")
ROOT = Path(__file__).parents[3]
FAR = T0 + timedelta(days=9999)


def taker(path: Path, limit_bytes: int = 0) -> subprocess.Popen[str]:
    """Start a taking process and wait until it has the store open."""
    process = subprocess.Popen(
        [sys.executable, str(TAKER), str(path), str(limit_bytes)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def assert_whole_batches(store: DuckDbReadings, at_least: int) -> None:
    """The store holds batches 0 … n, each exactly once, and n is not below what was acknowledged."""
    position = store.position("f")
    batches = 0 if position is None else int(position) + 1
    assert batches >= at_least
    assert store.count() == batches * SENSORS * 10
    assert store.feeds()["batches"].to_pylist() == ([batches] if batches else [])
    window = store.window("stage_m", start=T0 - timedelta(hours=1), end=FAR, sensors=["s07"], good_only=False)
    assert window.num_rows == batches * 10
    assert window["flags"].to_numpy().max(initial=0) == 0
    if batches:
        assert store.health()["readings"].to_pylist() == [batches * 10] * SENSORS


def test_kill_9_in_the_middle_loses_and_doubles_no_acknowledged_batch(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    acknowledged = 0
    for wanted in (3, 17, 8):
        process = taker(path)
        assert process.stdout is not None
        for _ in range(wanted):
            acknowledged = int(process.stdout.readline().split()[1]) + 1
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        acknowledged = max([acknowledged, *(int(line.split()[1]) + 1 for line in rest.splitlines() if " " in line)])
        store = DuckDbReadings(path)
        assert_whole_batches(store, acknowledged)
        store.close()


def test_an_uninterrupted_run_gives_the_same_store_as_a_killed_one(tmp_path: Path) -> None:
    process = taker(tmp_path / "killed.duckdb")
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = DuckDbReadings(tmp_path / "killed.duckdb")
    smooth = DuckDbReadings()
    last = int(killed.position("f") or "0")
    for number in range(last + 8):
        position, batch, arrival = batch_of(number)
        smooth.take("f", position, batch, now=arrival)
        killed.take("f", position, batch, now=arrival)
    for store in (killed, smooth):
        assert_whole_batches(store, last + 8)
    assert killed.health().equals(smooth.health())
    assert killed.feeds().equals(smooth.feeds())


def test_a_full_disk_is_a_clear_refusal_and_what_was_taken_stays(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    process = taker(path, limit_bytes=1_200_000)
    out, _ = process.communicate(timeout=120)
    lines = out.splitlines()
    assert lines[-1].startswith(f"failed {path}: readings store refused a batch: ")
    assert "Check disk space and rights" in lines[-1]
    acknowledged = sum(line.startswith("taken") for line in lines)
    assert acknowledged > 0
    store = DuckDbReadings(path)
    assert_whole_batches(store, acknowledged)
    store.close()


def test_a_second_program_is_told_that_the_file_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    process = taker(path)
    with pytest.raises(StorageFailed, match=r"cannot be opened.*no other process has it open"):
        DuckDbReadings(path)
    process.kill()
    process.communicate()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageFailed, match="readings store cannot be opened"):
        DuckDbReadings(path)


def test_a_store_of_another_format_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    DuckDbReadings(path).close()
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE store_format SET version = 99")
    with pytest.raises(StorageFailed, match=r"has format 99, this program reads 3.*Use the program that wrote it"):
        DuckDbReadings(path)


def test_a_batch_that_fails_leaves_no_trace_and_can_be_offered_again(tmp_path: Path) -> None:
    store = DuckDbReadings(tmp_path / "readings.duckdb")
    position, batch, arrival = batch_of(0)
    store._con.execute("ALTER TABLE refused RENAME TO hidden")
    odd = decoded_from_arrays(["x"], "rain_mm", np.array([T0.replace(tzinfo=None)], "datetime64[us]"), np.array([1.0]))
    store._con.execute("ALTER TABLE batches RENAME TO hidden_batches")
    with pytest.raises(StorageFailed, match="refused a batch"):
        store.take("f", position, odd, now=arrival)
    store._con.execute("ALTER TABLE hidden_batches RENAME TO batches")
    store._con.execute("ALTER TABLE hidden RENAME TO refused")
    assert (store.count(), store.health().num_rows) == (0, 0)
    assert store.take("f", position, batch, now=arrival).accepted == SENSORS * 10
    assert_whole_batches(store, 1)


def test_readers_in_other_threads_see_whole_batches_only() -> None:
    store = DuckDbReadings(channels=[Channel(sensor_id=f"s{n:02d}") for n in range(SENSORS)])
    odd: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            rows = store.window("stage_m", start=T0 - timedelta(hours=1), end=FAR).num_rows
            latest = store.latest(at=FAR)
            if rows % (SENSORS * 10) or len(set(latest["at"].to_pylist())) > 1:
                odd.append(rows)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for number in range(40):
        position, batch, arrival = batch_of(number)
        store.take("f", position, batch, now=arrival)
    stop.set()
    for watcher in watchers:
        watcher.join()
    assert odd == []
    assert_whole_batches(store, 40)


def test_a_store_of_the_first_format_is_taken_over_with_its_readings_and_states(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    store = DuckDbReadings(path)
    for number in range(3):
        position, batch, arrival = batch_of(number)
        store.take("f", position, batch, now=arrival)
    health = store.health()
    store.close()
    with duckdb.connect(str(path)) as con:  # as the program before wrote it
        states = STATE_DTYPE.itemsize
        (page,) = con.execute("SELECT data FROM state_pages WHERE kind = 'quality'").fetchone() or (b"",)
        old = [(n, page[n * states : (n + 1) * states]) for n in range(SENSORS)]
        con.executemany("INSERT INTO channel_state VALUES (?, NULL, NULL, 0, ?)", old)
        for table in ("transactions", "checkpoint", "alarms", "state_pages"):
            con.execute(f"DROP TABLE IF EXISTS {table}")
        con.execute("ALTER TABLE readings DROP COLUMN txn")
        con.execute("ALTER TABLE readings ADD COLUMN received_at TIMESTAMP")
        con.execute("UPDATE store_format SET version = 1")
    store = DuckDbReadings(path)
    assert store.health().equals(health)
    position, batch, arrival = batch_of(3)
    store.take("f", position, batch, now=arrival)
    assert_whole_batches(store, 4)
    store.close()


def test_states_after_a_kill_are_those_of_the_last_commit_though_no_checkpoint_was_written(tmp_path: Path) -> None:
    process = taker(tmp_path / "readings.duckdb")
    assert process.stdout is not None
    for _ in range(6):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with duckdb.connect(str(tmp_path / "readings.duckdb")) as con:
        assert con.execute("SELECT count(*) FROM state_pages").fetchone() == (0,)
    killed = DuckDbReadings(tmp_path / "readings.duckdb")
    assert_whole_batches(killed, 6)
    killed.close()
    with duckdb.connect(str(tmp_path / "readings.duckdb")) as con:
        assert con.execute("SELECT count(*) FROM state_pages").fetchone() == (1,)
