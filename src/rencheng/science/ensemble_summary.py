"""Many depth rasters into few: weighted median and exceedance percentages, cell by cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["ensemble_summary"]


def ensemble_summary(
    depth_mm: NDArray[np.uint16], weights: NDArray[np.float64], thresholds_mm: NDArray[np.int64]
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Weighted median depth of the members and the weight of those at or above thresholds.

    Parameters
    ----------
    depth_mm : uint16 array, shape (members, n)
        Depths in millimetres.
    weights : float64 array, shape (members,)
        Not negative, sum to 1.
    thresholds_mm : int64 array, shape (k,)
        Depths.

    Returns
    -------
    median_mm : uint16 array, shape (n,)
        Least depth whose members and all shallower ones weigh at least a half.
    percent : uint8 array, shape (k, n)
        0 … 100, rounded; above 0 whenever a member with any weight reaches the threshold.

    Raises
    ------
    InvalidInput
        If the weights do not fit.

    Examples
    --------
    >>> depth = np.array([[0], [100], [400]], np.uint16)
    >>> median, percent = ensemble_summary(depth, np.array([0.25, 0.5, 0.25]), np.array([300]))
    >>> median.tolist(), percent.tolist()
    ([100], [[25]])
    """
    if weights.shape != depth_mm.shape[:1] or not abs(float(weights.sum()) - 1.0) < 1e-6 or (weights < 0).any():
        raise InvalidInput(
            f"{weights.shape} weights that sum to {float(weights.sum()):g} for {len(depth_mm)} members",
            where="weights",
            mend="Give one share per member, together 1",
        )
    median = np.zeros(depth_mm.shape[1], np.uint16)
    percent = np.zeros((len(thresholds_mm), depth_mm.shape[1]), np.uint8)
    _summarise(np.ascontiguousarray(depth_mm), weights.astype(np.float64), thresholds_mm, median, percent)
    return median, percent


@njit(cache=True)
def _summarise(
    depth: Any, weights: Any, thresholds: Any, median: Any, percent: Any
) -> None:  # pragma: no cover - compiled
    members, count = depth.shape
    value = np.empty(members, np.int64)
    share = np.empty(members)
    for i in range(count):
        highest = 0
        for m in range(members):
            highest = max(highest, int(depth[m, i]))
        if highest == 0:
            continue
        for m in range(members):
            d, w = np.int64(depth[m, i]), weights[m]
            k = m
            while k > 0 and value[k - 1] > d:
                value[k] = value[k - 1]
                share[k] = share[k - 1]
                k -= 1
            value[k] = d
            share[k] = w
        reached = 0.0
        for m in range(members):
            reached += share[m]
            if reached >= 0.5 - 1e-9:
                median[i] = value[m]
                break
        for t in range(len(thresholds)):
            if highest < thresholds[t]:
                continue
            above = 0.0
            for m in range(members):
                if value[m] >= thresholds[t]:
                    above += share[m]
            percent[t, i] = min(100, max(round(100.0 * above), 1 if above > 0.0 else 0))
