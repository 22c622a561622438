"""The demand map of a forecast: what a depot has to load before the water is there (RES-29)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.respond.respond_town import World, link_id, place, town_tables
from tests.respond.test_respond_flood_closures import Fields, objects, published

from rencheng.assess.facts import FloodAdviceGiven, FloodOption
from rencheng.assess.flood.objects import OBJECT_SCHEMA, THRESHOLDS_M, exceed_column
from rencheng.city import City
from rencheng.kernel import InvalidConfig, cell_of
from rencheng.respond import Inputs
from rencheng.respond.flood_needs import demand_table
from rencheng.respond.orders import AcceptFloodAdvice
from rencheng.respond.rules import read_rules
from rencheng.science.flood.demand import building_demand, sandbags_per_m


def house(number: int, residents: float, storeys: int) -> dict[str, Any]:
    lon, lat = place(1, 1)
    return {
        "building_id": f"house-{number}", "use": "residential", "residents": residents, "storeys": storeys,
        "lon": lon, "lat": lat, "cell": cell_of(lon, lat),
    }  # fmt: skip


def walls(*rows: tuple[str, int, float, float]) -> pa.Table:
    plain = [
        {
            "kind": "building", "object_id": name, "detail": "residential", "lead_min": lead, "lon": 0.0, "lat": 0.0,
            "depth_m": depth, "depth_high_m": depth, "people": 0.0, **{exceed_column(t): prob for t in THRESHOLDS_M},
        }
        for name, lead, depth, prob in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(plain, schema=OBJECT_SCHEMA)


@pytest.fixture
def homes(make_town: Callable[..., City]) -> World:
    tables = town_tables()
    tables["buildings"] = [house(1, 40.0, 4), house(2, 40.0, 4), house(3, 60.0, 1)]
    tables["stocks"] = [
        {"stock_id": "s", "item": "sandbag", "quantity": 50.0, "unit": "bag", "lon": 114.3, "lat": 30.6}
    ]
    return World(Inputs.of(make_town(tables), simulate_units=True, fields=Fields()))


def hear(world: World, *tables: pa.Table) -> None:
    assert isinstance(world.inputs.fields, Fields)
    world.hear(published(world.inputs.fields.put(pa.concat_tables(tables))))


def test_bags_per_metre_are_those_of_the_corps_tables() -> None:
    per_100_ft = sandbags_per_m(np.array([1.0, 2.0, 3.0]) * 0.3048) * 30.48
    np.testing.assert_allclose(per_100_ft, [600.0, 2100.0, 4500.0], rtol=1e-9)


def test_shallow_water_asks_for_bags_deep_water_for_beds_and_boats(homes: World) -> None:
    hear(homes, walls(("house-1", 30, 0.3, 0.9), ("house-2", 30, 0.8, 0.9), ("house-3", 60, 1.5, 0.9)))
    mapped = homes.said("FloodNeedsMapped")[0]
    bags = float(np.ceil(2.0 * sandbags_per_m(np.array(0.45))))
    assert mapped.wanted == {"boat": 3.0, "sandbag": bags, "shelter_place": np.ceil(0.15 * (10.0 + 60.0))}
    assert mapped.short["sandbag"] == bags - 50.0
    assert mapped.stock["boat"] == 2.0
    assert mapped.short["boat"] == 1.0


def test_both_directions_of_an_underpass_ask_for_one_set_of_pumps(homes: World) -> None:
    under = [
        (link_id(a, b), "underpass", 20, 4.0, (1.0, 1.0, 1.0, 1.0)) for a, b in (((2, 2), (3, 2)), ((3, 2), (2, 2)))
    ]
    hear(homes, objects(*under))
    assert homes.said("FloodNeedsMapped")[0].wanted == {"pump": 2.0}


def test_unlikely_water_asks_for_nothing_and_the_same_demand_is_said_once(homes: World) -> None:
    hear(homes, walls(("house-1", 30, 0.3, 0.4)))
    assert homes.said("FloodNeedsMapped") == []
    hear(homes, walls(("house-1", 30, 0.3, 0.9)))
    hear(homes, walls(("house-1", 40, 0.3, 0.8)))
    assert len(homes.said("FloodNeedsMapped")) == 1


def test_the_map_adds_up_to_its_totals(homes: World) -> None:
    hear(homes, walls(("house-1", 30, 0.3, 0.9), ("house-2", 30, 0.5, 0.9)))
    mapped = homes.said("FloodNeedsMapped")[0]
    assert isinstance(homes.inputs.fields, Fields)
    table = homes.inputs.fields.get(mapped.field)
    assert set(table["cell"].to_pylist()) == {cell_of(*place(1, 1))}
    assert float(np.ceil(sum(table["quantity"].to_pylist()))) == mapped.wanted["sandbag"]


def test_a_hundred_thousand_buildings_are_mapped_in_seconds(make_town: Callable[..., City]) -> None:
    """RES-29 allows 30 s; this holds the order of magnitude, the benchmark the figure."""
    count = 100_000
    tables = town_tables()
    tables["buildings"] = [house(k, 20.0, 3) for k in range(count)]
    inputs = Inputs.of(make_town(tables), fields=Fields())
    rows = walls(("house-0", 0, 0.3, 0.9)).to_pylist()[0]
    table = pa.table(
        {
            f.name: pa.array([f"house-{k}" for k in range(count)])
            if f.name == "object_id"
            else pa.repeat(pa.scalar(rows[f.name], f.type), count)
            for f in OBJECT_SCHEMA
        }
    ).cast(OBJECT_SCHEMA)
    begun = time.perf_counter()
    mapped = demand_table(inputs, table)
    assert time.perf_counter() - begun < 30.0
    assert mapped["quantity"][0].as_py() == pytest.approx(count * 2.0 * float(sandbags_per_m(np.array(0.45))), rel=1e-6)


def test_a_rate_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "respond"
    folder.mkdir(parents=True)
    (folder / "flood_needs.yaml").write_text("source: own\nmin_prob: 0.5\nrates: {doorway_m: 2.0}\n", encoding="utf-8")
    with pytest.raises(InvalidConfig, match="boat_from_m"):
        read_rules(tmp_path)


def test_demand_never_falls_as_water_rises_but_for_bags_that_no_longer_help() -> None:
    rates = read_rules().flood_needs.demand
    depth = np.linspace(0.0, 3.0, 61)
    demand = building_demand(depth, np.full(61, 30.0), np.full(61, 3.0), rates)
    assert (np.diff(demand["shelter_place"]) >= 0).all()
    assert (np.diff(demand["boat"]) >= 0).all()
    worth = depth <= rates.sandbag_to_m
    assert (np.diff(demand["sandbag"][worth]) >= 0).all()
    assert demand["sandbag"][~worth].max() == 0.0


def test_advice_moves_nothing_until_somebody_takes_it_up(homes: World) -> None:
    lon, lat = place(2, 2)
    option = FloodOption(
        option_id="o-1", kind="mobile_pump", detail="underpass 1", lon=lon, lat=lat, avoided_residents=3.0,
        avoided_underpasses=1, avoided_area_km2=0.01, lowered_m=0.4,
    )  # fmt: skip
    homes.warn("yellow")
    homes.hear(FloodAdviceGiven(advice_id="a", forecast_id="f", options=(option,)))
    assert homes.said("NeedRaised") == []
    homes.order(AcceptFloodAdvice(option_id="o-1"))
    assert [n.kind for n in homes.said("NeedRaised")] == ["pumping"]
    assert [a.unit_id for a in homes.said("UnitAssigned")] == ["pump-1"]
    assert "accepted" in homes.refused(AcceptFloodAdvice(option_id="o-1"))
    assert "o-1" in homes.refused(AcceptFloodAdvice(option_id="o-2"))
