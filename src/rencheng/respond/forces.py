"""Forces on the move: sending units, turning them round when a road closes, arrival and release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rencheng.city import RoadGraph, Route
from rencheng.kernel import FactId, distance_m
from rencheng.respond.dispatch import DispatchNeed, DispatchResult, DispatchUnit, dispatch, units_wanted
from rencheng.respond.facts import NeedMet, NeedUnmet, UnitArrived, UnitAssigned, UnitReleased
from rencheng.respond.inputs import Inputs, Unit
from rencheng.respond.model import Closure, Need, State, UnitNow
from rencheng.respond.turn import Turn
from rencheng.science.flood.vehicle_limits import vehicle_class_of_unit

__all__ = [
    "finish_work",
    "next_force_due",
    "place_of",
    "position_at",
    "release_unit",
    "reroute_units",
    "send_units",
    "wanted_of",
]

DETOUR_RATIO = 1.3
"""Road distance over straight-line distance where a city has no roads (Boscoe et al. 2012 find 1.4 in the US)."""

STRAIGHT_SPEED_M_S = 30 / 3.6
"""Speed along the straight line where a city has no roads."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit can be sent from, now or, while it is busy, when it is done."""

    unit: Unit
    lon: float
    lat: float
    free: bool


def place_of(state: State, unit: Unit) -> Place:
    """Where a unit starts from: its station until it is first sent, its need while it is bound for one."""
    moved = state.units.get(unit.unit_id)
    if moved is None:
        return Place(unit, unit.lon, unit.lat, True)
    if moved.need_id:
        need = state.needs[moved.need_id]
        return Place(unit, need.lon, need.lat, False)
    return Place(unit, moved.lon, moved.lat, True)


def position_at(unit: UnitNow, now: datetime) -> tuple[float, float]:
    """Lon/lat of a unit on its way at an instant: along its route at even speed."""
    if not unit.need_id or unit.arrived_at is not None or not unit.route or unit.arrive_at is None:
        return (unit.lon, unit.lat)
    whole = (unit.arrive_at - unit.since).total_seconds()
    share = 1.0 if whole <= 0 else min(1.0, max(0.0, (now - unit.since).total_seconds() / whole))
    points = np.array(unit.route)
    if len(points) == 1:
        return unit.route[0]
    legs = distance_m(points[:-1, 0], points[:-1, 1], points[1:, 0], points[1:, 1])
    along = np.concatenate([[0.0], np.cumsum(legs)])
    at = share * along[-1]
    return (float(np.interp(at, along, points[:, 0])), float(np.interp(at, along, points[:, 1])))


def send_units(turn: Turn) -> None:
    """Assign free units to what is still asked for, and say why a need gets none when the reason is new."""
    needs = [n for n in turn.state.needs.values() if n.open and _units_short(turn, n) > 0]
    if not needs or not turn.inputs.units:
        _say_unmet_without_units(turn, needs)
        return
    places = [place_of(turn.state, u) for u in turn.inputs.units.values()]
    result = _solve(turn, needs, places)
    by_id = {p.unit.unit_id: p for p in places}
    for a in result.assignments:
        _assign(turn, turn.state.needs[a.need_id], by_id[a.unit_id], why=_why(turn, a.travel_s))
    for unmet in result.unmet:
        need = turn.state.needs[unmet.need_id]
        if _is_news(need.unmet_reason, unmet.reason) and not need.units:
            body = NeedUnmet(need_id=unmet.need_id, reason=unmet.reason, detail=unmet.detail)
            turn.say(f"need/{unmet.need_id}", body, need.fact_id, *_closures(turn, unmet.reason))


def _is_news(before: str, now: str) -> bool:
    """Whether a reason is worth saying: waiting is waiting, whether all units are busy or one went to somebody else."""
    waiting = ("all_units_busy", "outranked")
    return before != now and not (before in waiting and now in waiting)


def _say_unmet_without_units(turn: Turn, needs: list[Need]) -> None:
    result = dispatch([_as_dispatch(n) for n in needs], [], np.zeros((len(needs), 0)))
    for unmet in result.unmet:
        if turn.state.needs[unmet.need_id].unmet_reason != unmet.reason:
            body = NeedUnmet(need_id=unmet.need_id, reason=unmet.reason, detail=unmet.detail)
            turn.say(f"need/{unmet.need_id}", body, turn.state.needs[unmet.need_id].fact_id)


def _closures(turn: Turn, reason: str) -> tuple[FactId, ...]:
    """Closed roads that a need is cut off by, latest first: its causes."""
    if reason != "unreachable":
        return ()
    return tuple(c.fact_id for c in sorted(turn.state.closures.values(), key=lambda c: c.at, reverse=True)[:8])


def _as_dispatch(need: Need) -> DispatchNeed:
    return DispatchNeed(
        need_id=need.need_id,
        skills=need.skills,
        priority=need.priority,
        people=need.people,
        served=need.served + len(need.units),
    )


def _units_short(turn: Turn, need: Need) -> int:
    """Units a need still asks for."""
    return wanted_of(turn.inputs, need) - need.served - len(need.units)


def wanted_of(inputs: Inputs, need: Need) -> int:
    """Units a need asks for in all."""
    key = ("wanted", need.skills, need.people)
    if key not in inputs.memo:
        asked = set(need.skills)
        capacities = [u.capacity for u in inputs.units.values() if asked <= set(u.skills) and u.capacity]
        inputs.memo[key] = units_wanted(_as_dispatch(need), capacities)
    wanted: int = inputs.memo[key]
    return wanted


def _solve(turn: Turn, needs: list[Need], places: list[Place]) -> DispatchResult:
    """Dispatch; the same question as last turn gets the same answer without asking the roads again."""
    closed = _closed_by_class(turn.state, places)
    question = (
        tuple((n.need_id, n.served, n.units) for n in needs),
        tuple((p.unit.unit_id, p.free, p.lon, p.lat) for p in places),
        tuple(closed.items()),
    )
    if turn.inputs.memo.get("dispatch", (None,))[0] != question:
        result = dispatch(
            [_as_dispatch(n) for n in needs],
            [
                DispatchUnit(unit_id=p.unit.unit_id, skills=p.unit.skills, free=p.free, capacity=p.unit.capacity)
                for p in places
            ],
            travel_table_s(turn.inputs, needs, places, closed),
        )
        turn.inputs.memo["dispatch"] = (question, result)
    answer: DispatchResult = turn.inputs.memo["dispatch"][1]
    return answer


def _closed_by_class(state: State, places: list[Place]) -> dict[str, tuple[int, ...]]:
    """Links closed to each class of vehicle that some unit drives."""
    classes = sorted({vehicle_class_of_unit(p.unit.kind).value for p in places})
    return {vehicle: state.closed_to(vehicle) for vehicle in classes}


def travel_table_s(
    inputs: Inputs, needs: list[Need], places: list[Place], closed: Mapping[str, tuple[int, ...]]
) -> NDArray[np.float64]:
    """Travel time of each unit to each need, of busy ones from where they are bound; shape (needs, units).

    ``closed`` names the links that are closed to each class of vehicle; units whose classes are kept out of the same
    links are reckoned together.
    """
    to_lon, to_lat = np.array([n.lon for n in needs]), np.array([n.lat for n in needs])
    at_lon, at_lat = np.array([p.lon for p in places]), np.array([p.lat for p in places])
    if inputs.roads is None:
        gap = distance_m(to_lon[:, None], to_lat[:, None], at_lon[None, :], at_lat[None, :])
        return np.asarray(gap * DETOUR_RATIO / STRAIGHT_SPEED_M_S, dtype=np.float64)
    roads = inputs.roads
    at, to = roads.nearest_node(at_lon, at_lat), roads.nearest_node(to_lon, to_lat)
    kept_out = [closed[vehicle_class_of_unit(p.unit.kind).value] for p in places]
    table = np.full((len(needs), len(places)), np.inf)
    for links in dict.fromkeys(kept_out):
        mine = np.array([k for k, theirs in enumerate(kept_out) if theirs == links], dtype=np.int64)
        part = roads.matrix_s(at[mine], to, links).T
        for row in np.flatnonzero(~np.isfinite(part).all(axis=1)).tolist():
            # unit by unit: one that stands inside the water says nothing of the way of those outside
            _, time_s = _approach(inputs, roads, at[mine], needs[row], links)
            part[row] = np.where(np.isfinite(part[row]), part[row], time_s)
        table[:, mine] = part
    return table


def _approach(
    inputs: Inputs, roads: RoadGraph, at: NDArray[np.int64], need: Need, closed: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Node at the water's edge from which each unit goes on by foot or boat, and the time in all; shapes (units,)."""
    rule = inputs.rules.needs
    nodes, gap_m = roads.nodes_near(need.lon, need.lat, rule.approach_m)
    if not len(nodes):
        return np.zeros(len(at), dtype=np.int64), np.full(len(at), np.inf)
    time_s = roads.matrix_s(at, nodes, closed) + gap_m[None, :] / rule.approach_speed_m_s
    best = time_s.argmin(axis=1)
    return nodes[best], time_s[np.arange(len(at)), best]


def _assign(turn: Turn, need: Need, place: Place, *, why: str, cause: Closure | None = None) -> None:
    route = route_between(turn, place.lon, place.lat, need, place.unit.kind)
    turn.say(
        f"unit/{place.unit.unit_id}",
        UnitAssigned(
            need_id=need.need_id,
            unit_id=place.unit.unit_id,
            travel_s=round(route.travel_s, 1),
            arrive_at=turn.now + timedelta(seconds=round(route.travel_s, 1)),
            route=route.points,
            why=why,
            links=route.links,
        ),
        need.fact_id,
        cause.fact_id if cause else None,
    )


def _why(turn: Turn, travel_s: float) -> str:
    how = "straight line, the city has no roads" if turn.inputs.roads is None else "over open roads"
    return f"least priority-weighted travel time of all needs together; {travel_s:.0f} s {how}"


def route_between(turn: Turn, lon: float, lat: float, need: Need, kind: str) -> Route:
    """Way of a kind of unit to a need over roads open to it, on by foot or boat from where they end near it."""
    roads = turn.inputs.roads
    if roads is None:
        gap = float(distance_m(lon, lat, need.lon, need.lat))
        line = ((round(lon, 6), round(lat, 6)), (round(need.lon, 6), round(need.lat, 6)))
        return Route(travel_s=gap * DETOUR_RATIO / STRAIGHT_SPEED_M_S, links=(), points=line)
    closed = turn.state.closed_to(vehicle_class_of_unit(kind).value)
    source, target = roads.nearest_node(np.array([lon, need.lon]), np.array([lat, need.lat])).tolist()
    direct = roads.route(source, target, closed)
    if np.isfinite(direct.travel_s):
        return direct
    edge, time_s = _approach(turn.inputs, roads, np.array([source]), need, closed)
    if not np.isfinite(time_s[0]):
        return direct
    drive = roads.route(source, int(edge[0]), closed)
    here = (round(need.lon, 6), round(need.lat, 6))
    return Route(travel_s=float(time_s[0]), links=drive.links, points=(*drive.points, here))


def reroute_units(turn: Turn) -> None:
    """Send units round a road that closed ahead of them; free those that can no longer get through."""
    roads = turn.inputs.roads
    if roads is None or not turn.state.closures:
        return
    for unit in list(turn.state.units.values()):
        if not unit.need_id or unit.arrived_at is not None:
            continue
        blocked = _closed_ahead(turn, roads, unit)
        if blocked is None or unit.unit_id not in turn.inputs.units:
            continue
        lon, lat = position_at(unit, turn.now)
        need = turn.state.needs[unit.need_id]
        known = turn.inputs.units[unit.unit_id]
        if np.isfinite(route_between(turn, lon, lat, need, known.kind).travel_s):
            place = Place(known, lon, lat, True)
            _assign(turn, need, place, why=f"sent round link {blocked.link_id}, which closed ahead", cause=blocked)
        else:
            release_unit(turn, unit)


def _closed_ahead(turn: Turn, roads: RoadGraph, unit: UnitNow) -> Closure | None:
    """First link closed to its class of vehicle that a unit has still to enter."""
    gone_s = (turn.now - unit.since).total_seconds()
    known = turn.inputs.units.get(unit.unit_id)
    vehicle = vehicle_class_of_unit(known.kind if known else "").value
    enters_s = 0.0
    for link in unit.links:
        closure = turn.state.closures.get(link)
        if closure is not None and closure.stops(vehicle) and enters_s >= gone_s:
            return closure
        enters_s += float(roads.travel_s[roads.edge(link)])
    return None


def finish_work(turn: Turn) -> None:
    """In rehearsal and replay: let units arrive when their way is done and finish when their time on site is up."""
    if not turn.inputs.simulate_units:
        return
    for unit in list(turn.state.units.values()):
        if unit.need_id and unit.arrived_at is None and unit.arrive_at is not None and unit.arrive_at <= turn.now:
            body = UnitArrived(need_id=unit.need_id, unit_id=unit.unit_id)
            turn.say(f"unit/{unit.unit_id}", body, unit.fact_id)
    for unit in list(turn.state.units.values()):
        if unit.need_id and unit.arrived_at is not None and _done_at(turn.state, turn.inputs, unit) <= turn.now:
            need = turn.state.needs[unit.need_id]
            if need.open and need.served + 1 >= wanted_of(turn.inputs, need):
                turn.say(f"need/{need.need_id}", NeedMet(need_id=need.need_id, unit_id=unit.unit_id), unit.fact_id)
            release_unit(turn, unit)


def release_unit(turn: Turn, unit: UnitNow) -> None:
    """Propose that a unit is free where it is now, or where it left its vehicle when it went on by foot or boat."""
    lon, lat = position_at(unit, turn.now)
    by_foot = turn.inputs.roads is not None and len(unit.route) == len(unit.links) + 2
    if by_foot and unit.arrived_at is not None:
        lon, lat = unit.route[-2]
    body = UnitReleased(unit_id=unit.unit_id, lon=round(lon, 6), lat=round(lat, 6))
    turn.say(f"unit/{unit.unit_id}", body, unit.fact_id)


def _done_at(state: State, inputs: Inputs, unit: UnitNow) -> datetime:
    assert unit.arrived_at is not None
    kind = inputs.rules.need_kinds.get(state.needs[unit.need_id].kind)
    return unit.arrived_at + timedelta(minutes=kind.service_min if kind else 60.0)


def next_force_due(state: State, inputs: Inputs) -> datetime | None:
    """Earliest instant at which a simulated unit arrives or finishes; ``None`` live."""
    if not inputs.simulate_units:
        return None
    instants = [
        unit.arrive_at if unit.arrived_at is None else _done_at(state, inputs, unit)
        for unit in state.units.values()
        if unit.need_id
    ]
    return min((i for i in instants if i is not None), default=None)
