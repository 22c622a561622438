"""The arithmetic under leak detection: distances, night flow, likelihood ratios, the contest's rule."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.leak_score import score
from hypothesis import given
from hypothesis import strategies as st

from rencheng.science.detection.leaks import (
    Belief,
    best_place,
    day_evidence,
    leak_scan,
    learn,
    marginal_evidence,
    place_probability,
    sum_evidence,
)
from rencheng.science.detection.night_flow import daily_constant_flow, daily_excess, day_to_day_variance
from rencheng.science.detection.pipe_distance import pipe_distances


def test_pipe_distance_is_that_of_the_contest() -> None:
    """Middle of the first pipe to middle of the last along a line of 100, 40 and 60 m: 50 + 40 + 30."""
    far = pipe_distances(np.array([[0, 1], [1, 2], [2, 3]]), np.array([100.0, 40.0, 60.0]), 5)
    assert far[0, 2] == pytest.approx(120.0)
    assert far[0, 1] == pytest.approx(70.0)
    assert (np.diag(far) == 0).all()
    assert (far == far.T).all()


@given(st.floats(0.5, 3), st.floats(-5, 30))
def test_constant_flow_is_what_demand_does_not_explain(slope: float, constant: float) -> None:
    nominal = 10 + 5 * np.sin(np.arange(24) / 24 * 2 * np.pi)[None]
    assert daily_constant_flow(slope * nominal + constant, nominal)[0] == pytest.approx(constant, abs=1e-6)


def test_days_with_too_few_hours_say_nothing() -> None:
    inflow, nominal = np.full((1, 24), 5.0), np.linspace(1, 2, 24)[None]
    inflow[0, :12] = np.nan
    assert np.isnan(daily_constant_flow(inflow, nominal)).all()
    assert np.isnan(daily_excess(inflow, nominal)).all()
    assert day_to_day_variance(np.array([np.nan, np.nan]), 0.3) == 0.3


def test_a_leak_stands_out_where_it_is_and_with_its_size() -> None:
    """Three sensors, one state, noise 0.01 m: 5 m³/h at the second place, a doubt that looks like the third."""
    rng = np.random.default_rng(1)
    response = np.array([[[-0.1, 0, 0]], [[0, -0.2, -0.05]], [[0, 0, -0.3]]]) / 1.0
    precision = np.eye(3)[None] / 0.01**2
    residual = 5 * response[1, 0] + 0.01 * rng.standard_normal((24, 3))
    evidence = day_evidence(residual, np.ones((24, 1)), np.zeros(24, int), precision, hours_per_reading=1.0)
    belief, design = Belief(mean=np.zeros(1), cov=np.eye(1)), np.array([[0.0], [0.0], [0.02]])
    scan = leak_scan(marginal_evidence(belief, design, evidence), response)
    assert int(np.argmax(scan.ratio)) == 1
    assert scan.size_ratio[1, 0] == pytest.approx(5, rel=0.02)


def test_a_silent_sensor_does_not_pull() -> None:
    full = np.array([[0.3, -0.2]])
    precision = np.linalg.inv(np.array([[[1.0, 0.6], [0.6, 1.0]]]))
    one = day_evidence(full * [1, np.nan], np.ones((1, 1)), np.zeros(1, int), precision, hours_per_reading=1.0)
    assert one.precision == pytest.approx(np.array([[1.0, 0], [0, 0]]))
    assert one.pull == pytest.approx([0.3, 0])


def test_learning_in_parts_is_learning_at_once() -> None:
    rng = np.random.default_rng(2)
    design, precision = rng.standard_normal((4, 2)), np.eye(4)[None]
    parts = [
        day_evidence(rng.standard_normal((3, 4)), np.ones((3, 1)), np.zeros(3, int), precision, hours_per_reading=1.0)
        for _ in range(2)
    ]
    start = Belief(mean=np.zeros(2), cov=np.eye(2))
    step = learn(learn(start, design, parts[0])[0], design, parts[1])[0]
    once = learn(start, design, sum_evidence(parts))[0]
    assert step.mean == pytest.approx(once.mean)
    assert step.cov == pytest.approx(once.cov)


def test_the_place_is_where_most_probability_is_near() -> None:
    near = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)
    post, reach = place_probability(np.array([10.0, 9.9, 10.1]), near, np.ones(3), temper=4.0)
    assert best_place(post, near) == 0
    assert reach[0] == pytest.approx(0.66, abs=0.02)
    assert reach[0] + reach[2] == pytest.approx(1.0)


def test_the_contests_rule_step_by_step() -> None:
    """One leak of 12 m³/h for 24 steps, price 0.8 €/m³: found at half time 150 m off saves 9.6 € less 250 €."""
    far = np.array([[0.0, 150.0, 400.0], [150.0, 0.0, 300.0], [400.0, 300.0, 0.0]])
    loss = np.full((48, 1), 12.0)
    leaks = [("a", 0, 23)]
    scored = score([(12, "b"), (13, "a"), (14, "c"), (30, "a")], leaks, loss, far, ["a", "b", "c"], first=0)
    assert (scored.found, scored.false_alarms, scored.missed) == (1, 2, 0)
    assert scored.euros == pytest.approx(12 * 0.8 - 250 - 500 - 500)
    assert scored.perfect_euros == pytest.approx(24 * 0.8)
