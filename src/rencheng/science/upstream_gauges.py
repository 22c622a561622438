"""Which gauges foretell which: upstream learnt from lagged rises, weighed by how plausible the place makes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.science.stage_terms import Upstream, rise_m

__all__ = ["select_upstream"]

Floats = NDArray[np.float64]

LAGS_H = (0, 3, 6, 12, 18, 24)


def select_upstream(
    stage: Floats, target: int, *, lead_h: int, plausible: Floats, most: int = 5
) -> tuple[Upstream, ...]:
    """Find the gauges whose lagged rises best foretell the target's change.

    Greedy by correlation with what the gauges already chosen leave unexplained (orthogonal matching pursuit); a
    gauge is kept only if its rise is followed by a rise of the target, never by a fall.

    Parameters
    ----------
    stage : float64 array, shape (hours, gauges)
        Hourly stages, NaN where unknown.
    target : int
        Column of the gauge.
    plausible : float64 array, shape (gauges,)
        0 (never) … 1: how likely the place makes a connection (nearness, same river); weighs the correlations, since
        gauges far away share the weather, not the water.
    lead_h : int
        Change of the target that is to be foretold, hours.
    most : int
        How many to choose at most.

    Returns
    -------
    tuple of Upstream
        With the lag that foretells best.
    """
    own = stage[:, target]
    wanted = np.full(len(own), np.nan)
    wanted[:-lead_h] = own[lead_h:] - own[:-lead_h]
    use = np.isfinite(wanted) & np.isfinite(rise_m(own, 6))
    if use.sum() < 48:
        return ()
    residual = wanted[use] - wanted[use].mean()
    pool, names, weight = _lagged_rises(stage, target, use, plausible)
    basis = [np.nan_to_num(rise_m(own, span)[use]) for span in (6, 24)]
    residual = _without(residual, basis)
    chosen: list[Upstream] = []
    free = np.ones(len(names), np.bool_)
    while len(chosen) < most and free.any():
        strength = np.where(free, weight * (pool @ residual) / max(float(np.linalg.norm(residual)), 1e-9), -1.0)
        best = int(strength.argmax())
        if strength[best] < 0.15:
            break
        chosen.append(names[best])
        free &= np.array([n.column != names[best].column for n in names])
        basis.append(pool[best])
        residual = _without(residual, basis)
    return tuple(chosen)


def _lagged_rises(
    stage: Floats, target: int, use: NDArray[np.bool_], plausible: Floats
) -> tuple[Floats, list[Upstream], Floats]:
    """Rises over twelve hours of every plausible gauge at every lag, centred and of unit length, with their weights."""
    rows, names = [], []
    for column in np.flatnonzero(plausible > 0.0).tolist():
        if column == target:
            continue
        rise = rise_m(stage[:, column], 12)
        if np.isfinite(rise[use]).mean() < 0.7 or np.nanstd(rise) <= 0.01:
            continue
        rise = np.nan_to_num(rise)
        for lag in LAGS_H:
            rows.append(np.r_[np.zeros(lag), rise[: len(rise) - lag]][use])
            names.append(Upstream(column=column, lag_h=lag))
    matrix = np.array(rows).reshape(len(rows), int(use.sum()))
    matrix -= matrix.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.maximum(norm, 1e-9), names, plausible[[n.column for n in names]]


def _without(values: Floats, basis: list[Floats]) -> Floats:
    """Take out of the values what the basis explains linearly."""
    a = np.column_stack([np.ones(len(values)), *basis])
    return np.asarray(values - a @ np.linalg.lstsq(a, values, rcond=None)[0], dtype=np.float64)
