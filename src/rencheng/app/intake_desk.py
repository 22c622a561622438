"""The intake desk: what all feeds deliver goes through one writer, and nobody is acknowledged before the commit.

Feeds offer decoded batches from their own threads. The desk gathers what waits, hands it to the readings store as one
transaction, and only then lets each feed know. While the store writes, the next batches gather, so a slow disk makes
the transactions larger instead of the queue longer; when the queue is full, those who offer wait, and the line behind
them with them (a broker keeps its messages, a socket its bytes).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime

from rencheng.kernel import RenchengError, StorageFailed
from rencheng.sense import Decoded, Intake

__all__ = ["DeskLoad", "IntakeDesk", "Part", "TakeMany", "by_feed"]

_LOG = logging.getLogger(__name__)

Part = tuple[str, str, Decoded]
"""Feed, position in it, and what was decoded."""

TakeMany = Callable[[Sequence[Part], datetime], list[Intake]]
"""Stores parts in one transaction and gives an acknowledgement for each."""


@dataclass(slots=True)
class _Waiting:
    part: Part
    rows: int
    done: Future[Intake] = field(default_factory=Future)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLoad:
    """How busy the desk is.

    Parameters
    ----------
    waiting_rows, waiting_parts : int
        Offered and not yet stored.
    commits : int
        Transactions since the start.
    rows : int
        Rows stored since the start, refused ones among them.
    last_commit_s : float
        How long the last transaction took.
    """

    waiting_rows: int
    waiting_parts: int
    commits: int
    rows: int
    last_commit_s: float


class IntakeDesk:
    """One writer for all feeds.

    Parameters
    ----------
    take_many : callable
        Stores parts in one transaction.
    clock : callable
        Tells the run's now.
    taken : callable
        Told of the acknowledgements after each commit and before the feeds are, in the writer's thread.
    most_rows : int
        Rows that may wait; whoever offers more waits until there is room. One part of any size is let in when nothing
        else waits.
    commit_rows : int
        Rows after which a transaction takes no further part.
    linger_s : float
        How long the first part of a transaction waits for company.
    """

    def __init__(
        self,
        take_many: TakeMany,
        *,
        clock: Callable[[], datetime],
        taken: Callable[[list[Intake]], None] = lambda _: None,
        most_rows: int = 2_000_000,
        commit_rows: int = 500_000,
        linger_s: float = 0.002,
    ) -> None:
        self._take_many, self._clock, self._taken = take_many, clock, taken
        self._most_rows, self._commit_rows, self._linger_s = most_rows, commit_rows, linger_s
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._commits = self._rows = 0
        self._last_commit_s = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="rencheng-intake", daemon=True)
        self._thread.start()

    def offer(self, feed_id: str, position: str, batch: Decoded, *, timeout_s: float | None = None) -> Future[Intake]:
        """Hand a batch in; the future is done when it is committed, or refused.

        Parameters
        ----------
        feed_id, position : str
            The feed, and where in it the batch stands.
        batch : Decoded
            What was decoded.
        timeout_s : float, optional
            How long to wait for room; without end where absent.

        Raises
        ------
        StorageFailed
            If there was no room in time, or the desk is closed.
        """
        waiting = _Waiting((feed_id, position, batch), max(batch.rows, batch.good.num_rows, 1))
        with self._changed:
            room = self._changed.wait_for(lambda: self._closing or self._has_room(waiting.rows), timeout_s)
            if self._closing:
                raise StorageFailed("the intake is closed", where=f"feed {feed_id!r}", mend="Offer it again")
            if not room:
                raise StorageFailed(
                    f"{self._waiting_rows:,} rows wait to be stored already",
                    where=f"feed {feed_id!r}",
                    mend="Offer it again in a moment; nothing of it was taken",
                )
            self._queue.append(waiting)
            self._waiting_rows += waiting.rows
            self._changed.notify_all()
        return waiting.done

    def load(self) -> DeskLoad:
        """How busy the desk is."""
        with self._changed:
            return DeskLoad(
                waiting_rows=self._waiting_rows,
                waiting_parts=len(self._queue),
                commits=self._commits,
                rows=self._rows,
                last_commit_s=self._last_commit_s,
            )

    def close(self) -> None:
        """Store what waits, then stop; what is offered after is refused."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _has_room(self, rows: int) -> bool:
        return not self._queue or self._waiting_rows + rows <= self._most_rows

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or bool(self._queue))
                if not self._queue:
                    return
                self._changed.wait_for(self._is_full, self._linger_s)
                group = self._next_group()
                self._changed.notify_all()
            self._commit(group)

    def _is_full(self) -> bool:
        return self._closing or self._waiting_rows >= self._commit_rows

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        rows = 0
        while self._queue and (not group or rows + self._queue[0].rows <= self._commit_rows):
            waiting = self._queue.popleft()
            rows += waiting.rows
            group.append(waiting)
        self._waiting_rows -= rows
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        begun = time.monotonic()
        stored = self._stored(group)
        with self._changed:
            self._last_commit_s = time.monotonic() - begun
            self._commits += 1
            self._rows += sum(waiting.rows for waiting in group)
        if stored:
            self._taken([intake for _, intake in stored])
        for waiting, intake in stored:
            waiting.done.set_result(intake)

    def _stored(self, group: list[_Waiting]) -> list[tuple[_Waiting, Intake]]:
        """Store a group; where one part breaks the store's own code, the others are stored without it."""
        try:
            intakes = self._take_many([waiting.part for waiting in group], self._clock())
        except StorageFailed as error:  # the disk: it would refuse each part alone too
            for waiting in group:
                waiting.done.set_exception(error)
            return []
        except Exception as error:  # noqa: BLE001 — whoever offered is told; the desk must go on for the other feeds
            if len(group) == 1:
                if not isinstance(error, RenchengError):
                    _LOG.exception("a batch of feed %r could not be stored", group[0].part[0])
                group[0].done.set_exception(error)
                return []
            return [pair for waiting in group for pair in self._stored([waiting])]
        return list(zip(group, intakes, strict=True))


def by_feed(intakes: Iterable[Intake]) -> list[Intake]:
    """Sum the acknowledgements of each feed up: one batch per feed is enough for a turn to know of.

    Parameters
    ----------
    intakes : iterable of Intake
        In the order of their commits. An answer given again counts only where it is the feed's only one.

    Returns
    -------
    list of Intake
        In the order in which the feeds come first; each with the position and the time of its feed's last.
    """
    feeds: dict[str, list[Intake]] = {}
    for intake in intakes:
        feeds.setdefault(intake.feed_id, []).append(intake)
    return [_summed([one for one in ones if not one.again] or ones[-1:]) for ones in feeds.values()]


def _summed(ones: list[Intake]) -> Intake:
    if len(ones) == 1:
        return ones[0]
    begun = [one.first_at for one in ones if one.first_at is not None]
    ended = [one.last_at for one in ones if one.last_at is not None]
    return replace(
        ones[-1],
        rows=sum(one.rows for one in ones),
        accepted=sum(one.accepted for one in ones),
        repeated=sum(one.repeated for one in ones),
        refused=sum(one.refused for one in ones),
        flagged=_counted(one.flagged for one in ones),
        reasons=_counted(one.reasons for one in ones),
        first_at=min(begun, default=None),
        last_at=max(ended, default=None),
    )


def _counted(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
