"""A device whose clock is wrong is told from one whose line is slow, and a backlog changes nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.science.clock_skew import FEWEST, LAGS, SKEW_STATE, add_lags, lag_medians_s, skew_s, usual_lag_s

S = 1_000_000


def heard(skews_s: list[float], deliveries: int, *, way_s: float = 2.0, seed: int = 0) -> np.ndarray:
    """Devices with these clock errors, each delivering so often over a line that takes a while."""
    rng = np.random.default_rng(seed)
    state = np.zeros(len(skews_s), SKEW_STATE)
    for number in range(deliveries):
        arrived = (1000 + 60 * number) * S
        for device, skew in enumerate(skews_s):
            event = arrived - round((way_s + rng.exponential(0.5) - skew) * S)
            add_lags(state, np.array([device, device]), np.array([event - 30 * S, event]), arrived)
    return state


def test_the_one_clock_that_is_wrong_is_found_with_its_sign() -> None:
    median = lag_medians_s(heard([0.0, 0.0, 3600.0, 0.0, -120.0], 20))
    skew = skew_s(median, usual_lag_s(median))
    np.testing.assert_allclose(skew, [0, 0, 3600, 0, -120], atol=1.0)


def test_nothing_is_said_of_a_device_hardly_heard() -> None:
    median = lag_medians_s(heard([0.0, 50.0], FEWEST - 1))
    assert np.isnan(median).all()
    assert np.isnan(usual_lag_s(median))


def test_a_backlog_after_a_cut_does_not_count() -> None:
    state = heard([0.0], 10)
    day = 86_400 * S
    backlog = np.arange(day, 2 * day, 60 * S)
    add_lags(state, np.zeros(len(backlog), np.int64), backlog, 2 * day)  # a day's readings at once, the last one fresh
    add_lags(state, np.array([0]), np.array([day]), 3 * day)  # and one lost reading a day late
    assert abs(float(lag_medians_s(state)[0]) - 2.4) < 1.0


def test_a_clock_set_right_is_believed_after_half_the_memory() -> None:
    state = heard([600.0], LAGS)
    for number in range(LAGS // 2 + 1):
        at = (10_000 + number) * S
        add_lags(state, np.array([0]), np.array([at - 2 * S]), at)
    assert abs(float(lag_medians_s(state)[0]) - 2.0) < 0.1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-(10**9), 10**9)), min_size=1, max_size=30))
def test_the_order_within_a_delivery_does_not_matter(rows: list[tuple[int, int]]) -> None:
    one, other = np.zeros(5, SKEW_STATE), np.zeros(5, SKEW_STATE)
    device, event = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    order = np.argsort(event)
    add_lags(one, device, event, 5 * S)
    add_lags(other, device[order], event[order], 5 * S)
    assert one.tobytes() == other.tobytes()
