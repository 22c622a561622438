"""Times of the standard: an instant or an interval of ISO 8601, kept as microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = ["MOST_US", "Span", "duration_s", "instant_text", "read_span", "span_text"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
MOST_US = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // _US
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)([Zz]|[+\- ]\d{2}:?\d{2})?)?"
)
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@dataclass(frozen=True, slots=True)
class Span:
    """An instant (both ends the same) or an interval, in microseconds since 1970 (UTC); ``offset_min`` as written."""

    start_us: int
    end_us: int
    offset_min: int = field(default=0, compare=False)

    @property
    def is_instant(self) -> bool:
        """Whether both ends are the same."""
        return self.start_us == self.end_us


def read_span(text: str, *, where: str = "time") -> Span:
    """Read an instant or an interval ``start/end``; without an offset it is UTC.

    Raises
    ------
    Refusal
        If it is neither.

    Examples
    --------
    >>> read_span("1970-01-01T00:00:01Z")
    Span(start_us=1000000, end_us=1000000, offset_min=0)
    """
    first, slash, second = text.partition("/")
    start, offset = _read_instant(first.strip(), where)
    if not slash:
        return Span(start, start, offset)
    end, _ = _read_instant(second.strip(), where)
    if end < start:
        raise Refusal(f"the interval {text!r} ends before it begins", where=where)
    return Span(start, end, offset)


def _read_instant(text: str, where: str) -> tuple[int, int]:
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise Refusal(f"{text[:60]!r} is not a time of ISO 8601", where=where, mend="Write e.g. 2024-05-01T12:00:00Z")
    day, clock, zone = found.groups()
    zone = (zone or "Z").replace(" ", "+").upper()
    clock = (clock or "00:00:00").replace(",", ".")
    if "." in clock:
        whole, _, fraction = clock.partition(".")
        clock = f"{whole}.{fraction[:6]:0<6}"
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone == 'Z' else zone}")
        micros = (at - _EPOCH) // _US
    except (ValueError, OverflowError) as error:
        raise Refusal(f"{text[:60]!r} is not a time: {error}", where=where) from error
    if not -62_135_510_400_000_000 < micros < MOST_US:
        raise Refusal(f"{text[:60]!r} is out of range", where=where)
    offset = at.utcoffset() or timedelta()
    return micros, int(offset.total_seconds() // 60)


def duration_s(text: str, *, where: str) -> float:
    """Read a duration such as ``PT1H30M`` in seconds."""
    found = _DURATION.fullmatch(text)
    if found is None or text.strip("-") in {"P", "PT"} or text.endswith("T"):
        raise Refusal(f"{text[:60]!r} is not a duration of ISO 8601", where=where, mend="Write e.g. PT1H30M")
    sign, days, hours, minutes, seconds = found.groups()
    total = float(days or 0) * 86400 + float(hours or 0) * 3600 + float(minutes or 0) * 60 + float(seconds or 0)
    if total > 1e12:
        raise Refusal(f"{text[:60]!r} is out of range", where=where)
    return -total if sign else total


def instant_text(us: int) -> str:
    """Write an instant with ``Z``; the fraction only where there is one, in milliseconds where that is enough.

    Examples
    --------
    >>> instant_text(1_500_000)
    '1970-01-01T00:00:01.500Z'
    """
    at = (_EPOCH + us * _US).replace(tzinfo=None)
    spec = "seconds" if us % 1_000_000 == 0 else "milliseconds" if us % 1000 == 0 else "microseconds"
    return at.isoformat(timespec=spec) + "Z"


def span_text(span: Span) -> str:
    """Write an instant, or an interval ``start/end``."""
    if span.is_instant:
        return instant_text(span.start_us)
    return f"{instant_text(span.start_us)}/{instant_text(span.end_us)}"
