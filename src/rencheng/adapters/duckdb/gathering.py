"""Gathering what feeds deliver: readings of many parts as arrays, by channel number, and what is kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from rencheng.adapters.duckdb.registry import UNKNOWN, ChannelRegistry
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, RefusalReason

__all__ = ["Gathered", "gather", "refused_of"]

_DENSE = 4_000_000
"""Pairs of sensor and quantity up to which a table of them all is kept while a batch is numbered."""
_FOREVER_S = 1e11
"""Longer than any run; keeps microseconds within 64 bits."""


@dataclass(slots=True)
class Gathered:
    """Readings of all parts that can be taken, in the order of arrival.

    Parameters
    ----------
    touched : array of int
        Channel numbers that occur, ascending; shape (m,).
    local : array of int
        Place of each reading's channel in ``touched``; shape (n,).
    at, value : array
        Microseconds since 1970 and SI value; shape (n,).
    part : array of int
        Part that each reading came in; shape (n,).
    refused : list of pyarrow.Table
        Per part, the rows kept aside.
    """

    touched: NDArray[np.int64]
    local: NDArray[np.int64]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    part: NDArray[np.int32]
    refused: list[pa.Table]


def gather(parts: Sequence[Decoded], registry: ChannelRegistry, *, now_us: int) -> Gathered:
    """Give the readings of parts by channel; unknown sensors and stamps too far ahead are kept aside with a reason."""
    tables = [batch.good.select([*_COLUMNS, *(["row"] if "row" in batch.good.column_names else [])]) for batch in parts]
    runs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    at, value, part = [], [], []
    for numbers in _alike(tables):
        table = pa.concat_tables([tables[k] for k in numbers]) if len(numbers) > 1 else tables[numbers[0]]
        runs.append(_numbered(table, registry))
        at.append(np.asarray(table["at"].cast(pa.int64()).to_numpy(), dtype=np.int64))
        value.append(np.asarray(table["value"].to_numpy(), dtype=np.float64))
        part.append(np.repeat(np.array(numbers, dtype=np.int32), [tables[k].num_rows for k in numbers]))
    touched = np.unique(np.concatenate([number for number, _ in runs]) if runs else np.zeros(0, np.int64))
    touched = touched[touched != UNKNOWN]
    gathered = Gathered(
        touched=touched,
        local=_joined([_places(touched, number)[which] for number, which in runs], np.int64),
        at=_joined(at, np.int64),
        value=_joined(value, np.float64),
        part=_joined(part, np.int32),
        refused=[batch.refused for batch in parts],
    )
    return _without_refused(gathered, parts, tables, now_us)


_COLUMNS = ("sensor_id", "quantity", "at", "value")


def _alike(tables: Sequence[pa.Table]) -> list[list[int]]:
    """Neighbouring parts that one table can hold; parts without readings are left out."""
    full = [k for k, table in enumerate(tables) if table.num_rows]
    kinds: list[pa.Schema] = []

    def kind(k: int) -> int:
        schema = tables[k].schema
        if not kinds or not kinds[-1].equals(schema):
            kinds.append(schema)
        return len(kinds)

    return [list(run) for _, run in groupby(full, key=kind)]


def _joined(arrays: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=dtype)


def _places(touched: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(number == UNKNOWN, UNKNOWN, np.searchsorted(touched, number))


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _by_appearance(first, second, width, seen, distinct):  # type: ignore[no-untyped-def]
    """Number the distinct pairs as they appear; tells how many there are."""
    local = np.empty(len(first), dtype=np.int64)
    count = 0
    for i in range(len(first)):
        pair = first[i] * width + second[i]
        if seen[pair] < 0:
            seen[pair] = count
            distinct[count] = pair
            count += 1
        local[i] = seen[pair]
    return local, count


def _numbered(table: pa.Table, registry: ChannelRegistry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Channel numbers of the distinct sensors and quantities, in order of appearance, and each reading's among them.

    Names are looked up once each, in the order of appearance, so that the numbers of new channels do not depend on
    how strings were coded.
    """
    sensors, sensor = _codes(table["sensor_id"])
    quantities, of = _codes(table["quantity"])
    width = len(quantities)
    if len(sensors) * width <= _DENSE + 4 * len(sensor):
        seen = np.full(len(sensors) * width, -1, dtype=np.int32)
        distinct = np.empty(min(len(sensor), len(seen)), dtype=np.int64)
        local, count = _by_appearance(sensor, of, width, seen, distinct)
        pairs = distinct[:count]
    else:
        found, first, inverse = np.unique(sensor * width + of, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        place = np.empty(len(found), dtype=np.int64)
        place[order] = np.arange(len(found))
        pairs, local = found[order], place[inverse]
    number = registry.numbers(
        [sensors[s] for s in (pairs // width).tolist()], [quantities[q] for q in (pairs % width).tolist()]
    )
    return number, local


def _codes(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    return whole.dictionary.to_numpy(zero_copy_only=False).tolist(), np.asarray(whole.indices, dtype=np.int64)


def _without_refused(gathered: Gathered, parts: Sequence[Decoded], tables: Sequence[pa.Table], now_us: int) -> Gathered:
    limits = np.array([min(batch.limits.future_limit_s, _FOREVER_S) * 1e6 for batch in parts], dtype=np.int64)
    unknown = gathered.local == UNKNOWN
    future = ~unknown & (gathered.at > (now_us + limits)[gathered.part])
    aside = unknown | future
    if not aside.any():
        return gathered
    for k in np.unique(gathered.part[aside]).tolist():
        mine = gathered.part == k
        gathered.refused[k] = pa.concat_tables(
            [
                gathered.refused[k],
                refused_of(tables[k], unknown[mine], RefusalReason.UNKNOWN_SENSOR, _UNKNOWN),
                refused_of(tables[k], future[mine], RefusalReason.FUTURE_TIME, _FUTURE),
            ]
        )
    gathered.local, gathered.part = gathered.local[~aside], gathered.part[~aside]
    gathered.at, gathered.value = gathered.at[~aside], gathered.value[~aside]
    return gathered


_UNKNOWN = "not in the city's table of sensors"
_FUTURE = "ahead of its arrival by more than the feed allows"


def refused_of(good: pa.Table, mask: NDArray[np.bool_], reason: str, detail: str) -> pa.Table:
    """Readings as refused rows: their text is ``sensor,quantity,stamp,value``."""
    rows = np.flatnonzero(mask)
    part = good.take(pa.array(rows))
    texts = [
        part["sensor_id"].cast(pa.string()),
        part["quantity"].cast(pa.string()),
        pc.strftime(part["at"], format="%Y-%m-%dT%H:%M:%SZ"),
        part["value"].cast(pa.string()),
    ]
    number = part["row"].cast(pa.int64()) if "row" in good.column_names else pa.array(rows + 1)
    n = len(rows)
    raw = pc.binary_join_element_wise(*texts, ",")
    return pa.table([number, raw, pa.repeat(reason, n), pa.repeat(detail, n)], schema=REFUSED_SCHEMA)
