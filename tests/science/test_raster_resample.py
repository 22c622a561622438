"""Rasters onto other cells: the volume is kept, planes stay planes, the unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.raster_resample import resampled

PLACE = {"west_m": 100.0, "south_m": 200.0, "to_west_m": 100.0, "to_south_m": 200.0}


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), st.floats(1.0, 7.0), st.integers(0, 99))
def test_growing_cells_keep_the_volume(rows: int, columns: int, ratio: float, seed: int) -> None:
    fine = np.random.default_rng(seed).uniform(0.0, 50.0, (rows, columns))
    shape = (int(np.ceil(rows / ratio - 1e-9)), int(np.ceil(columns / ratio - 1e-9)))
    coarse = resampled(
        np.pad(fine, 10), **{**PLACE, "west_m": 90.0, "south_m": 190.0}, cell_m=1.0, to_cell_m=ratio, to_shape=shape
    )
    assert coarse.sum() * ratio**2 == pytest.approx(fine.sum(), rel=1e-9)


def test_shrinking_cells_keep_a_plane_a_plane() -> None:
    y, x = np.mgrid[0:12, 0:12] + 0.5
    fine = resampled(3.0 * x + 2.0 * y, **PLACE, cell_m=30.0, to_cell_m=10.0, to_shape=(36, 36))
    inner = fine[3:-3, 3:-3]
    np.testing.assert_allclose(np.diff(inner, axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(np.diff(inner, axis=0), 2.0 / 3.0, atol=1e-9)


def test_the_same_cells_are_left_as_they_are() -> None:
    raster = np.random.default_rng(0).uniform(size=(7, 9))
    np.testing.assert_allclose(resampled(raster, **PLACE, cell_m=5.0, to_cell_m=5.0, to_shape=(7, 9)), raster)


def test_cells_mostly_unknown_are_unknown() -> None:
    raster = np.array([[1.0, np.nan], [np.nan, np.nan]])
    assert np.isnan(resampled(raster, **PLACE, cell_m=1.0, to_cell_m=2.0, to_shape=(1, 1))).all()
    raster[1] = 3.0
    assert resampled(raster, **PLACE, cell_m=1.0, to_cell_m=2.0, to_shape=(1, 1)).item() == pytest.approx(7.0 / 3.0)


def test_cells_without_size_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cell_m"):
        resampled(np.zeros((2, 2)), **PLACE, cell_m=0.0, to_cell_m=1.0, to_shape=(1, 1))
