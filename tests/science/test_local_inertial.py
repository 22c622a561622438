"""The fast flood scheme: no water made or lost, still water stays still, the same answer on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rencheng.science.flood import simulate
from rencheng.science.flood.boundary import (
    Condition,
    Discharge,
    FreeFall,
    FreeFlow,
    SideConditions,
    Stage,
    boundary_from,
)
from rencheng.science.flood.domain import Domain, domain_from
from rencheng.science.flood.local_inertial import LocalInertial
from rencheng.science.flood.local_inertial_face import face_discharge
from rencheng.science.flood.rain import RainRate, rain_from

Grid = NDArray[Any]
CLOSED: dict[str, Any] = {"scheme": "local_inertial", "boundary": "closed"}


def rough_ground(shape: tuple[int, int], seed: int, relief_m: float = 2.0) -> Grid:
    return np.random.default_rng(seed).random(shape) * relief_m


def stepper_on(domain: Domain, **more: Any) -> LocalInertial:
    given_: dict[str, Any] = {"dtype": np.float64, "cfl": 0.7, "arrival_depth_m": 0.05, "threads": 1} | more
    return LocalInertial(domain, **given_)


def ground(bed: Grid, cell_m: float = 2.0, depth: Grid | None = None, manning: float = 0.03) -> Domain:
    return domain_from(
        bed, cell_m, depth_m=depth, velocity_x_m_s=None, velocity_y_m_s=None, manning=manning, walls=None, active=None
    )


def weather(domain: Domain, rain_mm_h: float = 0.0) -> tuple[RainRate, SideConditions]:
    boundary = boundary_from("closed", domain.shape, domain.cell_m)
    return rain_from(rain_mm_h, domain.shape, domain.cell_m, None).at(0.0), boundary.during(0.0, 1.0)


def run_for(stepper: LocalInertial, domain: Domain, steps: int, rain_mm_h: float = 0.0) -> None:
    rain, sides = weather(domain, rain_mm_h)
    now = 0.0
    for _ in range(steps):
        step = min(stepper.stable_step_s(sides), 1.0)
        stepper.advance(now, step, rain, sides)
        now += step


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_hour_of_rain_on_rough_ground_is_all_there(dtype: Any) -> None:
    result = simulate(rough_ground((40, 70), 1), 2.0, 600.0, rain_mm_h=80.0, manning=0.03, dtype=dtype, **CLOSED)
    assert abs(result.volume_error_ratio) <= 1e-12
    assert result.depth_m.min() >= 0.0
    assert result.velocity_x_m_s.dtype == dtype
    assert result.depth_m.sum() * 4.0 == pytest.approx(80e-3 / 6.0 * 40 * 70 * 4.0, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_lake_among_islands_does_not_move(dtype: Any) -> None:
    bed = rough_ground((30, 150), 2)
    depth = np.maximum(1.2 - bed, 0.0)
    domain = ground(bed, depth=depth)
    stepper = stepper_on(domain, dtype=dtype)
    run_for(stepper, domain, 400)
    assert np.abs(stepper.surface().depth_m - depth).max() <= 1e-12
    assert np.abs(stepper.surface().velocity_x_m_s).max() <= 1e-10


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_outcome_has_the_same_bytes_with_any_number_of_threads_and_strips(
    dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bed = rough_ground((41, 130), 3)
    kept = []
    for threads, cells in ((1, 60_000), (1, 900), (2, 900), (3, 2_000)):
        monkeypatch.setattr("rencheng.science.flood.local_inertial.CELLS_PER_STRIP", cells)
        domain = ground(bed, depth=np.where(bed < 0.5, 0.8, 0.0))
        stepper = stepper_on(domain, threads=threads, dtype=dtype)
        run_for(stepper, domain, 150, rain_mm_h=100.0)
        kept.append((stepper.surface().depth_m.tobytes(), stepper.surface().velocity_y_m_s.tobytes()))
        stepper.close()
    assert all(one == kept[0] for one in kept)


def test_skipping_dry_ground_changes_nothing() -> None:
    bed = rough_ground((60, 400), 4, relief_m=0.5) + np.linspace(0, 3, 400)
    depth = np.zeros_like(bed)
    depth[20:30, 100:140] = 2.0
    quick, thorough = (stepper_on(ground(bed, depth=depth.copy())) for _ in range(2))
    domain = ground(bed)
    skipped = 0
    for _ in range(300):
        run_for(quick, domain, 1)
        thorough._wet[:] = 2
        run_for(thorough, domain, 1)
        skipped = max(skipped, int((quick._wet == 0).sum()))
    assert skipped > 100
    assert quick.surface().depth_m.tobytes() == thorough.surface().depth_m.tobytes()
    assert quick.surface().velocity_x_m_s.tobytes() == thorough.surface().velocity_x_m_s.tobytes()


def test_water_poured_on_sleeping_ground_wakes_it() -> None:
    bed = np.tile(np.linspace(20.0, 0.0, 300), (3, 1))
    mask = np.zeros(bed.shape, dtype=bool)
    mask[1, 2] = True
    result = simulate(bed, 2.0, 300.0, inflows=[(mask, [0, 100, 101], [0.5, 0.5, 0.0])], **CLOSED)
    assert result.volumes.stored == pytest.approx(50.25, rel=1e-9)
    assert np.flatnonzero(result.peak_depth_m.max(axis=0) > 0.001).max() > 100


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 2**31), st.floats(0.0, 1.5), st.sampled_from([np.float32, np.float64]))
def test_all_eight_views_of_a_flood_are_the_same_flood(seed: int, level_m: float, dtype: Any) -> None:
    bed = rough_ground((17, 23), seed)
    depth = np.maximum(level_m - bed, 0.0) * np.random.default_rng(seed + 1).random(bed.shape)

    def after(bed: Grid, depth: Grid) -> Grid:
        domain = ground(np.ascontiguousarray(bed), depth=np.ascontiguousarray(depth))
        stepper = stepper_on(domain, dtype=dtype)
        run_for(stepper, domain, 40, rain_mm_h=50.0)
        return stepper.surface().depth_m

    first = after(bed, depth)
    assert np.array_equal(after(bed[::-1], depth[::-1])[::-1], first)
    assert np.array_equal(after(bed[:, ::-1], depth[:, ::-1])[:, ::-1], first)
    assert np.array_equal(after(bed.T, depth.T).T, first)
    assert np.array_equal(after(bed.T[::-1, ::-1], depth.T[::-1, ::-1])[::-1, ::-1].T, first)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**31),
    st.floats(0.01, 30.0),
    st.floats(0.0, 0.2),
    st.floats(0.3, 1.0),
    st.sampled_from([np.float32, np.float64]),
)
def test_no_ground_is_steep_enough_to_make_water_or_a_negative_depth(
    seed: int, relief_m: float, manning: float, cfl: float, dtype: Any
) -> None:
    generator = np.random.default_rng(seed)
    bed = generator.random((12, 15)) * relief_m
    depth = np.where(generator.random(bed.shape) < 0.4, generator.random(bed.shape), 0.0)
    result = simulate(bed, 1.0, 20.0, depth_m=depth, rain_mm_h=150.0, manning=manning, cfl=cfl, dtype=dtype, **CLOSED)
    assert not result.stopped
    assert result.depth_m.min() >= 0.0
    assert abs(result.volume_error_ratio) <= 1e-10
    assert (result.peak_depth_m >= result.depth_m.astype(np.float32)).all()


def test_rain_on_a_plane_becomes_the_kinematic_wave() -> None:
    # steady state: q = R x, h = (q n / √S)^(3/5) (Manning)
    slope, manning, rain = 0.01, 0.035, 50.0
    x = (np.arange(50) + 0.5) * 2.0
    result = simulate(
        np.tile(10.0 - slope * x, (4, 1)), 2.0, 3600.0, rain_mm_h=rain, manning=manning, scheme="local_inertial",
        boundary={"east": FreeFlow(slope=slope)},
    )  # fmt: skip
    discharge = rain / 3.6e6 * x
    depth = (discharge * manning / np.sqrt(slope)) ** 0.6
    assert np.abs(result.depth_m[1] - depth).sum() <= 0.03 * depth.sum()
    assert result.depth_m[1] * result.velocity_x_m_s[1] == pytest.approx(discharge, rel=0.02, abs=2e-5)
    assert abs(result.volume_error_ratio) <= 1e-12


@pytest.mark.parametrize("angle", [0.0, 30.0, 45.0, 80.0, 90.0])
def test_friction_acts_on_the_whole_velocity_whichever_way_the_street_runs(angle: float) -> None:
    # uniform flow down a plane: the discharge vector must be Manning's, whatever its angle with the grid
    slope, manning, depth, step = 0.002, 0.03, 0.5, 2.0
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    rub = 9.81 * step * manning**2 / depth ** (7 / 3)
    q = np.array([0.01, 0.01])
    for _ in range(400):
        push = -9.81 * step * slope * along
        share = rub / (np.hypot(*q) + 1e-12)
        q = np.array(
            [face_discharge(q[k], abs(q[k]) + 1e-12, q[1 - k], depth, push[k], share, np.inf, 1.0) for k in range(2)]
        )
    assert q == pytest.approx(depth ** (5 / 3) * np.sqrt(slope) / manning * along, rel=1e-6, abs=1e-6)


def test_a_wave_without_friction_keeps_the_speed_of_shallow_water() -> None:
    # a low hump on 1 m of water parts into two that travel at √(g h) = 3.13 m/s
    x = (np.arange(600) + 0.5) * 1.0
    depth = 1.0 + 0.01 * np.exp(-(((x - 300.0) / 15.0) ** 2))
    result = simulate(
        np.zeros((3, 600)), 1.0, 60.0, depth_m=np.tile(depth, (3, 1)), manning=0.0, scheme="local_inertial", cfl=0.5
    )
    crest = x[300 + int(np.argmax(result.depth_m[1, 300:]))]
    assert crest - 300.0 == pytest.approx(np.sqrt(9.80665 * 1.0) * 60.0, rel=0.02)


def test_a_wall_holds_water_up_to_its_crest_and_no_longer() -> None:
    bed = np.zeros((5, 20))
    depth = np.zeros_like(bed)
    depth[:, :10] = 1.0
    crest_x, crest_y = np.full((5, 21), np.nan), np.full((6, 20), np.nan)
    crest_x[:, 10] = 1.2
    held = simulate(bed, 1.0, 60.0, depth_m=depth, walls=(crest_x, crest_y), **CLOSED)
    assert held.depth_m[:, 10:].max() == 0.0
    crest_x[:, 10] = 0.6
    spilt = simulate(bed, 1.0, 600.0, depth_m=depth, walls=(crest_x, crest_y), **CLOSED)
    assert spilt.depth_m[:, :10].mean() == pytest.approx(0.6, abs=0.02)
    assert spilt.depth_m[:, 10:].mean() == pytest.approx(0.4, abs=0.02)


def test_a_level_at_the_edge_fills_the_ground_behind_it() -> None:
    bed = np.full((8, 40), 1.0)
    bed[:, 20:] = 1.5
    sides = {"west": Stage(times_s=np.array([0.0, 60.0]), level_m=np.array([1.0, 2.0]))}
    result = simulate(bed, 5.0, 3600.0, manning=0.03, scheme="local_inertial", boundary=sides)
    assert bed + result.depth_m == pytest.approx(2.0, abs=0.01)
    assert result.volumes.edge == pytest.approx(result.volumes.stored, rel=1e-12)


def test_a_hydrograph_at_the_edge_brings_its_volume_and_a_fall_takes_it_away() -> None:
    bed = np.tile(np.linspace(1.0, 0.0, 80), (6, 1))
    sides: dict[str, Condition] = {
        "west": Discharge(times_s=np.array([0.0, 100.0, 200.0]), discharge_m3_s=np.array([0.0, 3.0, 0.0])),
        "east": FreeFall(),
    }
    result = simulate(bed, 5.0, 4000.0, manning=0.03, scheme="local_inertial", boundary=sides)
    assert abs(result.volume_error_ratio) <= 1e-12
    assert 0.0 < result.volumes.stored < 60.0  # of the 300 m³ that came in
    assert result.peak_depth_m[:, -2].min() > 0.02


def test_arrival_and_duration_are_those_of_the_passing_water() -> None:
    bed = np.tile(np.linspace(1.0, 0.0, 60), (4, 1))
    mask = np.zeros(bed.shape, dtype=bool)
    mask[:, 0] = True
    result = simulate(bed, 5.0, 900.0, inflows=[(mask, [0.0, 300.0, 301.0], [2.0, 2.0, 0.0])], **CLOSED)
    arrival = result.arrival_s[1, :50]
    assert (np.diff(arrival[np.isfinite(arrival)]) >= 0).all()
    assert np.isnan(result.arrival_s[result.peak_depth_m < 0.05]).all()
    assert (result.duration_s[result.peak_depth_m < 0.05] == 0).all()


@given(st.floats(1e-6, 5.0), st.floats(0.001, 0.2), st.floats(0.0, 0.2), st.floats(0.1, 10.0))
def test_thin_water_reaches_its_speed_without_swinging_about_it(
    depth: float, manning: float, slope: float, step: float
) -> None:
    push, rub = 9.81 * step * slope, 9.81 * step * manning**2 / depth ** (7 / 3)
    steady = depth ** (5 / 3) * np.sqrt(slope) / manning
    q = 0.0
    for _ in range(3):
        q = face_discharge(q, q + 1e-12, 0.0, depth, -push, rub / (q + 1e-12), np.inf, 1.0)
        assert -1e-12 <= q <= steady * (1.0 + 1e-9)


def test_no_face_passes_more_than_the_froude_limit_lets_it() -> None:
    bed = np.tile(np.where(np.arange(60) < 30, 5.0, 0.0), (4, 1))
    depth = np.where(bed > 1.0, 0.5, 0.0)
    result = simulate(bed, 1.0, 3.0, depth_m=depth, manning=0.01, **CLOSED)
    speed = np.abs(result.velocity_x_m_s)
    assert (speed <= np.sqrt(9.80665 * result.depth_m) * (1 + 1e-9)).all()


def test_a_run_that_goes_wrong_says_where() -> None:
    domain = ground(rough_ground((10, 70), 5))
    stepper = stepper_on(domain)
    stepper.add_depth(np.array([3 * 70 + 66]), np.array([np.nan]))
    run_for(stepper, domain, 1)
    assert "not a number" in stepper.trouble() or "nan" in stepper.trouble()
    assert "row" in stepper.trouble()
