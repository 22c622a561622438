"""Texts of SL 651 messages: serial number, times and element values, in hexadecimal and in ASCII coding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.regulator.sl651_elements import FIVE_MINUTE_SERIES, word_of
from rencheng.adapters.regulator.sl651_frame import Sl651Frame
from rencheng.sense.batch import RefusalReason

__all__ = ["REPORTS", "ElementValue", "Sl651Message", "bcd_time", "read_message"]

REPORTS = (0x30, 0x31, 0x32, 0x33, 0x34, 0x37, 0x38, 0x3A)
"""Function codes whose text holds values: test, even period, timed, added and hourly reports, answers to queries."""
_SERIES = (0x31, 0x38)
"""Function codes whose element is followed by many values a time step apart (sections 6.6.4.4 and 6.6.4.12)."""
_FIVE_MINUTES = timedelta(minutes=5)


class ElementValue(NamedTuple):
    """A value: the element's word, its instant, the number (None: the station says it is invalid), or a refusal."""

    word: str
    at: datetime
    value: float | None


class Sl651Message(NamedTuple):
    """What a text begins with, and its values in their order; a value that cannot be read is a refusal."""

    serial: int
    sent_at: datetime
    observed_at: datetime
    values: list[ElementValue | Refusal]


def bcd_time(digits: str, local: tzinfo) -> datetime:
    """Read ``YYMMDDHHmm[SS]``; years are of this century.

    Raises
    ------
    Refusal
        ``bad_time``.
    """
    if digits.isdigit() and digits.isascii() and len(digits) in {10, 12}:
        parts = [int(digits[i : i + 2]) for i in range(0, len(digits), 2)]
        try:
            year, month, day, hour, minute, second = (2000 + parts[0], *parts[1:], 0)[:6]
            return datetime(year, month, day, hour, minute, second, tzinfo=local)
        except ValueError:
            pass
    raise Refusal(RefusalReason.BAD_TIME, f"{digits!r} is no time")


def read_message(frame: Sl651Frame, local: tzinfo) -> Sl651Message:
    """Read the text of a frame, or of the last one of a message with all texts joined.

    Raises
    ------
    Refusal
        If it has no serial number and time; nothing of it can be taken.
    """
    if frame.is_ascii:
        return _ascii_message(frame.body, local)
    if len(frame.body) < 8:
        raise Refusal(RefusalReason.BAD_ROW, "the text has no serial number and time")
    serial = int.from_bytes(frame.body[:2], "big")
    sent_at = bcd_time(frame.body[2:8].hex(), local)
    reader = _Elements(frame.body, 8, sent_at, local)
    values = list(reader.all(series=frame.function in _SERIES)) if frame.function in REPORTS else []
    return Sl651Message(serial, sent_at, reader.at, values)


class _Elements:
    """Walks over the elements of a hexadecimal text."""

    def __init__(self, body: bytes, place: int, sent_at: datetime, local: tzinfo) -> None:
        self.body = body
        self.place = place
        self.at = sent_at
        self.local = local
        self.step = timedelta(0)

    def all(self, *, series: bool) -> Iterator[ElementValue | Refusal]:
        try:
            while self.place < len(self.body):
                yield from self._element(series=series)
        except Refusal as refusal:  # where an element ends is not known any more
            yield refusal

    def _bytes(self, count: int) -> bytes:
        part = self.body[self.place : self.place + count]
        if len(part) < count:
            raise Refusal(RefusalReason.BAD_ROW, "an element ends in the middle")
        self.place += count
        return part

    def _element(self, *, series: bool) -> Iterator[ElementValue | Refusal]:
        guide, shape = self._bytes(2)
        if guide == shape == 0xF1:
            self._bytes(6)
        elif guide == shape == 0xF0:
            self.at = bcd_time(self._bytes(5).hex(), self.local)
        elif guide == shape and guide in {0xF2, 0xF3}:  # text typed in by hand, pictures: to the end
            self.place = len(self.body)
        elif guide in FIVE_MINUTE_SERIES:
            yield from self._five_minutes(guide)
        elif guide == 0x04:
            self._time_step(self._bytes(shape >> 3))
        else:
            word = word_of(guide)
            if guide == 0xFF:  # extended identifier: one more byte
                word, shape = f"FF{shape:02X}", self._bytes(1)[0]
            yield from self._values(word, shape, series=series)

    def _values(self, word: str, shape: int, *, series: bool) -> Iterator[ElementValue | Refusal]:
        size, digits = shape >> 3, shape & 7
        at = self.at
        rest = len(self.body) - self.place - size
        again = rest // size if series and self.step and size and rest % size == 0 else 0
        for _ in range(1 + again):
            raw = self._bytes(size)
            try:
                yield ElementValue(word, at, _bcd_value(raw, digits))
            except Refusal as refusal:
                yield Refusal(refusal.reason, f"element {word}: {refusal.detail}")
            at += self.step

    def _five_minutes(self, guide: int) -> Iterator[ElementValue]:
        size, unit = FIVE_MINUTE_SERIES[guide]
        invalid = (1 << 8 * size) - 1
        for back in range(11, -1, -1):
            count = int.from_bytes(self._bytes(size), "big")
            value = None if count == invalid else round(count * unit, 2)
            yield ElementValue(word_of(guide), self.at - back * _FIVE_MINUTES, value)

    def _time_step(self, raw: bytes) -> None:
        digits = raw.hex()
        if len(digits) != 6 or not digits.isdigit():
            raise Refusal(RefusalReason.BAD_TIME, f"time step {digits!r} is none")
        self.step = timedelta(days=int(digits[:2]), hours=int(digits[2:4]), minutes=int(digits[4:]))


def _bcd_value(raw: bytes, digits: int) -> float | None:
    """Decimal digits, two a byte; a leading FF is a minus (section 6.6.3.3), nothing but FF or AA is invalid."""
    if not raw or raw in {b"\xff" * len(raw), b"\xaa" * len(raw)}:
        return None
    sign = -1.0 if raw[0] == 0xFF else 1.0
    text = (raw[1:] if raw[0] == 0xFF else raw).hex()
    if not text.isdigit():
        raise Refusal(RefusalReason.BAD_NUMBER, f"{raw.hex().upper()} is no decimal")
    return sign * int(text) / 10.0**digits


def _ascii_message(body: bytes, local: tzinfo) -> Sl651Message:
    try:
        text = body.decode("ascii")
        serial = int(text[:4], 16)
    except ValueError:
        raise Refusal(RefusalReason.BAD_ROW, "the text has no serial number") from None
    sent_at = bcd_time(text[4:16], local)
    words = text[16:].split()
    at = sent_at
    values: list[ElementValue | Refusal] = []
    place = 0
    while place < len(words):
        word = words[place].upper()
        if place + 1 == len(words):
            values.append(Refusal(RefusalReason.BAD_ROW, f"element {word}: no value"))
            break
        said = words[place + 1]
        place += 2
        if word == "TT":
            at = bcd_time(said, local)
        elif word == "ST":
            place += place < len(words) and len(words[place]) == 1  # the station's kind
        elif word in {"DRP", "DRZ1", "DRZ2"}:
            values += _ascii_series(word, said, at)
        else:
            values.append(_ascii_value(word, said, at))
    return Sl651Message(serial, sent_at, at, values)


def _ascii_value(word: str, said: str, at: datetime) -> ElementValue | Refusal:
    if set(said) <= set("Mm/"):  # section 6.6.3: marks of an invalid value
        return ElementValue(word, at, None)
    try:
        return ElementValue(word, at, float(said))
    except ValueError:
        return Refusal(RefusalReason.BAD_NUMBER, f"element {word}: {said[:40]!r} is no number")


def _ascii_series(word: str, said: str, at: datetime) -> Iterator[ElementValue | Refusal]:
    size, unit = (2, 0.1) if word == "DRP" else (4, 0.01)
    if len(said) != 12 * size:
        yield Refusal(RefusalReason.BAD_ROW, f"element {word}: {len(said)} characters, not {12 * size}")
        return
    for number in range(12):
        digits = said[number * size : (number + 1) * size]
        try:
            count = int(digits, 16)
        except ValueError:
            yield Refusal(RefusalReason.BAD_NUMBER, f"element {word}: {digits!r} is no number")
            continue
        value = None if count == (1 << 4 * size) - 1 else round(count * unit, 2)
        yield ElementValue(word, at - (11 - number) * _FIVE_MINUTES, value)
