"""The flood engine run on problems with exact solutions, and how far off it was."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from tests.truth.flood_solutions import (
    APPROACH_M,
    CHANNEL_M,
    PLANAR_S,
    RADIAL_S,
    STEADY_FLOWS,
    Floats,
    approached,
    bowl_bed,
    cell_means,
    hunter_wave,
    kinematic_depth,
    kinematic_gone,
    ritter,
    steady_bed,
    stoker,
    thacker_planar,
    thacker_radial,
)

from rencheng.science.flood import Discharge, FloodResult, FreeFlow, Open, Stage, simulate

ROWS = 3
"""Rows of the grids of one-dimensional problems."""


class Score(NamedTuple):
    """Errors of a run against an exact solution.

    ``l1`` is Σ|h − ĥ| / Σĥ, ``linf_m`` the largest |h − ĥ|, ``volume_error`` the engine's own volume error ratio.
    """

    l1: float
    linf_m: float
    volume_error: float
    steps: int


def scored(result: FloodResult, exact_m: Floats, before: int = 0) -> Score:
    """How far the final depths of a run are from the exact ones, from column ``before`` on.

    A row of exact depths stands for every row.
    """
    exact = np.broadcast_to(exact_m, result.depth_m.shape)[:, before:]
    error = np.abs(result.depth_m[:, before:] - exact)
    return Score(float(error.sum() / exact.sum()), float(error.max()), abs(result.volume_error_ratio), result.steps)


def observed_orders(scores: list[Score]) -> list[float]:
    """log₂ of the ratios of L1 errors of runs whose cells halve."""
    return [float(np.log2(coarse.l1 / fine.l1)) for coarse, fine in pairwise(scores)]


def dam_break(cells: int, *, right_m: float = 0.0, left_m: float = 5.0, length_m: float = 1000.0, **how: Any) -> Score:
    """Dam break in the middle of a frictionless channel, half of the way to its ends (Ritter, or Stoker where wet)."""
    cell = length_m / cells
    edges = (np.arange(cells + 1) - cells / 2) * cell
    depth = np.where(edges[:-1] < 0.0, left_m, right_m) * np.ones((ROWS, 1))
    until = 0.45 * length_m / (2.0 * np.sqrt(9.80665 * left_m))
    result = simulate(np.zeros_like(depth), cell, until, depth_m=depth, manning=0.0, **how)

    def profile(x: Floats) -> Floats:
        return stoker(x, until, left_m, right_m)[0] if right_m else ritter(x, until, left_m)[0]

    return scored(result, cell_means(profile, edges))


def bowl(cells: int, kind: str, *, periods: float = 3.0, **how: Any) -> Score:
    """Thacker's water after some periods in a paraboloid 4 m wide."""
    period, wave = (PLANAR_S, thacker_planar) if kind == "planar" else (RADIAL_S, thacker_radial)
    at = (np.arange(cells) + 0.5) * 4.0 / cells - 2.0
    x, y = np.meshgrid(at, at)
    depth, u, v = wave(x, y, 0.0)
    result = simulate(
        bowl_bed(x, y),
        4.0 / cells,
        periods * period,
        depth_m=depth,
        velocity_x_m_s=u,
        velocity_y_m_s=v,
        manning=0.0,
        **how,
    )
    return scored(result, wave(x, y, periods * period)[0])


def hunter(cells: int, *, manning: float = 0.03, velocity_m_s: float = 1.0, **how: Any) -> Score:
    """A wave led by a stage at the west end for an hour over a dry horizontal plane of 5 km (Hunter et al. 2005)."""
    times = np.linspace(0.0, 3600.0, 721)
    level = np.array([hunter_wave(np.zeros(1), t, manning, velocity_m_s)[0] for t in times])
    cell = 5000.0 / cells
    bed = np.zeros((ROWS, cells))
    result = simulate(bed, cell, 3600.0, manning=manning, boundary={"west": Stage(times_s=times, level_m=level)}, **how)
    edges = np.arange(cells + 1) * cell
    return scored(result, cell_means(lambda x: hunter_wave(x, 3600.0, manning, velocity_m_s), edges))


def steady_channel(cells: int, name: str, *, duration_s: float = 3000.0, **how: Any) -> Score:
    """A channel filled to the exact depths, run until it stands on the engine's own steady state (MacDonald).

    Upstream the discharge is given (a supercritical flow gets an approach that is not scored), downstream the exact
    level where the flow leaves calmly.
    """
    flow = STEADY_FLOWS[name]
    cell = CHANNEL_M / cells
    rapid = name.startswith("supercritical")
    before = round(APPROACH_M / cell) if rapid else 0
    flow = approached(flow) if rapid else flow
    bed, depth = steady_bed(flow, cells, before=before)
    field, water = np.tile(bed, (ROWS, 1)), np.tile(depth, (ROWS, 1))
    ends = np.array([0.0, duration_s])
    level = float(np.real(flow.depth_m(np.array([CHANNEL_M + 0j])))[0])
    calm = name in {"subcritical", "supercritical to subcritical"}
    result = simulate(
        field,
        cell,
        duration_s,
        depth_m=water,
        velocity_x_m_s=flow.discharge_m2_s / water,
        manning=flow.manning,
        boundary={
            "west": Discharge(times_s=ends, discharge_m3_s=np.full(2, flow.discharge_m2_s * ROWS * cell)),
            "east": Stage(times_s=ends, level_m=np.full(2, level)) if calm else Open(),
        },
        **how,
    )
    return scored(result, depth, before)


class RainRun(NamedTuple):
    """Rain on a plane: errors of the depth profile at the end and of the outflow hydrograph."""

    depth: Score
    outflow_l1: float
    steady_outflow_error: float


def rain_on_plane(cells: int, *, slope: float, cell_m: float = 5.0, manning: float = 0.05, **how: Any) -> RainRun:
    """An hour of 60 mm/h on a plane whose foot is open, beside the kinematic wave (Woolhiser & Liggett 1967)."""
    rain, until, save = 60.0 / 3.6e6, 3600.0, 60.0
    x = (np.arange(cells) + 0.5) * cell_m
    bed = np.tile(slope * (x[-1] - x), (ROWS, 1))
    result = simulate(
        bed,
        cell_m,
        until,
        rain_mm_h=60.0,
        manning=manning,
        boundary={"east": FreeFlow(slope=slope)},
        save_every_s=save,
        **how,
    )
    length = cells * cell_m
    exact = cell_means(lambda at: kinematic_depth(at, until, rain, slope, manning), np.arange(cells + 1) * cell_m)
    times = result.snapshot_times_s
    stored = np.array([one.depth_m.mean(dtype=np.float64) for one in result.snapshots]) * length
    gone = rain * length * times - stored
    outflow = np.diff(gone) / np.diff(times)
    wanted = np.diff(kinematic_gone(times, length, rain, slope, manning)) / np.diff(times)
    return RainRun(
        depth=scored(result, exact),
        outflow_l1=float(np.abs(outflow - wanted).sum() / wanted.sum()),
        steady_outflow_error=float(abs(outflow[-1] / (rain * length) - 1.0)),
    )


def lake_at_rest(cells: int = 48, *, seed: int = 7, steps: int = 400, **how: Any) -> tuple[float, float, float]:
    """Largest move of the surface, largest speed and volume error of a still lake over rough wet and dry terrain."""
    rng = np.random.default_rng(seed)
    bed = rng.uniform(0.0, 2.0, (cells, cells))
    bed[10:20, 10:20] += 3.0
    bed[30:34, :] = rng.uniform(0.999, 1.001, (4, cells))
    level = 1.0
    depth = np.maximum(level - bed, 0.0)
    result = simulate(bed, 1.0, steps * 0.05, depth_m=depth, manning=0.0, **how)
    moved = np.abs(result.depth_m - depth).max()
    speed = max(np.abs(result.velocity_x_m_s).max(), np.abs(result.velocity_y_m_s).max())
    return float(moved), float(speed), abs(result.volume_error_ratio)
