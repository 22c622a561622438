"""Expected losses from few runs on a fine raster and many on coarse ones: multilevel Monte Carlo.

Giles (2008), Multilevel Monte Carlo path simulation, Oper. Res. 56:607. The expected loss on the finest raster is
that on the coarsest plus the expected corrections from raster to raster; a correction is computed by the same storms
on both, varies little, and so needs few of them. A coarse raster may lose twice what a fine one does and still tell
as much: it counts times a coefficient, as a control variate (multifidelity: Peherstorfer, Willcox & Gunzburger 2016,
SIAM J. Sci. Comput. 38:A3163). Nothing is assumed about how good a coarse raster is: a bad one costs runs, not truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["LevelEstimate", "control_ratio", "level_counts", "multilevel_estimate", "stratified_variance"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LevelEstimate:
    """An expected annual figure and its standard error."""

    mean: float
    standard_error: float


def stratified_variance(term: F64, stratum: I64, weight: F64) -> F64:
    """Variance of a stratified mean of one storm a stratum, ``Σ w² s²``, for every stratum: shape (strata,).

    Parameters
    ----------
    term : array, shape (n,)
        Loss, or correction, of each storm.
    stratum : int array, shape (n,)
        Stratum of each; every stratum holds at least two.
    weight : array, shape (strata,)
        Annual probability of each stratum.

    Examples
    --------
    >>> stratified_variance(np.array([1.0, 3.0]), np.array([0, 0]), np.array([0.5])).tolist()
    [0.5]
    """
    out = np.zeros(len(weight))
    for k in range(len(weight)):
        rows = stratum == k
        if int(rows.sum()) < 2:
            raise InvalidInput(f"stratum {k} holds fewer than two storms", mend="Draw two or more of each kind")
        out[k] = weight[k] ** 2 * float(term[rows].var(ddof=1))
    return out


def control_ratio(fine: F64, coarse: F64, stratum: I64, weight: F64) -> float:
    """What a coarse raster counts for beside a finer one: ``Σ w² cov / Σ w² var`` over strata, 0 if it tells nothing.

    Parameters
    ----------
    fine, coarse : arrays, shape (n,)
        Loss of the same storms on both rasters.
    stratum, weight : arrays, shapes (n,), (strata,)
        As in :func:`stratified_variance`.

    Notes
    -----
    It is fitted to the storms that it then corrects, which biases the estimate by some 1/n of its error.

    Examples
    --------
    >>> control_ratio(np.array([1.0, 2.0]), np.array([2.0, 4.0]), np.array([0, 0]), np.array([1.0]))
    0.5
    """
    both, alone = 0.0, 0.0
    for k in range(len(weight)):
        rows = stratum == k
        about = coarse[rows] - coarse[rows].mean()
        share = weight[k] ** 2 / max(int(rows.sum()) - 1, 1)
        both += share * float((about * (fine[rows] - fine[rows].mean())).sum())
        alone += share * float((about * about).sum())
    return both / alone if alone > 0.0 else 0.0


def multilevel_estimate(terms: Sequence[tuple[F64, I64]], weight: F64) -> LevelEstimate:
    """Sum of the levels' means, each from storms of its own.

    Parameters
    ----------
    terms : sequence of (array (n,), int array (n,))
        For each level what its storms add — the loss on the coarsest raster, then loss less what the next coarser
        raster is taken for — and their strata.
    weight : array, shape (strata,)
        Annual probability of each stratum.

    Examples
    --------
    Two storms on a coarse raster, two corrected by a finer one:

    >>> row = np.array([0, 0])
    >>> found = multilevel_estimate([(np.array([1.0, 3.0]), row), (np.array([0.5, 0.5]), row)], np.array([1.0]))
    >>> found.mean, found.standard_error
    (2.5, 1.0)
    """
    mean, variance = 0.0, 0.0
    for term, stratum in terms:
        count = np.bincount(stratum, minlength=len(weight))
        variance += float((stratified_variance(term, stratum, weight) / count).sum())
        sums = np.array([float(term[stratum == k].mean()) for k in range(len(weight))])
        mean += float((sums * weight).sum())
    return LevelEstimate(mean, float(np.sqrt(variance)))


def level_counts(variance: F64, cost: F64, *, standard_error: float | None = None, budget: float | None = None) -> F64:
    """How many storms of each level reach a standard error for the least cost, or spend a budget best.

    Parameters
    ----------
    variance : array, shape (levels,)
        Variance of one sample of each level.
    cost : array, shape (levels,)
        Cost of one sample.
    standard_error, budget : float
        One of the two.

    Notes
    -----
    ``n_l = λ √(V_l / C_l)`` (Giles 2008, eq. 12): with a target ε, λ = ε⁻² Σ √(V C); with a budget B, λ = B / Σ √(V C).

    Examples
    --------
    >>> level_counts(np.array([100.0, 1.0]), np.array([1.0, 4.0]), budget=120.0).tolist()
    [100.0, 5.0]
    """
    effort = float(np.sqrt(variance * cost).sum())
    if standard_error is not None:
        scale = effort / standard_error**2
    elif budget is not None:
        scale = budget / max(effort, 1e-300)
    else:
        raise InvalidInput("neither a standard error nor a budget", mend="Give one of them")
    return np.asarray(scale * np.sqrt(variance / cost))
