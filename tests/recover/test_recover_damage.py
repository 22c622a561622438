"""Damage and relief against sums that a reader can do by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recover.recover_city import CELLS, risk_rows, slope_city

from rencheng.adapters.memory import MemoryFieldStore
from rencheng.city import City
from rencheng.recover import Relief, Water, damage, deepest_water, read_relief, relief_gaps
from rencheng.recover.damage import _curve_of, _curves
from rencheng.science.fragility import loss_ratio

FLOOD, STREET = "river_flood", "waterlogging"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return slope_city(tmp_path_factory.mktemp("slope"))


def water(*rows: tuple[int, float, float], at_lowest: bool = False) -> Water:
    """Water of (cell, depth, share)."""
    ordered = sorted(rows)
    return Water(
        cell=np.array([r[0] for r in ordered], dtype=np.uint64),
        depth_m=np.array([r[1] for r in ordered], dtype=np.float64),
        share_ratio=np.array([r[2] for r in ordered], dtype=np.float64),
        at_lowest=at_lowest,
    )


def test_a_one_storey_house_in_a_metre_of_water_loses_what_hazus_says(city: City) -> None:
    """Hazus curve 105 gives 28 % at 3 ft and 30 % at 4 ft: 28.6 % at 1 m. A wrong row or unit shows at once."""
    done = damage(city, water((CELLS[1], 1.0, 1.0)))
    row = done.buildings.to_pylist()[0]
    expected = 0.28 + (0.30 - 0.28) * (1.0 - 0.9144) / 0.3048
    assert row["building_id"] == "house-99"
    assert row["depth_m"] == pytest.approx(1.0)
    assert row["loss_ratio"] == pytest.approx(expected, abs=1e-9)
    assert row["state"] == "moderate"
    assert done.loss_cny == pytest.approx(expected * 1e6)
    assert done.residents_affected == pytest.approx(4.0)
    assert done.cells.to_pylist() == [
        {
            "cell": CELLS[1],
            "depth_m": 1.0,
            "loss_cny": pytest.approx(expected * 1e6),
            "buildings": 1,
            "residents": pytest.approx(4.0),
        }
    ]


def test_river_water_takes_the_lowest_houses_of_its_share(city: City) -> None:
    """Half of a cell under 1 m in the mean: the five lowest houses (2 … 4 m) under a surface at 3 + 1 = 4 m."""
    done = damage(city, water((CELLS[0], 1.0, 0.5)))
    depths = {row["building_id"]: row["depth_m"] for row in done.buildings.to_pylist()}
    assert depths == pytest.approx({"house-0": 2.0, "house-1": 1.5, "house-2": 1.0, "house-3": 0.5})


def test_street_water_takes_the_lowest_tenth(city: City) -> None:
    """Water on the lowest street must not drown the houses up the slope."""
    done = damage(city, water((CELLS[0], 1.5, 0.1), at_lowest=True))
    assert [(row["building_id"], row["depth_m"]) for row in done.buildings.to_pylist()] == [("house-0", 1.5)]


def test_no_water_is_no_damage(city: City) -> None:
    """An incident whose water never came must close with zero, not fail."""
    done = damage(city, water())
    assert (done.buildings_damaged, done.residents_affected, done.loss_cny) == (0, 0.0, 0.0)
    assert done.cells.num_rows == done.buildings.num_rows == 0


def test_a_city_without_buildings_gets_exposure_and_is_told_so(tmp_path: Path) -> None:
    """Half a cell of 100 residents under water is 50 people; the loss is unknown and not zero."""
    done = damage(slope_city(tmp_path, buildings=False), water((CELLS[0], 1.0, 0.5)))
    assert done.loss_cny is None
    assert done.residents_affected == pytest.approx(50.0)
    assert "exposure only" in done.method


def test_unknown_ground_counts_with_the_flooded_share(tmp_path: Path) -> None:
    """Ten houses of unknown ground, half of the cell 1 m under: half of ten times the loss of one."""
    done = damage(slope_city(tmp_path, without=("ground_m",)), water((CELLS[0], 1.0, 0.5)))
    one = 0.28 + (0.30 - 0.28) * (1.0 - 0.9144) / 0.3048
    assert done.loss_cny == pytest.approx(5 * one * 1e6)
    assert done.buildings_damaged == 5
    assert done.residents_affected == pytest.approx(20.0)
    assert "not known" in done.method


def test_houses_without_a_value_have_no_loss_in_money(tmp_path: Path) -> None:
    """Zero yuan would read as no loss; the number of damaged houses is still known."""
    done = damage(slope_city(tmp_path, without=("value_cny",)), water((CELLS[1], 1.0, 1.0)))
    assert done.loss_cny is None
    assert done.buildings_damaged == 1
    assert "no values" in done.method


def test_people_come_from_the_cells_where_houses_do_not_know_theirs(tmp_path: Path) -> None:
    """A package without residents by building must not report that nobody was affected."""
    done = damage(slope_city(tmp_path, without=("residents",)), water((CELLS[0], 1.0, 0.5)))
    assert done.residents_affected == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("occupancy", "storeys", "same_as"),
    [("RES3C", 6, ("RES3", 6)), ("RES1", 0, ("RES1", 1)), ("SHED9", 1, ("COM1", 1)), ("RES1", 40, ("RES1", 3))],
)
def test_a_class_without_its_own_curve_falls_back(occupancy: str, storeys: int, same_as: tuple[str, int]) -> None:
    """An unlisted class or a missing storey count must not take a building out of the loss."""
    assert _curve_of(occupancy, storeys) == _curve_of(*same_as)


def test_curves_never_fall_as_water_rises() -> None:
    """A house that loses less in deeper water would put relief in the wrong street."""
    curves = _curves()
    assert np.all(np.diff(curves.ratio, axis=1) >= 0.0)
    assert np.all((curves.ratio >= 0.0) & (curves.ratio <= 1.0))
    assert np.all(np.diff(curves.depth_m) > 0.0)


@given(depth=st.lists(st.floats(-3.0, 12.0), min_size=2, max_size=20), row=st.integers(0, 29))
def test_loss_rises_with_depth_on_every_curve(depth: list[float], row: int) -> None:
    """Between the points of a curve too."""
    curves = _curves()
    ordered = np.array(sorted(depth))
    ratio = loss_ratio(ordered, np.full(len(ordered), row), curves.depth_m, curves.ratio)
    assert np.all(np.diff(ratio) >= -1e-12)


def test_only_the_present_and_the_own_cells_are_read() -> None:
    """A forecast of water that never came, or another incident's water, is no damage of this one."""
    fields = MemoryFieldStore()
    table = risk_rows([(CELLS[0], 0.0, 0.4, 1.0), (CELLS[0], 6.0, 1.0, 9.0), (CELLS[1], 0.0, 1.0, 2.0)])
    found = deepest_water(FLOOD, [fields.put(table)], fields, within=np.array(CELLS[:1], dtype=np.uint64))
    assert found.cell.tolist() == CELLS[:1]
    assert (found.depth_m.tolist(), found.share_ratio.tolist()) == ([1.0], [0.4])


def test_the_deepest_hour_counts_and_unlikely_street_water_does_not() -> None:
    """The water has fallen when damage is assessed; what it was at its height is what did the damage."""
    fields = MemoryFieldStore()
    names = [
        fields.put(risk_rows([(CELLS[0], 0.0, 0.9, depth), (CELLS[1], 0.0, 0.49, 3.0)])) for depth in (0.3, 0.8, 0.2)
    ]
    found = deepest_water(STREET, names, fields, within=np.array(CELLS, dtype=np.uint64))
    assert found.cell.tolist() == CELLS[:1]
    assert found.depth_m.tolist() == [0.8]
    assert found.at_lowest


def test_no_table_is_no_water() -> None:
    """An incident that opened before any assessment has nothing to read, and says so without failing."""
    found = deepest_water(STREET, [], MemoryFieldStore(), within=np.array(CELLS, dtype=np.uint64))
    assert len(found.cell) == 0


def test_relief_gap_is_need_less_the_share_of_the_stock(tmp_path: Path) -> None:
    """40 people need 360 l of water for three days; 100 l are in stock."""
    stock = [{"stock_id": "s", "item": "water", "quantity": 100.0, "unit": "l", "lon": 121.0, "lat": 31.0}]
    city = slope_city(tmp_path, stocks=stock)
    gaps = {gap.item: gap for gap in relief_gaps(city, {CELLS[0]: 30.0, CELLS[1]: 10.0}, read_relief())}
    assert gaps["water"].area_id == "slope"
    assert gaps["water"].needed == pytest.approx(360.0)
    assert gaps["water"].available == pytest.approx(100.0)
    assert gaps["tent"].needed == pytest.approx(8.0)
    assert gaps["tent"].available == 0.0


def test_no_gap_where_the_stock_is_enough_or_nobody_is_affected(city: City, tmp_path: Path) -> None:
    """A list of gaps that are none would send trucks for nothing."""
    stock = [{"stock_id": "s", "item": i, "quantity": 1e4, "unit": "x", "lon": 121.0, "lat": 31.0} for i in _items()]
    assert relief_gaps(slope_city(tmp_path, stocks=stock), {CELLS[0]: 40.0}, read_relief()) == ()
    assert relief_gaps(city, {}, read_relief()) == ()
    assert relief_gaps(city, {CELLS[0]: 0.0}, read_relief()) == ()


def _items() -> list[str]:
    relief: Relief = read_relief()
    return list(relief.items)
