"""A flood spreads over a dry plain as fast, as deep and as round as it should (Environment Agency, test 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.truth.flood_spreading import WET_M, Spread, reference_spread, run_spreading, spread_of

UNTIL_S, CELL_M = 2400.0, 10.0


@pytest.fixture(scope="module")
def reference() -> Spread:
    return reference_spread(UNTIL_S, ring_m=4.0)


GOALS: list[tuple[dict[str, Any], float]] = [
    ({"order": 1}, 0.25),
    ({"order": 2}, 0.03),
    ({"scheme": "local_inertial"}, 0.15),
]


@pytest.mark.parametrize(("how", "goal"), GOALS)
def test_a_front_comes_when_and_as_deep_as_it_should(reference: Spread, how: dict[str, Any], goal: float) -> None:
    spread = spread_of(run_spreading(UNTIL_S, CELL_M, **how), CELL_M)
    reached = reference.arrival_s < 0.8 * UNTIL_S
    assert reached.tolist() == [True, True, True, False, False, False]
    assert spread.arrival_s[reached] == pytest.approx(reference.arrival_s[reached], rel=goal)
    assert spread.depth_m[reached] == pytest.approx(reference.depth_m[reached], rel=goal)


def test_a_front_is_as_fast_along_the_diagonal_as_along_the_axis() -> None:
    result = run_spreading(UNTIL_S, CELL_M, order=2)
    wet = result.depth_m >= WET_M
    rows, columns = np.nonzero(wet)
    middle = wet.shape[0] / 2
    radius = np.hypot(columns + 0.5, rows + 0.5 - middle) * CELL_M
    angle = np.degrees(np.arctan2(np.abs(rows + 0.5 - middle), columns + 0.5))
    axis, diagonal = (radius[np.abs(angle - at) < 5.0].max() for at in (5.0, 45.0))
    assert diagonal == pytest.approx(axis, rel=0.04)
