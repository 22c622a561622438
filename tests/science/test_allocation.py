"""The assignment is the best there is: no other way of sending the units is cheaper, by trying them all."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.allocation import assign_units, assignment_cost, unserved_travel_s

Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    needs, units = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    travel_s = rng.uniform(0, 4000, (needs, units)).round(1)
    travel_s[rng.random((needs, units)) < 0.15] = np.inf
    return (
        travel_s, rng.random((needs, units)) < 0.8, rng.integers(1, 5, needs), rng.integers(0, 3, needs),
    )  # fmt: skip


def every_assignment(case: Case) -> Iterator[list[tuple[int, int]]]:
    travel_s, eligible, _, wanted = case
    needs, units = travel_s.shape
    for choice in itertools.product(range(-1, needs), repeat=units):
        pairs = [(need, unit) for unit, need in enumerate(choice) if need >= 0]
        possible = all(eligible[p] and np.isfinite(travel_s[p]) for p in pairs)
        if possible and all(sum(n == k for n, _ in pairs) <= wanted[k] for k in range(needs)):
            yield pairs


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_assignment_is_cheaper(case: Case) -> None:
    travel_s, _, priority, wanted = case
    found = assign_units(*case)
    best = min(assignment_cost(pairs, travel_s, priority, wanted) for pairs in every_assignment(case))
    assert assignment_cost(found, travel_s, priority, wanted) == pytest.approx(best)
    assert found in [sorted(pairs) for pairs in every_assignment(case)]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_unit_idles_while_it_could_reach_somebody(case: Case) -> None:
    travel_s, eligible, _, wanted = case
    found = assign_units(*case)
    busy = {u for _, u in found}
    for unit in range(travel_s.shape[1]):
        for need in range(travel_s.shape[0]):
            short = sum(n == need for n, _ in found) < wanted[need]
            if unit not in busy and short:
                assert not (eligible[need, unit] and np.isfinite(travel_s[need, unit]))


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 7200), st.floats(0, 7200), st.integers(1, 3))
def test_for_one_unit_the_more_urgent_need_wins_however_far_it_is(near_s: float, far_s: float, urgent: int) -> None:
    travel_s = np.array([[near_s], [far_s]])
    found = assign_units(travel_s, np.ones((2, 1), bool), np.array([urgent + 1, urgent]), np.array([1, 1]))
    assert found == [(1, 0)]


def test_a_second_unit_for_one_need_waits_for_the_first_of_an_equal_one() -> None:
    travel_s = np.array([[10.0, 10.0], [3000.0, 3000.0]])
    found = assign_units(travel_s, np.ones((2, 2), bool), np.array([1, 1]), np.array([2, 1]))
    assert [need for need, _ in found] == [0, 1]


def test_not_helped_counts_more_than_twice_the_longest_way() -> None:
    assert unserved_travel_s(np.array([[100.0, np.inf]])) == 3601.0
    assert unserved_travel_s(np.array([[5000.0]])) == 10001.0


@pytest.mark.parametrize(
    ("travel_s", "priority", "wanted", "message"),
    [
        ([[1.0]], [5], [1], "not 1 to 4"),
        ([[-1.0]], [1], [1], "negative"),
        ([[np.nan]], [1], [1], "not a number"),
        ([[1.0]], [1, 2], [1], "shapes disagree"),
        ([[1.0]], [1], [-1], "fewer than no units"),
    ],
)
def test_nonsense_is_refused(travel_s: list[list[float]], priority: list[int], wanted: list[int], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        assign_units(np.array(travel_s), np.ones((1, 1), bool), np.array(priority), np.array(wanted))
