"""How fast the ledger takes, folds and verifies facts: ``python -m benchmarks.ledger [--facts N] [--verify N]``.

The limit of the machine stands beside each number: the same rows inserted by a bare sqlite3 loop with the same
durability, and read by a bare ``SELECT``. Medians of several runs.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rencheng.adapters.memory import MemoryLedger
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.adapters.sqlite.queries import QUERIES, SCHEMA
from rencheng.assess.facts import Evidence, SignalRaised
from rencheng.kernel import Draft
from rencheng.ledger import Entry, Ledger, fold, verify
from rencheng.respond.facts import UnitAssigned
from rencheng.sense.facts import BatchTaken, SensorSilent

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
BATCH = 100


def body(number: int) -> tuple[str, Any]:
    """Stream and body as a city's ledger mixes them: mostly small facts, every fourth with nested evidence."""
    at = NOW + timedelta(seconds=number)
    sensor = f"s{number % 500}"
    if number % 4 == 0:
        seen = Evidence(kind="reading", sensor_id=sensor, quantity="stage_m", value=2.5, unit="m", at=at, threshold=2.0)
        raised = SignalRaised(
            signal_id=f"signal-{number}",
            hazard="river_flood",
            name="stage_above_threshold",
            colour="orange",
            sensor_id=sensor,
            lon=-51.23,
            lat=-30.03,
            in_city=True,
            evidence=(seen,),
        )
        return f"signal/{sensor}", raised
    if number % 4 == 1:
        silent = SensorSilent(
            sensor_id=sensor, quantity="stage_m", last_at=at, expected_interval_s=900.0, missed_intervals=4.5
        )
        return f"sensor/{sensor}", silent
    if number % 4 == 2:
        taken = BatchTaken(
            feed_id="ana",
            position=f"{number}",
            accepted=156,
            repeated=0,
            refused=1,
            flagged={"stuck": 2},
            first_at=at,
            last_at=at,
        )
        return "feed/ana", taken
    sent = UnitAssigned(
        need_id=f"need-{number}",
        unit_id=f"unit-{number % 300}",
        travel_s=312.5,
        arrive_at=at,
        route=((-51.23, -30.03), (-51.22, -30.02)),
        why="nearest free boat",
    )
    return f"need/{number}", sent


def drafts(count: int, first: int = 0) -> list[Draft]:
    made = []
    for number in range(first, first + count):
        stream, fact = body(number)
        made.append(
            Draft(stream=stream, body=fact, occurred_at=NOW + timedelta(seconds=number), actor="rule:bench", cause=())
        )
    return made


def per_second(count: int, work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def append_all(ledger: Ledger, facts: list[Draft]) -> None:
    for at in range(0, len(facts), BATCH):
        ledger.append(facts[at : at + BATCH], now=NOW)


def bare_insert(path: Path, rows: list[Any]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)

    def insert() -> None:
        for at in range(0, len(rows), BATCH):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(QUERIES["insert"], rows[at : at + BATCH])
            connection.execute("COMMIT")

    speed = per_second(len(rows), insert)
    connection.close()
    return speed


def count_kinds(state: dict[str, int], entry: Entry) -> dict[str, int]:
    state[entry.kind] = state.get(entry.kind, 0) + 1
    return state


def count_all(ledger: Ledger) -> dict[str, int]:
    counts: dict[str, int] = {}
    return fold(ledger.since(), count_kinds, counts)


def bare_read(path: Path) -> None:
    connection = sqlite3.connect(path)
    for _ in connection.execute("SELECT * FROM entries ORDER BY seq"):
        pass
    connection.close()


def one_run(folder: Path, facts: list[Draft]) -> dict[str, float]:
    path, count = folder / "ledger.sqlite", len(facts)
    with SqliteLedger(path) as ledger, MemoryLedger() as memory:
        return {
            f"append, batches of {BATCH}, fsync each": per_second(count, lambda: append_all(ledger, facts)),
            "— limit: bare sqlite3 INSERT of the same rows": bare_insert(folder / "bare.sqlite", list(ledger.stored())),
            "append in memory": per_second(count, lambda: append_all(memory, facts)),
            "fold from SQLite, bodies decoded": per_second(count, lambda: count_all(ledger)),
            "— limit: bare sqlite3 SELECT of the same rows": per_second(count, lambda: bare_read(path)),
            "verify (hashes, ids, order, indexes)": per_second(count, lambda: verify(ledger)),
        }


def verify_many(folder: Path, count: int) -> str:
    with SqliteLedger(folder / "many.sqlite") as ledger:
        for first in range(0, count, 20_000):
            ledger.append(drafts(min(20_000, count - first), first), now=NOW)
        begun = time.perf_counter()
        verdict = verify(ledger)
        assert verdict.sound
        return f"verify {verdict.entries:,} entries: {time.perf_counter() - begun:.1f} s"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--facts", type=int, default=50_000)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--verify", type=int, default=0, help="also verify a ledger of so many entries")
    options.add_argument("--dir", type=Path, default=Path.cwd(), help="folder on the disk to be measured")
    chosen = options.parse_args()
    facts = drafts(chosen.facts)
    runs: list[dict[str, float]] = []
    for _ in range(chosen.runs):
        with tempfile.TemporaryDirectory(dir=chosen.dir, prefix=".bench-") as folder:
            runs.append(one_run(Path(folder), facts))
    print(f"| {chosen.facts:,} facts, median of {chosen.runs} | facts/s |\n|---|---:|")
    for name in runs[0]:
        print(f"| {name} | {statistics.median(run[name] for run in runs):,.0f} |")
    if chosen.verify:
        with tempfile.TemporaryDirectory(dir=chosen.dir, prefix=".bench-") as folder:
            print(f"\n{verify_many(Path(folder), chosen.verify)}")


if __name__ == "__main__":
    main()
