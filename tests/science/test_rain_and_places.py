"""Rain over windows and between gauges: what is counted, what is missing, how far a gauge speaks."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.science.interpolation import inverse_distance, pairwise_distance_m
from rencheng.science.rainfall import accumulations
from rencheng.science.regular_series import regular_grid, regular_totals
from rencheng.science.urban_water import accumulation_outlook, drain_excess_mm

HOUR = 3_600_000_000


def one_gauge(hours: list[float], amount: list[float], *, now: float) -> tuple[np.ndarray, np.ndarray]:
    """Accumulations over 1, 3 and 6 h of one gauge."""
    at = (np.array(hours) * HOUR).astype(np.int64)
    mm, share = accumulations(
        np.zeros(len(at), np.int64), at, np.array(amount), gauges=1, now_us=int(now * HOUR), windows_h=(1.0, 3.0, 6.0)
    )
    return mm[0], share[0]


def test_mixed_steps_add_up_to_the_same_rain() -> None:
    quarter, _ = one_gauge([i / 4 for i in range(1, 25)], [1.0] * 24, now=6)
    mixed, share = one_gauge([0.25, 0.5, 0.75, 1, 2, 3, 4, 4.5, 5, 5.5, 6], [1, 1, 1, 1, 4, 4, 4, 2, 2, 2, 2], now=6)
    assert quarter.tolist() == [4.0, 12.0, 24.0]
    assert mixed[2] <= 24.0
    assert share[2] < 1.0, "hours longer than the usual step count as partly unobserved"


def test_a_gap_is_unobserved_not_dry() -> None:
    mm, share = one_gauge([1, 2, 5, 6], [5.0, 5.0, 5.0, 5.0], now=6)
    assert mm.tolist() == [5.0, 10.0, 20.0]
    assert share.tolist() == pytest.approx([1.0, 2 / 3, 4 / 6])


def test_rain_after_now_does_not_count() -> None:
    mm, _ = one_gauge([1, 2, 3], [1.0, 1.0, 50.0], now=2)
    assert mm[1] == 2.0


def test_a_silent_gauge_has_no_amount() -> None:
    mm, share = accumulations(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), gauges=2, now_us=HOUR, windows_h=(1.0,)
    )
    assert np.isnan(mm).all()
    assert (share == 0).all()


def test_a_gauge_speaks_only_within_its_reach() -> None:
    distance = pairwise_distance_m(np.array([[0.0, 0.0], [50_000.0, 0.0]]), np.array([[1000.0, 0.0]]))
    estimate, error = inverse_distance(distance, np.array([[10.0]]))
    assert estimate[0, 0] == 10.0
    assert np.isnan(estimate[1, 0])
    assert np.isnan(error[1, 0])
    assert error[0, 0] > 0.0, "one gauge a kilometre off is not certain"


def test_error_grows_with_distance_and_disagreement() -> None:
    near, far = np.array([[100.0, 9000.0]]), np.array([[5000.0, 9000.0]])
    agree, differ = np.array([[10.0], [10.0]]), np.array([[10.0], [30.0]])
    assert inverse_distance(near, agree)[1] < inverse_distance(far, agree)[1]
    assert inverse_distance(far, agree)[1] < inverse_distance(far, differ)[1]


def test_rain_to_come_fades() -> None:
    windows, none = (1.0, 3.0, 6.0), np.zeros((1, 3))
    amount = np.array([[20.0, 40.0, 60.0]])
    now, _ = accumulation_outlook(windows, amount, none, window_h=6.0, lead_h=0.0)
    later, spread = accumulation_outlook(windows, amount, none, window_h=6.0, lead_h=6.0)
    assert now[0] == 60.0
    assert later[0] == pytest.approx(20.0 * 2.0 * (1.0 - np.exp(-3.0)))
    assert spread[0] == pytest.approx(0.8 * later[0])


def test_drains_take_more_in_a_longer_time() -> None:
    assert drain_excess_mm(np.array([60.0]), window_h=1.0, capacity_mm_h=36.0)[0] == 24.0
    assert drain_excess_mm(np.array([60.0]), window_h=6.0, capacity_mm_h=36.0)[0] == 0.0


def test_a_grid_never_looks_ahead_and_never_holds_for_long() -> None:
    at = np.array([0, 3 * HOUR + 1], np.int64)
    grid = regular_grid(np.zeros(2, np.int64), at, np.array([1.0, 2.0]), count=1, end_us=4 * HOUR, steps=5)
    assert np.array_equal(grid[:, 0], [1.0, 1.0, np.nan, np.nan, 2.0], equal_nan=True)


def test_totals_keep_what_fell_in_each_hour() -> None:
    at = np.array([1, HOUR, HOUR + 1], np.int64)
    total = regular_totals(np.zeros(3, np.int64), at, np.array([1.0, 2.0, 4.0]), count=1, end_us=2 * HOUR, steps=2)
    assert total.ravel().tolist() == [3.0, 4.0]
