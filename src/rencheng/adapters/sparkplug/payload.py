"""Payloads of Sparkplug B (Eclipse Sparkplug 3.0.0, chapter 6): metrics with names or aliases, and their values."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.sparkplug.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    double_of,
    fields,
    float_of,
    tagged,
    tagged_double,
    text_of,
)
from rencheng.sense.batch import RefusalReason

__all__ = ["Metric", "Payload", "payload_bytes", "read_payload"]

_COMPRESSED = "SPBV1.0_COMPRESSED"
"""Tahu's convention for a compressed payload: this uuid, the true payload in the body."""
_MOST_METRICS = 100_000
_SIGN_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types Int8, Int16, Int32, Int64 (section 6.4.16), sent as two's complement in unsigned fields."""
_BOOLEAN, _DATE_TIME = 11, 13


@dataclass(slots=True, kw_only=True)
class Metric:
    """One metric of a payload.

    Parameters
    ----------
    name : str
        Empty where only the alias is sent.
    alias : int or None
        Stands for the name from the birth on.
    at_ms : int or None
        When it was measured, milliseconds since 1970.
    datatype : int
        Of section 6.4.16; 0 where it is not sent.
    historical, transient, null : bool
        Flags of section 6.4.6.
    value : int, float, bool, str or None
        As it stands; integers are not yet signed.
    unit : str
        Property ``engUnit``, as gateways name the unit of measure.
    """

    name: str = ""
    alias: int | None = None
    at_ms: int | None = None
    datatype: int = 0
    historical: bool = False
    transient: bool = False
    null: bool = False
    value: int | float | bool | str | None = None
    unit: str = ""

    def number(self, datatype: int) -> float | None:
        """The value as a number; None where nothing was measured.

        Parameters
        ----------
        datatype : int
            The metric's own, or that of its birth.

        Raises
        ------
        Refusal
            ``bad_number`` if it is of another kind.
        """
        if self.null or self.value is None:
            return None
        if isinstance(self.value, bool | str) or datatype in {_BOOLEAN, _DATE_TIME}:
            raise Refusal(RefusalReason.BAD_NUMBER, f"a value of data type {datatype} is no number")
        if isinstance(self.value, int) and (bits := _SIGN_BITS.get(datatype)):
            value = self.value & ((1 << bits) - 1)
            return float(value - (1 << bits) if value >> (bits - 1) else value)
        return float(self.value)


@dataclass(slots=True, kw_only=True)
class Payload:
    """A payload.

    Parameters
    ----------
    at_ms : int or None
        When it was sent, milliseconds since 1970.
    seq : int or None
        Sequence number 0 to 255; NDEATH and commands have none.
    metrics : list of Metric
        In their order.
    """

    at_ms: int | None = None
    seq: int | None = None
    metrics: list[Metric]


def read_payload(data: bytes, *, largest: int) -> Payload:
    """Read a payload, unfolding it if it is compressed.

    Parameters
    ----------
    data : bytes
        The message's body.
    largest : int
        Most bytes that a compressed body may unfold to.

    Raises
    ------
    Refusal
        If it is none; nothing of it can be taken.
    """
    payload, uuid, body = _read(data)
    if uuid != _COMPRESSED:
        return payload
    inner, nested, _ = _read(_unfolded(body, largest))
    if nested == _COMPRESSED:
        raise Refusal(RefusalReason.TOO_DEEP, "a compressed payload inside a compressed payload")
    inner.seq = payload.seq if inner.seq is None else inner.seq
    inner.at_ms = payload.at_ms if inner.at_ms is None else inner.at_ms
    return inner


def _unfolded(body: bytes, largest: int) -> bytes:
    engine = zlib.decompressobj(wbits=47)  # gzip or zlib, by the header
    try:
        out = engine.decompress(body, largest + 1)
    except zlib.error as error:
        raise Refusal(RefusalReason.BAD_ROW, f"the compressed payload is broken: {error}") from error
    if len(out) > largest:
        raise Refusal(RefusalReason.TOO_LARGE, f"the payload unfolds to more than {largest} bytes")
    if not engine.eof:
        raise Refusal(RefusalReason.BAD_ROW, "the compressed payload ends in the middle")
    return out


def _read(data: bytes) -> tuple[Payload, str, bytes]:
    payload = Payload(metrics=[])
    uuid, body = "", b""
    for number, kind, start, end in fields(data):
        if number == 1 and kind == VARINT:
            payload.at_ms = start
        elif number == 2 and kind == LENGTH:
            if len(payload.metrics) == _MOST_METRICS:
                raise Refusal(RefusalReason.TOO_LARGE, f"more than {_MOST_METRICS} metrics")
            payload.metrics.append(_metric(data, start, end))
        elif number == 3 and kind == VARINT:
            payload.seq = start
        elif number == 4 and kind == LENGTH:
            uuid = text_of(data, start, end)
        elif number == 5 and kind == LENGTH:
            body = data[start:end]
    return payload, uuid, body


def _metric(data: bytes, start: int, end: int) -> Metric:
    metric = Metric()
    for number, kind, at, stop in fields(data, start, end):
        if kind == VARINT:
            _set_number(metric, number, at)
        elif number == 1 and kind == LENGTH:
            metric.name = text_of(data, at, stop)
        elif number == 9 and kind == LENGTH:
            metric.unit = _unit(data, at, stop)
        elif number == 12 and kind == FIXED32:
            metric.value = float_of(data, at)
        elif number == 13 and kind == FIXED64:
            metric.value = double_of(data, at)
        elif number in {15, 16, 17, 18, 19} and kind == LENGTH:
            metric.value = text_of(data, at, stop) if number == 15 else "(data)"
    return metric


def _set_number(metric: Metric, number: int, value: int) -> None:
    if number == 2:
        metric.alias = value
    elif number == 3:
        metric.at_ms = value
    elif number == 4:
        metric.datatype = value
    elif number == 5:
        metric.historical = value != 0
    elif number == 6:
        metric.transient = value != 0
    elif number == 7:
        metric.null = value != 0
    elif number in {10, 11}:
        metric.value = value
    elif number == 14:
        metric.value = value != 0


def _unit(data: bytes, start: int, end: int) -> str:
    """The property ``engUnit`` of a property set, whose keys and values stand in parallel lists."""
    keys: list[str] = []
    values: list[str] = []
    for number, kind, at, stop in fields(data, start, end):
        if number == 1 and kind == LENGTH:
            keys.append(text_of(data, at, stop))
        elif number == 2 and kind == LENGTH:
            values.append(_text_property(data, at, stop))
    return next((value for key, value in zip(keys, values, strict=False) if key.lower() == "engunit"), "")


def _text_property(data: bytes, start: int, end: int) -> str:
    for number, kind, at, stop in fields(data, start, end):
        if number == 8 and kind == LENGTH:
            return text_of(data, at, stop)
    return ""


def payload_bytes(payload: Payload) -> bytes:
    """Write a payload; integers go as they stand, floats as doubles."""
    out = b"" if payload.at_ms is None else tagged(1, payload.at_ms)
    for metric in payload.metrics:
        out += tagged(2, _metric_bytes(metric))
    return out if payload.seq is None else out + tagged(3, payload.seq)


def _metric_bytes(metric: Metric) -> bytes:
    out = tagged(1, metric.name.encode()) if metric.name else b""
    for number, count in ((2, metric.alias), (3, metric.at_ms), (4, metric.datatype or None)):
        out += b"" if count is None else tagged(number, count)
    for number, flag in ((5, metric.historical), (6, metric.transient), (7, metric.null)):
        out += tagged(number, 1) if flag else b""
    if metric.unit:
        out += tagged(9, tagged(1, b"engUnit") + tagged(2, tagged(1, 12) + tagged(8, metric.unit.encode())))
    return out + _value_bytes(metric)


def _value_bytes(metric: Metric) -> bytes:
    match metric.value:
        case None:
            return b""
        case bool() as flag:
            return tagged(14, int(flag))
        case int() as count:
            return tagged(11, count) if metric.datatype in {4, 7, 8, 13} else tagged(10, count & 0xFFFFFFFF)
        case str() as text:
            return tagged(15, text.encode())
        case number:
            return tagged_double(13, number)
