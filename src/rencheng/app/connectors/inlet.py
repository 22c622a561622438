"""The inlet of a feed: what its connection decodes with, hands in through, and is judged by."""

from __future__ import annotations

import logging
import math
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.signing import SignedDecoder
from rencheng.app.connectors.device_clocks import DeviceClocks, WrongClock
from rencheng.app.intake_desk import IntakeDesk
from rencheng.kernel import InvalidReading, micros
from rencheng.sense import Decoded, Delivery, FeedConfig, Intake
from rencheng.sense.batch import GOOD_SCHEMA, REFUSED_SCHEMA, REMEMBERED_SCHEMA, Placed, RefusalReason
from rencheng.sense.feed import MESSAGE_FORMATS

__all__ = ["FeedCondition", "FeedInlet", "joined_batches"]

_LOG = logging.getLogger(__name__)
_RATE_S = 60.0
"""Time constant of the rate that is shown."""
_STEP_S = 10.0
_STEPS = 60
"""The course of the rate is kept for ten minutes."""
_QUIET_GAPS, _QUIET_S = 6.0, 120.0
"""A feed that was not heard for so many of its usual gaps, and so long, is silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCondition:
    """How a feed is.

    Parameters
    ----------
    feed_id, name, kind : str
        The feed, its name for people, and its kind of source.
    state : str
        ``waiting`` (not connected yet), ``connected`` or ``failed``; a feed that is pushed to is ``connected``.
    since : datetime
        Since when.
    error : str
        What broke it last; stays after it has mended.
    failed_at : datetime or None
        When that was.
    breaks : int
        How often it broke since the start.
    rows, accepted, repeated, refused : int
        Since the start, as in :class:`rencheng.sense.Intake`.
    rate_per_s : float
        Rows a second, over about the last minute.
    taken_at : datetime or None
        Last acknowledgement.
    lag_s : float or None
        How old the newest reading of the last batch was when it was acknowledged.
    stored : int
        Readings ever stored.
    course : tuple of float
        Rows a second in each ten seconds of the last ten minutes, oldest first.
    usual_gap_s : float or None
        Usual time between two deliveries, a running mean; None before the second.
    is_silent : bool
        Heard before, and not for six usual gaps and two minutes.
    wrong_clocks : tuple of WrongClock
        Devices whose clocks are wrong by more than ``clock_ahead_s``, the worst first.
    """

    feed_id: str
    name: str
    kind: str
    state: str
    since: datetime
    error: str = ""
    failed_at: datetime | None = None
    breaks: int = 0
    rows: int = 0
    accepted: int = 0
    repeated: int = 0
    refused: int = 0
    rate_per_s: float = 0.0
    taken_at: datetime | None = None
    lag_s: float | None = None
    stored: int = 0
    course: tuple[float, ...] = ()
    usual_gap_s: float | None = None
    is_silent: bool = False
    wrong_clocks: tuple[WrongClock, ...] = ()


class FeedInlet:
    """Where the deliveries of one feed go in. Thread-safe.

    Parameters
    ----------
    config : FeedConfig
        The feed.
    desk : IntakeDesk
        Stores what is handed in.
    clock : callable
        Tells the run's now.
    last_position : str or None
        Position of the feed's last batch, as the store knows it from an earlier run.
    """

    def __init__(
        self, config: FeedConfig, desk: IntakeDesk, *, clock: Callable[[], datetime], last_position: str | None = None
    ) -> None:
        self.config, self.clock, self.last_position = config, clock, last_position
        self._desk = desk
        self._decoder = decoder_of(config)
        self._remembers = config.signature is not None or config.format == "sparkplug"
        self._decoding = threading.Lock()
        self._lock = threading.Lock()
        now = clock()
        is_pushed = config.source.kind == "http" or not getattr(config.source, "mqtt", True)
        state = "connected" if is_pushed else "waiting"
        self.remembered = REMEMBERED_SCHEMA.empty_table()
        self._clocks = DeviceClocks(config.limits.clock_ahead_s)
        self._of = {"state": state, "since": now, "error": "", "failed_at": None, "breaks": 0}
        self._rows = self._accepted = self._repeated = self._refused = 0
        self._rate, self._rated_at = 0.0, now
        self._taken_at: datetime | None = None
        self._lag_s: float | None = None
        self._gap_s: float | None = None
        self._steps: deque[tuple[int, int]] = deque(maxlen=_STEPS + 1)

    def reconfigure(self, config: FeedConfig) -> None:
        """Go by another configuration of the same feed from the next delivery on; counts go on.

        Raises
        ------
        InvalidConfig, NotFound
            If it cannot be decoded by; then the old one stays.
        """
        fresh = decoder_of(config)
        with self._decoding:
            if isinstance(fresh, SignedDecoder) and isinstance(self._decoder, SignedDecoder):
                fresh.verifier.windows = self._decoder.verifier.windows  # a counter used before stays used
            self.config, self._decoder = config, fresh
            self._remembers = config.signature is not None or config.format == "sparkplug"

    def recall(self, remembered: pa.Table) -> None:
        """Take over what the feed's protocol committed with its batches."""
        self.remembered = remembered
        if isinstance(self._decoder, SignedDecoder):
            with self._decoding:
                self._decoder.verifier.recall(remembered)

    def settle(self, batch: Decoded) -> None:
        """Take as said for good what came with a batch that is stored."""
        if batch.remembered.num_rows and isinstance(self._decoder, SignedDecoder):
            with self._decoding:
                self._decoder.verifier.settle(batch.remembered)

    def forget(self, batch: Decoded) -> None:
        """Take as never said what came with a batch that could not be stored; it may come again."""
        if batch.remembered.num_rows and isinstance(self._decoder, SignedDecoder):
            with self._decoding:
                self._decoder.verifier.forget(batch.remembered)

    @property
    def decoder(self) -> object:
        """The feed's decoder; protocols with memory keep theirs in it."""
        return self._decoder

    @property
    def _tells_clocks(self) -> bool:
        """Whether what comes is single messages of devices with stamps of their own."""
        return self.config.format in MESSAGE_FORMATS and not self.stamps_on_arrival

    @property
    def stamps_on_arrival(self) -> bool:
        """Whether a delivery's readings get their time from its arrival, so that its bytes do not name it."""
        return self.config.format == "json" and not self.config.time.column

    def decode(self, body: bytes, delivery: Delivery) -> Decoded:
        """Decode one body.

        Raises
        ------
        InvalidReading
            If nothing of it can be taken.
        """
        if not self._remembers:
            return self._decoder.decode(body, delivery)
        with self._decoding:
            return self._decoder.decode(body, delivery)

    def decode_many(self, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
        """Decode messages that come together; whatever they hold, nothing is raised.

        A message refused to a broker would come back for ever, so one that breaks its decoder is kept aside too.
        """
        try:
            with self._decoding:
                return self._decoder.decode_many(parts)
        except Exception as error:  # noqa: BLE001 — it is logged and kept aside, or it would come back for ever
            if len(parts) > 1:
                return joined_batches([self.decode_many([part]) for part in parts], self.config)
            if not isinstance(error, InvalidReading):
                _LOG.exception("a message of feed %r broke its decoder", self.config.id)
            return _kept_aside(parts[0][0], str(error), self.config)

    def offer(self, position: str, batch: Decoded, *, timeout_s: float | None = None) -> Future[Intake]:
        """Hand a batch in; see :meth:`IntakeDesk.offer`."""
        if self._tells_clocks:
            with self._lock:
                self._clocks.note(batch.good, micros(self.clock()))
        stored = self._desk.offer(self.config.id, position, batch, timeout_s=timeout_s)
        if not batch.remembered.num_rows:
            return stored
        done: Future[Intake] = Future()

        def tell(future: Future[Intake]) -> None:
            error = future.exception()
            if error is None:
                self.settle(batch)
                done.set_result(future.result())
            else:  # before anybody hears of it and sends it again
                self.forget(batch)
                done.set_exception(error)

        stored.add_done_callback(tell)
        return done

    def took(self, intakes: Sequence[Intake]) -> None:
        """Note acknowledgements."""
        with self._lock:
            for intake in intakes:
                if intake.again:
                    continue
                self._note_course(intake)
                passed_s = max(0.0, (intake.taken_at - self._rated_at).total_seconds())
                self._rate = self._rate * math.exp(-passed_s / _RATE_S) + intake.rows / _RATE_S
                self._rated_at = max(self._rated_at, intake.taken_at)
                self._rows += intake.rows
                self._accepted += intake.accepted
                self._repeated += intake.repeated
                self._refused += intake.refused
                self._taken_at = intake.taken_at
                if intake.last_at is not None:
                    self._lag_s = (intake.taken_at - intake.last_at).total_seconds()

    def _note_course(self, intake: Intake) -> None:
        step = int(intake.taken_at.timestamp() // _STEP_S)
        if self._steps and self._steps[-1][0] == step:
            self._steps[-1] = (step, self._steps[-1][1] + intake.rows)
        else:
            self._steps.append((step, intake.rows))
        if self._taken_at is not None:
            gap_s = max(0.0, (intake.taken_at - self._taken_at).total_seconds())
            self._gap_s = gap_s if self._gap_s is None else 0.8 * self._gap_s + 0.2 * gap_s

    def _course(self, now: datetime) -> tuple[float, ...]:
        last = int(now.timestamp() // _STEP_S)
        rows = dict(self._steps)
        return tuple(rows.get(step, 0) / _STEP_S for step in range(last - _STEPS, last))

    def _is_silent(self, now: datetime) -> bool:
        if self._taken_at is None or self._gap_s is None:
            return False
        return (now - self._taken_at).total_seconds() > max(_QUIET_GAPS * self._gap_s, _QUIET_S)

    def connected(self) -> None:
        """Note that the connection stands."""
        with self._lock:
            if self._of["state"] != "connected":
                self._of |= {"state": "connected", "since": self.clock()}

    def failed(self, why: str) -> bool:
        """Note that the connection broke; tells whether that is news."""
        with self._lock:
            news = self._of["state"] != "failed"
            now = self.clock()
            if news:
                self._of |= {"state": "failed", "since": now, "breaks": int(str(self._of["breaks"])) + 1}
            self._of |= {"error": why, "failed_at": now}
            return news

    def condition(self) -> FeedCondition:
        """How the feed is now."""
        with self._lock:
            now = self.clock()
            passed_s = max(0.0, (now - self._rated_at).total_seconds())
            return FeedCondition(
                feed_id=self.config.id,
                name=self.config.name or self.config.id,
                kind=self.config.source.kind,
                rows=self._rows,
                accepted=self._accepted,
                repeated=self._repeated,
                refused=self._refused,
                rate_per_s=self._rate * math.exp(-passed_s / _RATE_S),
                taken_at=self._taken_at,
                lag_s=self._lag_s,
                course=self._course(now),
                usual_gap_s=self._gap_s,
                is_silent=self._is_silent(now),
                wrong_clocks=self._clocks.wrong(),
                **self._of,  # type: ignore[arg-type]  # the five fields of the connection
            )


def joined_batches(batches: Sequence[Decoded], config: FeedConfig) -> Decoded:
    """Batches one after the other as one; rows of refusals count on."""
    refused: list[pa.Table] = []
    good: list[pa.Table] = []
    begun: list[int] = []
    rows = 0
    for batch in batches:
        table = batch.refused
        numbers = pa.array([number + rows for number in table["row"].to_pylist()], pa.int64())
        refused.append(table.set_column(0, REFUSED_SCHEMA.field("row"), numbers))
        plain = batch.good.select(GOOD_SCHEMA.names).cast(GOOD_SCHEMA)
        known = batch.good["row"].to_pylist() if "row" in batch.good.column_names else range(plain.num_rows)
        good.append(plain.append_column("row", pa.array([number + rows for number in known], pa.int64())))
        begun.append(rows)
        rows += batch.rows

    def origins(kept_aside: Sequence[int], taken: Sequence[int]) -> list[Placed | None]:
        return [_origin_of(batches, begun, row) for row in (*kept_aside, *taken)]

    return Decoded(
        good=pa.concat_tables(good),
        refused=pa.concat_tables(refused),
        rows=rows,
        limits=config.limits,
        origins=origins,
        remembered=pa.concat_tables([batch.remembered for batch in batches]),
    )


def _origin_of(batches: Sequence[Decoded], begun: Sequence[int], row: int) -> Placed | None:
    """Where a row of joined messages comes from; both kinds of row count from 1 in messages."""
    k = bisect_left(begun, row) - 1
    of = batches[k].origins if k >= 0 else None
    return None if of is None else of([row - begun[k]], [])[0]


def _kept_aside(body: bytes, why: str, config: FeedConfig) -> Decoded:
    raw = body[:1000].decode("utf-8", errors="backslashreplace").replace("\0", "\\x00")
    row = {"row": 1, "raw": raw, "reason": RefusalReason.BAD_ROW, "detail": why[:500]}
    refused = pa.Table.from_pylist([row], schema=REFUSED_SCHEMA)
    return Decoded(good=GOOD_SCHEMA.empty_table(), refused=refused, rows=1, limits=config.limits)
