"""The bytes that are signed: JSON in the canonical form of RFC 8785, or a body as it stands."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import msgspec

__all__ = ["body_message", "canonical_json_bytes", "document_message"]

_PREFIX = b"rencheng-signature-1\n"
"""Keeps a signature made for one purpose from being used for another."""
_EXPONENT = re.compile(r"e([+-])0*(\d+)")
_LARGEST_EXACT = 2**53


def canonical_json_bytes(value: Any) -> bytes:
    r"""Write JSON as RFC 8785 does: keys sorted by UTF-16 units, no spaces, numbers as ECMAScript writes them.

    Raises
    ------
    ValueError
        If a number is not finite, or an integer has no exact double.

    Examples
    --------
    >>> canonical_json_bytes({"b": 1.0, "a": [1e21, 1e-7, "é"]})
    b'{"a":[1e+21,1e-7,"\xc3\xa9"],"b":1}'
    """
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return b"{" + b",".join(_text(key) + b":" + canonical_json_bytes(item) for key, item in items) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical_json_bytes, value)) + b"]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return {None: b"null", True: b"true", False: b"false"}[value]


def _text(value: str) -> bytes:
    return msgspec.json.encode(value)


def _number(value: float) -> bytes:
    """ECMAScript's shortest form: plain digits from 1e-6 up to 1e21, else an exponent without leading zeros."""
    if isinstance(value, int):
        if abs(value) > _LARGEST_EXACT:
            raise ValueError(f"{value} has no exact double")
        return str(value).encode()
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    if value == 0:
        return b"0"
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), "f").removesuffix(".0").encode()
    return _EXPONENT.sub(r"e\1\2", repr(value)).encode()


def body_message(device: str, counter: int, body: bytes) -> bytes:
    """What is signed of a body whose signature comes beside it (HTTP headers, MQTT 5 user properties)."""
    return _PREFIX + f"{device}\n{counter}\n".encode() + body


def document_message(device: str, counter: int, document: Any) -> bytes:
    """What is signed of a JSON document that carries its signature: the document without it, canonical."""
    return body_message(device, counter, canonical_json_bytes(document))
