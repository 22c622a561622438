"""Putting a batch in order: by channel and stamp, exact repeats out, second values for a stamp marked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.adapters.duckdb.gathering import Gathered

__all__ = ["Sorted", "order_by_group", "sort_batch"]


@dataclass(slots=True)
class Sorted:
    """Readings of a batch by channel and stamp, no two alike.

    Parameters
    ----------
    touched : array of int
        Channel numbers of the batch, ascending; shape (m,).
    local : array of int
        Place of each reading's channel in ``touched``; shape (n,).
    at, value : array
        Microseconds since 1970, SI value; shape (n,).
    part : array of int
        Part of the batch that each came in.
    second : array of bool
        True where another value for the same channel and stamp came first.
    """

    touched: NDArray[np.int64]
    local: NDArray[np.int64]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    part: NDArray[np.int32]
    second: NDArray[np.bool_]

    @property
    def channel(self) -> NDArray[np.int64]:
        """Channel number of each reading, shape (n,)."""
        return self.touched[self.local]

    def keep(self, mask: NDArray[np.bool_]) -> Sorted:
        """Leave out what the mask does not hold."""
        return replace(
            self,
            local=self.local[mask],
            at=self.at[mask],
            value=self.value[mask],
            part=self.part[mask],
            second=self.second[mask],
        )


def sort_batch(batch: Gathered) -> Sorted:
    """Sort readings by channel, then stamp, then arrival; drop exact repeats and mark second values.

    Examples
    --------
    >>> arrived = Gathered(touched=np.array([7]), local=np.zeros(3, np.int64), at=np.array([5, 5, 5]),
    ...                    value=np.array([1.0, 2.0, 1.0]), part=np.zeros(3, np.int32), refused=[])
    >>> ordered = sort_batch(arrived)
    >>> ordered.value.tolist(), ordered.second.tolist()
    ([1.0, 2.0], [False, True])
    """
    order = order_by_group(batch.local, batch.at, len(batch.touched))
    local, at, value = batch.local[order], batch.at[order], batch.value[order]
    same = np.zeros(len(at), dtype=bool)
    same[1:] = (local[1:] == local[:-1]) & (at[1:] == at[:-1])
    ordered = Sorted(touched=batch.touched, local=local, at=at, value=value, part=batch.part[order], second=same)
    if not same.any():
        return ordered
    grouped = same.copy()
    grouped[:-1] |= same[1:]
    index = np.flatnonzero(grouped)
    group = np.cumsum(~same[index])
    by_value = np.lexsort((index, value[index], group))
    repeat = np.zeros(len(index), dtype=bool)
    repeat[1:] = (np.diff(group[by_value]) == 0) & (np.diff(value[index][by_value]) == 0)
    keep = np.ones(len(at), dtype=bool)
    keep[index[by_value[repeat]]] = False
    return ordered.keep(keep)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def order_by_group(group, at, groups):  # type: ignore[no-untyped-def]
    """Stable order by group then stamp: counted by group, and sorted within one only where its stamps run back."""
    start = np.zeros(groups + 1, dtype=np.int64)
    for i in range(len(group)):
        start[group[i] + 1] += 1
    for g in range(groups):
        start[g + 1] += start[g]
    order = np.empty(len(group), dtype=np.int64)
    following = start[:-1].copy()
    for i in range(len(group)):
        order[following[group[i]]] = i
        following[group[i]] += 1
    for g in range(groups):
        for j in range(start[g] + 1, start[g + 1]):
            if at[order[j]] < at[order[j - 1]]:
                mine = order[start[g] : start[g + 1]].copy()
                order[start[g] : start[g + 1]] = mine[np.argsort(at[mine], kind="mergesort")]
                break
    return order
