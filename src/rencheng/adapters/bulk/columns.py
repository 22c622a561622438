"""Text columns into instants and numbers, all rows at once, telling which rows could not be read and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.sense.batch import RefusalReason
from rencheng.sense.feed import TimeColumn, zone

__all__ = ["instants", "numbers"]

_UTC = pa.timestamp("us", tz="UTC")
_NAIVE = pa.timestamp("us")
_ENDS_WITH_OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"
_EPOCH_US = {"epoch_s": 1e6, "epoch_ms": 1e3, "epoch_us": 1.0}
_NUMBER = r"^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[nN][aA][nN]|[iI][nN][fF](?:inity)?)$"
_FURTHEST_S = 4102444800.0
"""2100-01-01: an epoch stamp beyond it is in another unit."""


def instants(text: pa.ChunkedArray, time: TimeColumn) -> tuple[pa.Array, NDArray[np.object_]]:
    """Read a column of instants.

    Parameters
    ----------
    text : pyarrow.ChunkedArray
        Strings, or numbers for the epoch formats; null where absent.
    time : TimeColumn
        How they are written.

    Returns
    -------
    at : pyarrow.Array
        timestamp[us, UTC], null where refused.
    reason : array of object
        Refusal reason per row, or None.
    """
    flat = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    if pa.types.is_timestamp(flat.type) or pa.types.is_date(flat.type):
        return _from_stamps(flat, time.timezone)
    if time.format.startswith("epoch"):
        at = _from_epoch(flat, _EPOCH_US[time.format])
        return at, _reasons(at)
    if not pa.types.is_string(flat.type):
        flat = pc.cast(flat, pa.string())
    if time.format != "iso8601":
        return _from_pattern(flat, time)
    return _from_iso(flat, time.timezone)


def _reasons(at: pa.Array) -> NDArray[np.object_]:
    reason = np.full(len(at), None, dtype=object)
    reason[np.asarray(at.is_null())] = RefusalReason.BAD_TIME
    return reason


def _from_epoch(text: pa.Array, to_us: float) -> pa.Array:
    value, _ = numbers(text)
    sane = np.isfinite(value) & (np.abs(value) * to_us <= _FURTHEST_S * 1e6)
    stamp = np.where(sane, np.round(np.where(sane, value, 0.0) * to_us), 0.0).astype(np.int64)
    return pa.array(stamp, mask=~sane).cast(_UTC)


def _from_stamps(stamp: pa.Array, timezone: str) -> tuple[pa.Array, NDArray[np.object_]]:
    """Read stamps that a table holds as such; those without zone are in the feed's."""
    micro = pa.timestamp("us", tz=getattr(stamp.type, "tz", None))
    exact = stamp.cast(micro, safe=False)
    if micro.tz is None and not timezone:
        reason = np.where(np.asarray(stamp.is_null()), RefusalReason.BAD_TIME, RefusalReason.NAIVE_TIME)
        return pa.nulls(len(stamp), _UTC), reason.astype(object)
    at = _to_utc(exact, timezone) if micro.tz is None else exact.cast(_UTC)
    count = at.cast(pa.int64())
    furthest = int(_FURTHEST_S * 1e6)
    sane = pc.fill_null(pc.and_(pc.less_equal(count, furthest), pc.greater_equal(count, -furthest)), False)
    if not pc.all(sane).as_py():
        at = pc.if_else(sane, at, None)
    return at, _reasons(at)


def _from_pattern(text: pa.Array, time: TimeColumn) -> tuple[pa.Array, NDArray[np.object_]]:
    if "%z" in time.format or not time.timezone:
        at = pa.array([_strict(value, time.format, time) for value in text.to_pylist()], _UTC)
        reason = _reasons(at)
        naive = "%z" not in time.format
        reason[(reason == RefusalReason.BAD_TIME) & naive & ~np.asarray(text.is_null())] = RefusalReason.NAIVE_TIME
        return at, reason
    parsed = pc.strptime(text, format=time.format, unit="us", error_is_null=True)
    # the parser takes 30 February for 1 March, so what does not read back the same is read again strictly
    same = pc.fill_null(pc.equal(pc.strftime(parsed, format=time.format), text), False)
    at = _to_utc(pc.if_else(same, parsed, None), time.timezone)
    again = np.flatnonzero(~np.asarray(same))
    if len(again):
        strict = [_strict(text[int(i)].as_py(), time.format, time) for i in again]
        at = pc.replace_with_mask(at, pc.invert(same), pa.array(strict, _UTC))
    return at, _reasons(at)


def _strict(value: str | None, pattern: str, time: TimeColumn) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.strptime(value, pattern)  # noqa: DTZ007 — the zone is put on in the next lines
    except ValueError:
        return None
    if instant.tzinfo is None:
        if not time.timezone:
            return None
        instant = instant.replace(tzinfo=zone(time.timezone), fold=0)
    return instant.astimezone(UTC)


def _from_iso(text: pa.Array, timezone: str) -> tuple[pa.Array, NDArray[np.object_]]:
    try:
        at = _to_utc(text.cast(_NAIVE), timezone) if timezone else text.cast(_UTC)
        return at, _reasons(at)
    except pa.ArrowInvalid:
        return _from_mixed_iso(text, timezone)


def _from_mixed_iso(text: pa.Array, timezone: str) -> tuple[pa.Array, NDArray[np.object_]]:
    """Read a column in which some stamps carry an offset, some do not, and some are no stamps at all."""
    aware = pc.fill_null(pc.match_substring_regex(text, _ENDS_WITH_OFFSET), False)
    at = _cast_each(pc.if_else(aware, text, None), _UTC)
    local = _cast_each(pc.if_else(aware, None, text), _NAIVE)
    if timezone:
        at = pc.coalesce(at, _to_utc(local, timezone))
    reason = _reasons(at)
    if not timezone:
        reason[np.asarray(local.is_valid())] = RefusalReason.NAIVE_TIME
    return at, reason


def _cast_each(text: pa.Array, to: pa.DataType) -> pa.Array:
    try:
        return text.cast(to)
    except pa.ArrowInvalid:
        # only deliveries with a stamp that cannot be read come here
        return pa.array([_iso_or_none(value) for value in text.to_pylist()], to)


def _iso_or_none(value: str | None) -> datetime | None:
    if value is None or not re.match(r"\d{4}-\d{2}-\d{2}", value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _to_utc(local: pa.Array, timezone: str) -> pa.Array:
    return pc.assume_timezone(local, timezone, ambiguous="earliest", nonexistent="earliest").cast(_UTC)


def numbers(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Read a column of numbers.

    Returns
    -------
    value : array of float
        Shape (n,); NaN where absent or refused.
    reason : array of object
        Refusal reason per row (``bad_number``, ``not_finite``), or None; an absent value has none.
    """
    present = np.asarray(column.is_valid())
    reason = np.full(len(column), None, dtype=object)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_floating(column.type):
        try:
            column = column.cast(pa.float64(), safe=pa.types.is_string(column.type))
        except pa.ArrowNotImplementedError:
            reason[present] = RefusalReason.BAD_NUMBER  # lists, structs, bytes
            return np.full(len(column), np.nan), reason
        except pa.ArrowInvalid:
            legible = pc.fill_null(pc.match_substring_regex(column, _NUMBER), False)
            reason[present & ~np.asarray(legible)] = RefusalReason.BAD_NUMBER
            column = pc.if_else(legible, column, None).cast(pa.float64())
    value = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    if (endless := present & ~np.isfinite(value) & (reason == None)).any():  # noqa: E711 — element by element
        reason[endless] = RefusalReason.NOT_FINITE
        value = np.where(endless, np.nan, value)
    return value, reason
