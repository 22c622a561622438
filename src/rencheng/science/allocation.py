"""Joint assignment of rescue units to needs: the linear assignment problem, solved exactly.

Every need asks for one or more units (*slots*), every unit serves at most one slot. With travel time ``t`` and weight
``w`` of a slot the cost of a pair is ``w · t``, and a slot left without a unit costs ``w · T`` with
``T = 2 · max(longest finite t, 30 min) + 1``: not being helped counts as more than twice the longest way. Weights halve
from one priority to the next (8, 4, 2, 1) and once more for every slot after a need's first, so

* where two needs want one unit the more urgent one gets it, however far it is (``w·(T - t) > w/2·T`` for every ``t``);
* a unit is never left idle while it could reach a slot that nobody serves;
* elsewhere the sum of weighted travel times is least.

The optimum is found by the shortest augmenting path method (Crouse 2016, IEEE Trans. Aerosp. Electron. Syst. 52(4),
the algorithm behind ``scipy.optimize.linear_sum_assignment``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from rencheng.kernel import InvalidInput

__all__ = ["PRIORITY_WEIGHT", "assign_units", "assignment_cost", "unserved_travel_s"]

PRIORITY_WEIGHT = np.array([8.0, 4.0, 2.0, 1.0])
"""Weight of priorities 1 (most urgent) to 4."""

LEAST_LONGEST_S = 1800.0
"""Floor of the longest travel time that the cost of an unserved slot is made of."""


def unserved_travel_s(travel_s: NDArray[np.float64]) -> float:
    """Travel time that a slot without a unit counts as."""
    finite = travel_s[np.isfinite(travel_s)]
    return 2.0 * max(float(finite.max()) if len(finite) else 0.0, LEAST_LONGEST_S) + 1.0


def assign_units(
    travel_s: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    priority: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> list[tuple[int, int]]:
    """Give units to needs at least weighted travel time.

    Parameters
    ----------
    travel_s : float array, shape (needs, units)
        Travel time of each unit to each need; ``inf`` where there is no way.
    eligible : bool array, shape (needs, units)
        Whether the unit is free and has the skills.
    priority : int array, shape (needs,)
        1 (most urgent) to 4.
    wanted : int array, shape (needs,)
        Units the need asks for.

    Returns
    -------
    list of (need, unit)
        Row and column of every assignment, by need and then unit.

    Raises
    ------
    InvalidInput
        If shapes disagree, a priority is not 1 to 4, or a travel time is negative or NaN.

    Examples
    --------
    Two needs, two units. Each alone would take unit 0; together the urgent one does without 1 min, not the other.

    >>> travel_s, one_each = np.array([[60.0, 120.0], [60.0, 600.0]]), np.array([1, 1])
    >>> assign_units(travel_s, np.ones((2, 2), bool), one_each, one_each)
    [(0, 1), (1, 0)]
    """
    _check(travel_s, eligible, priority, wanted)
    slot_need, weight = _slots(priority, wanted)
    usable = eligible & np.isfinite(travel_s)
    worth = unserved_travel_s(travel_s) - np.where(usable, travel_s, 0.0)
    gain = np.where(usable, worth, 0.0)[slot_need] * weight[:, None]
    rows, columns = linear_sum_assignment(gain, maximize=True)
    pairs = [
        (int(slot_need[r]), int(c))
        for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
        if usable[slot_need[r], c]
    ]
    return sorted(pairs)


def assignment_cost(
    pairs: list[tuple[int, int]],
    travel_s: NDArray[np.float64],
    priority: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> float:
    """Cost of an assignment as the model above counts it: weighted seconds, unserved slots included."""
    unserved_s = unserved_travel_s(travel_s)
    total = 0.0
    for need in range(len(priority)):
        times = sorted(float(travel_s[need, unit]) for row, unit in pairs if row == need)
        _, weight = _slots(priority[need : need + 1], wanted[need : need + 1])
        total += sum(w * (times[k] if k < len(times) else unserved_s) for k, w in enumerate(weight.tolist()))
    return total


def _slots(priority: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    slot_need = np.repeat(np.arange(len(priority), dtype=np.int64), wanted)
    first = np.concatenate([[0], np.cumsum(wanted)[:-1]]) if len(wanted) else np.zeros(0, dtype=np.int64)
    place = np.arange(len(slot_need)) - first[slot_need]
    return slot_need, PRIORITY_WEIGHT[priority[slot_need] - 1] * 0.5 ** np.minimum(place, 20)


def _check(
    travel_s: NDArray[np.float64],
    eligible: NDArray[np.bool_],
    priority: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> None:
    if travel_s.shape != eligible.shape or travel_s.shape[0] != len(priority) or len(priority) != len(wanted):
        raise InvalidInput(
            f"shapes disagree: travel_s {travel_s.shape}, eligible {eligible.shape}, priority {priority.shape}",
            mend="Give (needs, units) tables and one priority and count per need",
        )
    if len(priority) and not (int(priority.min()) >= 1 and int(priority.max()) <= 4):
        raise InvalidInput("a priority is not 1 to 4", mend="1 is the most urgent, 4 the least")
    if travel_s.size and not bool((travel_s >= 0).all()):
        raise InvalidInput("a travel time is negative or not a number", mend="Give seconds ≥ 0, inf where no way leads")
    if len(wanted) and int(wanted.min()) < 0:
        raise InvalidInput("a need asks for fewer than no units", mend="Give 1 or more")
