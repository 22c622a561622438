"""What a flood run must do with rain, inflows, edges, walls, events and a caller that wants to stop."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from rencheng.science.flood import (
    Discharge,
    FloodResult,
    FreeFall,
    FreeFlow,
    Open,
    RainSeries,
    Rating,
    Stage,
    Stretch,
    Surface,
    Transfers,
    simulate,
)

orders = pytest.mark.parametrize("order", [1, 2])
FLAT = np.zeros((6, 8))


def closes(result: FloodResult) -> bool:
    return abs(result.volume_error_ratio) < 1e-12 and not result.stopped


@orders
def test_rain_that_changes_falls_to_the_drop(order: Literal[1, 2]) -> None:
    """36 mm/h for 100 s, none for 50 s, 72 mm/h for 50 s: 1 + 1 mm."""
    rain = RainSeries(times_s=np.array([0.0, 100.0, 150.0]), rate_mm_h=np.array([36.0, 0.0, 72.0]))
    result = simulate(FLAT, 2.0, 200.0, rain_mm_h=rain, order=order)
    assert result.depth_m == pytest.approx(np.full(FLAT.shape, 0.002), rel=1e-9)
    assert closes(result)


def test_a_storm_on_a_coarse_grid_moves_over_the_raster() -> None:
    rate = np.zeros((2, 1, 2))
    rate[0, 0, 0] = rate[1, 0, 1] = 36.0
    rain = RainSeries(times_s=np.array([0.0, 50.0]), rate_mm_h=rate)
    walled = np.full((6, 9), np.nan)
    walled[:, 4] = 5.0
    result = simulate(FLAT, 2.0, 100.0, rain_mm_h=rain, walls=(walled, np.full((7, 8), np.nan)), save_every_s=50.0)
    assert result.snapshots[1].depth_m[:, :4] == pytest.approx(0.0005, rel=1e-6)
    assert (result.snapshots[1].depth_m[:, 4:] == 0).all()
    assert result.depth_m == pytest.approx(np.full(FLAT.shape, 0.0005), rel=1e-9)


def test_given_rows_and_columns_lay_the_rain_grid() -> None:
    rain = RainSeries(
        times_s=np.zeros(1), rate_mm_h=np.array([[[0.0, 36.0]]]),
        rows=np.zeros(6, dtype=np.int64), columns=np.array([1, 0, 0, 0, 0, 0, 0, 0]),
    )  # fmt: skip
    assert simulate(FLAT, 2.0, 10.0, rain_mm_h=rain).volumes.rain == pytest.approx(6 * 4 * 1e-4)


@orders
def test_an_inflow_gives_the_exact_integral_of_its_hydrograph(order: Literal[1, 2]) -> None:
    """A triangle from 0 to 3 m³/s and back over 60 s holds 90 m³; a draw of 1 m³/s takes back what is there."""
    tap = np.zeros(FLAT.shape, dtype=bool)
    tap[2, 2:4] = True
    result = simulate(FLAT, 2.0, 60.0, inflows=[(tap, [0, 17.3, 60], [0, 3, 0])], order=order)
    assert result.volumes.stored == pytest.approx(90.0, rel=1e-12)
    dry = simulate(FLAT, 2.0, 600.0, inflows=[(tap, [0, 30, 60], [0, 3, -10])], order=order)
    assert dry.volumes.stored < 1.0
    assert dry.depth_m.min() >= 0.0
    assert closes(dry)


@orders
def test_a_stage_fills_the_basin_to_its_level(order: Literal[1, 2]) -> None:
    tide = Stage(times_s=np.array([0.0, 30.0]), level_m=np.array([0.0, 1.0]))
    result = simulate(FLAT, 2.0, 900.0, boundary={"west": tide}, order=order, manning=0.05)
    assert result.depth_m == pytest.approx(np.ones(FLAT.shape), abs=2e-3)
    assert result.volumes.edge == pytest.approx(result.volumes.stored)
    assert closes(result)


@orders
def test_a_discharge_enters_and_a_normal_slope_lets_it_out(order: Literal[1, 2]) -> None:
    """2 m³/s over a channel 8 m wide on 1 %: normal depth (q n / √S)^(3/5) = (0.25·0.03/0.1)^0.6 = 0.2114 m."""
    bed = np.tile(0.01 * 4.0 * np.arange(50.0)[::-1], (4, 1))
    inflow = Discharge(times_s=np.zeros(1), discharge_m3_s=np.full(1, 4.0))
    result = simulate(bed, 4.0, 1200.0, boundary={"west": inflow, "east": FreeFlow(slope=0.01)}, order=order)
    normal = (0.25 * 0.03 / 0.1) ** 0.6
    assert result.depth_m[:, 5:-1] == pytest.approx(np.full((4, 44), normal), rel=0.01)
    assert result.depth_m == pytest.approx(np.full((4, 50), normal), rel=0.001 if order == 1 else 0.05)
    assert result.velocity_x_m_s[1, 25] == pytest.approx(0.25 / normal, rel=0.01)
    assert result.volumes.edge == pytest.approx(result.volumes.stored)
    assert closes(result)


@orders
def test_a_rating_lets_out_what_its_table_says(order: Literal[1, 2]) -> None:
    rating = Rating(stage_m=np.array([0.5, 0.9, 1.0]), discharge_m3_s=np.array([0.0, 2.0, 2.0]))
    edge = [Stretch(side="east", condition=rating, start=1, stop=3)]
    result = simulate(FLAT, 2.0, 1.0, depth_m=FLAT + 1.5, boundary=edge, order=order)
    assert result.volumes.edge == pytest.approx(-2.0, rel=1e-6)
    assert closes(result)
    low = simulate(FLAT, 2.0, 2000.0, depth_m=FLAT + 1.0, boundary=edge, order=order)
    assert low.depth_m == pytest.approx(np.full(FLAT.shape, 0.5), abs=0.01)


@orders
def test_a_pond_against_an_open_edge_without_fall_stays(order: Literal[1, 2]) -> None:
    result = simulate(FLAT, 2.0, 600.0, depth_m=FLAT + 0.5, boundary="open", order=order)
    assert result.depth_m == pytest.approx(FLAT + 0.5, abs=1e-12)


@orders
@pytest.mark.parametrize("condition", [Open(), FreeFall(), FreeFlow(slope=0.02)])
def test_water_leaves_over_an_open_edge_and_never_comes_back(
    order: Literal[1, 2], condition: Open | FreeFall | FreeFlow
) -> None:
    bed = np.tile(0.02 * np.arange(8.0)[::-1], (6, 1))
    result = simulate(bed, 2.0, 600.0, depth_m=FLAT + 0.5, boundary={"east": condition}, order=order)
    assert result.volumes.edge < -0.9 * result.volumes.initial
    assert closes(result)


@orders
def test_a_wall_holds_until_the_water_stands_over_its_crest(order: Literal[1, 2]) -> None:
    across_x, across_y = np.full((6, 9), np.nan), np.full((7, 8), np.nan)
    across_x[:, 4] = 1.0
    depth = FLAT.copy()
    depth[:, :4] = 0.9
    held = simulate(FLAT, 2.0, 300.0, depth_m=depth, walls=(across_x, across_y), order=order)
    assert (held.depth_m[:, 4:] == 0).all()
    assert held.depth_m[:, :4] == pytest.approx(np.full((6, 4), 0.9), abs=1e-12)
    depth[:, :4] = 1.6
    over = simulate(FLAT, 2.0, 900.0, depth_m=depth, walls=(across_x, across_y), order=order)
    assert over.depth_m[:, :4] == pytest.approx(np.full((6, 4), 1.0), abs=0.03)
    assert over.depth_m[:, 4:] == pytest.approx(np.full((6, 4), 0.6), abs=0.03)
    turned = simulate(FLAT.T, 2.0, 900.0, depth_m=depth.T, walls=(across_y.T, across_x.T), order=order)
    assert pytest.approx(over.depth_m, abs=1e-9) == turned.depth_m.T


@orders
def test_nothing_flows_or_falls_outside_the_domain(order: Literal[1, 2]) -> None:
    active = np.ones(FLAT.shape, dtype=bool)
    active[:, 5:] = False
    result = simulate(FLAT, 2.0, 100.0, depth_m=FLAT + 0.1, rain_mm_h=36.0, active=active, order=order)
    assert (result.depth_m[:, 5:] == 0).all()
    assert result.depth_m[:, :5] == pytest.approx(np.full((6, 5), 0.101), rel=1e-9)


def test_arrival_and_duration_tell_when_and_how_long() -> None:
    """36 mm/h reaches 50 mm after 5000 s and stays until 6000 s."""
    result = simulate(FLAT, 2.0, 6000.0, rain_mm_h=36.0)
    assert result.arrival_s == pytest.approx(np.full(FLAT.shape, 5000.0), abs=3.0)
    assert result.duration_s == pytest.approx(np.full(FLAT.shape, 1000.0), abs=3.0)
    assert np.isnan(simulate(FLAT, 2.0, 60.0, rain_mm_h=36.0).arrival_s).all()


def test_snapshots_come_at_their_times_with_start_and_end() -> None:
    result = simulate(FLAT, 2.0, 100.0, rain_mm_h=36.0, save_every_s=30.0)
    assert result.snapshot_times_s.tolist() == [0.0, 30.0, 60.0, 90.0, 100.0]
    assert result.saved_depth_m()[1] == pytest.approx(3e-4, rel=1e-5)
    assert result.end_s == 100.0


@orders
def test_a_run_can_go_on_where_it_was_left(order: Literal[1, 2]) -> None:
    rng = np.random.default_rng(4)
    bed = rng.random((20, 30))
    depth = np.where(rng.random(bed.shape) < 0.5, 1.0, 0.0)
    whole = simulate(bed, 2.0, 40.0, depth_m=depth, order=order, save_every_s=20.0)
    first = simulate(bed, 2.0, 20.0, depth_m=depth, order=order)
    second = simulate(
        bed, 2.0, 20.0, depth_m=first.depth_m, velocity_x_m_s=first.velocity_x_m_s,
        velocity_y_m_s=first.velocity_y_m_s, order=order,
    )  # fmt: skip
    assert second.depth_m == pytest.approx(whole.depth_m, abs=1e-9)


class Pump:
    """Moves 0.1 m³/s from one cell to another, and as much out of the domain."""

    def __init__(self) -> None:
        self.asked = self.got = 0.0

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:  # noqa: ARG002  the protocol's
        assert not surface.depth_m.flags.writeable
        self.asked += 0.2 * step_s
        return Transfers(from_cells=np.array([0, 0]), to_cells=np.array([47, -1]), volume_m3=np.full(2, 0.1 * step_s))

    def moved(self, volume_m3: np.ndarray) -> None:
        self.got += float(volume_m3.sum())


@orders
def test_a_pump_moves_what_there_is_and_is_told_so(order: Literal[1, 2]) -> None:
    pump = Pump()
    wall = np.full((6, 9), np.nan)
    wall[:, 4] = 9.0
    full = simulate(FLAT, 2.0, 50.0, depth_m=FLAT + 1.0, exchanges=[pump], order=order)
    assert pump.got == pytest.approx(10.0)
    assert full.volumes.exchanged == pytest.approx(-5.0)
    assert closes(full)
    pump = Pump()
    empty = simulate(FLAT, 2.0, 50.0, depth_m=FLAT + 0.01, exchanges=[pump], order=order)
    assert pump.got < pump.asked
    assert empty.volumes.exchanged == pytest.approx(-pump.got / 2)
    assert empty.depth_m.min() >= 0.0
    assert closes(empty)


class Sand:
    interval_s = 5.0

    def __init__(self) -> None:
        self.calls = 0

    def absorb(self, depth_m: np.ndarray, time_s: float, step_s: float) -> float:  # noqa: ARG002  the protocol's
        self.calls += 1
        taken = np.minimum(depth_m, 1e-4 * step_s)
        depth_m -= taken
        return float(taken.sum())


def test_a_soil_drinks_at_its_own_pace_to_the_end() -> None:
    sand = Sand()
    result = simulate(FLAT, 2.0, 101.0, depth_m=FLAT + 0.1, infiltration=sand)
    assert result.volumes.infiltrated == pytest.approx(101 * 1e-4 * 48 * 4)
    assert sand.calls <= 21
    assert closes(result)


def test_a_soil_that_gives_no_number_ends_the_run_with_a_reason() -> None:
    class Broken(Sand):
        def absorb(self, depth_m: np.ndarray, time_s: float, step_s: float) -> float:  # noqa: ARG002  the protocol's
            return float("nan")

    result = simulate(FLAT, 2.0, 100.0, depth_m=FLAT + 0.1, infiltration=Broken())
    assert "infiltration" in result.stopped
    assert np.isfinite(result.depth_m).all()


def test_a_late_cycle_is_cancelled_between_steps() -> None:
    seen: list[float] = []
    result = simulate(
        FLAT, 2.0, 1e6, depth_m=FLAT + 1.0, progress=lambda now, _: seen.append(now), stop=lambda: len(seen) >= 7
    )
    assert result.steps == 7
    assert not result.complete
    assert "told to stop" in result.stopped
    assert result.end_s == seen[-1]
    assert simulate(FLAT, 2.0, 1e6, depth_m=FLAT + 1.0, max_steps=3).steps == 3


@orders
def test_a_run_that_goes_wild_keeps_its_state_and_says_where(order: Literal[1, 2]) -> None:
    speed = FLAT.copy()
    speed[3, 4] = 5000.0
    result = simulate(FLAT, 2.0, 100.0, depth_m=FLAT + 1.0, velocity_x_m_s=speed, order=order)
    assert "diverged" in result.stopped
    assert "row" in result.stopped
    assert np.isfinite(result.depth_m).all()
    assert abs(result.volume_error_ratio) < 1e-12


@orders
def test_float32_agrees_with_float64(order: Literal[1, 2]) -> None:
    rng = np.random.default_rng(9)
    bed = rng.random((30, 40)) + 400.0
    a, b = (
        simulate(bed, 2.0, 120.0, rain_mm_h=100.0, order=order, dtype=dtype, boundary="open")
        for dtype in (np.float64, np.float32)
    )
    assert np.abs(a.depth_m - b.depth_m).mean() < 1e-5
    assert b.velocity_x_m_s.dtype == np.float32
    assert closes(b)


@orders
def test_rain_runs_off_a_plane_as_a_kinematic_wave(order: Literal[1, 2]) -> None:
    """Long rain on a slope: at x from the top ``h = (r x n / √S)^(3/5)``, steps of the bed thicker than the film."""
    x = (np.arange(40) + 0.5) * 5.0
    bed = np.tile(0.02 * (200.0 - x), (3, 1))
    result = simulate(
        bed, 5.0, 2400.0, rain_mm_h=36.0, manning=0.05, boundary={"east": FreeFlow(slope=0.02)}, order=order
    )
    exact = (1e-5 * x * 0.05 / np.sqrt(0.02)) ** 0.6
    assert np.abs(result.depth_m[1] - exact).sum() / exact.sum() < 0.04
