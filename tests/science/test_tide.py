"""The level of the sea at a gauge is known to two centimetres through waves, and tomorrow's tide is foretold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.science.stage_outlook import persistence_outlook
from rencheng.science.tide import CONSTITUENTS, filter_tide, tide_outlook

Floats = NDArray[np.float64]

UNKNOWN_TO_THE_FILTER = {"L2": 29.5284789, "NU2": 28.5125831, "J1": 15.5854433}
AMPLITUDES_M = {
    "M2": 1.2, "S2": 0.5, "N2": 0.25, "K1": 0.3, "O1": 0.22, "P1": 0.1, "Q1": 0.05, "K2": 0.14, "M4": 0.05, "MS4": 0.04,
    "L2": 0.03, "NU2": 0.04, "J1": 0.02,
}  # fmt: skip


def sea(hours: Floats, rng: np.random.Generator, *, surge_m: float = 0.25) -> Floats:
    """Tide of more constituents than the filter knows, and a surge of another law than the filter's."""
    speeds = CONSTITUENTS | UNKNOWN_TO_THE_FILTER
    level = np.full_like(hours, 2.0)
    for name, amplitude in AMPLITUDES_M.items():
        level += amplitude * np.cos(np.radians(speeds[name]) * hours + rng.uniform(0, 2 * np.pi))
    step = hours[1] - hours[0]
    keep, smooth = np.exp(-step / 18.0), np.exp(-step / 3.0)
    push = surge = 0.0
    for i, shock in enumerate(rng.normal(size=len(hours)).tolist()):
        push = keep * push + np.sqrt(1 - keep**2) * surge_m * shock
        surge = smooth * surge + (1 - smooth) * push
        level[i] += surge
    return level


def test_the_still_level_is_known_to_two_centimetres_through_waves_of_five() -> None:
    rng = np.random.default_rng(3)
    hours = np.arange(0.0, 24 * 14, 0.05)
    truth = sea(hours, rng)
    found = filter_tide(hours, truth + rng.normal(0, 0.05, len(hours)))
    settled = hours > 24 * 7
    error = (found.level_m - truth)[settled]
    assert np.sqrt(np.mean(error**2)) <= 0.02
    assert 0.6 < np.std(error / found.sd_m[settled]) < 1.4, "it knows how well it knows"


def test_tomorrows_tide_is_foretold_far_better_than_by_todays_level() -> None:
    rng = np.random.default_rng(5)
    hours = np.arange(0.0, 24 * 34, 1.0)
    truth = sea(hours, rng, surge_m=0.15)
    readings = truth + rng.normal(0, 0.02, len(hours))
    leads = (6, 12, 24)
    ours, stays, held = [], [], []
    for end in range(24 * 30, len(hours) - 24, 9):
        outlook = tide_outlook(readings[end - 24 * 30 : end + 1], leads)
        same = persistence_outlook(readings[end - 24 : end + 1], leads)
        assert outlook is not None
        assert same is not None
        then = truth[end + np.array(leads)]
        ours.append(np.abs(outlook.median_m - then))
        stays.append(np.abs(same.median_m - then))
        held.append((outlook.low_m <= then) & (then <= outlook.high_m))
    assert (np.mean(ours, axis=0) < 0.5 * np.mean(stays, axis=0)).all()
    assert 0.5 < np.mean(held) <= 1.0


def test_no_look_ahead_and_gaps_cost_only_certainty() -> None:
    rng = np.random.default_rng(1)
    hours = np.arange(0.0, 24 * 8, 0.5)
    readings = sea(hours, rng)
    whole = filter_tide(hours, readings, noise_m=0.02)
    part = filter_tide(hours[:300], readings[:300], noise_m=0.02)
    np.testing.assert_array_equal(whole.level_m[:300], part.level_m)
    holed = readings.copy()
    holed[280:300] = np.nan
    gap = filter_tide(hours, holed, noise_m=0.02)
    assert np.isfinite(gap.level_m).all()
    assert gap.sd_m[299] > 2 * whole.sd_m[299]


@settings(max_examples=15, deadline=None)
@given(datum=st.floats(-3.0, 3.0))
def test_another_datum_moves_the_mean_and_nothing_else(datum: float) -> None:
    hours = np.arange(0.0, 24 * 6, 1.0)
    readings = sea(hours, np.random.default_rng(2))
    low, high = (filter_tide(hours, readings + shift, noise_m=0.02) for shift in (0.0, datum))
    assert np.abs((high.level_m - low.level_m)[96:] - datum).max() < 2e-3
    assert np.abs((high.surge_m - low.surge_m)[96:]).max() < 2e-2


@pytest.mark.parametrize("known", [0, 30])
def test_a_gauge_too_young_has_no_outlook(known: int) -> None:
    own = np.full(200, np.nan)
    own[200 - known :] = 1.0
    assert tide_outlook(own, (6,)) is None
