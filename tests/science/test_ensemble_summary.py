"""Members to a median and chances: as a weighted sample says, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.ensemble_summary import ensemble_summary


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 21), st.integers(0, 10_000))
def test_median_and_percent_are_those_of_the_weighted_sample(members: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    depth = rng.integers(0, 1500, (members, 30)).astype(np.uint16) * (rng.random((members, 30)) < 0.7)
    weights = rng.dirichlet(np.ones(members))
    thresholds = np.array([150, 300, 600, 1200])
    median, percent = ensemble_summary(depth.astype(np.uint16), weights, thresholds)
    order = np.argsort(depth, axis=0, kind="stable")
    reached = np.cumsum(weights[order], axis=0) >= 0.5 - 1e-9
    expected = np.take_along_axis(depth, order, axis=0)[np.argmax(reached, axis=0), np.arange(30)]
    np.testing.assert_array_equal(median, expected)
    chance = 100.0 * ((depth[None] >= thresholds[:, None, None]) * weights[None, :, None]).sum(axis=1)
    assert np.abs(percent - chance).max() <= 1.0
    assert (np.diff(percent.astype(int), axis=0) <= 0).all(), "a deeper threshold is never likelier"


def test_one_member_in_a_thousand_still_shows() -> None:
    depth = np.array([[0], [700]], np.uint16)
    _, percent = ensemble_summary(depth, np.array([0.999, 0.001]), np.array([600]))
    assert percent.tolist() == [[1]]


def test_weights_that_do_not_fit_are_refused() -> None:
    for weights in (np.array([0.5]), np.array([0.7, 0.7]), np.array([1.5, -0.5])):
        with pytest.raises(InvalidInput, match="weights"):
            ensemble_summary(np.zeros((2, 3), np.uint16), weights, np.array([150]))
