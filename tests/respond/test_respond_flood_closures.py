"""A forecast of water closes an underpass to those it would stop, dispatch obeys at once, and it opens again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.respond.respond_town import START, World, link_id, town_tables, unit

from rencheng.assess.facts import FloodForecastPublished
from rencheng.assess.flood.objects import OBJECT_SCHEMA, THRESHOLDS_M, exceed_column
from rencheng.city import City
from rencheng.respond import Inputs
from rencheng.respond.flood_closures import ROAD_VEHICLES

UNDER = (link_id((2, 2), (3, 2)), link_id((3, 2), (2, 2)))
PLAIN = link_id((1, 2), (2, 2))


class Fields:
    """Tables by name."""

    def __init__(self) -> None:
        self.tables: dict[str, pa.Table] = {}

    def put(self, table: pa.Table) -> str:
        name = f"table-{len(self.tables)}"
        self.tables[name] = table
        return name

    def get(self, field: str) -> pa.Table:
        return self.tables[field]


def objects(*rows: tuple[int, str, int, float, tuple[float, float, float, float]]) -> pa.Table:
    """Rows of road links: link, class, lead, median depth, exceedance probabilities."""
    plain = [
        {
            "kind": "road_link", "object_id": str(link), "detail": detail, "lead_min": lead, "lon": 114.3, "lat": 30.6,
            "depth_m": depth, "depth_high_m": depth, "people": 0.0,
            **{exceed_column(t): p for t, p in zip(THRESHOLDS_M, prob, strict=True)},
        }
        for link, detail, lead, depth, prob in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(plain, schema=OBJECT_SCHEMA)


def published(objects_field: str, minutes: float = 0.0) -> FloodForecastPublished:
    return FloodForecastPublished(
        forecast_id=f"f-{minutes:g}", model="urban-flood", based_at=START + timedelta(minutes=minutes),
        rain_source="gauges", scheme="local_inertial", members=20, cell_m=20.0, lead_min=(0, 10, 20, 30, 60),
        thresholds_m=THRESHOLDS_M, frames="", objects=objects_field, points="", analysis="", totals=(), places=(),
        weights=tuple(np.full(20, 0.05).tolist()), volume_error_ratio=0.0, evidence=(),
    )  # fmt: skip


@pytest.fixture
def flooded(make_town: Callable[..., City]) -> World:
    """The town with a fire engine beside the ambulance, and a field store."""
    tables = town_tables()
    tables["units"].append(unit("engine-1", "fire_engine", "fire", 2, 2, 6.0))
    tables["units"].append(unit("ambulance-2", "ambulance", "medical", 1, 2, 2.0))
    return World(Inputs.of(make_town(tables), simulate_units=True, fields=Fields()))


def forecast(world: World, table: pa.Table, minutes: float = 0.0) -> None:
    assert isinstance(world.inputs.fields, Fields)
    world.now = max(world.now, START + timedelta(minutes=minutes))
    world.hear(published(world.inputs.fields.put(table), minutes))


def both_ways(lead: int, depth: float, prob: tuple[float, float, float, float]) -> pa.Table:
    return objects(*[(link, "underpass", lead, depth, prob) for link in UNDER])


def test_half_a_metre_stops_an_ambulance_and_not_a_fire_engine(flooded: World) -> None:
    forecast(flooded, both_ways(20, 0.5, (0.9, 0.8, 0.2, 0.0)))
    closed = flooded.said("RoadClosed")
    assert {c.link_id for c in closed} == set(UNDER)
    assert {"car", "ambulance", "bus"} <= set(closed[0].closed_to)
    assert not {"fire_engine", "pump_truck"} & set(closed[0].closed_to)
    assert closed[0].reason == "flood/f-0"
    assert closed[0].depth_m == 0.5


def test_water_over_everybody_closes_to_all(flooded: World) -> None:
    forecast(flooded, both_ways(20, 2.0, (1.0, 1.0, 0.9, 0.8)))
    assert {c.closed_to for c in flooded.said("RoadClosed")} == {()}
    assert flooded.state.closed_to("pump_truck") == tuple(sorted(UNDER))


def test_the_ambulance_goes_round_what_the_fire_engine_drives_through(flooded: World) -> None:
    flooded.warn("yellow")
    forecast(flooded, both_ways(10, 0.5, (0.9, 0.8, 0.2, 0.0)))
    flooded.report("medical", 3, 2)
    sent = flooded.said("UnitAssigned")[0]
    assert sent.unit_id == "ambulance-2"
    assert not set(sent.links) & set(UNDER)
    assert flooded.state.closed_to("fire_engine") == ()


def test_a_unit_on_its_way_is_sent_round_when_the_forecast_comes(flooded: World) -> None:
    flooded.warn("yellow")
    flooded.report("medical", 4, 2)
    first = flooded.said("UnitAssigned")[0]
    assert set(first.links) & set(UNDER)
    flooded.now += timedelta(seconds=5)
    forecast(flooded, both_ways(10, 0.5, (0.9, 0.8, 0.2, 0.0)))
    again = flooded.said("UnitAssigned")[-1]
    assert again.unit_id == first.unit_id
    assert not set(again.links) & set(UNDER)


def test_a_street_needs_more_certainty_and_less_time_than_an_underpass(flooded: World) -> None:
    forecast(flooded, objects((PLAIN, "secondary", 20, 0.4, (0.9, 0.4, 0.3, 0.0))))
    assert flooded.said("RoadClosed") == []
    forecast(flooded, objects((PLAIN, "secondary", 60, 0.8, (1.0, 0.9, 0.7, 0.0))), 1)
    assert flooded.said("RoadClosed") == [], "an hour ahead is early for a street"
    forecast(flooded, objects((PLAIN, "secondary", 30, 0.8, (1.0, 0.9, 0.7, 0.0))), 2)
    assert [c.link_id for c in flooded.said("RoadClosed")] == [PLAIN]


def test_it_opens_when_the_forecast_is_well_below_what_closed_it(flooded: World) -> None:
    forecast(flooded, both_ways(20, 0.5, (0.9, 0.8, 0.2, 0.0)))
    flooded.now += timedelta(minutes=10)
    forecast(flooded, both_ways(10, 0.35, (0.6, 0.3, 0.1, 0.0)), 10)
    assert flooded.said("RoadReopened") == [], "a little less is no all-clear"
    flooded.now += timedelta(minutes=10)
    forecast(flooded, both_ways(10, 0.1, (0.2, 0.1, 0.0, 0.0)), 20)
    assert {r.link_id for r in flooded.said("RoadReopened")} == set(UNDER)


def test_a_forecast_nobody_renewed_closes_nothing_for_ever(flooded: World) -> None:
    forecast(flooded, both_ways(20, 0.5, (0.9, 0.8, 0.2, 0.0)))
    flooded.wait(60)
    assert {r.link_id for r in flooded.said("RoadReopened")} == set(UNDER)


def test_water_that_is_seen_closes_to_all_what_was_closed_to_some(flooded: World) -> None:
    forecast(flooded, both_ways(20, 0.5, (0.9, 0.8, 0.2, 0.0)))
    middle = (114.3 + 2.5 * 0.0105, 30.6 + 2 * 0.009)
    flooded.water(*middle, 0.4)
    last = {c.link_id: c for c in flooded.said("RoadClosed")}
    assert all(last[link].closed_to == () for link in UNDER)
    assert all(last[link].reason.startswith("signal/") for link in UNDER)


def test_every_class_but_the_boat_is_judged() -> None:
    assert "rescue_boat" not in ROAD_VEHICLES
    assert len(ROAD_VEHICLES) == 7


def test_a_flood_prone_point_closes_its_road_at_the_depth_that_the_city_states(
    make_town: Callable[..., City],
) -> None:
    """A register that says 20 cm closes to traffic before a car would stall; a fire engine still passes."""
    tables = town_tables()
    point = {"point_id": "p1", "name": "下穿", "kind": "underpass", "lon": 114.3, "lat": 30.6, "status": "planned"}
    tables["flood_prone_points"] = [{**point, "link_id": UNDER[0], "warning_m": 0.15, "closure_m": 0.20}]
    stated = World(Inputs.of(make_town(tables), simulate_units=True, fields=Fields()))
    forecast(stated, both_ways(20, 0.2, (1.0, 0.2, 0.0, 0.0)))
    closed = stated.said("RoadClosed")
    assert {c.link_id for c in closed} == set(UNDER), "both directions"
    assert set(closed[0].closed_to) == {"car", "large_car", "four_wheel_drive", "bus"}


def test_a_point_that_states_no_closure_depth_changes_nothing(make_town: Callable[..., City]) -> None:
    tables = town_tables()
    point = {"point_id": "p1", "name": "下穿", "kind": "underpass", "lon": 114.3, "lat": 30.6, "status": "planned"}
    tables["flood_prone_points"] = [{**point, "link_id": UNDER[0]}]
    listed = World(Inputs.of(make_town(tables), simulate_units=True, fields=Fields()))
    forecast(listed, both_ways(20, 0.2, (1.0, 0.2, 0.0, 0.0)))
    assert "four_wheel_drive" not in {v for c in listed.said("RoadClosed") for v in c.closed_to}
