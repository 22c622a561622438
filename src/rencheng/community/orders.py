"""What residents, grid officers and volunteers tell the community room."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import order

__all__ = ["RecordVisit"]


@order("RecordVisit")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordVisit:
    """A grid officer or volunteer knocked at the doors of a visit: how many were reached, how many need help."""

    visit_id: str
    reached: int
    need_help: int
