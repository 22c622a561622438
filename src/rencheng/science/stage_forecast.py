r"""Forecasting a river's stage from its own course, gauges upstream and rain, as a correction to persistence.

The change of stage over a lead time is a sum of terms that can only push one way: rises here and upstream, water stored
upstream and rain raise it, water already high here lowers it (the linear storage–routing equation,
:math:`\dot h = a\,(h_{up} - \bar h_{up}) - b\,(h - \bar h)`, in discrete form). Coefficients are therefore found by
non-negative ridge regression (Lawson & Hanson 1974; Slawski & Hein 2013, Electron. J. Stat. 7:3004), which
extrapolates to floods larger than those learnt from without changing sign. Out-of-fold errors decide how far the
correction is trusted, down to nothing, which is persistence. Intervals are conformal, scaled by how lively the river
is (Lei et al. 2018, J. Am. Stat. Assoc. 113:1094, §5.2), with a level adapted to what came (Gibbs & Candès 2021,
NeurIPS 34).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

__all__ = [
    "StageModel",
    "StageOutlook",
    "adaptive_level",
    "fit_stage_model",
    "persistence_outlook",
    "predict_stage",
    "select_upstream",
]

Floats = NDArray[np.float64]

OWN_SPANS_H = (1, 3, 6, 12, 24)
UPSTREAM_SPANS_H = (6, 24)
RAIN_SPANS_H = (6, 24, 72)
LAGS_H = (0, 3, 6, 12, 18, 24)
FOLDS = 5
MOST_BEYOND = 1.5
SHARES = np.arange(11) / 10.0
PENALTIES = (0.003, 0.03, 0.3)
MEMORY_H = 192
"""Hours of the past that a forecast reads: terms reach back 72 h, and it looks at its own errors of the days before."""
RECENT_HALF_LIFE_H = 24.0
"""How fast old errors lose weight against fresh ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A gauge whose past tells of this one's future, and how many hours its news is old."""

    column: int
    lag_h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageModel:
    """A fitted forecast of one gauge.

    Parameters
    ----------
    target : int
        Column of the gauge in the stage grid.
    upstream : tuple of Upstream
        Gauges read besides, most telling first.
    rain_columns : tuple of int
        Columns of the rain grid whose mean is the basin's rain.
    level_m : float64 array, shape (1 + upstream,)
        Ordinary stage of the target and of each upstream gauge.
    leads_h : tuple of int
        Lead times.
    coefficients : float64 array, shape (leads, terms)
        Change of stage per unit of each term; never negative.
    trust : float64 array, shape (leads,)
        Share of the correction that is believed, 0 (persistence) … 1, by the out-of-fold errors alone.
    share_mae_m : float64 array, shape (leads, 11)
        Out-of-fold mean absolute error at each share 0, 0.1 … 1 of the correction.
    most_m : float64 array, shape (leads,)
        Largest correction, half as large again as the largest change ever seen: beyond that the terms are not believed.
    spread : float64 array, shape (leads, spread terms)
        Coefficients of the expected absolute error.
    scores : tuple of float64 arrays
        Per lead, sorted out-of-fold errors in units of the expected absolute error.
    mae_m, persistence_mae_m : float64 arrays, shape (leads,)
        Out-of-fold error of the trusted forecast and of persistence.
    """

    target: int
    upstream: tuple[Upstream, ...]
    rain_columns: tuple[int, ...]
    level_m: Floats
    leads_h: tuple[int, ...]
    coefficients: Floats
    trust: Floats
    share_mae_m: Floats
    most_m: Floats
    spread: Floats
    scores: tuple[Floats, ...]
    mae_m: Floats
    persistence_mae_m: Floats


def _rise(stage: Floats, span: int, lag: int = 0) -> Floats:
    """Rise over ``span`` hours that ended ``lag`` hours ago; shape as ``stage``, NaN where unknown."""
    out = np.full_like(stage, np.nan)
    far = span + lag
    if far < len(stage):
        out[far:] = stage[span : len(stage) - lag] - stage[: len(stage) - far]
    return out


def _running_sum(rain: Floats, span: int) -> Floats:
    total = np.cumsum(np.r_[np.zeros(1), rain])
    first = np.maximum(np.arange(1, len(rain) + 1) - span, 0)
    return np.asarray(total[1:] - total[first], dtype=np.float64)


def _basin_rain(rain: Floats, columns: tuple[int, ...]) -> Floats:
    """Mean hourly rain over the gauges that report, 0 where none does; shape (hours,)."""
    if not columns:
        return np.zeros(len(rain))
    part = rain[:, list(columns)]
    known = np.isfinite(part)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, part, 0.0).sum(axis=1) / np.maximum(count, 1), 0.0)


def _terms(stage: Floats, rain: Floats, model: tuple[int, tuple[Upstream, ...], tuple[int, ...], Floats]) -> Floats:
    """Terms of the correction, shape (hours, terms); what is unknown adds nothing."""
    target, upstream, rain_columns, level = model
    own = stage[:, target]
    columns = [_rise(own, span) for span in OWN_SPANS_H]
    columns.append(-(own - level[0]))
    for i, source in enumerate(upstream):
        up = stage[:, source.column]
        columns.extend(_rise(up, span, source.lag_h) for span in UPSTREAM_SPANS_H)
        lagged = np.full_like(up, np.nan)
        lagged[source.lag_h :] = up[: len(up) - source.lag_h]
        columns.append(np.maximum(lagged - level[1 + i], 0.0))
    basin = _basin_rain(rain, rain_columns)
    columns.extend(_running_sum(basin, span) for span in RAIN_SPANS_H)
    return np.nan_to_num(np.column_stack(columns))


def _spread_terms(stage: Floats, terms: Floats, target: int, upstream: int) -> Floats:
    """Terms of the expected absolute error: a floor and everything that makes a river lively; shape (hours, 5)."""
    own = stage[:, target]
    up = terms[:, len(OWN_SPANS_H) + 1 : len(OWN_SPANS_H) + 1 + 3 * upstream]
    rises = np.abs(up[:, 0::3]).sum(axis=1) / max(upstream, 1) if upstream else np.zeros(len(terms))
    return np.column_stack(
        [
            np.ones(len(terms)),
            np.abs(np.nan_to_num(_rise(own, 6))),
            np.abs(np.nan_to_num(_rise(own, 24))),
            rises,
            terms[:, -2],
        ]
    )


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
    use = np.isfinite(wanted) & np.isfinite(_rise(own, 6))
    if use.sum() < 48:
        return ()
    residual = wanted[use] - wanted[use].mean()
    pool, names, weight = _lagged_rises(stage, target, use, plausible)
    basis = [np.nan_to_num(_rise(own, span)[use]) for span in (6, 24)]
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
        rise = _rise(stage[:, column], 12)
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


def _nonnegative_ridge(gram: Floats, moment: Floats, penalty: float) -> Floats:
    """Minimise the quadratic form of a ridge regression over non-negative coefficients."""
    size = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    scaled = gram / np.outer(size, size) + penalty * np.eye(len(gram))
    root = cholesky(scaled + 1e-9 * np.eye(len(gram)))
    right = solve_triangular(root, moment / size, trans="T")
    return np.asarray(nnls(root, right)[0] / size, dtype=np.float64)


def fit_stage_model(
    stage: Floats,
    rain: Floats,
    target: int,
    *,
    upstream: tuple[Upstream, ...],
    rain_columns: tuple[int, ...],
    leads_h: tuple[int, ...] = (6, 12, 24),
) -> StageModel | None:
    """Learn a gauge's forecast from its history.

    The history is cut into contiguous fifths; each is forecast by coefficients learnt from the others, with a gap of
    the lead time between (Bergmeir & Benítez 2012, Inf. Sci. 191:192). Those out-of-fold errors choose the ridge
    penalty and the trust in the correction, and calibrate the interval.

    Parameters
    ----------
    stage : float64 array, shape (hours, gauges)
        Hourly stages before the moment the model may first be used; NaN where unknown.
    rain : float64 array, shape (hours, gauges)
        Hourly rain, mm; NaN where no gauge.
    target : int
        Column of the gauge.
    upstream, rain_columns
        What to read besides, see :func:`select_upstream`.
    leads_h : tuple of int
        Lead times, hours.

    Returns
    -------
    StageModel or None
        None where fewer than 48 hours can be learnt from at some lead time.
    """
    level = np.array([_ordinary(stage[:, c]) for c in (target, *(u.column for u in upstream))])
    terms = _terms(stage, rain, (target, upstream, rain_columns, level))
    lively = _spread_terms(stage, terms, target, len(upstream))
    fits = [_fit_lead(stage[:, target], terms, lively, lead) for lead in leads_h]
    found = [f for f in fits if f is not None]
    if len(found) < len(leads_h):
        return None
    return StageModel(
        target=target,
        upstream=upstream,
        rain_columns=rain_columns,
        level_m=level,
        leads_h=leads_h,
        coefficients=np.array([f.coefficients for f in found]),
        trust=np.array([f.trust for f in found]),
        share_mae_m=np.array([f.share_mae_m for f in found]),
        most_m=np.array([f.most_m for f in found]),
        spread=np.array([f.spread for f in found]),
        scores=tuple(f.scores for f in found),
        mae_m=np.array([f.mae_m for f in found]),
        persistence_mae_m=np.array([f.persistence_mae_m for f in found]),
    )


def _ordinary(stage: Floats) -> float:
    """Lower quartile of the known stages: the river in ordinary flow."""
    known = np.sort(stage[np.isfinite(stage)])
    return float(known[len(known) // 4]) if len(known) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeadFit:
    coefficients: Floats
    trust: float
    share_mae_m: Floats
    most_m: float
    spread: Floats
    scores: Floats
    mae_m: float
    persistence_mae_m: float


def _fit_lead(own: Floats, terms: Floats, lively: Floats, lead: int) -> _LeadFit | None:
    change = np.full(len(own), np.nan)
    change[:-lead] = own[lead:] - own[:-lead]
    use = np.flatnonzero(np.isfinite(change) & (np.arange(len(own)) >= 24))
    if len(use) < 48:
        return None
    x, y = terms[use], change[use]
    fold = np.minimum(np.arange(len(use)) * FOLDS // len(use), FOLDS - 1)
    grams, moments, kept = _fold_sums(x, y, use, fold, lead)
    guesses = []
    for penalty in PENALTIES:
        guess = np.zeros(len(y))
        for k in range(FOLDS):
            guess[fold == k] = x[fold == k] @ _nonnegative_ridge(grams[k] / kept[k], moments[k] / kept[k], penalty)
        guesses.append(guess)
    errors = [float(np.mean(np.abs(y - guess))) for guess in guesses]
    best = int(np.argmin(errors))
    share_mae = np.array([np.mean(np.abs(y - share * guesses[best])) for share in SHARES])
    trust = _trust(share_mae)
    residual = y - trust * guesses[best]
    spread, scores = _scaled(residual, lively[use])
    return _LeadFit(
        coefficients=_nonnegative_ridge(x.T @ x / len(y), x.T @ y / len(y), PENALTIES[best]),
        trust=trust,
        share_mae_m=share_mae,
        most_m=MOST_BEYOND * float(np.max(np.abs(y))),
        spread=spread,
        scores=scores,
        mae_m=float(np.mean(np.abs(residual))),
        persistence_mae_m=float(np.mean(np.abs(y))),
    )


def _fold_sums(
    x: Floats, y: Floats, at: NDArray[np.int64], fold: NDArray[np.int64], gap: int
) -> tuple[list[Floats], list[Floats], list[int]]:
    """Gram matrix, moments and number of rows of what lies outside each fold and its gap."""
    grams, moments, kept = [], [], []
    for k in range(FOLDS):
        inside = at[fold == k]
        out = (at < inside[0] - gap) | (at > inside[-1] + gap)
        grams.append(x[out].T @ x[out])
        moments.append(x[out].T @ y[out])
        kept.append(max(int(out.sum()), 1))
    return grams, moments, kept


def _trust(cost: Floats) -> float:
    """Share of the correction with the least cost; 0 unless it beats persistence by 2 %."""
    best = int(cost.argmin())
    return float(SHARES[best]) if cost[best] < 0.98 * cost[0] else 0.0


def _scaled(residual: Floats, lively: Floats) -> tuple[Floats, Floats]:
    """Model of the expected absolute error, and the errors in its unit, sorted."""
    size = np.abs(residual)
    gram, moment = lively.T @ lively / len(size), lively.T @ size / len(size)
    spread = _nonnegative_ridge(gram, moment, 0.01)
    spread[0] = max(spread[0], 0.25 * float(np.mean(size)), 0.005)
    return spread, np.sort(residual / (lively @ spread))


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutlook:
    """A forecast: arrays of shape (leads,), metres; ``trust`` is the share of the correction believed now."""

    median_m: Floats
    low_m: Floats
    high_m: Floats
    trust: Floats


def predict_stage(model: StageModel, stage: Floats, rain: Floats, *, miss_prob: float = 0.2) -> StageOutlook | None:
    """Forecast from the last row of the grids, with trust and interval adapted to the errors of the last days.

    The trust is chosen anew by the out-of-fold errors and the errors this model would have made on what has come
    since, fresh ones weighing more; the same fresh errors join the calibration of the interval with as much weight
    as all old ones (conformal prediction beyond exchangeability: Barber et al. 2023, Ann. Stat. 51:816), and its
    level follows their coverage (:func:`adaptive_level`).

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
    own = stage[:, model.target]
    if not np.isfinite(own[-1]):
        return None
    terms = _terms(stage, rain, (model.target, model.upstream, model.rain_columns, model.level_m))
    lively = _spread_terms(stage, terms, model.target, len(model.upstream))
    out = np.empty((4, len(model.leads_h)))
    for i, lead in enumerate(model.leads_h):
        guess = np.clip(terms @ model.coefficients[i], -model.most_m[i], model.most_m[i])
        unit = lively @ model.spread[i]
        past = np.arange(min(72, len(own)), len(own) - lead)
        change = own[past + lead] - own[past]
        past, change = past[np.isfinite(change)], change[np.isfinite(change)]
        weight = 0.5 ** ((len(own) - 1 - lead - past) / RECENT_HALF_LIFE_H)
        errors = np.abs(change[None, :] - SHARES[:, None] * guess[past][None, :])
        trust = _trust(model.share_mae_m[i] * max(float(weight.sum()), 1.0) + errors @ weight)
        fresh = (change - trust * guess[past]) / unit[past]
        low, high = _adapted_bounds(model.scores[i], fresh, weight, _for_few(miss_prob, len(model.scores[i]) / lead))
        median = own[-1] + trust * guess[-1]
        out[:, i] = median, median + min(low, 0.0) * unit[-1], median + max(high, 0.0) * unit[-1], trust
    return StageOutlook(median_m=out[0], low_m=out[1], high_m=out[2], trust=out[3])


def persistence_outlook(own: Floats, leads_h: Sequence[int]) -> StageOutlook | None:
    """Forecast of a gauge too young to learn from: the stage stays, and may go on rising or falling as it did.

    The interval takes hourly changes as fully correlated over the lead time (rises last), and reaches as far as the
    fastest of the last three hours' mean rates would carry it.

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
    ([1.2], [1.83])
    """
    change = np.diff(own)
    known = change[np.isfinite(change)]
    if not np.isfinite(own[-1]) or len(known) < 3:
        return None
    lead = np.asarray(leads_h, dtype=np.float64)
    usual = 1.2815515655446004 * max(float(np.sqrt(np.mean(known**2))), 0.005)
    means = np.array([np.mean(known[-n:]) for n in (1, 2, 3)])
    up, down = max(usual, float(means.max())), max(usual, float(-means.min()))
    return StageOutlook(
        median_m=np.full(len(lead), own[-1]),
        low_m=own[-1] - down * lead,
        high_m=own[-1] + up * lead,
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
