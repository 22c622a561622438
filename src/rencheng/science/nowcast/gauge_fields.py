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
    root = _covariance_root(np.concatenate([target_xy_m, gauge_xy_m]), variogram)
    free = rng.standard_normal((members, len(root))) @ root.T
    return _conditioned(gauge_xy_m, values, target_xy_m, variogram, free)


def _conditioned(gauge_xy_m: F64, values: F64, target_xy_m: F64, variogram: Variogram, free: F64) -> F64:
    """Free fields (members, targets + gauges) bent to the gauges by kriging what they lack there."""
    lacking = values[None, :] - free[:, len(target_xy_m) :]
    correction, _ = ordinary_kriging(gauge_xy_m, lacking.T.copy(), target_xy_m, variogram)
    return np.asarray(free[:, : len(target_xy_m)] + correction.T)


def _covariance_root(xy_m: F64, variogram: Variogram) -> F64:
    """Lower Cholesky factor of the covariance between points."""
    if len(xy_m) > _MOST_POINTS:
        raise InvalidInput(
            f"{len(xy_m)} points are too many to draw fields at", where="gauge fields", mend="Use coarser rain cells"
        )
    total = variogram.nugget + variogram.sill
    if total <= 0.0:
        return np.zeros((len(xy_m), len(xy_m)))
    covariance = variogram.covariance(pairwise_distance_m(xy_m, xy_m))
    covariance[np.diag_indices(len(xy_m))] += 1e-8 * total
    return np.asarray(np.linalg.cholesky(covariance))


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
    r"""Members of the rain where only gauges see it: as it fell, and as it may go on.

    Rates are taken as square roots, which are nearer to normal (Sigrist et al. 2012, Ann. Appl. Stat. 6:1452). Every
    member has a free field that changes slowly, :math:`\rho = e^{-\Delta t/\tau}` per step, bent to the gauges where
    and when they were heard; later what is known fades at the same pace towards the mean of the gauges, so that each
    member stays a possible rain field at every lead.

    Parameters
    ----------
    gauge_xy_m : float64 array, shape (s, 2)
        Gauges.
    rate_mm_h : float64 array, shape (times, s)
        Mean rates of the last steps, oldest first; NaN where none.
    target_xy_m : float64 array, shape (t, 2)
        Places.
    step_s : float
        Length of a step, past and future.
    leads, members : int
        Steps after the present, and members.
    rng : numpy.random.Generator
        Source of chance.
    life_s : float
        Memory of the field.

    Returns
    -------
    float32 array, shape (members, times + leads, t)
        Rates in mm/h.

    Raises
    ------
    InvalidInput
        If no gauge has a rate, or one is negative; names the gauge.
    """
    rate = np.asarray(rate_mm_h, dtype=np.float64)
    if not np.isfinite(rate).any():
        raise InvalidInput("no gauge has a reading", where="gauge nowcast", mend="Check the rain feeds")
    if (rate < 0).any():
        first = int(np.flatnonzero((rate < 0).any(axis=0))[0])
        raise InvalidInput(
            f"gauge {first} gives negative rain", where="gauge nowcast", mend="Leave suspect readings out"
        )
    xy, root = _distinct(gauge_xy_m, np.sqrt(rate))
    variogram = fit_spherical(xy, root)
    factor = _covariance_root(np.concatenate([target_xy_m, xy]), variogram)
    free = rng.standard_normal((members, len(factor))) @ factor.T
    keep = float(np.exp(-step_s / life_s))
    out = np.empty((members, len(root) + leads, len(target_xy_m)), dtype=np.float32)
    known, mean, since = np.zeros((members, len(target_xy_m))), 0.0, 0
    for step in range(len(root) + leads):
        if step:
            free = keep * free + np.sqrt(1.0 - keep**2) * (rng.standard_normal(free.shape) @ factor.T)
        heard = np.isfinite(root[step]) if step < len(root) else np.zeros(len(xy), dtype=np.bool_)
        at_target = free[:, : len(target_xy_m)]
        if heard.any():
            own = np.concatenate([np.ones(len(target_xy_m), dtype=np.bool_), heard])
            field = _conditioned(xy[heard], root[step, heard], target_xy_m, variogram, free[:, own])
            known, mean, since = field - at_target, float(root[step, heard].mean()), 0
        else:
            since += 1
            # the correction that the gauges asked for fades, and leaves the free field around their mean
            field = at_target + mean + keep**since * (known - mean)
        out[:, step] = np.maximum(field, 0.0) ** 2
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
