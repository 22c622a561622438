"""What people see of recovery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import Bilingual
from rencheng.recover.model import Rectification, State

__all__ = ["RecoveryView", "open_rectifications", "recoveries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryView:
    """One incident's recovery in a line."""

    incident_id: str
    title: Bilingual
    assessed: bool
    reviewed: bool
    loss_cny: float | None
    residents_affected: float
    buildings_field: str
    cells_field: str
    rectifications_open: int


def recoveries(state: State) -> list[RecoveryView]:
    """All incidents, in the order they were opened."""
    waiting: dict[str, int] = {}
    for task in state.rectifications.values():
        if task.completed_at is None:
            waiting[task.incident_id] = waiting.get(task.incident_id, 0) + 1
    return [
        RecoveryView(
            incident_id=r.incident_id,
            title=r.title,
            assessed=r.assessed is not None,
            reviewed=r.reviewed is not None,
            loss_cny=r.loss_cny,
            residents_affected=r.residents_affected,
            buildings_field=r.damage_fields[0],
            cells_field=r.damage_fields[1],
            rectifications_open=waiting.get(r.incident_id, 0),
        )
        for r in state.recoveries.values()
    ]


def open_rectifications(state: State, now: datetime) -> list[tuple[Rectification, bool]]:
    """Hazards still to be put right, each with whether it is overdue, the oldest deadline first."""
    waiting = [t for t in state.rectifications.values() if t.completed_at is None]
    return [(t, t.due_at < now) for t in sorted(waiting, key=lambda t: (t.due_at, t.rectification_id))]
