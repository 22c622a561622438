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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from rencheng.science.stage_terms import Basin, Upstream, correction_terms, ordinary_stage_m, spread_terms

__all__ = ["SHARES", "StageModel", "best_share", "fit_stage_model"]

Floats = NDArray[np.float64]

FOLDS = 5
PENALTIES = (0.003, 0.03, 0.3)
MOST_BEYOND = 1.5
SHARES = np.arange(11) / 10.0
"""Shares of the correction that may be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageModel:
    """A fitted forecast of one gauge.

    Parameters
    ----------
    basin : Basin
        What it reads.
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

    basin: Basin
    leads_h: tuple[int, ...]
    coefficients: Floats
    trust: Floats
    share_mae_m: Floats
    most_m: Floats
    spread: Floats
    scores: tuple[Floats, ...]
    mae_m: Floats
    persistence_mae_m: Floats


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
        What to read besides, see :func:`rencheng.science.upstream_gauges.select_upstream`.
    leads_h : tuple of int
        Lead times, hours.

    Returns
    -------
    StageModel or None
        None where fewer than 48 hours can be learnt from at some lead time.
    """
    level = np.array([ordinary_stage_m(stage[:, c]) for c in (target, *(u.column for u in upstream))])
    basin = Basin(target=target, upstream=upstream, rain_columns=rain_columns, level_m=level)
    terms = correction_terms(stage, rain, basin)
    lively = spread_terms(stage, terms, basin)
    fits = [_fit_lead(stage[:, target], terms, lively, lead) for lead in leads_h]
    found = [f for f in fits if f is not None]
    if len(found) < len(leads_h):
        return None
    return StageModel(
        basin=basin,
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
    trust = _validated_share(y, guesses[best], share_mae, lead)
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


def best_share(cost: Floats) -> float:
    """Share of the correction with the least cost; 0 unless it beats persistence by 2 %."""
    best = int(cost.argmin())
    return float(SHARES[best]) if cost[best] < 0.98 * cost[0] else 0.0


def _validated_share(change: Floats, guess: Floats, share_mae: Floats, lead: int) -> float:
    """Share of the correction to trust: the best one, or 0 where it does not beat persistence by a standard error.

    The one-standard-error rule of Breiman et al. 1984, §3.4.3, on paired errors of which only every lead time counts as
    an independent one.
    """
    share = best_share(share_mae)
    gain = np.abs(change) - np.abs(change - share * guess)
    error = float(np.std(gain)) / np.sqrt(max(len(change) / lead, 1.0))
    return share if float(np.mean(gain)) > error else 0.0


def _scaled(residual: Floats, lively: Floats) -> tuple[Floats, Floats]:
    """Model of the expected absolute error, and the errors in its unit, sorted."""
    size = np.abs(residual)
    gram, moment = lively.T @ lively / len(size), lively.T @ size / len(size)
    spread = _nonnegative_ridge(gram, moment, 0.01)
    spread[0] = max(spread[0], 0.25 * float(np.mean(size)), 0.005)
    return spread, np.sort(residual / (lively @ spread))


def _nonnegative_ridge(gram: Floats, moment: Floats, penalty: float) -> Floats:
    """Minimise the quadratic form of a ridge regression over non-negative coefficients."""
    size = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    scaled = gram / np.outer(size, size) + penalty * np.eye(len(gram))
    root = cholesky(scaled + 1e-9 * np.eye(len(gram)))
    right = solve_triangular(root, moment / size, trans="T")
    return np.asarray(nnls(root, right)[0] / size, dtype=np.float64)
