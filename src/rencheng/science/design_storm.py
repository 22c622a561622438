"""Design storms: how hard it rains in a storm of a given return period, minute by minute and place by place.

Intensity–duration–frequency formula of the Chinese code for outdoor wastewater engineering (GB 50014-2021, 4.1.9),
hyetograph after Keifer & Chu (1957, "Synthetic storm pattern for drainage design", J. Hydraul. Div. ASCE 83(4)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["SHANGHAI_2017", "IntensityFormula", "StormCell", "chicago_hyetograph", "rain_rate"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntensityFormula:
    """Storm intensity formula i = a (1 + c lg P) / (t + b)^n, with t in minutes and i in mm/min.

    Parameters
    ----------
    a_mm_min, c_ratio, b_min, n_ratio : float
        Local parameters.
    source : str
        Where they are published.
    """

    a_mm_min: float
    c_ratio: float
    b_min: float
    n_ratio: float
    source: str

    def mean_mm_h(self, duration_min: float, return_period_a: float) -> float:
        """Mean intensity over a duration for a return period in years.

        Examples
        --------
        >>> round(SHANGHAI_2017.mean_mm_h(60, 5), 1)
        58.0
        """
        scale = self.a_mm_min * (1.0 + self.c_ratio * np.log10(return_period_a))
        return float(60.0 * scale / (duration_min + self.b_min) ** self.n_ratio)


SHANGHAI_2017 = IntensityFormula(
    a_mm_min=1600.0 / 167.0,
    c_ratio=0.846,
    b_min=7.0,
    n_ratio=0.656,
    source="Shanghai DB31/T 1043-2017, q in L/(s·hm²) / 167",
)
"""Shanghai's formula, q = 1600 (1 + 0.846 lg P) / (t + 7.0)^0.656."""


def chicago_hyetograph(
    formula: IntensityFormula, *, return_period_a: float, duration_min: int, peak_ratio: float = 0.4, step_min: int = 1
) -> F64:
    """Rain per step of a storm that holds the formula's depth for every duration around its peak.

    Parameters
    ----------
    return_period_a : float
        Return period in years.
    duration_min, step_min : int
        Storm length and step in minutes; the length is a multiple of the step.
    peak_ratio : float
        Position of the peak, 0 … 1 (Chinese practice 0.3 … 0.5).

    Returns
    -------
    array, shape (duration_min // step_min,)
        Rain of each step in mm. Their sum is exactly the formula's depth for the whole duration.

    Notes
    -----
    The depth within a window that reaches ``r·τ`` before and ``(1-r)·τ`` after the peak is D(τ) = i(τ)·τ; steps take
    differences of that depth, so no rain is lost to sampling the singular instantaneous curve.
    """
    if duration_min <= 0 or duration_min % step_min or not 0.0 < peak_ratio < 1.0 or return_period_a < 1.0:
        raise InvalidInput(
            "a hyetograph needs a duration that its step divides, 0 < peak ratio < 1, a return period of a year or more"
        )
    edges = np.arange(0, duration_min + step_min, step_min, dtype=np.float64)
    peak = peak_ratio * duration_min

    def depth_mm(tau_min: F64) -> F64:
        scale = formula.a_mm_min * (1.0 + formula.c_ratio * np.log10(return_period_a))
        return np.asarray(scale * tau_min / (tau_min + formula.b_min) ** formula.n_ratio)

    before = peak_ratio * depth_mm(np.maximum(peak - edges, 0.0) / peak_ratio)
    after = (1.0 - peak_ratio) * depth_mm(np.maximum(edges - peak, 0.0) / (1.0 - peak_ratio))
    return np.diff(after - before)


@dataclass(frozen=True, slots=True, kw_only=True)
class StormCell:
    """A rain cell that crosses the city in a straight line.

    Parameters
    ----------
    start_x_m, start_y_m : float
        Centre at time 0 in metric coordinates.
    speed_x_m_s, speed_y_m_s : float
        Movement.
    radius_m : float
        Standard deviation of the Gaussian footprint.
    floor_ratio : float
        Share of the intensity that falls everywhere (stratiform rain).
    """

    start_x_m: float
    start_y_m: float
    speed_x_m_s: float
    speed_y_m_s: float
    radius_m: float
    floor_ratio: float


def rain_rate(cell: StormCell, x_m: F64, y_m: F64, time_s: float, intensity_mm_h: float) -> F64:
    """Rain rate at points.

    Parameters
    ----------
    x_m, y_m : arrays, shape (n,)
        Metric coordinates.
    time_s : float
        Seconds since the storm's start.
    intensity_mm_h : float
        Rate at the cell's centre now.

    Returns
    -------
    array, shape (n,)
        Rate in mm/h, between ``floor_ratio`` and 1 times the intensity.
    """
    dx = x_m - (cell.start_x_m + cell.speed_x_m_s * time_s)
    dy = y_m - (cell.start_y_m + cell.speed_y_m_s * time_s)
    shape = np.exp(-0.5 * (dx * dx + dy * dy) / cell.radius_m**2)
    return np.asarray(intensity_mm_h * (cell.floor_ratio + (1.0 - cell.floor_ratio) * shape))
