"""From gauges to places by ordinary kriging: the best linear unbiased estimate, exact at the gauges, with its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.interpolation import pairwise_distance_m

__all__ = ["Variogram", "fit_spherical", "ordinary_kriging"]

F64 = NDArray[np.float64]

_RANGES_M = np.geomspace(1_000.0, 100_000.0, 41)
_NUGGETS = np.linspace(0.0, 0.6, 13)
_FEWEST_PAIRS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Variogram:
    r"""Spherical variogram, :math:`\gamma(h) = n + s\,(1.5\,h/a - 0.5\,(h/a)^3)` up to the range, 0 at 0.

    Parameters
    ----------
    nugget, sill : float
        Variance below the gauges' spacing, and the structured variance on top of it; squared unit of the values.
    range_m : float
        Distance from which values are unrelated.

    Examples
    --------
    >>> Variogram(nugget=0.0, sill=2.0, range_m=1000.0).gamma(np.array([0.0, 500.0, 2000.0])).tolist()
    [0.0, 1.375, 2.0]
    """

    nugget: float
    sill: float
    range_m: float

    def __post_init__(self) -> None:
        if self.nugget < 0 or self.sill < 0 or not self.range_m > 0:
            raise InvalidInput(
                f"nugget {self.nugget}, sill {self.sill}, range {self.range_m} m are no variogram",
                where="variogram",
                mend="Give nugget and sill from 0 up and a range above 0",
            )

    def gamma(self, distance_m: F64) -> F64:
        """Half the mean squared difference of values a distance apart."""
        share = np.minimum(np.asarray(distance_m, dtype=np.float64) / self.range_m, 1.0)
        rise = self.nugget + self.sill * (1.5 * share - 0.5 * share**3)
        return np.where(np.asarray(distance_m) > 0.0, rise, 0.0)

    def covariance(self, distance_m: F64) -> F64:
        """Covariance of values a distance apart."""
        return np.asarray(self.nugget + self.sill - self.gamma(distance_m))


def fit_spherical(xy_m: F64, values: F64, *, default_range_m: float = 12_000.0) -> Variogram:
    """Fit a spherical variogram to gauges, all times pooled.

    Parameters
    ----------
    xy_m : float64 array, shape (s, 2)
        Gauges.
    values : float64 array, shape (times, s)
        Values; NaN where none.
    default_range_m : float
        Range where there are too few pairs to learn one: short-time convective rain decorrelates over some 10 km
        (Villarini et al. 2008, J. Geophys. Res. 113, D14103).

    Returns
    -------
    Variogram
        Range, nugget and sill that fit the binned semivariances best, weighted by their pairs (Cressie 1985); with too
        few pairs the mean variance over the gauges.
    """
    left, right = np.triu_indices(len(xy_m), 1)
    total = _pooled_variance(values)
    distance = pairwise_distance_m(xy_m, xy_m)[left, right]
    half_square = 0.5 * (values[:, left] - values[:, right]) ** 2
    known = np.isfinite(half_square)
    if total <= 0.0 or int(known.sum()) < _FEWEST_PAIRS:
        return Variogram(nugget=0.05 * total, sill=0.95 * total, range_m=default_range_m)
    edges = np.quantile(distance, np.linspace(0.0, 1.0, 11))
    place = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, 9)
    pairs = np.bincount(place, known.sum(axis=0), minlength=10)
    mean_gamma = np.bincount(place, np.where(known, half_square, 0.0).sum(axis=0), minlength=10) / np.maximum(pairs, 1)
    mean_distance = np.bincount(place, distance * known.sum(axis=0), minlength=10) / np.maximum(pairs, 1)
    best, least = Variogram(nugget=0.0, sill=total, range_m=default_range_m), np.inf
    for range_m in _RANGES_M:
        for share in _NUGGETS:
            unit = Variogram(nugget=float(share), sill=float(1.0 - share), range_m=float(range_m))
            expected = np.maximum(unit.gamma(mean_distance), 1e-12)
            scale = float((pairs * mean_gamma / expected).sum() / pairs.sum())
            loss = float((pairs * (mean_gamma / (scale * expected) - 1.0) ** 2).sum())
            if loss < least:
                best = Variogram(nugget=scale * unit.nugget, sill=scale * unit.sill, range_m=unit.range_m)
                least = loss
    return best


def _pooled_variance(values: F64) -> float:
    counts = np.isfinite(values).sum(axis=1)
    enough = counts > 1
    if not enough.any():
        return 0.0
    rows = np.where(np.isfinite(values[enough]), values[enough], np.nan)
    return float(
        np.nanmean(
            (rows - np.nanmean(rows, axis=1, keepdims=True)) ** 2 * (counts[enough] / (counts[enough] - 1))[:, None]
        )
    )


def ordinary_kriging(gauge_xy_m: F64, values: F64, target_xy_m: F64, variogram: Variogram) -> tuple[F64, F64]:
    r"""Estimate at targets as the weighted mean of gauges with the least error variance (Cressie 1993, §3.2).

    The weights solve :math:`\Gamma \lambda + \mu 1 = \gamma_0,\; 1^T\lambda = 1`; the error variance is
    :math:`\lambda^T \gamma_0 + \mu`.

    Parameters
    ----------
    gauge_xy_m : float64 array, shape (s, 2)
        Gauges, no two in the same place.
    values : float64 array, shape (s, f)
        Values of ``f`` fields.
    target_xy_m : float64 array, shape (t, 2)
        Targets.
    variogram : Variogram
        How values differ with distance.

    Returns
    -------
    estimate : float64 array, shape (t, f)
    variance : float64 array, shape (t,)
        Error variance, the same for all fields; 0 at a gauge.

    Raises
    ------
    InvalidInput
        Without gauges, or when two stand in one place.

    Examples
    --------
    >>> line = Variogram(nugget=0.0, sill=1.0, range_m=1000.0)
    >>> at, target = np.array([[0.0, 0.0], [100.0, 0.0]]), np.array([[50.0, 0.0]])
    >>> ordinary_kriging(at, np.array([[1.0], [3.0]]), target, line)[0].round(6).tolist()
    [[2.0]]
    """
    count = len(gauge_xy_m)
    apart = pairwise_distance_m(gauge_xy_m, gauge_xy_m)
    _require_apart(apart)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = variogram.gamma(apart)
    system[count, count] = 0.0
    right = np.ones((count + 1, len(target_xy_m)))
    right[:count] = variogram.gamma(pairwise_distance_m(gauge_xy_m, target_xy_m))
    if variogram.nugget + variogram.sill <= 0.0:
        return np.tile(values.mean(axis=0), (len(target_xy_m), 1)), np.zeros(len(target_xy_m))
    weight = np.linalg.solve(system, right)
    estimate = weight[:count].T @ values
    variance = np.maximum((weight * right).sum(axis=0), 0.0)
    return np.asarray(estimate), np.asarray(variance)


def _require_apart(apart: F64) -> None:
    if not len(apart):
        raise InvalidInput("no gauge to krige from", where="ordinary kriging", mend="Use another source of rain")
    same = np.argwhere(np.triu(apart < 0.5, 1))
    if len(same):
        first, second = (int(i) for i in same[0])
        raise InvalidInput(
            f"gauges {first} and {second} stand in one place", where="ordinary kriging", mend="Average them first"
        )
