"""From a reading to the fact that officers see, with the shipped rules on: 100,000 readings a second over HTTP.

Run with ``python -m benchmarks.alarm_latency [SECONDS] [READINGS_PER_S]``. A live run behind a real server; 20,000
sensors of the kinds of :mod:`benchmarks.scale` report in Arrow bodies of 2,000. Twice a second a body holds three
readings of a gas detector far above its limit. The clock runs from the instant at which that body was due to be sent
until ``SignalRaised`` stands in the ledger, from where the page's stream is fed.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
from benchmarks.scale import KINDS, big_city, ids_of, kinds_of
from benchmarks.sense_feeds import served

from rencheng.app.live_intake import spare_collections

SENSORS = 20_000
BODY = 2_000
GAS = next(k for k, kind in enumerate(KINDS) if kind[1] == "methane_ratio_lel")
LEAK = 0.3


def body(number: int, leaking: int | None) -> bytes:
    """A reading of each of 2,000 sensors in turn, a second after their last; three more of one that leaks."""
    rows = np.arange(number * BODY, (number + 1) * BODY) % SENSORS
    now_us = time.time_ns() // 1000
    which = kinds_of(SENSORS)[rows]
    value = np.array([k[2] for k in KINDS])[which]
    stamp = np.full(BODY, now_us)
    if leaking is not None:
        rows = np.append(rows, [leaking] * 3)
        which, value = np.append(which, [GAS] * 3), np.append(value, [LEAK] * 3)
        stamp = np.append(stamp, now_us + np.array([1000, 2000, 3000]))
    table = pa.table(
        {
            "s": pa.array(ids_of(SENSORS)[rows], pa.string()).dictionary_encode(),
            "q": pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), pa.array([k[1] for k in KINDS])),
            "t": pa.array(stamp, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "v": value,
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def watch(session: Any, seen: dict[str, float], stop: threading.Event) -> None:
    """Note when each signal stands in the ledger."""
    seq = 0
    while not stop.is_set():
        session.wait(seq, 0.2)
        for entry in session.ledger.since(seq):
            if entry.kind == "SignalRaised":
                seen.setdefault(entry.body.sensor_id, time.perf_counter())
            seq = entry.seq


def measured(address: str, session: Any, seconds: float, per_s: float) -> tuple[list[float], int, float]:
    """Delays of the alarms, how many were due, and how many readings went in a second."""
    gas = np.flatnonzero(kinds_of(SENSORS) == GAS)
    due: dict[str, float] = {}
    seen: dict[str, float] = {}
    stop = threading.Event()
    threading.Thread(target=watch, args=(session, seen, stop), daemon=True).start()
    step_s, count = BODY / per_s, round(seconds * per_s / BODY)
    every = max(1, round(0.5 / step_s))
    begun = time.perf_counter() + 0.5

    def deliver(first: int) -> None:
        with httpx.Client(timeout=60) as client:
            for number in range(first, count, 4):
                at = begun + number * step_s
                time.sleep(max(0.0, at - time.perf_counter()))
                leaking = int(gas[number // every]) if number % every == every // 2 else None
                if leaking is not None:
                    due[str(ids_of(SENSORS)[leaking])] = at
                client.post(f"{address}/api/readings/iot", content=body(number, leaking)).raise_for_status()

    threads = [threading.Thread(target=deliver, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - begun
    time.sleep(3.0)
    stop.set()
    return [seen[s] - at for s, at in due.items() if s in seen], len(due), count * BODY / took_s


def main() -> None:
    """Print the row."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    per_s = float(sys.argv[2]) if len(sys.argv) > 2 else 100_000.0
    spare_collections()
    with tempfile.TemporaryDirectory() as name:
        big_city(Path(name) / "city", SENSORS)
        with served(Path(name) / "city", Path(name) / "home") as (address, session):
            with httpx.Client(timeout=60) as client:  # every sensor is known before the clock runs
                for number in range(SENSORS // BODY):
                    client.post(f"{address}/api/readings/iot", content=body(number, None)).raise_for_status()
            delays, wanted, rate = measured(address, session, seconds, per_s)
    p50, p99 = np.percentile(delays, [50, 99]) * 1000 if delays else (float("nan"), float("nan"))
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z: {rate:,.0f} readings/s, {len(delays)} of {wanted} alarms told,")
    print(f"reading due to signal in the ledger: p50 {p50:.0f} ms, p99 {p99:.0f} ms (limit 500 ms)")


if __name__ == "__main__":
    main()
