"""What recovery knows: each incident's water, whether it is assessed and reviewed, and the hazards to be put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from rencheng.assess.facts import DAY_AHEAD
from rencheng.kernel import Bilingual, FactId, Hazard
from rencheng.ledger import Entry

__all__ = ["Recovery", "Rectification", "Revision", "State", "evolve", "initial_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The recovery side of one incident."""

    incident_id: str
    hazard: str
    title: Bilingual
    opened: FactId
    warning_id: str
    cells: frozenset[int]
    """Cells that it is about: its own and those of every notice of its warning."""
    fields: tuple[str, ...] = ()
    """Risk fields of its hazard that stood while it was open, by content hash, without repeats in a row."""
    closures: Mapping[int, tuple[float, float, float]]
    """Road link closed during it → lon, lat, depth in metres (0 where unknown)."""
    floods: tuple[str, ...] = ()
    """Tables of objects of the flood forecasts that stood during it."""
    ended: FactId | None = None
    """Fact by which the response ended."""
    assessed: FactId | None = None
    damage_fields: tuple[str, str] = ("", "")
    loss_cny: float | None = None
    residents_affected: float = 0.0
    reviewed: FactId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectification:
    """A latent hazard on somebody's desk."""

    rectification_id: str
    incident_id: str
    title: Bilingual
    role_id: str
    lon: float
    lat: float
    due_at: datetime
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A change of the remediation of a flood-prone point: what, when, who and why."""

    at: datetime
    actor: str
    before: str
    status: str
    planned_on: str
    done_on: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All of it, by id."""

    recoveries: Mapping[str, Recovery]
    rectifications: Mapping[str, Rectification]
    standing_fields: Mapping[str, tuple[str, str]]
    """Hazard model → hazard and the risk field that stands."""
    remediations: Mapping[str, tuple[Revision, ...]] = field(default_factory=dict)
    """Flood-prone point → its revisions, the last one stands; else what the city package says."""


def initial_state() -> State:
    """Nothing happened yet."""
    return State(recoveries={}, rectifications={}, standing_fields={})


def evolve(state: State, entry: Entry) -> State:
    """Learn of one fact."""
    learn = _LEARN.get(entry.kind)
    return learn(state, entry) if learn else state


def _put(state: State, recovery: Recovery) -> State:
    return replace(state, recoveries={**state.recoveries, recovery.incident_id: recovery})


def _opened(state: State, entry: Entry) -> State:
    body = entry.body
    recovery = Recovery(
        incident_id=body.incident_id,
        hazard=body.hazard,
        title=body.title,
        opened=entry.id,
        warning_id=body.warning_id,
        cells=frozenset(body.cells),
        fields=tuple(field for hazard, field in state.standing_fields.values() if hazard == body.hazard),
        closures={},
    )
    return _put(state, recovery)


def _warned(state: State, entry: Entry) -> State:
    body = entry.body
    known = state.recoveries[body.incident_id]
    cells = known.cells | frozenset(body.cells)
    return _put(state, replace(known, warning_id=body.warning_id, title=body.title, cells=cells))


def _risk(state: State, entry: Entry) -> State:
    body = entry.body
    state = replace(state, standing_fields={**state.standing_fields, body.model: (body.hazard, body.field)})
    for recovery in state.recoveries.values():
        if recovery.ended is None and recovery.hazard == body.hazard and recovery.fields[-1:] != (body.field,):
            state = _put(state, replace(recovery, fields=(*recovery.fields, body.field)))
    return state


def _notice(state: State, entry: Entry) -> State:
    body = entry.body
    for recovery in state.recoveries.values():
        if recovery.ended is None and recovery.warning_id == body.warning_id:
            state = _put(state, replace(recovery, cells=recovery.cells | frozenset(body.notice.cells)))
    return state


def _flood(state: State, entry: Entry) -> State:
    if entry.body.product == DAY_AHEAD:
        return state  # a day of rain that may come is no water that stood
    for recovery in state.recoveries.values():
        if recovery.ended is None and recovery.hazard == Hazard.WATERLOGGING:
            state = _put(state, replace(recovery, floods=(*recovery.floods, entry.body.objects)))
    return state


def _closure(state: State, entry: Entry) -> State:
    body = entry.body
    if body.reason.startswith("flood/"):
        return state  # closed for water that was expected, which is no water that stood
    for recovery in state.recoveries.values():
        if recovery.ended is None:
            depth = max(body.depth_m or 0.0, recovery.closures.get(body.link_id, (0.0, 0.0, 0.0))[2])
            closures = {**recovery.closures, body.link_id: (body.lon, body.lat, depth)}
            state = _put(state, replace(recovery, closures=closures))
    return state


def _node(state: State, entry: Entry) -> State:
    recovery = state.recoveries.get(entry.body.incident_id)
    if recovery is None or recovery.ended is not None or entry.body.node != "response_ended":
        return state
    return _put(state, replace(recovery, ended=entry.id))


def _assessed(state: State, entry: Entry) -> State:
    body = entry.body
    recovery = replace(
        state.recoveries[body.incident_id],
        assessed=entry.id,
        damage_fields=(body.buildings_field, body.cells_field),
        loss_cny=body.loss_cny,
        residents_affected=body.residents_affected,
    )
    return _put(state, recovery)


def _reviewed(state: State, entry: Entry) -> State:
    return _put(state, replace(state.recoveries[entry.body.incident_id], reviewed=entry.id))


def _rectify(state: State, entry: Entry) -> State:
    body = entry.body
    rectification = Rectification(
        rectification_id=body.rectification_id,
        incident_id=body.incident_id,
        title=body.title,
        role_id=body.role_id,
        lon=body.lon,
        lat=body.lat,
        due_at=body.due_at,
    )
    return replace(state, rectifications={**state.rectifications, body.rectification_id: rectification})


def _rectified(state: State, entry: Entry) -> State:
    done = replace(state.rectifications[entry.body.rectification_id], completed_at=entry.occurred_at)
    return replace(state, rectifications={**state.rectifications, done.rectification_id: done})


def _remediated(state: State, entry: Entry) -> State:
    body = entry.body
    revision = Revision(
        at=entry.occurred_at,
        actor=entry.actor,
        before=body.before,
        status=body.status,
        planned_on=body.planned_on,
        done_on=body.done_on,
        why=body.why,
    )
    known = state.remediations.get(body.point_id, ())
    return replace(state, remediations={**state.remediations, body.point_id: (*known, revision)})


_LEARN: dict[str, Any] = {
    "IncidentOpened": _opened,
    "IncidentWarned": _warned,
    "RiskAssessed": _risk,
    "WarningUpgraded": _notice,
    "WarningDowngraded": _notice,
    "WarningUpdated": _notice,
    "FloodForecastPublished": _flood,
    "RoadClosed": _closure,
    "IncidentNodeReached": _node,
    "DamageAssessed": _assessed,
    "ReviewRecorded": _reviewed,
    "RectificationOpened": _rectify,
    "RectificationCompleted": _rectified,
    "RemediationRevised": _remediated,
}
