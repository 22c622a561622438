"""What flows into an area and follows no consumer: the part of its inflow that does not rise and fall with demand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["daily_constant_flow", "daily_excess", "day_to_day_variance"]

Floats = NDArray[np.float64]
LEAST_HOURS = 16


def daily_constant_flow(inflow: Floats, nominal: Floats) -> Floats:
    """Constant part of each day's inflow: the intercept of inflow on nominal demand, weighted towards the night.

    Minimum night flow analysis (Farley and Trow 2003, *Losses in Water Distribution Networks*) asks the one hour when
    consumers sleep; the regression uses the whole day and holds when consumption rises with the season. Weights are
    ``1 / nominal²``, as consumers' noise grows with what they take.

    Parameters
    ----------
    inflow, nominal : ndarray, shape (n_days, 24)
        In m³/h; NaN where unknown.

    Returns
    -------
    ndarray, shape (n_days,)
        In m³/h; NaN where fewer than 16 hours are known or the nominal demand does not vary.

    Examples
    --------
    >>> w = np.tile([1.0, 3.0], 12)[None]
    >>> float(daily_constant_flow(10 * w + 4, w)[0].round(6))
    4.0
    """
    good = ~np.isnan(inflow) & ~np.isnan(nominal) & (nominal > 0)
    weight = np.where(good, 1 / np.maximum(np.where(good, nominal, 1.0), 1e-6) ** 2, 0.0)
    x, y = np.where(good, nominal, 0.0), np.where(good, inflow, 0.0)
    s0, s1, s2 = weight.sum(axis=1), (weight * x).sum(axis=1), (weight * x * x).sum(axis=1)
    t0, t1 = (weight * y).sum(axis=1), (weight * x * y).sum(axis=1)
    det = s0 * s2 - s1 * s1
    known = (good.sum(axis=1) >= LEAST_HOURS) & (det > 1e-6 * np.maximum(s0 * s2, 1e-12))
    out = np.full(len(inflow), np.nan)
    out[known] = ((t0 * s2 - t1 * s1)[known]) / det[known]
    return out


def daily_excess(inflow: Floats, expected: Floats) -> Floats:
    """Mean of what flows in beyond what meters explain, m³/h a day; NaN under 16 known hours."""
    off = inflow - expected
    good = ~np.isnan(off)
    count = good.sum(axis=1)
    total = np.where(good, off, 0.0).sum(axis=1)
    return np.where(count >= LEAST_HOURS, total / np.maximum(count, 1), np.nan)


def day_to_day_variance(values: Floats, least: float) -> float:
    """Robust variance of a daily figure from its day-to-day changes (1.4826 MAD, over √2); ``least`` is its floor."""
    change = np.diff(values)
    change = change[~np.isnan(change)]
    if not len(change):
        return least
    spread = 1.4826 * float(np.median(np.abs(change - np.median(change)))) / np.sqrt(2)
    return float(max(spread**2, least))
