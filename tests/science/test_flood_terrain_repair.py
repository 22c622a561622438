"""A terrain with holes must become one without, and pits must be told."""

from __future__ import annotations

import numpy as np
import pytest

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood import repair_bed, simulate


def test_a_hole_in_a_slope_gets_the_slope_back() -> None:
    x, y = np.meshgrid(np.arange(12.0), np.arange(9.0))
    slope = 5.0 + 0.2 * x - 0.1 * y
    bed = slope.copy()
    bed[3:6, 4:8] = np.nan
    bed[7, 2] = -9999.0
    bed[2, 9] = np.inf
    repair = repair_bed(bed)
    assert np.allclose(repair.bed_m, slope, atol=1e-12)
    assert int(repair.filled.sum()) == 14


def test_a_hole_at_the_edge_is_level_outwards() -> None:
    bed = np.array([[np.nan, 1.0, 2.0], [np.nan, 1.0, 2.0]])
    assert repair_bed(bed).bed_m[:, 0].tolist() == pytest.approx([1.0, 1.0])


def test_pits_are_told_the_deepest_first_and_left_alone() -> None:
    bed = np.full((6, 7), 10.0)
    bed[2, 3], bed[4, 5], bed[1, 1] = 4.0, 8.0, 9.5
    repair = repair_bed(bed)
    assert list(zip(repair.pit_rows.tolist(), repair.pit_columns.tolist(), strict=True)) == [(2, 3), (4, 5)]
    assert repair.pit_depth_m.tolist() == [6.0, 2.0]
    assert (repair.bed_m == bed).all()


def test_a_repaired_bed_floods() -> None:
    bed = np.zeros((5, 5))
    bed[2, 2] = np.nan
    assert simulate(repair_bed(bed).bed_m, 1.0, 60.0, rain_mm_h=60.0).depth_m.mean() == pytest.approx(0.001)


def test_a_bed_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing of the bed"):
        repair_bed(np.full((3, 3), np.nan))
