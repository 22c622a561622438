"""How each fact, ours or from upstream, changes what the response knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from rencheng.assess.facts import DAY_AHEAD
from rencheng.kernel import Bilingual, FactId
from rencheng.ledger import Entry
from rencheng.respond.edge import log_with
from rencheng.respond.model import (
    CallSeen,
    Closure,
    FloodSeen,
    Incident,
    Need,
    ReportSeen,
    SignalSeen,
    State,
    Task,
    UnitNow,
    WarningSeen,
)

__all__ = ["Happening", "apply", "evolve"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Happening:
    """A fact with its name, id and time, whether recorded already or only proposed."""

    kind: str
    body: Any
    id: FactId
    at: datetime


def evolve(state: State, entry: Entry) -> State:
    """Give the state after an entry; entries that do not concern the response change nothing."""
    handler = _HANDLERS.get(entry.kind)
    if handler is None:
        return state
    return handler(state, Happening(entry.kind, entry.body, entry.id, entry.occurred_at))


def apply(state: State, happening: Happening) -> State:
    """Give the state after a fact that is only proposed so far."""
    handler = _HANDLERS.get(happening.kind)
    return state if handler is None else handler(state, happening)


def _with(table: Mapping[K, V], key: K, value: V) -> dict[K, V]:
    return {**table, key: value}


def _warning(state: State, h: Happening) -> State:
    seen = WarningSeen(
        warning_id=h.body.warning_id, notice=h.body.notice, fact_id=h.id, over=h.kind == "WarningCancelled"
    )
    return replace(state, warnings=_with(state.warnings, seen.warning_id, seen))


def _warning_expired(state: State, h: Happening) -> State:
    known = state.warnings.get(h.body.warning_id)
    if known is None:
        return state
    return replace(state, warnings=_with(state.warnings, known.warning_id, replace(known, over=True, fact_id=h.id)))


def _report(state: State, h: Happening) -> State:
    b = h.body
    key = f"{b.event_id}/{b.category}"
    before = state.reports.get(key)
    seen = ReportSeen(
        report_id=b.report_id,
        event_id=b.event_id,
        category=b.category,
        hazard=b.hazard,
        lon=b.lon,
        lat=b.lat,
        cell=b.cell,
        depth_m=b.depth_m,
        people=max(b.people, before.people if before else 0),
        at=h.at,
        fact_id=h.id,
    )
    return replace(state, reports=_with(state.reports, key, seen))


def _signal_raised(state: State, h: Happening) -> State:
    b = h.body
    if not b.in_city:
        return state
    depths = [e.value for e in b.evidence if e.quantity == "water_depth_m" and e.value is not None]
    if not depths:
        return replace(state, calls=_with(state.calls, b.signal_id, _call(b, h.id)))
    seen = SignalSeen(
        signal_id=b.signal_id, hazard=b.hazard, lon=b.lon, lat=b.lat, depth_m=float(depths[-1]), fact_id=h.id
    )
    return replace(state, signals=_with(state.signals, b.signal_id, seen))


def _call(body: Any, fact_id: FactId) -> CallSeen:
    return CallSeen(
        signal_id=body.signal_id,
        name=body.name,
        hazard=body.hazard,
        colour=body.colour,
        title=body.title or Bilingual(zh="突发事件", en="emergency"),
        lon=body.lon,
        lat=body.lat,
        fact_id=fact_id,
    )


def _signal_cleared(state: State, h: Happening) -> State:
    gone = h.body.signal_id
    if gone in state.calls:
        return replace(state, calls={k: v for k, v in state.calls.items() if k != gone})
    if gone not in state.signals:
        return state
    return replace(state, signals={k: v for k, v in state.signals.items() if k != gone})


def _risk(state: State, h: Happening) -> State:
    return replace(state, risk_fields=_with(state.risk_fields, h.body.hazard, (h.body.field, h.id)))


def _flood(state: State, h: Happening) -> State:
    b = h.body
    seen = FloodSeen(forecast_id=b.forecast_id, based_at=b.based_at, objects=b.objects, fact_id=h.id)
    if b.product == DAY_AHEAD:  # what may come tomorrow closes no road today; it says what to bring near
        return replace(state, flood_day=seen)
    return replace(state, flood=seen)


def _flood_advice(state: State, h: Happening) -> State:
    return replace(state, flood_advice={o.option_id: (o, h.id) for o in h.body.options})


def _flood_needs(state: State, h: Happening) -> State:
    if state.flood_day is not None and h.body.forecast_id == state.flood_day.forecast_id:
        return replace(state, flood_day_needs=h.body.wanted, flood_day_needs_of=h.body.forecast_id)
    return replace(state, flood_needs=h.body.wanted, flood_needs_of=h.body.forecast_id)


def _incident_opened(state: State, h: Happening) -> State:
    b = h.body
    incident = Incident(
        incident_id=b.incident_id,
        hazard=b.hazard,
        title=b.title,
        response_level=b.response_level,
        event_grade=b.event_grade,
        warning_id=b.warning_id,
        cells=b.cells,
        area_ids=b.area_ids,
        opened_at=h.at,
        fact_id=h.id,
        last_fact=h.id,
    )
    return replace(state, incidents=_with(state.incidents, b.incident_id, incident))


def _incident(state: State, incident_id: str, **changes: Any) -> State:
    known = state.incidents.get(incident_id)
    if known is None:
        return state
    return replace(state, incidents=_with(state.incidents, incident_id, replace(known, **changes)))


def _incident_warned(state: State, h: Happening) -> State:
    b = h.body
    return _incident(
        state,
        b.incident_id,
        warning_id=b.warning_id,
        title=b.title,
        cells=b.cells,
        area_ids=b.area_ids,
        last_fact=h.id,
    )


def _plan_activated(state: State, h: Happening) -> State:
    b = h.body
    return _incident(
        state,
        b.incident_id,
        plan_id=b.plan_id,
        plan_version=b.plan_version,
        response_level=b.response_level,
        activated_at=h.at,
        plan_fact=h.id,
        last_fact=h.id,
    )


def _node(state: State, h: Happening) -> State:
    known = state.incidents.get(h.body.incident_id)
    if known is None:
        return state
    return _incident(state, known.incident_id, nodes=(*known.nodes, (h.body.node, h.at)), last_fact=h.id)


def _incident_closed(state: State, h: Happening) -> State:
    return _incident(state, h.body.incident_id, closed_at=h.at, last_fact=h.id)


def _damage(state: State, h: Happening) -> State:
    return _incident(
        state,
        h.body.incident_id,
        damage_fact=h.id,
        buildings_damaged=h.body.buildings_damaged,
        loss_cny=h.body.loss_cny,
    )


def _rectification(state: State, h: Happening) -> State:
    known = state.incidents.get(h.body.incident_id)
    if known is None:
        return state
    return _incident(state, known.incident_id, rectifications=(*known.rectifications, h.body.rectification_id))


def _review(state: State, h: Happening) -> State:
    return _incident(state, h.body.incident_id, review_fact=h.id)


def _task_created(state: State, h: Happening) -> State:
    b = h.body
    task = Task(
        task_id=b.task_id,
        incident_id=b.incident_id,
        step_id=b.step_id,
        title=b.title,
        role_id=b.role_id,
        first_role_id=b.role_id,
        acknowledge_by=b.acknowledge_by,
        due_at=b.due_at,
        receipt=b.receipt,
        measure=b.measure,
        created_at=h.at,
        fact_id=h.id,
        heard=(b.role_id,),
    )
    return replace(state, tasks=_with(state.tasks, b.task_id, task))


def _task(state: State, h: Happening, **changes: Any) -> State:
    known = state.tasks.get(h.body.task_id)
    if known is None:
        return state
    return replace(state, tasks=_with(state.tasks, known.task_id, replace(known, fact_id=h.id, **changes)))


def _task_acknowledged(state: State, h: Happening) -> State:
    return _task(state, h, acknowledged_at=h.at, acknowledged_by=h.body.role_id, role_id=h.body.role_id)


def _task_escalated(state: State, h: Happening) -> State:
    known = state.tasks.get(h.body.task_id)
    heard = (*known.heard, h.body.to_role_id) if known else ()
    return _task(
        state,
        h,
        role_id=h.body.to_role_id,
        acknowledge_by=h.body.acknowledge_by,
        escalations=h.body.step,
        heard=heard,
    )


def _task_reassigned(state: State, h: Happening) -> State:
    return _task(
        state,
        h,
        role_id=h.body.to_role_id,
        acknowledge_by=h.body.acknowledge_by,
        acknowledged_at=None,
        acknowledged_by="",
        heard=(h.body.to_role_id,),
    )


def _task_completed(state: State, h: Happening) -> State:
    return _task(state, h, completed_at=h.at, handed_in=h.body.receipt)


def _task_reopened(state: State, h: Happening) -> State:
    return _task(state, h, completed_at=None, handed_in="")


def _task_overdue(state: State, h: Happening) -> State:
    return _task(state, h, overdue=True)


def _need_raised(state: State, h: Happening) -> State:
    b = h.body
    need = Need(
        need_id=b.need_id,
        incident_id=b.incident_id,
        kind=b.kind,
        skills=b.skills,
        lon=b.lon,
        lat=b.lat,
        cell=b.cell,
        people=b.people,
        priority=b.priority,
        report_id=b.report_id,
        raised_at=h.at,
        fact_id=h.id,
    )
    return replace(state, needs=_with(state.needs, b.need_id, need))


def _need(state: State, need_id: str, **changes: Any) -> State:
    known = state.needs.get(need_id)
    if known is None:
        return state
    return replace(state, needs=_with(state.needs, need_id, replace(known, **changes)))


def _need_unmet(state: State, h: Happening) -> State:
    return _need(state, h.body.need_id, unmet_reason=h.body.reason, unmet_detail=h.body.detail)


def _need_met(state: State, h: Happening) -> State:
    return _need(state, h.body.need_id, met_at=h.at, unmet_reason="", unmet_detail=None)


def _need_withdrawn(state: State, h: Happening) -> State:
    return _need(state, h.body.need_id, withdrawn_at=h.at)


def _unit_assigned(state: State, h: Happening) -> State:
    b = h.body
    lon, lat = b.route[0] if b.route else (state.needs[b.need_id].lon, state.needs[b.need_id].lat)
    unit = UnitNow(
        unit_id=b.unit_id,
        lon=lon,
        lat=lat,
        since=h.at,
        fact_id=h.id,
        need_id=b.need_id,
        arrive_at=b.arrive_at,
        route=b.route,
        links=b.links,
    )
    state = replace(state, units=_with(state.units, b.unit_id, unit))
    need = state.needs[b.need_id]
    if b.unit_id in need.units:
        return state
    return _need(state, b.need_id, units=(*need.units, b.unit_id), unmet_reason="", unmet_detail=None)


def _unit_arrived(state: State, h: Happening) -> State:
    known, need = state.units[h.body.unit_id], state.needs[h.body.need_id]
    here = replace(known, lon=need.lon, lat=need.lat, arrived_at=h.at, fact_id=h.id)
    return replace(state, units=_with(state.units, here.unit_id, here))


def _unit_released(state: State, h: Happening) -> State:
    b = h.body
    known = state.units.get(b.unit_id)
    free = UnitNow(unit_id=b.unit_id, lon=b.lon, lat=b.lat, since=h.at, fact_id=h.id)
    state = replace(state, units=_with(state.units, b.unit_id, free))
    need = state.needs.get(known.need_id) if known else None
    if known is None or need is None:
        return state
    return _need(
        state,
        need.need_id,
        units=tuple(u for u in need.units if u != b.unit_id),
        served=need.served + (known.arrived_at is not None),
    )


def _road_closed(state: State, h: Happening) -> State:
    b = h.body
    closure = Closure(
        link_id=b.link_id,
        reason=b.reason,
        depth_m=b.depth_m,
        lon=b.lon,
        lat=b.lat,
        at=h.at,
        fact_id=h.id,
        closed_to=b.closed_to,
    )
    times = state.closed_ever.get(b.link_id, 0) + (b.link_id not in state.closures)
    return replace(
        state,
        closures=_with(state.closures, b.link_id, closure),
        closed_ever=_with(state.closed_ever, b.link_id, times),
    )


def _road_reopened(state: State, h: Happening) -> State:
    return replace(state, closures={k: v for k, v in state.closures.items() if k != h.body.link_id})


def _edge(state: State, h: Happening) -> State:
    log = log_with(state.edge_logs.get(h.body.edge_id), h.body, h.id)
    return replace(state, edge_logs=_with(state.edge_logs, h.body.edge_id, log))


_HANDLERS: Mapping[str, Callable[[State, Happening], State]] = {
    "WarningIssued": _warning,
    "WarningUpgraded": _warning,
    "WarningDowngraded": _warning,
    "WarningUpdated": _warning,
    "WarningCancelled": _warning,
    "WarningExpired": _warning_expired,
    "ReportReceived": _report,
    "SignalRaised": _signal_raised,
    "SignalCleared": _signal_cleared,
    "RiskAssessed": _risk,
    "FloodForecastPublished": _flood,
    "FloodAdviceGiven": _flood_advice,
    "FloodNeedsMapped": _flood_needs,
    "IncidentOpened": _incident_opened,
    "IncidentWarned": _incident_warned,
    "PlanActivated": _plan_activated,
    "IncidentNodeReached": _node,
    "IncidentClosed": _incident_closed,
    "DamageAssessed": _damage,
    "RectificationOpened": _rectification,
    "ReviewRecorded": _review,
    "TaskCreated": _task_created,
    "TaskAcknowledged": _task_acknowledged,
    "TaskEscalated": _task_escalated,
    "TaskReassigned": _task_reassigned,
    "TaskCompleted": _task_completed,
    "TaskReopened": _task_reopened,
    "TaskOverdue": _task_overdue,
    "NeedRaised": _need_raised,
    "NeedUnmet": _need_unmet,
    "NeedMet": _need_met,
    "NeedWithdrawn": _need_withdrawn,
    "UnitAssigned": _unit_assigned,
    "UnitArrived": _unit_arrived,
    "UnitReleased": _unit_released,
    "RoadClosed": _road_closed,
    "RoadReopened": _road_reopened,
    "EdgeAlarmChanged": _edge,
    "EdgeOrderGiven": _edge,
    "EdgeOrderEnded": _edge,
    "EdgeMessageSent": _edge,
}
