"""Infiltration against the worked examples of the textbooks that city engineers check by."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.science.flood.infiltration import (
    curve_number_runoff_mm,
    green_ampt_ponded_mm,
    green_ampt_ponding_time_h,
    green_ampt_rate_mm_h,
    green_ampt_step,
)

SILT_LOAM = {"conductivity_mm_h": 6.5, "suction_mm": 167.0, "deficit_ratio": 0.340}
"""Silt loam at 30 % effective saturation, Chow, Maidment & Mays (1988), examples 4.3.1, 4.4.1 and 4.4.2."""


def test_ponded_from_the_start() -> None:
    """Example 4.3.1: 3.17 cm and 1.81 cm/h after one hour."""
    mm = float(green_ampt_ponded_mm(0.0, 1.0, **SILT_LOAM))
    assert mm == pytest.approx(31.7, abs=0.05)
    assert float(green_ampt_rate_mm_h(mm, **SILT_LOAM)) == pytest.approx(18.1, abs=0.06)


def test_ponding_times() -> None:
    """Example 4.4.1: 10.5 h at 1 cm/h, 0.17 h at 5 cm/h."""
    times = green_ampt_ponding_time_h([10.0, 50.0], **SILT_LOAM)
    assert times == pytest.approx([10.5, 0.17], rel=0.01)


def test_one_hour_of_hard_rain() -> None:
    """Example 4.4.2: 3.02 cm and 1.87 cm/h after an hour of 5 cm/h."""
    mm = float(green_ampt_step(0.0, 50.0, 1.0, **SILT_LOAM))
    assert mm == pytest.approx(30.2, abs=0.05)
    assert float(green_ampt_rate_mm_h(mm, **SILT_LOAM)) == pytest.approx(18.7, abs=0.05)


RAIN_CM = [0.18, 0.21, 0.26, 0.32, 0.37, 0.43, 0.64, 1.14, 3.18, 1.65, 0.81, 0.52, 0.42, 0.36, 0.28, 0.24, 0.19, 0.17]
INFILTRATED_CM = [0.18, 0.39, 0.65, 0.97, 1.34, 1.77, 2.21, 2.59, 2.95, 3.29, 3.62, 3.93, 4.24, 4.53, 4.81, 5.05, 5.24]


def test_variable_rain_on_sandy_loam() -> None:
    """Example 5.4.1: ponding begins after 60 minutes and ends after 140; 5.41 cm infiltrate of 11.37."""
    soil = {"conductivity_mm_h": 10.9, "suction_mm": 110.1, "deficit_ratio": 0.247}
    taken, course = 0.0, []
    for cm in RAIN_CM:
        taken += float(green_ampt_step(taken, 10.0 * cm, 1.0 / 6.0, **soil))
        course.append(taken / 10.0)
    assert course[:-1] == pytest.approx(INFILTRATED_CM, abs=0.015)
    assert course[-1] == pytest.approx(5.41, abs=0.015)
    excess = np.cumsum(RAIN_CM) - course
    assert np.flatnonzero(np.diff(excess) > 1e-9).tolist() == list(range(5, 13))


@pytest.mark.parametrize(
    ("rain_in", "number", "runoff_in"),
    [
        (1.0, 98, 0.79),
        (1.0, 80, 0.08),
        (2.0, 90, 1.09),
        (3.0, 70, 0.71),
        (4.0, 75, 1.67),
        (5.0, 80, 2.89),
        (6.0, 85, 4.30),
        (8.0, 60, 3.33),
        (10.0, 70, 6.22),
        (12.0, 95, 11.39),
    ],
)
def test_curve_number_runoff(rain_in: float, number: int, runoff_in: float) -> None:
    """TR-55 (USDA 1986), table 2-1."""
    assert float(curve_number_runoff_mm(rain_in * 25.4, number)) / 25.4 == pytest.approx(runoff_in, abs=0.006)
