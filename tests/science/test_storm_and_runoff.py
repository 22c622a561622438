"""Rain that a rehearsal loses or invents would teach its people wrong lessons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import SHANGHAI_2017, StormCell, chicago_hyetograph, rain_rate
from rencheng.science.runoff import nash_cascade_step, stage_from_discharge


@given(period=st.floats(1, 500), minutes=st.integers(10, 600), peak=st.floats(0.1, 0.9))
def test_a_design_storm_holds_exactly_the_depth_of_its_formula(period: float, minutes: int, peak: float) -> None:
    rain = chicago_hyetograph(SHANGHAI_2017, return_period_a=period, duration_min=minutes, peak_ratio=peak)
    expected = SHANGHAI_2017.mean_mm_h(minutes, period) * minutes / 60.0
    assert rain.sum() == pytest.approx(expected, rel=1e-9)
    assert (rain >= 0).all()


def test_the_storm_peaks_where_it_is_told_and_holds_the_formula_around_the_peak() -> None:
    rain = chicago_hyetograph(SHANGHAI_2017, return_period_a=20, duration_min=120, peak_ratio=0.4)
    assert int(rain.argmax()) in {47, 48}
    inner = rain[48 - 12 : 48 + 18].sum()  # 30 minutes split 0.4 / 0.6 around the peak
    assert inner == pytest.approx(SHANGHAI_2017.mean_mm_h(30, 20) * 0.5, rel=1e-9)


def test_a_storm_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InvalidInput, match="return period"):
        chicago_hyetograph(SHANGHAI_2017, return_period_a=0.5, duration_min=60)


def test_rain_is_strongest_under_the_cell_and_never_below_its_floor() -> None:
    cell = StormCell(start_x_m=0, start_y_m=0, speed_x_m_s=2, speed_y_m_s=0, radius_m=3000, floor_ratio=0.3)
    x = np.array([-50_000.0, 0.0, 7200.0])
    rate = rain_rate(cell, x, np.zeros(3), 3600.0, 100.0)
    assert rate[2] == pytest.approx(100.0)
    assert rate[0] == pytest.approx(30.0)
    assert rate[0] < rate[1] < rate[2]


@given(flow=st.lists(st.floats(0, 1e4), min_size=1, max_size=100), residence=st.floats(60, 1e5))
def test_a_cascade_of_reservoirs_loses_no_water(flow: list[float], residence: float) -> None:
    storage, out = np.zeros(3), 0.0
    for q in flow:
        storage, flowed = nash_cascade_step(storage, q, 60.0, residence)
        out += flowed * 60.0
    assert out + storage.sum() == pytest.approx(sum(flow) * 60.0, rel=1e-9, abs=1e-6)


def test_the_cascade_answers_a_pulse_as_nash_says() -> None:
    """Centroid of the outflow of a short pulse lies n·k after it (Nash 1957)."""
    storage, k = np.zeros(3), 1800.0
    out = []
    for step in range(3000):
        storage, q = nash_cascade_step(storage, 100.0 if step == 0 else 0.0, 10.0, k)
        out.append(q)
    t = (np.arange(3000) + 0.5) * 10.0
    centroid = float((t * out).sum() / np.sum(out))
    assert centroid == pytest.approx(3 * k, rel=0.01)


def test_stage_follows_manning() -> None:
    stage = stage_from_discharge(np.array([0.0, 50.0, 100.0]), bankfull_m3_s=100.0, bankfull_m=4.0, bed_m=-1.0)
    assert stage[0] == -1.0
    assert stage[2] == pytest.approx(4.0)
    assert stage[1] == pytest.approx(-1.0 + 5.0 * 0.5**0.6)
