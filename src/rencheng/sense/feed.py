"""Feed configuration: a TOML file tells how a feed's rows become readings, so that a new source needs no code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from rencheng.kernel import InvalidConfig, InvalidInput, NotFound, quantity, to_si
from rencheng.sense.batch import TimingLimits

__all__ = ["FeedConfig", "LongLayout", "TimeColumn", "WideColumn", "feed_config_from_dict", "read_feed_config", "zone"]

_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_TIME_FORMATS = ("iso8601", "epoch_s", "epoch_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeColumn:
    """Where a row's instant stands and how it is written.

    Parameters
    ----------
    column : str
        Name of the column.
    format : str
        ``iso8601`` (also with a space for the T), ``epoch_s``, ``epoch_ms``, or a strptime pattern.
    timezone : str
        Zone of stamps without offset: an IANA name or a fixed offset such as ``-03:00``. Without it a stamp that
        has no offset is refused.
    """

    column: str
    format: str = "iso8601"
    timezone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WideColumn:
    """A column that holds one quantity in one unit."""

    column: str
    quantity: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LongLayout:
    """Rows that name their quantity themselves.

    Parameters
    ----------
    quantity_column, value_column : str
        Names of the columns.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """How one feed is read.

    Parameters
    ----------
    id : str
        Name of the feed in facts and in the store.
    format : str
        ``csv`` or ``ndjson``.
    time : TimeColumn
        The instant.
    sensor_column : str
        Column of the sensor's id.
    columns : tuple of WideColumn
        Wide layout; empty for the long one.
    long : LongLayout, optional
        Long layout.
    compression : str
        ``auto`` (gzip found by its first bytes), ``gzip`` or ``none``.
    missing : tuple of str
        Texts that mean "not measured": no reading and no refusal.
    max_body_bytes, max_decoded_bytes : int
        Largest body as received, and after decompression.
    limits : TimingLimits
        Allowances for late and future stamps.
    """

    id: str
    format: str
    time: TimeColumn
    sensor_column: str
    columns: tuple[WideColumn, ...] = ()
    long: LongLayout | None = None
    name: str = ""
    compression: str = "auto"
    delimiter: str = ","
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("",)
    max_body_bytes: int = 64 * 1024 * 1024
    max_decoded_bytes: int = 1024 * 1024 * 1024
    limits: TimingLimits = field(default_factory=TimingLimits)

    def __post_init__(self) -> None:
        where = f"feed {self.id!r}"
        _one_of(self.format, ("csv", "ndjson"), f"{where} format")
        _one_of(self.compression, ("auto", "gzip", "none"), f"{where} compression")
        if len(self.delimiter) != 1:
            raise InvalidConfig(f"delimiter {self.delimiter!r} is not one character", where=where)
        if bool(self.columns) == (self.long is not None):
            raise InvalidConfig(
                "give either wide columns or the long layout",
                where=where,
                mend="Write [[feed.columns]] tables or one [feed.long] table",
            )
        if self.max_body_bytes <= 0 or self.max_decoded_bytes <= 0:
            raise InvalidConfig("size limits must be positive", where=where)
        self._check_encoding(where)
        self._check_time(f"{where} time")
        self._check_units(where)

    def _check_encoding(self, where: str) -> None:
        try:
            "".encode(self.encoding)
        except LookupError:
            raise InvalidConfig(
                f"unknown encoding {self.encoding!r}", where=where, mend="Use utf-8, gb18030, latin-1 …"
            ) from None

    def _check_time(self, where: str) -> None:
        if self.time.format not in _TIME_FORMATS and "%" not in self.time.format:
            raise InvalidConfig(
                f"unknown time format {self.time.format!r}",
                where=where,
                mend=f"Use {', '.join(_TIME_FORMATS)} or a strptime pattern such as %d/%m/%Y %H:%M",
            )
        if self.time.timezone:
            zone(self.time.timezone, where=where)

    def _check_units(self, where: str) -> None:
        for column in self.columns:
            at = f"{where} column {column.column!r}"
            to_si(0.0, column.unit, quantity(column.quantity, where=at), where=at)
        if self.long is not None:
            for name in self.long.quantities.values():
                named = quantity(name, where=f"{where} long.quantities")
                if self.long.unit:
                    to_si(0.0, self.long.unit, named, where=f"{where} long.unit")


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


def read_feed_config(path: Path) -> FeedConfig:
    """Read a feed configuration.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If it is not TOML, a key is unknown or missing, or a quantity, unit or zone does not exist.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no feed configuration {path}", mend="See docs/reference/feeds.md") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not TOML: {error}", where=str(path)) from error
    if not isinstance(data.get("feed"), dict):
        raise InvalidConfig("there is no [feed] table", where=str(path), mend="See docs/reference/feeds.md")
    return feed_config_from_dict(data["feed"], where=str(path))


def feed_config_from_dict(section: Mapping[str, Any], *, where: str) -> FeedConfig:
    """Make a feed configuration of a ``[feed]`` table; ``where`` names the file in messages."""
    _check_keys(FeedConfig, section, f"{where} [feed]")
    for key, cls in (("time", TimeColumn), ("long", LongLayout), ("limits", TimingLimits)):
        if key in section:
            _check_keys(cls, section[key], f"{where} [feed.{key}]")
    rows = section.get("columns", [])
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        _check_keys(WideColumn, row, f"{where} [[feed.columns]] {number}")
    try:
        return msgspec.convert(section, FeedConfig)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=f"{where} [feed]", mend="See docs/reference/feeds.md") from error
    except InvalidInput as error:
        raise InvalidConfig(f"{error.where}: {error.what}", where=where, mend=error.mend) from error


def _check_keys(cls: type[Any], values: Any, where: str) -> None:
    if not isinstance(values, Mapping):
        raise InvalidConfig("must be a table", where=where, mend="See docs/reference/feeds.md")
    fields = cls.__dataclass_fields__
    for key in values:
        if key not in fields:
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Use: {', '.join(fields)}")


def _one_of(value: str, legal: tuple[str, ...], where: str) -> None:
    if value not in legal:
        raise InvalidConfig(f"{value!r} is not known", where=where, mend=f"Use one of: {', '.join(legal)}")
