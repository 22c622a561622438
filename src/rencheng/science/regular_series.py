"""Irregular series brought to a regular clock without looking ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["last_values", "regular_grid", "regular_totals"]


def regular_grid(
    series: NDArray[np.int64],
    at_us: NDArray[np.int64],
    value: NDArray[np.float64],
    *,
    count: int,
    end_us: int,
    steps: int,
    step_s: float = 3600.0,
    hold_s: float = 5400.0,
) -> NDArray[np.float64]:
    """Last value of each series not later than each tick, if not older than ``hold_s``.

    Parameters
    ----------
    series, at_us, value : arrays, shape (n,)
        Series index (ascending), stamp in microseconds (ascending within a series), value.
    count : int
        Number of series.
    end_us : int
        The last tick.
    steps : int
        Number of ticks, ``step_s`` apart.
    hold_s : float
        How long a value speaks for the time after it.

    Returns
    -------
    float64 array, shape (steps, count)
        Row -1 is ``end_us``; NaN where nothing recent was known.

    Examples
    --------
    >>> import numpy as np
    >>> hour = 3_600_000_000
    >>> regular_grid(np.zeros(2, np.int64), np.array([0, hour]), np.array([1.0, 2.0]),
    ...              count=1, end_us=2 * hour, steps=3).ravel().tolist()
    [1.0, 2.0, 2.0]
    """
    tick = end_us - (np.arange(steps - 1, -1, -1) * step_s * 1e6).astype(np.int64)
    out = np.full((steps, count), np.nan)
    first = np.searchsorted(series, np.arange(count), side="left")
    last = np.searchsorted(series, np.arange(count), side="right")
    for s in range(count):
        own = slice(int(first[s]), int(last[s]))
        stamps = at_us[own]
        if len(stamps) == 0:
            continue
        position = np.searchsorted(stamps, tick, side="right") - 1
        known = position >= 0
        held = known & (tick - stamps[np.maximum(position, 0)] <= hold_s * 1e6)
        out[held, s] = value[own][position[held]]
    return out


def regular_totals(
    series: NDArray[np.int64],
    at_us: NDArray[np.int64],
    amount: NDArray[np.float64],
    *,
    count: int,
    end_us: int,
    steps: int,
    step_s: float = 3600.0,
) -> NDArray[np.float64]:
    """Sum of each series' amounts in every step that ends at a tick, shape (steps, count); NaN where nothing came.

    Examples
    --------
    >>> hour = 3_600_000_000
    >>> regular_totals(np.zeros(2, np.int64), np.array([hour // 2, hour]), np.array([1.0, 2.0]),
    ...                count=1, end_us=2 * hour, steps=2).ravel().tolist()
    [3.0, nan]
    """
    back = (end_us - at_us) // int(step_s * 1e6)
    inside = (back >= 0) & (back < steps) & np.isfinite(amount)
    place = (steps - 1 - back[inside]) * count + series[inside]
    total = np.bincount(place, weights=amount[inside], minlength=steps * count)
    seen = np.bincount(place, minlength=steps * count) > 0
    return np.where(seen, total, np.nan).reshape(steps, count)


def last_values(
    series: NDArray[np.int64], at_us: NDArray[np.int64], value: NDArray[np.float64], *, count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Last value and its stamp per series, shape (count,) each; NaN and -1 where a series is empty.

    Examples
    --------
    >>> import numpy as np
    >>> value, at = last_values(np.array([0, 0]), np.array([5, 9]), np.array([1.0, 2.0]), count=2)
    >>> value.tolist(), at.tolist()
    ([2.0, nan], [9, -1])
    """
    last = np.searchsorted(series, np.arange(count), side="right") - 1
    known = (last >= 0) & (series[np.maximum(last, 0)] == np.arange(count)) if len(series) else np.zeros(count, bool)
    out = np.full(count, np.nan)
    at = np.full(count, -1, dtype=np.int64)
    out[known] = value[last[known]]
    at[known] = at_us[last[known]]
    return out, at
