"""How fast batches are detected and made durable: Arrow batches with every rule of the shipped kind on, and latency.

Run with ``python -m benchmarks.detection [runs]``. The peer in the same run is DuckDB loading the same arrays into the
same columns in a transaction of its own, without quality control, duplicates check, detection or acknowledgement.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.science.detection.rules import DetectionRule, rule_records
from rencheng.science.detection.state import DetectorState
from rencheng.science.detection.step import advance, step
from rencheng.sense import Decoded
from rencheng.sense.batch import GOOD_SCHEMA
from rencheng.sense.detection_rules import default_detection_rules

T0 = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = 60_000_000


def batch_of(sensors: int, minutes: int, first: int, quantity: str, *, dictionary: bool) -> Decoded:
    """Readings of many sensors, one a minute each, in order of time as a feed delivers them."""
    minute = first + np.repeat(np.arange(minutes), sensors)
    sensor = np.tile(np.arange(sensors, dtype=np.int32), minutes)
    rng = np.random.default_rng(first)
    value = np.round(0.02 + np.abs(rng.normal(0, 0.005, len(minute))), 4)
    names = pa.array([f"sensor-{n:07d}" for n in range(sensors)], pa.string())
    ids: pa.Array = pa.DictionaryArray.from_arrays(pa.array(sensor), names)
    of: pa.Array = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(minute), np.int8)), pa.array([quantity]))
    if not dictionary:
        ids, of = ids.cast(pa.string()), of.cast(pa.string())
    at = pa.array(int(T0.timestamp()) * 1_000_000 + minute * MINUTE).cast(pa.timestamp("us", tz="UTC"))
    columns = dict(zip(GOOD_SCHEMA.names, (ids, of, at, pa.array(value)), strict=True))
    return Decoded(good=pa.table(columns), rows=len(minute))


def taken(sensors: int, minutes: int, quantity: str, *, dictionary: bool, detect: bool, runs: int) -> list[float]:
    """Seconds that each of several batches in a row takes, after one that warms up."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        rules = default_detection_rules() if detect else None
        store = DuckDbReadings(Path(folder) / "readings.duckdb", detection=rules)
        for run in range(runs + 1):
            batch = batch_of(sensors, minutes, run * minutes, quantity, dictionary=dictionary)
            begin = time.perf_counter()
            store.take("bench", str(run), batch, now=T0 + timedelta(minutes=(run + 1) * minutes))
            seconds.append(time.perf_counter() - begin)
        store.close()
    return seconds[1:]


def loaded(sensors: int, minutes: int, runs: int) -> list[float]:
    """Seconds that DuckDB takes to load the same rows without anything else."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        con = duckdb.connect(str(Path(folder) / "peer.duckdb"), config={"threads": 2})
        con.execute('CREATE TABLE readings (sensor_id VARCHAR, "at" TIMESTAMPTZ, value DOUBLE)')
        for run in range(runs + 1):
            table = batch_of(sensors, minutes, run * minutes, "methane_ratio_lel", dictionary=True).good
            con.register("new_rows", table)
            begin = time.perf_counter()
            con.execute('INSERT INTO readings SELECT sensor_id, "at", value FROM new_rows')
            seconds.append(time.perf_counter() - begin)
        con.close()
    return seconds[1:]


def kernel(rule: DetectionRule, channels: int, minutes: int, runs: int) -> float:
    """Best nanoseconds per reading of one rule alone."""
    state = DetectorState(rule_records([rule]))
    for _ in range(channels):
        state.add_channel((0,))
    channel = np.repeat(np.arange(channels), minutes)
    at = np.tile(np.arange(minutes) * MINUTE, channels)
    value = np.random.default_rng(1).normal(1.0, 0.05, len(at))
    flags = np.zeros(len(at), np.uint16)
    seconds = []
    for run in range(runs + 1):
        begin = time.perf_counter()
        step(state, channel, at + run * minutes * MINUTE, value, flags)
        advance(state, (run + 1) * minutes * MINUTE)
        seconds.append(time.perf_counter() - begin)
    return min(seconds[1:]) / len(at) * 1e9


def alone(runs: int) -> list[tuple[str, str]]:
    """Each kind of rule by itself."""
    kinds = {
        "threshold": DetectionRule(id="t", kind="threshold", levels={"red": 9.0}),
        "rate": DetectionRule(id="r", kind="rate", levels={"red": 9.0}),
        "no data": DetectionRule(id="n", kind="no_data", levels={"blue": 3}, least_s=180),
        "baseline": DetectionRule(id="b", kind="baseline", direction="both", levels={"blue": 12}),
        "CUSUM": DetectionRule(id="c", kind="cusum", direction="both", levels={"blue": 30}, warm_count=100),
        "Bayes, 5-minute blocks": DetectionRule(
            id="y", kind="bayes", direction="both", levels={"blue": 0.999}, window_s=300, warm_count=20
        ),
    }
    return [(f"{name}, alone", f"{kernel(rule, 1000, 1000, runs):.0f} ns a reading") for name, rule in kinds.items()]


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rows = []
    for sensors, minutes in ((1_000, 1_000), (50_000, 20)):
        n = sensors * minutes
        for quantity, what in (("methane_ratio_lel", "2 rules"), ("stage_m", "a baseline that asks neighbours")):
            for dictionary in (True, False):
                seconds = taken(sensors, minutes, quantity, dictionary=dictionary, detect=True, runs=runs)
                kind = "dictionary" if dictionary else "plain strings"
                best, middle = n / min(seconds) / 1e6, n / statistics.median(seconds) / 1e6
                rows.append((f"{n:,} of {sensors:,} sensors, {kind}, {what}", f"{middle:.2f} (best {best:.2f}) M/s"))
        seconds = taken(sensors, minutes, "methane_ratio_lel", dictionary=True, detect=False, runs=runs)
        rows.append(
            (f"{n:,} of {sensors:,} sensors without detection", f"{n / statistics.median(seconds) / 1e6:.2f} M/s")
        )
        peer = n / statistics.median(loaded(sensors, minutes, runs)) / 1e6
        rows.append((f"{n:,} of {sensors:,} sensors, DuckDB alone (peer)", f"{peer:.2f} M/s"))
    print("| what | median |\n|---|---|")
    for what, figure in [*rows, *alone(runs)]:
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
