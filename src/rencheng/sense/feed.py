"""Feed configuration: a TOML file tells how a feed's rows become readings, so that a new source needs no code."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rencheng.kernel import InvalidConfig, InvalidInput, NotFound, quantity, to_si
from rencheng.sense.batch import TimingLimits
from rencheng.sense.layout import TIME_FORMATS, LongLayout, TimeColumn, WideColumn, zone
from rencheng.sense.message import (
    SENSOR_FIELDS,
    JsonMessage,
    RegulatorStation,
    SenmlMessage,
    Signing,
    template_fault,
)
from rencheng.sense.source import HttpSource, Source, source_from_dict

__all__ = [
    "MESSAGE_FORMATS",
    "TABLE_FORMATS",
    "FeedConfig",
    "LongLayout",
    "TimeColumn",
    "WideColumn",
    "feed_config_from_dict",
    "read_feed_config",
    "zone",
]

TABLE_FORMATS = ("csv", "ndjson", "arrow", "parquet")
"""Formats of bulk bodies: rows with columns."""
MESSAGE_FORMATS = ("json", "senml", "sparkplug", "sl651", "hj212")
"""Formats of messages: words with values."""
_MEND = "See docs/reference/feeds.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """How one feed is read.

    Parameters
    ----------
    id : str
        Name of the feed in facts and in the store.
    format : str
        One of :data:`TABLE_FORMATS` or :data:`MESSAGE_FORMATS`.
    time : TimeColumn
        The instant.
    sensor_column : str
        Column of the sensor's id, or its path in a JSON message.
    columns : tuple of WideColumn
        Wide layout, or the words of a message; empty for the long layout.
    long : LongLayout, optional
        Long layout (tables and JSON).
    sensor : str
        Template of the sensor's id where no column has it, e.g. ``gauge-{-2}`` for the last but one topic level.
    compression : str
        ``auto`` (gzip found by its first bytes), ``gzip`` or ``none``.
    missing : tuple of str
        Texts that mean "not measured": no reading and no refusal.
    max_body_bytes, max_decoded_bytes : int
        Largest body as received, and after decompression.
    max_depth : int
        Deepest nesting of a JSON or CBOR message.
    json, senml, station : tables of the formats of that name
        ``station`` is for SL 651 and HJ 212.
    signature : Signing, optional
        Device keys; without it signatures are not looked at.
    source : Source
        Where deliveries come from.
    limits : TimingLimits
        Allowances for late and future stamps.
    """

    id: str
    format: str
    time: TimeColumn = field(default_factory=TimeColumn)
    sensor_column: str = ""
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
    sensor: str = ""
    max_depth: int = 32
    json: JsonMessage = field(default_factory=JsonMessage)
    senml: SenmlMessage = field(default_factory=SenmlMessage)
    station: RegulatorStation = field(default_factory=RegulatorStation)
    signature: Signing | None = None
    source: Source = field(default_factory=HttpSource)

    def __post_init__(self) -> None:
        where = f"feed {self.id!r}"
        _one_of(self.format, (*TABLE_FORMATS, *MESSAGE_FORMATS), f"{where} format")
        _one_of(self.compression, ("auto", "gzip", "none"), f"{where} compression")
        if len(self.delimiter) != 1:
            raise InvalidConfig(f"delimiter {self.delimiter!r} is not one character", where=where)
        if self.max_body_bytes <= 0 or self.max_decoded_bytes <= 0 or self.max_depth <= 0:
            raise InvalidConfig("size limits must be positive", where=where)
        self._check_layout(where)
        self._check_sensor(where)
        self._check_encoding(where)
        self._check_time(f"{where} time")
        self._check_units(where)

    def _check_layout(self, where: str) -> None:
        if self.columns and self.long is not None:
            raise InvalidConfig("give either wide columns or the long layout", where=where, mend=_LAYOUT)
        if self.long is not None and self.format not in (*TABLE_FORMATS, "json"):
            raise InvalidConfig(f"the format {self.format} has no long layout", where=where, mend=_LAYOUT)
        if not self.columns and self.long is None and self.format not in ("senml", "sparkplug", "sl651"):
            raise InvalidConfig("give either wide columns or the long layout", where=where, mend=_LAYOUT)

    def _check_sensor(self, where: str) -> None:
        if self.format in TABLE_FORMATS:
            if not self.sensor_column:
                raise InvalidConfig("sensor_column is missing", where=where, mend=_MEND)
            if not self.time.column:
                raise InvalidConfig("the table [feed.time] with its column is missing", where=where, mend=_MEND)
            if self.sensor:
                raise InvalidConfig("a sensor template is for messages", where=where, mend="Use sensor_column")
            return
        if self.format == "json" and not (self.sensor_column or self.sensor):
            raise InvalidConfig("neither sensor_column nor sensor", where=where, mend="Say who measured; see the docs")
        if self.sensor and (fault := template_fault(self.sensor, self.format)):
            raise InvalidConfig(f"sensor {self.sensor!r} {fault}", where=where)

    def _check_encoding(self, where: str) -> None:
        try:
            "".encode(self.encoding)
        except LookupError:
            raise InvalidConfig(
                f"unknown encoding {self.encoding!r}", where=where, mend="Use utf-8, gb18030, latin-1 …"
            ) from None

    def _check_time(self, where: str) -> None:
        if self.time.format not in TIME_FORMATS and "%" not in self.time.format:
            raise InvalidConfig(
                f"unknown time format {self.time.format!r}",
                where=where,
                mend=f"Use {', '.join(TIME_FORMATS)} or a strptime pattern such as %d/%m/%Y %H:%M",
            )
        if self.time.timezone:
            zone(self.time.timezone, where=where)

    def _check_units(self, where: str) -> None:
        words: set[str] = set()
        for column in self.columns:
            at = f"{where} column {column.column!r}"
            of = quantity(column.quantity, where=at)
            if not column.unit and self.format in (*TABLE_FORMATS, "hj212"):
                raise InvalidConfig("the unit is missing", where=at, mend=f"Use one of: {', '.join(of.units)}")
            to_si(0.0, column.unit or of.unit, of, where=at)
            if column.column in words and self.format in MESSAGE_FORMATS:
                raise InvalidConfig("is there twice", where=at)
            words.add(column.column)
        if self.long is not None:
            for name in self.long.quantities.values():
                named = quantity(name, where=f"{where} long.quantities")
                if self.long.unit:
                    to_si(0.0, self.long.unit, named, where=f"{where} long.unit")


_LAYOUT = "Write [[feed.columns]] tables or one [feed.long] table"

assert set(SENSOR_FIELDS) == set(MESSAGE_FORMATS)


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
        raise NotFound(f"there is no feed configuration {path}", mend=_MEND) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not TOML: {error}", where=str(path)) from error
    if not isinstance(data.get("feed"), dict):
        raise InvalidConfig("there is no [feed] table", where=str(path), mend=_MEND)
    config = feed_config_from_dict(data["feed"], where=str(path))
    if config.signature is None:
        return config
    keys = str(path.parent / config.signature.keys)
    return dataclasses.replace(config, signature=dataclasses.replace(config.signature, keys=keys))


_TABLES: Mapping[str, type[Any]] = {
    "time": TimeColumn,
    "long": LongLayout,
    "limits": TimingLimits,
    "json": JsonMessage,
    "senml": SenmlMessage,
    "station": RegulatorStation,
    "signature": Signing,
}


_SENSORTHINGS: Mapping[str, Any] = {
    "format": "ndjson",
    "sensor_column": "sensor_id",
    "time": {"column": "at"},
    "long": {"quantity_column": "quantity", "value_column": "value"},
}
"""Layout of Observations that clients of SensorThings create; they are decoded by the service itself."""


def feed_config_from_dict(section: Mapping[str, Any], *, where: str) -> FeedConfig:
    """Make a feed configuration of a ``[feed]`` table; ``where`` names the file in messages."""
    source = section.get("source")
    if isinstance(source, Mapping) and source.get("kind") == "sensorthings" and "format" not in section:
        section = {**_SENSORTHINGS, **section}
    _check_keys(FeedConfig, section, f"{where} [feed]")
    for key, cls in _TABLES.items():
        if key in section:
            _check_keys(cls, section[key], f"{where} [feed.{key}]")
    rows = section.get("columns", [])
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        _check_keys(WideColumn, row, f"{where} [[feed.columns]] {number}")
    of = source_from_dict(section["source"], where=where) if "source" in section else HttpSource()
    try:
        config = msgspec.convert({key: value for key, value in section.items() if key != "source"}, FeedConfig)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=f"{where} [feed]", mend=_MEND) from error
    except InvalidInput as error:
        raise InvalidConfig(f"{error.where}: {error.what}", where=where, mend=error.mend) from error
    return dataclasses.replace(config, source=of)


def _check_keys(cls: type[Any], values: Any, where: str) -> None:
    if not isinstance(values, Mapping):
        raise InvalidConfig("must be a table", where=where, mend=_MEND)
    fields = cls.__dataclass_fields__
    for key in values:
        if key not in fields:
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Use: {', '.join(fields)}")


def _one_of(value: str, legal: tuple[str, ...], where: str) -> None:
    if value not in legal:
        raise InvalidConfig(f"{value!r} is not known", where=where, mend=f"Use one of: {', '.join(legal)}")
