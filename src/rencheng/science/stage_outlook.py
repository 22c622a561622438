"""Forecasting with a learnt stage model, or without one, with an interval that follows its own errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.science.inundation import Z90
from rencheng.science.stage_forecast import SHARES, StageModel, best_share
from rencheng.science.stage_terms import correction_terms, spread_terms

__all__ = ["MEMORY_H", "StageOutlook", "adaptive_level", "persistence_outlook", "predict_stage"]

Floats = NDArray[np.float64]

MEMORY_H = 192
"""Hours of the past that a forecast reads: terms reach back 72 h, and it looks at its own errors of the days before."""
RECENT_HALF_LIFE_H = 24.0
"""How fast old errors lose weight against fresh ones."""
FADING_H = 6.0
"""How long a rise goes on where nothing is learnt."""
RISE_M, FALL_M = 1.0, 0.05
"""How far a gauge that hardly moved may rise or fall in the interval of persistence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutlook:
    """A forecast: arrays of shape (leads,), metres; ``trust`` is the share of the correction believed now."""

    median_m: Floats
    low_m: Floats
    high_m: Floats
    trust: Floats


def predict_stage(model: StageModel, stage: Floats, rain: Floats, *, miss_prob: float = 0.2) -> StageOutlook | None:
    """Forecast from the last row of the grids, with trust and interval adapted to the errors of the last days.

    A correction that was not validated is not believed, which leaves persistence. Trust in one that was is chosen anew
    by the out-of-fold errors and the errors this model would have made on what has come since, fresh ones weighing
    more. The same fresh errors join the calibration of the interval with as much weight as all old ones (conformal
    prediction beyond exchangeability: Barber et al. 2023, Ann. Stat. 51:816), and its level follows their coverage
    (:func:`adaptive_level`).

    Parameters
    ----------
    model : StageModel
        What was learnt.
    stage, rain : float64 arrays, shape (hours, gauges)
        Hourly grids that end now, ``MEMORY_H`` hours; columns as at the fit.
    miss_prob : float
        Probability left outside the interval.

    Returns
    -------
    StageOutlook or None
        None where the gauge itself is silent.
    """
    own = stage[:, model.basin.target]
    if not np.isfinite(own[-1]):
        return None
    terms = correction_terms(stage, rain, model.basin)
    lively = spread_terms(stage, terms, model.basin)
    out = np.empty((4, len(model.leads_h)))
    for i, lead in enumerate(model.leads_h):
        guess = np.clip(terms @ model.coefficients[i], -model.most_m[i], model.most_m[i])
        unit = lively @ model.spread[i]
        past = np.arange(min(72, len(own)), len(own) - lead)
        change = own[past + lead] - own[past]
        past, change = past[np.isfinite(change)], change[np.isfinite(change)]
        weight = 0.5 ** ((len(own) - 1 - lead - past) / RECENT_HALF_LIFE_H)
        errors = np.abs(change[None, :] - SHARES[:, None] * guess[past][None, :])
        trust = (
            0.0
            if model.trust[i] == 0.0
            else best_share(model.share_mae_m[i] * max(float(weight.sum()), 1.0) + errors @ weight)
        )
        fresh = (change - trust * guess[past]) / unit[past]
        low, high = _adapted_bounds(model.scores[i], fresh, weight, _for_few(miss_prob, len(model.scores[i]) / lead))
        median = own[-1] + trust * guess[-1]
        out[:, i] = median, median + min(low, 0.0) * unit[-1], median + max(high, 0.0) * unit[-1], trust
    return StageOutlook(median_m=out[0], low_m=out[1], high_m=out[2], trust=out[3])


def persistence_outlook(own: Floats, leads_h: Sequence[int]) -> StageOutlook | None:
    """Forecast of a gauge too young to learn from: the stage stays, and may go on rising or falling as it did.

    Rises last, but not for ever: the interval reaches as far as the usual hourly change, or the fastest of the last
    three hours' mean rates, would carry the stage if it faded with a memory of six hours. A flash flood's rate would
    carry it absurdly far, so the rise reaches at most twice as far again as the stage has ranged in what is known
    (one metre where it hardly moved), and the fall a quarter of that range below the lowest stage known.

    Parameters
    ----------
    own : float64 array, shape (hours,)
        Hourly stages that end now; NaN where unknown.
    leads_h : sequence of int
        Lead times, hours.

    Returns
    -------
    StageOutlook or None
        None where the gauge is silent or fewer than three hourly changes are known.

    Examples
    --------
    >>> outlook = persistence_outlook(np.array([1.0, 1.0, 1.1, 1.2]), (6,))
    >>> outlook.median_m.tolist(), outlook.high_m.round(2).tolist()
    ([1.2], [1.6])
    """
    change = np.diff(own)
    known = change[np.isfinite(change)]
    if not np.isfinite(own[-1]) or len(known) < 3:
        return None
    lead = FADING_H * (1.0 - np.exp(-np.asarray(leads_h, dtype=np.float64) / FADING_H))
    usual = Z90 * max(float(np.sqrt(np.mean(known**2))), 0.005)
    means = np.array([np.mean(known[-n:]) for n in (1, 2, 3)])
    up, down = max(usual, float(means.max())), max(usual, float(-means.min()))
    lowest, ranged = float(np.nanmin(own)), float(np.nanmax(own) - np.nanmin(own))
    bed = min(lowest - 0.25 * ranged, own[-1] - FALL_M)
    return StageOutlook(
        median_m=np.full(len(lead), own[-1]),
        low_m=np.maximum(own[-1] - down * lead, bed),
        high_m=own[-1] + np.minimum(up * lead, max(2.0 * ranged, RISE_M)),
        trust=np.zeros(len(lead)),
    )


def _for_few(miss: float, independent: float) -> float:
    """Miss probability with the finite-sample correction of conformal prediction.

    Errors of overlapping lead times are nearly one error: only every lead time counts as an independent one.
    """
    return max(2.0 * (1.0 - (1.0 - miss / 2.0) * (1.0 + 1.0 / max(independent, 1.0))), 0.02)


def _adapted_bounds(scores: Floats, fresh: Floats, weight: Floats, miss: float) -> tuple[float, float]:
    """Bounds of the central interval from old and fresh scores, at the level that the fresh ones call for."""
    pool = np.r_[scores, fresh]
    share = np.r_[np.full(len(scores), 1.0 / max(len(scores), 1)), weight / max(float(weight.sum()), 1e-9)]
    order = np.argsort(pool, kind="stable")
    pool, share = pool[order], np.cumsum(share[order]) / share.sum()
    low, high = _weighted_bounds(pool, share, miss)
    level = adaptive_level(((fresh < low) | (fresh > high)).tolist(), target=miss)
    return _weighted_bounds(pool, share, level)


def _weighted_bounds(pool: Floats, share: Floats, miss: float) -> tuple[float, float]:
    last = len(pool) - 1
    low = pool[min(int(np.searchsorted(share, miss / 2.0)), last)]
    high = pool[min(int(np.searchsorted(share, 1.0 - miss / 2.0)), last)]
    return float(low), float(high)


def adaptive_level(missed: Sequence[bool], *, target: float = 0.2, rate: float = 0.02, floor: float = 0.02) -> float:
    r"""Miss probability to aim at, given whether past intervals missed.

    :math:`\alpha_{t+1} = \alpha_t + \gamma(\alpha - err_t)`.

    Gibbs & Candès 2021 (adaptive conformal inference); wide intervals follow misses, narrow ones follow hits.

    Examples
    --------
    >>> adaptive_level([])
    0.2
    >>> round(adaptive_level([True, True], rate=0.05), 3)
    0.12
    """
    level = target
    for miss in missed:
        level = min(max(level + rate * (target - float(miss)), floor), target)
    return level
