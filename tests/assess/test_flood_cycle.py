"""A cycle of the flood forecast on a small city: chances, tables, weights, and giving up in time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rencheng.assess.flood.cycle import CycleResult, ensemble_cycle, flood_cycle, member_traits
from rencheng.assess.flood.domain import flood_domain
from rencheng.assess.flood.ensemble import MemberPool, MemberTask, Plan, member_pool, run_ensemble, run_member
from rencheng.assess.flood.member_rain import MemberRain
from rencheng.assess.flood.objects import THRESHOLDS_M, exceed_column
from rencheng.assess.flood.watch import RainRecord
from rencheng.city import read_city
from rencheng.kernel import InvalidInput

MEMBERS = 4
LEADS = (0, 10, 20, 30)


@pytest.fixture(scope="module")
def pool(sandbox_city: Path) -> Iterator[MemberPool]:
    """One process over the sandbox city at 40 m."""
    with member_pool(flood_domain(read_city(sandbox_city), cell_m=40.0), workers=1) as one:
        yield one


@pytest.fixture(scope="module")
def pair(pool: MemberPool) -> Iterator[MemberPool]:
    """Two processes over the same city."""
    with member_pool(pool.domain, workers=2) as two:
        yield two


def rain_of(rate: float, members: int = MEMBERS) -> MemberRain:
    """Half an hour of a rate before now and half an hour after, a fifth more from member to member."""
    edges = 600.0 * np.arange(-3, 4, dtype=float)
    factor = 1.0 + 0.2 * np.arange(members, dtype=np.float32)
    field = np.full((members, 6, 2, 2), rate, np.float32) * factor[:, None, None, None]
    return MemberRain(edges_s=edges, rate_mm_h=field, source="design")


def cycle_of(pool: MemberPool, rate: float, **more: object) -> CycleResult:
    members = int(np.asarray(more.pop("members", MEMBERS)))
    result = ensemble_cycle(
        pool,
        rain_of(rate, members),
        lead_min=LEADS,
        traits=member_traits(members),
        **more,  # type: ignore[arg-type]
    )
    assert result is not None
    return result


@pytest.fixture(scope="module")
def heavy(pool: MemberPool) -> CycleResult:
    return cycle_of(pool, 80.0)


def test_a_cycle_says_depths_chances_objects_and_totals_that_agree(pool: MemberPool, heavy: CycleResult) -> None:
    grid = pool.domain.grid
    assert heavy.lead_min == LEADS
    assert heavy.frames.depth_m.shape == (4, grid.ny, grid.nx)
    assert set(heavy.frames.exceed_prob) == set(THRESHOLDS_M)
    dry = pool.domain.water | pool.domain.blocked
    assert not heavy.frames.depth_m[:, dry].any()
    for low, high in pairwise(THRESHOLDS_M):
        assert (heavy.frames.exceed_prob[high] <= heavy.frames.exceed_prob[low]).all()
    likely = heavy.frames.exceed_prob[0.15] > 50
    assert (heavy.frames.depth_m[likely] >= 0.15).all()
    assert abs(heavy.volume_error_ratio) < 1e-10
    last = heavy.totals[-1]
    rows = heavy.objects.to_pylist()
    chance = exceed_column(0.15)
    buildings = [r for r in rows if r["kind"] == "building" and r["lead_min"] == 30]
    assert last.buildings == sum(r[chance] > 0.5 for r in buildings)
    assert last.residents == pytest.approx(sum(r[chance] * r["people"] for r in buildings), abs=0.2)
    assert last.area_km2 > 0.0
    under = [r for r in rows if r["detail"] == "underpass" and r["lead_min"] == 30 and r[chance] > 0.5]
    assert last.underpasses > 0
    assert len(under) >= last.underpasses


def test_sensors_show_what_the_raster_shows(pool: MemberPool, heavy: CycleResult) -> None:
    domain = pool.domain
    assert heavy.point_depth_m.shape == (len(domain.sensor_ids), len(LEADS), MEMBERS)
    now = heavy.analysis_mm.reshape(MEMBERS, -1)[:, domain.sensor_places]
    np.testing.assert_allclose(heavy.point_depth_m[:, 0].T, now * 1e-3, atol=1e-6)
    assert heavy.point_depth_m.max() > 0.3, "an underpass fills in such a storm"


def test_more_rain_floods_more(pool: MemberPool, heavy: CycleResult) -> None:
    light = cycle_of(pool, 20.0)
    for less, more in zip(light.totals, heavy.totals, strict=True):
        assert less.area_km2 <= more.area_km2
        assert less.residents <= more.residents
    assert light.totals[-1].area_km2 < heavy.totals[-1].area_km2


def test_the_same_cycle_gives_the_same_bytes_on_one_process_or_two(pair: MemberPool, heavy: CycleResult) -> None:
    again = cycle_of(pair, 80.0)
    assert again.frames.depth_m.tobytes() == heavy.frames.depth_m.tobytes()
    assert again.analysis_mm.tobytes() == heavy.analysis_mm.tobytes()
    assert again.objects.equals(heavy.objects)
    assert again.totals == heavy.totals


def test_weights_move_the_chances_to_the_members_believed(pool: MemberPool, heavy: CycleResult) -> None:
    wettest = cycle_of(pool, 80.0, weights=np.array([0.0, 0.0, 0.0, 1.0]))
    assert wettest.weights.tolist() == [0.0, 0.0, 0.0, 1.0]
    assert set(np.unique(wettest.frames.exceed_prob[0.15]).tolist()) <= {0, 100}
    assert wettest.totals[-1].area_km2 > heavy.totals[-1].area_km2


def test_a_cycle_goes_on_from_the_water_of_the_last(pool: MemberPool, heavy: CycleResult) -> None:
    still = MemberRain(
        edges_s=np.array([0.0, 1800.0]), rate_mm_h=np.zeros((MEMBERS, 1, 1, 1), np.float32), source="gauges"
    )
    later = ensemble_cycle(pool, still, lead_min=LEADS, traits=member_traits(MEMBERS), analysis_mm=heavy.analysis_mm)
    assert later is not None
    np.testing.assert_array_equal(later.analysis_mm, heavy.analysis_mm)
    assert later.totals[0].area_km2 == pytest.approx(heavy.totals[0].area_km2)
    assert later.totals[-1].area_km2 < heavy.totals[-1].area_km2, "without rain the water goes down"
    with pytest.raises(InvalidInput, match="go on from"):
        ensemble_cycle(pool, still, lead_min=LEADS, traits=member_traits(MEMBERS), analysis_mm=heavy.analysis_mm[:, :5])


@pytest.mark.parametrize("which", ["pool", "pair"])
def test_a_late_cycle_is_given_up_between_steps(which: str, request: pytest.FixtureRequest) -> None:
    some: MemberPool = request.getfixturevalue(which)
    asked = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    assert ensemble_cycle(some, rain_of(50.0), lead_min=LEADS, traits=member_traits(MEMBERS), stop=stop) is None
    done = ensemble_cycle(some, rain_of(5.0, 2), lead_min=(0, 10), traits=member_traits(2))
    assert done is not None, "the pool serves the next cycle"


def test_clogged_inlets_leave_deeper_water(pool: MemberPool) -> None:
    plan = Plan(begin_s=0.0, lead_s=(0.0, 1800.0), rain_edges_s=np.array([0.0, 1800.0]))
    rate = np.full((1, 1, 1), 60.0, np.float32)
    clear, clogged = (
        run_member(pool.domain, plan, MemberTask(rate_mm_h=rate, drain_ratio=ratio)) for ratio in (1.0, 0.2)
    )
    assert clogged.depth_mm[1].sum(dtype=np.int64) > clear.depth_mm[1].sum(dtype=np.int64)


def test_traits_are_the_members_own_from_cycle_to_cycle() -> None:
    first, second = member_traits(20), member_traits(20)
    for name in ("rain_factor", "drain_ratio", "initial_loss_mm", "loss_mm_h"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.drain_ratio.min() > 0.4
    assert np.median(first.rain_factor) == pytest.approx(1.0, abs=0.05)
    assert abs(np.corrcoef(first.rain_factor, first.drain_ratio)[0, 1]) < 0.5


def test_a_cycle_from_measured_rain_reaches_two_hours_ahead(pool: MemberPool) -> None:
    xy = np.array([[523_500.0, 3_391_500.0], [524_500.0, 3_392_500.0], [525_000.0, 3_391_500.0]])
    rate = np.array([[20.0, 30.0, 40.0], [40.0, 60.0, 50.0]])
    record = RainRecord(xy_m=xy, edges_s=np.array([-600.0, -300.0, 0.0]), rate_mm_h=rate, pictures=())
    told: list[float] = []
    result = flood_cycle(pool, record, members=2, rng=np.random.default_rng(1), every_min=30, progress=told.append)
    assert result is not None
    assert result.lead_min == (0, 30, 60, 90, 120)
    assert result.rain.source == "gauges"
    assert told[-1] == 1.0
    again = flood_cycle(pool, record, members=2, rng=np.random.default_rng(1), every_min=30)
    assert again is not None
    assert again.frames.depth_m.tobytes() == result.frames.depth_m.tobytes()


def test_an_ensemble_without_members_is_refused(pool: MemberPool) -> None:
    with pytest.raises(InvalidInput, match="without members"):
        run_ensemble(pool, Plan(begin_s=0.0, lead_s=(0.0,), rain_edges_s=np.zeros(1)), [])
    with pytest.raises(InvalidInput, match="weights"):
        cycle_of(pool, 5.0, weights=np.ones(3))
