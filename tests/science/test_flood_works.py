"""Walls, culverts, bridges, breaches, pumps in a running flood: water must go where they let it, and none be lost."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.flood import FloodResult, simulate
from rencheng.science.flood.breach import BreachGrowth
from rencheng.science.flood.buildings import building_blocks, building_resistance, building_sills, dig_underpass
from rencheng.science.flood.culvert import Culvert, culvert_discharge_m3_s
from rencheng.science.flood.pump_stations import OUTSIDE, PumpStation, PumpStations
from rencheng.science.flood.pumps import PumpCurve
from rencheng.science.flood.structures import (
    PairedFlow,
    breach_in_wall,
    bridge_over_faces,
    culvert_between,
    gate_between,
    weir_over_faces,
)
from rencheng.science.flood.walls import Faces, faces_along, wall_crests

SHAPE = (8, 20)
CELL_M = 5.0
BED = np.zeros(SHAPE)
LEFT = np.where(np.arange(20) < 10, 2.0, 0.0) * np.ones(SHAPE)
"""Two metres of water west of the middle, dry ground east of it."""


def middle() -> Faces:
    return faces_along([50.0, 50.0], [40.0, 0.0], SHAPE, cell_m=CELL_M)


def shut(crest_m: float = 50.0) -> tuple[np.ndarray, np.ndarray]:
    return wall_crests([(middle(), crest_m)], SHAPE)


def cell(row: int, column: int) -> int:
    return row * SHAPE[1] + column


def run(*works: object, depth: np.ndarray = LEFT, seconds: float = 600.0, bed: np.ndarray = BED) -> FloodResult:
    return simulate(bed, CELL_M, seconds, depth_m=depth, exchanges=works, walls=shut())  # type: ignore[arg-type]


def east_m3(result: FloodResult) -> float:
    return float(result.depth_m[:, 10:].sum()) * CELL_M**2


def test_a_wall_holds_and_loses_nothing() -> None:
    result = run()
    assert east_m3(result) == 0.0
    assert abs(result.volume_error_ratio) < 1e-12


@settings(deadline=None, max_examples=60)
@given(
    x=st.lists(st.floats(0.0, 100.0), min_size=2, max_size=6), y=st.lists(st.floats(0.0, 40.0), min_size=2, max_size=6)
)
def test_no_line_leaves_a_gap(x: list[float], y: list[float]) -> None:
    """Corners along the wall are joined one edge at a time, and it ends where the line ends."""
    n = min(len(x), len(y))
    try:
        faces = faces_along(x[:n], y[:n], (10, 22), cell_m=5.0, west_m=-5.0, south_m=-5.0)
    except InvalidInput:
        assert len({(round((a + 5) / 5), round((b + 5) / 5)) for a, b in zip(x[:n], y[:n], strict=True)}) == 1
        return
    assert ((faces.cells_1 >= 0) & (faces.cells_2 >= 0)).all()
    ends = [{(r, c), (r + 1, c)} if ax else {(r, c), (r, c + 1)} for ax, r, c in zip(
        faces.across_x.tolist(), faces.row.tolist(), faces.column.tolist(), strict=True)]  # fmt: skip
    assert all(a & b for a, b in itertools.pairwise(ends))
    assert (np.diff(faces.station_m) > -1e-9).all()


def test_a_ring_levee_keeps_its_inside_dry() -> None:
    """A slanted ring on a flooded plain: any diagonal gap would let water in."""
    ring = faces_along([20.0, 60.0, 80.0, 40.0, 20.0], [15.0, 5.0, 20.0, 36.0, 15.0], SHAPE, cell_m=CELL_M)
    inside = np.zeros(SHAPE, bool)
    inside[3, 9] = True
    walls = wall_crests([(ring, 3.0)], SHAPE)
    source = (np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) == 0, [0.0], [4.0])
    result = simulate(BED, CELL_M, 600.0, inflows=[source], walls=walls)
    assert float(result.depth_m[0, 0]) > 0.3
    assert float(result.depth_m[3, 9]) == 0.0
    assert abs(result.volume_error_ratio) < 1e-12


def test_where_walls_meet_the_higher_crest_holds() -> None:
    x, _ = wall_crests([(middle(), 1.0), (middle(), 3.0), (middle(), 2.0)], SHAPE)
    assert np.nanmax(x) == np.nanmin(x) == 3.0


CULVERT = Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=10.0, height_m=1.0)


def test_a_culvert_through_the_wall_carries_its_rating_both_ways() -> None:
    through = culvert_between(cell(4, 9), cell(4, 10), CULVERT)
    result = run(through, seconds=1.0)
    assert float(through.discharge_m3_s[0]) == pytest.approx(float(culvert_discharge_m3_s(2.0, 0.0, CULVERT)), rel=0.03)
    assert abs(result.volume_error_ratio) < 1e-12
    mirrored = culvert_between(cell(4, 9), cell(4, 10), CULVERT)
    run(mirrored, depth=LEFT[:, ::-1], seconds=1.0)
    assert mirrored.discharge_m3_s == pytest.approx(-through.discharge_m3_s)


@pytest.mark.parametrize("head", [0.3, 0.8, 1.3, 2.0, 5.0])
@pytest.mark.parametrize("tail", [0.0, 0.5, 1.2, 1.9])
def test_rating_tables_say_what_the_search_says(head: float, tail: float) -> None:
    pipe = Culvert(invert_1_m=0.4, invert_2_m=0.1, length_m=60.0, height_m=0.9, barrels=2)
    flow = culvert_between(0, 1, pipe)
    one, two = np.array([head]), np.array([tail])
    exact = float(culvert_discharge_m3_s(one, two, pipe)[0])
    assert float(flow._law(one, two, 0.0)[0]) == pytest.approx(exact, rel=2e-3, abs=2e-3)


def test_levels_come_to_rest_without_swinging() -> None:
    """A big culvert between two ponds brings them level; after that nothing moves."""
    big = Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=5.0, height_m=1.5, width_m=8.0, barrels=3)
    works = [culvert_between(cell(r, 9), cell(r, 10), big) for r in range(8)]
    result = run(*works, seconds=3600.0)
    assert float(np.ptp(result.depth_m)) < 0.02
    assert max(abs(float(w.discharge_m3_s[0])) for w in works) < 0.05
    assert east_m3(result) == pytest.approx(2000.0, rel=0.02)


def test_a_weir_spills_only_what_stands_over_its_crest() -> None:
    weir = weir_over_faces(middle(), crest_m=1.5, cell_m=CELL_M)
    result = run(weir, seconds=3600.0)
    assert float(result.depth_m[:, :10].max()) == pytest.approx(1.5, abs=0.03)
    assert east_m3(result) == pytest.approx(weir.volume_m3, rel=1e-9)


def test_a_bridge_presses_water_under_its_deck() -> None:
    low = bridge_over_faces(middle(), bed_m=BED, soffit_m=0.5, crest_m=4.0, cell_m=CELL_M)
    high = bridge_over_faces(middle(), bed_m=BED, soffit_m=3.0, crest_m=4.0, cell_m=CELL_M)
    run(low, seconds=1.0)
    run(high, seconds=1.0)
    assert 0.0 < low.discharge_m3_s.sum() < 0.8 * high.discharge_m3_s.sum()
    with pytest.raises(InvalidInput, match="soffit"):
        bridge_over_faces(middle(), bed_m=BED, soffit_m=5.0, crest_m=4.0, cell_m=CELL_M)


def test_a_gate_follows_its_timetable() -> None:
    gate = gate_between(
        cell(4, 9), cell(4, 10), sill_m=0.0, width_m=3.0, times_s=[0.0, 300.0, 301.0], opening_m=[0, 0, 1]
    )
    assert east_m3(run(gate, seconds=299.0)) == 0.0
    gate = gate_between(
        cell(4, 9), cell(4, 10), sill_m=0.0, width_m=3.0, times_s=[0.0, 300.0, 301.0], opening_m=[0, 0, 1]
    )
    assert east_m3(run(gate, seconds=400.0)) > 100.0


def test_a_breach_lets_water_through_once_it_opens() -> None:
    """1.705 · 20 m · 2^1.5 = 96 m³/s at most; from the pond of 4,000 m³ half ends up behind the wall."""
    growth = BreachGrowth(start_s=60.0, formation_s=30.0, width_m=20.0, crest_m=3.0, sill_m=0.0)
    before = breach_in_wall(middle(), growth, cell_m=CELL_M)
    assert east_m3(run(before, seconds=59.0)) == 0.0
    opened = breach_in_wall(middle(), growth, cell_m=CELL_M)
    result = run(opened, seconds=1800.0)
    assert opened.volume_m3 == pytest.approx(2000.0, rel=0.05)
    assert east_m3(result) == pytest.approx(opened.volume_m3, rel=1e-9)
    assert abs(result.volume_error_ratio) < 1e-12
    assert np.isnan(before.discharge_m3_s).sum() == 0
    with pytest.raises(InvalidInput, match="longer stretch"):
        breach_in_wall(
            middle(), BreachGrowth(start_s=0.0, formation_s=1.0, width_m=99.0, crest_m=3.0, sill_m=0.0), cell_m=5.0
        )


def station(**changes: object) -> PumpStation:
    values: dict[str, object] = {
        "name": "station 1",
        "from_cell": cell(4, 5),
        "to_cell": OUTSIDE,
        "start_m": 0.5,
        "stop_m": 0.2,
        "curve": PumpCurve(head_m=(0.0,), discharge_m3_s=(0.5,)),
    }
    return PumpStation(**(values | changes))  # type: ignore[arg-type]


def test_a_pump_empties_the_pond_down_to_its_stop_level() -> None:
    pumps = PumpStations([station()])
    result = run(pumps, seconds=2400.0)
    assert float(pumps.volume_m3[0]) == pytest.approx(0.5 * 2400.0, rel=0.01)
    assert result.volumes.exchanged == pytest.approx(-pumps.volume_m3[0], rel=1e-12)
    assert abs(result.volume_error_ratio) < 1e-12
    shallow = PumpStations([station(start_m=3.0, stop_m=2.5)])
    assert run(shallow, seconds=60.0).volumes.exchanged == 0.0


def test_a_pump_over_the_levee_cycles() -> None:
    """Water into a closed pond of 2,000 m²: the pump starts at 0.5 m and stops at 0.2 m, again and again."""
    pumps = PumpStations(
        [station(to_cell=cell(4, 15), curve=PumpCurve(head_m=(0.0, 60.0), discharge_m3_s=(3.0, 3.0)), delivery_m=6.0)]
    )
    level = np.where(np.arange(20) < 10, 0.45, 0.0) * np.ones(SHAPE)
    west = (np.arange(20) < 10) * np.ones(SHAPE, bool)
    result = simulate(
        BED, CELL_M, 7200.0, depth_m=level, walls=shut(), exchanges=[pumps], inflows=[(west, [0.0], [0.15])]
    )
    assert pumps.starts[0] >= 2
    assert east_m3(result) == pytest.approx(float(pumps.volume_m3[0]), rel=1e-9)
    assert abs(result.volume_error_ratio) < 1e-12


def test_a_mobile_pump_works_while_it_is_there() -> None:
    pumps = PumpStations([station(from_s=100.0, until_s=200.0)])
    run(pumps, seconds=600.0)
    assert float(pumps.volume_m3[0]) == pytest.approx(50.0, rel=0.05)


def test_works_that_cannot_be_placed_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same cell"):
        culvert_between(3, 3, CULVERT)
    with pytest.raises(InvalidInput, match="raster"):
        culvert_between(3, -1, CULVERT)
    with pytest.raises(InvalidInput, match="own sump"):
        station(to_cell=cell(4, 5))
    with pytest.raises(InvalidInput, match="reference system"):
        faces_along([900.0, 950.0], [900.0, 950.0], SHAPE, cell_m=CELL_M)
    with pytest.raises(InvalidInput, match="two vertices"):
        faces_along([1.0], [2.0], SHAPE, cell_m=CELL_M)
    with pytest.raises(InvalidInput, match="timetable"):
        gate_between(0, 1, sill_m=0.0, width_m=1.0, times_s=[1.0, 0.0], opening_m=[0.0, 1.0])


def test_buildings_block_slow_or_let_in() -> None:
    share = np.zeros(SHAPE)
    share[3:5, 8:12] = 1.0
    blocks = building_blocks(BED, share, height_m=3.0)
    flowing: dict[str, Any] = {
        "depth_m": np.where(np.arange(20) < 8, 1.0, 0.0) * np.ones(SHAPE),
        "cell_m": CELL_M,
        "duration_s": 15.0,
    }
    assert float(simulate(blocks, **flowing).depth_m[3:5, 8:12].max()) == 0.0
    rough = building_resistance(0.03, share, building_manning=2.0)
    slowed = simulate(BED, manning=rough, **flowing).depth_m[:, 14:].sum()
    assert slowed < simulate(BED, manning=0.03, **flowing).depth_m[:, 14:].sum()
    sills = building_sills(BED, share > 0.5, sill_m=0.3)
    shallow = {**flowing, "depth_m": 0.25 * flowing["depth_m"]}
    assert float(simulate(BED, walls=sills, **shallow).depth_m[3:5, 8:12].max()) == 0.0
    assert float(simulate(BED, walls=sills, **flowing).depth_m[3:5, 8:12].max()) > 0.0


def test_an_underpass_fills_first_and_its_pump_empties_it() -> None:
    bed = dig_underpass(np.full(SHAPE, 5.0), [4] * 9, range(4, 13), floor_m=1.0)
    assert bed[4, 8] == 1.0
    rain: dict[str, Any] = {"cell_m": CELL_M, "duration_s": 3600.0, "rain_mm_h": 60.0}
    wet = simulate(bed, **rain)
    assert float(wet.depth_m[4, 8]) > 1.0
    pump = PumpStations([station(from_cell=cell(4, 8), start_m=0.3, stop_m=0.05)])
    kept = simulate(bed, **rain, exchanges=[pump])
    assert float(kept.depth_m[4, 8]) < 0.4
    assert abs(kept.volume_error_ratio) < 1e-12


def test_several_transfers_from_one_cell_share_what_there_is() -> None:
    works: list[PairedFlow] = [culvert_between(cell(4, 9), cell(r, 10), CULVERT) for r in (3, 4, 5)]
    little = np.zeros(SHAPE)
    little[4, 9] = 0.6
    result = simulate(BED, CELL_M, 30.0, depth_m=little, exchanges=works, walls=shut())
    assert float(result.depth_m.min()) >= 0.0
    assert abs(result.volume_error_ratio) < 1e-12
