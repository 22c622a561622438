"""Calls for help become needs, flooded roads are closed at once, and units find their way round or say why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyarrow as pa
import pytest
from tests.respond.respond_town import START, World, link_id, place, town_tables

from rencheng import respond
from rencheng.assess.facts import RiskAssessed
from rencheng.city import City
from rencheng.kernel import cell_of
from rencheng.respond import Inputs
from rencheng.respond.orders import CloseRoad, RaiseNeed, ReopenRoad
from rencheng.respond.read import closure_views, need_views, unit_views

UNDERPASS = {link_id((2, 2), (3, 2)), link_id((3, 2), (2, 2))}
MIDDLE = ((place(2, 2)[0] + place(3, 2)[0]) / 2, place(2, 2)[1])


def test_reports_of_one_event_raise_one_need(world: World) -> None:
    world.warn("yellow")
    world.report("person_trapped", 2, 2, event="e1")
    world.now += timedelta(minutes=1)
    world.report("person_trapped", 2, 2, event="e1")
    assert len(world.said("NeedRaised")) == 1


def test_a_call_to_save_life_is_not_lost_in_an_event_that_began_as_water_on_a_road(world: World) -> None:
    world.warn("yellow")
    world.report("water_on_road", 2, 2, event="e1", depth_m=0.2)
    world.report("person_trapped", 2, 2, event="e1")
    assert [n.kind for n in world.said("NeedRaised")] == ["pumping", "rescue"]


def test_a_puddle_raises_no_need(world: World) -> None:
    world.warn("yellow")
    world.report("water_on_road", 2, 2, depth_m=0.05)
    assert world.said("NeedRaised") == []


def test_a_call_without_any_warning_opens_an_incident_of_its_own(world: World) -> None:
    said = world.report("medical", 2, 2)
    names = [type(b).__name__ for b in said]
    assert names[:2] == ["IncidentOpened", "PlanActivated"]
    assert said[0].warning_id == ""
    assert "UnitAssigned" in names


def test_a_unit_goes_arrives_works_and_is_free_where_it_stands(world: World) -> None:
    world.warn("yellow")
    world.report("medical", 2, 4)
    sent = world.said("UnitAssigned")[0]
    assert (sent.unit_id, sent.travel_s, len(sent.links)) == ("ambulance-1", 200.0, 2)
    assert sent.arrive_at == START + timedelta(seconds=200)
    world.now = START + timedelta(seconds=100)
    view = next(u for u in unit_views(world.state, world.inputs, world.now) if u.unit_id == "ambulance-1")
    assert view.state == "on_the_way"
    assert view.lon == pytest.approx(place(1, 4)[0], abs=1e-5), "half way after half the time"
    world.wait(45)
    assert [e.kind for e in world.entries if e.kind in ("UnitArrived", "NeedMet", "UnitReleased")] == [
        "UnitArrived", "NeedMet", "UnitReleased",
    ]  # fmt: skip
    view = next(u for u in unit_views(world.state, world.inputs, world.now) if u.unit_id == "ambulance-1")
    assert (view.state, view.lon, view.lat) == ("free", *place(2, 4))


def test_many_people_call_for_several_units(world: World) -> None:
    world.warn("yellow")
    world.report("person_trapped", 2, 2, people=10)
    assert sorted(a.unit_id for a in world.said("UnitAssigned")) == ["boat-1", "boat-2"]
    assert need_views(world.state, world.inputs)[0].units_wanted == 2
    world.wait(60)
    assert len(world.said("NeedMet")) == 1


def test_more_people_than_units_are_served_in_turns(world: World) -> None:
    world.warn("yellow")
    world.report("person_trapped", 2, 2, people=20)
    world.wait(60 * 3)
    assert len(world.said("UnitAssigned")) == 4
    assert len(world.said("NeedMet")) == 1


def test_who_is_on_the_way_stays_on_the_way_when_a_nearer_call_comes(world: World) -> None:
    world.warn("yellow")
    world.report("medical", 2, 2)
    world.now += timedelta(seconds=20)
    said = world.report("medical", 1, 4)
    assert [a for a in said if type(a).__name__ == "UnitAssigned"] == []
    assert world.said("NeedUnmet")[0].reason == "all_units_busy"
    world.wait(120)
    assert len(world.said("NeedMet")) == 2, "the second call is served when the ambulance is free"


def test_an_unmet_need_is_said_again_only_when_the_reason_changes(world: World) -> None:
    world.warn("yellow")
    world.report("medical", 2, 2)
    world.report("medical", 1, 4)
    for _ in range(3):
        world.turn()
    assert len(world.said("NeedUnmet")) == 1


def test_nobody_can_do_it_is_said_so(world: World) -> None:
    world.warn("yellow")
    lon, lat = place(1, 1)
    world.order(RaiseNeed(kind="fire", lon=lon, lat=lat))
    unmet = world.said("NeedUnmet")[0]
    assert unmet.reason == "no_unit_with_skill"
    assert unmet.detail.zh


def test_water_at_an_underpass_closes_it_both_ways_and_reopens_it_when_gone(world: World) -> None:
    world.water(*MIDDLE, 0.2)
    assert {c.link_id for c in world.said("RoadClosed")} == UNDERPASS
    assert {c.depth_m for c in world.said("RoadClosed")} == {0.2}
    assert all(len(v.line) == 2 for v in closure_views(world.state, world.inputs))
    world.drained()
    assert {c.link_id for c in world.said("RoadReopened")} == UNDERPASS


def test_shallow_water_closes_nothing(world: World) -> None:
    world.water(*MIDDLE, 0.1)
    assert world.said("RoadClosed") == []


def test_an_open_road_closes_from_thirty_centimetres(world: World) -> None:
    lon, lat = (place(0, 0)[0] + place(1, 0)[0]) / 2, place(0, 0)[1]
    world.water(lon, lat, 0.25, "s-low")
    assert world.said("RoadClosed") == []
    world.water(lon, lat, 0.35, "s-high")
    assert {c.link_id for c in world.said("RoadClosed")} == {link_id((0, 0), (1, 0)), link_id((1, 0), (0, 0))}


def test_a_road_two_things_close_opens_when_both_are_gone(world: World) -> None:
    world.water(*MIDDLE, 0.5, "a")
    world.water(*MIDDLE, 0.6, "b")
    world.drained("a")
    assert world.said("RoadReopened") == []
    world.drained("b")
    assert len(world.said("RoadReopened")) == 2


def test_a_reported_block_holds_for_its_hours_and_then_opens(world: World) -> None:
    world.report("road_blocked", 2, 2)
    closed = {c.link_id for c in world.said("RoadClosed")}
    assert closed
    world.wait(5 * 60)
    assert world.said("RoadReopened") == []
    world.wait(2 * 60)
    assert {r.link_id for r in world.said("RoadReopened")} == closed


def test_what_water_closes_no_order_opens(world: World) -> None:
    world.water(*MIDDLE, 0.5)
    assert "stays closed" in world.refused(ReopenRoad(link_id=min(UNDERPASS)))


def test_what_an_order_closes_an_order_opens(world: World) -> None:
    link = link_id((0, 0), (1, 0))
    world.order(CloseRoad(link_id=link, reason="tree"))
    world.turn()
    assert world.said("RoadReopened") == []
    assert "closed already" in world.refused(CloseRoad(link_id=link, reason="again"))
    assert world.order(ReopenRoad(link_id=link))[0].link_id == link


def test_a_unit_is_sent_round_a_road_that_closes_ahead(world: World) -> None:
    world.warn("yellow")
    world.report("person_trapped", 1, 2)
    sent = world.said("UnitAssigned")[0]
    world.now += timedelta(seconds=10)
    said = world.order(CloseRoad(link_id=sent.links[-1], reason="dike"))
    again = next(a for a in said if type(a).__name__ == "UnitAssigned")
    assert again.unit_id == sent.unit_id
    assert sent.links[-1] not in again.links
    assert "closed ahead" in again.why


def test_a_road_already_behind_a_unit_does_not_turn_it_round(world: World) -> None:
    world.warn("yellow")
    world.report("person_trapped", 1, 2)
    sent = world.said("UnitAssigned")[0]
    world.now += timedelta(seconds=150)
    said = world.order(CloseRoad(link_id=sent.links[0], reason="dike"))
    assert [type(a).__name__ for a in said] == ["RoadClosed"]


def test_a_place_that_closed_roads_cut_off_is_told_apart(world: World) -> None:
    world.warn("yellow")
    for a, b in (((3, 4), (4, 4)), ((4, 3), (4, 4))):
        world.order(CloseRoad(link_id=link_id(a, b), reason="flood"))
    world.report("medical", 4, 4)
    unmet = world.said("NeedUnmet")[0]
    assert unmet.reason == "unreachable"
    causes = next(e.cause for e in world.entries if e.kind == "NeedUnmet")
    assert {e.kind for e in world.entries if e.id in causes} == {"NeedRaised", "RoadClosed"}
    world.order(ReopenRoad(link_id=link_id((3, 4), (4, 4))))
    assert world.said("UnitAssigned")


def test_water_around_a_call_does_not_keep_help_away_help_comes_to_its_edge(make_town: Callable[..., City]) -> None:
    tables = town_tables()
    lon, lat = place(1, 3)
    edge = (lon + 0.003, lat)
    tables["road_nodes"].append({"node_id": 100, "lon": edge[0], "lat": edge[1]})
    tables["road_links"] += [
        {
            "link_id": 90000 + k, "from_node": a, "to_node": b, "length_m": 700.0, "road_class": "service",
            "speed_m_s": 10.0,
        }
        for k, (a, b) in enumerate([(21, 100), (100, 21)])
    ]  # fmt: skip
    world = World(Inputs.of(make_town(tables), simulate_units=True))
    world.warn("yellow")
    world.water(lon, lat, 0.6)
    world.report("medical", 1, 3)
    sent = world.said("UnitAssigned")[0]
    assert sent.route[-2:] == ((round(edge[0], 6), round(edge[1], 6)), (lon, lat))
    driven = sum(1000.0 if link < 90000 else 700.0 for link in sent.links) / 10.0
    assert sent.travel_s == pytest.approx(driven + 287, abs=5), "287 m by foot at 1 m/s"
    world.wait(90)
    freed = world.said("UnitReleased")[0]
    assert (freed.lon, freed.lat) == sent.route[-2], "back at its vehicle, it must not be locked in by the water"


def test_a_unit_inside_the_water_does_not_keep_help_from_outside_away(make_town: Callable[..., City]) -> None:
    tables = town_tables()
    lon, lat = place(1, 3)
    edge = (lon + 0.003, lat)
    tables["units"][3] |= {"lon": lon, "lat": lat}  # the pump truck stands where the water came
    tables["road_nodes"].append({"node_id": 100, "lon": edge[0], "lat": edge[1]})
    tables["road_links"] += [
        {
            "link_id": 90000 + k, "from_node": a, "to_node": b, "length_m": 700.0, "road_class": "service",
            "speed_m_s": 10.0,
        }
        for k, (a, b) in enumerate([(21, 100), (100, 21)])
    ]  # fmt: skip
    world = World(Inputs.of(make_town(tables), simulate_units=True))
    world.warn("yellow")
    world.water(lon, lat, 0.6)
    world.report("medical", 1, 3)
    assert [a.unit_id for a in world.said("UnitAssigned")] == ["ambulance-1"]


def test_near_certain_risk_closes_an_underpass_before_the_water_comes(world: World) -> None:
    cell = cell_of(*MIDDLE)
    table = pa.table(
        {
            "cell": pa.array([cell, cell_of(*place(0, 0))], pa.uint64()),
            "lead_h": [0.0, 0.0],
            "probability": [0.9, 0.95],
            "colour": ["red", "orange"],
        }
    )

    class Fields:
        def put(self, table: pa.Table) -> str:
            raise AssertionError(f"response reads fields only, it wrote {len(table)} rows")

        def get(self, field: str) -> pa.Table:
            return table if field == "hot" else table.slice(0, 0)

    world.with_inputs(fields=Fields())

    def risk(field: str) -> RiskAssessed:
        return RiskAssessed(
            assessment_id=field, hazard="waterlogging", model="m", field=field, totals=(), evidence=()
        )  # fmt: skip

    world.hear(risk("hot"))
    assert {c.link_id for c in world.said("RoadClosed")} == UNDERPASS
    world.hear(risk("calm"))
    assert len(world.said("RoadReopened")) == 2


def test_live_units_wait_for_people_to_say_they_arrived(live: World) -> None:
    live.warn("yellow")
    live.report("medical", 2, 2)
    live.wait(600)
    assert live.said("UnitArrived") == []
    assert respond.next_due(live.state, live.inputs) is None
