"""Workers come when deliveries wait and leave when they idle; nobody stands by while the desk commits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.elastic_workers import ElasticWorkers
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import Decoded, Intake, feed_config_from_dict

PATIENCE_S = 20.0


def until(holds: Callable[[], bool]) -> bool:
    """Wait for something that another thread brings about."""
    event = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if holds():
            return True
        event.wait(0.01)
    return False


def test_workers_come_while_work_waits_and_leave_when_there_is_none() -> None:
    workers = ElasticWorkers(least=1, most=6, delay_s=0.0, idle_s=0.05)
    gate = threading.Event()
    held = [workers.submit(partial(gate.wait, PATIENCE_S)) for _ in range(10)]
    assert until(lambda: workers.load().workers == 6)
    assert until(lambda: workers.load().waiting == 4)
    gate.set()
    assert all(done.result(PATIENCE_S) for done in held)
    assert until(lambda: workers.load().workers == 1)
    assert workers.load().most == 6
    workers.close()
    assert until(lambda: workers.load().workers == 0)


def test_what_is_quick_needs_no_more_than_the_least() -> None:
    workers = ElasticWorkers(least=2, most=50, delay_s=PATIENCE_S)
    assert sum(done.result(PATIENCE_S) for done in [workers.submit(lambda: 1) for _ in range(500)]) == 500
    assert workers.load().most <= 2
    workers.close()


def test_what_goes_wrong_belongs_to_who_asked_and_the_worker_goes_on() -> None:
    workers = ElasticWorkers(least=1, most=1)
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda: 1 // 0).result(PATIENCE_S)
    assert workers.submit(lambda: 7).result(PATIENCE_S) == 7
    workers.close()
    with pytest.raises(RuntimeError):
        workers.submit(lambda: 8)


class SlowDisk:
    """A readings store whose commits wait until they are let go."""

    def __init__(self) -> None:
        self.store = DuckDbReadings()
        self.go = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def take_many(self, parts: list[tuple[str, str, Decoded]], *, now: datetime) -> list[Intake]:
        assert self.go.wait(PATIENCE_S)
        return self.store.take_many(parts, now=now)


def test_a_burst_on_a_slow_disk_is_decoded_by_two_workers_and_committed_together() -> None:
    """With a worker held by every delivery until its commit, a burst would wait for workers, not for the disk."""
    word = {"column": "v", "quantity": "stage_m", "unit": "m"}
    config = feed_config_from_dict(
        {"id": "f", "format": "csv", "sensor_column": "s", "time": {"column": "t"}, "columns": [word]}, where="test"
    )
    disk, now = SlowDisk(), datetime(2026, 6, 1, tzinfo=UTC)
    intake = LiveIntake(disk, {"f": config}, clock=lambda: now)  # type: ignore[arg-type]  # a store but for its pace
    workers = ElasticWorkers(least=2, most=2)
    stamps = [(now - timedelta(seconds=n)).isoformat() for n in range(200)]
    handing = [workers.submit(partial(intake.hand_in, "f", f"s,t,v\ng,{at},2.0\n".encode())) for at in stamps]
    handed = [done.result(PATIENCE_S) for done in handing]
    assert not any(done.done() for done in handed)
    assert intake.load().waiting_parts > 150  # all but those of the commit under way
    disk.go.set()
    assert sum(done.result(PATIENCE_S).accepted for done in handed) == 200
    assert intake.load().commits <= 3
    workers.close()
    intake.close()
    disk.store.close()
