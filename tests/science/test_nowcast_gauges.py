"""Rain between gauges and after the nowcast: exact where measured, honest about the rest, ending as storms end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import SHANGHAI_2017
from rencheng.science.interpolation import pairwise_distance_m
from rencheng.science.nowcast import (
    Variogram,
    blend_with_tail,
    conditional_fields,
    design_tail,
    fit_spherical,
    forecast_members,
    gauge_nowcast,
    ordinary_kriging,
)
from rencheng.science.nowcast.cascade import band_filters, decompose, recompose, spectral_noise

MODEL = Variogram(nugget=0.1, sill=2.0, range_m=9000.0)


def gauges(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, 12_000.0, (count, 2))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_kriging_gives_back_what_the_gauges_said(seed: int, count: int) -> None:
    xy = gauges(count, seed)
    values = np.random.default_rng(seed).uniform(0.0, 60.0, (count, 2))
    estimate, variance = ordinary_kriging(xy, values, xy, MODEL)
    np.testing.assert_allclose(estimate, values, atol=1e-6)
    np.testing.assert_allclose(variance, 0.0, atol=1e-6)


def test_kriging_has_the_least_error_of_all_unbiased_weights() -> None:
    xy, target = gauges(8), np.array([[5000.0, 6000.0]])
    weights, variance = ordinary_kriging(xy, np.eye(8), target, MODEL)
    assert weights.sum() == pytest.approx(1.0)

    def error(w: np.ndarray) -> float:
        among = MODEL.gamma(pairwise_distance_m(xy, xy))
        return float(2.0 * w @ MODEL.gamma(pairwise_distance_m(xy, target))[:, 0] - w @ among @ w)

    assert variance[0] == pytest.approx(error(weights[0]), rel=1e-9)
    rng = np.random.default_rng(0)
    for _ in range(200):
        change = 0.1 * rng.standard_normal(8)
        other = weights[0] + change - change.mean()
        assert error(other) >= variance[0] - 1e-12


def test_kriging_is_right_as_often_as_its_variance_says() -> None:
    rng = np.random.default_rng(11)
    xy, target = gauges(10), np.array([[6000.0, 6000.0]])
    points = np.concatenate([xy, target])
    root = np.linalg.cholesky(MODEL.covariance(pairwise_distance_m(points, points)) + 1e-9 * np.eye(11))
    truth = 20.0 + rng.standard_normal((4000, 11)) @ root.T
    estimate, variance = ordinary_kriging(xy, truth[:, :10].T, target, MODEL)
    miss = estimate[0] - truth[:, 10]
    assert abs(miss.mean()) < 0.06
    assert miss.var() == pytest.approx(variance[0], rel=0.08)


def test_drawn_fields_agree_with_the_gauges_and_spread_as_kriging_says() -> None:
    xy, values = gauges(6), np.array([1.0, 4.0, 2.0, 6.0, 3.0, 5.0])
    target = np.concatenate([xy, np.array([[6000.0, 6000.0], [500.0, 11_500.0]])])
    fields = conditional_fields(xy, values, target, MODEL, members=4000, rng=np.random.default_rng(5))
    np.testing.assert_allclose(fields[:, :6], np.broadcast_to(values, (4000, 6)), atol=1e-3)
    kriged, variance = ordinary_kriging(xy, values[:, None], target, MODEL)
    np.testing.assert_allclose(fields.mean(axis=0), kriged[:, 0], atol=0.1)
    np.testing.assert_allclose(fields[:, 6:].var(axis=0), variance[6:], rtol=0.1)


def test_a_known_variogram_is_found_again() -> None:
    xy = gauges(60)
    root = np.linalg.cholesky(MODEL.covariance(pairwise_distance_m(xy, xy)) + 1e-9 * np.eye(60))
    values = np.random.default_rng(2).standard_normal((60, 60)) @ root.T
    found = fit_spherical(xy, values)
    assert found.range_m == pytest.approx(9000.0, rel=0.3)
    assert found.nugget + found.sill == pytest.approx(2.1, rel=0.2)


def test_two_gauges_in_one_place_are_named_and_averaged_in_a_nowcast() -> None:
    xy = np.array([[0.0, 0.0], [0.0, 0.0], [3000.0, 0.0]])
    with pytest.raises(InvalidInput, match="gauges 0 and 1"):
        ordinary_kriging(xy, np.zeros((3, 1)), np.array([[1.0, 1.0]]), MODEL)
    rain = gauge_nowcast(
        xy, np.array([[10.0, 30.0, 20.0]]), xy, step_s=300.0, leads=1, members=3, rng=np.random.default_rng(0)
    )
    assert np.isfinite(rain).all()


def test_a_gauge_nowcast_holds_to_the_gauges_now_and_lets_go_of_them_later() -> None:
    xy, rate = gauges(8), np.array([[40.0, 5.0, 20.0, 60.0, 0.0, 10.0, 30.0, 25.0]])
    rain = gauge_nowcast(xy, rate, xy, step_s=600.0, leads=18, members=200, rng=np.random.default_rng(1))
    np.testing.assert_allclose(rain[:, 0], np.broadcast_to(rate[0], (200, 8)), rtol=2e-3, atol=0.05)
    spread = np.sqrt(rain).std(axis=0).mean(axis=1)
    assert spread[1] < spread[4] < spread[18]
    assert (rain >= 0.0).all()


def test_a_silent_step_is_bridged_not_taken_for_dry() -> None:
    xy = gauges(5)
    rate = np.array([[20.0] * 5, [np.nan] * 5, [22.0] * 5])
    rain = gauge_nowcast(xy, rate, xy[:1], step_s=300.0, leads=0, members=50, rng=np.random.default_rng(1))
    assert 10.0 < rain[:, 1].mean() < 35.0


def test_dry_gauges_mean_no_rain_and_broken_ones_are_refused() -> None:
    xy = gauges(4)
    rng = np.random.default_rng(0)
    assert not gauge_nowcast(xy, np.zeros((2, 4)), xy, step_s=300.0, leads=3, members=2, rng=rng).any()
    with pytest.raises(InvalidInput, match="gauge 2"):
        gauge_nowcast(xy, np.array([[1.0, 1.0, -1.0, 1.0]]), xy, step_s=300.0, leads=1, members=1, rng=rng)
    with pytest.raises(InvalidInput, match="no gauge"):
        gauge_nowcast(xy, np.full((2, 4), np.nan), xy, step_s=300.0, leads=1, members=1, rng=rng)


def tail_of(mm: float, minutes: float, members: int = 400) -> np.ndarray:
    return design_tail(
        SHANGHAI_2017,
        rained_mm=mm,
        rained_min=minutes,
        step_min=10,
        steps=12,
        members=members,
        rng=np.random.default_rng(7),
    )


def test_after_a_dry_hour_no_design_storm_begins() -> None:
    assert not tail_of(0.1, 30.0).any()


def test_a_storm_that_began_hard_brings_more_and_every_storm_ends() -> None:
    heavy, light = tail_of(20.0, 20.0), tail_of(2.0, 20.0)
    assert heavy.mean(axis=0)[:3].sum() > 2.0 * light.mean(axis=0)[:3].sum()
    assert heavy.mean(axis=0)[-1] < 0.3 * heavy.mean(axis=0).max()
    assert heavy.std(axis=0)[1] > 0.0
    most = SHANGHAI_2017.mean_mm_h(5.0, 100.0)
    assert heavy.max() <= most


def test_the_nowcast_has_the_first_word_and_the_tail_the_last() -> None:
    nowcast, tail = np.full((2, 24, 3), 30.0, np.float32), np.full((2, 24), 6.0)
    both = blend_with_tail(nowcast, tail, step_s=600.0, trust_s=3600.0)
    assert both[:, 0].min() > 29.8
    assert both[:, -1].max() < 6.1
    assert (np.diff(both, axis=1) < 0).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.integers(2, 6))
def test_bands_add_up_to_the_field(rows: int, columns: int, levels: int) -> None:
    field = np.random.default_rng(rows * columns).standard_normal((rows, columns))
    filters = band_filters((rows, columns), levels)
    np.testing.assert_allclose(filters.sum(axis=0), 1.0)
    np.testing.assert_allclose(recompose(decompose(field, filters)), field, atol=1e-6)
    noise = spectral_noise(np.abs(np.fft.rfft2(field)), (rows, columns), np.random.default_rng(1))
    assert noise.std() == pytest.approx(1.0)


def test_a_day_s_members_mean_the_forecast_and_hold_bursts() -> None:
    edges = 3600.0 * np.arange(25, dtype=float)
    rate = 12.0 * np.exp(-0.5 * ((np.arange(24) - 10.0) / 3.0) ** 2)
    fine, rain = forecast_members(edges, rate, members=400, rng=np.random.default_rng(4))
    assert rain.shape == (400, 144, 1, 1)
    assert fine[-1] == 86_400.0
    total = rain.sum(axis=(1, 2, 3)) / 6.0
    assert total.mean() == pytest.approx(rate.sum(), rel=0.06)
    assert total.std() > 0.2 * rate.sum()
    hourly = rain.reshape(400, 24, 6)
    assert (hourly.max(axis=2) / np.maximum(hourly.mean(axis=2), 1e-9))[:, 10].mean() > 1.8
    early, late = (np.log(np.maximum(hourly.mean(axis=2)[:, k], 1e-9)).std() for k in (6, 14))
    assert late > early
    with pytest.raises(InvalidInput, match="step 3"):
        forecast_members(edges, np.where(np.arange(24) == 3, np.nan, rate), members=1, rng=np.random.default_rng(0))
