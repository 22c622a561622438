"""From reports to needs: who calls for what, once per event and kind of help."""

from __future__ import annotations

from rencheng.kernel import FactId, derived_id
from rencheng.respond.facts import NeedRaised
from rencheng.respond.incidents import open_reported_incident
from rencheng.respond.model import Incident, ReportSeen
from rencheng.respond.rules import NeedKind
from rencheng.respond.turn import Turn

__all__ = ["incident_at", "need_id_of", "raise_need", "raise_needs"]


def need_id_of(event_id: str, kind: str) -> str:
    """Id of the need of a kind that an event raises; reports fused to one event raise it once."""
    return derived_id("need", event_id, kind)


def raise_needs(turn: Turn) -> None:
    """Raise the need that each report calls for, unless its event has raised it already."""
    for report in list(turn.state.reports.values()):
        kind = turn.inputs.rules.need_of_report.get(report.category)
        if kind is None or need_id_of(report.event_id, kind.kind) in turn.state.needs:
            continue
        if kind.min_depth_m is not None and (report.depth_m or 0.0) < kind.min_depth_m:
            continue
        found = incident_at(turn, report.hazard, report.cell)
        incident_id = found or open_reported_incident(turn, report.hazard, report.cell, report.event_id, report.fact_id)
        _from_report(turn, report, kind, incident_id)


def _from_report(turn: Turn, report: ReportSeen, kind: NeedKind, incident_id: str) -> None:
    raise_need(
        turn,
        need_id=need_id_of(report.event_id, kind.kind),
        incident_id=incident_id,
        kind=kind,
        lon=report.lon,
        lat=report.lat,
        cell=report.cell,
        people=report.people,
        priority=kind.priority,
        report_id=report.report_id,
        cause=(report.fact_id,),
    )


def raise_need(
    turn: Turn,
    *,
    need_id: str,
    incident_id: str,
    kind: NeedKind,
    lon: float,
    lat: float,
    cell: int,
    people: int,
    priority: int,
    report_id: str,
    cause: tuple[FactId, ...] = (),
) -> None:
    """Propose a need of a known kind."""
    turn.say(
        f"need/{need_id}",
        NeedRaised(
            need_id=need_id,
            incident_id=incident_id,
            kind=kind.kind,
            skills=tuple(sorted(kind.skills)),
            lon=lon,
            lat=lat,
            cell=cell,
            people=people,
            priority=priority,
            report_id=report_id,
        ),
        *cause,
        turn.state.incidents[incident_id].fact_id,
    )


def incident_at(turn: Turn, hazard: str, cell: int) -> str | None:
    """Open incident that a call from a cell belongs to.

    One of the same hazard whose area holds the cell; else any whose area does; else one of the same hazard; else the
    one opened last. ``None`` when none is open.
    """
    running = [i for i in turn.state.incidents.values() if i.closed_at is None and not i.response_ended]

    def fit(incident: Incident) -> tuple[bool, bool]:
        return (cell in incident.cells, incident.hazard == hazard)

    best = max(enumerate(running), key=lambda pair: (*fit(pair[1]), pair[0]), default=None)
    return best[1].incident_id if best else None
