"""Rain on a catchment from gauges in and around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["areal_rain_mm", "catchment_points"]

Floats = NDArray[np.float64]

OFFSETS = ((0.0, 0.0), (0.6, 0.0), (-0.6, 0.0), (0.0, 0.6), (0.0, -0.6))
NEAREST_M = 3_000.0
KM_PER_DEGREE = 111.2


def catchment_points(lon: float, lat: float, spread_km: float) -> Floats:
    """Five points that stand for a catchment: its centre and four at 0.6 of its spread, (lon, lat), shape (5, 2)."""
    east = KM_PER_DEGREE * float(np.cos(np.deg2rad(lat)))
    return np.array([(lon + x * spread_km / east, lat + y * spread_km / KM_PER_DEGREE) for x, y in OFFSETS])


def areal_rain_mm(distance_m: Floats, rain_mm: Floats, *, reach_m: float = 80_000.0) -> Floats:
    """Hourly rain on a catchment: mean over its points of the inverse squared distance mean of what gauges told.

    Parameters
    ----------
    distance_m : float64 array, shape (points, gauges)
        From the points that stand for the catchment.
    rain_mm : float64 array, shape (hours, gauges)
        NaN where a gauge was silent.
    reach_m : float
        Gauges farther away do not speak for a point.

    Returns
    -------
    float64 array, shape (hours,)
        Zero where no gauge within reach spoke.

    Examples
    --------
    >>> areal_rain_mm(np.array([[3000.0, 6000.0]]), np.array([[10.0, 20.0], [np.nan, 5.0]])).tolist()  # weights 4:1
    [12.0, 5.0]
    """
    weight = np.where(distance_m <= reach_m, 1.0 / np.maximum(distance_m, NEAREST_M) ** 2, 0.0)
    told = np.isfinite(rain_mm)
    total = np.einsum("pg,hg->hp", weight, np.where(told, rain_mm, 0.0))
    share = np.einsum("pg,hg->hp", weight, told.astype(np.float64))
    return np.asarray(np.mean(total / np.maximum(share, 1e-300), axis=1), dtype=np.float64)
