"""The after-action report: what happened, what was decided and why, how fast, how well, and what it taught."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from rencheng.assess.indicator_tree import TreeScore
from rencheng.city import City
from rencheng.evaluate.faults import FaultFigures, fault_figures
from rencheng.evaluate.indicators import Measured, measure
from rencheng.evaluate.model import State, evolve, initial_state
from rencheng.evaluate.resilience import resilience_index, resilience_tree
from rencheng.evaluate.service import Capacity, ServiceCurve, service_curves
from rencheng.evaluate.timeline import Moment, timeline
from rencheng.kernel import Bilingual, MissingData
from rencheng.ledger import Entry, fold

__all__ = ["ClockSummary", "Report", "build_report", "report_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSummary:
    """One response time against its target."""

    clock: str
    title: Bilingual
    target_min: float
    count: int
    median_min: float | None
    p95_min: float | None
    within_ratio: float | None
    never: int
    """How many never came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the report says, as data; the page is made of it."""

    run: dict[str, Any]
    timezone: str
    from_at: datetime
    until_at: datetime
    until_seq: int
    facts: dict[str, int]
    """Fact name → how many."""
    clocks: tuple[ClockSummary, ...]
    indicators: tuple[Measured, ...]
    services: tuple[ServiceCurve, ...]
    verification: tuple[dict[str, Any], ...]
    incidents: tuple[dict[str, Any], ...]
    warnings: tuple[dict[str, Any], ...]
    damage: tuple[dict[str, Any], ...]
    lessons: tuple[Bilingual, ...]
    timeline: tuple[Moment, ...]
    resilience: TreeScore | None = None
    """City resilience index after the round; None where the city was not given."""
    revisions: tuple[dict[str, Any], ...] = ()
    """Weights revised: index, who, when, before, after, why."""
    faults: tuple[FaultFigures, ...] = ()
    """How often sensors, devices and feeds failed and how long they stayed down; empty where the city was not given."""


def build_report(
    entries: Sequence[Entry],
    capacity: Capacity,
    *,
    zone: ZoneInfo,
    verification: Sequence[dict[str, Any]] = (),
    city: City | None = None,
) -> Report:
    """Make the report of a ledger, or of a stretch of it.

    Parameters
    ----------
    entries : sequence of Entry
        Facts in order.
    capacity : Capacity
        What full service is in this city.
    zone : ZoneInfo
        The city's clock.
    verification : sequence of dict
        Scores of the warnings by hazard, from :func:`rencheng.warn.verify`.
    city : City, optional
        The city, for its resilience index.

    Raises
    ------
    MissingData
        If there are no facts at all.
    """
    if not entries:
        raise MissingData("the ledger is empty", mend="Replay a feed or play a rehearsal first")
    begin, end = entries[0].occurred_at, max(e.occurred_at for e in entries)
    state = replace(fold(entries, evolve, initial_state()), channels_known=capacity.channels)
    report = Report(
        run=_run(entries),
        timezone=str(zone),
        from_at=begin,
        until_at=end,
        until_seq=entries[-1].seq,
        facts=dict(sorted(Counter(e.kind for e in entries).items())),
        clocks=_clocks(state),
        indicators=tuple(measure(state, end)),
        services=tuple(service_curves(entries, capacity, begin, end)),
        verification=tuple(verification),
        incidents=_incidents(entries),
        warnings=_warnings(entries),
        damage=tuple(msgspec.to_builtins(e.body) for e in entries if e.kind == "DamageAssessed"),
        lessons=tuple(e.body.text for e in entries if e.kind == "LessonRecorded"),
        timeline=tuple(timeline(entries)),
        revisions=_revisions(entries),
    )
    if city is None:
        return report
    report = replace(report, faults=tuple(fault_figures(entries, city, begin, end)))
    return replace(report, resilience=resilience_index(city, report, state.weights.get(resilience_tree().id)))


def report_json(report: Report) -> dict[str, Any]:
    """Give the report as plain data with RFC 3339 times; infinite recovery is null."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(report))
    return plain


def _run(entries: Sequence[Entry]) -> dict[str, Any]:
    started = next((e for e in entries if e.kind == "RunStarted"), None)
    return msgspec.to_builtins(started.body) if started else {}


def _clocks(state: State) -> tuple[ClockSummary, ...]:
    tasks, needs = state.tasks.values(), state.needs.values()
    warned = [(at, state.answered_at.get(name)) for name, at in state.warned_at.items()]
    return (
        _clock("warning_to_acknowledgement", "预警发布到首个签收", "Warning to first acknowledgement", 15.0, warned),
        _clock(
            "task_acknowledgement",
            "任务下达到签收",
            "Task to acknowledgement",
            5.0,
            [(t.created_at, t.acknowledged_at) for t in tasks],
        ),
        _clock("dispatch", "需求到指派", "Need to assignment", 3.0, [(n.raised_at, n.assigned_at) for n in needs]),
        _clock("arrival", "需求到到场", "Need to arrival", 15.0, [(n.raised_at, n.arrived_at) for n in needs]),
    )


def _clock(
    name: str, zh: str, en: str, target_min: float, spans: Sequence[tuple[datetime, datetime | None]]
) -> ClockSummary:
    took = sorted((b - a) / timedelta(minutes=1) for a, b in spans if b is not None)
    within = sum(t <= target_min for t in took) / len(spans) if spans else None
    return ClockSummary(
        clock=name,
        title=Bilingual(zh=zh, en=en),
        target_min=target_min,
        count=len(spans),
        median_min=median(took) if took else None,
        p95_min=took[ceil(0.95 * len(took)) - 1] if took else None,
        within_ratio=within,
        never=len(spans) - len(took),
    )


def _incidents(entries: Sequence[Entry]) -> tuple[dict[str, Any], ...]:
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        body = entry.body
        if entry.kind == "IncidentOpened":
            found[body.incident_id] = {
                "incident_id": body.incident_id,
                "title": msgspec.to_builtins(body.title),
                "hazard": body.hazard,
                "response_level": body.response_level,
                "event_grade": body.event_grade,
                "opened_at": entry.occurred_at,
                "nodes": [],
                "closed_at": None,
            }
        elif entry.kind == "IncidentWarned" and body.incident_id in found:
            found[body.incident_id]["title"] = msgspec.to_builtins(body.title)
        elif entry.kind == "PlanActivated" and body.incident_id in found:
            found[body.incident_id]["response_level"] = body.response_level
        elif entry.kind == "IncidentNodeReached" and body.incident_id in found:
            node = {"number": body.number, "node": body.node, "at": entry.occurred_at}
            found[body.incident_id]["nodes"].append(node)
        elif entry.kind == "IncidentClosed" and body.incident_id in found:
            found[body.incident_id]["closed_at"] = entry.occurred_at
    return tuple(found.values())


def _revisions(entries: Sequence[Entry]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"at": e.occurred_at, "actor": e.actor, **msgspec.to_builtins(e.body)}
        for e in entries
        if e.kind == "WeightsRevised"
    )


def _warnings(entries: Sequence[Entry]) -> tuple[dict[str, Any], ...]:
    rows = []
    for entry in entries:
        notice = getattr(entry.body, "notice", None)
        if notice is not None:
            rows.append(
                {
                    "at": entry.occurred_at,
                    "what": entry.kind,
                    "warning_id": entry.body.warning_id,
                    "hazard": notice.hazard,
                    "colour": notice.colour,
                    "headline": msgspec.to_builtins(notice.headline),
                    "residents": notice.residents,
                    "reasons": [msgspec.to_builtins(r.text) for r in notice.reasons],
                }
            )
    return tuple(rows)
