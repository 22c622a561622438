"""What people see of the community room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.community.model import State, Visit

__all__ = ["VisitProgress", "open_visits", "visit_progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitProgress:
    """How far the door-knocking is."""

    asked: int
    made: int
    overdue: int
    reached: int
    need_help: int


def open_visits(state: State) -> list[Visit]:
    """Visits still to be made, the earliest deadline first."""
    return sorted((v for v in state.visits.values() if v.made_at is None), key=lambda v: (v.due_at, v.visit_id))


def visit_progress(state: State, now: datetime) -> VisitProgress:
    """Count visits asked for, made and overdue."""
    visits = state.visits.values()
    made = [v for v in visits if v.made_at is not None]
    return VisitProgress(
        asked=len(state.visits),
        made=len(made),
        overdue=sum(v.made_at is None and v.due_at < now for v in visits),
        reached=sum(v.reached for v in made),
        need_help=sum(v.need_help for v in made),
    )
