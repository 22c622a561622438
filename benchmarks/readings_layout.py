"""What sorting readings costs, and how fast questions are answered: intake with and without, a month, hours, a box.

Run with ``python -m benchmarks.readings_layout [READINGS]``. Runs with and without sorting alternate, so that what else
the machine does burdens both alike. The peer, in the same run, is a plain DuckDB table with the same rows.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

import duckdb
import numpy as np
import pyarrow as pa

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.duckdb.compaction import Compactor
from rencheng.sense import Decoded, default_detection_rules
from rencheng.sense.batch import GOOD_SCHEMA
from rencheng.sense.map_box import MapBox, SensorMap
from rencheng.sense.reading_query import ReadingQuery

T0 = datetime(2026, 6, 1, tzinfo=UTC)
MINUTES = 30 * 1440
BATCH = 500_000
MEGACITY = 2_100_000
RUNS = 2


def batch(sensors: int, first: int, minutes: int) -> Decoded:
    """Readings of sensors, minute after minute."""
    every = np.tile(np.arange(sensors, dtype=np.int32), minutes)
    value = np.round(0.02 + 0.002 * np.abs(np.random.default_rng(first).normal(0, 1, len(every))), 4)
    at = int(T0.timestamp()) * 1_000_000 + (first + np.repeat(np.arange(minutes), sensors)) * 60_000_000
    names = pa.array([f"g-{n:07d}" for n in range(sensors)])
    columns = (
        pa.DictionaryArray.from_arrays(pa.array(every), names),
        pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(every), np.int8)), pa.array(["methane_ratio_lel"])),
        pa.array(at).cast(pa.timestamp("us", tz="UTC")),
        pa.array(value),
    )
    return Decoded(good=pa.table(dict(zip(GOOD_SCHEMA.names, columns, strict=True))), rows=len(every))


def written_bytes() -> int:
    """Bytes that this process has given to the disk."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


class Taken:
    """A store filled once: seconds of each batch, processor seconds and bytes written."""

    def __init__(self, path: Path, sensors: int) -> None:
        self.store = DuckDbReadings(path, detection=default_detection_rules())
        step = max(1, BATCH // sensors)
        self.seconds: list[float] = []
        before, processor = written_bytes(), time.process_time()
        for first in range(0, MINUTES, step):
            minutes = min(step, MINUTES - first)
            made, now = batch(sensors, first, minutes), T0 + timedelta(minutes=first + minutes)
            begun = time.perf_counter()
            self.store.take("bench", str(first), made, now=now)
            self.seconds.append((time.perf_counter() - begun) / made.rows)
        self.processor_s = time.process_time() - processor
        self.written = written_bytes() - before

    def costs(self, n: int) -> list[tuple[str, str]]:
        """What so many readings cost."""
        return [
            ("readings/s, median of batches", f"{1 / statistics.median(self.seconds):,.0f}"),
            ("processor, µs a reading, making it included", f"{self.processor_s / n * 1e6:.2f}"),
            ("written, bytes a reading", f"{self.written / n:.1f}"),
        ]


def median_ms(work: Callable[[], object]) -> float:
    """Median of seven, after one that warms up."""
    work()
    spent = []
    for _ in range(7):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent) * 1e3


def least_ms(work: Callable[[], object]) -> float:
    """Least processor time of seven: what it takes where nothing else runs, with one core."""
    spent = []
    for _ in range(7):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent) * 1e3


def questions(store: DuckDbReadings) -> dict[str, Callable[[], object]]:
    """A month of one sensor, the hours of all."""
    one = ReadingQuery(channels=(("g-0000100", "methane_ratio_lel"),), order=(("at", False),), top=10**6)
    end = T0 + timedelta(days=30)
    return {
        "30 days of one sensor, 43,200 rows": lambda: store.select(one),
        "hours of every sensor": lambda: store.hourly("methane_ratio_lel", start=T0, end=end),
        "hours of all together": lambda: store.hourly("methane_ratio_lel", start=T0, end=end, together=True),
    }


def peers(folder: Path, sensors: int) -> dict[str, Callable[[], object]]:
    """The same questions to a plain table."""
    con = duckdb.connect(str(folder / "peer.duckdb"), config={"threads": 2, "memory_limit": "1GB"})
    con.execute("CREATE TABLE r (channel INTEGER, stamp TIMESTAMP, value DOUBLE)")
    step = max(1, BATCH // sensors)
    for first in range(0, MINUTES, step):
        good = batch(sensors, first, min(step, MINUTES - first)).good
        plain = pa.table(
            {"c": good["sensor_id"].chunk(0).indices, "t": good["at"].cast(pa.timestamp("us")), "v": good["value"]}
        )
        con.register("plain", plain)
        con.execute("INSERT INTO r SELECT * FROM plain").fetchall()
        con.unregister("plain")
    what = "count(*), min(value), avg(value), max(value) FROM r GROUP BY ALL ORDER BY ALL"
    sql = {
        "30 days of one sensor, 43,200 rows": "SELECT stamp, value FROM r WHERE channel = 100 ORDER BY stamp",
        "hours of every sensor": f"SELECT channel, date_trunc('hour', stamp) h, {what}",
        "hours of all together": f"SELECT date_trunc('hour', stamp) h, {what}",
    }
    return {name: partial(asked, con, text) for name, text in sql.items()}


def asked(con: duckdb.DuckDBPyConnection, sql: str) -> object:
    """Arrays of an answer."""
    return con.execute(sql).fetchnumpy()


def main() -> None:
    """Print the tables."""
    sensors = max(200, round(float(sys.argv[1] if len(sys.argv) > 1 else 2e7) / MINUTES))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with_it, without = alternated(folder, sensors)
        n = sensors * MINUTES
        print("| intake with the shipped rules | without sorting | with sorting |\n|---|---:|---:|")
        for (what, plainly), (_, sorting) in zip(without.costs(n), with_it.costs(n), strict=True):
            print(f"| {what} | {plainly} | {sorting} |")
        before = {ask: median_ms(work) for ask, work in questions(without.store).items()}
        begun, processor = written_bytes(), time.process_time()
        with_it.store.compact()
        print(f"| sorting the rest: processor s, bytes | | {time.process_time() - processor:.1f}, ", end="")
        print(f"{written_bytes() - begun:,} |")
        plain = {ask: median_ms(work) for ask, work in peers(folder, sensors).items()}
        print(f"\n| {n:,} readings of {sensors} sensors | plain table (peer), ms | not sorted | sorted | of one core |")
        print("|---|---:|---:|---:|---:|")
        for ask, work in questions(with_it.store).items():
            figures = (plain[ask], before[ask], median_ms(work), least_ms(work))
            print(f"| {ask} | {' | '.join(f'{ms:,.0f}' for ms in figures)} |")
        without.store.close()
        with_it.store.close()
    in_a_box()


def alternated(folder: Path, sensors: int) -> tuple[Taken, Taken]:
    """The best of several stores filled with sorting, and of several without."""
    both: dict[bool, list[Taken]] = {True: [], False: []}
    for run in range(RUNS):
        for sorting in (False, True):
            path = folder / f"{run}-{sorting}.duckdb"
            if sorting:
                both[True].append(Taken(path, sensors))
            else:
                with patch.object(Compactor, "nudge", lambda _: None):
                    both[False].append(Taken(path, sensors))
            for done in both[sorting][:-1]:
                done.store.close()
    return both[True][-1], both[False][-1]


def in_a_box() -> None:
    """The last value of every sensor of a megacity, by map box."""
    store = DuckDbReadings()
    store.take("bench", "1", batch(MEGACITY, 0, 1), now=T0 + timedelta(minutes=1))
    rng = np.random.default_rng(1)
    names = pa.array([f"g-{n:07d}" for n in range(MEGACITY)])
    placed = SensorMap(store, names, rng.uniform(120.9, 122.0, MEGACITY), rng.uniform(30.7, 31.9, MEGACITY))
    print(
        f"\n| last value of {MEGACITY:,} sensors by map box | squares given | ms | of one core |\n|---|---:|---:|---:|"
    )
    for what, box in {
        "the whole city": MapBox(west=120.9, south=30.7, east=122.0, north=31.9, across=128),
        "a quarter": MapBox(west=121.0, south=31.0, east=121.5, north=31.5, across=128),
        "some streets": MapBox(west=121.0, south=31.0, east=121.02, north=31.02, across=128),
    }.items():
        work = partial(placed.latest, "methane_ratio_lel", box)
        print(f"| {what} | {work().num_rows:,} | {median_ms(work):,.0f} | {least_ms(work):,.0f} |")
    store.close()


if __name__ == "__main__":
    main()
