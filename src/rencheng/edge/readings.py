"""What local rules read of a body; everything is handed over to the core as it came, whatever this makes of it."""

from __future__ import annotations

import csv
import io
import tomllib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from rencheng.kernel import QUANTITIES, InvalidConfig, InvalidReading, NotFound, micros

__all__ = ["EdgeFeed", "EdgeReading", "read_edge_feed", "unfolded"]

_TO_US = {"epoch_s": 1_000_000, "epoch_ms": 1000, "epoch_us": 1}
_FURTHEST_US = 4_102_444_800_000_000
_PAGE = "See docs/reference/feeds.md"


class EdgeReading(NamedTuple):
    """One value of one quantity of one sensor."""

    sensor_id: str
    quantity: str
    at: int
    """Microseconds since 1970."""
    value: float
    """SI unit of the quantity."""


class _Measure(NamedTuple):
    column: str
    quantity: str
    factor: float
    offset: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeFeed:
    """A feed of tables (``ndjson``, ``csv``) as its file says."""

    id: str
    format: str
    sensor_column: str
    time_column: str
    read_time: Callable[[Any], int]
    measures: tuple[_Measure, ...] = ()
    long: dict[str, Any] | None = None
    delimiter: str = ","
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("",)

    def rows(self, body: bytes) -> int:
        """How many rows a body holds, about."""
        lines = body.count(b"\n") + (0 if body.endswith(b"\n") or not body else 1)
        return max(0, lines - 1) if self.format == "csv" else lines

    def readings(self, body: bytes) -> Iterator[EdgeReading]:
        """Give the readings of a body; what cannot be read is passed over, and judged by the core."""
        for row in self._csv(body) if self.format == "csv" else _ndjson(body):
            sensor = row.get(self.sensor_column)
            if not isinstance(sensor, str | int) or sensor == "":
                continue
            try:
                at = self.read_time(row.get(self.time_column))
            except (ValueError, TypeError, OverflowError):
                continue
            if abs(at) <= _FURTHEST_US:
                yield from self._values(str(sensor), at, row)

    def _values(self, sensor: str, at: int, row: dict[str, Any]) -> Iterator[EdgeReading]:
        for column, of, factor, offset in self.measures if self.long is None else self._long(row):
            found = row.get(column)
            if isinstance(found, bool) or found is None or found in self.missing:
                continue
            try:
                value = float(found)
            except (ValueError, TypeError):
                continue
            yield EdgeReading(sensor, of, at, value * factor + offset)

    def _long(self, row: dict[str, Any]) -> list[_Measure]:
        assert self.long is not None
        said = row.get(self.long["quantity_column"])
        of = QUANTITIES.get(self.long.get("quantities", {}).get(said, said))
        unit = row.get(self.long.get("unit_column", "")) or self.long.get("unit") or (of.unit if of else "")
        if of is None or unit not in of.units:
            return []
        return [_Measure(self.long["value_column"], of.name, *of.units[unit])]

    def _csv(self, body: bytes) -> Iterator[dict[str, Any]]:
        text = body.decode(self.encoding, errors="replace").removeprefix("\ufeff")
        try:
            yield from csv.DictReader(io.StringIO(text), delimiter=self.delimiter)
        except csv.Error:
            return


def _ndjson(body: bytes) -> Iterator[dict[str, Any]]:
    decode = msgspec.json.Decoder().decode
    for line in body.splitlines():
        try:
            row = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(row, dict):
            yield row


def unfolded(body: bytes, *, most_bytes: int) -> bytes:
    """Unfold a gzipped body.

    Raises
    ------
    InvalidReading
        If it is broken, cut short, or larger than allowed.
    """
    unzip = zlib.decompressobj(wbits=31)
    try:
        plain = unzip.decompress(body, most_bytes + 1)
    except zlib.error as error:
        raise InvalidReading(f"the gzip is broken: {error}", mend="Send it whole, or plain") from error
    if len(plain) > most_bytes:
        raise InvalidReading(f"unfolded it is larger than {most_bytes:,} bytes", mend="Send it in parts")
    if not unzip.eof:
        raise InvalidReading("the gzip is cut short", mend="Send it whole, or plain")
    return plain


def read_edge_feed(path: Path) -> EdgeFeed:
    """Read a feed's file, the same as the core's.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If it is not of a kind that a gateway keeps: tables of ``ndjson`` or ``csv`` with a time of their own.
    """
    try:
        feed = tomllib.loads(path.read_text(encoding="utf-8"))["feed"]
    except FileNotFoundError:
        raise NotFound(f"there is no feed configuration {path}", mend=_PAGE) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise InvalidConfig(f"no TOML with a table [feed]: {error}", where=str(path), mend=_PAGE) from error
    where = f"{path} [feed]"
    if feed.get("format") not in {"ndjson", "csv"}:
        mend = "Use ndjson or csv: a body must carry its own times to be the same readings when it is handed over later"
        raise InvalidConfig(f"format {feed.get('format')!r} is not kept at the edge", where=where, mend=mend)
    time = feed.get("time", {})
    try:
        return EdgeFeed(
            id=feed["id"],
            format=feed["format"],
            sensor_column=feed["sensor_column"],
            time_column=time["column"],
            read_time=_time_reader(time.get("format", "iso8601"), time.get("timezone", ""), where),
            measures=tuple(_measure(row, where) for row in feed.get("columns", [])),
            long=_long_layout(feed, where),
            delimiter=feed.get("delimiter", ","),
            encoding=feed.get("encoding", "utf-8"),
            missing=tuple(feed.get("missing", [""])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidConfig(f"key {error} is missing or wrong", where=where, mend=_PAGE) from error


def _long_layout(feed: dict[str, Any], where: str) -> dict[str, Any] | None:
    long: dict[str, Any] | None = feed.get("long")
    if (long is None) == ("columns" not in feed):
        raise InvalidConfig("give either wide columns or the long layout", where=where, mend=_PAGE)
    if long is not None:
        for key in ("quantity_column", "value_column"):
            long[key] = str(long[key])
    return long


def _measure(row: dict[str, Any], where: str) -> _Measure:
    of = QUANTITIES.get(row["quantity"])
    unit = row.get("unit") or (of.unit if of else "")
    if of is None or unit not in of.units:
        raise InvalidConfig(f"quantity {row['quantity']!r} in {unit!r} is not known", where=where, mend=_PAGE)
    return _Measure(row["column"], of.name, *of.units[unit])


def _time_reader(form: str, zone: str, where: str) -> Callable[[Any], int]:
    if form in _TO_US:
        to_us = _TO_US[form]
        return lambda found: round(float(found) * to_us)
    local = _zone(zone, where)

    def instant(found: Any) -> int:
        at = datetime.fromisoformat(found) if form == "iso8601" else datetime.strptime(found, form)  # noqa: DTZ007 — the zone is put on below
        if at.tzinfo is None:
            if local is None:
                raise ValueError(found)
            at = at.replace(tzinfo=local)
        return micros(at)

    return instant


def _zone(name: str, where: str) -> Any:
    if not name:
        return None
    try:
        if name[0] in "+-":
            return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise InvalidConfig(f"timezone {name!r} is not known", where=where, mend="IANA name or offset") from error
