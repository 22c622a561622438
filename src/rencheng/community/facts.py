"""What the community room publishes: visits to those who need help, who went, and thanks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import fact

__all__ = ["PointsAwarded", "VisitRecorded", "VisitRequested"]


@fact("VisitRequested")
@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRequested:
    """Grid officers are asked to knock at the doors of vulnerable residents in a warned area."""

    visit_id: str
    warning_id: str
    area_id: str
    cells: tuple[int, ...]
    vulnerable_residents: float
    role_id: str
    due_at: datetime


@fact("VisitRecorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRecorded:
    """A grid officer or volunteer went: how many were reached and how many need to be moved."""

    visit_id: str
    by: str
    reached: int
    need_help: int


@fact("PointsAwarded")
@dataclass(frozen=True, slots=True, kw_only=True)
class PointsAwarded:
    """A resident or volunteer is thanked with points for something that the ledger shows."""

    person: str
    points: int
    why: str
