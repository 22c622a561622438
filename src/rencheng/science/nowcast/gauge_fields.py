"""Rain fields that agree with the gauges: kriged, with members drawn where the gauges leave room, and their future."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.interpolation import pairwise_distance_m
from rencheng.science.nowcast.kriging import Variogram, fit_spherical, ordinary_kriging

__all__ = ["conditional_fields", "gauge_nowcast"]

F64 = NDArray[np.float64]

_MOST_POINTS = 4000


def conditional_fields(
    gauge_xy_m: F64, values: F64, target_xy_m: F64, variogram: Variogram, *, members: int, rng: np.random.Generator
) -> F64:
    """Draw Gaussian fields that agree with the gauges (conditioning by kriging: Chilès & Delfiner 2012, §7.3).

    Parameters
    ----------
    gauge_xy_m, target_xy_m : float64 arrays, shapes (s, 2), (t, 2)
        Gauges and targets.
    values : float64 array, shape (s,)
        Values at the gauges.
    variogram : Variogram
        How values differ with distance.
    members : int
        Fields to draw.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    float64 array, shape (members, t)
        Their mean tends to the kriged field, their variance to its error variance.
    """
    kriged, _ = ordinary_kriging(gauge_xy_m, values[:, None], target_xy_m, variogram)
    if variogram.nugget + variogram.sill <= 0.0:
        return np.repeat(kriged.T, members, axis=0)
    free = _unconditional(np.concatenate([target_xy_m, gauge_xy_m]), variogram, members, rng)
    at_target, at_gauge = free[:, : len(target_xy_m)], free[:, len(target_xy_m) :]
    known, _ = ordinary_kriging(gauge_xy_m, at_gauge.T.copy(), target_xy_m, variogram)
    return np.asarray(kriged.T + at_target - known.T)


def _unconditional(xy_m: F64, variogram: Variogram, members: int, rng: np.random.Generator) -> F64:
    """Gaussian fields of the variogram's covariance at points, shape (members, points)."""
    if len(xy_m) > _MOST_POINTS:
        raise InvalidInput(
            f"{len(xy_m)} points are too many to draw fields at", where="gauge fields", mend="Use coarser rain cells"
        )
    covariance = variogram.covariance(pairwise_distance_m(xy_m, xy_m))
    covariance[np.diag_indices(len(xy_m))] += 1e-8 * (variogram.nugget + variogram.sill)
    return rng.standard_normal((members, len(xy_m))) @ np.linalg.cholesky(covariance).T


def gauge_nowcast(
    gauge_xy_m: F64,
    rate_mm_h: F64,
    target_xy_m: F64,
    *,
    step_s: float,
    leads: int,
    members: int,
    rng: np.random.Generator,
    life_s: float = 3600.0,
) -> NDArray[np.float32]:
    r"""Members of the rain to come where only gauges see it.

    Rates are taken as square roots, which are nearer to normal (Sigrist et al. 2012, Ann. Appl. Stat. 6:1452). Members
    agree with the gauges now; later they keep what is known by :math:`\rho = e^{-L/\tau}` around the mean of the city
    and draw the rest anew with the same texture, so that each stays a possible rain field at every lead.

    Parameters
    ----------
    gauge_xy_m : float64 array, shape (s, 2)
        Gauges.
    rate_mm_h : float64 array, shape (times, s)
        Rates of the last intervals, oldest first; NaN where none. The last known rate of a gauge counts as now; gauges
        with none are left out.
    target_xy_m : float64 array, shape (t, 2)
        Places.
    step_s : float
        Time between leads.
    leads, members : int
        Leads after the present, and members.
    rng : numpy.random.Generator
        Source of chance.
    life_s : float
        Memory of the field.

    Returns
    -------
    float32 array, shape (members, leads + 1, t)
        Rates in mm/h.

    Raises
    ------
    InvalidInput
        If no gauge has a rate, or one is negative; names the gauge.
    """
    known = np.isfinite(rate_mm_h).any(axis=0)
    if not known.any():
        raise InvalidInput("no gauge has a reading", where="gauge nowcast", mend="Check the rain feeds")
    negative = np.flatnonzero((rate_mm_h < 0).any(axis=0))
    if len(negative):
        raise InvalidInput(
            f"gauge {int(negative[0])} gives negative rain", where="gauge nowcast", mend="Leave suspect readings out"
        )
    xy, root = _distinct(gauge_xy_m[known], np.sqrt(rate_mm_h[:, known]))
    now = _last_known(root)
    variogram = fit_spherical(xy, root) if float(np.nanmax(root)) > 0 else Variogram(nugget=0.0, sill=0.0, range_m=1.0)
    field = conditional_fields(xy, now, target_xy_m, variogram, members=members, rng=rng)
    mean = float(now.mean())
    out = np.empty((members, leads + 1, len(target_xy_m)), dtype=np.float32)
    out[:, 0] = np.maximum(field, 0.0) ** 2
    keep = float(np.exp(-step_s / life_s))
    for lead in range(1, leads + 1):
        if variogram.nugget + variogram.sill > 0.0:
            fresh = _unconditional(target_xy_m, variogram, members, rng)
            field = mean + keep * (field - mean) + np.sqrt(1.0 - keep**2) * fresh
        out[:, lead] = np.maximum(field, 0.0) ** 2
    return out


def _last_known(values: F64) -> F64:
    """Last known value of every column."""
    out = np.full(values.shape[1], np.nan)
    for row in values:
        out = np.where(np.isfinite(row), row, out)
    return out


def _distinct(xy_m: F64, values: F64) -> tuple[F64, F64]:
    """Gauges within a metre of one another as one, with their mean."""
    key = np.round(xy_m).astype(np.int64)
    _, first, member = np.unique(key, axis=0, return_index=True, return_inverse=True)
    member = member.reshape(-1)
    known = np.isfinite(values)
    total = np.stack([np.bincount(member, row, minlength=len(first)) for row in np.where(known, values, 0.0)])
    count = np.stack([np.bincount(member, row, minlength=len(first)) for row in known.astype(np.float64)])
    return xy_m[first], np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
