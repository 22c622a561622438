"""A ranking that decides what a city builds: sums by hand, intervals that hold the truth, ties that are called ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.loss_surrogate import fit_loss_curve, greatest_rain_mm
from rencheng.science.study_economics import (
    annuity,
    benefit_cost_ratio,
    cost_present_value,
    expected_annual,
    net_present_value,
    rank_by_ratio,
    resampled_annual,
)


def test_expected_annual_loss_by_hand() -> None:
    loss = np.array([[0.0, 2.0, 10.0, 30.0], [0.0, 0.0, 10.0, 10.0]])
    stratum, weight = np.array([0, 0, 1, 1]), np.array([0.4, 0.1])
    np.testing.assert_allclose(expected_annual(loss, stratum, weight), [0.4 * 1 + 0.1 * 20, 0.1 * 10])


def test_money_of_different_years_by_hand() -> None:
    assert annuity(2, 0.1) == pytest.approx(1 / 1.1 + 1 / 1.21)
    cost = cost_present_value(100.0, 10.0, years=2, discount_rate=0.1, life_years=1)
    assert cost == pytest.approx(100.0 + 100.0 / 1.1 + 10.0 * (1 / 1.1 + 1 / 1.21))
    saved = np.array(200.0)
    assert net_present_value(saved, np.array(cost), years=2, discount_rate=0.1) == pytest.approx(
        200.0 * annuity(2, 0.1) - cost
    )
    assert benefit_cost_ratio(saved, np.array(cost), years=2, discount_rate=0.1) == pytest.approx(
        200.0 * annuity(2, 0.1) / cost
    )


def test_a_stratum_of_one_storm_is_refused() -> None:
    with pytest.raises(InvalidInput, match="fewer than two"):
        expected_annual(np.ones(3), np.array([0, 0, 1]), np.array([0.5, 0.5]))


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    stratum, weight = np.repeat([0, 1], 12), np.array([0.8, 0.2])
    held = 0
    for _ in range(200):
        loss = np.where(stratum == 0, rng.normal(10.0, 3.0, 24), rng.normal(100.0, 40.0, 24))
        boot = resampled_annual(loss[None, :], stratum, weight, resamples=300, rng=rng)[:, 0]
        low, high = np.quantile(boot, (0.025, 0.975))
        held += low <= 0.8 * 10.0 + 0.2 * 100.0 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_common_storms_tell_apart_what_separate_ones_could_not() -> None:
    rng = np.random.default_rng(1)
    stratum, weight = np.repeat([0, 1], 20), np.array([0.9, 0.1])
    storm = rng.gamma(1.0, 50.0, 40)
    loss = np.stack([storm, 0.9 * storm, 0.8 * storm, 0.8 * storm])
    boot = resampled_annual(loss, stratum, weight, resamples=500, rng=rng)
    annual = expected_annual(loss, stratum, weight)
    told = rank_by_ratio(annual[0] - annual[1:], boot[:, :1] - boot[:, 1:])
    assert told.rank.tolist() == [3, 1, 2]
    assert told.group.tolist() == [2, 1, 1], "two that save the same in every storm are a tie"
    assert told.rank_low[0] == told.rank_high[0] == 3


@given(st.lists(st.tuples(st.floats(0.0, 200.0), st.floats(0.0, 1e6)), min_size=3, max_size=25))
def test_more_rain_never_loses_less_on_the_curve(storms: list[tuple[float, float]]) -> None:
    rain, loss = np.array(storms).T
    curve = fit_loss_curve(rain, loss)
    read = curve(np.linspace(-10.0, 250.0, 200))
    assert (np.diff(read) >= -1e-6).all()
    assert loss.min() - 1e-6 <= read.min()
    assert read.max() <= loss.max() + 1e-6


def test_a_left_out_storm_is_judged_by_the_others_only() -> None:
    rain, loss = np.array([10.0, 20.0, 30.0]), np.array([1.0, 5.0, 3.0])
    curve = fit_loss_curve(rain, loss)
    np.testing.assert_allclose(curve.left_out, [1.0 - 4.0, 5.0 - 2.0, 3.0 - 5.0])
    assert curve.rmse == pytest.approx(np.sqrt((9.0 + 9.0 + 4.0) / 3.0))


def test_the_greatest_window_of_a_short_storm_is_all_of_it() -> None:
    assert greatest_rain_mm(np.array([0.0, 3.0, 4.0]), 12) == 4.0
