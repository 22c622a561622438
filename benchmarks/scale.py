"""A live run of a megacity: 2.1 million sensors, from the start of the program to the turns of its loop.

Run with ``python -m benchmarks.scale [SENSORS]``. The city is the sandbox city of 10,000 residents with sensors
of eleven kinds scattered over it, one quantity each. Every start is a process of its own, which says how long it took
until readings were taken and how much memory it came to: with a new store, after a clean stop, after a kill.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.city.sandbox import make_city
from rencheng.sense import Delivery

SENSORS = 2_100_000
KINDS = (
    # kind of sensor, what it measures, usual value, share, interval
    ("smoke_detector", "smoke_db_m", 0.02, 0.30, 60.0),
    ("gas_detector", "methane_ratio_lel", 0.0, 0.18, 60.0),
    ("meter", "voltage_v", 229.0, 0.12, 60.0),
    ("cable_joint", "residual_current_a", 0.03, 0.10, 60.0),
    ("charging_pile", "surface_temperature_c", 31.0, 0.08, 60.0),
    ("button", "contact_state", 0.0, 0.08, 60.0),
    ("pipe_pressure", "pipe_pressure_pa", 320_000.0, 0.06, 60.0),
    ("structure", "tilt_deg", 0.2, 0.05, 60.0),
    ("street_depth", "water_depth_m", 0.0, 0.002, 60.0),
    ("river_gauge", "stage_m", 3.0, 0.0005, 300.0),
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


@cache
def ids_of(sensors: int) -> Any:
    """Ids as a registry gives them."""
    return np.char.add("310000-", np.char.zfill(np.arange(sensors).astype(str), 8)).astype(object)


@cache
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


_CHILD = """
import sys, json
from benchmarks.scale import child
print(json.dumps(child(*json.loads(sys.argv[1]))), flush=True)
"""


def in_a_process(*words: Any, dies: bool = False) -> dict[str, Any]:
    """Do a part in a process of its own; one that is to be killed says first what it measured."""
    command = [sys.executable, "-c", _CHILD, json.dumps(words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=not dies)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def child(folder: str, sensors: int, part: str) -> dict[str, Any]:
    """One process: start the live run of the city as the program does, then what the part says."""
    from rencheng.app.live_intake import spare_collections
    from rencheng.app.sessions import live_session
    from rencheng.app.settings import Settings

    begun, work = time.perf_counter(), time.process_time()
    session = live_session(Path(folder) / "city", Settings(home=Path(folder) / "home", flood="off"))
    spare_collections()
    session.start()
    took: dict[str, Any] = {"ready_s": time.perf_counter() - begun, "ready_mib": memory_mib()}
    took["ready_cpu_s"] = time.process_time() - work
    PARTS[part](session, sensors, took)
    took["most_mib"] = memory_mib("VmHWM:")
    if part == "killed":
        print(json.dumps(took), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    begun = time.perf_counter()
    session.close()
    return {**took, "close_s": time.perf_counter() - begun}


def memory_mib(which: str = "VmRSS:") -> int:
    """Resident memory of this process, now or at most."""
    return int(Path("/proc/self/status").read_text(encoding="ascii").split(which)[1].split()[0]) // 1024


def report(session: Any, sensors: int, took: dict[str, Any]) -> None:
    """Every sensor reports once, in bodies of fifty thousand."""
    now = datetime.now(UTC)
    begun = time.perf_counter()
    for first in range(0, sensors, 50_000):
        rows = np.arange(first, min(first + 50_000, sensors))
        session.offer("iot", body_of(sensors, rows, now))
    took["round_s"] = time.perf_counter() - begun


def turns(session: Any, sensors: int, took: dict[str, Any]) -> None:
    """What a turn takes while 20,000 sensors report before each, the median of twenty; people may look on."""
    report(session, sensors, took)
    session._halt()  # noqa: SLF001 — the loop is turned here, with a watch beside it
    session._thread = None  # noqa: SLF001
    run = session._score.run  # noqa: SLF001
    spent = []
    for number in range(20):
        rows = np.arange(number * 20_000, (number + 1) * 20_000) % sensors
        session._intake.offer("iot", body_of(sensors, rows, datetime.now(UTC)))  # noqa: SLF001
        begun, work = time.perf_counter(), time.process_time()
        run.loop.turn(datetime.now(UTC), intakes=session._intake.heard())  # noqa: SLF001
        spent.append((time.perf_counter() - begun, time.process_time() - work))
    took["turn_ms"], took["turn_cpu_ms"] = np.round(1000 * np.median(spent[2:], axis=0), 1).tolist()


def silence(session: Any, sensors: int, took: dict[str, Any]) -> None:
    """A hundred thousand sensors fall silent at once, and come back."""
    report(session, sensors, took)
    session._halt()  # noqa: SLF001
    session._thread = None  # noqa: SLF001
    run, later = session._score.run, datetime.now(UTC) + timedelta(hours=2)  # noqa: SLF001
    few = min(100_000, sensors)
    decode = session._intake._inlets["iot"].decode  # noqa: SLF001

    def take(first: int, last: int) -> None:
        """Some sensors report two hours later, by the store's clock too."""
        body = body_of(sensors, np.arange(first, last), later)
        run.readings.take("iot", f"later {first}", decode(body, Delivery(arrived_at=later)), now=later)

    for first in range(few, sensors, 50_000):
        take(first, min(first + 50_000, sensors))
    for name in ("silent", "after", "back"):
        if name == "back":
            take(0, few)
        head = run.ledger.head
        begun, work = time.perf_counter(), time.process_time()
        run.loop.turn(later)
        took[f"{name}_turn_s"] = round(time.perf_counter() - begun, 2)
        took[f"{name}_turn_cpu_s"] = round(time.process_time() - work, 2)
        took[f"{name}_facts"] = run.ledger.head - head
        took["silent_channels"] = max(took.get("silent_channels", 0), len(run.loop.states.sense.silent))


PARTS: dict[str, Callable[[Any, int, dict[str, Any]], None]] = {
    "nothing": lambda _, __, ___: None,
    "report": report,
    "killed": report,
    "turns": turns,
    "silence": silence,
}


def main() -> None:
    """Print the table."""
    sensors = int(sys.argv[1]) if len(sys.argv) > 1 else SENSORS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        big_city(folder / "city", sensors)
        said = {
            "a new store, then every sensor reports, clean stop": in_a_process(name, sensors, "report"),
            "after the clean stop; every sensor reports, killed": in_a_process(name, sensors, "killed", dies=True),
            "after the kill": in_a_process(name, sensors, "nothing"),
            "turns": in_a_process(name, sensors, "turns"),
            "silence": in_a_process(name, sensors, "silence"),
        }
    print(f"{sensors:,} sensors\n\n| start | ready, s | of processor, s | resident, MiB", end="")
    print(" | at most, MiB | round, s | close, s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for what, of in said.items():
        numbers = [
            of["ready_s"],
            of["ready_cpu_s"],
            of["ready_mib"],
            of["most_mib"],
            of.get("round_s"),
            of.get("close_s"),
        ]
        print(f"| {what} | " + " | ".join("" if n is None else f"{n:,.1f}" for n in numbers) + " |")
    for what in ("turns", "silence"):
        print(what, {k: v for k, v in said[what].items() if "turn" in k or "facts" in k or "silent" in k})


if __name__ == "__main__":
    main()
