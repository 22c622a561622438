"""Elevation that was squeezed into a byte would shift every flood map by a sixth without anybody noticing."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel import InvalidInput
from rencheng.science.height_squeeze import metres_of_steps, squeeze_of


def _hills(range_m: int, cells: int = 200_000) -> np.ndarray:
    rng = np.random.default_rng(3)
    heights = np.minimum(rng.gamma(1.3, range_m / 4.0, cells), range_m).astype(np.int64)
    return np.asarray(np.r_[heights, 0, range_m])


@pytest.mark.parametrize("range_m", [298, 311, 420])
def test_the_range_of_a_squeeze_is_read_off_the_histogram(range_m: int) -> None:
    found = squeeze_of(_hills(range_m) * 255 // range_m)
    assert found is not None
    assert (found.range_m, found.rounded) == (range_m, False)


def test_a_rounded_squeeze_is_told_from_a_cut_one() -> None:
    found = squeeze_of(np.rint(_hills(311) * 255.0 / 311.0))
    assert found is not None
    assert (found.range_m, found.rounded) == (311, True)


def test_whole_metres_are_left_alone() -> None:
    assert squeeze_of(np.minimum(_hills(255), 255)) is None
    assert squeeze_of(_hills(700)) is None
    assert squeeze_of(np.array([0.5, 255.0])) is None


def test_steps_come_back_within_half_of_what_they_hold() -> None:
    heights = np.arange(299)
    back = metres_of_steps(range_m=298, lowest_m=10.0)[heights * 255 // 298]
    assert np.abs(back - (heights + 10.0)).max() <= 0.5


def test_a_range_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no squeeze"):
        metres_of_steps(range_m=0)
