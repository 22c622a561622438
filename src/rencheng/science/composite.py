"""Composite indicators: normalisation, weighting and aggregation over an indicator tree.

After the Handbook on Constructing Composite Indicators: Methodology and User Guide (OECD and JRC, 2008), steps 5
(normalisation) and 6 (weighting and aggregation). A value that is missing is NaN; it is left out where it would have
been weighed, and its weight goes to the others in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "WEIGHT_TOLERANCE",
    "Branch",
    "aggregate_tree",
    "equal_weights",
    "leaf_weights",
    "min_max",
    "percentile_rank",
    "require_weights",
    "reweighted",
    "shared_weights",
    "weighted_geometric_mean",
    "weighted_mean",
    "z_score",
]

F64 = NDArray[np.float64]

WEIGHT_TOLERANCE = 1e-9
"""How far a sum of weights may be from one."""


def min_max(values: F64, at_0: float, at_1: float, *, clip: bool = True) -> F64:
    """Normalise between two goalposts; the order of the goalposts gives the direction.

    Parameters
    ----------
    values : array, any shape
        In one unit; NaN stays NaN.
    at_0, at_1 : float
        Values scored 0 and 1 (same unit). ``at_0 > at_1`` where less is better.
    clip : bool
        Hold scores in 0 … 1; a value beyond a goalpost scores like the goalpost.

    Raises
    ------
    InvalidInput
        If the goalposts are equal or not finite.

    Notes
    -----
    ``(x - at_0) / (at_1 - at_0)``, Handbook p. 85 (min–max), with fixed goalposts in the manner of the Human
    Development Index so that a city's score does not move because another city changed.

    Examples
    --------
    Where 15 min is scored 1 and 45 min is scored 0, 30 min is half way:

    >>> float(min_max(np.array(30.0), 45.0, 15.0))
    0.5
    """
    if not np.isfinite([at_0, at_1]).all() or at_0 == at_1:
        raise InvalidInput(f"goalposts {at_0:g} and {at_1:g} do not span a scale", mend="Give two different numbers")
    score = (np.asarray(values, dtype=np.float64) - at_0) / (at_1 - at_0)
    return np.clip(score, 0.0, 1.0) if clip else score


def z_score(values: F64, *, higher_is_better: bool = True, ddof: int = 1) -> F64:
    """Standardise to mean 0 and standard deviation 1 (Handbook p. 84).

    Parameters
    ----------
    values : array, shape (n,)
        One indicator over the units compared; NaN is left out of mean and deviation.
    higher_is_better : bool
        False turns the sign, so that a higher score is always better.
    ddof : int
        1 for the sample's standard deviation, 0 for the population's.

    Raises
    ------
    InvalidInput
        If fewer than ``ddof + 1`` values differ, so that there is no spread to scale by.

    Examples
    --------
    >>> z_score(np.array([1.0, 2.0, 3.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    spread = float(np.std(known, ddof=ddof)) if len(known) > ddof else 0.0
    if spread == 0.0:
        raise InvalidInput("an indicator that is the same everywhere has no z-score", mend="Leave it out")
    return (1.0 if higher_is_better else -1.0) * (values - float(np.mean(known))) / spread


def percentile_rank(values: F64, *, higher_is_better: bool = True) -> F64:
    """Rank over ``n - 1``: 0 for the lowest, 1 for the highest; equal values share the lower rank.

    Parameters
    ----------
    values : array, shape (n,)
        One indicator over the units compared; NaN is not ranked.
    higher_is_better : bool
        False ranks the other way round.

    Notes
    -----
    Ranking is the Handbook's simplest normalisation (p. 83). ``(rank - 1) / (n - 1)`` with ties at the lower rank is
    Excel's PERCENTRANK.INC, the rule of the CDC/ATSDR Social Vulnerability Index (2018 documentation, p. 3).

    Examples
    --------
    >>> percentile_rank(np.array([10.0, 30.0, 20.0, 20.0, 40.0])).tolist()
    [0.0, 0.75, 0.25, 0.25, 1.0]
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    out = np.full(values.shape, np.nan)
    count = int(known.sum())
    if count == 1:
        out[known] = 0.0
    elif count:
        sign = 1.0 if higher_is_better else -1.0
        out[known] = (rankdata(sign * values[known], method="min") - 1.0) / (count - 1.0)
    return out


def equal_weights(count: int) -> F64:
    """Weights that make no difference between ``count`` parts (Handbook p. 31)."""
    if count < 1:
        raise InvalidInput("there is nothing to weigh")
    return np.full(count, 1.0 / count)


def require_weights(weights: Sequence[float], *, where: str = "weights") -> F64:
    """Give weights as an array if each is at least 0 and their sum is 1 within 1e-9.

    Raises
    ------
    InvalidInput
        Otherwise; says the sum.
    """
    given = np.asarray(weights, dtype=np.float64)
    if not len(given) or not np.isfinite(given).all() or (given < 0.0).any():
        raise InvalidInput("a weight is missing, negative or not finite", where=where, mend="Give numbers from 0 to 1")
    total = float(np.sum(given))
    if abs(total - 1.0) > WEIGHT_TOLERANCE:
        raise InvalidInput(f"weights sum to {total:.12g}, not 1", where=where, mend="Give weights that sum to 1")
    return given


def shared_weights(weights: F64, present: NDArray[np.bool_]) -> F64:
    """Share the weights of what is missing among what is present, in proportion; all zero where nothing is present.

    Parameters
    ----------
    weights : array, shape (k,)
        At least 0.
    present : array of bool, shape (..., k)
        What has a value.

    Returns
    -------
    array, shape (..., k)
        Sums to 1 along the last axis wherever something that weighs is present.

    Examples
    --------
    >>> shared_weights(np.array([0.375, 0.125, 0.5]), np.array([True, True, False])).tolist()
    [0.75, 0.25, 0.0]
    """
    kept = np.where(present, np.asarray(weights, dtype=np.float64), 0.0)
    total = kept.sum(axis=-1, keepdims=True)
    share: F64 = np.divide(kept, total, out=np.zeros_like(kept), where=total > 0.0)
    return share


def reweighted(weights: Mapping[str, float], part: str, weight: float) -> dict[str, float]:
    """Give one part another weight; the others keep their proportions and the sum stays 1.

    Examples
    --------
    Public health from 12 % to 22 %: every other part is scaled by 78/88.

    >>> new = reweighted({"health": 0.12, "roads": 0.44, "people": 0.44}, "health", 0.22)
    >>> [round(w, 3) for w in new.values()]
    [0.22, 0.39, 0.39]
    """
    require_weights(list(weights.values()))
    if part not in weights:
        raise InvalidInput(f"no part {part!r} to weigh", mend=f"Use one of: {', '.join(weights)}")
    if not 0.0 <= weight <= 1.0 or weights[part] == 1.0:
        raise InvalidInput(f"weight {weight:g} leaves nothing to share", where=part, mend="Give a weight from 0 to 1")
    factor = (1.0 - weight) / (1.0 - weights[part])
    return {name: weight if name == part else old * factor for name, old in weights.items()}


def weighted_mean(scores: F64, weights: F64) -> F64:
    """Aggregate linearly: a weak part can be made up for by a strong one (Handbook p. 103).

    Parameters
    ----------
    scores : array, shape (..., k)
        NaN is left out and its weight shared; all NaN gives NaN.
    weights : array, shape (k,)
        At least 0, of any sum.

    Examples
    --------
    >>> float(weighted_mean(np.array([1.0, 4.0]), np.array([0.5, 0.5])))
    2.5
    """
    present = np.isfinite(scores)
    share = shared_weights(weights, present)
    mean = np.sum(share * np.where(present, scores, 0.0), axis=-1)
    return np.where(share.sum(axis=-1) > 0.0, mean, np.nan)


def weighted_geometric_mean(scores: F64, weights: F64) -> F64:
    """Aggregate geometrically: the weaker a part, the less it can be made up for (Handbook p. 103).

    Parameters
    ----------
    scores : array, shape (..., k)
        At least 0; a part scored 0 that weighs makes the whole 0. NaN is left out and its weight shared.
    weights : array, shape (k,)
        At least 0, of any sum.

    Raises
    ------
    InvalidInput
        If a score is negative.

    Examples
    --------
    >>> float(weighted_geometric_mean(np.array([1.0, 4.0]), np.array([0.5, 0.5])))
    2.0
    """
    present = np.isfinite(scores)
    if (np.where(present, scores, 0.0) < 0.0).any():
        raise InvalidInput("a geometric mean needs scores of at least 0", mend="Normalise by min–max, not by z-score")
    share = shared_weights(weights, present)
    weighs = present & (share > 0.0)
    zero = (weighs & (scores == 0.0)).any(axis=-1)
    logs = np.log(np.where(weighs & (scores > 0.0), scores, 1.0))
    mean = np.where(zero, 0.0, np.exp(np.sum(share * logs, axis=-1)))
    return np.where(share.sum(axis=-1) > 0.0, mean, np.nan)


_AGGREGATE = {"arithmetic": weighted_mean, "geometric": weighted_geometric_mean}


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A part of an indicator tree: a leaf is an indicator, a branch with children aggregates them.

    Parameters
    ----------
    id : str
        Unique in the tree.
    weight : float
        Beside its siblings; siblings' weights are taken in proportion.
    children : tuple of Branch
        Empty for an indicator.
    aggregation : str
        ``arithmetic`` or ``geometric``.
    """

    id: str
    weight: float = 1.0
    children: tuple[Branch, ...] = ()
    aggregation: str = "arithmetic"

    def __post_init__(self) -> None:
        if self.aggregation not in _AGGREGATE:
            raise InvalidInput(f"unknown aggregation {self.aggregation!r}", where=self.id, mend="arithmetic, geometric")
        if not np.isfinite(self.weight) or self.weight < 0.0:
            raise InvalidInput(f"weight {self.weight:g} is not a weight", where=self.id, mend="Give 0 or more")


def aggregate_tree(tree: Branch, scores: Mapping[str, F64]) -> dict[str, F64]:
    """Score every part of a tree from the scores of its indicators.

    Parameters
    ----------
    tree : Branch
        The index.
    scores : mapping of str to array, shape (n,) or ()
        Indicator → score of each unit; one that is absent from the mapping is missing everywhere.

    Returns
    -------
    dict of str to array
        Every part by id, children before parents.

    Examples
    --------
    >>> tree = Branch(id="all", children=(Branch(id="a", weight=3.0), Branch(id="b")))
    >>> float(aggregate_tree(tree, {"a": np.array(1.0), "b": np.array(0.0)})["all"])
    0.75
    """
    found: dict[str, F64] = {}
    shape = np.broadcast_shapes(*(np.shape(s) for s in scores.values())) if scores else ()

    def visit(part: Branch) -> F64:
        if not part.children:
            score = np.broadcast_to(np.asarray(scores.get(part.id, np.nan), dtype=np.float64), shape)
        else:
            below = np.stack([visit(child) for child in part.children], axis=-1)
            score = _AGGREGATE[part.aggregation](below, np.array([child.weight for child in part.children]))
        if part.id in found:
            raise InvalidInput(f"two parts of the tree are called {part.id!r}", mend="Give every part its own id")
        found[part.id] = score
        return score

    visit(tree)
    return found


def leaf_weights(tree: Branch, present: Mapping[str, bool] | None = None) -> dict[str, float]:
    """Weight of every indicator in the whole; with ``present`` as it is after the missing ones were left out.

    Returns
    -------
    dict of str to float
        Sums to 1 if anything is present; a missing indicator weighs 0.
    """

    def has_value(part: Branch) -> bool:
        if part.children:
            return any(has_value(child) for child in part.children)
        return present is None or present.get(part.id, False)

    def visit(part: Branch, weight: float) -> dict[str, float]:
        if not part.children:
            return {part.id: weight if has_value(part) else 0.0}
        here = np.array([has_value(child) for child in part.children])
        shares = shared_weights(np.array([child.weight for child in part.children]), here)
        pairs = zip(part.children, shares.tolist(), strict=True)
        return {name: w for child, share in pairs for name, w in visit(child, weight * share).items()}

    return visit(tree, 1.0)
