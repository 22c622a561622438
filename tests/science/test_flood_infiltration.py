"""What the ground takes off a flood: wrong here, and every street is too wet or too dry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.flood.infiltration import (
    constant_loss_cell,
    constant_loss_step,
    curve_number_retention_mm,
    curve_number_runoff_cell,
    curve_number_runoff_mm,
    green_ampt_ponding_time_h,
    green_ampt_rate_mm_h,
    green_ampt_step,
)

SILT_LOAM = {"conductivity_mm_h": 6.5, "suction_mm": 166.8, "deficit_ratio": 0.34}
depths = st.floats(0.0, 200.0, allow_subnormal=False)


@settings(deadline=None)
@given(held=depths, supply=depths, step=st.floats(0.001, 2.0), share=st.floats(0.05, 0.95))
def test_cutting_a_step_in_two_changes_nothing(held: float, supply: float, step: float, share: float) -> None:
    whole = float(green_ampt_step(held, supply, step, **SILT_LOAM))
    first = float(green_ampt_step(held, supply * share, step * share, **SILT_LOAM))
    left = supply * (1.0 - share)
    second = float(green_ampt_step(held + first, left, step * (1.0 - share), **SILT_LOAM))
    assert whole == pytest.approx(first + second, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(held=depths, supply=depths, step=st.floats(0.001, 2.0), conductivity=st.floats(0.0, 200.0))
def test_the_ground_takes_no_more_than_there_is(held: float, supply: float, step: float, conductivity: float) -> None:
    soil = {"conductivity_mm_h": conductivity, "suction_mm": 100.0, "deficit_ratio": 0.3}
    taken = float(green_ampt_step(held, supply, step, **soil))
    assert 0.0 <= taken <= supply
    if conductivity == 0.0:
        assert taken == 0.0 or supply == 0.0


@settings(deadline=None)
@given(held=depths, supply=st.floats(1.0, 200.0), step=st.floats(0.01, 2.0))
def test_wetter_ground_takes_less(held: float, supply: float, step: float) -> None:
    wetter = float(green_ampt_step(held + 5.0, supply, step, **SILT_LOAM))
    assert wetter <= float(green_ampt_step(held, supply, step, **SILT_LOAM)) * (1.0 + 1e-12)


def test_rain_no_harder_than_the_conductivity_never_ponds() -> None:
    assert np.isinf(green_ampt_ponding_time_h([0.0, 6.5], **SILT_LOAM)).all()
    assert float(green_ampt_step(500.0, 6.5, 1.0, **SILT_LOAM)) == 6.5


def test_dry_ground_takes_water_at_any_rate_at_first() -> None:
    assert np.isinf(green_ampt_rate_mm_h(0.0, **SILT_LOAM))


@settings(deadline=None)
@given(rain=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=20), number=st.floats(30.0, 100.0))
def test_curve_number_steps_add_up_to_the_whole_storm(rain: list[float], number: float) -> None:
    total = np.concatenate([[0.0], np.cumsum(rain)])
    runoff = np.diff(curve_number_runoff_mm(total, number))
    assert (runoff >= -1e-9).all()
    assert (runoff <= np.array(rain) + 1e-9).all()
    assert runoff.sum() == pytest.approx(float(curve_number_runoff_mm(total[-1], number)), abs=1e-9)


def test_a_sealed_surface_lets_all_rain_run_off() -> None:
    assert curve_number_runoff_mm([0.0, 10.0], 100.0).tolist() == [0.0, 10.0]


def test_kernels_say_what_the_array_functions_say() -> None:
    rain = np.array([0.0, 10.0, 60.0])
    retention = float(curve_number_retention_mm(80.0))
    by_cell = [curve_number_runoff_cell(r, retention, 0.2) for r in rain]
    assert curve_number_runoff_mm(rain, 80.0) == pytest.approx(by_cell)
    losses = [constant_loss_cell(2.0, r, 5.0, 12.0, 0.5) for r in rain]
    assert constant_loss_step(2.0, rain, 0.5, initial_mm=5.0, rate_mm_h=12.0) == pytest.approx(losses)


@settings(deadline=None)
@given(taken=depths, supply=depths, step=st.floats(0.001, 2.0), share=st.floats(0.05, 0.95))
def test_constant_loss_does_not_depend_on_the_step(taken: float, supply: float, step: float, share: float) -> None:
    law = {"initial_mm": 20.0, "rate_mm_h": 10.0}
    whole = float(constant_loss_step(taken, supply, step, **law))
    first = float(constant_loss_step(taken, supply * share, step * share, **law))
    second = float(constant_loss_step(taken + first, supply * (1 - share), step * (1 - share), **law))
    assert whole == pytest.approx(first + second, rel=1e-9, abs=1e-9)
    assert 0.0 <= whole <= supply


@pytest.mark.parametrize("number", [0.0, 101.0, float("nan")])
def test_a_curve_number_out_of_range_is_refused_by_its_cell(number: float) -> None:
    with pytest.raises(InvalidInput, match=r"cell \[1\]"):
        curve_number_retention_mm([80.0, number])


def test_a_hole_in_the_soil_map_is_refused_by_its_cell() -> None:
    soil = np.full((3, 4), 6.5)
    soil[2, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"cell \[2, 1\].*conductivity_mm_h|conductivity_mm_h.*"):
        green_ampt_step(0.0, 1.0, 1.0, conductivity_mm_h=soil, suction_mm=100.0, deficit_ratio=0.3)
