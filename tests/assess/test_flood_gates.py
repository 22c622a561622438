"""Gates in the advice: a river over the sewers' mouths comes back through them; the right position is advised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rencheng.assess.flood.advice import advise
from rencheng.assess.flood.cycle import CycleResult, ensemble_cycle, member_traits
from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.ensemble import MemberPool, MemberRun, MemberTask, Plan, member_pool, run_member
from rencheng.assess.flood.member_rain import MemberRain
from rencheng.assess.flood.outfalls import OutfallState, river_level_at
from rencheng.city import read_city

MEMBERS = 2


@pytest.fixture(scope="module")
def pool(sandbox_city: Path) -> Iterator[MemberPool]:
    with member_pool(flood_domain(read_city(sandbox_city), cell_m=40.0), workers=1) as one:
        yield one


def forecast(pool: MemberPool, rate: float) -> CycleResult:
    """An hour of a rate from now on, over dry streets."""
    rain = MemberRain(
        edges_s=600.0 * np.arange(7, dtype=float),
        rate_mm_h=np.full((MEMBERS, 6, 1, 1), rate, np.float32),
        source="design",
    )
    result = ensemble_cycle(pool, rain, lead_min=(0, 20, 40, 60), traits=member_traits(MEMBERS))
    assert result is not None
    return result


@pytest.fixture(scope="module")
def dry(pool: MemberPool) -> CycleResult:
    return forecast(pool, 0.0)


@pytest.fixture(scope="module")
def soaked(pool: MemberPool) -> CycleResult:
    return forecast(pool, 90.0)


def chosen(domain: FloodDomain) -> int:
    """The sluice behind which most is drained."""
    outfalls = domain.outfalls
    drained = np.bincount(outfalls.inlet_outfall, outfalls.inlet_m3_s, minlength=len(outfalls))
    drained[[g != "sluice_gate" for g in outfalls.gate]] = -1.0
    return int(np.argmax(drained))


def river(domain: FloodDomain, outfall: int, over_m: float) -> tuple[tuple[float, float, float], ...]:
    """A gauge at an outfall, so much above the lowest street behind it."""
    outfalls = domain.outfalls
    street = domain.bed_m.ravel()[outfalls.inlet_cell[outfalls.inlet_outfall == outfall]].min()
    return ((float(outfalls.x_m[outfall]), float(outfalls.y_m[outfall]), float(street) + over_m),)


def run(domain: FloodDomain, rate: float, state: OutfallState | None) -> MemberRun:
    plan = Plan(begin_s=0.0, lead_s=(0.0, 3600.0), rain_edges_s=np.array([0.0, 3600.0]))
    return run_member(domain, plan, MemberTask(rate_mm_h=np.full((1, 1, 1), rate, np.float32), outfalls=state))


def with_gates(domain: FloodDomain, *, opened: bool) -> FloodDomain:
    positions = np.full(len(domain.outfalls), opened)
    return replace(domain, outfalls=replace(domain.outfalls, normally_open=positions))


def test_every_gravity_outfall_knows_its_inlets_and_its_gate(pool: MemberPool) -> None:
    outfalls = pool.domain.outfalls
    assert len(outfalls) > 0
    assert set(outfalls.gate) <= {"sluice_gate", "flap_gate"}
    assert "sluice_gate" in outfalls.gate
    assert np.isin(np.arange(len(outfalls)), outfalls.inlet_outfall).all()
    assert (outfalls.inlet_m3_s > 0.0).all()


def test_the_level_at_a_mouth_is_that_of_the_gauges_beside_it(pool: MemberPool) -> None:
    outfalls = pool.domain.outfalls
    x, y = float(outfalls.x_m[0]), float(outfalls.y_m[0])
    assert river_level_at(outfalls, ((x + 1000.0, y, 20.0), (x - 3000.0, y, 19.0)))[0] == pytest.approx(19.75)
    assert np.isnan(river_level_at(outfalls, ((x + 50_000.0, y, 20.0),))).all()
    assert np.isnan(river_level_at(outfalls, ())).all()


def test_a_river_over_the_street_comes_up_through_an_open_gate_and_not_through_a_shut_one(pool: MemberPool) -> None:
    """No rain at all: whatever stands in the street is the river's, and the account closes."""
    domain = pool.domain
    outfall = chosen(domain)
    level = river_level_at(domain.outfalls, river(domain, outfall, 2.0))
    open_state = OutfallState(level_m=level, open=np.ones(len(domain.outfalls), np.bool_))
    came, kept = run(domain, 0.0, open_state), run(domain, 0.0, replace(open_state, open=~open_state.open))
    assert came.depth_mm[-1].max() > 20
    assert kept.depth_mm[-1].max() == 0
    assert came.volume_error_ratio < 1e-10
    behind = domain.outfalls.inlet_cell[domain.outfalls.inlet_outfall == outfall]
    surface = domain.bed_m.ravel()[behind] + came.depth_mm[-1].ravel()[behind] / 1000.0
    assert (surface[came.depth_mm[-1].ravel()[behind] > 50] <= level[outfall] + 0.05).all(), "no higher than the river"


def test_a_high_river_and_no_rain_shut_the_gate(pool: MemberPool, dry: CycleResult) -> None:
    outfall = chosen(pool.domain)
    options = advise(pool.domain, dry, places=1, river=river(pool.domain, outfall, 2.0))
    shut = [o for o in options if o.kind == "shut_gate"]
    assert shut
    assert shut[0].lowered_m > 0.01
    assert shut[0].detail.startswith("outfall ")
    assert all(o.kind != "open_gate" for o in options)


def test_the_wrong_position_is_not_advised(pool: MemberPool, dry: CycleResult, soaked: CycleResult) -> None:
    """A shut gate stays shut under a high river; an open one stays open when it rains and the river is low."""
    outfall = chosen(pool.domain)
    shut = with_gates(pool.domain, opened=False)
    assert all(o.kind != "open_gate" for o in advise(shut, dry, places=1, river=river(shut, outfall, 2.0)))
    low = river(pool.domain, outfall, -10.0)
    assert all(o.kind not in {"shut_gate", "open_gate"} for o in advise(pool.domain, soaked, places=1, river=low))


def test_rain_behind_a_shut_gate_and_a_low_river_open_it(pool: MemberPool, soaked: CycleResult) -> None:
    """On level ground, where water stays until a sewer takes it, and with generous sewers."""
    shut = with_gates(pool.domain, opened=False)
    street = float(shut.outfalls.invert_m.max()) + 2.0
    generous = replace(shut.outfalls, inlet_m3_s=5.0 * shut.outfalls.inlet_m3_s)
    shut = replace(shut, bed_m=np.full_like(shut.bed_m, street), drain_mm_h=5.0 * shut.drain_mm_h, outfalls=generous)
    options = advise(shut, soaked, places=2, river=river(shut, chosen(shut), -10.0))
    opened = [o for o in options if o.kind == "open_gate"]
    assert opened
    assert opened[0].lowered_m > 0.01


def test_a_flap_gate_lets_nothing_back(pool: MemberPool) -> None:
    domain = pool.domain
    flaps = replace(domain, outfalls=replace(domain.outfalls, gate=("flap_gate",) * len(domain.outfalls)))
    level = river_level_at(domain.outfalls, river(domain, chosen(domain), 2.0))
    state = OutfallState(level_m=level, open=np.ones(len(domain.outfalls), np.bool_))
    assert run(flaps, 0.0, state).depth_mm[-1].max() == 0


def test_a_station_started_early_keeps_its_underpass_lower(pool: MemberPool) -> None:
    """Water that stood under the start level would have been lifted from the first drop."""
    domain = pool.domain
    assert any(domain.stations.control_id)
    plan = Plan(begin_s=0.0, lead_s=(0.0, 1800.0), rain_edges_s=np.array([0.0, 1800.0]))
    rain = MemberTask(rate_mm_h=np.full((1, 1, 1), 60.0, np.float32))
    late = run_member(domain, plan, replace(rain, pumps_from_m=np.full(len(domain.tanks), 1.5)))
    early = run_member(domain, plan, rain)
    tanks = domain.tanks.places
    assert (early.depth_mm[-1].ravel()[tanks] <= late.depth_mm[-1].ravel()[tanks]).all()
    assert (early.depth_mm[-1].ravel()[tanks] < late.depth_mm[-1].ravel()[tanks]).any()
