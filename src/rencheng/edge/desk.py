"""The desk of an agent: one thread takes all that comes in, asks the local rules, and puts it on the disk together."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec

from rencheng.edge.journal import Body, Change, Journal, LogNote
from rencheng.edge.orders import LocalOrder, OrderBook, OrderChange
from rencheng.edge.readings import EdgeReading
from rencheng.edge.watch import AlarmWatch, LocalAlarm
from rencheng.kernel import OrderRefused, StorageFailed, canonical_json

__all__ = ["Desk", "Offer", "OrderMessage"]

_LOG = logging.getLogger(__name__)
_TICK_S = 0.25
"""How often timers and officers' wishes are looked at."""
_MOST_WAITING = 256
_MOST_TOGETHER = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A body that somebody hands in, and its readings."""

    body: Body
    readings: Sequence[EdgeReading]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMessage:
    """A message to people on the spot; said again under the same id it is the same message."""

    message_id: str
    order: LocalOrder
    channel: str
    what: str
    """The order's action, or ``cancel``."""
    at: int
    by: str
    edge_id: str


class Desk:
    """Takes bodies, wishes and timers. :meth:`offer` and :meth:`note` may be called from any thread.

    Parameters
    ----------
    edge_id : str
        The gateway.
    open_journal : callable
        Opens the desk's own connection, in its thread.
    watch, book : AlarmWatch, OrderBook
        Local rules and standing orders; the desk's own from now on.
    most_bytes : int
        Bodies that may wait for the core.
    lag_us : int
        The clock of detection stays so far behind.
    clock : callable
        Microseconds since 1970.
    send : callable
        Takes messages to people, as soon as they are on the disk, or though the disk refuses.
    """

    def __init__(
        self,
        edge_id: str,
        open_journal: Callable[[], Journal],
        watch: AlarmWatch,
        book: OrderBook,
        *,
        most_bytes: int,
        lag_us: int,
        clock: Callable[[], int],
        send: Callable[[Sequence[OrderMessage]], None],
    ) -> None:
        self._edge_id, self._open_journal, self._watch, self._book = edge_id, open_journal, watch, book
        self._most_bytes, self._lag_us, self._clock, self._send = most_bytes, lag_us, clock, send
        self._queue: queue.Queue[tuple[Offer, Future[int]]] = queue.Queue(_MOST_WAITING)
        self._notes: queue.SimpleQueue[tuple[LogNote, str]] = queue.SimpleQueue()
        self._owed = Change()
        """What a commit that failed was to write besides bodies."""
        self._written: dict[str, LocalOrder] = {order.order_id: order for order in book.standing.values()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edge-desk", daemon=True)
        self._known_waiting = 0
        self.failure = ""
        """Why the disk refuses; empty while it does not."""

    def start(self) -> None:
        """Begin to take."""
        self._thread.start()

    def close(self) -> None:
        """Take what waits, and end."""
        self._stop.set()
        self._thread.join()

    def is_alive(self) -> bool:
        """Whether the desk works."""
        return self._thread.is_alive()

    def offer(self, offer: Offer, *, timeout_s: float) -> int:
        """Hand a body in; when this returns it is on the disk. Gives its rows.

        Raises
        ------
        StorageFailed
            If the disk refuses it, or there is no room for it; it is not kept, and is to be sent again. Local rules
            have seen it all the same.
        """
        done: Future[int] = Future()
        try:
            self._queue.put((offer, done), timeout=timeout_s)
        except queue.Full:
            raise StorageFailed("the gateway is too busy", mend="Send it again, later") from None
        return done.result(timeout_s * 3)

    def note(self, note: LogNote, sent: str = "") -> None:
        """Put a note into the log soon, with the message that it ends."""
        self._notes.put((note, sent))

    def _run(self) -> None:
        with self._open_journal() as journal:
            ticked = 0.0
            while not (self._stop.is_set() and self._queue.empty()):
                parts = self._gather()
                change = Change()
                fresh: list[OrderMessage] = []
                full = self._take(journal, parts, change, fresh)
                if time.monotonic() - ticked >= _TICK_S:
                    ticked = time.monotonic()
                    self._tick(journal, change, fresh)
                while not self._notes.empty():
                    note, sent = self._notes.get()
                    change.notes.append(note)
                    change.sent += [sent] if sent else []
                self._commit(journal, change, fresh, parts, full)
            self._commit(journal, Change(), [], [], set())

    def _gather(self) -> list[tuple[Offer, Future[int]]]:
        try:
            parts = [self._queue.get(timeout=_TICK_S)]
        except queue.Empty:
            return []
        while len(parts) < _MOST_TOGETHER and not self._queue.empty():
            parts.append(self._queue.get())
        return parts

    def _take(
        self, journal: Journal, parts: list[tuple[Offer, Future[int]]], change: Change, fresh: list[OrderMessage]
    ) -> set[int]:
        """Ask the rules about bodies; gives the places of those for which there is no room."""
        if not parts:
            return set()
        waiting = self._waiting(journal)
        full = set()
        now = self._clock()
        for place, (offer, _) in enumerate(parts):
            self._heed(self._watch.take(offer.readings, now), now, change, fresh)
            waiting += len(offer.body.body)
            if waiting > self._most_bytes:
                waiting -= len(offer.body.body)
                full.add(place)
            else:
                change.bodies.append(offer.body)
        return full

    def _waiting(self, journal: Journal) -> int:
        try:
            self._known_waiting = journal.counts().get("waiting_bytes", 0)
        except StorageFailed as error:
            _LOG.error("%s", error)
        return self._known_waiting

    def _tick(self, journal: Journal, change: Change, fresh: list[OrderMessage]) -> None:
        now = self._clock()
        self._heed(self._watch.advance(now - self._lag_us), now, change, fresh)
        for ended in self._book.lapse(now):
            self._say(ended, change, fresh)
        for wish, order_id, by, reason in self._wishes(journal):
            try:
                done = self._book.cancel(order_id, by=by, reason=reason, now_us=now)
            except OrderRefused as error:
                change.answers.append((wish, str(error)))
                continue
            self._say(done, change, fresh)
            change.answers.append((wish, "yes"))

    def _wishes(self, journal: Journal) -> list[tuple[int, str, str, str]]:
        if self.failure:
            return []  # what was answered could not be written: they would be heard twice
        try:
            return journal.wishes()
        except StorageFailed as error:
            _LOG.error("%s", error)
            return []

    def _heed(self, alarms: list[LocalAlarm], now: int, change: Change, fresh: list[OrderMessage]) -> None:
        for alarm in alarms:
            change.notes.append(LogNote("alarm", now, canonical_json(alarm).decode()))
        for said in self._book.judge(alarms, now):
            self._say(said, change, fresh)

    def _say(self, said: OrderChange, change: Change, fresh: list[OrderMessage]) -> None:
        body = canonical_json({"what": said.what, "by": said.by, "reason": said.reason, "order": said.order})
        change.notes.append(LogNote("order", said.at, body.decode()))
        if said.what == "joined":
            return
        what = said.order.action if said.what == "given" else "cancel"
        by = said.by or f"edge:{self._edge_id}"
        fresh += [
            OrderMessage(
                message_id=f"{said.order.order_id}/{what}/{channel}",
                order=said.order,
                channel=channel,
                what=what,
                at=said.at,
                by=by,
                edge_id=self._edge_id,
            )
            for channel in said.order.channels
        ]

    def _commit(
        self,
        journal: Journal,
        change: Change,
        fresh: list[OrderMessage],
        parts: list[tuple[Offer, Future[int]]],
        full: set[int],
    ) -> None:
        encode = msgspec.msgpack.encode
        change.messages += [(message.message_id, encode(message)) for message in fresh]
        change.memory += self._watch.touched()
        change.orders += self._moved_orders()
        owed = self._owed
        for name in ("notes", "memory", "orders", "messages", "sent", "answers"):
            setattr(change, name, [*getattr(owed, name), *getattr(change, name)])
        error: StorageFailed | None = None
        if not change.is_empty():
            try:
                journal.commit(change)
            except StorageFailed as refused:
                error = refused
                change.bodies = []
        self._owed = Change() if error is None else change
        self._tell(error)
        self._send(fresh)  # people first: an order goes out though the disk refuses
        for place, (offer, done) in enumerate(parts):
            if error is not None:
                done.set_exception(error)
            elif place in full:
                done.set_exception(StorageFailed("no room for readings until the core is back", mend="Send it again"))
            else:
                done.set_result(offer.body.rows)

    def _tell(self, error: StorageFailed | None) -> None:
        if (error is not None) != bool(self.failure):
            _LOG.log(logging.ERROR if error else logging.INFO, "%s", error or "the disk takes again")
        self.failure = "" if error is None else str(error)

    def _moved_orders(self) -> list[tuple[str, bool, bytes]]:
        standing = {order.order_id: order for order in self._book.standing.values()}
        moved = [o for name, o in standing.items() if self._written.get(name) != o]
        ended = [o for name, o in self._written.items() if name not in standing]
        self._written = standing
        encode = msgspec.msgpack.encode
        return [(o.order_id, True, encode(o)) for o in moved] + [(o.order_id, False, encode(o)) for o in ended]
