"""Fewer points of a series for a screen, such that no spike vanishes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["thinned"]


def thinned(at: NDArray[np.int64], value: NDArray[np.float64], *, bins: int, start: int, end: int) -> NDArray[np.int64]:
    """Choose the lowest and the highest value of each stretch of time, and the first and last point of all.

    This is the min–max aggregation M4 without the first and last of each stretch (Jugel, Jerzak, Hackenbroich and
    Markl 2014, VLDB 7, 797–808): a line through the points kept covers the same pixels to the height.

    Parameters
    ----------
    at : array of int
        Instants, ascending, shape (n,).
    value : array of float
        Shape (n,), finite.
    bins : int
        Stretches of time between ``start`` and ``end``.
    start, end : int
        In the unit of ``at``.

    Returns
    -------
    array of int
        Places of the points kept, ascending; all of them where there are no more than two per stretch.

    Examples
    --------
    >>> thinned(np.arange(8), np.array([1.0, 9.0, 2.0, 3.0, 4.0, 0.0, 5.0, 6.0]), bins=2, start=0, end=8).tolist()
    [0, 1, 5, 7]
    """
    n = len(at)
    if n <= 2 * bins:
        return np.arange(n)
    width = max(end - start, 1)
    of = np.clip((at - start) * bins // width, 0, bins - 1)
    order = np.lexsort((value, of))
    edges = np.flatnonzero(np.diff(of[order])) + 1
    lowest = order[np.concatenate([[0], edges])]
    highest = order[np.concatenate([edges - 1, [n - 1]])]
    return np.unique(np.concatenate([lowest, highest, [0, n - 1]]))
