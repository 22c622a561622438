"""A zone that read its neighbour's water would close the wrong road."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.zonal import zonal_max, zonal_share, zonal_upper, zones_from_pairs


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 19)), max_size=60), st.integers(0, 99))
def test_zones_read_what_a_plain_loop_reads(pairs: list[tuple[int, int]], seed: int) -> None:
    zone, place = (np.array([p[k] for p in pairs], np.int64) for k in (0, 1))
    raster = np.random.default_rng(seed).random((4, 5)).astype(np.float32)
    indptr, places = zones_from_pairs(zone, place, 5)
    for z in range(5):
        values = raster.ravel()[sorted({p for q, p in pairs if q == z})]
        assert zonal_max(indptr, places, raster)[z] == values.max(initial=0.0)
        assert zonal_share(indptr, places, raster)[z] == pytest.approx(values.mean() if len(values) else 0.0)
        if len(values):
            tenth = np.sort(values)[::-1][int(np.ceil(0.1 * len(values) - 1e-9)) - 1]
            assert zonal_upper(indptr, places, raster, share=0.1)[z] == tenth


def test_unknown_depths_count_as_dry() -> None:
    raster = np.array([[np.nan, 0.4]], np.float32)
    assert zonal_max(np.array([0, 2]), np.array([0, 1]), raster).tolist() == [np.float32(0.4)]
    assert zonal_upper(np.array([0, 2]), np.array([0, 1]), raster, share=1.0).tolist() == [0.0]


def test_zones_of_another_grid_are_refused() -> None:
    with pytest.raises(InvalidInput, match="outside a raster"):
        zonal_max(np.array([0, 1]), np.array([7]), np.zeros((2, 2), np.float32))
    with pytest.raises(InvalidInput, match="share"):
        zonal_upper(np.array([0, 1]), np.array([0]), np.zeros((2, 2), np.float32), share=0.0)
