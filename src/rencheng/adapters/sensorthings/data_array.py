"""``CreateObservations``: many Observations of several Datastreams in one body (OGC 18-088, clause 13.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rencheng.adapters.sensorthings.book import EntityBook
from rencheng.adapters.sensorthings.checking import identity_in, require_object
from rencheng.adapters.sensorthings.intake import AHEAD_S
from rencheng.adapters.sensorthings.model import MODEL, EntityKey
from rencheng.adapters.sensorthings.refusal import Refusal

__all__ = ["MOST_ROWS", "PlainRows", "groups_from", "plain_rows", "row_bodies"]

MOST_ROWS = 500_000
"""Most rows of one body."""
_STAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRows:
    """Rows that are readings and nothing more."""

    at: pa.Array
    """Stamps."""
    value: pa.Array
    """Results in the unit in which they are stored."""


def groups_from(body: Any) -> list[Mapping[str, Any]]:
    """Give the groups of a body, one per Datastream.

    Raises
    ------
    Refusal
        If it is no list of objects with ``Datastream``, ``components`` and ``dataArray``, or has too many rows.
    """
    if not isinstance(body, list) or not body:
        raise Refusal("must be a list with one object per Datastream", where="CreateObservations")
    rows = 0
    for number, group in enumerate(body, 1):
        where = f"CreateObservations group {number}"
        require_object(group, where)
        if identity_in(group.get("Datastream")) is None:
            raise Refusal('the Datastream must be named: {"@iot.id": …}', where=where)
        components, array = group.get("components"), group.get("dataArray")
        if not isinstance(components, list) or "result" not in components:
            raise Refusal("components must be a list with result in it", where=where)
        if not all(name in _LEGAL for name in components) or len(set(components)) < len(components):
            raise Refusal("unknown or doubled components", where=where, mend=f"Use: {', '.join(_LEGAL)}")
        if not isinstance(array, list):
            raise Refusal("dataArray must be a list", where=where)
        rows += len(array)
    if rows > MOST_ROWS:
        raise Refusal(f"{rows:,} rows are more than {MOST_ROWS:,}", where="CreateObservations", mend="Send it in parts")
    return body


_LEGAL = (*MODEL["Observations"].properties, "FeatureOfInterest/id")


def plain_rows(
    book: EntityBook, datastream: EntityKey, components: Sequence[str], rows: Sequence[Any], now_us: int
) -> PlainRows | None:
    """Read rows by whole columns; None where one of them is not just a time and a number and each must be looked at."""
    if list(components) != ["phenomenonTime", "result"] or not book.channel(datastream)[1] or not rows:
        return None
    try:
        texts, results = zip(*rows, strict=True)
        value = pa.array(results, pa.float64())
        at = pa.array(texts, pa.string()).cast(_STAMP)
    except (pa.ArrowException, ValueError, TypeError):
        return None
    if any(isinstance(result, bool) for result in results) or not all(text[-1:] == "Z" for text in texts):
        return None
    ahead = now_us + int(AHEAD_S * 1e6)
    fits = at.null_count == 0 and value.null_count == 0 and pc.all(pc.is_finite(value)).as_py()
    if not fits or pc.max(at.cast(pa.int64())).as_py() > ahead:
        return None
    factor, offset = book.conversion(datastream)
    return PlainRows(at=at, value=pc.add(pc.multiply(value, factor), offset))


def row_bodies(components: Sequence[str], rows: Sequence[Any]) -> list[Mapping[str, Any] | Refusal]:
    """Rows as bodies of single Observations; a refusal in place of a row that does not fit its components."""
    found: list[Mapping[str, Any] | Refusal] = []
    for row in rows:
        if not isinstance(row, list) or len(row) != len(components):
            found.append(Refusal(f"a row must have {len(components)} values", where="dataArray"))
            continue
        body = dict(zip(components, row, strict=True))
        feature = body.pop("FeatureOfInterest/id", None)
        if feature is not None:
            body["FeatureOfInterest"] = {"@iot.id": feature}
        found.append(body)
    return found
