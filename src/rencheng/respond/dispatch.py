"""Dispatch: which unit goes to which need, jointly for all, and why a need gets none (CMD-09).

Pure: travel times come in as a table, so the same function serves the loop, the command line and the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import Bilingual
from rencheng.science.allocation import assign_units

__all__ = ["Assignment", "DispatchNeed", "DispatchResult", "DispatchUnit", "Unmet", "dispatch", "units_wanted"]

PEOPLE_SKILLS = frozenset({"water_rescue", "evacuation", "medical"})
"""Skills whose units carry people, so that a need with more people asks for more units."""

MOST_UNITS = 12
"""No need asks for more units than this at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchNeed:
    """A need as dispatch sees it; ``priority`` 1 (most urgent) to 4, ``served`` units that are there or were."""

    need_id: str
    skills: tuple[str, ...]
    priority: int
    people: int = 1
    served: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchUnit:
    """A unit as dispatch sees it; ``capacity`` people it can carry where it carries people."""

    unit_id: str
    skills: tuple[str, ...]
    free: bool = True
    capacity: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A unit for a need."""

    need_id: str
    unit_id: str
    travel_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A need without any unit, and why: ``no_unit_with_skill``, ``all_units_busy``, ``unreachable``, ``outranked``."""

    need_id: str
    reason: str
    detail: Bilingual


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchResult:
    """What dispatch decided: assignments by need in the order given, and a reason for every need left without."""

    assignments: tuple[Assignment, ...]
    unmet: tuple[Unmet, ...]


def units_wanted(need: DispatchNeed, capacities: Sequence[float]) -> int:
    """Units a need asks for in all: people over the median capacity of the units that could come, at least one.

    Examples
    --------
    >>> units_wanted(DispatchNeed(need_id="n", skills=("evacuation",), priority=2, people=90), [40.0, 45.0, 50.0])
    2
    """
    if not capacities or not PEOPLE_SKILLS.intersection(need.skills):
        return 1
    return int(min(MOST_UNITS, max(1, np.ceil(need.people / float(np.median(capacities))))))


def dispatch(
    needs: Sequence[DispatchNeed], units: Sequence[DispatchUnit], travel_s: NDArray[np.float64]
) -> DispatchResult:
    """Assign free units to needs at least priority-weighted travel time, jointly.

    Parameters
    ----------
    needs, units : sequences
        What is asked for and what there is; busy units are given too, so that reasons can tell busy from absent.
    travel_s : float array, shape (needs, units)
        Travel time of each unit to each need over the roads that are open, for busy units from where they will be free;
        ``inf`` where no way leads.

    Returns
    -------
    DispatchResult
        The optimum of the model of :mod:`rencheng.science.allocation`.

    Examples
    --------
    >>> boat = DispatchUnit(unit_id="boat-1", skills=("water_rescue",))
    >>> call = DispatchNeed(need_id="n1", skills=("water_rescue",), priority=1)
    >>> dispatch([call], [boat], np.array([[300.0]])).assignments[0].unit_id
    'boat-1'
    >>> dispatch([call], [boat], np.array([[np.inf]])).unmet[0].reason
    'unreachable'
    """
    skilled = _skilled(needs, units)
    free = np.array([u.free for u in units], dtype=bool)
    eligible = skilled & free[None, :]
    wanted = np.array(
        [max(0, units_wanted(need, _capacities(units, skilled[k])) - need.served) for k, need in enumerate(needs)],
        dtype=np.int64,
    )
    priority = np.array([n.priority for n in needs], dtype=np.int64)
    pairs = assign_units(travel_s, eligible, priority, wanted) if len(needs) and len(units) else []
    given = {row for row, _ in pairs}
    return DispatchResult(
        assignments=tuple(
            Assignment(need_id=needs[r].need_id, unit_id=units[c].unit_id, travel_s=float(travel_s[r, c]))
            for r, c in pairs
        ),
        unmet=tuple(
            _reason(need, skilled[k], eligible[k], travel_s[k])
            for k, need in enumerate(needs)
            if k not in given and wanted[k] > 0 and need.served == 0
        ),
    )


def _skilled(needs: Sequence[DispatchNeed], units: Sequence[DispatchUnit]) -> NDArray[np.bool_]:
    """Whether each unit has all skills of each need; shape (needs, units)."""
    names = sorted({s for n in needs for s in n.skills})
    has = np.array([[s in u.skills for s in names] for u in units], dtype=bool).reshape(len(units), len(names))
    asks = np.array([[s in n.skills for s in names] for n in needs], dtype=bool).reshape(len(needs), len(names))
    lacking: NDArray[np.int64] = asks.astype(np.int64) @ (~has).astype(np.int64).T
    return np.asarray(lacking == 0, dtype=bool)


def _capacities(units: Sequence[DispatchUnit], skilled: NDArray[np.bool_]) -> list[float]:
    return [c for k in np.flatnonzero(skilled).tolist() if (c := units[k].capacity) is not None and c > 0]


def _reason(
    need: DispatchNeed, skilled: NDArray[np.bool_], eligible: NDArray[np.bool_], travel_s: NDArray[np.float64]
) -> Unmet:
    skills = ", ".join(need.skills)
    reaching = skilled & np.isfinite(travel_s)
    have, free = int(skilled.sum()), int((reaching & eligible).sum())
    if have == 0:
        reason, detail = (
            "no_unit_with_skill",
            Bilingual(zh=f"全市没有具备 {skills} 能力的力量", en=f"No unit of the city can do {skills}"),
        )
    elif not bool(reaching.any()):
        reason, detail = (
            "unreachable",
            Bilingual(
                zh=f"道路封闭，具备 {skills} 能力的 {have} 支力量均无法到达",
                en=f"Closed roads keep all {have} units for {skills} away",
            ),
        )
    elif free == 0:
        reason, detail = (
            "all_units_busy",
            Bilingual(
                zh=f"能够到达且具备 {skills} 能力的力量均在执行任务",
                en=f"Every unit for {skills} that can get there is busy",
            ),
        )
    else:
        reason, detail = (
            "outranked",
            Bilingual(
                zh=f"{free} 支空闲力量已派往更紧急或更近的需求",
                en=f"All {free} free units serve needs more urgent or nearer",
            ),
        )
    return Unmet(need_id=need.need_id, reason=reason, detail=detail)
