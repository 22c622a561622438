"""What sensing gives the stages above to read, and what it needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntFlag
from typing import Protocol

import pyarrow as pa

from rencheng.sense.batch import Decoded, Intake
from rencheng.sense.health import ChannelHealth

__all__ = ["HEALTH_SCHEMA", "Alarms", "QualityFlag", "ReadingStore", "Readings"]

HEALTH_SCHEMA = pa.schema(
    [
        ("sensor_id", pa.string()),
        ("quantity", pa.string()),
        ("last_at", pa.timestamp("us", tz="UTC")),  # last reading taken in order
        ("last_value", pa.float64()),
        ("last_flags", pa.uint16()),
        ("interval_s", pa.float64()),  # configured, else the running median of gaps; NaN until learnt
        ("readings", pa.int64()),
        ("same_since", pa.timestamp("us", tz="UTC")),  # since when the value has not changed
        ("good_value", pa.float64()),  # last value that no check objected to; NaN if none yet
        ("out_of_range", pa.uint8()),  # flagged less unflagged readings of late, 0 … 6
        ("impossible_rate", pa.uint8()),
        ("stuck", pa.uint8()),
        ("datum_jump", pa.uint8()),
    ]
)
"""Columns of :meth:`ReadingStore.health`. The last four are leaky counters: up by one at a reading that carries
the flag, down by one at a reading that does not, kept within 0 and 6."""


class QualityFlag(IntFlag):
    """Why a reading does not deserve full belief; 0 is good."""

    OUT_OF_RANGE = 1
    """Outside the quantity's or channel's physical range."""
    IMPOSSIBLE_RATE = 2
    """Changes faster than nature allows."""
    STUCK = 4
    """Has not changed for longer than nature allows."""
    DUPLICATE_STAMP = 8
    """Another value was already stored for this sensor, quantity and instant."""
    LATE = 16
    """Arrived later than the feed's allowance."""
    DATUM_JUMP = 32
    """Level shifted by a step that persists (gauge zero moved, or altitude reported instead of stage)."""
    FUTURE = 64
    """Stamped ahead of the arrival time by more than the clock allowance."""


class Readings(Protocol):
    """The read side of the readings store, shared by all stages.

    Tables have the columns ``sensor_id`` (string), ``at`` (timestamp[us, UTC]), ``value`` (float64, SI unit of the
    quantity) and ``flags`` (uint16, :class:`QualityFlag` bits), sorted by ``sensor_id`` then ``at``.
    """

    def window(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        good_only: bool = True,
    ) -> pa.Table:
        """Readings with ``start < at <= end``; ``good_only`` leaves out all flagged but LATE ones."""
        ...

    @property
    def commits(self) -> int:
        """Grows with everything that is stored: while it stands still there is nothing new to read."""
        ...

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        """Last reading per sensor and quantity not later than ``at``; has a ``quantity`` column besides."""
        ...


class Alarms(Protocol):
    """The alarms that detection found, as the readings store keeps them."""

    def alarms(
        self,
        *,
        since: int = 0,
        limit: int = 100_000,
        sensor_id: str = "",
        kinds: Sequence[str] = (),
        rules: Sequence[str] = (),
    ) -> pa.Table:
        """Alarm rows in the order in which they became known.

        Columns ``seq`` (int64, ascending for ever) and :data:`rencheng.sense.detection.ALARM_SCHEMA`; rows with
        ``seq > since``, of one sensor, some kinds or some rules where they are named. They are committed with the
        readings that brought them.
        """
        ...

    @property
    def last_alarm(self) -> int:
        """The greatest ``seq`` there is; 0 without any."""
        ...


class ReadingStore(Readings, Alarms, ChannelHealth, Protocol):
    """The readings store with its write side: one transaction per batch.

    Readings, quality flags, refused rows, quality-control state per channel and the feed's position are committed
    together, or nothing is. A position that was acknowledged before is answered with its first acknowledgement.
    """

    def take(self, feed_id: str, position: str, batch: Decoded, *, now: datetime) -> Intake:
        """Store, check and acknowledge a batch.

        Parameters
        ----------
        feed_id : str
            The feed.
        position : str
            Where in the feed the batch stands; names the batch for ever.
        batch : Decoded
            What was decoded.
        now : datetime
            When the batch arrived.

        Raises
        ------
        StorageFailed
            The store refused; nothing of this batch was taken.
        """
        ...

    def take_many(self, parts: Sequence[tuple[str, str, Decoded]], *, now: datetime) -> list[Intake]:
        """Store, check and acknowledge batches of several feeds in one transaction: all of them, or none.

        Parameters
        ----------
        parts : sequence of (feed, position, batch)
            What waits. Readings of one call are checked in the order of their stamps, whichever part they came in; of
            two values for one stamp the one of the earlier part comes first.
        now : datetime
            When they arrived.

        Returns
        -------
        list of Intake
            One per part, in their order. A position acknowledged before, or offered twice, is answered with its
            first acknowledgement.

        Raises
        ------
        StorageFailed
            The store refused; nothing of any part was taken.
        """
        ...

    def advance(self, now: datetime) -> int:
        """Let the timers of detection run to an instant though nothing came; tells how many alarm rows that brought.

        A live run calls it by its clock, so that a city that fell silent altogether is noticed.
        """
        ...

    def position(self, feed_id: str) -> str | None:
        """Position of the feed's last acknowledged batch; ``None`` if it never delivered."""
        ...

    def remembered(self, feed_id: str) -> pa.Table:
        """What a feed's protocol remembered with its batches; :data:`rencheng.sense.batch.REMEMBERED_SCHEMA`."""
        ...

    def refused(self, feed_id: str, limit: int = 100) -> pa.Table:
        """Rows kept aside, newest first: ``position``, ``row``, ``raw``, ``reason``, ``detail``, ``taken_at``."""
        ...

    def count(self) -> int:
        """Number of readings stored, flagged ones among them."""
        ...

    def health(self) -> pa.Table:
        """Condition of every channel that ever reported; columns :data:`HEALTH_SCHEMA`, sorted by sensor, quantity."""
        ...

    def feeds(self) -> pa.Table:
        """Totals per feed.

        Columns ``feed_id``, ``position``, ``taken_at``, ``batches``, ``rows``, ``accepted``, ``repeated``, ``refused``.
        """
        ...

    def close(self) -> None:
        """Release the store."""
        ...
