"""Mapped JSON: the feed's configuration names the paths, no code is written for a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from rencheng.adapters.decoding.decoder import MessageDecoder, told_of
from rencheng.adapters.decoding.harvest import RAW_CHARACTERS, Harvest
from rencheng.adapters.decoding.instants import instant_reader
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.decoding.words import Scale, Words, number_of, sensor_namer
from rencheng.adapters.json_paths.parsing import parse_json, utf8_body
from rencheng.adapters.json_paths.paths import ABSENT, JsonPath, parse_path
from rencheng.kernel import micros
from rencheng.sense.batch import Decoded, Delivery, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["JsonDecoder", "decode"]


class JsonDecoder(MessageDecoder):
    """Decodes JSON messages by paths.

    Parameters
    ----------
    config : FeedConfig
        A feed of the format ``json``.

    Raises
    ------
    InvalidConfig
        If a path cannot be read.
    """

    def __init__(self, config: FeedConfig) -> None:
        super().__init__(config)
        where = f"feed {config.id!r}"
        records = config.json.records
        self._records = parse_path(records, where=f"{where} json.records", many=True) if records else None
        self._sensor = (
            parse_path(config.sensor_column, where=f"{where} sensor_column") if config.sensor_column else None
        )
        self._name = sensor_namer(config.sensor)
        self._time = parse_path(config.time.column, where=f"{where} time.column") if config.time.column else None
        self._instant = instant_reader(config.time)
        self._words = Words(config.columns, {})
        scales = [(column, self._words.scale(column.column, "")) for column in config.columns]
        self._columns: list[tuple[JsonPath, Scale]] = [
            (parse_path(column.column, where=f"{where} column {column.column!r}"), scale)
            for column, scale in scales
            if scale is not None
        ]
        self._long = _LongPaths(config) if config.long is not None else None

    def gather(self, harvest: Harvest, body: bytes, delivery: Delivery) -> None:
        """Add the readings of a message."""
        root = parse_json(utf8_body(body, self.config.encoding), deepest=self.config.max_depth)
        for record in self._each(root):
            harvest.rows += 1
            try:
                self._gather_record(harvest, root, record, delivery)
            except Refusal as refusal:
                harvest.refuse(_raw(root, record, body), refusal.reason, told_of(refusal, delivery))

    def _each(self, root: Any) -> Iterator[Any]:
        if self._records is not None:
            return self._records.each(root)
        return iter(root) if type(root) is list else iter([root])

    def _gather_record(self, harvest: Harvest, root: Any, record: Any, delivery: Delivery) -> None:
        if type(record) is not dict and type(record) is not list:
            raise Refusal(RefusalReason.BAD_ROW, f"a record is a {type(record).__name__}, not an object")
        sensor = self._sensor_of(root, record, delivery)
        at = self._stamp_of(root, record, delivery)
        parts = self._columns if self._long is None else [self._long.part(root, record, self._words)]
        for path, scale in parts:
            value = path.find(root if path.from_root else record)
            if value is ABSENT:
                continue
            try:
                number = number_of(value, self.config.missing)
            except Refusal as refusal:
                told = Refusal(refusal.reason, f"sensor {sensor}, field {path.text}: {refusal.detail}")
                harvest.refuse(_raw(root, record, b""), told.reason, told_of(told, delivery))
                continue
            if number is not None:
                harvest.take(sensor, at, path.text, number, scale)

    def _sensor_of(self, root: Any, record: Any, delivery: Delivery) -> str:
        if self._sensor is None:
            return self._name(delivery.topic, {"device": delivery.device, "peer": delivery.peer})
        found = self._sensor.find(root if self._sensor.from_root else record)
        sensor = str(found).strip() if type(found) in (str, int) else ""
        if not sensor:
            raise Refusal(RefusalReason.NO_SENSOR, f"field {self._sensor.text}: no sensor")
        return sensor

    def _stamp_of(self, root: Any, record: Any, delivery: Delivery) -> int:
        if self._time is None:
            return micros(delivery.arrived_at)
        found = self._time.find(root if self._time.from_root else record)
        if found is ABSENT or found is None:
            raise Refusal(RefusalReason.BAD_TIME, f"field {self._time.text}: there is none")
        try:
            return self._instant(found)
        except Refusal as refusal:
            raise Refusal(refusal.reason, f"field {self._time.text}: {refusal.detail}") from None


class _LongPaths:
    """Paths of the long layout."""

    def __init__(self, config: FeedConfig) -> None:
        layout = config.long
        assert layout is not None
        where = f"feed {config.id!r} long"
        self._layout = layout
        self._quantity = parse_path(layout.quantity_column, where=f"{where}.quantity_column")
        self._value = parse_path(layout.value_column, where=f"{where}.value_column")
        self._unit = parse_path(layout.unit_column, where=f"{where}.unit_column") if layout.unit_column else None

    def part(self, root: Any, record: Any, words: Words) -> tuple[JsonPath, Scale]:
        word = self._quantity.find(root if self._quantity.from_root else record)
        if type(word) is not str:
            raise Refusal(RefusalReason.UNKNOWN_QUANTITY, f"field {self._quantity.text}: names no quantity")
        unit: Any = self._layout.unit
        if self._unit is not None:
            unit = self._unit.find(root if self._unit.from_root else record)
            unit = unit if type(unit) is str else ""
        scale = words.scale(self._layout.quantities.get(word, word), unit)
        assert scale is not None  # nothing is passed over where no words are listed
        return self._value, scale


def _raw(root: Any, record: Any, body: bytes) -> bytes:
    """The text of a record; of the whole body where it is all there is."""
    if record is root and body:
        return body
    return msgspec.json.encode(record)[: RAW_CHARACTERS + 1]


def decode(config: FeedConfig, body: bytes, delivery: Delivery) -> Decoded:
    """Decode one JSON message."""
    return JsonDecoder(config).decode(body, delivery)
