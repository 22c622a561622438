"""How fast readings are decoded, checked and taken: the shared telemetry hour by hour, and large batches.

Run with ``python -m benchmarks.sense [FEED.toml FILE.csv.gz]``; the peer is DuckDB loading the same arrays without
quality control, duplicates check or acknowledgement.
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

import duckdb
import numpy as np
import pyarrow as pa

from rencheng.adapters.bulk import RecordedFeed, decode
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.sense import Decoded, decoded_from_arrays, read_feed_config

T0 = datetime(2024, 4, 15, tzinfo=UTC)
RUNS = 5


def median_s(work: Callable[[int], float]) -> float:
    """Median of the seconds that each run of the work reports, after one run that warms up."""
    work(-1)
    return statistics.median(work(run) for run in range(RUNS))


def synthetic(sensors: int, readings: int, first: int) -> Decoded:
    """Readings of many gauges, one a minute each, in order of time as a feed delivers them."""
    minute = first + np.repeat(np.arange(readings), sensors)
    sensor = np.tile(np.array([f"gauge-{n:06d}" for n in range(sensors)], dtype=object), readings)
    at = np.datetime64(T0.replace(tzinfo=None), "us") + minute.astype("timedelta64[m]")
    phase = np.tile(np.arange(sensors), readings)
    return decoded_from_arrays(sensor, "stage_m", at, np.round(2.0 + np.sin(minute / 500.0 + phase), 3))


def replay(config_path: Path, path: Path) -> list[tuple[str, str]]:
    config = read_feed_config(config_path)
    decode_s = median_s(lambda _: timed(lambda: decode(config, path)))
    feed = RecordedFeed(config, path)
    batches = list(feed.batches())
    turns: list[float] = []

    def play(_: int) -> float:
        turns.clear()
        with tempfile.TemporaryDirectory() as folder:
            store = DuckDbReadings(Path(folder) / "readings.duckdb")
            turns.extend(timed(partial(store.take, config.id, b.position, b.batch, now=b.now)) for b in batches)
            store.close()
        return sum(turns)

    play_s = median_s(play)
    middle, slow = 1e3 * np.quantile(turns, [0.5, 0.99])
    return [
        (f"decode {feed.rows:,} rows, {feed.readings:,} values", f"{decode_s:.3f} s"),
        (f"take them in {len(batches)} turns, on disk", f"{play_s:.2f} s"),
        (
            "one turn, median / 99th percentile",
            f"{middle:.1f} / {slow:.1f} ms",
        ),
    ]


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def large(sensors: int, readings: int) -> list[tuple[str, str]]:
    n = sensors * readings
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDbReadings(Path(folder) / "readings.duckdb")

        def take(run: int) -> float:
            batch = synthetic(sensors, readings, (run + 1) * readings)
            now = T0 + timedelta(minutes=(run + 2) * readings)
            return timed(lambda: store.take("bench", str(run), batch, now=now))

        take_s = median_s(take)
        store.close()
        con = duckdb.connect(str(Path(folder) / "peer.duckdb"), config={"threads": 2})
        con.execute('CREATE TABLE readings (sensor_id VARCHAR, "at" TIMESTAMPTZ, value DOUBLE)')

        def load(run: int) -> float:
            table: pa.Table = synthetic(sensors, readings, (run + 1) * readings).good  # found by DuckDB by its name
            con.register("table_", table)
            return timed(lambda: con.execute('INSERT INTO readings SELECT sensor_id, "at", value FROM table_'))

        load_s = median_s(load)
        con.close()
    return [
        (f"take {n:,} readings of {sensors:,} sensors in one batch", f"{n / take_s / 1e6:.2f} M/s"),
        ("the same rows loaded by DuckDB without any check (peer)", f"{n / load_s / 1e6:.2f} M/s"),
    ]


def main() -> None:
    rows = []
    root = Path(__file__).resolve().parents[1]
    recorded = root.parent / "shared" / "data" / "porto_alegre" / "telemetry_20240415_20240501.csv.gz"
    if len(sys.argv) == 3:
        rows += replay(Path(sys.argv[1]), Path(sys.argv[2]))
    elif recorded.is_file():
        rows += replay(root / "docs" / "tutorial" / "porto-alegre" / "feed.toml", recorded)
    rows += large(1_000, 120)
    rows += large(1_000, 1_000)
    rows += large(50_000, 4)
    print("| what | median of 5 |\n|---|---|")
    for what, figure in rows:
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
