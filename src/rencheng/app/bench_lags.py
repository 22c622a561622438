"""How soon readings that come at a steady rate are on the disk."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import default_detection_rules, feed_config_from_dict

__all__ = ["lags_s"]

_ROWS = 2_000
_RATE = 100_000
_GATEWAYS = 4


def lags_s(folder: Path, sensors: int, seconds: float) -> NDArray[np.float64]:
    """Deliver 100,000 readings a second in bodies of 2,000 by four gateways, with the shipped rules on.

    Returns
    -------
    array of float
        Seconds from when each body was due to its commit; a gateway that is late is counted late.
    """
    config = feed_config_from_dict(
        {
            "id": "lags",
            "format": "arrow",
            "sensor_column": "s",
            "time": {"column": "t"},
            "long": {"quantity_column": "q", "value_column": "v"},
        },
        where="bench",
    )
    store = DuckDbReadings(folder / "lags.duckdb", detection=default_detection_rules())
    live = LiveIntake(store, {"lags": config}, clock=lambda: datetime.now(UTC))
    bodies = [_body(sensors, number) for number in range(max(20, int(seconds * _RATE / _ROWS)))]
    live.offer("lags", _body(sensors, -1))  # compiles and opens what there is
    lags = np.zeros(len(bodies))
    begun = time.perf_counter() + 0.05

    def deliver(first: int) -> None:
        for number in range(first, len(bodies), _GATEWAYS):
            due = begun + number * _ROWS / _RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            live.offer("lags", bodies[number])
            lags[number] = time.perf_counter() - due

    gateways = [threading.Thread(target=deliver, args=(k,)) for k in range(_GATEWAYS)]
    for gateway in gateways:
        gateway.start()
    for gateway in gateways:
        gateway.join()
    live.close()
    store.close()
    return lags


def _body(sensors: int, number: int) -> bytes:
    k = np.arange(_ROWS) + (number + 1) * _ROWS
    first = datetime.now(UTC) - timedelta(hours=1)
    at = int(first.timestamp() * 1e6) + k * 10
    table = pa.table(
        {
            "s": pa.array([f"g-{n:07d}" for n in (k % sensors).tolist()]).dictionary_encode(),
            "q": pa.array(["methane_ratio_lel"] * _ROWS).dictionary_encode(),
            "t": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
            "v": np.round(0.02 + 0.002 * np.sin(k), 4),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
