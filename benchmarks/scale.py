"""A live run of a megacity: 2.1 million sensors, from the start of the program to the turns of its loop.

Run with ``python -m benchmarks.scale [SENSORS] [PART …]``. The city is the sandbox city of 10,000 residents with sensors
of ten kinds scattered over it, one quantity each. Parts: ``fresh`` (a store that is new), ``stopped`` (after a clean
stop), ``killed`` (after SIGKILL), ``turn`` (what a turn of the loop takes), ``silence`` (a gateway falls silent). Every
start is a process of its own, which says how long it took and how much memory it came to.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.city.sandbox import make_city

SENSORS = 2_100_000
KINDS = (
    # kind of sensor, what it measures, usual value, share, interval
    ("smoke_detector", "smoke_db_m", 0.02, 0.30, 60.0),
    ("gas_detector", "methane_ratio_lel", 0.0, 0.15, 60.0),
    ("meter", "voltage_v", 229.0, 0.12, 60.0),
    ("cable_joint", "residual_current_a", 0.03, 0.10, 60.0),
    ("charging_pile", "surface_temperature_c", 31.0, 0.08, 60.0),
    ("button", "contact_state", 0.0, 0.08, 60.0),
    ("pipe_pressure", "pipe_pressure_pa", 320_000.0, 0.06, 60.0),
    ("structure", "tilt_deg", 0.2, 0.05, 60.0),
    ("street_depth_iot", "water_depth_m", 0.0, 0.04, 60.0),
    ("air_station", "pm2_5_ug_m3", 35.0, 0.02, 60.0),
)
FEED = """[feed]
id = "iot"
format = "arrow"
sensor_column = "s"
[feed.time]
column = "t"
[feed.long]
quantity_column = "q"
value_column = "v"
"""


def big_city(folder: Path, sensors: int) -> None:
    """Make the package: a small sandbox city, and sensors scattered over its cells."""
    make_city(10_000, 7, folder)
    for old in (folder / "feeds").glob("*.toml"):
        old.unlink()
    (folder / "feeds").mkdir(exist_ok=True)
    (folder / "feeds" / "iot.toml").write_text(FEED, encoding="utf-8")
    rng = np.random.default_rng(1)
    cells = pq.read_table(folder / "cells.parquet")
    row = rng.integers(0, cells.num_rows, sensors)
    lon = cells["lon"].to_numpy()[row] + rng.uniform(-0.001, 0.001, sensors)
    lat = cells["lat"].to_numpy()[row] + rng.uniform(-0.001, 0.001, sensors)
    which = kinds_of(sensors)
    ids = pa.array(ids_of(sensors), pa.string())
    one = {
        "sensor_id": ids,
        "name": pa.array(np.char.add("设备", np.arange(sensors).astype(str)), pa.string()),
        "kind": pa.array(np.array([k[0] for k in KINDS], dtype=object)[which], pa.string()),
        "lon": pa.array(np.round(lon, 6)),
        "lat": pa.array(np.round(lat, 6)),
        "cell": cells["cell"].take(pa.array(row)).combine_chunks(),
    }
    add(folder / "sensors.parquet", one)
    quantity = pa.array(np.array([k[1] for k in KINDS], dtype=object)[which], pa.string())
    interval = pa.array(np.array([k[4] for k in KINDS])[which])
    add(folder / "channels.parquet", {"sensor_id": ids, "quantity": quantity, "interval_s": interval})


def add(path: Path, columns: dict[str, Any]) -> None:
    """Append rows to a table of the package."""
    table = pq.read_table(path)
    n = len(columns["sensor_id"])
    more = [columns.get(f.name, pa.nulls(n, f.type)) for f in table.schema]
    more = [column.cast(f.type) for column, f in zip(more, table.schema, strict=True)]
    whole = pa.concat_tables([table, pa.table(more, schema=table.schema)])
    pq.write_table(whole, path)


def ids_of(sensors: int) -> Any:
    """Ids as a registry gives them."""
    return np.char.add("310000-", np.char.zfill(np.arange(sensors).astype(str), 8)).astype(object)


def kinds_of(sensors: int) -> Any:
    """Kind of each sensor."""
    share = np.array([k[3] for k in KINDS])
    return np.random.default_rng(2).choice(len(KINDS), sensors, p=share / share.sum())


def body_of(sensors: int, rows: Any, at: datetime) -> bytes:
    """An Arrow stream with a reading of each of some sensors."""
    which = kinds_of(sensors)[rows]
    stamp = np.full(len(rows), round(at.timestamp() * 1e6)) + np.arange(len(rows)) % 1000
    usual = np.array([k[2] for k in KINDS])
    table = pa.table(
        {
            "s": pa.array(ids_of(sensors)[rows], pa.string()).dictionary_encode(),
            "q": pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), pa.array([k[1] for k in KINDS])),
            "t": pa.array(stamp, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "v": usual[which] * (1 + 0.01 * np.sin(rows)),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
