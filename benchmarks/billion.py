"""How long a flood of Parquet files takes end to end, and what the store then answers: with rules on, and durable.

Run with ``python -m benchmarks.billion [READINGS] [--sensors N] [--peer] [--keep FOLDER]``, 100 million by default.
Files are written beside it, a few ahead, and removed once they are committed, so that the disk holds only the store.
Sensors report once a minute; by default there are so many that the readings are thirty days of each. The peer is a
plain DuckDB table with the same rows: no checks, no rules, no acknowledgement, no order.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import default_detection_rules, feed_config_from_dict
from rencheng.sense.reading_query import ReadingQuery

T0 = datetime(2026, 6, 1, tzinfo=UTC)
FIRST_US = int(T0.timestamp()) * 1_000_000
MINUTE_US = 60_000_000
MONTH = 30 * 1440
FILE_ROWS = 1_000_000
AHEAD = 8
QUANTITIES = ("stage_m", "methane_ratio_lel")


class Maker:
    """Readings of all sensors, minute by minute."""

    def __init__(self, sensors: int) -> None:
        self.sensors, self.minutes = sensors, max(1, FILE_ROWS // sensors)
        rng = np.random.default_rng(7)
        noise = rng.normal(0, 1, (self.minutes, sensors))
        is_stage = np.arange(sensors) % 2 == 0
        self._value = np.round(np.where(is_stage, 2.0 + 0.01 * noise, 0.02 + 0.002 * np.abs(noise)), 4)
        names = pa.array([f"sensor-{n:07d}" for n in range(sensors)])
        every = np.tile(np.arange(sensors, dtype=np.int32), self.minutes)
        self._sensor = pa.DictionaryArray.from_arrays(pa.array(every), names)
        self._quantity = pa.DictionaryArray.from_arrays(
            pa.array((every % 2).astype(np.int8)), pa.array(list(QUANTITIES))
        )

    def table(self, number: int) -> pa.Table:
        """Readings of the n-th file."""
        minute = number * self.minutes + np.repeat(np.arange(self.minutes), self.sensors)
        value = np.roll(self._value, number, axis=0).ravel()
        at = pa.array(FIRST_US + minute * MINUTE_US).cast(pa.timestamp("us", tz="UTC"))
        return pa.table({"s": self._sensor, "q": self._quantity, "t": at, "v": value})


def fill(folder: str, sensors: int, files: int) -> None:
    """Write files, never more than some ahead of those that were taken."""
    os.nice(5)
    maker, place = Maker(sensors), Path(folder)
    for number in range(files):
        while len(list(place.glob("*.parquet"))) >= AHEAD:
            time.sleep(0.01)
        draft = place / f"{number:06d}.part"
        pq.write_table(maker.table(number), draft, compression="snappy", use_dictionary=["s", "q"])
        draft.rename(place / f"{number:06d}.parquet")


def rss_gb() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e9


def processor_s() -> dict[str, float]:
    """Processor seconds by thread; what Python did not start are the pools of DuckDB and Arrow."""
    ours = {thread.native_id: thread.name for thread in threading.enumerate()}
    spent: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rsplit(") ", 1)[1].split()
        name = ours.get(int(task.name), "pools of DuckDB and Arrow").split("-(")[0]
        spent[name] = spent.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def feed(folder: Path) -> object:
    """The feed of a folder of Parquet files."""
    source = {"kind": "folder", "path": str(folder), "pattern": "*.parquet", "poll_s": 0.02, "settle_s": 0}
    long = {"quantity_column": "q", "value_column": "v"}
    section = {"id": "bulk", "format": "parquet", "sensor_column": "s", "source": source, "long": long}
    return feed_config_from_dict(
        section | {"time": {"column": "t"}, "limits": {"allowance_late_s": 1e9}}, where="benchmark"
    )


class Watch:
    """Asks while feeds write, removes files that are taken, and notes rates and memory."""

    def __init__(self, store: DuckDbReadings, live: LiveIntake, folder: Path, maker: Maker) -> None:
        self._store, self._live, self._folder, self._maker = store, live, folder, maker
        self.rss_gb = 0.0
        self.asked: dict[str, list[float]] = {}
        self.course: list[tuple[float, int]] = []

    def until(self, files: int) -> None:
        """Watch until so many files are committed."""
        rows, gone, asked = self._maker.sensors * self._maker.minutes, 0, time.monotonic()
        while gone < files:
            taken = self._live.load().rows // rows
            for number in range(gone, taken):
                (self._folder / f"{number:06d}.parquet").unlink()
            gone = max(gone, taken)
            self.rss_gb = max(self.rss_gb, rss_gb())
            if time.monotonic() - asked > 10 and gone:
                last = T0 + timedelta(minutes=gone * self._maker.minutes)
                for name, ask in questions(self._store, self._maker.sensors, last).items():
                    self.asked.setdefault(name, []).append(timed(ask))
                self.course.append((time.monotonic(), gone * rows))
                asked = time.monotonic()
            time.sleep(0.02)


def questions(store: DuckDbReadings, sensors: int, last: datetime) -> dict[str, Callable[[], int]]:
    """What is asked of the store: a month of one sensor, and the hours of about ten million readings."""
    some = sensors // 2 // 2 * 2
    one = ReadingQuery(channels=((f"sensor-{some:07d}", "stage_m"),), order=(("at", False),), top=10**6)
    few = [f"sensor-{n:07d}" for n in range(0, min(2 * 231, sensors), 2)]
    month = partial(store.hourly, "stage_m", start=last - timedelta(minutes=MONTH), end=last)
    return {
        "30 days of one sensor": lambda: store.select(one).num_rows,
        "hours of 231 sensors, 30 days": lambda: month(sensors=few).num_rows,
        "hours of all together, 30 days": lambda: month(together=True).num_rows,
        "last value of every sensor": lambda: len(store.last_of(np.arange(len(store.channels())))),
    }


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def peer(folder: Path, maker: Maker, files: int) -> list[tuple[str, str]]:
    """A plain table with the same rows, and the same questions to it."""
    con = duckdb.connect(str(folder / "peer.duckdb"), config={"threads": 2, "memory_limit": "1GB"})
    con.execute("CREATE TABLE r (channel INTEGER, stamp TIMESTAMP, value DOUBLE)")
    took = 0.0
    for number in range(files):
        table = maker.table(number)
        plain = pa.table(
            {"c": table["s"].combine_chunks().indices, "t": table["t"].cast(pa.timestamp("us")), "v": table["v"]}
        )
        con.register("plain", plain)
        took += timed(lambda: con.execute("INSERT INTO r SELECT * FROM plain").fetchall())
        con.unregister("plain")
    some = maker.sensors // 2 // 2 * 2
    one = f"SELECT stamp, value FROM r WHERE channel = {some} ORDER BY stamp"  # noqa: S608 — a number of ours
    hours = (
        "SELECT channel, date_trunc('hour', stamp) h, count(*), min(value), avg(value), max(value) FROM r"
        " WHERE channel < 462 AND channel % 2 = 0 GROUP BY ALL ORDER BY ALL"
    )
    rows = [("peer: the same rows into a plain DuckDB table", f"{files * maker.minutes * maker.sensors / took:,.0f}/s")]
    for name, sql in (("30 days of one sensor", one), ("hours of 231 sensors, 30 days", hours)):
        seconds = [timed(lambda: con.execute(sql).fetchnumpy()) for _ in range(5)]  # noqa: B023 — called at once
        rows.append((f"peer: {name}", f"{statistics.median(seconds) * 1e3:,.0f} ms"))
    con.close()
    return rows


def main() -> None:
    """Print the table."""
    told = argparse.ArgumentParser()
    told.add_argument("readings", nargs="?", type=float, default=1e8)
    told.add_argument("--sensors", type=int, default=0)
    told.add_argument("--peer", action="store_true")
    told.add_argument("--keep", type=Path)
    args = told.parse_args()
    sensors = args.sensors or max(2, int(args.readings / MONTH) // 2 * 2)
    maker = Maker(sensors)
    files = max(1, round(args.readings / (sensors * maker.minutes)))
    with tempfile.TemporaryDirectory(dir=args.keep) as name:
        rows = measure(Path(name), maker, files)
        if args.peer:
            rows += peer(Path(name), maker, files)
    print("| what | measured |\n|---|---:|")
    for what, figure in rows:
        print(f"| {what} | {figure} |")


def measure(home: Path, maker: Maker, files: int) -> list[tuple[str, str]]:
    """Take the files in, ask while they come and after, and tell what it came to."""
    folder, place = home / "files", home / "store"
    folder.mkdir()
    place.mkdir()
    store = DuckDbReadings(place / "readings.duckdb", detection=default_detection_rules())
    last = T0 + timedelta(minutes=files * maker.minutes)
    writer = multiprocessing.get_context("spawn").Process(target=fill, args=(str(folder), maker.sensors, files))
    writer.start()
    while len(list(folder.glob("*.parquet"))) < min(AHEAD, files):
        time.sleep(0.05)
    live = LiveIntake(store, {"bulk": feed(folder)}, clock=lambda: last)  # type: ignore[dict-item]
    before = processor_s()
    watch = Watch(store, live, folder, maker)
    begun = time.monotonic()
    live.start()
    watch.until(files)
    took = time.monotonic() - begun
    spent = {who: s - before.get(who, 0.0) for who, s in processor_s().items()}
    commits = live.load().commits
    live.close()
    writer.join()
    n = files * maker.minutes * maker.sensors
    sorting = timed(store.compact)
    rows = [
        (f"{n:,} readings of {maker.sensors:,} sensors, from Parquet to committed", f"{took:,.0f} s"),
        ("readings a second, rules on, durable", f"{n / took:,.0f}"),
        ("alarm rows", f"{store.alarms(limit=10**9).num_rows:,}"),
        ("commits", f"{commits:,}"),
        ("greatest memory of the process", f"{watch.rss_gb:.2f} GB"),
        *((f"processor: {who}", f"{s:,.0f} s") for who, s in sorted(spent.items(), key=lambda x: -x[1]) if s > 1),
        ("sorting what was left when it ended, all levels", f"{sorting:,.0f} s"),
        ("bytes on the disk a reading, hours included", f"{disk_bytes(place) / n:.2f}"),
        ("runs", f"{len(list(place.rglob('*.hours.parquet')))}"),
        ("readings stored", f"{store.count():,}"),
    ]
    for name, ask in questions(store, maker.sensors, last).items():
        ask()
        quiet = statistics.median(timed(ask) for _ in range(5)) * 1e3
        busy = statistics.median(watch.asked[name]) * 1e3 if name in watch.asked else float("nan")
        rows.append((f"{name} ({ask():,} rows): quiet, while feeds write", f"{quiet:,.0f} ms, {busy:,.0f} ms"))
    rows.append(("opening the store", f"{reopened(store, place):.2f} s"))
    return rows


def reopened(store: DuckDbReadings, place: Path) -> float:
    """Seconds that opening takes."""
    store.close()
    begun = time.perf_counter()
    again = DuckDbReadings(place / "readings.duckdb", detection=default_detection_rules())
    took = time.perf_counter() - begun
    again.close()
    return took


if __name__ == "__main__":
    main()
