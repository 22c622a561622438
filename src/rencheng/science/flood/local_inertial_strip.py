"""One time step of the local inertial scheme over a strip of rows, in place, in one sweep.

A strip walks its rows from south to north. New discharges stand in a few row buffers, so the old ones may be
overwritten two rows behind; a row is finished when the row north of it knows how much it can give (the outflow limit).
Rows outside the strip are read from copies taken before the step; what two strips both need (three lines of faces) both
work out, to the same bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.compiled import kernel
from rencheng.science.flood.local_inertial_rows import (
    apply_limit,
    discharge_of_faces,
    face_depths,
    outflow_limit,
    surface_steps,
    transverse_of_x_faces,
    transverse_of_y_faces,
    update_depth,
)
from rencheng.science.flood.rows import SEGMENT, rain_on_row, record_row

__all__ = [
    "BUFFER_ROWS",
    "HALO_ROWS",
    "FaceGround",
    "FaceMemory",
    "FaceScratch",
    "FaceWater",
    "StepNumbers",
    "copy_halos",
    "local_inertial_strips",
]

BUFFER_ROWS = 8
"""Rows of scratch a strip needs, each ``nx + 1`` long: two of x discharge, three of y discharge, three for a line of
faces."""

HALO_ROWS = 5
"""Rows outside a strip that are copied before the step: two south of it, two (for y faces three) north of it."""

Grid = NDArray[Any]


class FaceWater(NamedTuple):
    """The water: depths in the cells, unit discharges on the faces.

    The outer faces are given: what a boundary lets through in this step.
    """

    depth: Grid
    """float64, shape (ny, nx), or (strips, 5, nx) for the rows around strips; m."""
    qx: Grid
    """Through x faces, shape (ny, nx + 1) or (strips, 5, nx + 1); m²/s."""
    qy: Grid
    """Through y faces, shape (ny + 1, nx) or (strips, 5, nx); m²/s."""


class FaceGround(NamedTuple):
    """What the water runs over and what falls on it."""

    bed: Grid
    """float64, shape (ny, nx), m."""
    crest_x: Grid
    """Wall crests on x faces, shape (ny or 1, nx + 1), m."""
    crest_y: Grid
    """Wall crests on y faces, shape (ny + 1 or 1, nx), m."""
    drag: Grid
    """``g n²``, shape (ny or 1, nx)."""
    rate: Grid
    """Rain rate on its own grid, m/s."""
    rate_rows: Grid
    """Row of the rain grid for each row."""
    rate_columns: Grid
    """Column of the rain grid for each column."""
    open_ground: Grid
    """uint8, shape (ny or 1, nx): 1 where rain counts."""


class FaceMemory(NamedTuple):
    """What a run remembers: wet segments and the records of each cell."""

    wet: Grid
    """uint8, shape (ny, segments): 2 where a segment holds moving water, 1 where it did a step ago; read."""
    wet_next: Grid
    """The same, written for the step after."""
    peak: Grid
    """Highest depth, float32, m."""
    arrival: Grid
    """First time at the arrival depth, float32, s."""
    spell: Grid
    """Time at or above it, float32, s."""


class FaceScratch(NamedTuple):
    """Room of one thread."""

    buffer: Grid
    """Shape (8, nx + 1), in the type of the arithmetic."""
    rain: Grid
    """float64, shape (nx,)."""
    limit: Grid
    """float64, shape (2, nx)."""
    runs: Grid
    """int64, shape (2, 2, segments + 1): starts and stops of the runs of two rows."""


class StepNumbers(NamedTuple):
    """Plain numbers of a step."""

    now_s: float
    step_s: float
    cell_m: float
    shallow_m: float
    """Water thinner than this stands still."""
    safety: float
    """Share of its water a cell may give away."""
    arrival_depth_m: float
    raining: bool


@kernel
def copy_halos(field: Grid, bounds: Grid, halos: Grid) -> None:
    """Copy the two rows south of each strip and the three north of it; zeros where the grid ends.

    Parameters
    ----------
    field : array, shape (rows, columns)
        Depths or discharges.
    bounds : int64 array, shape (strips + 1,)
        First row of each strip, and the row after the last.
    halos : array, shape (strips, 5, columns)
        Written.
    """
    rows = field.shape[0]
    for s in range(bounds.shape[0] - 1):
        for k in range(5):
            j = bounds[s] - 2 + k if k < 2 else bounds[s + 1] + k - 2
            if 0 <= j < rows:
                halos[s, k, :] = field[j]
            else:
                halos[s, k, :] = 0.0


@kernel
def _row(field: Grid, halo: Grid, j: int, first_row: int, stop_row: int) -> Grid:
    """Row ``j`` as it was before the step: from the grid inside the strip, from the copy outside."""
    row: Grid = field[min(max(j, first_row), stop_row - 1)]
    if j < first_row:
        row = halo[j - first_row + 2]
    elif j >= stop_row:
        row = halo[j - stop_row + 2]
    return row


@kernel
def _runs(wet: Grid, row: int, nx: int, runs: Grid) -> int:
    """Runs of cells of a row to work on: segments with moving water, now or a step ago, or rain, and those about them.

    Writes the first cell and the stop of each run.
    """
    ny, segments = wet.shape
    count = 0
    before = False
    for s in range(segments):
        works = False
        for j in range(max(row - 1, 0), min(row + 2, ny)):
            for t in range(max(s - 1, 0), min(s + 2, segments)):
                works |= wet[j, t] != 0
        if works and not before:
            runs[0, count] = s * SEGMENT
            count += 1
        if works:
            runs[1, count - 1] = min((s + 1) * SEGMENT, nx)
        before = works
    return count


@kernel
def _y_faces(
    j: int, count: int, runs: Grid, first_row: int, stop_row: int, water: FaceWater, halo: FaceWater,
    ground: FaceGround, real: Grid, scratch: Grid, out: Grid,
) -> None:  # fmt: skip
    """New discharge of the faces between rows ``j`` and ``j + 1``; zero where both are dry."""
    nx = water.depth.shape[1]
    if j < 0 or j == water.depth.shape[0] - 1:
        out[:] = _row(water.qy, halo.qy, j + 1, first_row, stop_row)
        return
    if count != 1 or runs[0, 0] != 0 or runs[1, 0] != nx:
        out[:] = real[8] - real[8]
    h_s = _row(water.depth, halo.depth, j, first_row, stop_row)
    h_n = _row(water.depth, halo.depth, j + 1, first_row, stop_row)
    q_s = _row(water.qy, halo.qy, j, first_row, stop_row)
    q = _row(water.qy, halo.qy, j + 1, first_row, stop_row)
    q_n = _row(water.qy, halo.qy, j + 2, first_row, stop_row)
    x_s = _row(water.qx, halo.qx, j, first_row, stop_row)
    x_n = _row(water.qx, halo.qx, j + 1, first_row, stop_row)
    crest = ground.crest_y[j + 1 if ground.crest_y.shape[0] > 1 else 0]
    drag_s = ground.drag[j if ground.drag.shape[0] > 1 else 0]
    drag_n = ground.drag[j + 1 if ground.drag.shape[0] > 1 else 0]
    for r in range(count):
        a, b = runs[0, r], runs[1, r]
        rise, flow, along = scratch[0, : b - a], scratch[1, : b - a], scratch[2, : b - a]
        surface_steps(ground.bed[j, a:], h_s[a:], ground.bed[j + 1, a:], h_n[a:], rise)
        face_depths(ground.bed[j, a:], h_s[a:], ground.bed[j + 1, a:], h_n[a:], crest[a:], flow)
        transverse_of_y_faces(x_s[a:], x_n[a:], real[9], along)
        discharge_of_faces(rise, flow, q[a:], q_s[a:], q_n[a:], along, drag_s[a:], drag_n[a:], real, out[a:b])


@kernel
def _x_faces(
    j: int, a: int, b: int, first_row: int, stop_row: int, water: FaceWater, halo: FaceWater, ground: FaceGround,
    real: Grid, scratch: Grid, out: Grid,
) -> None:  # fmt: skip
    """New discharge of the faces of row ``j`` about the cells ``a … b - 1``; the outer faces as given."""
    nx = water.depth.shape[1]
    h = _row(water.depth, halo.depth, j, first_row, stop_row)
    q = _row(water.qx, halo.qx, j, first_row, stop_row)
    south = _row(water.qy, halo.qy, j, first_row, stop_row)
    north = _row(water.qy, halo.qy, j + 1, first_row, stop_row)
    crest = ground.crest_x[j if ground.crest_x.shape[0] > 1 else 0]
    drag = ground.drag[j if ground.drag.shape[0] > 1 else 0]
    bed = ground.bed[j]
    out[0], out[nx] = q[0], q[nx]
    first, stop = max(a, 1), min(b + 1, nx)
    n = stop - first
    rise, flow, along = scratch[0, :n], scratch[1, :n], scratch[2, :n]
    surface_steps(bed[first - 1 :], h[first - 1 :], bed[first:], h[first:], rise)
    face_depths(bed[first - 1 :], h[first - 1 :], bed[first:], h[first:], crest[first:], flow)
    transverse_of_x_faces(south[first - 1 :], north[first - 1 :], real[9], along)
    discharge_of_faces(
        rise, flow, q[first:], q[first - 1 :], q[first + 1 :], along, drag[first - 1 :], drag[first:], real,
        out[first:stop],
    )  # fmt: skip


@kernel
def _limit_x_faces(flow: Grid, limit: Grid, a: int, b: int, zero: float) -> None:
    """Cut the x faces about the cells ``a … b - 1`` to what the giving cells can afford."""
    apply_limit(flow[a + 1 : b], limit[a : b - 1], limit[a + 1 : b], zero)
    if flow[a] < zero:
        flow[a] *= limit[a]
    if flow[b] > zero:
        flow[b] *= limit[b - 1]


@kernel
def _count_down(depth: Grid, shallow: float, before: Grid, row: int, a: int, b: int, after: Grid) -> np.uint64:
    """Mark the segments of a run of cells that hold moving water (2), held some a step ago (1), or neither (0).

    Returns the largest depth as the integer of its bits, which orders as the numbers do and lets the loop vectorise.
    """
    deepest = np.uint64(0)
    limit = np.array([shallow]).view(np.uint64)[0]
    bits = depth.view(np.uint64)
    for s in range(a // SEGMENT, (b + SEGMENT - 1) // SEGMENT):
        most = np.uint64(0)
        piece = bits[s * SEGMENT : min((s + 1) * SEGMENT, b)]
        for i in range(piece.shape[0]):
            most = max(most, piece[i])
        deepest = max(deepest, most)
        after[row, s] = 2 if most > limit else (1 if before[row, s] == 2 else 0)
    return deepest


@kernel
def _finish(
    j: int, count: int, short: bool, numbers: StepNumbers, zero: float, water: FaceWater, ground: FaceGround,
    memory: FaceMemory, scratch: FaceScratch,
) -> np.uint64:  # fmt: skip
    """Let the discharges of a row's four lines of faces act, and keep what the result asks for."""
    nx = water.depth.shape[1]
    across, south = scratch.buffer[j & 1], scratch.buffer[2 + j % 3, :nx]
    north, rain, runs = scratch.buffer[2 + (j + 1) % 3, :nx], scratch.rain, scratch.runs[j & 1]
    depth = water.depth[j]
    deepest = np.uint64(0)
    if numbers.raining:
        open_ground = ground.open_ground[j if ground.open_ground.shape[0] > 1 else 0]
        rain_on_row(ground.rate, ground.rate_rows[j], ground.rate_columns, open_ground, numbers.step_s, rain)
    memory.wet_next[j, :] = 0
    for r in range(count):
        a, b = runs[0, r], runs[1, r]
        if short:
            _limit_x_faces(across, scratch.limit[j & 1], a, b, zero)
        update_depth(
            depth[a:b], across[a:b], across[a + 1 : b + 1], south[a:b], north[a:b], rain[a:b],
            numbers.step_s / numbers.cell_m,
        )  # fmt: skip
        water.qx[j, a : b + 1] = across[a : b + 1]
        water.qy[j, a:b] = south[a:b]
        most = _count_down(depth, numbers.shallow_m, memory.wet, j, a, b, memory.wet_next)
        deepest = max(deepest, most)
        record_row(
            depth[a:b], numbers.now_s + numbers.step_s, numbers.step_s, numbers.arrival_depth_m,
            memory.peak[j, a:b], memory.arrival[j, a:b], memory.spell[j, a:b],
        )  # fmt: skip
    return deepest


@kernel
def _strip(
    first_row: int, stop_row: int, numbers: StepNumbers, real: Grid, water: FaceWater, halo: FaceWater,
    ground: FaceGround, memory: FaceMemory, scratch: FaceScratch,
) -> np.uint64:  # fmt: skip
    """Advance the rows ``first_row … stop_row - 1`` by one step (see :func:`local_inertial_strips`)."""
    ny, nx = water.depth.shape
    per_cell, zero = real[10], real[8] - real[8]
    buffer, limit, runs = scratch.buffer, scratch.limit, scratch.runs
    counts = np.zeros(2, np.int64)
    short = np.zeros(2, np.bool_)
    limit[:] = 1.0
    scratch.rain[:] = 0.0
    deepest = np.uint64(0)
    for j in range(max(first_row - 2, -1), min(stop_row, ny - 1) + 1):
        k = j & 1
        if j >= 0:
            counts[k] = _runs(memory.wet, j, nx, runs[k])
        north = buffer[2 + (j + 1) % 3, :nx]
        _y_faces(j, counts[k], runs[k], first_row, stop_row, water, halo, ground, real, buffer[5:], north)
        if j < max(first_row - 1, 0):
            continue
        across, south = buffer[k], buffer[2 + j % 3, :nx]
        h = _row(water.depth, halo.depth, j, first_row, stop_row)
        short[k] = False
        for r in range(counts[k]):
            a, b = runs[k, 0, r], runs[k, 1, r]
            _x_faces(j, a, b, first_row, stop_row, water, halo, ground, real, buffer[5:], across)
            short[k] |= outflow_limit(
                h[a:b], across[a:b], across[a + 1 : b + 1], south[a:b], north[a:b], per_cell, zero, numbers.safety,
                limit[k, a:b],
            )  # fmt: skip
        if j >= first_row and (short[0] or short[1]):
            apply_limit(south, limit[1 - k], limit[k], zero)
        if j > first_row:
            most = _finish(j - 1, counts[1 - k], short[1 - k], numbers, zero, water, ground, memory, scratch)
            deepest = max(deepest, most)
    if stop_row == ny:
        k = (ny - 1) & 1
        last = buffer[2 + ny % 3, :nx]
        limit[1 - k] = 1.0
        if short[k]:
            apply_limit(last, limit[k], limit[1 - k], zero)
        deepest = max(deepest, _finish(ny - 1, counts[k], short[k], numbers, zero, water, ground, memory, scratch))
        water.qy[ny] = last
    return deepest


@kernel
def local_inertial_strips(
    first: int, every: int, bounds: Grid, numbers: StepNumbers, real: Grid, water: FaceWater, halos: FaceWater,
    ground: FaceGround, memory: FaceMemory, scratch: FaceScratch,
) -> np.uint64:  # fmt: skip
    """Advance the strips ``first, first + every, …`` by one step: what one thread does of it.

    Parameters
    ----------
    first, every : int
        Which strips.
    bounds : int64 array, shape (strips + 1,)
        First row of each strip, and the row after the last.
    numbers : StepNumbers
        Time, step and thresholds.
    real : array, shape (11,)
        See :func:`rencheng.science.flood.local_inertial.step_constants`.
    water, halos : FaceWater
        State, and the rows around each strip before the step (:func:`copy_halos`).
    ground, memory, scratch
        The rest of what is read and written.

    Returns
    -------
    uint64
        The largest depth after the step, as the integer of its bits: above that of any number if a depth is negative or
        not a number.
    """
    deepest = np.uint64(0)
    for s in range(first, bounds.shape[0] - 1, every):
        halo = FaceWater(halos.depth[s], halos.qx[s], halos.qy[s])
        deepest = max(deepest, _strip(bounds[s], bounds[s + 1], numbers, real, water, halo, ground, memory, scratch))
    return deepest
