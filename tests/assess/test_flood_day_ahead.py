"""The forecast of the next day: wanted in time, out of the way of the next two hours, and beside it, never over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rencheng.assess.facts import DAY_AHEAD, NOWCAST, FloodForecastPublished, FloodForecastSuperseded, FloodTotal
from rencheng.assess.flood.cycle import member_traits
from rencheng.assess.flood.day_ahead import day_ahead_cycle, day_ahead_wanted
from rencheng.assess.flood.day_engine import frames_ahead
from rencheng.assess.flood.day_rain import day_rain
from rencheng.assess.flood.domain import flood_domain
from rencheng.assess.flood.ensemble import MemberPool, MemberTask, Plan, member_pool, run_member
from rencheng.assess.flood.watch import RainRecord
from rencheng.assess.frame import CityFrame, city_frame
from rencheng.assess.model import FloodMemory, State, initial_state, learn
from rencheng.assess.rules import FloodRules
from rencheng.city import read_city
from rencheng.kernel import FactId, InvalidInput
from rencheng.science.nowcast import quantile_members
from rencheng.sense import RainForecast, RainForecastGrid, rain_forecast_from_csv, rain_forecast_table
from rencheng.sense.facts import RainForecastTaken

NOW = datetime(2026, 7, 20, 6, tzinfo=UTC)
DRY = RainRecord(xy_m=np.zeros((0, 2)), edges_s=np.array([-300.0, 0.0]), rate_mm_h=np.zeros((1, 0)), pictures=())
STORM = rain_forecast_from_csv("minutes,rate_mm_h\n60,0\n120,70\n180,40\n360,0\n")


class Fields:
    """A field store that holds one forecast of the rain."""

    def get(self, name: str) -> Any:
        del name
        return rain_forecast_table(STORM)

    def put(self, table: Any) -> str:
        raise AssertionError(table)


@pytest.fixture(scope="module")
def pool(sandbox_city: Path) -> Iterator[MemberPool]:
    with member_pool(flood_domain(read_city(sandbox_city), cell_m=50.0), workers=1) as one:
        yield one


@pytest.fixture(scope="module")
def frame(sandbox_city: Path) -> CityFrame:
    return city_frame(read_city(sandbox_city))


def issued(at: datetime = NOW, mm: float = 110.0, number: int = 1) -> RainForecastTaken:
    return RainForecastTaken(
        forecast_id=f"rain-{number}",
        source="nwp",
        issued_at=at,
        field="f",
        kind="best",
        layers=1,
        steps=4,
        horizon_h=6.0,
        total_mm=mm,
        highest_mm_h=70.0,
    )


def published(product: str, at: datetime = NOW, rain: str = "", area: float = 1.0) -> FloodForecastPublished:
    total = FloodTotal(
        lead_min=180, area_km2=area, residents=0.0, buildings=0, road_km=0.0, underpasses=0, facilities={}
    )
    return FloodForecastPublished(
        forecast_id=f"{product}-{at:%H%M}",
        model=product,
        based_at=at,
        rain_source="forecast",
        scheme="local_inertial",
        members=2,
        cell_m=40.0,
        lead_min=(180,),
        thresholds_m=(0.15,),
        frames="",
        objects="",
        points="",
        analysis="",
        totals=(total,),
        weights=(0.5, 0.5),
        volume_error_ratio=0.0,
        evidence=(),
        product=product,
        rain_forecast_id=rain,
    )


def known(*bodies: object) -> FloodMemory:
    state: State = initial_state()
    for number, body in enumerate(bodies):
        state = learn(state, body, fact_id=FactId(f"fact-{number}"), at=NOW)
    return state.flood


def wanted(memory: FloodMemory, frame: CityFrame, readings: Any, now: datetime = NOW, **rules: Any) -> Any:
    return day_ahead_wanted(memory, frame, readings, Fields(), FloodRules(**rules), now, seed=1)


@pytest.fixture
def silent() -> Any:
    from tests.assess.memory_readings import MemoryReadings

    return MemoryReadings.of({})


def test_the_two_products_stand_side_by_side() -> None:
    """A forecast of tomorrow that replaced that of the next hour would open roads under water."""
    memory = known(published(NOWCAST), published(DAY_AHEAD, NOW + timedelta(minutes=5)))
    assert memory.last is not None
    assert memory.day.last is not None
    assert (memory.last.body.product, memory.day.last.body.product) == (NOWCAST, DAY_AHEAD)
    assert memory.tried_at == NOW


def test_a_new_rain_forecast_wants_one_cycle_and_no_more(frame: CityFrame, silent: Any) -> None:
    request = wanted(known(issued()), frame, silent)
    assert request is not None
    assert (request.rain_forecast_id, request.members) == ("rain-1", FloodRules().day_members)
    assert wanted(known(issued(), published(DAY_AHEAD, rain="rain-1")), frame, silent) is None
    assert wanted(known(), frame, silent) is None
    assert wanted(known(issued()), frame, silent, day_horizon_h=0.0) is None
    assert wanted(known(issued()), frame, silent, now=NOW + timedelta(hours=5)) is None, "little of it lies ahead"


def test_a_dry_forecast_is_computed_only_to_take_water_back(frame: CityFrame, silent: Any) -> None:
    assert wanted(known(issued(mm=1.0)), frame, silent) is None
    last = published(DAY_AHEAD, rain="rain-0")
    assert wanted(known(last, issued(mm=1.0)), frame, silent) is not None
    assert wanted(known(replace(last, totals=()), issued(mm=1.0)), frame, silent) is None


def test_it_waits_for_the_time_between_two_urgent_cycles(frame: CityFrame, silent: Any) -> None:
    memory = known(issued(), published(NOWCAST, NOW - timedelta(minutes=9)))
    assert wanted(memory, frame, silent) is None
    assert wanted(memory, frame, silent, now=NOW + timedelta(minutes=-8)) is not None
    assert wanted(memory, frame, silent, now=NOW + timedelta(minutes=30)) is not None, "no urgent cycle for a while"


def test_one_given_up_comes_again_with_half_the_members_and_not_for_ever(frame: CityFrame, silent: Any) -> None:
    given_up = FloodForecastSuperseded(
        based_at=NOW, superseded_by=None, reason="", product=DAY_AHEAD, rain_forecast_id="rain-1"
    )
    once = wanted(known(issued(), given_up), frame, silent)
    assert once is not None
    assert once.members == FloodRules().day_members // 2
    assert wanted(known(issued(), *[given_up] * FloodRules().day_tries), frame, silent) is None
    newer = issued(NOW + timedelta(minutes=1), number=2)
    assert wanted(known(issued(), *[given_up] * 4, newer), frame, silent, now=NOW + timedelta(minutes=2)) is not None


def test_water_that_comes_and_goes_between_two_lead_times_is_kept(pool: MemberPool) -> None:
    """A cloudburst in the second hour of six: a look every three hours alone would miss its peak."""
    result = day_ahead_cycle(pool, DRY, STORM, members=2, rng=np.random.default_rng(1), horizon_h=6.0)
    assert result is not None
    assert result.lead_min == (0, 180, 360)
    assert result.rain.source == "forecast"
    frames, objects = frames_ahead(result)
    assert frames.lead_min == (180, 360)
    assert min(objects["lead_min"].to_pylist()) == 180
    assert result.totals[1].area_km2 > 0.0
    task = MemberTask(rate_mm_h=result.rain.rate_mm_h[0])
    plan = Plan(begin_s=0.0, lead_s=(0.0, 10800.0, 21600.0), rain_edges_s=result.rain.edges_s)
    once, often = run_member(pool.domain, plan, task), run_member(pool.domain, replace(plan, looks=18), task)
    assert (often.depth_mm.astype(int) >= once.depth_mm.astype(int) - 1).all()
    assert often.depth_mm[1].astype(float).sum() > 1.1 * once.depth_mm[1].sum()


def test_what_has_passed_of_a_forecast_is_cut_off(pool: MemberPool) -> None:
    traits, rng = member_traits(4), np.random.default_rng(2)
    grid = pool.domain.grid
    rain = day_rain(DRY, STORM, grid, age_s=5400.0, horizon_s=3600.0, traits=traits, rng=rng)
    assert (rain.edges_s[0], rain.edges_s[-1]) == (0.0, 3600.0)
    with pytest.raises(InvalidInput, match="lies ahead"):
        day_rain(DRY, STORM, grid, age_s=1e6, horizon_s=3600.0, traits=traits, rng=rng)
    with pytest.raises(InvalidInput, match="less than one step"):
        day_ahead_cycle(pool, DRY, STORM, members=2, rng=rng, age_s=4.0 * 3600.0)


def test_measured_rain_comes_before_the_forecast(pool: MemberPool) -> None:
    grid = pool.domain.grid
    record = RainRecord(
        xy_m=np.array([[grid.west_m, grid.south_m]]),
        edges_s=np.array([-600.0, -300.0, 0.0]),
        rate_mm_h=np.array([[30.0], [30.0]]),
        pictures=(),
    )
    rain = day_rain(
        record, STORM, grid, age_s=0.0, horizon_s=21600.0, traits=member_traits(2), rng=np.random.default_rng(1)
    )
    assert rain.edges_s[:3].tolist() == [-600.0, -300.0, 0.0]
    assert (rain.rate_mm_h[:, :2] > 0.0).all()


def test_members_of_a_grid_differ_in_where_it_rains(pool: MemberPool) -> None:
    grid = pool.domain.grid
    rate = np.zeros((1, 6, 40, 40), np.float32)
    rate[:, :, 18:22, 18:22] = 20.0
    place = RainForecastGrid(
        west_m=grid.west_m - 30_000.0, south_m=grid.south_m - 30_000.0, cell_m=1500.0, crs=grid.crs
    )
    spot = RainForecast(edges_s=3600.0 * np.arange(7.0), rate_mm_h=rate, grid=place)
    rain = day_rain(
        DRY, spot, grid, age_s=0.0, horizon_s=21600.0, traits=member_traits(12), rng=np.random.default_rng(3)
    )
    amount = rain.rate_mm_h.mean(axis=(1, 2, 3))
    assert (amount == 0.0).any(), "some members must miss the city"
    assert (amount > 0.0).any()


def test_members_drawn_through_quantiles_have_them() -> None:
    """A maker's median must stay the ensemble's median."""
    edges, levels = 3600.0 * np.arange(3.0), (0.1, 0.5, 0.9)
    rate = np.array([[[[1.0]], [[0.0]]], [[[4.0]], [[2.0]]], [[[9.0]], [[8.0]]]])
    drawn = quantile_members(edges, rate, levels, members=400, rng=np.random.default_rng(4))
    np.testing.assert_allclose(np.quantile(drawn[:, 0, 0, 0], levels), [1.0, 4.0, 9.0], rtol=0.1)
    assert drawn[:, 0].max() > 9.0
    assert drawn.min() >= 0.0
