"""How a network answers to demand: by hand where a pipe is alone, and by the laws that hold for every network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.science.detection.pipe_sensitivity import NetworkState, demand_sensitivity


def loop(flow: tuple[float, float, float], loss: tuple[float, float, float]) -> NetworkState:
    """A reservoir (0) and two junctions in a triangle."""
    ends = np.array([[0, 1], [0, 2], [1, 2]])
    head = np.array([50.0, 50.0 - loss[0], 50.0 - loss[1]])
    fixed = np.array([True, False, False])
    return NetworkState(
        ends=ends, head_m=head, flow_m3_h=np.array(flow), fixed=fixed, held=np.full(3, -1), exponent=2.0
    )


@given(st.floats(1, 50), st.floats(1, 50), st.floats(0.5, 9), st.floats(0.5, 9))
def test_heads_fall_and_answers_are_mutual(a: float, b: float, loss_a: float, loss_b: float) -> None:
    """Taking water at one junction lowers the other by as much as the other way round (Maxwell and Betti)."""
    state = loop((a, b, np.sign(loss_b - loss_a) * 3.0), (loss_a, loss_b, abs(loss_b - loss_a)))
    answer = demand_sensitivity(state, np.array([1, 2]), np.array([0, 1]))
    assert answer[0, 2] == pytest.approx(answer[1, 1], rel=1e-6)
    assert (answer[:2, 1:] <= 1e-12).all()
    assert answer[2:, 1:].sum(axis=0) == pytest.approx([1.0, 1.0], rel=1e-6)  # what is taken comes from the source


def test_a_valve_that_holds_a_head_hides_what_happens_behind_it() -> None:
    """Reservoir, pipe (10 m at 10 m³/h), valve that holds 30 m, pipe (5 m at 10 m³/h)."""
    state = NetworkState(
        ends=np.array([[0, 1], [1, 2], [2, 3]]),
        head_m=np.array([50.0, 40.0, 30.0, 25.0]),
        flow_m3_h=np.full(3, 10.0),
        fixed=np.array([True, False, False, False]),
        held=np.array([-1, 2, -1]),
        exponent=2.0,
    )
    answer = demand_sensitivity(state, np.array([1, 2, 3]), np.array([1]))
    assert answer[:, 3] == pytest.approx([-2.0, 0.0, -1.0, 1.0])  # 2 · 10 / 10 before it, 2 · 5 / 10 behind it
    assert answer[:, 1] == pytest.approx([-2.0, 0.0, 0.0, 0.0])


def test_a_closed_link_carries_nothing() -> None:
    state = loop((10.0, 0.0, 5.0), (4.0, 6.0, 2.0))
    answer = demand_sensitivity(state, np.array([1, 2]), np.array([1]))
    assert answer[2] == pytest.approx([0.0, 0.0, 0.0])
    assert answer[:2, 2] == pytest.approx([-0.8, -1.6])  # 2 · 4 / 10, and 2 · 2 / 5 more
