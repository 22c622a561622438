"""Community 共治: residents, grid officers and volunteers who take part.

When a warning is grave, grid officers are asked to knock at the doors of vulnerable residents in its area, and their
answers are recorded; a resident whose report led to help is thanked with points.
"""

from rencheng.community.decide import Inputs, VisitCell, decide, handle, next_due, visit_cells
from rencheng.community.facts import PointsAwarded, VisitRecorded, VisitRequested
from rencheng.community.model import State, Visit, evolve, initial_state
from rencheng.community.orders import RecordVisit
from rencheng.community.read import VisitProgress, open_visits, visit_progress

__all__ = [
    "Inputs",
    "PointsAwarded",
    "RecordVisit",
    "State",
    "Visit",
    "VisitCell",
    "VisitProgress",
    "VisitRecorded",
    "VisitRequested",
    "decide",
    "evolve",
    "handle",
    "initial_state",
    "next_due",
    "open_visits",
    "visit_cells",
    "visit_progress",
]
