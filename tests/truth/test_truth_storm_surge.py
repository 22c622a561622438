"""The shelf sea against what can be worked out by hand: set-up by wind, inverse barometer, free oscillation, mass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.science.storm_surge.cyclone import CycloneTrack
from rencheng.science.storm_surge.shelf import Forcing, ShelfSea, SurgeResult, cyclone_forcing, shelf_surge

G, RHO = 9.81, 1025.0
CLOSED = (False, False, False, False)
HOUR = 3600.0


def basin(depth_m: float, cells: int, cell_m: float, *, lat: float = 0.0, rows: int = 3) -> ShelfSea:
    return ShelfSea(
        bed_m=np.full((rows, cells), -depth_m),
        cell_m=cell_m,
        west_m=0.0,
        south_m=0.0,
        lat=np.full(rows, lat),
        open_sides=CLOSED,
    )


def steady(sea: ShelfSea, *, stress_x_pa: float = 0.0) -> Forcing:
    still = np.zeros(sea.bed_m.shape)
    return lambda _time: (still, still + stress_x_pa, still)


def coast(lat: float) -> ShelfSea:
    x = (np.arange(20) + 0.5) * 10_000.0 - 30_000.0
    bed = np.tile(np.where(x > 0.0, -x / 2000.0, 1.0 - x / 5000.0), (30, 1))
    return ShelfSea(
        bed_m=bed,
        cell_m=10_000.0,
        west_m=-30_000.0,
        south_m=-150_000.0,
        lat=np.full(30, lat),
        open_sides=(False, True, True, True),
    )


def storm(lat: float, *, wind_m_s: float = 40.0, central_hpa: float = 955.0) -> CycloneTrack:
    two = np.ones(2)
    return CycloneTrack(
        times_s=np.array([0.0, 24.0 * HOUR]),
        x_m=np.array([450_000.0, -70_000.0]),
        y_m=0.0 * two,
        lat=lat * two,
        central_hpa=central_hpa * two,
        max_wind_m_s=wind_m_s * two,
        r_max_m=40_000.0 * two,
    )


def landfall(lat: float, **kind: float) -> SurgeResult:
    sea = coast(lat)
    return shelf_surge(sea, cyclone_forcing(storm(lat, **kind), sea), 24.0 * HOUR)


def test_a_steady_wind_piles_a_closed_sea_up_as_the_hydrostatic_balance_says() -> None:
    """dη/dx = τ / (ρ g h) with h² = 2 τ x / (ρ g) + c: half a metre over 100 km of 10 m of water under 0.5 Pa."""
    sea, tau = basin(10.0, 50, 2000.0), 0.5
    run = shelf_surge(sea, steady(sea, stress_x_pa=tau), 72.0 * HOUR, manning=0.15)
    x = (np.arange(50) + 0.5) * 2000.0
    low, high = 50.0, 150.0
    for _ in range(60):
        c = 0.5 * (low + high)
        depth = np.sqrt(2.0 * tau * x / (RHO * G) + c)
        low, high = (c, high) if depth.mean() < 10.0 else (low, c)
    assert depth[-1] - depth[0] == pytest.approx(0.49, abs=0.01)
    assert np.abs(run.depth_m[1] - depth).max() < 0.002


def test_the_sea_rises_by_a_centimetre_for_each_hectopascal() -> None:
    sea = ShelfSea(bed_m=np.full((31, 31), -100.0), cell_m=20_000.0, west_m=0.0, south_m=0.0, lat=np.zeros(31))
    x, y = sea.centres()
    low = -5000.0 * np.exp(-((x - 310e3) ** 2 + (y - 310e3) ** 2) / (2.0 * 80e3**2))
    none = np.zeros_like(low)
    run = shelf_surge(
        sea, lambda t: (low * min(t / (24.0 * HOUR), 1.0), none, none), 48.0 * HOUR, cells=np.array([15 * 31 + 15])
    )
    assert run.level_m[-1, 0] == pytest.approx(0.497, rel=0.02)  # 50 hPa at 0.995 cm each
    assert abs(run.volume_error_ratio) < 1e-12


def test_a_closed_basin_swings_with_the_period_of_merian() -> None:
    """T = 2 L / √(g H): 200 km of 20 m swing in 7.93 hours."""
    sea = basin(20.0, 50, 4000.0)
    x = (np.arange(50) + 0.5) * 4000.0
    start = np.tile(0.1 * np.cos(np.pi * x / 200e3), (3, 1))
    run = shelf_surge(sea, steady(sea), 40.0 * HOUR, cells=np.array([50]), start_level_m=start, manning=1e-6)
    level = run.level_m[:, 0]
    k = np.flatnonzero(level[:-1] * level[1:] < 0.0)
    crossing = run.times_s[k] + level[k] / (level[k] - level[k + 1]) * np.diff(run.times_s)[k]
    period = 2.0 * float(np.diff(crossing).mean())
    assert period == pytest.approx(2.0 * 200e3 / np.sqrt(G * 20.0), rel=0.005)
    assert np.abs(level[len(level) // 2 :]).max() == pytest.approx(0.1, rel=0.1)


def test_a_sea_at_rest_stays_at_rest_and_its_coast_dry() -> None:
    sea = coast(25.0)
    rough = ShelfSea(
        bed_m=sea.bed_m + np.random.default_rng(2).normal(0.0, 1.0, sea.bed_m.shape),
        cell_m=sea.cell_m,
        west_m=sea.west_m,
        south_m=sea.south_m,
        lat=sea.lat,
        open_sides=sea.open_sides,
    )
    run = shelf_surge(rough, steady(rough), 24.0 * HOUR)
    wet = run.depth_m > 0.0
    assert np.abs((rough.bed_m + run.depth_m)[wet]).max() < 1e-12


def test_no_water_is_lost_where_the_surge_wets_and_dries_the_land() -> None:
    run = landfall(22.0)
    assert abs(run.volume_error_ratio) < 1e-12
    assert np.isfinite(run.peak_level_m[:, :3]).any(), "the land must have got wet"


def test_the_same_storm_south_of_the_equator_does_the_same_in_the_mirror() -> None:
    north, south = landfall(22.0), landfall(-22.0)
    assert np.allclose(north.depth_m, south.depth_m[::-1], atol=1e-9)
    peak: NDArray[np.float64] = np.nan_to_num(north.peak_level_m)
    assert peak[15:].max() > 2.0 * peak[:15].max(), "the onshore wind blows north of a storm that goes west"


@settings(max_examples=6, deadline=None)
@given(st.floats(20.0, 50.0), st.floats(1.02, 1.3))
def test_a_stronger_storm_never_raises_the_sea_less(wind: float, ratio: float) -> None:
    weak = landfall(22.0, wind_m_s=wind, central_hpa=1010.0 - 0.035 * wind**2)
    strong = landfall(22.0, wind_m_s=wind * ratio, central_hpa=1010.0 - 0.035 * (wind * ratio) ** 2)
    assert np.nanmax(strong.peak_level_m) >= np.nanmax(weak.peak_level_m)


def test_a_tide_at_the_open_edge_comes_to_the_coast() -> None:
    sea = coast(22.0)
    times = np.arange(0.0, 73.0 * HOUR, 600.0)
    tide = (times, 0.8 * np.sin(2.0 * np.pi * times / 44_714.0))
    run = shelf_surge(sea, steady(sea), 72.0 * HOUR, cells=np.array([15 * 20 + 4]), tide=tide)
    later = run.level_m[len(run.level_m) // 2 :, 0]
    assert 0.6 < later.max() < 1.3
