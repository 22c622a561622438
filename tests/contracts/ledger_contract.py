"""What every ledger store promises. A new store joins by one subclass that says how to open it (see test_ledgers)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rencheng.kernel import Conflict, Draft, FactId, InvalidInput
from rencheng.ledger import Entry, Ledger, fold, verify
from rencheng.sense.facts import FeedFailed, FeedRecovered, SensorRecovered

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def failed(number: int, *, stream: str = "feed/f1", cause: tuple[FactId, ...] = ()) -> Draft:
    """One of many different facts."""
    return Draft(
        stream=stream,
        body=FeedFailed(feed_id="f1", reason=f"时间 out {number}"),
        occurred_at=NOW + timedelta(seconds=number, microseconds=7),
        actor="rule:feeds",
        cause=cause,
    )


class LedgerContract:
    """Subclass with a fixture ``ledger`` (one open store) and ``reopened`` (the same store through a new handle)."""

    def test_what_was_recorded_is_read_back_whole(self, ledger: Ledger) -> None:
        first = ledger.append([failed(1)], now=NOW)[0]
        draft = failed(2, stream="feed/f2", cause=(first.id,))
        entry = ledger.append([draft], now=NOW + timedelta(hours=1))[0]
        read = list(ledger.since())
        assert read == [first, entry]
        assert read[1] == Entry(
            seq=2,
            id=draft.id,
            stream="feed/f2",
            version=1,
            kind="FeedFailed",
            schema=1,
            occurred_at=draft.occurred_at,
            recorded_at=NOW + timedelta(hours=1),
            actor="rule:feeds",
            cause=(first.id,),
            body=draft.body,
            leaf=entry.leaf,
        )

    def test_an_empty_ledger_is_readable(self, ledger: Ledger) -> None:
        assert (ledger.head, list(ledger.since()), ledger.stream("feed/f1")) == (0, [], [])
        assert ledger.append([], now=NOW) == []
        assert verify(ledger).sound

    def test_another_handle_sees_the_same(self, ledger: Ledger, reopened: Callable[[], Ledger]) -> None:
        ledger.append([failed(n) for n in range(5)], now=NOW)
        assert list(reopened().since()) == list(ledger.since())

    def test_order_within_the_ledger_and_within_a_stream(self, ledger: Ledger) -> None:
        ledger.append([failed(n, stream=f"feed/f{n % 3}") for n in range(10)], now=NOW)
        ledger.append([failed(10, stream="feed/f0")], now=NOW)
        assert [e.seq for e in ledger.since()] == list(range(1, 12))
        stream = ledger.stream("feed/f0")
        assert [e.version for e in stream] == [1, 2, 3, 4, 5]
        assert [e.seq for e in stream] == [1, 4, 7, 10, 11]
        assert ledger.head == 11

    def test_reading_from_a_position_with_limit_and_kinds(self, ledger: Ledger) -> None:
        for n in range(6):
            recovered = Draft(
                stream="feed/f1", body=FeedRecovered(feed_id=f"f{n}"), occurred_at=NOW, actor="rule:feeds"
            )
            ledger.append([failed(n), recovered], now=NOW)
        assert [e.seq for e in ledger.since(9)] == [10, 11, 12]
        assert [e.seq for e in ledger.since(2, limit=3)] == [3, 4, 5]
        assert [e.seq for e in ledger.since(3, kinds={"FeedRecovered"}, limit=2)] == [4, 6]
        assert [e.seq for e in ledger.since(0, kinds=("FeedFailed", "FeedRecovered"))] == list(range(1, 13))
        assert list(ledger.since(0, kinds=())) == list(ledger.since(0, limit=0)) == list(ledger.since(12)) == []

    def test_longer_than_one_piece(self, ledger: Ledger) -> None:
        ledger.append([failed(n) for n in range(4500)], now=NOW)
        assert [e.seq for e in ledger.since(3)] == list(range(4, 4501))
        assert fold(ledger.since(limit=4200), lambda total, entry: total + entry.version, 0) == 4200 * 4201 // 2

    def test_appending_while_reading_ends(self, ledger: Ledger) -> None:
        """A view that records something for each fact it reads must not chase its own tail."""
        ledger.append([failed(n) for n in range(3)], now=NOW)
        for entry in ledger.since():
            ledger.append([failed(100 + entry.seq)], now=NOW)
        assert ledger.head == 6

    def test_a_stream_that_moved_on_is_a_conflict(self, ledger: Ledger) -> None:
        ledger.append([failed(1)], now=NOW, expected={"feed/f1": 0})
        with pytest.raises(Conflict, match=r"feed/f1.*version 1 where 0"):
            ledger.append([failed(2)], now=NOW, expected={"feed/f1": 0})
        with pytest.raises(Conflict):
            ledger.append([failed(2, stream="feed/f2")], now=NOW, expected={"feed/f9": 3})
        ledger.append([failed(2)], now=NOW, expected={"feed/f1": 1, "feed/f2": 0})
        assert ledger.head == 2

    def test_all_or_nothing(self, ledger: Ledger) -> None:
        ledger.append([failed(1)], now=NOW)
        unreadable = Draft(
            stream="sensor/s1",
            body=SensorRecovered(sensor_id="s1", quantity="stage_m", silent_s=float("nan")),
            occurred_at=NOW,
            actor="rule:silence",
        )
        with pytest.raises(InvalidInput, match=r"SensorRecovered.*sensor/s1.*silent_s"):
            ledger.append([failed(2), unreadable, failed(3)], now=NOW)
        assert [e.body for e in ledger.since()] == [failed(1).body]

    def test_sent_again_changes_nothing(self, ledger: Ledger) -> None:
        drafts = [failed(1), failed(2)]
        ledger.append(drafts, now=NOW, expected={"feed/f1": 0})
        assert ledger.append(drafts, now=NOW + timedelta(days=1), expected={"feed/f1": 0}) == []
        entries = ledger.append([failed(2), failed(3), failed(3)], now=NOW)
        assert [(e.seq, e.version) for e in entries] == [(3, 3)]
        assert ledger.head == 3

    def test_a_naive_now_is_refused(self, ledger: Ledger) -> None:
        with pytest.raises(InvalidInput, match="no time zone"):
            ledger.append([failed(1)], now=datetime(2026, 6, 1))  # noqa: DTZ001 — naive on purpose
        assert ledger.head == 0

    def test_other_zones_are_kept_as_utc(self, ledger: Ledger) -> None:
        entry = ledger.append([failed(1)], now=NOW.astimezone(timezone(timedelta(hours=8))))[0]
        assert entry.recorded_at.utcoffset() == timedelta(0)
        assert entry.recorded_at == NOW

    def test_what_is_no_registered_fact_cannot_be_recorded(self, ledger: Ledger) -> None:
        @dataclass(frozen=True, slots=True, kw_only=True)
        class Unheard:
            words: str

        with pytest.raises(InvalidInput, match="Unheard is not a registered fact"):
            ledger.append(
                [Draft(stream="x/1", body=Unheard(words="?"), occurred_at=NOW, actor="person:nobody")], now=NOW
            )

    def test_many_writers_and_a_follower(self, ledger: Ledger) -> None:
        """The page follows the ledger while stages, people and the outbox write."""
        writers, rounds = 4, 30

        def write(writer: int) -> None:
            for n in range(rounds):
                ledger.append([failed(n, stream=f"w/{writer}"), failed(n, stream=f"w/{writer}/b")], now=NOW)

        threads = [threading.Thread(target=write, args=(w,)) for w in range(writers)]
        for thread in threads:
            thread.start()
        seen = follow(ledger, 2 * writers * rounds)
        for thread in threads:
            thread.join()
        assert [e.seq for e in seen] == list(range(1, 2 * writers * rounds + 1))
        for w in range(writers):
            assert [e.version for e in seen if e.stream == f"w/{w}"] == list(range(1, rounds + 1))
        assert verify(ledger).sound

    def test_writers_of_one_stream_never_both_win(self, ledger: Ledger) -> None:
        """Two duty officers take the same task at the same moment: one of them is told."""
        won: list[int] = []
        ready = threading.Barrier(4)

        def take(officer: int) -> None:
            ready.wait()
            try:
                ledger.append([failed(officer, stream="task/t1")], now=NOW, expected={"task/t1": 0})
            except Conflict:
                return
            won.append(officer)

        threads = [threading.Thread(target=take, args=(o,)) for o in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert [e.body.reason for e in ledger.stream("task/t1")] == [f"时间 out {won[0]}"]


def follow(ledger: Ledger, until: int) -> list[Entry]:
    """Read a growing ledger from its last seen position until an entry, as the event stream of the page does."""
    seen: list[Entry] = []
    while not seen or seen[-1].seq < until:
        seen.extend(ledger.since(seen[-1].seq if seen else 0, limit=37))
    return seen
