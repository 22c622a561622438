"""How a feed writes instants, numbers and names: columns of a table, or words of a message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rencheng.kernel import InvalidConfig

__all__ = ["TIME_FORMATS", "LongLayout", "TimeColumn", "WideColumn", "zone"]

TIME_FORMATS = ("iso8601", "epoch_s", "epoch_ms", "epoch_us")
"""Ways to write an instant besides strptime patterns."""

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeColumn:
    """Where a row's instant stands and how it is written.

    Parameters
    ----------
    column : str
        Name of the column, or path in a JSON message; empty where readings bear the stamp of their arrival.
    format : str
        ``iso8601`` (also with a space for the T), ``epoch_s``, ``epoch_ms``, ``epoch_us``, or a strptime pattern.
    timezone : str
        Zone of stamps without offset: an IANA name or a fixed offset such as ``-03:00``. Without it a stamp that
        has no offset is refused.
    """

    column: str = ""
    format: str = "iso8601"
    timezone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WideColumn:
    """A column, or a word of a message, that holds one quantity in one unit.

    Parameters
    ----------
    column : str
        Name of the column, path in a JSON message, SenML name, Sparkplug metric, SL 651 element or HJ 212 factor.
    quantity : str
        Name in the quantity table.
    unit : str
        A legal unit of it; empty for the unit that the message itself names, else the SI unit.
    """

    column: str
    quantity: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LongLayout:
    """Rows that name their quantity themselves.

    Parameters
    ----------
    quantity_column, value_column : str
        Names of the columns, or paths in a JSON message.
    unit_column : str
        Column of the unit; empty where ``unit`` holds for all rows, or where values are in SI units.
    unit : str
        Unit of all rows; empty for the SI unit of each quantity.
    quantities : mapping of str to str
        The feed's own word → name in the quantity table; other words must be names of the table.
    """

    quantity_column: str
    value_column: str
    unit_column: str = ""
    unit: str = ""
    quantities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def zone(text: str, *, where: str = "") -> tzinfo:
    """Read an IANA zone name or a fixed offset.

    Examples
    --------
    >>> zone("-03:00").utcoffset(None).total_seconds()
    -10800.0
    """
    if match := _OFFSET.fullmatch(text):
        minutes = int(match[2]) * 60 + int(match[3])
        return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidConfig(
            f"unknown time zone {text!r}", where=where, mend="Use an IANA name (Asia/Shanghai) or an offset (+08:00)"
        ) from None
