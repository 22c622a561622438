"""The intake desk: nothing is acknowledged before its commit, and a full desk makes feeds wait instead of growing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.intake_desk import IntakeDesk, Part, by_feed
from rencheng.kernel import InvalidReading, StorageFailed
from rencheng.sense import Decoded, Intake, decoded_from_arrays

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def batch(first: int, rows: int, sensor: str = "s-1") -> Decoded:
    at = np.datetime64("2026-06-01T00:00:00", "us") + np.arange(first, first + rows) * np.timedelta64(1, "s")
    return decoded_from_arrays([sensor] * rows, "stage_m", at, np.linspace(1.0, 2.0, rows))


class Gate:
    """A store that waits to be let through, so that a test decides when a commit happens."""

    def __init__(self) -> None:
        self.store = DuckDbReadings()
        self.open = threading.Event()
        self.entered = threading.Event()
        self.groups: list[int] = []

    def take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        self.entered.set()
        assert self.open.wait(10)
        self.groups.append(len(parts))
        return [self.store.take(feed, position, part, now=now) for feed, position, part in parts]


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.store.close()


def test_no_feed_hears_of_its_batch_before_the_commit(gate: Gate) -> None:
    desk = IntakeDesk(gate.take_many, clock=lambda: NOW)
    done = desk.offer("a", "1", batch(0, 10))
    assert gate.entered.wait(10)
    assert not done.done()
    gate.open.set()
    assert done.result(10).accepted == 10
    desk.close()
    assert gate.store.count() == 10


def test_what_gathers_while_the_store_writes_goes_in_one_transaction(gate: Gate) -> None:
    told: list[Intake] = []
    desk = IntakeDesk(gate.take_many, clock=lambda: NOW, taken=told.extend, linger_s=0.0)
    first = desk.offer("a", "0", batch(0, 5))
    assert gate.entered.wait(10)
    rest = [desk.offer(f"f{k}", "1", batch(0, 5, f"s{k}")) for k in range(20)]
    gate.open.set()
    assert {done.result(10).accepted for done in [first, *rest]} == {5}
    desk.close()
    assert gate.groups == [1, 20]
    assert [intake.feed_id for intake in told] == ["a", *(f"f{k}" for k in range(20))]


def test_a_full_desk_lets_feeds_wait_and_refuses_when_they_will_not(gate: Gate) -> None:
    desk = IntakeDesk(gate.take_many, clock=lambda: NOW, most_rows=100)
    desk.offer("a", "0", batch(0, 50))
    assert gate.entered.wait(10)  # those 50 are being written
    desk.offer("a", "1", batch(50, 90))
    with pytest.raises(StorageFailed, match=r"90 rows wait.*nothing of it was taken"):
        desk.offer("a", "2", batch(140, 20), timeout_s=0.01)
    waiting = threading.Thread(target=lambda: desk.offer("a", "2", batch(140, 20)).result(10))
    waiting.start()
    assert desk.load().waiting_rows == 90
    gate.open.set()
    waiting.join(10)
    desk.close()
    assert gate.store.count() == 160


def test_a_batch_larger_than_the_desk_is_let_in_when_nothing_else_waits(gate: Gate) -> None:
    gate.open.set()
    desk = IntakeDesk(gate.take_many, clock=lambda: NOW, most_rows=10, commit_rows=10)
    assert desk.offer("a", "0", batch(0, 500)).result(10).accepted == 500
    desk.close()


def test_one_batch_that_breaks_the_store_does_not_refuse_the_others() -> None:
    store = DuckDbReadings()

    def take_many(parts: Sequence[Part], now: datetime) -> list[Intake]:
        if any(feed == "bad" for feed, _, _ in parts):
            raise InvalidReading("no store takes this", where="feed 'bad'")
        return [store.take(feed, position, part, now=now) for feed, position, part in parts]

    desk = IntakeDesk(take_many, clock=lambda: NOW, linger_s=0.2)
    good, bad, also = (desk.offer(name, "1", batch(0, 5, name)) for name in ("good", "bad", "also"))
    assert good.result(10).accepted == 5
    assert also.result(10).accepted == 5
    with pytest.raises(InvalidReading, match="feed 'bad'"):
        bad.result(10)
    desk.close()
    store.close()


def test_a_disk_that_refuses_is_told_to_every_feed_and_the_desk_goes_on() -> None:
    store = DuckDbReadings()
    broken = [True]

    def take_many(parts: Sequence[Part], now: datetime) -> list[Intake]:
        if broken[0]:
            raise StorageFailed("the disk is full")
        return [store.take(feed, position, part, now=now) for feed, position, part in parts]

    desk = IntakeDesk(take_many, clock=lambda: NOW, linger_s=0.05)
    for done in [desk.offer("a", "1", batch(0, 5)), desk.offer("b", "1", batch(0, 5, "s-2"))]:
        with pytest.raises(StorageFailed, match="full"):
            done.result(10)
    broken[0] = False
    assert desk.offer("a", "1", batch(0, 5)).result(10).accepted == 5
    desk.close()
    store.close()


def test_a_closing_desk_stores_what_waits_and_refuses_what_comes_after(gate: Gate) -> None:
    desk = IntakeDesk(gate.take_many, clock=lambda: NOW)
    waiting = [desk.offer("a", str(k), batch(10 * k, 10)) for k in range(5)]
    gate.open.set()
    desk.close()
    assert [done.result(0).accepted for done in waiting] == [10] * 5
    with pytest.raises(StorageFailed, match="closed"):
        desk.offer("a", "6", batch(100, 1))


def test_a_turn_hears_once_of_each_feed_whatever_came(gate: Gate) -> None:
    gate.open.set()
    told: list[Intake] = []
    desk = IntakeDesk(gate.take_many, clock=lambda: NOW, taken=told.extend)
    for k in range(3):
        desk.offer("a", str(k), batch(10 * k, 10)).result(10)
        desk.offer("b", str(k), batch(10 * k, 5, "s-2")).result(10)
    again = desk.offer("a", "0", batch(0, 10)).result(10)
    desk.close()
    a, b = by_feed(told)
    assert again.again
    assert (a.feed_id, a.position, a.accepted, a.rows, a.again) == ("a", "2", 30, 30, False)
    assert (b.feed_id, b.accepted) == ("b", 15)
    assert a.first_at is not None
    assert a.last_at is not None
    assert (a.last_at - a.first_at).total_seconds() == 29
    assert by_feed([again]) == [again]
