"""Rain that moves: found by optical flow, carried along, and forecast better than by letting it stand still."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.nowcast import (
    displacement,
    extrapolate,
    radar_nowcast,
    rain_decibel,
    rain_from_decibel,
    rain_motion,
)

SIZE = 96
CELLS = ((0, 0, 60, 6), (14, 10, 30, 4), (-18, 8, 40, 5), (10, -22, 25, 7), (-12, -16, 35, 4))


def storm(row: float, column: float) -> np.ndarray:
    """Rain of five cells around a centre."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    rain = np.zeros((SIZE, SIZE))
    for dy, dx, peak, radius in CELLS:
        rain += peak * np.exp(-((y - row - dy) ** 2 + (x - column - dx) ** 2) / 2 / radius**2)
    return np.where(rain > 0.3, rain, 0.0)


def turning(angle: float) -> np.ndarray:
    """Rain of five cells that go round the middle of the picture."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(float)
    rain = np.zeros((SIZE, SIZE))
    for radius, phase, peak, width in (
        (18, 0, 60, 5),
        (26, 1.5, 40, 5),
        (22, 3, 50, 6),
        (30, 4.4, 30, 5),
        (9, 2.2, 30, 4),
    ):
        cy, cx = 48 + radius * np.sin(phase + angle), 48 + radius * np.cos(phase + angle)
        rain += peak * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 2 / width**2)
    return np.where(rain > 0.3, rain, 0.0)


def success(forecast: np.ndarray, came: np.ndarray, threshold: float = 5.0) -> float:
    """Critical success index: hits beside hits, misses and false alarms."""
    said, was = forecast >= threshold, came >= threshold
    return float((said & was).sum() / (said | was).sum())


@pytest.mark.parametrize("speed", [(0.5, 0.7), (2.3, 3.1), (5.0, 6.0), (-4.0, 3.0)])
def test_a_storm_in_a_straight_line_is_followed_at_any_speed(speed: tuple[float, float]) -> None:
    pictures = np.stack([storm(48 + speed[0] * k, 40 + speed[1] * k) for k in range(3)])
    motion = rain_motion(pictures)
    wet = pictures[-1] > 0.3
    error = np.hypot(motion[0] - speed[0], motion[1] - speed[1])
    assert np.median(error[wet]) < 0.05
    assert np.quantile(error[wet], 0.95) < 0.25


def test_a_turning_storm_is_forecast_better_than_one_that_stands_still() -> None:
    pace = 0.06
    motion = rain_motion(np.stack([turning(pace * k) for k in range(3)]))
    for leads in (6, 12):  # half an hour and an hour of five-minute pictures
        came = turning(pace * (2 + leads))
        carried = extrapolate(turning(2 * pace), displacement(motion, leads), outside=0.0)
        assert success(carried, came) > 0.5
        assert success(carried, came) > 1.5 * success(turning(2 * pace), came)


def test_rain_that_is_carried_keeps_its_amount_while_it_stays_in_the_picture() -> None:
    rain = storm(40, 40)
    moved = extrapolate(rain, displacement(np.full((2, SIZE, SIZE), 0.5), 12), outside=0.0)
    assert moved.sum() == pytest.approx(rain.sum(), rel=2e-3)


def test_carrying_by_whole_cells_is_exact() -> None:
    rain = storm(40, 40)
    motion = np.stack([np.full((SIZE, SIZE), 2.0), np.full((SIZE, SIZE), 1.0)])
    moved = extrapolate(rain, displacement(motion, 3), outside=0.0)
    np.testing.assert_allclose(moved[6:, 3:], rain[:-6, :-3], atol=1e-12)


def test_what_comes_from_beyond_the_picture_is_unknown_not_dry() -> None:
    moved = extrapolate(np.ones((SIZE, SIZE)), displacement(np.full((2, SIZE, SIZE), 1.0), 5))
    assert np.isnan(moved[:4]).all()
    assert (moved[6:, 6:] == 1.0).all()


@given(st.floats(0.1, 500.0))
def test_decibel_and_back_is_the_same_rain(rate: float) -> None:
    assert rain_from_decibel(rain_decibel(np.array([rate])))[0] == pytest.approx(rate, rel=1e-9)


def test_one_picture_tells_no_motion() -> None:
    with pytest.raises(InvalidInput, match="two pictures"):
        rain_motion(np.zeros((1, 8, 8)))


def members_of(pictures: np.ndarray, seed: int = 1) -> np.ndarray:
    """Twenty members of the hour after the last picture."""
    rng = np.random.default_rng(seed)
    nowcast = radar_nowcast(pictures, cell_m=1000.0, interval_s=300.0, leads=12, members=20, rng=rng)
    return nowcast.rate_mm_h.reshape(20, 13, SIZE, SIZE)


@pytest.fixture(scope="module")
def moving_members() -> np.ndarray:
    return members_of(np.stack([storm(40 + 1.5 * k, 36 + 2.0 * k) for k in range(3)]))


def test_members_begin_with_the_picture_and_part_with_time(moving_members: np.ndarray) -> None:
    np.testing.assert_allclose(moving_members[:, 0], np.broadcast_to(storm(43, 40), (20, SIZE, SIZE)), rtol=1e-5)
    spread = moving_members.std(axis=0).mean(axis=(1, 2))
    assert spread[0] < 1e-5
    assert spread[12] > spread[6] > spread[1] > 0.0


def test_the_mean_of_the_members_beats_persistence(moving_members: np.ndarray) -> None:
    for lead in (6, 12):
        came = storm(43 + 1.5 * lead, 40 + 2.0 * lead)
        assert success(moving_members[:, lead].mean(axis=0), came) > 1.5 * success(storm(43, 40), came)


def test_members_keep_the_distribution_of_rates(moving_members: np.ndarray) -> None:
    picture = storm(43, 40)
    wet_share = (moving_members[:, 6] >= 0.1).mean(axis=(1, 2))
    assert np.abs(wet_share - (picture >= 0.1).mean()).max() < 0.25
    assert (moving_members >= 0.0).all()
    assert moving_members.max() <= picture.max() * 1.001


def test_the_same_seed_gives_the_same_bytes() -> None:
    pictures = np.stack([storm(40 + 1.5 * k, 36 + 2.0 * k) for k in range(3)])[:, ::2, ::2]
    first, second, other = (
        radar_nowcast(
            pictures, cell_m=2000.0, interval_s=300.0, leads=3, members=3, rng=np.random.default_rng(seed)
        ).rate_mm_h
        for seed in (4, 4, 5)
    )
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


def test_a_dry_picture_stays_dry_and_a_lone_one_is_believed_to_stand() -> None:
    rng = np.random.default_rng(0)
    dry = radar_nowcast(np.zeros((3, 32, 32)), cell_m=1000.0, interval_s=300.0, leads=3, members=2, rng=rng)
    assert not dry.rate_mm_h.any()
    lone = radar_nowcast(storm(48, 48)[None], cell_m=1000.0, interval_s=300.0, leads=2, members=2, rng=rng)
    assert not lone.motion.any()
    assert 0.0 < lone.correlation[-1] < lone.correlation[0] < 1.0


def test_holes_in_a_picture_are_filled_from_around_them() -> None:
    pictures = np.stack([storm(46, 46), storm(48, 48)])
    pictures[:, 40:46, 40:46] = np.nan
    rng = np.random.default_rng(0)
    nowcast = radar_nowcast(pictures, cell_m=1000.0, interval_s=300.0, leads=1, members=2, rng=rng)
    assert np.isfinite(nowcast.rate_mm_h).all()
    blind = np.full((1, 16, 16), np.nan)
    with pytest.raises(InvalidInput, match="no rain picture"):
        radar_nowcast(blind, cell_m=1000.0, interval_s=300.0, leads=1, members=1, rng=rng)


@settings(max_examples=15, deadline=None)
@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_motion_turns_with_the_picture(down: float, right: float) -> None:
    pictures = np.stack([storm(48 + down * k, 48 + right * k) for k in range(2)])
    motion, mirrored = rain_motion(pictures), rain_motion(pictures[:, :, ::-1])
    np.testing.assert_allclose(mirrored[1][:, ::-1], -motion[1], atol=0.05)
    np.testing.assert_allclose(mirrored[0][:, ::-1], motion[0], atol=0.05)
