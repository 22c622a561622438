"""JSON from strangers: parsed within bounds of depth, told what is wrong with it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.sense.batch import RefusalReason

__all__ = ["parse_json", "require_depth", "utf8_body"]

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_DECODER = msgspec.json.Decoder()


def utf8_body(body: bytes, encoding: str) -> bytes:
    """Give a body in UTF-8 without byte-order mark.

    Raises
    ------
    Refusal
        ``bad_encoding``.
    """
    if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
        return body.removeprefix(b"\xef\xbb\xbf")
    try:
        return body.decode(encoding).encode()
    except UnicodeError as error:
        raise Refusal(RefusalReason.BAD_ENCODING, f"not {encoding}: {error}") from error


def require_depth(body: bytes, deepest: int) -> None:
    """Refuse a body nested deeper than allowed, without parsing it.

    Raises
    ------
    Refusal
        ``too_deep``.
    """
    if body.count(b"[") + body.count(b"{") <= deepest:
        return
    marks = np.frombuffer(_STRING.sub(b"", body), np.uint8)
    step = ((marks == 0x5B) | (marks == 0x7B)).astype(np.int8) - ((marks == 0x5D) | (marks == 0x7D)).astype(np.int8)
    depth = int(np.cumsum(step, dtype=np.int64).max(initial=0))
    if depth > deepest:
        raise Refusal(RefusalReason.TOO_DEEP, f"nested {depth} deep, the feed allows {deepest}")


def parse_json(body: bytes, *, deepest: int) -> Any:
    """Parse a JSON body.

    Raises
    ------
    Refusal
        ``too_deep``, ``bad_encoding`` or ``bad_row``.
    """
    require_depth(body, deepest)
    try:
        return _DECODER.decode(body)
    except UnicodeDecodeError as error:
        raise Refusal(RefusalReason.BAD_ENCODING, f"not UTF-8: {error}") from error
    except RecursionError:
        raise Refusal(RefusalReason.TOO_DEEP, "nested too deep") from None
    except (msgspec.DecodeError, ValueError) as error:
        said = str(error)
        bad = RefusalReason.BAD_ENCODING if "utf-8" in said.lower() else RefusalReason.BAD_ROW
        raise Refusal(bad, f"not JSON: {said}") from error
