"""One time step of the second-order scheme over a strip of rows, in place, each face computed once.

The walk is that of :mod:`.first_order`; a row is reconstructed before the row south of it is overwritten, so two rows
beyond the strip are read from copies on either side.
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
    fastest_and_check,
    finish_run,
    inverse_cube_root,
    joint_runs,
    side_ends,
    side_rows,
    working_runs,
)
from rencheng.science.flood.slopes import face_values, lifted_steps, limited_slopes, predict_faces, rises_and_walls
from rencheng.science.flood.strip_arrays import Clock, FaceRows, Ground, Memory, Numbers, Scratch, Sides, Water

__all__ = ["SECOND_ORDER_HALO", "SECOND_ORDER_ROWS", "second_order_strip"]

SECOND_ORDER_ROWS = 60
"""Rows of scratch a strip needs, each ``nx + 1`` long."""

SECOND_ORDER_HALO = 2
"""Rows a strip reads beyond itself on either side."""

Grid = NDArray[Any]

# What is kept of a reconstructed row: its depths (0), its slopes of depth, level, u, v along x (1-4) and y (5-8), its
# depth, u, v half a step on (9-11), the bed's push on it (12, 13).


@row_kernel
def _row_of(row: int, strip: tuple[int, int], water: Water, halo: Water) -> Water:
    """A row of the state before the step, from the strip or from the copies beyond it."""
    if strip[0] <= row < strip[1]:
        return Water(water.depth[row], water.u[row], water.v[row])
    k = row - strip[0] + 2 if row < strip[0] else row - strip[1] + 2
    return Water(halo.depth[k], halo.u[k], halo.v[k])


@row_kernel
def _slopes(
    row: int, run: tuple[int, int], ground: Ground, numbers: Numbers, states: tuple[Water, Water, Water], work: Grid,
    kept: Grid,
) -> None:  # fmt: skip
    """Limited slopes of a run of cells; zero along x at the ends of the raster."""
    ny, nx = ground.bed.shape
    a, b = run
    c, d = max(a, 1), min(b, nx - 1)
    south, centre, north = states
    half, most, shallow, no_wall = numbers.half, numbers.sharp, numbers.shallow, numbers.no_wall
    walled = min(ground.crest_y.shape[0] - 1, 1)
    crest_x = ground.crest_x[row * min(ground.crest_x.shape[0] - 1, 1)]
    crest_south, crest_north = ground.crest_y[row * walled], ground.crest_y[(row + 1) * walled]
    low, high, wall_low, wall_high = work[0], work[1], work[2], work[3]
    depth_south, depth_north = work[4], work[5]
    u, v = centre.u, centre.v
    for i in range(max(a - 1, 0), min(b + 1, nx)):
        kept[0, i] = centre.depth[i]
    for i in range(a, b):
        depth_south[i] = south.depth[i]
        depth_north[i] = north.depth[i]
    for m in range(1, 5):
        kept[m, a] = numbers.zero
        kept[m, b - 1] = numbers.zero
    if d > c:
        bed = ground.bed[row]
        rises_and_walls(
            bed[c - 1 : d - 1], bed[c:d], bed[c + 1 : d + 1], crest_x[c:d], crest_x[c + 1 : d + 1],
            low[c:d], high[c:d], wall_low[c:d], wall_high[c:d],
        )  # fmt: skip
        limited_slopes(
            low[c:d], high[c:d], wall_low[c:d], wall_high[c:d],
            kept[0, c - 1 : d - 1], u[c - 1 : d - 1], v[c - 1 : d - 1], kept[0, c:d], u[c:d], v[c:d],
            kept[0, c + 1 : d + 1], u[c + 1 : d + 1], v[c + 1 : d + 1], half, most, shallow, no_wall,
            kept[1, c:d], kept[2, c:d], kept[3, c:d], kept[4, c:d],
        )  # fmt: skip
    rises_and_walls(
        ground.bed[max(row - 1, 0), a:b], ground.bed[row, a:b], ground.bed[min(row + 1, ny - 1), a:b],
        crest_south[a:b], crest_north[a:b], low[a:b], high[a:b], wall_low[a:b], wall_high[a:b],
    )  # fmt: skip
    limited_slopes(
        low[a:b], high[a:b], wall_low[a:b], wall_high[a:b], depth_south[a:b], south.u[a:b], south.v[a:b],
        kept[0, a:b], u[a:b], v[a:b], depth_north[a:b], north.u[a:b], north.v[a:b], half, most, shallow, no_wall,
        kept[5, a:b], kept[6, a:b], kept[7, a:b], kept[8, a:b],
    )  # fmt: skip


@row_kernel
def _reconstruct(
    row: int,
    wet: Grid,
    ground: Ground,
    numbers: Numbers,
    states: tuple[Water, Water, Water],
    scratch: Scratch,
    work: Grid,
    kept: Grid,
    most: Grid,
) -> None:
    """Slopes and half-step state of the runs of a row, with a cell more at their ends."""
    nx = ground.bed.shape[1]
    runs, centre = scratch.runs, states[1]
    film, inverse_cube, bits = scratch.single[4], scratch.single[5], scratch.bits
    drag = ground.drag[row * min(ground.drag.shape[0] - 1, 1)]
    for k in range(working_runs(wet, row, nx, runs)):
        a, b = max(runs[0, k] - 1, 0), min(runs[1, k] + 1, nx)
        u, v = centre.u[a:b], centre.v[a:b]
        afford_row(
            centre.depth[a:b], u, v, numbers.gravity, numbers.cells_per_step,
            kept[0, a:b], most[0, a:b], most[1, a:b], most[2, a:b], most[3, a:b],
        )  # fmt: skip
        _slopes(row, (a, b), ground, numbers, states, work, kept)
        for i in range(a, b):
            film[i] = max(kept[0, i], numbers.shallow)
        inverse_cube_root(bits[4, a:b], bits[5, a:b], film[a:b], inverse_cube[a:b])
        predict_faces(
            kept[0, a:b], u, v, inverse_cube[a:b], drag[a:b], numbers.per_cell, numbers.step, numbers.gravity,
            numbers.half, kept[1, a:b], kept[2, a:b], kept[3, a:b], kept[4, a:b],
            kept[5, a:b], kept[6, a:b], kept[7, a:b], kept[8, a:b],
            kept[9, a:b], kept[10, a:b], kept[11, a:b], kept[12, a:b], kept[13, a:b],
        )  # fmt: skip


@row_kernel
def _side(kept: Grid, first: int, side: float, half: float, run: tuple[int, int], out: Grid) -> None:
    """Face values of a run of cells from the slopes in rows ``first … first + 3`` of what was kept."""
    a, b = run
    face_values(
        kept[9, a:b], kept[10, a:b], kept[11, a:b],
        kept[first, a:b], kept[first + 1, a:b], kept[first + 2, a:b], kept[first + 3, a:b], side, half,
        out[0, a:b], out[1, a:b], out[2, a:b], out[3, a:b],
    )  # fmt: skip


@row_kernel
def _north_faces(
    row: int, wet: Grid, runs: Grid, ground: Ground, numbers: Numbers, kept: tuple[Grid, Grid],
    mosts: tuple[Grid, Grid], work: Grid, clean: bool, faces: FaceRows,
) -> bool:  # fmt: skip
    """Fluxes between a row and the next one to the north; zero where both are dry.

    ``clean`` says that the rows written hold zeros; returned is whether they do now.
    """
    nx = ground.bed.shape[1]
    half = numbers.half
    crest = ground.crest_y[(row + 1) * min(ground.crest_y.shape[0] - 1, 1)]
    ramp = ground.ramp_y[0]
    step, wall, side_a, side_b = work[6], work[7], work[8:12], work[12:16]
    count: int = joint_runs(wet, row, nx, runs)
    clear_faces(count, runs, nx, clean, numbers.zero, faces)
    for k in range(count):
        a, b = runs[0, k], runs[1, k]
        _side(kept[0], 5, half, half, (a, b), side_a)
        _side(kept[1], 5, -half, half, (a, b), side_b)
        lifted_steps(
            ground.bed[row, a:b], ground.bed[row + 1, a:b], crest[a:b], side_a[1, a:b], side_b[1, a:b],
            step[a:b], wall[a:b],
        )  # fmt: skip
        face_fluxes(
            step[a:b], wall[a:b], ramp[a:b], side_a[0, a:b], side_a[3, a:b], side_a[2, a:b], mosts[0][3, a:b],
            side_b[0, a:b], side_b[3, a:b], side_b[2, a:b], mosts[1][2, a:b],
            numbers.gravity, half, numbers.tiny,
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
    kept: Grid,
    most: Grid,
    work: Grid,
    faces: FaceRows,
) -> None:
    """Fluxes through the x faces of a run of cells of a row, those at its ends included."""
    a, b = max(run[0], 1), min(run[1] + 1, ground.bed.shape[1])
    half = numbers.half
    step, wall, west, east = work[6], work[7], work[8:12], work[12:16]
    bed = ground.bed[row]
    crest = ground.crest_x[row * min(ground.crest_x.shape[0] - 1, 1)]
    _side(kept, 1, half, half, (a - 1, b - 1), west)
    _side(kept, 1, -half, half, (a, b), east)
    lifted_steps(bed[a - 1 : b - 1], bed[a:b], crest[a:b], west[1, a - 1 : b - 1], east[1, a:b], step[a:b], wall[a:b])
    face_fluxes(
        step[a:b], wall[a:b], ground.ramp_x[0, a:b],
        west[0, a - 1 : b - 1], west[2, a - 1 : b - 1], west[3, a - 1 : b - 1], most[1, a - 1 : b - 1],
        east[0, a:b], east[2, a:b], east[3, a:b], most[0, a:b], numbers.gravity, half, numbers.tiny,
        faces.lean[a:b], faces.spread[a:b], faces.can_a[a:b], faces.can_b[a:b],
        faces.mass[a:b], faces.push_a[a:b], faces.push_b[a:b], faces.shear[a:b],
    )  # fmt: skip


@row_kernel
def second_order_strip(
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

    The parameters are those of :func:`~rencheng.science.flood.first_order.first_order_strip`, except that the copies
    beyond the strip hold two rows on either side.
    """
    ny, nx = water.depth.shape
    wet, runs, rows = memory.wet, scratch.runs, scratch.buffer
    x = face_rows(rows[0:4], scratch.single)
    south = face_rows(rows[4:8], scratch.single)
    north = face_rows(rows[8:12], scratch.single)
    work, here, above = rows[12:28], rows[28:44], rows[44:60]
    speed, total = scratch.single[2], scratch.single[3]
    most_here, most_above = scratch.single[6:10], scratch.single[10:14]
    speed[:] = np.float32(0.0)
    total[:] = np.float32(0.0)
    clean_south, clean_north = False, False
    first = max(strip[0] - 1, 0)
    if strip[0] == 0:
        side_rows(sides.y, 0, north)
    for j in range(first - 1, strip[1]):
        here, above = above, here
        most_here, most_above = most_above, most_here
        if j + 1 < ny:
            states = (
                _row_of(max(j, 0), strip, water, halo),
                _row_of(j + 1, strip, water, halo),
                _row_of(min(j + 2, ny - 1), strip, water, halo),
            )
            _reconstruct(j + 1, wet, ground, numbers, states, scratch, work, above, most_above)
        if j < first:
            continue
        south, north = north, south
        clean_south, clean_north = clean_north, clean_south
        if j == ny - 1:
            side_rows(sides.y, 1, north)
        else:
            clean_north = _north_faces(
                j, wet, runs, ground, numbers, (here, above), (most_here, most_above), work, clean_north, north
            )
        if j < strip[0]:
            continue
        memory.wet_next[j, :] = 0
        for k in range(working_runs(wet, j, nx, runs)):
            run = (runs[0, k], runs[1, k])
            _x_faces(j, run, ground, numbers, here, most_here, work, x)
            side_ends(sides.x, j, x, nx)
            finish_run(
                j, run, clock, numbers, water, ground, memory, scratch, here[0], (x, south, north),
                (here[12], here[13]),
            )  # fmt: skip
    fastest_and_check(speed, total, wave)
