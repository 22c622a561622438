"""What response publishes: incidents and their nodes, plans, tasks, needs, assignments, road closures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rencheng.kernel import Bilingual, fact
from rencheng.ledger import upcaster

__all__ = [
    "EdgeAlarmChanged",
    "EdgeMessageSent",
    "EdgeOrderEnded",
    "EdgeOrderGiven",
    "FloodNeedsMapped",
    "IncidentClosed",
    "IncidentNodeReached",
    "IncidentOpened",
    "IncidentWarned",
    "NeedMet",
    "NeedRaised",
    "NeedUnmet",
    "NeedWithdrawn",
    "PlanActivated",
    "RoadClosed",
    "RoadReopened",
    "TaskAcknowledged",
    "TaskCompleted",
    "TaskCreated",
    "TaskEscalated",
    "TaskOverdue",
    "TaskReassigned",
    "TaskReopened",
    "UnitArrived",
    "UnitAssigned",
    "UnitReleased",
    "road_closed_names_classes",
]


@fact("IncidentOpened")
@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentOpened:
    """An event that needs command begins, out of a warning or of reports."""

    incident_id: str
    hazard: str
    title: Bilingual
    response_level: str
    """IV … I"""
    event_grade: str
    """general, larger, major, extraordinary"""
    warning_id: str
    cells: tuple[int, ...]
    area_ids: tuple[str, ...]


@fact("IncidentNodeReached")
@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNodeReached:
    """The incident passed one of the twelve nodes of the standard operating procedure, in order."""

    incident_id: str
    node: str
    number: int


@fact("IncidentClosed")
@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentClosed:
    """All twelve nodes are passed: assessed, rectified or scheduled, reviewed."""

    incident_id: str


@fact("IncidentWarned")
@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentWarned:
    """A warning came for what people had reported: it joins their incident, which from now on follows the warning."""

    incident_id: str
    warning_id: str
    title: Bilingual
    cells: tuple[int, ...]
    area_ids: tuple[str, ...]


@fact("PlanActivated")
@dataclass(frozen=True, slots=True, kw_only=True)
class PlanActivated:
    """The most specific plan for hazard, level and place was put in force."""

    incident_id: str
    plan_id: str
    plan_version: str
    response_level: str
    why: str


@fact("TaskCreated")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreated:
    """A step of a plan is somebody's to do."""

    task_id: str
    incident_id: str
    step_id: str
    title: Bilingual
    role_id: str
    acknowledge_by: datetime
    due_at: datetime
    receipt: str
    """What must be handed in: none, text, photo, count"""
    measure: str


@fact("TaskAcknowledged")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAcknowledged:
    """The role answered that it has the task."""

    task_id: str
    role_id: str


@fact("TaskEscalated")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEscalated:
    """Nobody acknowledged in time: the task goes to the next role up."""

    task_id: str
    from_role_id: str
    to_role_id: str
    step: int
    """1 for the first escalation, 2 …"""
    acknowledge_by: datetime


@fact("TaskCompleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted:
    """The task is done, with its receipt."""

    task_id: str
    role_id: str
    receipt: str


@fact("TaskOverdue")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOverdue:
    """The deadline passed before the task was done; said once."""

    task_id: str


@fact("TaskReopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReopened:
    """A completed task turned out not to be done; it is its role's again."""

    task_id: str
    reason: str


@fact("TaskReassigned")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReassigned:
    """A commander gave the task to another role, which must acknowledge it anew."""

    task_id: str
    from_role_id: str
    to_role_id: str
    acknowledge_by: datetime
    reason: str


@fact("NeedRaised")
@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRaised:
    """Somebody at a place needs something: rescue, pumping, medical help, evacuation."""

    need_id: str
    incident_id: str
    kind: str
    skills: tuple[str, ...]
    lon: float
    lat: float
    cell: int
    people: int
    priority: int
    """1 most urgent … 4"""
    report_id: str


@fact("UnitAssigned")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAssigned:
    """A unit is sent to a need; travel time is over the road graph with flooded links closed."""

    need_id: str
    unit_id: str
    travel_s: float
    arrive_at: datetime
    route: tuple[tuple[float, float], ...]
    """Lon/lat points along the way."""
    why: str
    links: tuple[int, ...] = ()
    """Road links taken, in order; empty where the city has no roads."""


@fact("NeedUnmet")
@dataclass(frozen=True, slots=True, kw_only=True)
class NeedUnmet:
    """No unit could be given to a need, and why; said again only when the reason changes."""

    need_id: str
    reason: str
    """no_unit_with_skill, all_units_busy, unreachable, outranked"""
    detail: Bilingual


@fact("NeedWithdrawn")
@dataclass(frozen=True, slots=True, kw_only=True)
class NeedWithdrawn:
    """The need is no more: a false call, or people helped themselves."""

    need_id: str
    reason: str


@fact("UnitArrived")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnitArrived:
    """The unit is at the need."""

    need_id: str
    unit_id: str


@fact("NeedMet")
@dataclass(frozen=True, slots=True, kw_only=True)
class NeedMet:
    """The need is served."""

    need_id: str
    unit_id: str


@fact("UnitReleased")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnitReleased:
    """The unit is free again, where it stands."""

    unit_id: str
    lon: float
    lat: float


@fact("RoadClosed", schema=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class RoadClosed:
    """A road link is closed to traffic; routing obeys at once."""

    link_id: int
    reason: str
    depth_m: float | None
    lon: float
    lat: float
    closed_to: tuple[str, ...] = ()
    """Classes of vehicle that may not pass (``science/flood/vehicle_limits.py``); empty closes to all."""


@upcaster("RoadClosed", from_schema=1)
def road_closed_names_classes(body: dict[str, Any]) -> dict[str, Any]:
    """A road was closed to all before it could be closed to some."""
    return {**body, "closed_to": []}


@fact("RoadReopened")
@dataclass(frozen=True, slots=True, kw_only=True)
class RoadReopened:
    """A closed road link is open again."""

    link_id: int


@fact("FloodNeedsMapped")
@dataclass(frozen=True, slots=True, kw_only=True)
class FloodNeedsMapped:
    """What the forecast water asks for over the whole city, beside what there is; the map is a field.

    Items: ``sandbag`` (bags), ``pump`` (mobile pumps), ``boat`` (boats), ``shelter_place`` (people).
    """

    forecast_id: str
    field: str
    """Content hash of the table of cell, item and quantity."""
    wanted: dict[str, float]
    stock: dict[str, float]
    short: dict[str, float]


@fact("EdgeAlarmChanged")
@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeAlarmChanged:
    """A gateway raised, changed or cleared an alarm by its own rules; handed over when the core could be reached."""

    edge_id: str
    log_seq: int
    """Number of the entry in the gateway's log."""
    log_digest: str
    clock_ahead_s: float | None
    """How far the gateway's clock was ahead of the core's, as it found."""
    alarm_id: str
    sensor_id: str
    quantity: str
    rule: str
    hazard: str
    state: str
    """raised, updated, cleared"""
    severity: str
    """Colour; empty once cleared."""
    value: float
    threshold: float
    confidence_prob: float
    begun_at: datetime


@fact("EdgeOrderGiven")
@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOrderGiven:
    """A gateway ordered something by its own rules, such as an evacuation, without the core."""

    edge_id: str
    log_seq: int
    """Number of the entry in the gateway's log."""
    log_digest: str
    clock_ahead_s: float | None
    """How far the gateway's clock was ahead of the core's, as it found."""
    order_id: str
    rule: str
    action: str
    hazard: str
    severity: str
    text: Bilingual
    channels: tuple[str, ...]
    sensor_id: str
    alarm_ids: tuple[str, ...]
    joined: bool
    """A further alarm came under an order that stood already; nobody was told twice."""


@fact("EdgeMessageSent")
@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeMessageSent:
    """A message of a gateway's order went out through a local channel, or did not."""

    edge_id: str
    log_seq: int
    """Number of the entry in the gateway's log."""
    log_digest: str
    clock_ahead_s: float | None
    """How far the gateway's clock was ahead of the core's, as it found."""
    order_id: str
    what: str
    """The action, or ``cancel``."""
    channel: str
    tries: int
    error: str
    """Why it did not go out; empty if it did."""


@fact("EdgeOrderEnded")
@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOrderEnded:
    """An order of a gateway ended: an officer cancelled it there, or it lapsed."""

    edge_id: str
    log_seq: int
    """Number of the entry in the gateway's log."""
    log_digest: str
    clock_ahead_s: float | None
    """How far the gateway's clock was ahead of the core's, as it found."""
    order_id: str
    how: str
    """cancelled, lapsed"""
    by: str
    reason: str
