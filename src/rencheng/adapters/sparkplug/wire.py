"""The wire format of Protocol Buffers, as far as Sparkplug B uses it: varints, fixed numbers, bytes.

Written out here rather than generated, so that every length is checked before anything is allocated, nesting is
bounded by the code that calls, and nothing is run at import.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.sense.batch import RefusalReason

__all__ = [
    "FIXED32",
    "FIXED64",
    "LENGTH",
    "VARINT",
    "double_of",
    "fields",
    "float_of",
    "tagged",
    "tagged_double",
    "text_of",
    "varint",
]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""Wire types, Protocol Buffers encoding guide, "Message structure"."""

_LARGEST_FIELD = (1 << 29) - 1


def _bad(what: str) -> Refusal:
    return Refusal(RefusalReason.BAD_ROW, f"not a Sparkplug payload: {what}")


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """Walk over the fields of a message.

    Yields
    ------
    tuple of int
        Field number, wire type, and for a varint its value and 0, else where its bytes begin and end.

    Raises
    ------
    Refusal
        If a field is cut short or of a kind that does not exist.
    """
    end = len(data) if end is None else end
    at = start
    while at < end:
        key, at = _varint(data, at, end)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _LARGEST_FIELD:
            raise _bad(f"field number {number}")
        if kind == VARINT:
            value, at = _varint(data, at, end)
            yield number, kind, value, 0
            continue
        if kind == LENGTH:
            size, at = _varint(data, at, end)
        elif kind in {FIXED32, FIXED64}:
            size = 4 if kind == FIXED32 else 8
        else:
            raise _bad(f"wire type {kind}")
        if size > end - at:
            raise _bad(f"field {number} ends in the middle")
        yield number, kind, at, at + size
        at += size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise _bad("a number of more than ten bytes")
    raise _bad("a number ends in the middle")


def text_of(data: bytes, start: int, end: int) -> str:
    """Read a string field.

    Raises
    ------
    Refusal
        ``bad_encoding`` if it is not UTF-8.
    """
    try:
        return data[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(RefusalReason.BAD_ENCODING, "a text is not UTF-8") from error


def float_of(data: bytes, start: int) -> float:
    """Read a float field."""
    return float(struct.unpack_from("<f", data, start)[0])


def double_of(data: bytes, start: int) -> float:
    """Read a double field."""
    return float(struct.unpack_from("<d", data, start)[0])


def varint(value: int) -> bytes:
    """Write a varint.

    Examples
    --------
    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    value &= 0xFFFFFFFFFFFFFFFF
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tagged(number: int, value: int | bytes) -> bytes:
    """Write a field: a number as varint, bytes with their length."""
    if isinstance(value, bytes):
        return varint(number << 3 | LENGTH) + varint(len(value)) + value
    return varint(number << 3 | VARINT) + varint(value)


def tagged_double(number: int, value: float) -> bytes:
    """Write a field as a double."""
    return varint(number << 3 | FIXED64) + struct.pack("<d", value)
