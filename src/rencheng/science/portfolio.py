"""Which measures to combine: portfolios tried until all that seem best have been.

A portfolio is a set of measures, written as the number whose bits are set. What a portfolio saves is not the sum of
what its measures save alone (two basins on one street share their water), so nothing counts that has not been run. Up
to ten measures, all portfolios are guessed from the ones tried (single effects and pairwise interactions: an expansion
of second order) and those on the guessed frontier are tried, until all of it has been; with more, measures are added
greedily, the one that saves most for its cost first, every candidate tried before it is chosen (near the best where
effects diminish: Khuller, Moss & Naor 1999, Inf. Process. Lett. 70:39).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["EXACT_MEASURES", "best_within", "frontier", "guessed_values", "next_portfolios", "portfolio_costs"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

EXACT_MEASURES = 10
"""So many measures have 1,024 portfolios, which can all be guessed."""


def portfolio_costs(cost: F64, masks: I64) -> F64:
    """Cost of each portfolio, the sum of its measures'.

    Examples
    --------
    >>> portfolio_costs(np.array([2.0, 3.0]), np.array([0, 1, 2, 3])).tolist()
    [0.0, 2.0, 3.0, 5.0]
    """
    bits = (masks[:, np.newaxis] >> np.arange(len(cost))[np.newaxis, :]) & 1
    return np.asarray((bits * cost).sum(axis=1))


def guessed_values(tried: Mapping[int, float], measures: int) -> F64:
    """What every portfolio saves: as tried, else by single effects and the interactions of the pairs tried.

    Parameters
    ----------
    tried : mapping of int to float
        What portfolios save a year; all single measures among them.
    measures : int
        Count of measures, 10 at most.

    Returns
    -------
    array, shape (2**measures,)

    Examples
    --------
    Two measures that save 3 each and 4 together; a third saves 1:

    >>> guessed_values({1: 3.0, 2: 3.0, 4: 1.0, 3: 4.0}, 3).tolist()
    [0.0, 3.0, 3.0, 4.0, 1.0, 4.0, 4.0, 5.0]
    """
    masks = np.arange(1 << measures, dtype=np.int64)
    bits = (masks[:, np.newaxis] >> np.arange(measures)) & 1
    single = np.array([tried[1 << i] for i in range(measures)])
    value: F64 = (bits * single).sum(axis=1).astype(np.float64)
    for i in range(measures):
        for j in range(i):
            pair = (1 << i) | (1 << j)
            if pair in tried:
                value += (tried[pair] - single[i] - single[j]) * (bits[:, i] & bits[:, j])
    for mask, known in sorted(tried.items()):
        value[mask] = known
    value[0] = 0.0
    return value


def frontier(cost: F64, value: F64) -> I64:
    """Rows that nothing beats: the upper concave hull of what is saved over cost, cheapest first.

    Examples
    --------
    >>> frontier(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 4.0, 3.0, 5.0])).tolist()
    [0, 1, 3]
    """
    order = np.lexsort((-value, cost))
    hull: list[int] = []
    for row in order.tolist():
        if hull and value[row] <= value[hull[-1]]:
            continue
        while len(hull) > 1 and _turns_up(cost, value, hull[-2], hull[-1], row):
            hull.pop()
        hull.append(row)
    return np.array(hull, np.int64)


def _turns_up(cost: F64, value: F64, a: int, b: int, c: int) -> bool:
    """Whether ``b`` lies on or below the line from ``a`` to ``c``."""
    return bool((value[b] - value[a]) * (cost[c] - cost[a]) <= (value[c] - value[a]) * (cost[b] - cost[a]))


def best_within(cost: F64, value: F64, budget: float, worth: float) -> int:
    """Row with the greatest ``worth · value − cost`` that a budget pays; the cheaper one of equals.

    Examples
    --------
    >>> best_within(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0]), 2.0, 10.0)
    1
    """
    net = np.where(cost <= budget, worth * value - cost, -np.inf)
    return int(np.lexsort((cost, -net))[0])


def next_portfolios(tried: Mapping[int, float], cost: F64, budgets: Sequence[float], worth: float) -> tuple[int, ...]:
    """Portfolios to try next; none when the search has ended.

    Parameters
    ----------
    tried : mapping of int to float
        What portfolios save a year, by the runs; all single measures among them.
    cost : array, shape (measures,)
        Present value of each measure's cost.
    budgets : sequence of float
        Present values.
    worth : float
        Present value of saving one a year.
    """
    if len(cost) <= EXACT_MEASURES:
        return _guessed(tried, cost, budgets, worth)
    return tuple(dict.fromkeys(m for budget in budgets for m in _greedy(tried, cost, budget)))


def _guessed(tried: Mapping[int, float], cost: F64, budgets: Sequence[float], worth: float) -> tuple[int, ...]:
    count = len(cost)
    masks = np.arange(1 << count, dtype=np.int64)
    price = portfolio_costs(cost, masks)
    pairs = [(1 << i) | (1 << j) for i in range(count) for j in range(i)]
    missing = tuple(p for p in sorted(pairs) if p not in tried and price[p] <= budgets[-1])
    if missing:
        return missing
    value = guessed_values(tried, count)
    paid = masks[price <= budgets[-1]]
    wanted = paid[frontier(price[paid], value[paid])].tolist()
    for budget in budgets:
        wanted.append(best_within(price, value, budget, worth))
        wanted.append(int(np.argmax(np.where(price <= budget, value, -np.inf))))
    return tuple(sorted({m for m in wanted if m and m not in tried}))


def _greedy(tried: Mapping[int, float], cost: F64, budget: float) -> list[int]:
    held, spent, saved = 0, 0.0, 0.0
    while True:
        room = [i for i in range(len(cost)) if not held >> i & 1 and spent + cost[i] <= budget]
        missing = [held | 1 << i for i in room if held | 1 << i not in tried]
        if missing or not room:
            return missing
        gain = [(tried[held | 1 << i] - saved) / cost[i] for i in room]
        best = int(np.argmax(gain))
        if gain[best] <= 0.0:
            return []
        held |= 1 << room[best]
        spent, saved = spent + float(cost[room[best]]), tried[held]
