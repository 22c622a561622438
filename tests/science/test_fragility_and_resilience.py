"""Losses and service curves go into reports that decide budgets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.fragility import DAMAGE_STATES, damage_state, loss_ratio
from rencheng.science.resilience import resilience

DEPTHS = np.array([-1.0, 0.0, 1.0, 2.0])
CURVES = np.array([[0.0, 0.1, 0.2, 0.6], [0.0, 0.0, 0.5, 1.0]])


def test_loss_is_read_off_the_right_curve() -> None:
    out = loss_ratio(np.array([0.5, 0.5, -5.0, 9.0]), np.array([0, 1, 0, 0]), DEPTHS, CURVES)
    np.testing.assert_allclose(out, [0.15, 0.25, 0.0, 0.6])


@given(st.lists(st.floats(-3, 5), min_size=2, max_size=20))
def test_deeper_water_never_costs_less(depths: list[float]) -> None:
    ordered = np.sort(np.array(depths))
    ratio = loss_ratio(ordered, np.zeros(len(ordered), dtype=np.intp), DEPTHS, CURVES)
    assert (np.diff(ratio) >= -1e-12).all()


def test_damage_states_are_those_of_hazus() -> None:
    states = [DAMAGE_STATES[i] for i in damage_state(np.array([0.0, 0.05, 0.3, 0.8]))]
    assert states == ["none", "slight", "moderate", "substantial"]


def test_loss_area_of_a_hand_drawn_curve() -> None:
    """Full, then 40 % for 2 h, 70 % for 1 h, full: 1.2 + 0.3 = 1.5 h of service lost."""
    found = resilience(np.array([0.0, 1.0, 3.0, 4.0, 6.0]), np.array([1.0, 0.4, 0.7, 1.0, 1.0]))
    assert found.loss_h == pytest.approx(1.5)
    assert found.robustness_ratio == 0.4
    assert found.recovery_h == pytest.approx(3.0)
    assert found.mean_ratio == pytest.approx(1.0 - 1.5 / 6.0)


def test_a_service_that_never_comes_back_says_so() -> None:
    assert resilience(np.array([0.0, 1.0]), np.array([1.0, 0.5])).recovery_h == float("inf")


def test_times_that_run_backwards_are_refused() -> None:
    with pytest.raises(InvalidInput, match="ascending"):
        resilience(np.array([1.0, 0.0]), np.array([1.0, 1.0]))
