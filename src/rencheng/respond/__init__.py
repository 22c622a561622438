"""Response 处置: incidents, plans 预案, tasks, dispatch, road closures.

Reads warnings, reports, signals and risk; opens an incident for each warning, puts the most specific plan in force,
makes its steps tasks of accountable roles, escalates what nobody acknowledges, closes flooded roads, sends units to
needs jointly, and leads every incident through twelve nodes to its closing. Plans, levels and closing depths are data.
"""

from rencheng.respond.decide import decide, next_due
from rencheng.respond.dispatch import (
    Assignment,
    DispatchNeed,
    DispatchResult,
    DispatchUnit,
    Unmet,
    dispatch,
)
from rencheng.respond.evolve import evolve
from rencheng.respond.handle import handle
from rencheng.respond.inputs import Inputs, Unit
from rencheng.respond.model import State, initial_state
from rencheng.respond.plans import Plan, PlanBook, check_duties, read_plans

__all__ = [
    "Assignment",
    "DispatchNeed",
    "DispatchResult",
    "DispatchUnit",
    "Inputs",
    "Plan",
    "PlanBook",
    "State",
    "Unit",
    "Unmet",
    "check_duties",
    "decide",
    "dispatch",
    "evolve",
    "handle",
    "initial_state",
    "next_due",
    "read_plans",
]
