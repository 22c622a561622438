"""An extent that crosses a ridge, leaks through a wall or changes from run to run would send people the wrong way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.flood.extent import (
    TerrainError,
    connected_extent,
    correlated_field,
    extent_members,
    levees_opened,
    levees_raised,
    spill_level,
)
from rencheng.science.flood.spreading import spread_from_water

SHORE = np.zeros((30, 30), bool)
SHORE[:, 0] = True


def _ground(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ground = 3.0 * correlated_field((30, 30), 8.0, rng) + np.linspace(0.0, 6.0, 30)
    ground[:, 0] = -1.0
    return ground


def test_a_pit_behind_a_ridge_stays_dry_until_the_ridge_is_topped() -> None:
    ground = np.full((5, 9), 0.0)
    ground[:, 4] = 3.0
    water = np.zeros((5, 9), bool)
    water[:, 0] = True
    assert not connected_extent(ground, 2.9, water)[:, 5:].any()
    assert connected_extent(ground, 3.1, water)[:, 5:].all()
    assert spill_level(ground, water)[2, 8] == 3.0


@given(st.integers(0, 1000), st.floats(-1.0, 8.0), st.floats(0.0, 4.0))
def test_the_extent_grows_with_the_level(seed: int, level: float, more: float) -> None:
    ground = _ground(seed)
    low, high = connected_extent(ground, level, SHORE), connected_extent(ground, level + more, SHORE)
    assert not (low & ~high).any()


@given(st.integers(0, 1000), st.floats(-1.0, 8.0))
def test_the_spill_level_says_which_level_reaches_a_cell(seed: int, level: float) -> None:
    ground = _ground(seed)
    wet = connected_extent(ground, level, SHORE)
    assert (wet == ((spill_level(ground, SHORE) < level) & ~SHORE)).all()


def test_unknown_ground_lets_nothing_through() -> None:
    ground = np.zeros((1, 5))
    ground[0, 2] = np.nan
    water = np.array([[True, False, False, False, False]])
    assert connected_extent(ground, 1.0, water)[0].tolist() == [False, True, False, False, False]
    assert np.isnan(spill_level(ground, water)[0, 2:]).all()


def test_a_levee_holds_below_its_crest_and_not_above() -> None:
    ground = np.zeros((30, 30))
    crest = np.full((30, 30), np.nan)
    crest[:, 10] = 2.0
    walled = levees_raised(ground, crest)
    assert not connected_extent(walled, 1.9, SHORE)[:, 11:].any()
    assert connected_extent(walled, 2.1, SHORE)[:, 11:].all()


def test_an_opened_levee_no_longer_dams_though_the_terrain_shows_it() -> None:
    ground = np.zeros((30, 30))
    ground[:, 10:12] = 5.0
    line = np.zeros((30, 30), bool)
    line[:, 10] = True
    assert not connected_extent(ground, 1.0, SHORE)[:, 12:].any()
    assert connected_extent(levees_opened(ground, line), 1.0, SHORE)[:, 12:].all()


def _error(noise_m: float) -> TerrainError:
    return TerrainError(
        noise_m=noise_m, noise_range_m=120.0, cover_m=np.full((30, 30), 0.5), cover_range_m=300.0, datum_m=0.3
    )


def _members(seed: int, level: float = 3.0, noise_m: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    members = extent_members(_ground(4), level, SHORE, _error(noise_m), cell_m=30.0, members=20, rng=rng)
    return np.stack(list(members))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert _members(11).tobytes() == _members(11).tobytes()
    assert _members(11).tobytes() != _members(12).tobytes()


def test_each_member_grows_with_the_level() -> None:
    assert (_members(11, level=2.0) <= _members(11, level=3.0) + 1e-12).all()


def test_a_surveyed_crest_is_no_surer_broken_than_whole() -> None:
    ground = np.zeros((30, 30))
    ground[:, 10] = 1.2
    crest = ground > 1.0
    rng = np.random.default_rng(2)
    for depth in extent_members(ground, 1.0, SHORE, _error(2.0), cell_m=30.0, members=20, rng=rng, surveyed=crest):
        assert not (depth[:, 11:] > 0.0).any()


@pytest.mark.parametrize("range_cells", [0.5, 4.0, 12.0])
def test_a_random_field_has_the_spread_and_the_range_it_is_asked_for(range_cells: float) -> None:
    rng = np.random.default_rng(1)
    fields = np.stack([correlated_field((64, 64), range_cells, rng) for _ in range(40)])
    assert abs(fields.std() - 1.0) < 0.08
    if range_cells >= 4.0:
        lag = int(range_cells)
        assert abs((fields[:, :, lag:] * fields[:, :, :-lag]).mean() - 0.05) < 0.06


def test_rasters_that_do_not_match_are_refused() -> None:
    with pytest.raises(InvalidInput, match="same raster"):
        connected_extent(np.zeros((3, 3)), 1.0, SHORE)


def test_water_needs_time_and_stays_inside_what_it_can_reach() -> None:
    ground = np.zeros((20, 60))
    ground[:, :3] = -2.0
    water = np.zeros((20, 60), bool)
    water[:, :3] = True
    ground[:, 50:] = 9.0
    reach = connected_extent(ground, 1.0, water)
    level = np.full(ground.shape, 1.0)
    soon, late = (
        spread_from_water(ground, level, water, cell_m=30.0, duration_s=t, reach=reach) for t in (300.0, 14_400.0)
    )
    first, last = (np.asarray(r.depth_m)[reach] > 0.05 for r in (soon, late))
    assert 0.0 < first.mean() < 0.9
    assert last.mean() > 0.99
    assert np.asarray(late.depth_m)[reach].max() < 1.02
    assert abs(late.volume_error_ratio) < 1e-10


def test_spreading_without_a_river_is_refused() -> None:
    none = np.zeros((5, 5), bool)
    with pytest.raises(InvalidInput, match="needs a river"):
        spread_from_water(np.zeros((5, 5)), np.ones((5, 5)), none, cell_m=30.0, duration_s=60.0, reach=none)
