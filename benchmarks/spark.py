"""What detection costs on Spark: at the border, in the turn of a shard, and what Spark itself adds.

Run with ``python -m benchmarks.spark [shard|spark|sizes …]``. Time is processor time of the processes concerned where
the table says CPU, so that a busy machine tells the same; the rest is by the clock. The peer is the embedded store, fed
the same files in the same run.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from benchmarks.spark_stream import make_sensor_city, write_stream

from rencheng import sense
from rencheng.adapters.bulk import decode
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.spark import ScaleOut, TurnNote, make_plan, open_session
from rencheng.adapters.spark.earlier import EarlierReadings
from rencheng.adapters.spark.files import write_whole
from rencheng.adapters.spark.keeper import ShardKeeper
from rencheng.adapters.spark.parcels import Parcel, decoded_file, pack, parcels_of, unpack
from rencheng.app.scale_out import plain_feed
from rencheng.city import read_city
from rencheng.sense.batch import NO_LIMITS

CONFIG = replace(plain_feed(), limits=NO_LIMITS)
_TICKS = os.sysconf("SC_CLK_TCK")


class CpuOfChildren:
    """Processor time of all processes below this one, ended ones too, as far as they were seen."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return sum(self._seen.values())

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            parent: dict[int, int] = {}
            told: dict[int, list[str]] = {}
            for entry in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, ValueError):
                    told[int(entry.name)] = re.sub(r".*\) ", "", (entry / "stat").read_text()).split()
                    parent[int(entry.name)] = int(told[int(entry.name)][1])
            mine = {os.getpid()}
            while more := {pid for pid, above in parent.items() if above in mine and pid not in mine}:
                mine |= more
            mine.discard(os.getpid())
            for pid in mine:
                self._seen[pid, told[pid][19]] = (int(told[pid][11]) + int(told[pid][12])) / _TICKS
            self.most_bytes = max(self.most_bytes, sum(int(told[pid][21]) * 4096 for pid in mine))


def prepared(folder: Path, sensors: int, minutes: int, files: int) -> tuple[Path, Path]:
    """City and files of a stream."""
    make_sensor_city(folder / "city", sensors)
    write_stream(folder / "in", sensors=sensors, minutes=minutes, files=files)
    return folder / "city", folder / "in"


def embedded(city: Path, source: Path, store: Path, files_a_turn: int) -> tuple[int, float]:
    """Readings and processor seconds of the embedded store, turn by turn as Spark takes them."""
    package = read_city(city)
    rules = sense.detection_rules_of(package.path)
    readings = DuckDbReadings(store, channels=sense.channels_of_city(package), detection=rules)
    files = sorted(source.glob("*.parquet"))
    turns = [files[k : k + files_a_turn] for k in range(0, len(files), files_a_turn)]
    warm, seconds = 0, 0.0
    for n, turn in enumerate(turns):
        begun = time.process_time()
        readings.take_many([("f", path.name, decode(CONFIG, path)) for path in turn], now=datetime.now(UTC))
        if n == 0:
            warm = readings.count()
        else:
            seconds += time.process_time() - begun
    count = readings.count() - warm
    readings.close()
    return count, seconds


def shard_part(sensors: int = 32_768, minutes: int = 24, files: int = 24) -> None:
    """One shard of 64 of a megacity: a turn of one minute, and one of eight."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        city, source = prepared(folder, sensors, minutes, files)
        package = read_city(city)
        rules = sense.detection_rules_of(package.path)
        plan = make_plan(folder / "plan", sense.channels_of_city(package), rules, 1)
        count, seconds = embedded(city, source, folder / "embedded.duckdb", 8)
        print(
            f"\n| a shard of {sensors:,} channels, CPU | border | read state | detect | keep it | write | readings/s |"
        )
        print("|---|---:|---:|---:|---:|---:|---:|")
        for a_turn in (1, 8):
            rows = _turns(folder, plan, ShardKeeper(plan, 0, rules), sorted(source.glob("*.parquet")), a_turn)
            spent = [statistics.median(row[k] for row in rows[1:]) for k in range(5)]
            readings = statistics.median(row[5] for row in rows[1:])
            cells = " | ".join(f"{1000 * part:,.0f} ms" for part in spent)
            print(f"| turn of {a_turn} min, {readings:,.0f} readings | {cells} | {readings / sum(spent):,.0f} |")
            kept = rows[-1]
        print(f"| embedded store, turns of 8 min | | | | | | {count / seconds:,.0f} |")
        print(
            f"\nState: {kept[6] / sensors:,.0f} bytes a channel in records, {kept[7] / sensors:,.0f} as they are kept."
        )


def _turns(folder: Path, plan: Any, keeper: ShardKeeper, files: list[Path], a_turn: int) -> list[tuple[float, ...]]:
    state: bytes | None = None
    rows = []
    earlier = EarlierReadings(folder / "none", 0, 0)
    for n in range(0, len(files), a_turn):
        marks = [time.process_time()]
        parcels: list[Parcel] = []
        for path in files[n : n + a_turn]:
            decoded, _ = decoded_file(CONFIG, str(path))
            parcels += [unpack(pack(p)) for _, p in parcels_of(plan, decoded, path=str(path), arrived_us=0)]
        marks.append(time.process_time())
        keeper.load(state)
        marks.append(time.process_time())
        turn = keeper.step(parcels, earlier)
        marks.append(time.process_time())
        state = keeper.save()
        marks.append(time.process_time())
        write_whole(folder / "turn.parquet", turn.readings)
        marks.append(time.process_time())
        spent = [after - before for before, after in pairwise(marks)]
        raw = keeper.registry.states.nbytes + keeper.desk.state.slots[: keeper.desk.state.used].nbytes
        rows.append((*spent, float(turn.readings.num_rows), float(raw), float(len(state))))
    return rows


def spark_part(sensors: int = 100_000, minutes: int = 100, files: int = 25) -> None:
    """Ten million readings of a hundred thousand channels through Spark on this machine, and what a turn waits for."""
    print("\n| through Spark, local[2], 8 shards | CPU of Spark | of it JVM and start | readings/s and core |"
          " turn by the clock | of it state kept | state |")  # fmt: skip
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        city, source = prepared(folder, sensors, minutes, files)
        count, seconds = embedded(city, source, folder / "embedded.duckdb", 5)
        for a_turn in (5, 1):
            _through_spark(folder, city, source, a_turn)
        print(f"| embedded store, the same files, one transaction a turn of 5 | | | {count / seconds:,.0f} | | | |")


def _through_spark(folder: Path, city: Path, source: Path, files_a_turn: int) -> None:
    package = read_city(city)
    rules = sense.detection_rules_of(package.path)
    out = folder / f"out-{files_a_turn}"
    plan = make_plan(out / "plan", sense.channels_of_city(package), rules, 8)
    stream = ScaleOut(source=source, out=out, plan=plan, rules=rules, config=CONFIG, files_per_turn=files_a_turn)
    marks: list[tuple[float, TurnNote]] = []
    with CpuOfChildren() as cpu:
        spark = open_session("local[2]", shards=8, memory="2g", settings={})
        query = stream.start(spark, lambda turn: marks.append((cpu.seconds, turn)))
        query.awaitTermination()
        told = [progress for progress in query.recentProgress if progress["numInputRows"]]
        spark.stop()
    steady = marks[1:]
    readings = sum(turn.readings for _, turn in steady)
    spent = steady[-1][0] - marks[0][0]
    turn_s = statistics.median(p["durationMs"]["triggerExecution"] for p in told[1:]) / 1000
    kept_s = statistics.median(p["stateOperators"][0]["commitTimeMs"] for p in told[1:]) / 1000 / 2  # by two tasks
    print(
        f"| {len(marks)} turns of {steady[0][1].readings:,} readings | {spent:,.1f} s | {marks[0][0]:,.1f} s at first |"
        f" {readings / spent:,.0f} | {turn_s:,.1f} s | {kept_s:,.2f} s | {steady[-1][1].state_bytes / 1e6:,.1f} MB |"
    )


def main(parts: list[str]) -> None:
    pa.set_cpu_count(1)
    for part in parts or ["shard", "spark"]:
        {"shard": shard_part, "spark": spark_part}[part]()


if __name__ == "__main__":
    main(sys.argv[1:])
