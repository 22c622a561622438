"""A process that takes batches into a readings store and says so, until it is killed or the disk is full."""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from rencheng.adapters.duckdb import DuckDbReadings, compaction, journal, readings
from rencheng.kernel import StorageFailed
from rencheng.sense import Decoded, decoded_from_arrays

T0 = datetime(2024, 4, 15, tzinfo=UTC)
SENSORS = 40


def batch_of(number: int) -> tuple[str, Decoded, datetime]:
    """Position, readings and arrival of the n-th batch: ten readings of each sensor, one a minute."""
    minute = number * 10 + np.tile(np.arange(10), SENSORS)
    sensor = np.repeat([f"s{n:02d}" for n in range(SENSORS)], 10)
    at = np.datetime64(T0.replace(tzinfo=None), "us") + minute.astype("timedelta64[m]")
    value = np.round(2.0 + np.sin(minute / 500.0), 3)
    arrival = T0 + timedelta(minutes=number * 10 + 10)
    return f"{number:08d}", decoded_from_arrays(sensor, "stage_m", at, value), arrival


def main(path: str, limit_bytes: int, size: str = "") -> None:
    """Take batch after batch from where the store stands; one line per acknowledgement."""
    if size == "small":  # so that it sorts all the time
        readings.SEGMENT_ROWS, journal.CHECKPOINT_TRANSACTIONS = 300, 2
        compaction.PART_ROWS, compaction.MERGED, compaction.DEBT_ROWS = 500, 3, 0
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
    store = DuckDbReadings(Path(path))
    done = store.position("f")
    number = 0 if done is None else int(done) + 1
    print("open", flush=True)
    while number < 100_000:
        position, batch, arrival = batch_of(number)
        try:
            store.take("f", position, batch, now=arrival)
        except StorageFailed as error:
            print(f"failed {error}", flush=True)
            return
        print(f"taken {number}", flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
