"""What the response knows at one moment: warnings, incidents, tasks, needs, units on the move, closed roads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rencheng.assess.facts import FloodOption
from rencheng.kernel import Bilingual, FactId
from rencheng.warn.facts import Notice

__all__ = [
    "CallSeen",
    "Closure",
    "EdgeLog",
    "FloodSeen",
    "Incident",
    "Need",
    "ReportSeen",
    "SignalSeen",
    "State",
    "Task",
    "UnitNow",
    "WarningSeen",
    "initial_state",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningSeen:
    """A warning as last said."""

    warning_id: str
    notice: Notice
    fact_id: FactId
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSeen:
    """The latest report of one category of one event."""

    report_id: str
    event_id: str
    category: str
    hazard: str
    lon: float
    lat: float
    cell: int
    depth_m: float | None
    people: int
    at: datetime
    fact_id: FactId


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSeen:
    """A standing signal of water at a place in the city."""

    signal_id: str
    hazard: str
    lon: float
    lat: float
    depth_m: float | None
    fact_id: FactId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSeen:
    """A standing signal in the city that may call for help by itself."""

    signal_id: str
    name: str
    hazard: str
    colour: str
    title: Bilingual
    lon: float
    lat: float
    fact_id: FactId


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident and how far it has come."""

    incident_id: str
    hazard: str
    title: Bilingual
    response_level: str
    event_grade: str
    warning_id: str
    cells: tuple[int, ...]
    area_ids: tuple[str, ...]
    opened_at: datetime
    fact_id: FactId
    plan_id: str = ""
    plan_version: str = ""
    activated_at: datetime | None = None
    plan_fact: FactId | None = None
    nodes: tuple[tuple[str, datetime], ...] = ()
    last_fact: FactId | None = None
    damage_fact: FactId | None = None
    buildings_damaged: int = 0
    loss_cny: float | None = None
    rectifications: tuple[str, ...] = ()
    review_fact: FactId | None = None
    closed_at: datetime | None = None

    @property
    def reached(self) -> tuple[str, ...]:
        """Nodes passed, in order."""
        return tuple(node for node, _ in self.nodes)

    @property
    def response_ended(self) -> bool:
        """Whether the response itself is over (recovery may go on)."""
        return "response_ended" in self.reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task and who has it."""

    task_id: str
    incident_id: str
    step_id: str
    title: Bilingual
    role_id: str
    first_role_id: str
    acknowledge_by: datetime
    due_at: datetime
    receipt: str
    measure: str
    created_at: datetime
    fact_id: FactId
    heard: tuple[str, ...] = ()
    """Roles that have been asked so far."""
    escalations: int = 0
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    completed_at: datetime | None = None
    handed_in: str = ""
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A need and who serves it."""

    need_id: str
    incident_id: str
    kind: str
    skills: tuple[str, ...]
    lon: float
    lat: float
    cell: int
    people: int
    priority: int
    report_id: str
    raised_at: datetime
    fact_id: FactId
    units: tuple[str, ...] = ()
    """Units on their way or at work."""
    served: int = 0
    """Units that have done their part."""
    unmet_reason: str = ""
    unmet_detail: Bilingual | None = None
    met_at: datetime | None = None
    withdrawn_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether it still asks for something."""
        return self.met_at is None and self.withdrawn_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitNow:
    """A unit that left its station: where it is bound, or where it stands free."""

    unit_id: str
    lon: float
    lat: float
    since: datetime
    fact_id: FactId
    need_id: str = ""
    """Empty when free."""
    arrive_at: datetime | None = None
    arrived_at: datetime | None = None
    route: tuple[tuple[float, float], ...] = ()
    links: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodSeen:
    """The flood forecast that stands."""

    forecast_id: str
    based_at: datetime
    objects: str
    fact_id: FactId


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """A closed road link and what holds it closed: ``signal/…``, ``report/…``, ``risk/…``, ``flood/…``, ``order/…``."""

    link_id: int
    reason: str
    depth_m: float | None
    lon: float
    lat: float
    at: datetime
    fact_id: FactId
    closed_to: tuple[str, ...] = ()

    def stops(self, vehicle: str) -> bool:
        """Whether a class of vehicle may not pass."""
        return not self.closed_to or vehicle in self.closed_to


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLog:
    """How far the log of a gateway is known."""

    log_seq: int
    digest: str
    """Of its last known entry."""
    facts: Mapping[str, FactId] = field(default_factory=dict)
    """Alarm that stands, or order → the last fact about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All the response knows; the dictionaries are replaced, never changed."""

    warnings: Mapping[str, WarningSeen] = field(default_factory=dict)
    reports: Mapping[str, ReportSeen] = field(default_factory=dict)
    signals: Mapping[str, SignalSeen] = field(default_factory=dict)
    calls: Mapping[str, CallSeen] = field(default_factory=dict)
    """Standing signals of anything but water on roads, by id."""
    risk_fields: Mapping[str, tuple[str, FactId]] = field(default_factory=dict)
    """Hazard → latest risk field and the fact that named it."""
    flood: FloodSeen | None = None
    flood_day: FloodSeen | None = None
    """The same of the next day: it asks for pumps and sandbags, and closes nothing."""
    flood_advice: Mapping[str, tuple[FloodOption, FactId]] = field(default_factory=dict)
    """Options of the last flood advice by id, and the fact that gave it."""
    flood_needs: Mapping[str, float] = field(default_factory=dict)
    """What the last mapped forecast asked for, by item."""
    flood_needs_of: str = ""
    """Forecast that was mapped last."""
    flood_day_needs: Mapping[str, float] = field(default_factory=dict)
    """What the last mapped forecast of the next day asked for, by item."""
    flood_day_needs_of: str = ""
    incidents: Mapping[str, Incident] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    needs: Mapping[str, Need] = field(default_factory=dict)
    units: Mapping[str, UnitNow] = field(default_factory=dict)
    closures: Mapping[int, Closure] = field(default_factory=dict)
    closed_ever: Mapping[int, int] = field(default_factory=dict)
    """Link → times it was closed."""
    edge_logs: Mapping[str, EdgeLog] = field(default_factory=dict)
    """By gateway."""

    def closed_to(self, vehicle: str) -> tuple[int, ...]:
        """Links that a class of vehicle may not use, ascending."""
        return tuple(sorted(link for link, closure in self.closures.items() if closure.stops(vehicle)))

    def tasks_of(self, incident_id: str) -> list[Task]:
        """Tasks of an incident in the order they were created."""
        return [t for t in self.tasks.values() if t.incident_id == incident_id]

    def needs_of(self, incident_id: str) -> list[Need]:
        """Needs of an incident in the order they were raised."""
        return [n for n in self.needs.values() if n.incident_id == incident_id]


def initial_state() -> State:
    """Nothing has happened yet."""
    return State()
