"""Instants of single messages; the columns of tables are read all at once in ``adapters.bulk``."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.kernel import micros
from rencheng.sense.batch import RefusalReason
from rencheng.sense.layout import TimeColumn, zone

__all__ = ["FURTHEST_US", "epoch_us", "instant_reader"]

FURTHEST_US = 4_102_444_800_000_000
"""2100-01-01: a stamp beyond it is in another unit."""

_TO_US = {"epoch_s": 1_000_000, "epoch_ms": 1000, "epoch_us": 1}


def epoch_us(value: float, to_us: int) -> int:
    """Microseconds since 1970 of a number of seconds, milliseconds or microseconds.

    Raises
    ------
    Refusal
        If there is no such instant between 1970's mirror in 1840 and 2100.
    """
    stamp = value * to_us
    if not math.isfinite(stamp) or abs(stamp) > FURTHEST_US:
        raise Refusal(RefusalReason.BAD_TIME, f"{value} is no instant")
    return round(stamp)


def instant_reader(time: TimeColumn) -> Callable[[Any], int]:
    """Give the function that reads an instant as a feed writes it, in microseconds since 1970.

    The function raises :class:`Refusal` with ``bad_time`` or ``naive_time``.
    """
    local = zone(time.timezone) if time.timezone else None
    to_us = _TO_US.get(time.format)
    is_iso = time.format == "iso8601"

    def from_number(value: Any) -> int:
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise Refusal(RefusalReason.BAD_TIME, f"{value[:40]!r} is no number") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refusal(RefusalReason.BAD_TIME, f"a {type(value).__name__} is no instant")
        assert to_us is not None
        return epoch_us(value, to_us)

    def from_text(value: Any) -> int:
        if not isinstance(value, str):
            raise Refusal(RefusalReason.BAD_TIME, f"a {type(value).__name__} is no instant")
        try:
            at = datetime.fromisoformat(value) if is_iso else datetime.strptime(value, time.format)  # noqa: DTZ007 — the zone is put on below
        except ValueError:
            raise Refusal(RefusalReason.BAD_TIME, f"{value[:40]!r} is no instant") from None
        if at.tzinfo is None:
            if local is None:
                raise Refusal(RefusalReason.NAIVE_TIME, f"{value[:40]!r} has no offset")
            at = at.replace(tzinfo=local)
        try:
            return micros(at.astimezone(UTC))
        except OverflowError:
            raise Refusal(RefusalReason.BAD_TIME, f"{value[:40]!r} is no instant") from None

    return from_text if to_us is None else from_number
