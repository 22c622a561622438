"""Readings for detection at scale: a city of many sensors, a reading a minute, events, broken sensors and silences.

Made a file at a time from a seed, so that ten million readings or a billion take the memory of one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rencheng.city.sandbox import make_city

__all__ = ["KINDS", "make_sensor_city", "minutes_of", "write_stream"]

KINDS = (
    # quantity, kind of sensor, share, usual value, noise, daily swing, height of an event
    ("methane_ratio_lel", "gas_detector", 0.30, 0.0, 0.004, 0.0, 0.3),
    ("smoke_db_m", "smoke_detector", 0.30, 0.02, 0.01, 0.0, 2.5),
    ("residual_current_a", "cable_joint", 0.15, 0.03, 0.005, 0.01, 0.8),
    ("pipe_pressure_pa", "pipe_pressure", 0.10, 320_000.0, 2_000.0, 15_000.0, -150_000.0),
    ("tilt_deg", "structure", 0.10, 0.2, 0.002, 0.0, 0.3),
    ("stage_m", "river_gauge", 0.05, 2.0, 0.01, 0.05, 1.5),
)
T0_US = 1_780_272_000_000_000
"""2026-06-01T00:00:00Z"""
_MINUTE = 60_000_000
_MEAN_EVENTS = 0.3
"""Events of a sensor in the whole stream."""


def _which(sensors: int) -> NDArray[np.int64]:
    share = np.array([kind[2] for kind in KINDS])
    return np.searchsorted(np.cumsum(share)[:-1], (np.arange(sensors) + 0.5) / sensors)


def _ids(sensors: int) -> list[str]:
    return [f"310000-{n:07d}" for n in range(sensors)]


def make_sensor_city(folder: Path, sensors: int) -> None:
    """Make a sandbox city of 10,000 residents and put sensors of six kinds over it, one quantity each."""
    make_city(10_000, 7, folder)
    cells = pq.read_table(folder / "cells.parquet", columns=["cell", "lon", "lat"])
    rng = np.random.default_rng(5)
    row = rng.integers(0, cells.num_rows, sensors)
    kinds = _which(sensors)
    own = pq.read_schema(folder / "sensors.parquet")
    columns = {
        "sensor_id": pa.array(_ids(sensors), pa.string()),
        "name": pa.array(_ids(sensors), pa.string()),
        "kind": pa.array([KINDS[k][1] for k in kinds.tolist()], pa.string()),
        "lon": pa.array(cells["lon"].to_numpy()[row] + rng.uniform(-0.001, 0.001, sensors)),
        "lat": pa.array(cells["lat"].to_numpy()[row] + rng.uniform(-0.001, 0.001, sensors)),
        "cell": cells["cell"].take(pa.array(row)),
        "altitude_m": pa.nulls(sensors, pa.float64()),
    }
    table = pa.table({field.name: columns.get(field.name, pa.array([""] * sensors, pa.string())) for field in own})
    pq.write_table(table.cast(own), folder / "sensors.parquet")
    schema = pq.read_schema(folder / "channels.parquet")
    listed = {
        "sensor_id": columns["sensor_id"],
        "quantity": pa.array([KINDS[k][0] for k in kinds.tolist()], pa.string()),
        "interval_s": pa.array(np.full(sensors, 60.0)),
        "datum_m": pa.nulls(sensors, pa.float64()),
    }
    pq.write_table(
        pa.table({field.name: listed[field.name] for field in schema}).cast(schema), folder / "channels.parquet"
    )


def minutes_of(readings: int, sensors: int) -> int:
    """Length of a stream that has so many readings."""
    return -(-readings // round(0.97 * sensors))


def write_stream(folder: Path, *, sensors: int, minutes: int, files: int, seed: int = 3) -> int:
    """Write a stream as Parquet files in order of time; gives the number of readings.

    Two readings in a hundred are lost, one sensor in fifty falls silent for an hour, stamps jitter by some seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    for n, table in enumerate(_tables(sensors, minutes, files, seed)):
        part = folder / f".part-{n:05d}"
        pq.write_table(table, part, compression="zstd", compression_level=1)
        part.rename(folder / f"readings-{n:05d}.parquet")
        rows += table.num_rows
    return rows


def _tables(sensors: int, minutes: int, files: int, seed: int) -> Iterator[pa.Table]:
    kinds = _which(sensors)
    base, noise, swing, event = (np.array([kind[c] for kind in KINDS], dtype=float)[kinds] for c in (3, 4, 5, 6))
    rng = np.random.default_rng(seed)
    begin = np.where(rng.random(sensors) < _MEAN_EVENTS, rng.integers(0, minutes, sensors), 10 * minutes)
    gauges = np.array([kind[0] == "stage_m" for kind in KINDS])[kinds]
    odd = rng.integers(round(0.9 * minutes), minutes, sensors)  # after gauges have learnt what is usual: some break,
    begin[gauges] = np.where(np.arange(sensors) % 2, odd, round(0.93 * minutes))[
        gauges
    ]  # and a flood rises at the others
    lasts = np.where(gauges, 240, 20)
    silent = np.where(rng.random(sensors) < 0.02, rng.integers(0, minutes, sensors), 10 * minutes)
    offset = rng.integers(0, 20_000_000, sensors)
    ids = pa.array(_ids(sensors), pa.string())
    words = pa.array([kind[0] for kind in KINDS], pa.string())
    for n, part in enumerate(np.array_split(np.arange(minutes), files)):
        draw = np.random.default_rng([seed, n])
        minute = np.repeat(part, sensors)
        sensor = np.tile(np.arange(sensors), len(part))
        of_day = np.sin(minute * (2 * np.pi / 1440))
        value = base[sensor] + swing[sensor] * of_day + noise[sensor] * draw.standard_normal(len(minute))
        value += event[sensor] * ((minute >= begin[sensor]) & (minute < begin[sensor] + lasts[sensor]))
        positive = np.array([kind[0] != "tilt_deg" for kind in KINDS])[kinds][sensor]
        value = np.where(positive, np.abs(value), value)
        keep = draw.random(len(minute)) > 0.02
        keep &= ~((minute >= silent[sensor]) & (minute < silent[sensor] + 60))
        at = T0_US + minute * _MINUTE + offset[sensor] + draw.integers(0, 5_000_000, len(minute))
        yield pa.table(
            {
                "sensor_id": pa.DictionaryArray.from_arrays(pa.array(sensor[keep].astype(np.int32)), ids),
                "quantity": pa.DictionaryArray.from_arrays(pa.array(kinds[sensor[keep]].astype(np.int32)), words),
                "at": pa.array(at[keep]).cast(pa.timestamp("us", tz="UTC")),
                "value": pa.array(value[keep]),
            }
        )
