"""The weather service of a rehearsal: forecasts of the rain that is going to fall, with errors nobody else knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from rencheng.sense.rain_forecast import RainForecast, RainForecastGrid

__all__ = ["ForecastErrors", "RainForecaster", "forecast_of_rain"]

F64 = NDArray[np.float64]
RainAt = Callable[[F64, F64, float], F64]
"""Rain in mm/h at metric points, at seconds from the beginning."""

_CELL_M, _MARGIN_M = 3_000.0, 30_000.0
_STEP_S, _LOOK_S = 3600.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastErrors:
    """How wrong a forecast of a day is, one draw for each issue; in round numbers, assumed.

    They are given at a lead of 24 h and are a third of that at once, as errors of numerical forecasts of rain grow with
    lead (Cuo, Pagano & Wang 2011, J. Hydrometeorol. 12:713; displacements: Roberts & Lean 2008, Mon. Weather Rev.
    136:78).

    Parameters
    ----------
    amount_sigma : float
        Standard deviation of the logarithm of the amount.
    time_h : float
        Standard deviation of when it comes.
    place_m : float
        Standard deviation of where, in each direction.
    smear_m : float
        A model shows a storm broader than it is by this Gaussian radius.
    """

    amount_sigma: float = 0.3
    time_h: float = 1.0
    place_m: float = 6_000.0
    smear_m: float = 3_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RainForecaster:
    """How often forecasts are issued in a rehearsal, how far they look, and how wrong they are; 0 hours is never."""

    every_h: float = 0.0
    horizon_h: float = 24.0
    errors: ForecastErrors = ForecastErrors()


def forecast_of_rain(
    rain: RainAt,
    at_s: float,
    bounds_m: tuple[float, float, float, float],
    crs: str,
    *,
    horizon_h: float,
    errors: ForecastErrors,
    lead_to_peak_h: float,
    rng: np.random.Generator,
) -> RainForecast:
    """Forecast the rain from ``at_s`` on, hour by hour on cells of 3 km.

    Parameters
    ----------
    rain : callable
        The rain that is going to fall.
    at_s : float
        Instant of the issue.
    bounds_m : tuple of float
        West, south, east, north of the city, metric; 30 km about it are forecast.
    crs : str
        The metric reference system.
    horizon_h : float
        How far to look.
    errors : ForecastErrors
        How wrong to be.
    lead_to_peak_h : float
        Hours to the heaviest rain: errors are those of this lead.
    rng : numpy.random.Generator
        Source of the errors.
    """
    share = 1.0 / 3.0 + 2.0 / 3.0 * float(np.clip(lead_to_peak_h / 24.0, 0.0, 1.0))
    draw = rng.standard_normal(4)
    sigma = share * errors.amount_sigma
    amount = float(np.exp(sigma * draw[0] - 0.5 * sigma**2))
    late_s = share * errors.time_h * 3600.0 * float(draw[1])
    east_m, north_m = (share * errors.place_m * float(z) for z in draw[2:])
    west, south = bounds_m[0] - _MARGIN_M, bounds_m[1] - _MARGIN_M
    ny = int(np.ceil((bounds_m[3] + _MARGIN_M - south) / _CELL_M))
    nx = int(np.ceil((bounds_m[2] + _MARGIN_M - west) / _CELL_M))
    x, y = np.meshgrid(west + (np.arange(nx) + 0.5) * _CELL_M, south + (np.arange(ny) + 0.5) * _CELL_M)
    hours = int(horizon_h)
    looks = int(_STEP_S / _LOOK_S)
    rate = np.zeros((hours, ny, nx))
    for step in range(hours):
        for look in range(looks):
            when = at_s + step * _STEP_S + (look + 0.5) * _LOOK_S - late_s
            rate[step] += rain(x.ravel() - east_m, y.ravel() - north_m, when).reshape(ny, nx) / looks
        rate[step] = gaussian_filter(rate[step], share * errors.smear_m / _CELL_M, mode="nearest")
    return RainForecast(
        edges_s=_STEP_S * np.arange(hours + 1, dtype=np.float64),
        rate_mm_h=np.maximum(amount * rate, 0.0).astype(np.float32)[None],
        grid=RainForecastGrid(west_m=west, south_m=south, cell_m=_CELL_M, crs=crs),
    )
