"""What the community room knows: visits asked for and made, and points earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from rencheng.kernel import FactId
from rencheng.ledger import Entry
from rencheng.warn.facts import Notice

__all__ = ["State", "Visit", "evolve", "initial_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A round of door-knocking in one area."""

    visit_id: str
    warning_id: str
    area_id: str
    vulnerable_residents: float
    role_id: str
    due_at: datetime
    requested: FactId
    made_at: datetime | None = None
    reached: int = 0
    need_help: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All of it."""

    notices: Mapping[str, tuple[FactId, Notice]]
    """Standing warning → the fact and notice that stand now."""
    visits: Mapping[str, Visit]
    asked_at: Mapping[int, datetime]
    """Cell → when its doors were last asked to be knocked at."""
    asked_for: Mapping[str, frozenset[int]]
    """Warning → cells that were asked to be visited for it."""
    reporters: Mapping[str, tuple[FactId, str]]
    """Report → its fact and who made it."""
    helped: Mapping[str, FactId]
    """Report → the need that it led to, not yet thanked for."""
    points: Mapping[str, int]


def initial_state() -> State:
    """Nobody was asked for anything yet."""
    return State(notices={}, visits={}, asked_at={}, asked_for={}, reporters={}, helped={}, points={})


_STANDING = {"WarningIssued", "WarningUpgraded", "WarningDowngraded", "WarningUpdated"}


def evolve(state: State, entry: Entry) -> State:
    """Learn of one fact."""
    body = entry.body
    if entry.kind in _STANDING:
        return replace(state, notices={**state.notices, body.warning_id: (entry.id, body.notice)})
    if entry.kind in {"WarningCancelled", "WarningExpired"}:
        rest = {name: notice for name, notice in state.notices.items() if name != body.warning_id}
        return replace(state, notices=rest)
    if entry.kind == "VisitRequested":
        visit = Visit(
            visit_id=body.visit_id,
            warning_id=body.warning_id,
            area_id=body.area_id,
            vulnerable_residents=body.vulnerable_residents,
            role_id=body.role_id,
            due_at=body.due_at,
            requested=entry.id,
        )
        return replace(
            state,
            visits={**state.visits, visit.visit_id: visit},
            asked_at={**state.asked_at, **dict.fromkeys(body.cells, entry.occurred_at)},
            asked_for={
                **state.asked_for,
                body.warning_id: state.asked_for.get(body.warning_id, frozenset()) | frozenset(body.cells),
            },
        )
    if entry.kind == "VisitRecorded":
        made = replace(
            state.visits[body.visit_id], made_at=entry.occurred_at, reached=body.reached, need_help=body.need_help
        )
        return replace(state, visits={**state.visits, made.visit_id: made})
    return _evolve_thanks(state, entry)


def _evolve_thanks(state: State, entry: Entry) -> State:
    body = entry.body
    if entry.kind == "ReportReceived" and body.source in {"citizen", "grid_officer"}:
        return replace(state, reporters={**state.reporters, body.report_id: (entry.id, entry.actor)})
    if entry.kind == "NeedRaised" and body.report_id in state.reporters:
        return replace(state, helped={**state.helped, body.report_id: entry.id})
    if entry.kind == "PointsAwarded":
        points = {**state.points, body.person: state.points.get(body.person, 0) + body.points}
        rest = {r: n for r, n in state.helped.items() if n not in entry.cause}
        return replace(state, points=points, helped=rest)
    return state
