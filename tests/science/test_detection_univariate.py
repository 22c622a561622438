"""One series as it streams in: what an officer is told may depend on nothing but what has been seen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.detection.check import check_detector
from rencheng.science.detection.univariate import ALARM_SCORE, UnivariateState, detect_series, detect_step
from rencheng.science.detection.univariate_card import UnivariateDetector

Floats = NDArray[np.float64]
DAY = 288


def stamps(rows: int) -> NDArray[np.int64]:
    return 1_767_225_600_000_000 + np.arange(rows) * 300_000_000


def a_fortnight(seed: int, rows: int = 14 * DAY) -> Floats:
    """A level with a day and noise, as of a pump station."""
    hour = np.arange(rows) * 24 / DAY
    return 40 + 10 * np.sin(hour * 2 * np.pi / 24) + np.random.default_rng(seed).normal(0, 1.5, rows)


def raised(alarm: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.flatnonzero(alarm & ~np.concatenate(([False], alarm[:-1])))


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a spike", lambda x: x[3000:3003].__iadd__(40)),
        ("a shift", lambda x: x[3000:].__iadd__(30)),
        ("a fall to nothing", lambda x: x[3000:3100].__imul__(0.0)),
        ("noise", lambda x: x[3000:3200].__iadd__(np.random.default_rng(9).normal(0, 12, 200))),
    ],
)
def test_what_everybody_would_see_is_told_within_two_hours(what: str, change: object) -> None:
    value = a_fortnight(1)
    change(value)  # type: ignore[operator]
    found = raised(detect_series(stamps(len(value)), value)[1])
    assert ((found >= 3000) & (found < 3024)).any(), what


def test_a_sensor_that_stands_still_is_told() -> None:
    value = a_fortnight(2)
    value[3000:3200] = value[3000]
    found = raised(detect_series(stamps(len(value)), value)[1])
    assert ((found >= 3000) & (found < 3200)).any()


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a pump that does not start", lambda job: job[3000:3300].__imul__(0.0)),
        ("a pump that starts twice as often", lambda job: job[3000:3300].__iadd__(np.roll(job, 18)[3000:3300])),
    ],
)
def test_a_rhythm_that_breaks_is_told_within_the_day(what: str, change: object) -> None:
    """No reading of its own is odd: a pump that runs 25 minutes every three hours, and then does not."""
    job = np.where(np.arange(14 * DAY) % 36 < 5, 8.0, 0.0)
    change(job)  # type: ignore[operator]
    value = 20 + job + np.random.default_rng(4).normal(0, 0.5, len(job))
    found = raised(detect_series(stamps(len(value)), value)[1])
    assert ((found >= 3000) & (found < 3300)).any(), what
    assert (found < 3000).sum() <= 4


def test_a_job_that_comes_back_on_time_is_left_alone() -> None:
    """A pump that runs 25 minutes every three hours, without any noise, is known after half a week."""
    value = np.where(np.arange(14 * DAY) % 36 < 5, 80.0, 20.0)
    assert (raised(detect_series(stamps(len(value)), value)[1]) < 4 * DAY).all()


def test_a_quiet_series_gives_few_alarms() -> None:
    """Officers stop looking at a sensor that cries wolf: at most one false alarm in three days of plain noise."""
    found = sum(len(raised(detect_series(stamps(14 * DAY), a_fortnight(seed))[1])) for seed in range(20, 30))
    assert found <= 10 * 14 / 3


def test_a_flat_line_is_quiet() -> None:
    score, alarm = detect_series(stamps(3000), np.full(3000, 7.5))
    assert not alarm.any()
    assert (score < ALARM_SCORE).all()


def test_alarms_close_by_themselves() -> None:
    value = a_fortnight(3)
    value[3000:3003] += 60
    alarm = detect_series(stamps(len(value)), value)[1]
    assert alarm[3000:3003].any()
    assert not alarm[3000 + 300 : 3000 + 320].any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(1, 1500), min_size=1, max_size=6))
def test_however_a_series_is_cut_the_rows_are_the_same(seed: int, cuts: list[int]) -> None:
    value = a_fortnight(seed, 2000)
    value[np.random.default_rng(seed).integers(0, 2000, 30)] = np.nan
    whole = detect_series(stamps(2000), value)
    state = UnivariateState()
    edges = np.unique(np.clip(np.concatenate(([0], np.cumsum(cuts), [2000])), 0, 2000))
    parts = [detect_step(state, stamps(2000)[a:b], value[a:b]) for a, b in pairwise(edges.tolist())]
    np.testing.assert_array_equal(whole[0], np.concatenate([score for score, _ in parts]))
    np.testing.assert_array_equal(whole[1], np.concatenate([alarm for _, alarm in parts]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 1999), st.floats(-1e12, 1e12))
def test_the_future_does_not_change_the_past(seed: int, row: int, other: float) -> None:
    value = a_fortnight(seed, 2000)
    changed = value.copy()
    changed[row:] = other
    score, alarm = detect_series(stamps(2000), value)
    score2, alarm2 = detect_series(stamps(2000), changed)
    np.testing.assert_array_equal(score[:row], score2[:row])
    np.testing.assert_array_equal(alarm[:row], alarm2[:row])


@pytest.mark.parametrize(("factor", "offset"), [(1e-6, 0.0), (1e9, 0.0), (1.8, 32.0), (1.0, -1000.0)])
def test_the_unit_does_not_matter(factor: float, offset: float) -> None:
    value = a_fortnight(5)
    value[3000:3050] += 25
    score, alarm = detect_series(stamps(len(value)), value)
    other, alarm2 = detect_series(stamps(len(value)), value * factor + offset)
    np.testing.assert_allclose(score, other, atol=0.02)
    assert (alarm != alarm2).mean() < 0.002


def test_upside_down_is_as_suspicious() -> None:
    value = a_fortnight(6)
    value[3000:3010] += 50
    score, _ = detect_series(stamps(len(value)), value)
    other, _ = detect_series(stamps(len(value)), -value)
    np.testing.assert_allclose(score, other, atol=1e-6)


def test_missing_values_leave_no_trace() -> None:
    value = a_fortnight(7, 2000)
    some = np.insert(value, [500, 500, 1700], np.nan)
    at_us = np.insert(stamps(2000), [500, 500, 1700], stamps(2000)[[500, 500, 1700]])
    score, _ = detect_series(at_us, some)
    assert np.isnan(score).sum() == 3
    np.testing.assert_array_equal(score[~np.isnan(score)], detect_series(stamps(2000), value)[0])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=0, max_size=400),
    st.integers(-(2**60), 2**60),
    st.integers(-(10**9), 10**9),
)
def test_any_numbers_at_any_times_are_scored(values: list[float], start: int, step: int) -> None:
    value = np.array(values * 3)
    score, alarm = detect_series(start + np.arange(len(value)) * step, value)
    known = np.isfinite(value)
    assert ((score[known] >= 0) & (score[known] <= 1)).all()
    assert np.isnan(score[~known]).all()
    assert alarm.dtype == np.bool_


def test_stamps_and_values_must_be_as_many() -> None:
    with pytest.raises(InvalidInput, match="Give one value for each stamp"):
        detect_series(stamps(3), np.zeros(4))


def test_it_keeps_the_contract_of_all_detectors() -> None:
    check_detector(UnivariateDetector())


def test_an_impossible_value_does_not_blind_it_for_good() -> None:
    value = a_fortnight(8)
    value[1500:1504] = [1e300, -1e300, 3e38, -9999.0]
    value[3000:3010] += 60
    found = raised(detect_series(stamps(len(value)), value)[1])
    assert ((found >= 3000) & (found < 3024)).any()
