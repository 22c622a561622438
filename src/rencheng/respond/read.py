"""Views of the response for people: incidents with nodes, tasks with countdown, units where they are now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import Bilingual
from rencheng.respond.forces import position_at, wanted_of
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import Incident, Need, State, Task
from rencheng.respond.nodes import missing_nodes

__all__ = [
    "ClosureView",
    "IncidentView",
    "NeedView",
    "NodeView",
    "TaskView",
    "UnitView",
    "closure_views",
    "incident_views",
    "need_views",
    "task_views",
    "unit_views",
]

UNMET_REASONS = {
    "no_unit_with_skill": Bilingual(zh="无相应能力", en="no unit with the skill"),
    "all_units_busy": Bilingual(zh="力量均在执行任务", en="all units busy"),
    "unreachable": Bilingual(zh="道路中断无法到达", en="unreachable"),
    "outranked": Bilingual(zh="让位于更紧急需求", en="outranked by more urgent needs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """One of the twelve nodes; ``at`` is ``None`` until it is passed."""

    number: int
    node: str
    title: Bilingual
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """An incident with its nodes and how its tasks and needs stand."""

    incident_id: str
    warning_id: str
    hazard: str
    title: Bilingual
    response_level: str
    event_grade: str
    state: str
    """open, ended or closed"""
    plan_id: str
    plan_version: str
    plan_title: Bilingual | None
    opened_at: datetime
    closed_at: datetime | None
    nodes: tuple[NodeView, ...]
    missing: tuple[str, ...]
    cells: tuple[int, ...]
    area_ids: tuple[str, ...]
    tasks: int
    tasks_acknowledged: int
    tasks_done: int
    tasks_overdue: int
    needs: int
    needs_open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task with its countdown; seconds are negative once the instant is past."""

    task_id: str
    incident_id: str
    step_id: str
    title: Bilingual
    role_id: str
    role: Bilingual
    measure: str
    receipt: str
    state: str
    """waiting, acknowledged, done"""
    acknowledge_by: datetime
    acknowledge_in_s: float | None
    due_at: datetime
    due_in_s: float | None
    overdue: bool
    escalations: int
    created_at: datetime
    acknowledged_at: datetime | None
    completed_at: datetime | None
    handed_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """A unit where it is now; on its way it stands between the points of its route."""

    unit_id: str
    name: str
    kind: str
    skills: tuple[str, ...]
    state: str
    """free, on_the_way, at_work"""
    lon: float
    lat: float
    need_id: str
    arrive_at: datetime | None
    route: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    """A need and who serves it."""

    need_id: str
    incident_id: str
    kind: str
    title: Bilingual
    lon: float
    lat: float
    people: int
    priority: int
    state: str
    """waiting, on_the_way, at_work, met, withdrawn"""
    raised_at: datetime
    met_at: datetime | None
    units: tuple[str, ...]
    units_wanted: int
    unmet_reason: str
    unmet: Bilingual | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureView:
    """A closed road link, why, and its line."""

    link_id: int
    reason: str
    depth_m: float | None
    lon: float
    lat: float
    closed_at: datetime
    closed_to: tuple[str, ...]
    """Classes of vehicle that may not pass; empty for all."""
    line: tuple[tuple[float, float], ...]


def incident_views(state: State, inputs: Inputs) -> list[IncidentView]:
    """All incidents in the order they were opened."""
    return [_incident_view(state, inputs, i) for i in state.incidents.values()]


def _incident_view(state: State, inputs: Inputs, incident: Incident) -> IncidentView:
    tasks, needs = state.tasks_of(incident.incident_id), state.needs_of(incident.incident_id)
    at = dict(incident.nodes)
    plan = inputs.plans.plan(incident.plan_id, incident.plan_version) if incident.plan_id else None
    grade = incident.event_grade if incident.loss_cny is None else inputs.rules.grade_of(incident.loss_cny).value
    return IncidentView(
        incident_id=incident.incident_id,
        warning_id=incident.warning_id,
        hazard=incident.hazard,
        title=incident.title,
        response_level=incident.response_level,
        event_grade=grade,
        state="closed" if incident.closed_at else "ended" if incident.response_ended else "open",
        plan_id=incident.plan_id,
        plan_version=incident.plan_version,
        plan_title=plan.title if plan else None,
        opened_at=incident.opened_at,
        closed_at=incident.closed_at,
        nodes=tuple(
            NodeView(number=k + 1, node=rule.node, title=rule.title, at=at.get(rule.node))
            for k, rule in enumerate(inputs.rules.nodes)
        ),
        missing=missing_nodes(inputs, incident),
        cells=incident.cells,
        area_ids=incident.area_ids,
        tasks=len(tasks),
        tasks_acknowledged=sum(t.acknowledged_at is not None for t in tasks),
        tasks_done=sum(t.completed_at is not None for t in tasks),
        tasks_overdue=sum(t.overdue and t.completed_at is None for t in tasks),
        needs=len(needs),
        needs_open=sum(n.open for n in needs),
    )


def task_views(state: State, inputs: Inputs, now: datetime, *, incident_id: str = "") -> list[TaskView]:
    """Tasks, of one incident or all, what is due first at the head and what is done at the end."""
    tasks = [t for t in state.tasks.values() if not incident_id or t.incident_id == incident_id]
    tasks.sort(key=lambda t: (t.completed_at is not None, t.due_at, t.task_id))
    return [_task_view(inputs, t, now) for t in tasks]


def _task_view(inputs: Inputs, task: Task, now: datetime) -> TaskView:
    done, heard = task.completed_at is not None, task.acknowledged_at is not None
    return TaskView(
        task_id=task.task_id,
        incident_id=task.incident_id,
        step_id=task.step_id,
        title=task.title,
        role_id=task.role_id,
        role=inputs.organisation.role(task.role_id).name,
        measure=task.measure,
        receipt=task.receipt,
        state="done" if done else "acknowledged" if heard else "waiting",
        acknowledge_by=task.acknowledge_by,
        acknowledge_in_s=None if heard or done else (task.acknowledge_by - now).total_seconds(),
        due_at=task.due_at,
        due_in_s=None if done else (task.due_at - now).total_seconds(),
        overdue=task.overdue,
        escalations=task.escalations,
        created_at=task.created_at,
        acknowledged_at=task.acknowledged_at,
        completed_at=task.completed_at,
        handed_in=task.handed_in,
    )


def unit_views(state: State, inputs: Inputs, now: datetime) -> list[UnitView]:
    """All units of the city where they are at an instant."""
    views = []
    for unit in inputs.units.values():
        moved = state.units.get(unit.unit_id)
        lon, lat = position_at(moved, now) if moved else (unit.lon, unit.lat)
        bound = moved is not None and bool(moved.need_id)
        views.append(
            UnitView(
                unit_id=unit.unit_id,
                name=unit.name,
                kind=unit.kind,
                skills=unit.skills,
                state="free" if not bound else "on_the_way" if moved and moved.arrived_at is None else "at_work",
                lon=round(lon, 6),
                lat=round(lat, 6),
                need_id=moved.need_id if moved else "",
                arrive_at=moved.arrive_at if moved else None,
                route=moved.route if moved and bound else (),
            )
        )
    return views


def need_views(state: State, inputs: Inputs) -> list[NeedView]:
    """All needs, open and most urgent first."""
    needs = sorted(state.needs.values(), key=lambda n: (not n.open, n.priority, n.raised_at, n.need_id))
    return [_need_view(state, inputs, n) for n in needs]


def _need_view(state: State, inputs: Inputs, need: Need) -> NeedView:
    kind = inputs.rules.need_kinds.get(need.kind)
    return NeedView(
        need_id=need.need_id,
        incident_id=need.incident_id,
        kind=need.kind,
        title=kind.title if kind else Bilingual(zh=need.kind, en=need.kind),
        lon=need.lon,
        lat=need.lat,
        people=need.people,
        priority=need.priority,
        state=_need_state(state, need),
        raised_at=need.raised_at,
        met_at=need.met_at,
        units=need.units,
        units_wanted=wanted_of(inputs, need),
        unmet_reason=need.unmet_reason,
        unmet=need.unmet_detail or UNMET_REASONS.get(need.unmet_reason),
    )


def _need_state(state: State, need: Need) -> str:
    if need.met_at is not None:
        return "met"
    if need.withdrawn_at is not None:
        return "withdrawn"
    if not need.units:
        return "waiting"
    return "at_work" if any(state.units[u].arrived_at is not None for u in need.units) else "on_the_way"


def closure_views(state: State, inputs: Inputs) -> list[ClosureView]:
    """Closed road links by id, each with its line for the map."""
    roads = inputs.roads
    return [
        ClosureView(
            link_id=c.link_id,
            reason=c.reason,
            depth_m=c.depth_m,
            lon=c.lon,
            lat=c.lat,
            closed_at=c.at,
            closed_to=c.closed_to,
            line=tuple(roads.line(roads.edge(c.link_id))) if roads is not None else (),
        )
        for c in sorted(state.closures.values(), key=lambda c: c.link_id)
    ]
