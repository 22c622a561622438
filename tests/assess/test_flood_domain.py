"""A city as ground for water: what stands, what is low, what drains, and terrain that cannot be right."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.ndimage import minimum_filter

from rencheng.assess.flood.domain import BLOCK_M, FloodDomain, flood_domain
from rencheng.assess.flood.drains import drain_sinks, tank_exchange
from rencheng.assess.flood.ground import flood_grid, ground_on
from rencheng.assess.flood.street_drainage import inlet_capacity
from rencheng.city import City, read_city
from rencheng.kernel import InvalidInput, MissingData
from rencheng.science.flood import Surface


@pytest.fixture(scope="module")
def city(sandbox_city: Path) -> City:
    return read_city(sandbox_city)


@pytest.fixture(scope="module")
def domain(city: City) -> FloodDomain:
    return flood_domain(city, cell_m=20.0)


def with_terrain(sandbox: Path, change: Callable[[np.ndarray], np.ndarray]) -> City:
    """The city with other ground heights."""
    city = read_city(sandbox)
    vars(city)["terrain"] = replace(city.terrain, ground_m=change(city.terrain.ground_m.copy()).astype(np.float32))
    return city


def without(sandbox: Path, folder: Path, *files: str) -> City:
    """The city without some of its files."""
    shutil.copytree(sandbox, folder)
    for name in files:
        (folder / name).unlink()
    return read_city(folder)


def test_the_same_city_is_laid_out_to_the_same_bytes(city: City, domain: FloodDomain) -> None:
    again = flood_domain(read_city(city.path), cell_m=20.0)
    for name in ("bed_m", "manning", "active", "water", "blocked", "drain_mm_h", "sensor_places"):
        assert getattr(domain, name).tobytes() == getattr(again, name).tobytes(), name
    assert pickle.loads(pickle.dumps(domain)).grid == domain.grid, "a worker process must be able to take it"


def test_buildings_stand_out_and_streets_lie_below(city: City) -> None:
    fine = flood_domain(city, cell_m=5.0)
    plain = ground_on(city.terrain, fine.grid)
    assert fine.blocked.any()
    np.testing.assert_allclose((fine.bed_m - plain)[fine.blocked], BLOCK_M, atol=0.3)
    street = (fine.cover.road > 0.99) & ~fine.water
    assert np.median((fine.bed_m - plain)[street]) == pytest.approx(-0.15, abs=0.01)


def test_shares_of_the_ground_come_to_the_footprints_and_waters(city: City, domain: FloodDomain) -> None:
    footprint = float(np.nansum(city.column("buildings", "footprint_m2")))
    assert float(domain.cover.building.sum()) * 400.0 == pytest.approx(footprint, rel=0.03)
    assert 0.01 < domain.water.mean() < 0.2
    assert (domain.manning[domain.water] == np.float32(0.03)).all()
    assert domain.manning.min() >= 0.02
    assert domain.manning.max() <= 0.05


def test_every_underpass_is_one_tank_with_the_volume_of_its_hole(city: City, domain: FloodDomain) -> None:
    table = city.table("road_links")
    under = table.filter(table["underpass"])
    pairs = {tuple(sorted(p)) for p in zip(under["from_node"].to_pylist(), under["to_node"].to_pylist(), strict=True)}
    assert 0 < len(domain.tanks) <= len(pairs)
    assert (domain.tanks.depth_m[:, -1] > 3.0).all()
    assert (domain.tanks.volume_m3[:, -1] > 500.0).all()
    assert (np.diff(domain.tanks.volume_m3, axis=1) > 0).all()
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    pit = minimum_filter(domain.bed_m, footprint=ring, mode="nearest") - domain.bed_m
    assert pit[~domain.water].max() < 1.5, "no hole is left that would set the time step of the whole city"


def test_an_underpass_that_the_terrain_does_not_show_is_still_there(sandbox_city: Path) -> None:
    flat = with_terrain(sandbox_city, lambda ground: np.full_like(ground, 50.0))
    tanks = flood_domain(flat, cell_m=20.0).tanks
    assert len(tanks) > 0
    np.testing.assert_allclose(tanks.depth_m[:, -1], 4.0)


def test_sensors_look_at_streets_or_into_their_underpass(city: City, domain: FloodDomain) -> None:
    wanted = [s["sensor_id"] for s in city.rows("sensors") if s["kind"] == "street_depth"]
    assert list(domain.sensor_ids) == wanted
    assert not domain.blocked.ravel()[domain.sensor_places].any()
    assert not domain.water.ravel()[domain.sensor_places].any()
    assert np.isin(domain.sensor_places, domain.tanks.places).any()


def test_drains_hold_what_the_sewers_can_take(city: City, domain: FloodDomain) -> None:
    inlets = inlet_capacity(city)
    assert inlets is not None
    drained = float(domain.drain_mm_h.sum()) * domain.grid.cell_m**2 / 3.6e6
    assert drained == pytest.approx(float(inlets.capacity_m3_s.sum()), rel=0.02)
    assert domain.drained_by == "network"
    pipes = {r["from_node"]: r["capacity"] for r in city.rows("network_links") if r["network"] == "drainage"}
    assert inlets.capacity_m3_s.max() <= max(c for n, c in pipes.items() if "inlet" in n)


def test_without_sewers_the_design_rule_drains_what_is_built(sandbox_city: Path, tmp_path: Path) -> None:
    bare = without(sandbox_city, tmp_path / "city", "network_nodes.parquet", "network_links.parquet")
    domain = flood_domain(bare, cell_m=20.0)
    assert domain.drained_by == "design"
    built = (domain.cover.building + domain.cover.road > 0.9) & ~domain.water
    built.reshape(-1)[domain.tanks.places] = False
    assert 30.0 < np.median(domain.drain_mm_h[built]) < 120.0
    assert flood_domain(bare, cell_m=20.0, drainage=False).drain_mm_h.max() == 0.0


def test_a_city_of_points_gets_building_shares_from_their_areas(sandbox_city: Path, tmp_path: Path) -> None:
    folder = tmp_path / "city"
    shutil.copytree(sandbox_city, folder)
    table = pq.read_table(folder / "buildings.parquet").drop_columns(["geometry"])
    pq.write_table(table, folder / "buildings.parquet")
    domain = flood_domain(read_city(folder), cell_m=20.0)
    assert float(domain.cover.building.sum()) * 400.0 == pytest.approx(
        float(pa.compute.sum(table["footprint_m2"]).as_py()), rel=0.25
    )


def test_a_small_hole_is_filled_and_told_a_large_one_refused_by_its_cell(sandbox_city: Path) -> None:
    def small(ground: np.ndarray) -> np.ndarray:
        ground[100:103, 120:124] = np.nan
        return ground

    mended = flood_domain(with_terrain(sandbox_city, small), cell_m=20.0)
    assert mended.active.all()
    assert "12 cells" in mended.repairs[0]
    assert "row 100, column 120" in mended.repairs[0]
    whole = flood_domain(read_city(sandbox_city), cell_m=20.0)
    assert np.abs(mended.bed_m - whole.bed_m).max() < 1.0

    def large(ground: np.ndarray) -> np.ndarray:
        ground[60:100, 70:110] = np.nan
        return ground

    with pytest.raises(InvalidInput, match="row 60, column 70"):
        flood_domain(with_terrain(sandbox_city, large), cell_m=20.0)


def test_unknown_ground_at_the_rim_is_outside_the_city(sandbox_city: Path) -> None:
    def cut(ground: np.ndarray) -> np.ndarray:
        ground[:, :20] = np.nan
        return ground

    domain = flood_domain(with_terrain(sandbox_city, cut), cell_m=20.0)
    assert not domain.active[:, :10].any()
    assert domain.active[:, 10:].all()
    assert np.isfinite(domain.bed_m).all()
    assert not drain_sinks(domain).rate_m_s[np.isin(drain_sinks(domain).places, np.flatnonzero(~domain.active))].any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda g: g * 3.2808, "feet"),
        (lambda g: g * 100.0, "centimetres|no ground in metres"),
        (lambda g: np.where(np.arange(g.size).reshape(g.shape) == 5000, -9999.0, g), "no ground in metres"),
        (lambda g: np.where(np.arange(g.size).reshape(g.shape) == 5000, np.inf, g), "infinite"),
        (lambda g: np.full_like(g, np.nan), "no height is known"),
    ],
)
def test_heights_that_are_no_metres_are_refused(
    sandbox_city: Path, change: Callable[[np.ndarray], np.ndarray], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        flood_domain(with_terrain(sandbox_city, change), cell_m=20.0)


def test_a_spike_is_levelled_and_told(sandbox_city: Path) -> None:
    def spike(ground: np.ndarray) -> np.ndarray:
        ground[40, 50] -= 60.0
        ground[80, 90] += 60.0
        return ground

    repairs = flood_domain(with_terrain(sandbox_city, spike), cell_m=20.0).repairs
    assert any("pits" in r and "row 40, column 50" in r for r in repairs)
    assert any("peaks" in r and "row 80, column 90" in r for r in repairs)


def test_a_river_over_its_banks_is_another_command_s_business(city: City) -> None:
    domain = flood_domain(city, cell_m=20.0)
    banks = float(np.median(domain.bed_m[domain.water])) + 1.0
    raised = flood_domain(city, cell_m=20.0, water_level_m=banks)
    assert (raised.bed_m[domain.water] >= banks - 1e-9).all()
    with pytest.raises(InvalidInput, match="flood extent"):
        flood_domain(city, cell_m=20.0, water_level_m=float(domain.bed_m.max()))


def test_cells_of_no_use_and_cities_without_ground_are_refused(city: City, sandbox_city: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cell_m"):
        flood_grid(city, 0.1)
    with pytest.raises(InvalidInput, match="cell_m"):
        flood_grid(city, 5000.0)
    with pytest.raises(MissingData, match="terrain"):
        flood_domain(without(sandbox_city, tmp_path / "city", "terrain.tif"), cell_m=20.0)


def surface_of(domain: FloodDomain, depth: np.ndarray) -> Surface:
    still = np.zeros_like(depth)
    return Surface(
        bed_m=domain.bed_m, depth_m=depth, velocity_x_m_s=still, velocity_y_m_s=still, cell_m=domain.grid.cell_m
    )


def test_a_tank_takes_what_there_is_room_for_and_its_pumps_lift_the_rest(domain: FloodDomain) -> None:
    tanks = tank_exchange(domain, ratio=0.5)
    full = domain.tanks.volume_m3[:, -1]
    depth = np.full(domain.bed_m.shape, 100.0)
    asked = tanks.exchange(10.0, 10.0, surface_of(domain, depth))
    np.testing.assert_allclose(asked.volume_m3, np.minimum(full, 100.0 * 400.0))
    tanks.moved(asked.volume_m3)
    np.testing.assert_allclose(tanks.depths_at(np.array([10.0]))[0], domain.tanks.depth_m[:, -1])
    before = tanks.volume_m3.copy()
    tanks.exchange(110.0, 100.0, surface_of(domain, np.zeros_like(depth)))
    tanks.moved(np.zeros(len(full)))
    np.testing.assert_allclose(before, tanks.volume_m3 + tanks.lifted_m3, rtol=1e-12)
    assert (tanks.lifted_m3 > 0).all()


def test_sinks_never_take_more_than_stands_there(domain: FloodDomain) -> None:
    sinks = drain_sinks(domain)
    depth = np.full(domain.bed_m.shape, 0.002)
    taken = sinks.absorb(depth, 0.0, 5.0)
    assert depth.min() >= 0.0
    assert taken == pytest.approx(0.002 * depth.size - depth.sum(), rel=1e-9)
    assert (depth[domain.water & domain.active] == 0.0).all(), "rivers take whatever reaches them"
    assert sinks.taken_mm.sum() == pytest.approx(taken * 1000.0, rel=1e-5)
