"""Storms that cross a city: a design storm's hyetograph carried along, strongest on its track, weaker beside it.

The pattern is frozen and moves (Taylor's hypothesis, as in studies of storms moving over cities: Niemczynowicz 1988,
J. Hydrol. 101:41), so every place has the storm's whole hyetograph, later the farther down the track it lies. Across
the track the rain falls off as a Gaussian cell over a wider Gaussian of stratiform rain (cells within mesoscale areas:
Austin & Houze 1972, J. Appl. Meteorol. 11:926; Willems 2001, J. Hydrol. 252:126). The width of the cell is not chosen:
it is the one at which a disc of the city's area gets the depth that the areal reduction of US Weather Bureau TP-40 (fit
by Leclerc & Schaake 1972) allows it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MESOSCALE_M",
    "areal_reduction_ratio",
    "cell_width_m",
    "disc_mean_ratio",
    "lagged_rates_mm_h",
    "track_ratio",
]

F64 = NDArray[np.float64]

MESOSCALE_M = 30_000.0
"""Standard deviation of the stratiform rain about the track: small mesoscale areas are 1,000 … 10,000 km² (Austin &
Houze 1972), a disc of 10,000 km² has a radius of 56 km."""

_MI2_KM2 = 2.589988
_WIDEST_M = 1e6
_CHORDS = 401


def areal_reduction_ratio(area_km2: float, duration_min: float) -> float:
    """Mean rain on an area per rain at a point, of one return period: ``1 − e^(−1.1 t^¼) + e^(−1.1 t^¼ − 0.01 A)``.

    Parameters
    ----------
    area_km2, duration_min : float
        Area (A in square miles) and duration (t in hours); Leclerc & Schaake (1972), MIT Ralph M. Parsons Laboratory
        Report 145, fit to US Weather Bureau Technical Paper 40.

    Examples
    --------
    One square mile and one hour: 1 − 0.333 + 0.330.

    >>> round(areal_reduction_ratio(2.59, 60.0), 4), round(areal_reduction_ratio(259.0, 60.0), 3)
    (0.9967, 0.79)
    """
    least = 1.0 - math.exp(-1.1 * (duration_min / 60.0) ** 0.25)
    return least + (1.0 - least) * math.exp(-0.01 * area_km2 / _MI2_KM2)


def track_ratio(across_m: F64, width_m: float, duration_min: float) -> F64:
    """Rain at a distance from the track per rain on it.

    Parameters
    ----------
    across_m : array
        Distance from the track, m.
    width_m : float
        Standard deviation of the cell, m.
    duration_min : float
        Duration; the share of stratiform rain is what areal reduction leaves of the largest areas.

    Examples
    --------
    >>> track_ratio(np.array([0.0, 400e3]), 3000.0, 60.0).round(3).tolist()
    [1.0, 0.0]
    """
    wide = 1.0 - math.exp(-1.1 * (duration_min / 60.0) ** 0.25)
    cell, around = np.exp(-0.5 * (across_m / width_m) ** 2), np.exp(-0.5 * (across_m / MESOSCALE_M) ** 2)
    return np.asarray((1.0 - wide) * cell + wide * around)


def disc_mean_ratio(area_km2: float, offset_m: float, width_m: float, duration_min: float) -> float:
    """Mean of :func:`track_ratio` over a disc whose centre lies ``offset_m`` beside the track."""
    radius = math.sqrt(area_km2 * 1e6 / math.pi)
    y = (np.arange(_CHORDS) + 0.5) / _CHORDS * 2.0 - 1.0
    chord = np.sqrt(1.0 - y**2)
    return float((track_ratio(offset_m + radius * y, width_m, duration_min) * chord).sum() / chord.sum())


def cell_width_m(area_km2: float, duration_min: float) -> float:
    """Width of the cell at which a disc on the track gets what areal reduction allows it, m.

    Examples
    --------
    Nearly the same for all small areas:

    >>> round(cell_width_m(2.0, 60.0) / 100.0), round(cell_width_m(20.0, 60.0) / 100.0)
    (32, 32)
    """
    wanted = areal_reduction_ratio(area_km2, duration_min)
    low, high = 1.0, _WIDEST_M
    for _ in range(80):
        middle = math.sqrt(low * high)
        wide = disc_mean_ratio(area_km2, 0.0, middle, duration_min) > wanted
        low, high = (low, middle) if wide else (middle, high)
    return math.sqrt(low * high)


def lagged_rates_mm_h(rate_mm_h: F64, step_s: float, lag_s: F64, fine_s: float, steps: int) -> F64:
    """A hyetograph as it falls at places that it reaches later, on finer steps; no rain is lost.

    Parameters
    ----------
    rate_mm_h : array, shape (n,)
        Rate of each step of the storm.
    step_s, fine_s : float
        Lengths of its steps and of the finer ones.
    lag_s : array, shape (places,)
        When it begins at each place.
    steps : int
        Count of the finer steps; rain after them is cut off.

    Returns
    -------
    array, shape (steps, places)

    Examples
    --------
    >>> lagged_rates_mm_h(np.array([6.0]), 120.0, np.array([0.0, 30.0]), 60.0, 3).tolist()
    [[6.0, 3.0], [6.0, 6.0], [0.0, 3.0]]
    """
    fallen = np.append(0.0, np.cumsum(rate_mm_h)) * step_s
    at = np.arange(len(fallen)) * step_s
    edges = np.arange(steps + 1) * fine_s
    until = np.interp((edges[:, np.newaxis] - lag_s[np.newaxis, :]).ravel(), at, fallen).reshape(steps + 1, -1)
    return np.asarray(np.diff(until, axis=0) / fine_s)
