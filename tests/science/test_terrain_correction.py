"""A correction that raised ground, tilted plains or invented houses would move the shoreline of every flood map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.terrain_correction import (
    cover_effect,
    cover_from_density,
    denoised,
    neighbourhood_mean,
    objects_removed,
    scaled_to_survey,
)

Y, X = np.mgrid[0:80, 0:80].astype(np.float64)


@given(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), st.floats(-50.0, 500.0))
def test_a_bare_smooth_plane_comes_out_as_it_went_in(east: float, north: float, height: float) -> None:
    plane = height + east * X[:30, :40] + north * Y[:30, :40]
    assert np.abs(objects_removed(plane, cell_m=30.0) - plane).max() == 0.0
    assert np.abs(denoised(plane) - plane).max() < 1e-5


@given(st.integers(0, 2**32 - 1))
def test_removing_objects_never_raises_ground(seed: int) -> None:
    surface = np.random.default_rng(seed).gamma(1.0, 8.0, (25, 25))
    assert (objects_removed(surface, cell_m=30.0) <= surface).all()


def test_a_tower_goes_and_a_hill_stays() -> None:
    hill = 40.0 * np.exp(-((X - 40) ** 2 + (Y - 40) ** 2) / (2 * 15.0**2))
    surface = hill.copy()
    surface[10:13, 60:62] += 60.0
    cut = objects_removed(surface, cell_m=30.0)
    assert cut[11, 61] < 5.0
    assert np.abs(cut - hill)[20:60, 20:60].max() < 1.5


def test_unknown_ground_stays_unknown() -> None:
    surface = np.ones((9, 9))
    surface[4, 4] = np.nan
    assert np.isnan(objects_removed(surface, cell_m=30.0)[4, 4])
    assert np.isnan(denoised(surface)[4, 4])
    assert np.isnan(objects_removed(np.full((3, 3), np.nan), cell_m=30.0)).all()


def test_denoising_takes_most_of_the_speckle_and_no_height() -> None:
    plane = 3.0 + 0.1 * X
    noisy = plane + np.random.default_rng(1).normal(0.0, 1.0, X.shape)
    left = denoised(noisy) - plane
    assert left.std() < 0.4
    assert abs(left.mean()) < 0.05


def _town(seed: int, houses_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ground that rises inland, true cover, and the surface over it."""
    rng = np.random.default_rng(seed)
    cover = (neighbourhood_mean(rng.standard_normal(X.shape), np.ones(X.shape, bool), 3.0) > 0.05).astype(float)
    surface = 0.02 * X + houses_m * cover + rng.normal(0.0, 0.8, X.shape)
    return cover, surface, rng.standard_normal(X.shape)


def test_a_town_shows_how_high_its_houses_lift_the_surface() -> None:
    cover, surface, _ = _town(5, 6.0)
    found = cover_effect(surface, cover, np.ones(X.shape, bool), window_cells=15.0)
    assert found is not None
    assert abs(found.height_m - 6.0) < 0.3
    assert found.instruments == 0


def test_instruments_mend_what_a_rough_cover_hides() -> None:
    cover, surface, noise = _town(7, 6.0)
    rough = cover + 0.6 * noise
    other = cover + 0.6 * np.random.default_rng(8).standard_normal(X.shape)
    use = np.ones(X.shape, bool)
    plain = cover_effect(surface, rough, use, window_cells=15.0)
    mended = cover_effect(surface, rough, use, window_cells=15.0, instruments=(other,))
    assert plain is not None
    assert mended is not None
    assert plain.height_m < 4.0
    assert abs(mended.height_m - 6.0) < 0.6
    assert mended.instruments == 1


def test_an_instrument_that_knows_nothing_is_left_out() -> None:
    cover, surface, noise = _town(9, 6.0)
    found = cover_effect(surface, cover, np.ones(X.shape, bool), window_cells=15.0, instruments=(noise,))
    assert found is not None
    assert found.instruments == 0


def test_too_little_land_or_no_cover_teaches_nothing() -> None:
    few = np.zeros(X.shape, bool)
    few[:10, :10] = True
    assert cover_effect(X, Y, few) is None
    assert cover_effect(X, np.zeros(X.shape), np.ones(X.shape, bool)) is None


def test_surveys_pull_the_scale_as_far_as_they_are_sure() -> None:
    sure, _ = scaled_to_survey(np.array([5.0]), np.array([10.0]), np.array([0.1]))
    unsure, _ = scaled_to_survey(np.array([5.0]), np.array([10.0]), np.array([50.0]))
    assert abs(sure - 2.0) < 0.01
    assert abs(unsure - 1.0) < 0.01


def test_a_density_without_saturation_is_refused() -> None:
    with pytest.raises(InvalidInput, match="saturation"):
        cover_from_density(X, 0.0)
