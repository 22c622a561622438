"""The sandbox city must look like a city in numbers, and the documentation must show the numbers it really has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rencheng.city import City
from rencheng.city.sandbox import make_city
from rencheng.city.sandbox.drainage import storm_l_s_ha
from rencheng.city.sandbox.frame import frame_of
from rencheng.city.sandbox.relief import slope_climb
from rencheng.city.sandbox.statistics import city_statistics, statistics_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "sandbox-city.md"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return make_city(100_000, 1, tmp_path_factory.mktemp("sandbox") / "city")


def test_a_hundred_thousand_residents_make_a_plausible_city(city: City) -> None:
    odd = [(s.name, s.value, s.low, s.high) for s in city_statistics(city) if not s.plausible]
    assert odd == []


def test_the_documented_table_is_what_the_generator_makes(city: City) -> None:
    assert statistics_table(city_statistics(city)) in PAGE.read_text(encoding="utf-8")


def test_the_warp_of_the_street_frame_can_be_undone() -> None:
    frame = frame_of(100_000, 2)
    rng = np.random.default_rng(0)
    u, v = rng.uniform(-1.5, 1.5, (2, 1000)) * frame.radius_m
    back_u, back_v = frame.to_frame(*frame.to_map(u, v))
    assert np.abs(back_u - u).max() < 1e-6
    assert np.abs(back_v - v).max() < 1e-6


def test_land_rises_from_water_as_steep_as_asked() -> None:
    height = np.full((41, 41), np.inf)
    height[:, 0] = 5.0
    free = np.isinf(height)
    slope_climb(height, np.full(height.shape, 0.02), free, 10.0)
    assert height[20] == pytest.approx(5.0 + 0.2 * np.arange(41))


def test_a_point_source_grows_a_cone() -> None:
    height = np.full((61, 61), np.inf)
    height[30, 30] = 0.0
    slope_climb(height, np.full(height.shape, 0.1), np.isinf(height), 10.0)
    away = np.hypot(*np.meshgrid(np.arange(61) - 30, np.arange(61) - 30)) * 10.0
    assert height.max() == pytest.approx(away.max() * 0.1, rel=0.06)  # first-order scheme


def test_longer_storms_are_weaker_and_rarer_ones_stronger() -> None:
    minutes = np.array([5.0, 15.0, 60.0])
    assert np.all(np.diff(storm_l_s_ha(minutes)) < 0.0)
    assert np.all(storm_l_s_ha(minutes, 10.0) > storm_l_s_ha(minutes, 2.0))
