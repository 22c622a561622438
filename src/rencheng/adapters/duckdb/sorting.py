"""Putting a batch in order: by channel and stamp, exact repeats out, second values for a stamp marked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.adapters.duckdb.registry import UNKNOWN, ChannelRegistry
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, RefusalReason

__all__ = ["Sorted", "refused_of", "sort_batch", "split_unknown"]


@dataclass(slots=True)
class Sorted:
    """Readings of a batch by channel and stamp, no two alike.

    Parameters
    ----------
    channel, at, value : array
        Channel number, microseconds since 1970, SI value; shape (n,).
    second : array of bool
        True where another value for the same channel and stamp came first.
    repeated : int
        Readings left out because they were there already, value and all.
    """

    channel: NDArray[np.int64]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    second: NDArray[np.bool_]
    repeated: int

    def keep(self, mask: NDArray[np.bool_]) -> Sorted:
        """Leave out what the mask does not hold."""
        return Sorted(
            channel=self.channel[mask],
            at=self.at[mask],
            value=self.value[mask],
            second=self.second[mask],
            repeated=self.repeated + int(len(mask) - mask.sum()),
        )


def channel_numbers(good: pa.Table, registry: ChannelRegistry) -> NDArray[np.int64]:
    """Channel number of each reading; looked up once per distinct sensor and quantity."""
    sensor_names, sensor = _codes(good["sensor_id"])
    quantity_names, of = _codes(good["quantity"])
    if not len(sensor):
        return sensor
    pair = sensor * len(quantity_names) + of
    # distinct pairs in order of appearance, so that channel numbers do not depend on how strings were coded
    distinct, first = np.unique(pair, return_index=True)
    order = np.argsort(first, kind="stable")
    width = len(quantity_names)
    names = [(sensor_names[p // width], quantity_names[p % width]) for p in distinct[order].tolist()]
    number_of = np.empty(len(distinct), dtype=np.int64)
    number_of[order] = registry.numbers(names)
    return number_of[np.searchsorted(distinct, pair)]


def _codes(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    return whole.dictionary.to_pylist(), np.asarray(whole.indices, dtype=np.int64)


def split_unknown(
    batch: Decoded, registry: ChannelRegistry, *, now_us: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], pa.Table]:
    """Give channel, stamp and value of what can be taken, and the readings to keep aside.

    Unknown sensors and stamps beyond the feed's future limit are kept aside with their reason.
    """
    good = batch.good
    channel = channel_numbers(good, registry)
    at = np.asarray(good["at"].cast(pa.int64()).to_numpy(), dtype=np.int64)
    value = np.asarray(good["value"].to_numpy(), dtype=np.float64)
    unknown = channel == UNKNOWN
    limit_us = min(batch.limits.future_limit_s, 1e11) * 1e6
    future = ~unknown & (at > now_us + limit_us)
    if not (unknown | future).any():
        return channel, at, value, REFUSED_SCHEMA.empty_table()
    aside = pa.concat_tables(
        [
            refused_of(good, unknown, RefusalReason.UNKNOWN_SENSOR, "not in the city's table of sensors"),
            refused_of(good, future, RefusalReason.FUTURE_TIME, "ahead of its arrival by more than the feed allows"),
        ]
    )
    keep = ~(unknown | future)
    return channel[keep], at[keep], value[keep], aside


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


def sort_batch(channel: NDArray[np.int64], at: NDArray[np.int64], value: NDArray[np.float64]) -> Sorted:
    """Sort readings by channel, then stamp, then arrival; drop exact repeats and mark second values.

    Examples
    --------
    >>> batch = sort_batch(np.array([0, 0, 0]), np.array([5, 5, 5]), np.array([1.0, 2.0, 1.0]))
    >>> batch.value.tolist(), batch.second.tolist(), batch.repeated
    ([1.0, 2.0], [False, True], 1)
    """
    order = _order(channel, at)
    channel, at, value = channel[order], at[order], value[order]
    same = np.zeros(len(at), dtype=bool)
    same[1:] = (channel[1:] == channel[:-1]) & (at[1:] == at[:-1])
    batch = Sorted(channel=channel, at=at, value=value, second=same, repeated=0)
    if not same.any():
        return batch
    grouped = same.copy()
    grouped[:-1] |= same[1:]
    index = np.flatnonzero(grouped)
    group = np.cumsum(~same[index])
    by_value = np.lexsort((index, value[index], group))
    repeat = np.zeros(len(index), dtype=bool)
    repeat[1:] = (np.diff(group[by_value]) == 0) & (np.diff(value[index][by_value]) == 0)
    keep = np.ones(len(at), dtype=bool)
    keep[index[by_value[repeat]]] = False
    return batch.keep(keep)


def _order(channel: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Stable order by channel then stamp; one 64-bit key where both fit, since one sort is faster than two."""
    if not len(at):
        return np.zeros(0, dtype=np.int64)
    low = int(at.min())
    span = int(at.max()) - low + 1
    if int(channel.max()) + 1 <= (2**63 - 1) // span:
        return np.argsort(channel * span + (at - low), kind="stable")
    return np.lexsort((at, channel))
