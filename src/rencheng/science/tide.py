r"""The level of the sea at a gauge: tide by its harmonic constituents, surge as what is left, noise of waves taken out.

One Kalman filter (Kalman 1960, J. Basic Eng. 82:35) carries the mean level, a cosine and a sine of each constituent,
and the surge as a Gaussian process with a Matérn covariance of order 3/2, which in state space is exact and costs the
same at every reading (Hartikainen & Särkkä 2010, IEEE MLSP). It only ever looks back, so the same numbers serve a live
gauge. Speeds of the constituents are those of Doodson's development (Schureman 1958, US Coast and Geodetic Survey
Special Publication 98); constituents that the record is too short to tell apart share what is there (Rayleigh's
criterion does not have to be met, the prior keeps them small). Amplitudes change over 18.6 years: they are followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.science.inundation import Z90
from rencheng.science.stage_outlook import StageOutlook

__all__ = ["CONSTITUENTS", "TideEstimate", "filter_tide", "tide_outlook"]

Floats = NDArray[np.float64]

CONSTITUENTS = {
    "M2": 28.9841042,
    "S2": 30.0000000,
    "N2": 28.4397295,
    "K1": 15.0410686,
    "O1": 13.9430356,
    "P1": 14.9589314,
    "Q1": 13.3986609,
    "K2": 30.0821373,
    "M4": 57.9682084,
    "MS4": 58.9841042,
}
"""Speeds, degrees an hour."""
SURGE_SD_M, SURGE_HOURS = 0.3, 12.0
"""Surge expected before anything is known, and the time over which it changes."""
AMPLITUDE_SD_M = 1.0
MEAN_SD_M = 5.0
DRIFT_M_PER_SQRT_H = 2e-4
"""How fast amplitudes and the mean may wander: 5 mm in a month."""
LEAST_NOISE_M = 0.003
"""Resolution of a good gauge."""
LEAST_READINGS = 72
_SPEED: Floats = np.radians(np.array(list(CONSTITUENTS.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class TideEstimate:
    """Level at every reading as known at that reading; arrays of shape (n,), metres.

    Parameters
    ----------
    level_m : float64 array
        Still water level: ``tide_m + surge_m``.
    sd_m : float64 array
        Standard deviation of the error of ``level_m``.
    tide_m, surge_m : float64 arrays
        Mean and astronomical part; the rest.
    """

    level_m: Floats
    sd_m: Floats
    tide_m: Floats
    surge_m: Floats


def filter_tide(at_h: Floats, level_m: Floats, *, noise_m: float | None = None) -> TideEstimate:
    """Estimate the still water level at every reading from it and the readings before it.

    Parameters
    ----------
    at_h : float64 array, shape (n,)
        Hours since any instant, ascending.
    level_m : float64 array, shape (n,)
        Readings; NaN where unknown.
    noise_m : float, optional
        Standard deviation of what waves and the gauge add to a reading; from the readings themselves where absent.

    Examples
    --------
    >>> hours = np.arange(0.0, 240.0, 0.5)
    >>> tide = filter_tide(hours, 2.0 + np.cos(np.radians(28.9841042) * hours))
    >>> bool(np.abs(tide.level_m[-48:] - 2.0 - np.cos(np.radians(28.9841042) * hours[-48:])).max() < 0.01)
    True
    """
    gauge = _Gauge(_noise(at_h, level_m) if noise_m is None else max(noise_m, LEAST_NOISE_M))
    out = np.empty((4, len(at_h)))
    for i, (at, level) in enumerate(zip(at_h.tolist(), level_m.tolist(), strict=True)):
        gauge.advance(at)
        if np.isfinite(level):
            gauge.hear(level)
        out[:, i] = gauge.now()
    return TideEstimate(level_m=out[0], sd_m=out[1], tide_m=out[0] - out[2], surge_m=out[2])


def tide_outlook(own: Floats, leads_h: Sequence[int]) -> StageOutlook | None:
    """Forecast of a tidal gauge: the tide goes on, the surge fades; the interval follows the errors made so far.

    Parameters
    ----------
    own : float64 array, shape (hours,)
        Hourly levels that end now; NaN where unknown.
    leads_h : sequence of int
        Lead times, hours.

    Returns
    -------
    StageOutlook or None
        None where the gauge is silent now or fewer than 72 hours are known.
    """
    if not np.isfinite(own[-1]) or np.isfinite(own).sum() < LEAST_READINGS:
        return None
    at_h = np.arange(len(own), dtype=np.float64)
    gauge = _Gauge(_noise(at_h, own))
    said = np.full((len(leads_h), len(own), 2), np.nan)
    for i, level in enumerate(own.tolist()):
        gauge.advance(float(i))
        if np.isfinite(level):
            gauge.hear(level)
        if i >= LEAST_READINGS:
            said[:, i] = [gauge.ahead(float(lead)) for lead in leads_h]
    half = np.array([_half_width(said[k], own, lead) for k, lead in enumerate(leads_h)])
    median = said[:, -1, 0]
    return StageOutlook(median_m=median, low_m=median - half, high_m=median + half, trust=np.ones(len(median)))


def _half_width(said: Floats, own: Floats, lead: int) -> float:
    """Half of the central 80 % interval: the filter's own, widened or narrowed by how it did of late."""
    error = np.abs(own[lead:] - said[:-lead, 0]) / said[:-lead, 1] if lead < len(own) else np.empty(0)
    known = error[np.isfinite(error)][-240:]
    usual = Z90 * float(said[-1, 1])
    if len(known) < 2 * lead:
        return 1.5 * usual
    return float(np.quantile(known, 0.8)) * float(said[-1, 1])


def _noise(at_h: Floats, level_m: Floats) -> float:
    """Noise of a reading from third differences, in which tide and surge all but vanish; robust against spikes."""
    known = np.isfinite(level_m)
    at, level = at_h[known], level_m[known]
    if len(level) < 8:
        return 0.05
    third = np.diff(level, 3)
    even = np.ptp(np.lib.stride_tricks.sliding_window_view(np.diff(at), 3), axis=1) < 1e-6
    if even.sum() < 5:
        return 0.05
    # the tide's own third difference is (speed × step)³ of its amplitude: below the noise only when steps are short
    step = float(np.median(np.diff(at)))
    scale = 1.4826 * float(np.median(np.abs(third[even] - np.median(third[even])))) / np.sqrt(20.0)
    return float(max(min(scale, 0.03) if step > 0.5 else scale, LEAST_NOISE_M))


class _Gauge:
    """State of the filter: mean, cosines and sines, surge and its rate."""

    def __init__(self, noise_m: float) -> None:
        size = 1 + 2 * len(_SPEED)
        self._x = np.zeros(size + 2)
        rate = float(np.sqrt(3.0)) / SURGE_HOURS
        self._settled = np.diag([SURGE_SD_M**2, (rate * SURGE_SD_M) ** 2])
        self._p = np.zeros((size + 2, size + 2))
        self._p[np.arange(size), np.arange(size)] = [MEAN_SD_M**2, *[AMPLITUDE_SD_M**2] * (size - 1)]
        self._p[size:, size:] = self._settled
        self._size, self._rate, self._noise_m2 = size, float(rate), noise_m**2
        self._at: float | None = None

    def advance(self, at_h: float) -> None:
        """Let time pass."""
        step = 0.0 if self._at is None else at_h - self._at
        self._at = at_h
        if step > 0:
            self._x, self._p = self._moved(step)

    def hear(self, level_m: float) -> None:
        """Take a reading at the present instant."""
        row = self._row(0.0)
        gain: Floats = self._p @ row
        spread = float(row @ gain) + self._noise_m2
        self._x = self._x + gain * ((level_m - float(row @ self._x)) / spread)
        self._p = self._p - np.outer(gain, gain) / spread

    def now(self) -> tuple[float, float, float, float]:
        """Level, its standard deviation, surge, and the variance of a reading's noise."""
        row = self._row(0.0)
        level, sd = float(row @ self._x), float(np.sqrt(max(float(row @ self._p @ row), 0.0)))
        return level, sd, float(self._x[self._size]), self._noise_m2

    def ahead(self, lead_h: float) -> tuple[float, float]:
        """Level in so many hours, and the standard deviation of a reading then."""
        x, p = self._moved(lead_h)
        row = self._row(lead_h)
        return float(row @ x), float(np.sqrt(max(float(row @ p @ row), 0.0) + self._noise_m2))

    def _moved(self, step_h: float) -> tuple[Floats, Floats]:
        n, k = self._size, self._rate
        decay = np.exp(-k * step_h)
        turn = decay * np.array([[1.0 + k * step_h, step_h], [-k * k * step_h, 1.0 - k * step_h]])
        x, p = self._x.copy(), self._p.copy()
        x[n:] = turn @ x[n:]
        p[:n, n:] = p[:n, n:] @ turn.T
        p[n:, :n] = p[:n, n:].T
        p[n:, n:] = turn @ p[n:, n:] @ turn.T + self._settled - turn @ self._settled @ turn.T
        p[np.arange(n), np.arange(n)] += DRIFT_M_PER_SQRT_H**2 * step_h
        return x, p

    def _row(self, ahead_h: float) -> Floats:
        assert self._at is not None
        angle = _SPEED * (self._at + ahead_h)
        return np.concatenate([[1.0], np.cos(angle), np.sin(angle), [1.0, 0.0]])
