"""The band that people see is what the detector goes by: the same deviations, from readings before only."""

from __future__ import annotations

import numpy as np

from rencheng.science.detection.baseline_band import expected_band
from rencheng.science.detection.rules import DetectionRule

RULE = DetectionRule(
    id="odd", kind="baseline", levels={"blue": 6.0}, follow_s=21_600.0, warm_s=86_400.0, warm_count=50, scale_floor=0.01
)
N = 10_080
AT = np.arange(N, dtype=np.int64) * 60_000_000
COURSE = 2.0 + 0.3 * np.sin(2 * np.pi * np.arange(N) / 1440.0)


def test_the_band_learns_the_course_and_its_width() -> None:
    value = COURSE + np.random.default_rng(1).normal(0.0, 0.05, N)
    expected, scale = expected_band(AT, value, RULE)
    assert np.isnan(expected[:1440]).all()  # a day of learning
    late = slice(5000, None)
    assert np.abs(expected[late] - COURSE[late]).mean() < 0.04
    assert 0.04 < np.median(scale[late]) < 0.07


def test_the_band_of_a_reading_knows_nothing_of_it_or_of_what_came_later() -> None:
    value = COURSE.copy()
    before, _ = expected_band(AT, value, RULE)
    value[6000:] += 5.0
    after, _ = expected_band(AT, value, RULE)
    assert np.array_equal(before[:6001], after[:6001], equal_nan=True)
    assert after[6500] < 4.0  # five metres within a day are not usual yet


def test_doubted_readings_teach_nothing() -> None:
    flags = np.zeros(N, dtype=np.uint16)
    flags[4000:4100] = 1
    odd = COURSE.copy()
    odd[4000:4100] = 99.0
    expected, _ = expected_band(AT, odd, RULE, flags=flags)
    assert np.isnan(expected[4000:4100]).all()
    assert abs(expected[4200] - COURSE[4200]) < 0.05
