"""If these fail, water is made or lost between the hills and the lake, or a rating tells a discharge that is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.science.areal_rain import areal_rain_mm
from rencheng.science.pool_chain import PoolChain, pool_outflow_m3_s, run_pools
from rencheng.science.rain_scenarios import WEIGHTS, rain_scenarios
from rencheng.science.river_rating import (
    curve_stage_m,
    fit_rating,
    fit_stage_curve,
    rated_discharge_m3_s,
    rated_stage_m,
)
from rencheng.science.river_routing import Catchments, Reaches, Updating, route_basin

Floats = NDArray[np.float64]


def dry_land(nodes: int, area_km2: float = 1.0) -> Catchments:
    """Land that gives nothing of its own."""
    one = np.ones(1)
    return Catchments(
        area_km2=np.full(nodes, area_km2),
        response_h=np.full((nodes, 1), 6.0),
        capacity_mm=200.0 * one,
        shape=2.0 * one,
        wet_ratio=0.0 * one,
        percolation_mm_h=0.0 * one,
        slow_h=500.0 * one,
        inter_ratio=0.0 * one,
        inter_h=100.0 * one,
        loss_mm_h=0.0 * one,
        base_m3_s=np.zeros((nodes, 1)),
        rain_gain=np.ones((nodes, 1)),
    )


def routed(wave: Floats, *, lag_h: float, storage_h: float, bank: float, factor: float, ahead: int) -> Floats:
    """Discharge at the lower of two gauges when the upper one told a wave."""
    told = np.column_stack([wave, np.full(len(wave), np.nan)])
    flow = route_basin(
        np.zeros((len(wave), 2)),
        np.zeros((ahead, 2, 1)),
        Updating(
            observed_m3_s=told,
            spread=np.zeros_like(told),
            rating_score=np.zeros((2, 1)),
            fading_h=np.full(1, 1e9),
            drift=np.zeros((2, 1)),
        ),
        dry_land(2),
        Reaches(
            below=np.array([1, -1]),
            lag_h=np.array([[lag_h], [0.0]]),
            storage_h=np.array([[storage_h], [1.0]]),
            bank_m3_s=np.array([[bank], [np.inf]]),
            flood_factor=np.array([factor]),
        ),
    )
    return np.asarray(flow[:, 1, 0])


@settings(max_examples=25, deadline=None)
@given(
    lag_h=st.floats(0.0, 30.0),
    storage_h=st.floats(0.3, 20.0),
    bank=st.floats(20.0, 900.0),
    factor=st.floats(1.0, 10.0),
    peak=st.floats(20.0, 2000.0),
)
def test_a_reach_lets_go_of_all_the_water_it_was_given(
    lag_h: float, storage_h: float, bank: float, factor: float, peak: float
) -> None:
    hour = np.arange(2500)
    wave = 10.0 + peak * np.exp(-(((hour - 40.0) / 8.0) ** 2))
    out = routed(wave, lag_h=lag_h, storage_h=storage_h, bank=bank, factor=factor, ahead=1)
    assert (out[: len(wave)] - 10.0).sum() == pytest.approx((wave - 10.0).sum(), rel=1e-6)
    assert out.max() <= wave.max() + 1e-9


def test_a_floodplain_delays_and_flattens_a_flood_but_not_what_stays_within_the_banks() -> None:
    hour = np.arange(300)
    small = 10.0 + 50.0 * np.exp(-(((hour - 40.0) / 8.0) ** 2))

    def below(wave: Floats, factor: float) -> Floats:
        return routed(wave, lag_h=3.0, storage_h=6.0, bank=200.0, factor=factor, ahead=1)

    assert np.array_equal(below(small, 1.0), below(small, 8.0))
    large = 10.0 * small
    channel, plain = below(large, 1.0), below(large, 8.0)
    assert plain.max() < 0.8 * channel.max()
    assert plain.argmax() > channel.argmax()


def test_all_rain_on_soaked_land_reaches_the_gauge() -> None:
    land = dry_land(1, area_km2=36.0)
    soaked = Catchments(
        **{
            **{name: getattr(land, name) for name in land.__dataclass_fields__},
            "wet_ratio": np.ones(1),
            "percolation_mm_h": np.full(1, 0.5),
            "inter_ratio": np.full(1, 0.3),
        }
    )
    rain = np.zeros((6000, 1))
    rain[10:20] = 5.0
    nothing = np.full((6000, 1), np.nan)
    flow = route_basin(
        rain,
        np.zeros((1, 1, 1)),
        Updating(
            observed_m3_s=nothing,
            spread=np.zeros_like(nothing),
            rating_score=np.zeros((1, 1)),
            fading_h=np.ones(1),
            drift=np.zeros((1, 1)),
        ),
        soaked,
        Reaches(
            below=np.array([-1]),
            lag_h=np.zeros((1, 1)),
            storage_h=np.ones((1, 1)),
            bank_m3_s=np.full((1, 1), np.inf),
            flood_factor=np.ones(1),
        ),
    )
    assert flow[:, 0, 0].sum() * 3600.0 == pytest.approx(0.050 * 36e6, rel=1e-4)  # 50 mm on 36 km²


def chain(members: int = 1) -> PoolChain:
    def row(*values: float) -> Floats:
        return np.array([[v] * members for v in values])

    return PoolChain(
        area_km2=row(25.0, 70.0, 9000.0),
        bank_m=row(1.5, 2.0, 9.0),
        widening_km2_m=row(10.0, 5.0, 0.0),
        most_km2=row(40.0, 90.0, 9000.0),
        conveyance=row(60.0, 90.0),
        depth_m=row(5.0, 5.0),
        recession_h=np.full(members, 500.0),
        rest_m=np.ones(members),
        rest_m3_s=np.full(members, 50.0),
        other_ratio=np.zeros(members),
    )


def volume_m3(stage: float, area: float, bank: float, widening: float, most: float) -> float:
    """Volume above the bank's stage in m³ of a pool in km² and m, worked by hand."""
    above = stage - bank
    if above <= 0.0 or widening == 0.0:
        return 1e6 * above * area
    wide = min(above, (most - area) / widening)
    return 1e6 * (area * wide + 0.5 * widening * wide**2 + (above - wide) * most)


def test_a_pool_keeps_what_does_not_flow_out() -> None:
    pools = chain()
    hours = 60
    inflow = np.full((hours, 1), 3000.0)
    start = np.array([[1.0], [1.0], [1.0]])
    stage, out = run_pools(pools, inflow, start, np.full((hours, 3), np.nan))
    assert stage[-1, 0, 0] > 2.5  # well over its banks
    given_m3 = [inflow.sum() * 3600.0, *(out[:, k, 0].sum() * 3600.0 for k in (0, 1))]
    for k in range(3):
        shape = [getattr(pools, n)[k, 0] for n in ("area_km2", "bank_m", "widening_km2_m", "most_km2")]
        grown = volume_m3(stage[-1, k, 0], *shape) - volume_m3(1.0, *shape)
        assert grown == pytest.approx(given_m3[k] - out[:, k, 0].sum() * 3600.0, rel=1e-9, abs=1.0)


def test_level_pools_under_their_own_throughflow_stay_where_they_are() -> None:
    pools = chain()
    inflow = np.full((2000, 1), 50.0)
    stage, out = run_pools(pools, inflow, np.ones((3, 1)), np.full((2000, 3), np.nan))
    assert out[-1, :, 0] == pytest.approx(50.0, rel=1e-3)
    low = float(stage[-1, 1, 0])
    expected = pool_outflow_m3_s(np.array(60.0), np.array(5.0), np.array(stage[-1, 0, 0]), np.array(low))
    assert float(expected) == pytest.approx(50.0, rel=1e-3)


def test_a_rating_is_found_again_and_inverts() -> None:
    stage = np.linspace(0.6, 6.0, 80)
    found = fit_rating(stage, 80.0 * (stage - 0.2) ** 1.5)
    assert found is not None
    assert [found.zero_m, found.scale, found.exponent] == pytest.approx([0.2, 80.0, 1.5])
    assert rated_stage_m(found, rated_discharge_m3_s(found, stage)) == pytest.approx(stage)
    assert fit_rating(stage[:10], stage[:10]) is None
    assert fit_rating(stage, 10.0 - stage) is None  # falls with the stage: no rating


def test_a_stage_curve_rises_with_discharge_where_a_weir_holds_the_foot_level() -> None:
    discharge = np.geomspace(50.0, 5000.0, 400)
    stage = np.maximum(12.8, 8.0 + 0.03 * discharge**0.7)
    curve = fit_stage_curve(stage, discharge, None)
    assert curve is not None
    told = curve_stage_m(curve, np.geomspace(60.0, 20000.0, 50))
    assert (np.diff(told) >= 0.0).all()
    assert told[0] == pytest.approx(12.8)
    assert told[-1] > stage.max()


def test_silent_gauges_leave_the_word_to_the_others() -> None:
    distance = np.array([[5e3, 10e3, 200e3]])
    rain = np.array([[4.0, np.nan, 90.0], [np.nan, np.nan, np.nan]])
    assert areal_rain_mm(distance, rain).tolist() == [4.0, 0.0]


def test_rain_after_now_has_the_stated_shares_and_never_more_than_now_and_then() -> None:
    past = np.zeros((400, 2))
    past[-24:, 0] = 3.0
    ahead = rain_scenarios(past, 72, 400, np.random.default_rng(1))
    now = rain_scenarios(np.vstack([np.zeros((1, 2)), past[-24:]]), 72, 400, np.random.default_rng(1))
    assert ahead.shape == (72, 2, 400)
    assert (ahead[:, 1] == 0.0).all()
    dry = (now[:, 0] == 0.0).all(axis=0)
    assert dry.mean() == pytest.approx(WEIGHTS["none"])
    assert now.max() <= 3.0 + 1e-12
    assert ahead.max() <= 6.0
