"""SenML packs (RFC 8428): records parsed within bounds and resolved against their base fields."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.json_paths.parsing import parse_json, require_depth
from rencheng.adapters.senml.cbor import parse_cbor
from rencheng.sense.batch import RefusalReason

__all__ = [
    "PACK",
    "RELATIVE_S",
    "Measured",
    "Pack",
    "Resolved",
    "is_senml_name",
    "parse_measured",
    "parse_pack",
    "resolved",
]

RELATIVE_S = float(2**28)
"""RFC 8428 section 4.5.3: times below it are seconds relative to now, others seconds since 1970."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
"""RFC 8428 section 4.5.1."""

_VERSION = 10
"""RFC 8428 section 4.4: the version of this specification."""

_CBOR_LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs"} | {
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd"
}  # fmt: skip
"""RFC 8428 section 6, table 4."""


class _Record(msgspec.Struct, gc=False):
    """One record as it stands; unknown fields are left out unless they must be understood."""

    bver: int | None = None
    bn: str = ""
    bt: float | None = None
    bu: str | None = None
    bv: float | None = None
    bs: float | None = None
    n: str = ""
    u: str | None = None
    v: float | None = None
    vs: str | None = None
    vb: bool | None = None
    vd: str | None = None
    s: float | None = None
    t: float = 0.0
    ut: float | None = None


class Measured(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record of a pack that holds numbers and nothing else: what nearly all packs are."""

    v: float
    n: str = ""
    u: str = ""
    t: float = 0.0
    bn: str = ""
    bt: float = 0.0
    bu: str = ""
    bver: int = _VERSION


_MEASURED = msgspec.json.Decoder(list[Measured])
_BASE = re.compile(rb'"b(?:n|t|u|ver)"')


def parse_measured(body: bytes) -> list[Measured] | None:
    """Parse a JSON pack whose base fields all stand in its first record and whose records are all numbers.

    Anything else gives None and is for :func:`parse_pack` to read, or to say what is wrong with it.
    """
    end = body.find(b"}")
    if _BASE.search(body, end) is not None:
        return None
    try:
        pack = _MEASURED.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return pack if pack and pack[0].bver <= _VERSION else None


def is_senml_name(name: str) -> bool:
    """Whether a resolved name is one by RFC 8428 section 4.5.1."""
    return _NAME.fullmatch(name) is not None


Pack = list[Any]
"""Records of a pack, parsed but not resolved; an element may also be a refusal."""

PACK = list[_Record]
"""Type that reads a pack."""
_PACK = msgspec.json.Decoder(PACK)
_MUST = re.compile(rb'_"\s*:')


class Resolved(NamedTuple):
    """A record with its base fields applied.

    Parameters
    ----------
    name : str
        Base name and name together.
    unit : str
        SenML unit; empty where there is none.
    value : float or None
        None for text, boolean and data values, and for pure sums.
    at_s : float
        Seconds since 1970.
    """

    name: str
    unit: str
    value: float | None
    at_s: float


def parse_pack(body: bytes, *, deepest: int) -> Pack:
    """Parse a pack in JSON or CBOR, told apart by the first byte.

    A record that cannot be read stands as a :class:`Refusal` in its place, so that the others can be taken.

    Raises
    ------
    Refusal
        If the whole is no pack.
    """
    head = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head in {b"[", b"{"}:
        return _parse_json_pack(body.removeprefix(b"\xef\xbb\xbf"), deepest)
    found = parse_cbor(body, deepest=deepest)
    if type(found) is not list:
        raise Refusal(RefusalReason.BAD_ROW, "a SenML pack is an array of records")
    return [_record_from(_text_labels(item)) for item in found]


def _parse_json_pack(body: bytes, deepest: int) -> Pack:
    if _MUST.search(body) is None:
        try:
            return list(_PACK.decode(body))
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass  # some record is not as it should be: find out which
    else:
        require_depth(body, deepest)
    found = parse_json(body, deepest=deepest)
    if type(found) is not list:
        raise Refusal(RefusalReason.BAD_ROW, "a SenML pack is an array of records")
    return [_record_from(item) for item in found]


def _text_labels(item: Any) -> Any:
    if type(item) is not dict:
        return item
    return {_CBOR_LABELS.get(key, key) if type(key) is int else key: value for key, value in item.items()}


def _record_from(item: Any) -> Any:
    if type(item) is not dict:
        return Refusal(RefusalReason.BAD_ROW, f"a record is a {type(item).__name__}, not an object")
    must = [key for key in item if type(key) is str and key.endswith("_")]
    if must:  # RFC 8428 section 4.4
        return Refusal(RefusalReason.BAD_ROW, f"field {must[0][:40]!r} must be understood, and is not")
    named = {key: value for key, value in item.items() if key in _Record.__struct_fields__}
    if type(named.get("vd")) is bytes:
        named["vd"] = ""
    try:
        return msgspec.convert(named, _Record)
    except (msgspec.ValidationError, OverflowError) as error:
        reason = RefusalReason.BAD_NUMBER if "float" in str(error) else RefusalReason.BAD_ROW
        return Refusal(reason, str(error))


def resolved(pack: Pack, now_s: float) -> Iterator[Resolved | Refusal]:
    """Resolve the records of a pack in their order (RFC 8428 section 4.6).

    Base fields hold from the record in which they stand until another replaces them. A record without value and
    sum is there for its base fields only and gives nothing.

    Parameters
    ----------
    pack : list
        Of :func:`parse_pack`.
    now_s : float
        Arrival in seconds since 1970, to which small times are relative.
    """
    name, at_s, unit, value = "", 0.0, "", 0.0
    has_value, version = False, None
    for record in pack:
        if isinstance(record, Refusal):
            yield record
            continue
        name = record.bn or name
        at_s = at_s if record.bt is None else record.bt
        unit = unit if record.bu is None else record.bu
        if record.bv is not None:
            value, has_value = record.bv, True
        has_sum = record.s is not None or record.bs is not None
        found = _fault(record, version, name + record.n)
        version = record.bver if version is None else version
        nothing = record.v is None and not has_sum and record.vs is None and record.vb is None and record.vd is None
        if found is None and nothing and not (has_value and record.n):
            continue
        if found is not None:
            yield found
            continue
        number = None
        if record.v is not None or (nothing and has_value):
            number = value + (record.v or 0.0)
        time_s = at_s + record.t
        yield Resolved(
            name=name + record.n,
            unit=unit if record.u is None else record.u,
            value=number,
            at_s=time_s if time_s >= RELATIVE_S else now_s + time_s,
        )


def _fault(record: _Record, version: int | None, name: str) -> Refusal | None:
    if record.bver is not None and (record.bver > _VERSION or (version is not None and record.bver != version)):
        return Refusal(RefusalReason.BAD_ROW, f"field bver: version {record.bver} is not understood")
    values = [record.v, record.vs, record.vb, record.vd]
    if sum(value is not None for value in values) > 1:
        return Refusal(RefusalReason.BAD_ROW, "a record has one value at most, this has several")
    if (record.v is not None or record.s is not None) and not is_senml_name(name):
        return Refusal(RefusalReason.NO_SENSOR, f"field n: {name[:80]!r} is no SenML name")
    if not math.isfinite(record.t):
        return Refusal(RefusalReason.BAD_TIME, "field t: not finite")
    return None
