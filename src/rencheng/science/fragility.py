"""How much of a thing is lost at an intensity: depth–damage curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["DAMAGE_STATES", "damage_state", "loss_ratio"]

F64 = NDArray[np.float64]

DAMAGE_STATES = ("none", "slight", "moderate", "substantial")
"""Flood damage states of Hazus: none, 1–10 %, 11–50 %, above 50 % of the structure's value."""

_STATE_FROM = np.array([0.01, 0.1, 0.5])


def loss_ratio(depth_m: F64, curve: NDArray[np.intp], curve_depth_m: F64, curve_ratio: F64) -> F64:
    """Share of a structure's value that is lost at a water depth over its first floor.

    Parameters
    ----------
    depth_m : array, shape (n,)
        Depth over the first finished floor, negative when the water stands below it.
    curve : integer array, shape (n,)
        Row of ``curve_ratio`` for each structure.
    curve_depth_m : array, shape (k,)
        Depths of the curves' points, ascending.
    curve_ratio : array, shape (m, k)
        Loss ratios, 0 … 1.

    Returns
    -------
    array, shape (n,)
        Linear between points; 0 below the first point, and the last point's value above it.

    Notes
    -----
    FEMA, Hazus 6.1 Flood Model Technical Manual, ch. 5 (depth–damage functions).

    Examples
    --------
    Half-way between 1 m (0.2) and 2 m (0.4):

    >>> float(loss_ratio(np.array([1.5]), np.array([0]), np.array([1.0, 2.0]), np.array([[0.2, 0.4]]))[0])
    0.30000000000000004
    """
    k = len(curve_depth_m)
    upper = np.clip(np.searchsorted(curve_depth_m, depth_m, side="right"), 1, k - 1)
    low, high = curve_depth_m[upper - 1], curve_depth_m[upper]
    share = np.clip((depth_m - low) / (high - low), 0.0, 1.0)
    ratio = curve_ratio[curve, upper - 1] * (1.0 - share) + curve_ratio[curve, upper] * share
    return np.asarray(np.where(depth_m < curve_depth_m[0], 0.0, ratio))


def damage_state(ratio: F64) -> NDArray[np.intp]:
    """Index into :data:`DAMAGE_STATES` of each loss ratio (Hazus 6.1 Flood Model Technical Manual, §5.6)."""
    return np.searchsorted(_STATE_FROM, ratio, side="right")
