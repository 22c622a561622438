"""What a measure against floods is worth: the expected annual loss that it saves, for its cost, and how sure that is.

Stratified sampling: Cochran (1977), *Sampling Techniques*, ch. 5. Intervals: bootstrap within strata with one draw
fewer than each holds, which makes its variance unbiased (Rao & Wu 1988, J. Am. Stat. Assoc. 83(401)). Measures meet the
same storms (common random numbers), so their differences are paired. Cost and benefit: NPV and benefit–cost ratio as in
SL 72-2013 (economic evaluation of water projects) and the UK Green Book.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "INTERVAL",
    "Ranking",
    "annuity",
    "benefit_cost_ratio",
    "cost_present_value",
    "expected_annual",
    "net_present_value",
    "rank_by_ratio",
    "resampled_annual",
]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

INTERVAL = (0.025, 0.975)
"""Quantiles of every interval: 95 %."""


def annuity(years: int, discount_rate: float) -> float:
    """Present value of one a year at the end of each of ``years`` years: ``(1 − (1 + r)^−n) / r``.

    Examples
    --------
    >>> round(annuity(50, 0.04), 2), annuity(3, 0.0)
    (21.48, 3.0)
    """
    return float(years) if discount_rate == 0.0 else (1.0 - (1.0 + discount_rate) ** -years) / discount_rate


def cost_present_value(
    capital: float, yearly: float, *, years: int, discount_rate: float, life_years: int | None = None
) -> float:
    """Present value of building now, keeping up every year, and building anew whenever the life is over.

    Examples
    --------
    >>> cost_present_value(100.0, 1.0, years=10, discount_rate=0.0, life_years=5)
    210.0
    """
    again = range(0, years, life_years) if life_years else range(1)
    built = sum((1.0 + discount_rate) ** -year for year in again)
    return capital * built + yearly * annuity(years, discount_rate)


def net_present_value(avoided_a_year: F64, cost: F64, *, years: int, discount_rate: float) -> F64:
    """What is saved over the years less what it costs; arrays broadcast."""
    return np.asarray(avoided_a_year * annuity(years, discount_rate) - cost)


def benefit_cost_ratio(avoided_a_year: F64, cost: F64, *, years: int, discount_rate: float) -> F64:
    """What is saved over the years per what it costs; arrays broadcast.

    Examples
    --------
    >>> float(benefit_cost_ratio(np.array(30.0), np.array(100.0), years=10, discount_rate=0.0))
    3.0
    """
    return np.asarray(avoided_a_year * annuity(years, discount_rate) / cost)


def expected_annual(loss: F64, stratum: I64, weight: F64) -> F64:
    """Expected loss of a year: each stratum's mean counts with its annual probability.

    Parameters
    ----------
    loss : array, shape (..., n)
        Loss of each storm.
    stratum : int array, shape (n,)
        Stratum of each storm; every stratum holds at least two.
    weight : array, shape (strata,)
        Annual probability of each stratum.

    Returns
    -------
    array, shape (...)

    Examples
    --------
    >>> loss = np.array([0.0, 2.0, 10.0, 30.0])
    >>> float(expected_annual(loss, np.array([0, 0, 1, 1]), np.array([0.9, 0.1])))
    2.9
    """
    mean = np.stack([loss[..., rows].mean(axis=-1) for rows in _rows_of(stratum, len(weight))], axis=-1)
    return np.asarray((mean * weight).sum(axis=-1))


def resampled_annual(loss: F64, stratum: I64, weight: F64, *, resamples: int, rng: np.random.Generator) -> F64:
    """Expected annual loss of bootstrap samples; the same storms are drawn for all rows of ``loss``.

    Parameters
    ----------
    loss : array, shape (measures, n)
        Losses of each storm; paired by column.

    Returns
    -------
    array, shape (resamples, measures)
    """
    out = np.zeros((resamples, loss.shape[0]))
    for k, rows in enumerate(_rows_of(stratum, len(weight))):
        drawn = len(rows) - 1
        counts = rng.multinomial(drawn, np.full(len(rows), 1.0 / len(rows)), size=resamples)
        out += weight[k] / drawn * np.einsum("bn,mn->bm", counts.astype(np.float64), loss[:, rows])
    return out


def _rows_of(stratum: I64, strata: int) -> list[I64]:
    rows = [np.flatnonzero(stratum == k) for k in range(strata)]
    small = [k for k, found in enumerate(rows) if len(found) < 2]
    if small:
        raise InvalidInput(f"stratum {small[0]} holds fewer than two storms", mend="Draw two or more of each kind")
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Measures by benefit–cost ratio; arrays of shape (measures,) in the order given.

    Parameters
    ----------
    rank : int array
        1 is best.
    rank_low, rank_high : int arrays
        Best and worst rank of 95 % of the bootstrap samples.
    group : int array
        Measures of the same group cannot be told apart: the paired 95 % interval of the difference to the first of the
        group holds zero.
    """

    rank: I64
    rank_low: I64
    rank_high: I64
    group: I64


def rank_by_ratio(ratio: F64, resampled: F64) -> Ranking:
    """Rank measures, say how sure the ranks are, and which cannot be told apart.

    Parameters
    ----------
    ratio : array, shape (measures,)
        Benefit–cost ratios.
    resampled : array, shape (resamples, measures)
        The same of bootstrap samples of the storms, paired by row.

    Examples
    --------
    >>> boot = np.array([[5.0, 2.0, 2.1], [5.2, 2.2, 2.0], [4.9, 2.0, 2.2]])
    >>> told = rank_by_ratio(np.array([5.0, 2.0, 2.1]), boot)
    >>> told.rank.tolist(), told.group.tolist()
    ([1, 3, 2], [1, 2, 2])
    """
    order = np.argsort(-ratio, kind="stable")
    rank = np.empty(len(ratio), np.int64)
    rank[order] = np.arange(1, len(ratio) + 1)
    ranks = np.argsort(np.argsort(-resampled, axis=1, kind="stable"), axis=1, kind="stable") + 1
    low = np.quantile(ranks, INTERVAL[0], axis=0, method="inverted_cdf").astype(np.int64)
    high = np.quantile(ranks, INTERVAL[1], axis=0, method="inverted_cdf").astype(np.int64)
    group = np.zeros(len(ratio), np.int64)
    first, number = -1, 0
    for i in order.tolist():
        if first < 0 or np.quantile(resampled[:, first] - resampled[:, i], INTERVAL[0]) > 0.0:
            first, number = i, number + 1
        group[i] = number
    return Ranking(rank=rank, rank_low=low, rank_high=high, group=group)
