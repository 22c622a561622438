"""What a feed would take of a sample, field by field, and what it would refuse and why; nothing is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from rencheng.adapters.bulk.body import opened_body
from rencheng.adapters.bulk.rows import Rows, read_rows
from rencheng.adapters.decoding import Decoder, Harvest, decoder_of
from rencheng.adapters.decoding.words import Scale
from rencheng.kernel import QUANTITIES, InvalidInput, InvalidReading, NotFound, from_micros
from rencheng.sense.batch import Decoded, Delivery, TimingLimits
from rencheng.sense.feed import TABLE_FORMATS, FeedConfig

__all__ = ["FeedCheck", "FieldTaken", "RowRefused", "check_feed", "deliveries_of_sample"]

_HEX = re.compile(rb"[0-9A-Fa-f\s]+")
_BINARY = ("sparkplug", "sl651", "senml")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTaken:
    """A field that would become a reading.

    Parameters
    ----------
    row : int
        Row or message, from 1.
    field : str
        The feed's own word, column or path.
    found : str
        The value as it was found.
    sensor_id, quantity, unit : str
        What it becomes; the unit is the SI unit of the quantity.
    value : float
        In SI.
    at : datetime
        Event time, UTC.
    known : bool or None
        Whether the city has the sensor; None if no city was asked.
    note : str
        ``late`` or ``future`` by the feed's allowances, ``out of range`` by the quantity's; else empty.
    """

    row: int
    field: str
    found: str
    sensor_id: str
    quantity: str
    unit: str
    value: float
    at: datetime
    known: bool | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefused:
    """A row or field that would be kept aside."""

    row: int
    reason: str
    detail: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCheck:
    """What a feed makes of a sample.

    Parameters
    ----------
    feed_id : str
        The feed.
    rows : int
        Rows or messages in the sample.
    taken : tuple of FieldTaken
        In the order of the sample.
    refused : tuple of RowRefused
        In the order of the sample.
    passed_over : dict of str to int
        Words that the configuration does not list → how often.
    whole : str
        Why nothing of the sample can be taken; empty otherwise.
    """

    feed_id: str
    rows: int
    taken: tuple[FieldTaken, ...]
    refused: tuple[RowRefused, ...]
    passed_over: dict[str, int]
    whole: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether something is taken of known sensors and nothing is refused."""
        return (
            bool(self.taken) and not self.refused and not self.whole and all(t.known is not False for t in self.taken)
        )


class _Traced(Harvest):
    """A harvest that remembers each field as it was found."""

    traced = True

    def __init__(self, limits: TimingLimits) -> None:
        super().__init__(limits)
        self.fields: list[tuple[int, str, str, str, Scale, int]] = []
        self.passed: dict[str, int] = {}

    def take(self, sensor: str, at_us: int, word: str, number: float, scale: Scale) -> None:
        """Add a reading and how it was found."""
        super().take(sensor, at_us, word, number, scale)
        self.fields.append((self.rows, word, f"{number:.15g}", sensor, scale, at_us))

    def pass_over(self, word: str) -> None:
        """Count a word that is not listed."""
        if word in self.passed or len(self.passed) < 1000:
            self.passed[word] = self.passed.get(word, 0) + 1


def deliveries_of_sample(
    config: FeedConfig, path: Path, *, arrived_at: datetime, topic: str = "", one_per_line: bool = False
) -> list[tuple[bytes, Delivery]]:
    """Read a sample: a body as it would arrive, binary formats also as hexadecimal text.

    Parameters
    ----------
    config : FeedConfig
        The feed.
    path : Path
        The sample.
    arrived_at : datetime
        When it is supposed to arrive.
    topic : str
        Topic of the message.
    one_per_line : bool
        The sample is a recording of messages, one line each: topic, a space, the payload (as text, or hexadecimal
        for binary formats), as ``mosquitto_sub -v -F '%t %x'`` writes them.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidInput
        If a line has no topic.
    """
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no sample {path}") from None
    except OSError as error:
        raise InvalidInput(f"cannot be read: {error.strerror}", where=str(path)) from error
    if not one_per_line:
        return [(_from_hex(config, body), Delivery(arrived_at=arrived_at, topic=topic))]
    parts = []
    for number, line in enumerate(body.splitlines(), 1):
        said, space, payload = line.strip().partition(b" ")
        if not said or said.startswith(b"#"):
            continue
        if not space:
            raise InvalidInput("no payload behind the topic", where=f"{path}, line {number}", mend="TOPIC PAYLOAD")
        name = said.decode("utf-8", errors="replace")
        parts.append((_from_hex(config, payload), Delivery(arrived_at=arrived_at, topic=name)))
    return parts


def _from_hex(config: FeedConfig, body: bytes) -> bytes:
    text = b"".join(line for line in body.splitlines() if not line.startswith(b"#"))
    if config.format not in _BINARY or not text.strip() or _HEX.fullmatch(text) is None:
        return body
    digits = b"".join(text.split())
    return bytes.fromhex(digits.decode()) if len(digits) % 2 == 0 else body


def check_feed(
    config: FeedConfig, parts: Sequence[tuple[bytes, Delivery]], *, sensors: frozenset[str] | None = None
) -> FeedCheck:
    """Decode a sample as the feed would and tell of every field.

    Parameters
    ----------
    config : FeedConfig
        The feed.
    parts : sequence of (bytes, Delivery)
        Of :func:`deliveries_of_sample`.
    sensors : frozenset of str, optional
        Sensors of the city.
    """
    decoder = decoder_of(config)
    harvest = _Traced(config.limits)
    try:
        decoded = _decoded(decoder, harvest, parts)
    except InvalidReading as error:
        return FeedCheck(feed_id=config.id, rows=0, taken=(), refused=(), passed_over={}, whole=str(error))
    if config.format in TABLE_FORMATS:
        entries = list(
            zip(_fields_of_table(config, decoded, parts[0][0]), decoded.good["value"].to_pylist(), strict=True)
        )
    else:
        entries = list(_finite(harvest, decoded))
    arrived_at = parts[0][1].arrived_at if parts else from_micros(0)
    taken = [_taken(config, entry, value, arrived_at, sensors) for entry, value in entries]
    refused = tuple(RowRefused(**row) for row in decoded.refused.to_pylist())
    return FeedCheck(
        feed_id=config.id,
        rows=decoded.rows,
        taken=tuple(sorted(taken, key=lambda entry: entry.row)),
        refused=refused,
        passed_over=dict(sorted(harvest.passed.items())),
    )


def _decoded(decoder: Decoder, harvest: _Traced, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
    if decoder.config.format in TABLE_FORMATS and decoder.config.signature is None and len(parts) == 1:
        return decoder.decode(*parts[0])  # says what is wrong with the whole instead of keeping it aside
    decoder.gather_all(harvest, parts)
    return harvest.decoded()


def _finite(harvest: _Traced, decoded: Decoded) -> Iterator[tuple[tuple[int, str, str, str, Scale, int], float]]:
    """Each field with the value stored for it; fields beyond all numbers in SI were kept aside meanwhile."""
    values = iter(decoded.good["value"].to_pylist())
    for entry in harvest.fields:
        scale = entry[4]
        if np.isfinite(float(entry[2]) * scale.factor + scale.offset):
            yield entry, next(values)


def _taken(
    config: FeedConfig,
    entry: tuple[int, str, str, str, Scale, int],
    value: float,
    arrived_at: datetime,
    sensors: frozenset[str] | None,
) -> FieldTaken:
    row, field, found, sensor, scale, at_us = entry
    of = QUANTITIES[scale.quantity]
    at = from_micros(at_us)
    notes = []
    if at < arrived_at - timedelta(seconds=min(config.limits.allowance_late_s, 1e9)):
        notes.append("late")
    if at > arrived_at + timedelta(seconds=min(config.limits.clock_ahead_s, 1e9)):
        notes.append("future")
    if not of.low <= value <= of.high:
        notes.append("out of range")
    return FieldTaken(
        row=row,
        field=field,
        found=found,
        sensor_id=sensor,
        quantity=of.name,
        unit=of.unit,
        value=value,
        at=at,
        known=None if sensors is None else sensor in sensors,
        note=", ".join(notes),
    )


def _fields_of_table(
    config: FeedConfig, decoded: Decoded, body: bytes
) -> Iterator[tuple[int, str, str, str, Scale, int]]:
    """Each reading of a table with the cell it came from."""
    if not decoded.good.num_rows:
        return
    rows = read_rows(config, opened_body(config, body))
    good = decoded.good
    stamps = good["at"].cast(pa.int64()).to_pylist()
    cells = _columns_of(config, good)
    numbers = _line_numbers(rows)
    for place, (row, sensor, quantity) in enumerate(
        zip(good["row"].to_pylist(), good["sensor_id"].to_pylist(), good["quantity"].to_pylist(), strict=True)
    ):
        column = cells[place]
        found = str(rows.table[column][row].as_py()).strip()
        number = int(numbers[row]) if row < len(numbers) else row + 1
        yield number, column, found, sensor, Scale(quantity, 0.0, 0.0), stamps[place]


def _columns_of(config: FeedConfig, good: pa.Table) -> list[str]:
    """Column of each reading: readings of a wide table come column by column, each with its rows rising."""
    if config.long is not None:
        return [config.long.value_column] * good.num_rows
    names: list[str] = []
    last, at = -1, 0
    for row, quantity in zip(good["row"].to_pylist(), good["quantity"].to_pylist(), strict=True):
        if row <= last:
            at += 1
        while config.columns[at].quantity != quantity:
            at += 1
        last = row
        names.append(config.columns[at].column)
    return names


def _line_numbers(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if not rows.is_text:
        return np.arange(1, rows.table.num_rows + 1, dtype=np.int64)
    return rows.line_numbers()[0]
