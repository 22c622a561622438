"""What sensing gives the stages above to read, and what it needs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import IntFlag
from typing import Protocol

import pyarrow as pa

__all__ = ["QualityFlag", "Readings"]


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

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        """Last reading per sensor and quantity not later than ``at``; has a ``quantity`` column besides."""
        ...
