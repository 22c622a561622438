"""Instants are aware UTC. Anything naive is refused at the border; ``now`` is always an argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "format_instant",
    "from_micros",
    "hours",
    "local_to_utc",
    "micros",
    "parse_instant",
    "require_utc",
    "seconds",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def require_utc(instant: datetime, *, name: str = "instant") -> datetime:
    """Return the instant in UTC; refuse a naive one.

    Raises
    ------
    InvalidInput
        If ``instant`` has no time zone.
    """
    if instant.tzinfo is None:
        raise InvalidInput(
            f"{name} {instant.isoformat()} has no time zone", mend="Give an offset, e.g. ...Z or ...+08:00"
        )
    return instant.astimezone(UTC)


def parse_instant(text: str, *, name: str = "instant") -> datetime:
    """Read an RFC 3339 instant with offset into aware UTC.

    Examples
    --------
    >>> parse_instant("2024-05-01T09:00:00-03:00").isoformat()
    '2024-05-01T12:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"{name} {text!r} is not an RFC 3339 instant", mend="Write e.g. 2024-05-01T12:00:00Z"
        ) from error
    return require_utc(instant, name=name)


def format_instant(instant: datetime) -> str:
    """Write an instant as RFC 3339 in UTC with ``Z``, without fraction where that is zero."""
    return require_utc(instant).isoformat().replace("+00:00", "Z")


def local_to_utc(instant: datetime, zone: ZoneInfo) -> datetime:
    """Read a naive local wall-clock time of a zone as UTC (the earlier one where the clock repeats)."""
    return instant.replace(tzinfo=zone, fold=0).astimezone(UTC)


def micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z, exact."""
    return (require_utc(instant) - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """Give the instant of :func:`micros`."""
    return _EPOCH + timedelta(microseconds=value)


def hours(value: float) -> timedelta:
    """Duration of so many hours."""
    return timedelta(hours=value)


def seconds(value: float) -> timedelta:
    """Duration of so many seconds."""
    return timedelta(seconds=value)
