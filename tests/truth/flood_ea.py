"""The Environment Agency's 2D benchmark, tests 1 to 3 (Néelz & Pender 2013, SC120002), as far as words give them.

Test 1's long profile is redrawn from its description; tests 2 and 3 use closed forms that follow the published terrain
(test 3 to half a millimetre). Tests 5 and 8 need terrain files that come with the report.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from tests.truth.flood_solutions import Floats

from rencheng.science.flood import FloodResult, Stage, simulate

MINUTE = 60.0
HOUR = 3600.0


class Terrain(NamedTuple):
    """Bed, metres, row 0 south, and the edge of its cells."""

    bed_m: Floats
    cell_m: float


SILL_M, PEAK_M, LOW_M = 10.25, 10.35, 9.7
"""Test 1: the sill that keeps the pond, and the highest and lowest level at the west end (all published)."""


def disconnected_body(cell_m: float = 10.0) -> Terrain:
    """Test 1: 700 m × 100 m, a beach up to a sill at 300 m and a hollow behind it (drawn from the description)."""
    x = (np.arange(round(700.0 / cell_m)) + 0.5) * cell_m
    profile = np.interp(x, [0.0, 285.0, 315.0, 500.0, 700.0], [9.5, SILL_M, SILL_M, 9.75, 10.55])
    return Terrain(np.tile(profile, (round(100.0 / cell_m), 1)), cell_m)


def run_disconnected_body(terrain: Terrain, *, held_h: float = 10.0, rest_h: float = 8.0, **how: Any) -> FloodResult:
    """Test 1, saved every half hour; n = 0.03, water at 9.7 m at the start.

    The level rises within an hour, stands ``held_h``, falls within an hour and stands ``rest_h``: 20 hours in all.
    """
    times = np.cumsum([0.0, 1.0, held_h, 1.0, rest_h]) * HOUR
    level = Stage(times_s=times, level_m=np.array([LOW_M, PEAK_M, PEAK_M, LOW_M, LOW_M]))
    depth = np.maximum(LOW_M - terrain.bed_m, 0.0)
    settings: dict[str, Any] = {"boundary": {"west": level}, "manning": 0.03, "save_every_s": 0.5 * HOUR, **how}
    return simulate(terrain.bed_m, terrain.cell_m, float(times[-1]), depth_m=depth, **settings)


def depressions(cell_m: float = 20.0) -> Terrain:
    """Test 2: a plane falling 1:2000 eastward, 1:1500 southward, with 4 × 4 hollows half a metre below their saddles.

    The bed is a product of raised cosines, −(c − cos X)(c − cos Y)/11 with c = 1.75 and wavelength 500 m: its sills
    stand 0.375 m (to the east) and 0.333 m (to the south) above the bottoms.
    """
    at = (np.arange(round(2000.0 / cell_m)) + 0.5) * cell_m
    x, y = np.meshgrid(at, at)
    wave_x, wave_y = (1.75 - np.cos(2.0 * np.pi * a / 500.0) for a in (x, y))
    return Terrain(10.0 - x / 2000.0 - (2000.0 - y) / 1500.0 - wave_x * wave_y / 11.0, cell_m)


DEPRESSION_CENTRES_M = [(250.0 + 500.0 * (i // 4), 250.0 + 500.0 * (i % 4)) for i in range(16)]
"""Output points 1 to 16 of test 2: from south to north, column by column from the west."""


def run_depressions(terrain: Terrain, duration_s: float = 48.0 * HOUR, **how: Any) -> FloodResult:
    """Test 2: 97,200 m³ over the northernmost 100 m of the west side within 91 minutes, then rest; n = 0.03."""
    times, discharge = np.array([0.0, 5.0, 10.0, 86.0, 91.0]) * MINUTE, np.array([0.0, 0.0, 20.0, 20.0, 0.0])
    inflow = np.zeros(terrain.bed_m.shape, np.bool_)
    inflow[-round(100.0 / terrain.cell_m) :, 0] = True
    inflows = [(inflow, times, discharge)]
    return simulate(terrain.bed_m, terrain.cell_m, duration_s, manning=0.03, inflows=inflows, **how)


CREST_M = 10.0
"""Test 3: the obstruction between the two hollows."""


def obstruction(cell_m: float = 5.0) -> Terrain:
    """Test 3: 300 m × 100 m, a slope of 1:200 into a hollow at 150 m, a crest at 200 m, a hollow at 250 m, a rise."""
    x = (np.arange(round(300.0 / cell_m)) + 0.5) * cell_m
    turn = 2.0 * np.pi * (x - 150.0) / 100.0
    profile = np.select(
        [x < 144.84, x < 150.0, x < 250.0, x < 275.0],
        [10.4876 - x / 200.0, 10.0 - 0.25 * np.cos(turn), 9.875 - 0.125 * np.cos(turn), 10.0 - 0.25 * np.cos(turn)],
        10.0 + np.pi / 200.0 * (x - 275.0),
    )
    return Terrain(np.tile(profile, (round(100.0 / cell_m), 1)), cell_m)


def run_obstruction(terrain: Terrain, **how: Any) -> FloodResult:
    """Test 3 for its 15 minutes: 1310 m³, just what the first hollow holds, in 30 s at the west end; n = 0.01."""
    times, discharge = np.array([0.0, 5.0, 15.0, 25.0, 35.0]), np.array([0.0, 0.0, 65.5, 65.5, 0.0])
    inflow = np.zeros(terrain.bed_m.shape, np.bool_)
    inflow[:, 0] = True
    inflows = [(inflow, times, discharge)]
    return simulate(terrain.bed_m, terrain.cell_m, 900.0, manning=0.01, inflows=inflows, **how)


def level_at(result: FloodResult, terrain: Terrain, x_m: float, y_m: float) -> float:
    """Water level at the end of a run in the cell that holds a place, m."""
    at = int(y_m // terrain.cell_m), int(x_m // terrain.cell_m)
    return float(terrain.bed_m[at] + result.depth_m[at])
