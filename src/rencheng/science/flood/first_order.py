"""One time step of the first-order scheme over a strip of rows, in place, each face computed once.

A strip walks its rows from south to north. The flux through the north faces of a row is kept for the row above, so the
state may be overwritten at once: no second copy of depth and velocity is needed. The rows just outside the strip are
read from copies taken before the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.compiled import row_kernel
from rencheng.science.flood.rows import (
    afford_row,
    clear_faces,
    face_fluxes,
    face_rows,
    face_steps,
    fastest_and_check,
    finish_run,
    joint_runs,
    side_ends,
    side_rows,
    working_runs,
)
from rencheng.science.flood.strip_arrays import Clock, FaceRows, Ground, Memory, Numbers, Scratch, Sides, Water

__all__ = ["FIRST_ORDER_HALO", "FIRST_ORDER_ROWS", "first_order_strip"]

FIRST_ORDER_ROWS = 17
"""Rows of scratch a strip needs, each ``nx + 1`` long."""

FIRST_ORDER_HALO = 1
"""Rows a strip reads beyond itself on either side."""

Grid = NDArray[Any]


@row_kernel
def _row_of(row: int, strip: tuple[int, int], water: Water, halo: Water) -> Water:
    """A row of the state before the step, from the strip or from the copies beyond it."""
    if strip[0] <= row < strip[1]:
        return Water(water.depth[row], water.u[row], water.v[row])
    k = 0 if row < strip[0] else 1
    return Water(halo.depth[k], halo.u[k], halo.v[k])


@row_kernel
def _afford(row: int, wet: Grid, runs: Grid, state: Water, numbers: Numbers, depth: Grid, most: Grid) -> None:
    """Depths and affordable fluxes of the runs of a row, with a cell more at their ends."""
    nx = state.depth.shape[0]
    for k in range(working_runs(wet, row, nx, runs)):
        a, b = max(runs[0, k] - 1, 0), min(runs[1, k] + 1, nx)
        afford_row(
            state.depth[a:b], state.u[a:b], state.v[a:b], numbers.gravity, numbers.cells_per_step,
            depth[a:b], most[0, a:b], most[1, a:b], most[2, a:b], most[3, a:b],
        )  # fmt: skip


@row_kernel
def _north_faces(
    row: int,
    wet: Grid,
    runs: Grid,
    ground: Ground,
    numbers: Numbers,
    states: tuple[Water, Water],
    depths: tuple[Grid, Grid],
    mosts: tuple[Grid, Grid],
    steps: tuple[Grid, Grid],
    clean: bool,
    faces: FaceRows,
) -> bool:
    """Fluxes between a row and the next one to the north; zero where both are dry.

    ``clean`` says that the rows written hold zeros; returned is whether they do now.
    """
    nx = ground.bed.shape[1]
    step, wall = steps
    here, above = states
    crest = ground.crest_y[(row + 1) * min(ground.crest_y.shape[0] - 1, 1)]
    ramp = ground.ramp_y[row + 1]
    count: int = joint_runs(wet, row, nx, runs)
    clear_faces(count, runs, nx, clean, numbers.zero, faces)
    for k in range(count):
        a, b = runs[0, k], runs[1, k]
        face_steps(ground.bed[row, a:b], ground.bed[row + 1, a:b], crest[a:b], step[a:b], wall[a:b])
        face_fluxes(
            step[a:b], wall[a:b], ramp[a:b], depths[0][a:b], here.v[a:b], here.u[a:b], mosts[0][3, a:b],
            depths[1][a:b], above.v[a:b], above.u[a:b], mosts[1][2, a:b], numbers.gravity, numbers.half, numbers.tiny,
            faces.lean[a:b], faces.spread[a:b], faces.can_a[a:b], faces.can_b[a:b],
            faces.mass[a:b], faces.push_a[a:b], faces.push_b[a:b], faces.shear[a:b],
        )  # fmt: skip
    return count == 0


@row_kernel
def _x_faces(
    row: int,
    run: tuple[int, int],
    ground: Ground,
    numbers: Numbers,
    water: Water,
    depth: Grid,
    most: Grid,
    steps: tuple[Grid, Grid],
    faces: FaceRows,
) -> None:
    """Fluxes through the x faces of a run of cells of a row, those at its ends included."""
    a, b = max(run[0], 1), min(run[1] + 1, ground.bed.shape[1])
    step, wall = steps
    bed, u, v = ground.bed[row], water.u[row], water.v[row]
    crest = ground.crest_x[row * min(ground.crest_x.shape[0] - 1, 1)]
    face_steps(bed[a - 1 : b - 1], bed[a:b], crest[a:b], step[a:b], wall[a:b])
    face_fluxes(
        step[a:b], wall[a:b], ground.ramp_x[row, a:b],
        depth[a - 1 : b - 1], u[a - 1 : b - 1], v[a - 1 : b - 1], most[1, a - 1 : b - 1],
        depth[a:b], u[a:b], v[a:b], most[0, a:b], numbers.gravity, numbers.half, numbers.tiny,
        faces.lean[a:b], faces.spread[a:b], faces.can_a[a:b], faces.can_b[a:b],
        faces.mass[a:b], faces.push_a[a:b], faces.push_b[a:b], faces.shear[a:b],
    )  # fmt: skip


@row_kernel
def first_order_strip(
    strip: tuple[int, int],
    clock: Clock,
    numbers: Numbers,
    water: Water,
    halo: Water,
    ground: Ground,
    sides: Sides,
    memory: Memory,
    scratch: Scratch,
    wave: NDArray[np.float64],
) -> None:
    """Advance the rows ``strip[0] … strip[1] - 1`` by one step.

    Parameters
    ----------
    halo : Water
        The rows south and north of the strip as they were before the step, arrays of shape (2, nx).
    wave : float64 array, shape (2,)
        Written: the largest wave speed ``|u| + |v| + 2c`` after the step, and a number that is finite only if all are.
    """
    ny, nx = water.depth.shape
    wet, runs, rows = memory.wet, scratch.runs, scratch.buffer
    x = face_rows(rows[0:4], scratch.single)
    south = face_rows(rows[4:8], scratch.single)
    north = face_rows(rows[8:12], scratch.single)
    steps = (rows[12], rows[13])
    flat, here, above = rows[14], rows[15], rows[16]
    speed, total = scratch.single[2], scratch.single[3]
    most_here, most_above = scratch.single[6:10], scratch.single[10:14]
    flat[:] = numbers.zero
    speed[:] = np.float32(0.0)
    total[:] = np.float32(0.0)
    clean_south, clean_north = False, False
    first = max(strip[0] - 1, 0)
    _afford(first, wet, runs, _row_of(first, strip, water, halo), numbers, above, most_above)
    if strip[0] == 0:
        side_rows(sides.y, 0, north)
    for j in range(first, strip[1]):
        south, north = north, south
        clean_south, clean_north = clean_north, clean_south
        here, above = above, here
        most_here, most_above = most_above, most_here
        if j == ny - 1:
            side_rows(sides.y, 1, north)
        else:
            now, beyond = _row_of(j, strip, water, halo), _row_of(j + 1, strip, water, halo)
            _afford(j + 1, wet, runs, beyond, numbers, above, most_above)
            clean_north = _north_faces(
                j,
                wet,
                runs,
                ground,
                numbers,
                (now, beyond),
                (here, above),
                (most_here, most_above),
                steps,
                clean_north,
                north,
            )
        if j < strip[0]:
            continue
        memory.wet_next[j, :] = 0
        for k in range(working_runs(wet, j, nx, runs)):
            run = (runs[0, k], runs[1, k])
            _x_faces(j, run, ground, numbers, water, here, most_here, steps, x)
            side_ends(sides.x, j, x, nx)
            finish_run(j, run, clock, numbers, water, ground, memory, scratch, here, (x, south, north), (flat, flat))
    fastest_and_check(speed, total, wave)
