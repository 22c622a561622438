"""Concise binary objects (CBOR, RFC 8949) from strangers: what SenML needs of them, within bounds.

No tag but that of a decimal fraction has a meaning in SenML (RFC 8428 section 6), so others are read past. Text must
be UTF-8, lengths must be there in the bytes before anything is allocated for them, and nesting is bounded.
"""

from __future__ import annotations

import struct
from typing import Any

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.sense.batch import RefusalReason

__all__ = ["parse_cbor"]

_BREAK: Any = object()
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_LARGEST_DECIMAL_EXPONENT = 400
"""Beyond the range of a double whatever the mantissa of the same message."""


def parse_cbor(body: bytes, *, deepest: int) -> Any:
    """Parse one CBOR data item that fills the body.

    Parameters
    ----------
    body : bytes
        The item.
    deepest : int
        Deepest nesting of arrays, maps and tags.

    Raises
    ------
    Refusal
        ``bad_row``, ``bad_encoding`` or ``too_deep``.

    Examples
    --------
    >>> parse_cbor(bytes.fromhex("a10202"), deepest=4)
    {2: 2}
    """
    reader = _Reader(body, deepest)
    value = reader.item(0)
    if value is _BREAK:
        raise _bad("a break stands outside", reader.at)
    if reader.at != len(body):
        raise _bad(f"{len(body) - reader.at} bytes follow the item", reader.at)
    return value


def _bad(what: str, at: int) -> Refusal:
    return Refusal(RefusalReason.BAD_ROW, f"not CBOR: {what} at byte {at}")


class _Reader:
    __slots__ = ("at", "body", "deepest")

    def __init__(self, body: bytes, deepest: int) -> None:
        self.body = body
        self.at = 0
        self.deepest = deepest

    def item(self, depth: int) -> Any:
        if depth > self.deepest:
            raise Refusal(RefusalReason.TOO_DEEP, f"nested more than {self.deepest} deep")
        head = self._bytes(1)[0]
        major, info = head >> 5, head & 31
        if major == 7:
            return self._simple(info)
        length = None if info == 31 else self._argument(info)
        if major in (0, 1, 6) and length is None:
            raise _bad("an endless number", self.at)
        if major <= 1:
            assert length is not None
            return length if major == 0 else -1 - length
        if major == 2:
            return self._string(length, 2)
        if major == 3:
            return self._text(self._string(length, 3))
        if major == 6:
            return self._tagged(length, depth)
        return self._array(length, depth) if major == 4 else self._map(length, depth)

    def _bytes(self, count: int) -> bytes:
        part = self.body[self.at : self.at + count]
        if len(part) < count:
            raise _bad("it ends in the middle", len(self.body))
        self.at += count
        return part

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise _bad(f"reserved head {info}", self.at)
        return int.from_bytes(self._bytes(1 << (info - 24)), "big")

    def _simple(self, info: int) -> Any:
        if info == 31:
            return _BREAK
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info in (25, 26, 27):
            return float(struct.unpack((">e", ">f", ">d")[info - 25], self._bytes(1 << (info - 24)))[0])
        raise _bad(f"simple value {info}", self.at)

    def _string(self, length: int | None, major: int) -> bytes:
        if length is not None:
            return self._bytes(length)
        parts = []
        while (head := self._bytes(1)[0]) != 0xFF:
            if head >> 5 != major or head & 31 == 31:
                raise _bad("a chunk of another kind", self.at)
            parts.append(self._bytes(self._argument(head & 31)))
        return b"".join(parts)

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refusal(RefusalReason.BAD_ENCODING, f"text before byte {self.at} is not UTF-8") from error

    def _array(self, length: int | None, depth: int) -> list[Any]:
        items: list[Any] = []
        while length is None or len(items) < length:
            value = self.item(depth + 1)
            if value is _BREAK:
                if length is None:
                    break
                raise _bad("a break in the middle", self.at)
            items.append(value)
        return items

    def _map(self, length: int | None, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        count = 0
        while length is None or count < length:
            key = self.item(depth + 1)
            if key is _BREAK and length is None:
                break
            if type(key) not in (int, str):
                raise _bad("a key that is neither number nor text", self.at)
            if key in pairs:
                raise _bad(f"the key {key!r} twice", self.at)
            value = self.item(depth + 1)
            if value is _BREAK:
                raise _bad("a break in the middle", self.at)
            pairs[key] = value
            count += 1
        return pairs

    def _tagged(self, tag: int | None, depth: int) -> Any:
        value = self.item(depth + 1)
        if value is _BREAK:
            raise _bad("a break in the middle", self.at)
        if tag == 4:  # decimal fraction, RFC 8949 section 3.4.4: [exponent, mantissa]
            if type(value) is list and [type(part) for part in value] == [int, int]:
                exponent, mantissa = value
                if abs(exponent) <= _LARGEST_DECIMAL_EXPONENT and abs(mantissa) < 2**64:
                    return float(f"{mantissa}e{exponent}")
            raise _bad("a decimal fraction that is none", self.at)
        return value
