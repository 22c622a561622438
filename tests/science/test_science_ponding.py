"""Ponding events: what begins, what ends, what a silent sensor leaves unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.ponding import above_s, pondings

STEP = 300.0


def series(*depths_cm: float) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(depths_cm)) * STEP, np.array(depths_cm) / 100.0


def test_water_that_wavers_about_the_threshold_is_one_event() -> None:
    """Counting each dip as a new event would make ten short pondings of one long one."""
    at, depth = series(0, 16, 14, 17, 11, 16, 9, 0, 16, 5)
    found = pondings(at, depth, rise_m=0.15, clear_m=0.10)
    assert found.start_s.tolist() == [300.0, 2400.0]
    assert found.end_s.tolist() == [1800.0, 2700.0]
    assert found.peak_m.tolist() == [0.17, 0.16]
    without = pondings(at, depth, rise_m=0.15, clear_m=0.15)
    assert len(without) == 4


def test_water_that_still_stands_is_open_and_a_silent_sensor_cuts_the_event() -> None:
    at, depth = series(0, 20, 30, 25, 20, 20)
    at[3:] += 7200.0
    found = pondings(at, depth, rise_m=0.15, clear_m=0.10, gap_s=1800.0)
    assert found.end_s.tolist() == [600.0, at[-1]]
    assert found.cut.tolist() == [True, False]
    assert found.open.tolist() == [False, True]
    assert found.above_s.sum() < 3600.0, "nothing is known of the two silent hours"


def test_water_below_the_threshold_after_a_gap_is_no_event_of_its_own() -> None:
    """12 cm after a silence are no continuation of what stood before it."""
    at, depth = series(20, 20, 12, 12)
    at[2:] += 7200.0
    found = pondings(at, depth, rise_m=0.15, clear_m=0.10, gap_s=1800.0)
    assert found.start_s.tolist() == [0.0]


def test_no_reading_and_dry_readings_give_no_event_and_nan_is_passed_over() -> None:
    none = np.zeros(0)
    assert len(pondings(none, none, rise_m=0.15, clear_m=0.1)) == 0
    assert len(pondings(*series(0, 5, 14, 0), rise_m=0.15, clear_m=0.1)) == 0
    at, depth = series(0, 20, np.nan, 20, 0)
    assert pondings(at, depth, rise_m=0.15, clear_m=0.1).end_s.tolist() == [1200.0]


@pytest.mark.parametrize(("rise", "clear"), [(0.15, 0.2), (0.15, 0.0), (0.0, 0.0)])
def test_thresholds_that_cannot_be_are_refused(rise: float, clear: float) -> None:
    with pytest.raises(InvalidInput):
        pondings(*series(0, 1), rise_m=rise, clear_m=clear)


def test_times_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidInput):
        pondings(np.array([1.0, 0.0]), np.zeros(2), rise_m=0.15, clear_m=0.1)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.integers(1, 30), st.integers(0, 15))
def test_events_lie_apart_hold_every_deep_reading_and_share_out_the_time_above(
    depths: list[int], clear: int, more: int
) -> None:
    at, depth = series(*depths)
    rise = (clear + more) / 100.0
    found = pondings(at, depth, rise_m=rise, clear_m=clear / 100.0)
    assert np.all(found.start_s[1:] >= found.end_s[:-1])
    assert np.all(found.duration_s >= 0.0)
    assert np.all(found.peak_m >= rise)
    for when in at[depth >= rise]:
        assert np.any((found.start_s <= when) & (when <= found.end_s))
    assert found.above_s.sum() == pytest.approx(above_s(at, depth, rise), abs=1e-6)
    assert not found.cut.any()
    higher = pondings(at, depth + 0.01, rise_m=rise, clear_m=clear / 100.0)
    assert higher.above_s.sum() >= found.above_s.sum() - 1e-6
