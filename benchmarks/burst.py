"""What a burst does to the intake: readings at five times the mean of a day, by the delay from delivery to the commit.

Run with ``python -m benchmarks.burst [READINGS_PER_S]`` (default 11,600: 10⁹ a day). Deliveries come open-loop, at
their time whether or not the ones before were answered; each is a body of 100 readings of one gateway, decoded,
checked, detected and committed before its acknowledgement. The peer in the same run are 40 workers that each stand by
until the commit, as an HTTP server of this kind has them.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from benchmarks.decoders import feed

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.elastic_workers import ElasticWorkers
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import Intake
from rencheng.sense.detection_rules import default_detection_rules

MEAN = 11_600
"""Readings a second of 10⁹ a day."""
PACK, GATEWAYS, FIXED = 100, 2_000, 40
PHASES = (("mean", 1.0, 6.0), ("burst", 5.0, 10.0), ("mean again", 1.0, 6.0))
"""Name, times the mean, seconds."""
TARGET_S = 0.5
"""From delivery to acknowledgement at the 99th percentile: as long as reading to alarm may take."""


@dataclass(slots=True)
class Seen:
    """What came of the deliveries of a phase."""

    name: str
    rate: float
    delays: list[float] = field(default_factory=list)
    workers: int = 0
    """Most workers there were."""
    processor_s: float = 0.0
    """Processor time that the phase took, sending included."""
    commits: int = 0
    rows: int = 0


def bodies(number: int, start: datetime) -> list[bytes]:
    """Deliveries in order: CSV of the 100 sensors of one gateway after the other, each sensor once a round."""
    made = []
    for n in range(number):
        gateway, turn = n % GATEWAYS, n // GATEWAYS
        at = (start + timedelta(seconds=turn)).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows = "".join(f"s-{gateway:04d}-{k:02d},{at},{0.02 + (n + k) % 7 / 1000:.3f}\n" for k in range(PACK))
        made.append(f"s,t,v\n{rows}".encode())
    return made


class Line:
    """Deliveries on their way in, at their times, decoded by workers that are free once they laid them on the desk."""

    def __init__(self, intake: LiveIntake, workers: ElasticWorkers) -> None:
        self._intake, self._workers = intake, workers

    def phase(self, seen: Seen, sent: Sequence[bytes]) -> None:
        """Send bodies evenly spread at the phase's rate; waits for the last answer."""
        before, begin, gap = self._intake.load(), time.perf_counter() + 0.05, PACK / seen.rate
        answered, spent = threading.Semaphore(0), time.process_time()
        for n, body in enumerate(sent):
            due = begin + n * gap
            time.sleep(max(0.0, due - time.perf_counter()))
            self._workers.submit(partial(self._one, seen, body, due, answered))
            seen.workers = max(seen.workers, self._workers.load().workers)
        for _ in sent:
            answered.acquire()
        after, seen.processor_s = self._intake.load(), time.process_time() - spent
        seen.commits, seen.rows = after.commits - before.commits, after.rows - before.rows

    def _one(self, seen: Seen, body: bytes, due: float, answered: threading.Semaphore) -> None:
        def acknowledged(_: Future[Intake]) -> None:
            seen.delays.append(time.perf_counter() - due)
            answered.release()

        self._handed(body).add_done_callback(acknowledged)

    def _handed(self, body: bytes) -> Future[Intake]:
        return self._intake.hand_in("bench", body)


class StandingBy(Line):
    """The peer: a worker is held until the commit."""

    def _handed(self, body: bytes) -> Future[Intake]:
        handed = super()._handed(body)
        handed.result()
        return handed


def played(mean: float, kind: type[Line], workers: ElasticWorkers) -> list[Seen]:
    """All phases in a row on one store."""
    words = [{"column": "v", "quantity": "water_depth_m", "unit": "m"}]
    config = feed("csv", sensor_column="s", time={"column": "t"}, columns=words)
    start = datetime.now(UTC) - timedelta(hours=2)
    found = [Seen(name=name, rate=times * mean) for name, times, _ in PHASES]
    counts = [int(of.rate * seconds / PACK) for of, (_, _, seconds) in zip(found, PHASES, strict=True)]
    sent = bodies(sum(counts) + 200, start)
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDbReadings(Path(folder) / "readings.duckdb", detection=default_detection_rules())
        intake = LiveIntake(store, {config.id: config}, clock=lambda: datetime.now(UTC))
        line = kind(intake, workers)
        line.phase(Seen(name="warm", rate=mean), sent[:200])
        at = 200
        for of, count in zip(found, counts, strict=True):
            line.phase(of, sent[at : at + count])
            at += count
        workers.close()
        intake.close()
        store.close()
    return found


def main() -> None:
    mean = float(sys.argv[1]) if len(sys.argv) > 1 else MEAN
    heads = ("phase", "offered", "delay, median", "99th percentile", "most workers", "readings a commit", "processor")
    print(f"| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|---|")
    fixed = ElasticWorkers(least=FIXED, most=FIXED)
    for name, kind, workers in (("", Line, ElasticWorkers()), (", standing by (peer)", StandingBy, fixed)):
        for of in played(mean, kind, workers):
            middle, slow = 1e3 * np.quantile(of.delays, [0.5, 0.99])
            each = of.rows / max(of.commits, 1)
            spent_us = 1e6 * of.processor_s / max(of.rows, 1)
            said = f"{of.rate:,.0f}/s | {middle:.0f} ms | {slow:.0f} ms | {of.workers} | {each:,.0f}"
            print(f"| {of.name}{name} | {said} | {spent_us:.1f} µs a reading |")
    print(f"\nTarget: {1e3 * TARGET_S:.0f} ms at the 99th percentile, in the burst too.")


if __name__ == "__main__":
    main()
