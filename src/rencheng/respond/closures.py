"""Which roads are closed: by water seen, by risk that is near certain, by the flood forecast, or by order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from rencheng.city import RoadGraph
from rencheng.kernel import FactId
from rencheng.respond.facts import RoadClosed, RoadReopened
from rencheng.respond.flood_closures import flood_closures, forecast_ends
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import ReportSeen, State
from rencheng.respond.turn import Turn

__all__ = ["close_road", "next_closure_due", "settle_roads", "wanted_closures"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A link that something says to close."""

    reason: str
    depth_m: float | None
    cause: FactId
    closed_to: tuple[str, ...] = ()


def settle_roads(turn: Turn) -> None:
    """Close every link that standing facts say to close, and open those that nothing closes any more."""
    roads = turn.inputs.roads
    if roads is None:
        return
    wanted = wanted_closures(turn.state, turn.inputs, turn.now)
    for link, why in wanted.items():
        closed = turn.state.closures.get(link)
        if closed is None or (closed.closed_to != why.closed_to and not closed.reason.startswith("order/")):
            close_road(turn, roads, link, why.reason, why.depth_m, why.cause, closed_to=why.closed_to)
    for closure in list(turn.state.closures.values()):
        if closure.link_id not in wanted and not closure.reason.startswith("order/"):
            turn.say(f"road/{closure.link_id}", RoadReopened(link_id=closure.link_id), closure.fact_id)


def close_road(
    turn: Turn,
    roads: RoadGraph,
    link_id: int,
    reason: str,
    depth_m: float | None,
    *cause: FactId | None,
    closed_to: tuple[str, ...] = (),
) -> None:
    """Propose the closure of one link, to some classes of vehicle or (empty) to all."""
    lon, lat = roads.middle(roads.edge(link_id))
    body = RoadClosed(link_id=link_id, reason=reason, depth_m=depth_m, lon=lon, lat=lat, closed_to=closed_to)
    turn.say(f"road/{link_id}", body, *cause)


def wanted_closures(state: State, inputs: Inputs, now: datetime) -> dict[int, Wanted]:
    """Links that a signal, near-certain risk, a report or the flood forecast says to close; the first of these counts.

    What is seen or near certain closes a link to all; the forecast only to those whom its water would stop.
    """
    wanted = _standing_closures(state, inputs)
    for link, (key, until) in _reported_closures(state, inputs).items():
        if now < until:
            report = state.reports[key]
            wanted.setdefault(link, Wanted(f"report/{report.report_id}", report.depth_m, report.fact_id))
    if state.flood is not None:
        for link, water in flood_closures(state, inputs, now).items():
            if inputs.roads is not None and link in inputs.roads.edge_of_link:
                why = f"flood/{state.flood.forecast_id}"
                wanted.setdefault(link, Wanted(why, water.depth_m, state.flood.fact_id, water.closed_to))
    return wanted


def _standing_closures(state: State, inputs: Inputs) -> dict[int, Wanted]:
    roads = inputs.roads
    assert roads is not None
    wanted: dict[int, Wanted] = {}
    for signal in state.signals.values():
        why = Wanted(f"signal/{signal.signal_id}", signal.depth_m, signal.fact_id)
        for link in _flooded_links(inputs, roads, signal.lon, signal.lat, signal.depth_m or 0.0):
            wanted.setdefault(link, why)
    for hazard, (name, fact_id) in state.risk_fields.items():
        for link in _risky_links(inputs, roads, hazard, name):
            wanted.setdefault(link, Wanted(f"risk/{hazard}", None, fact_id))
    return wanted


def _reported_closures(state: State, inputs: Inputs) -> dict[int, tuple[str, datetime]]:
    """Links that reports close, each with the report that holds it longest and until when."""
    roads, rule = inputs.roads, inputs.rules.closures
    assert roads is not None
    held: dict[int, tuple[str, datetime]] = {}
    for key, report in state.reports.items():
        if not _holds(inputs, report):
            continue
        until = report.at + timedelta(hours=rule.report_hold_h)
        depth = max(report.depth_m or 0.0, rule.depth_m)
        for link in _flooded_links(inputs, roads, report.lon, report.lat, depth):
            if link not in held or held[link][1] < until:
                held[link] = (key, until)
    return held


def next_closure_due(state: State, inputs: Inputs) -> datetime | None:
    """Earliest instant at which a road that only reports or a forecast hold closed opens again."""
    if inputs.roads is None or not any(not c.reason.startswith("order/") for c in state.closures.values()):
        return None
    standing, held = _standing_closures(state, inputs), _reported_closures(state, inputs)
    ends = forecast_ends(state, inputs)
    until = [] if ends is None else [ends]
    until += [
        held[link][1]
        for link, closure in state.closures.items()
        if link in held and link not in standing and not closure.reason.startswith("order/")
    ]
    return min(until, default=None)


def _holds(inputs: Inputs, report: ReportSeen) -> bool:
    """Whether a report closes roads: a blocked road at once, water from the closing depth up."""
    if report.category == "road_blocked":
        return True
    return report.category == "water_on_road" and (report.depth_m or 0.0) >= inputs.rules.closures.depth_m


def _flooded_links(inputs: Inputs, roads: RoadGraph, lon: float, lat: float, depth_m: float) -> tuple[int, ...]:
    """Underpasses about a reading from their closing depth up, and roads close to it from theirs."""
    rule = inputs.rules.closures
    key = ("links", lon, lat, depth_m >= rule.underpass_depth_m, depth_m >= rule.depth_m)
    if key not in inputs.memo:
        under = roads.links_near(lon, lat, rule.underpass_radius_m, underpass=True) if key[3] else ()
        near = roads.links_near(lon, lat, rule.radius_m) if key[4] and not under else ()
        inputs.memo[key] = tuple(dict.fromkeys([*under, *near]))
    links: tuple[int, ...] = inputs.memo[key]
    return links


def _risky_links(inputs: Inputs, roads: RoadGraph, hazard: str, name: str) -> tuple[int, ...]:
    """Underpasses in cells where water is near certain within the lead time of the rule."""
    if inputs.fields is None:
        return ()
    key = ("risk", hazard)
    if inputs.memo.get(key, ("", ()))[0] != name:
        rule = inputs.rules.closures.risk
        table = inputs.fields.get(name)
        near_certain = pc.and_(
            pc.and_(
                pc.greater_equal(table["probability"], rule.min_probability),
                pc.less_equal(table["lead_h"], rule.max_lead_h),
            ),
            pc.is_in(table["colour"], value_set=pa.array([str(c) for c in rule.colours], pa.string())),
        )
        cells = set(table.filter(near_certain)["cell"].to_pylist())
        edges = [e for e in roads.underpass.nonzero()[0].tolist() if int(roads.cell[e]) in cells]
        inputs.memo[key] = (name, tuple(sorted(int(roads.link_id[e]) for e in edges)))
    links: tuple[int, ...] = inputs.memo[key][1]
    return links
