"""Programs that the storage tests start and kill: ``python ledger_processes.py write|crash|fill|denied PATH …``."""

from __future__ import annotations

import os
import random
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rencheng.adapters.sqlite import SqliteLedger
from rencheng.kernel import Draft, StorageFailed
from rencheng.sense.facts import FeedFailed

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
BATCH = 5


def batch(writer: int, number: int, *, size: int = BATCH, text: str = "") -> list[Draft]:
    """The same drafts for the same numbers."""
    return [
        Draft(
            stream=f"feed/{writer}",
            body=FeedFailed(feed_id=f"f{writer}", reason=f"{number}.{part}{text}"),
            occurred_at=NOW + timedelta(seconds=number, milliseconds=part),
            actor="rule:feeds",
        )
        for part in range(size)
    ]


def write(path: Path, writer: int, count: int) -> None:
    """Append ``count`` batches and end."""
    with SqliteLedger(path) as ledger:
        for number in range(count):
            ledger.append(batch(writer, number), now=NOW)


def crash(path: Path, rounds: int, seed: int) -> None:
    """Start a writer, kill -9 it in the middle of its work, start the next; print what each acknowledged.

    Each writer begins with the batch that the one before had not acknowledged, as a restarted runner does.
    """
    chance = random.Random(seed)
    first = 0
    for _ in range(rounds):
        acknowledged = _one_crash(path, first, lifetime_s=chance.uniform(0.0005, 0.02))
        for number in acknowledged:
            print(number)
        first = max(acknowledged, default=first - 1) + 1


def _one_crash(path: Path, first: int, *, lifetime_s: float) -> list[int]:
    """Fork a writer that acknowledges over a pipe; its life ends ``lifetime_s`` after its first acknowledgement."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        ledger = SqliteLedger(path)
        number = first
        while True:
            ledger.append(batch(1, number), now=NOW)
            os.write(writing, b"%d\n" % number)
            number += 1
    os.close(writing)
    said = os.read(reading, 65536)
    deadline = time.monotonic() + lifetime_s
    while (left := deadline - time.monotonic()) > 0:
        if select.select([reading], [], [], left)[0]:
            said += os.read(reading, 65536)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 65536):
        said += more
    os.close(reading)
    return [int(line) for line in said.split()]


def fill(path: Path, limit: int) -> None:
    """Append until no file may grow further, then again after room is made; print what was said."""
    with SqliteLedger(path) as ledger:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        number = 0
        try:
            while True:
                ledger.append(batch(1, number, text="x" * 500), now=NOW)
                number += 1
        except StorageFailed as error:
            said = str(error)
        readable = sum(1 for _ in ledger.since())
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        print(number * BATCH, readable)
        ledger.append(batch(1, number, text="x" * 500), now=NOW)
        print(ledger.head)
        print(said)


def denied(path: Path) -> None:
    """Open and append as a user that may only read."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    try:
        with SqliteLedger(path) as ledger:
            ledger.append(batch(2, 1), now=NOW)
    except StorageFailed as error:
        print(error)
    with SqliteLedger(path, read_only=True) as ledger:
        print(sum(1 for _ in ledger.since()))


TASKS: dict[str, Callable[..., None]] = {"write": write, "crash": crash, "fill": fill, "denied": denied}

if __name__ == "__main__":
    _, task, where, *numbers = sys.argv
    TASKS[task](Path(where), *map(int, numbers))
