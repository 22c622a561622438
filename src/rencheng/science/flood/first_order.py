"""One time step of the first-order scheme over a strip of rows, in place, each face computed once.

A strip walks its rows from south to north. The flux through the north faces of a row is kept for the row above, so the
state may be overwritten at once: no second copy of depth and velocity is needed. The rows just outside the strip are
read from copies taken before the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.science.flood.compiled import KERNEL
from rencheng.science.flood.rows import (
    afford_row,
    face_fluxes,
    face_steps,
    finish_row,
    joint_runs,
    mark_wet,
    rain_on_row,
    working_runs,
)

__all__ = ["FIRST_ORDER_HALO", "FIRST_ORDER_ROWS", "first_order_strip"]

FIRST_ORDER_ROWS = 30
"""Rows of scratch a strip needs, each ``nx + 1`` long."""

FIRST_ORDER_HALO = 1
"""Rows a strip reads beyond itself on either side."""

Grid = NDArray[Any]


@njit(**KERNEL)
def _north_faces(
    row: int,
    clean: bool,
    wet: NDArray[np.uint8],
    runs: NDArray[np.int64],
    bed: NDArray[np.float64],
    crest: NDArray[np.float64],
    ramp: NDArray[np.float32],
    depth_a: Grid,
    u_a: Grid,
    v_a: Grid,
    most_a: Grid,
    depth_b: Grid,
    u_b: Grid,
    v_b: Grid,
    most_b: Grid,
    real: Grid,
    step: Grid,
    wall: Grid,
    mass: Grid,
    push_a: Grid,
    push_b: Grid,
    shear: Grid,
) -> bool:
    """Fluxes between a row and the next one to the north; zero where both are dry.

    ``clean`` says that the buffers written hold zeros; returned is whether they do now.
    """
    nx = bed.shape[1]
    count = joint_runs(wet, row, nx, runs)
    if not (clean or (count == 1 and runs[0, 0] == 0 and runs[1, 0] == nx)):
        mass[:nx] = real[7]
        push_a[:nx] = real[7]
        push_b[:nx] = real[7]
        shear[:nx] = real[7]
    for k in range(count):
        a, b = runs[0, k], runs[1, k]
        face_steps(bed[row, a:b], bed[row + 1, a:b], crest[a:b], step[a:b], wall[a:b])
        face_fluxes(
            step[a:b], wall[a:b], ramp[a:b], depth_a[a:b], v_a[a:b], u_a[a:b], most_a[a:b],
            depth_b[a:b], v_b[a:b], u_b[a:b], most_b[a:b], real[0], real[1], real[2],
            mass[a:b], push_a[a:b], push_b[a:b], shear[a:b],
        )  # fmt: skip
    return count == 0


@njit(**KERNEL)
def _afford(
    row: int,
    wet: NDArray[np.uint8],
    runs: NDArray[np.int64],
    depth: NDArray[np.float64],
    u: Grid,
    v: Grid,
    real: Grid,
    kept: Grid,
) -> None:
    """Depths and affordable fluxes of the runs of a row, with a cell more at their ends."""
    nx = depth.shape[0]
    for k in range(working_runs(wet, row, nx, runs)):
        a, b = max(runs[0, k] - 1, 0), min(runs[1, k] + 1, nx)
        afford_row(
            depth[a:b], u[a:b], v[a:b], real[0], real[1], real[2], real[4],
            kept[0, a:b], kept[1, a:b], kept[2, a:b], kept[3, a:b], kept[4, a:b],
        )  # fmt: skip


@njit(**KERNEL)
def first_order_strip(
    first_row: int,
    stop_row: int,
    now_s: float,
    step_s: float,
    cell_m: float,
    real: Grid,
    depth: NDArray[np.float64],
    u: Grid,
    v: Grid,
    bed: NDArray[np.float64],
    halo_depth: NDArray[np.float64],
    halo_u: Grid,
    halo_v: Grid,
    crest_x: NDArray[np.float64],
    crest_y: NDArray[np.float64],
    ramp_x: NDArray[np.float32],
    ramp_y: NDArray[np.float32],
    drag: Grid,
    rate: NDArray[np.float64],
    rate_rows: NDArray[np.int64],
    rate_columns: NDArray[np.int64],
    open_ground: NDArray[np.uint8],
    side_x: NDArray[np.float64],
    side_y: NDArray[np.float64],
    wet: NDArray[np.uint8],
    wet_next: NDArray[np.uint8],
    peak: NDArray[np.float32],
    arrival: NDArray[np.float32],
    spell: NDArray[np.float32],
    deep_m: float,
    buffer: Grid,
    rain: NDArray[np.float64],
    seed: NDArray[np.float32],
    bits: NDArray[np.uint32],
    runs: NDArray[np.int64],
    wave: NDArray[np.float64],
) -> None:
    """Advance the rows ``first_row … stop_row - 1`` by one step.

    Parameters
    ----------
    real : array, shape (8,)
        Gravity, 0.5, tiny, the depth below which water stands still, ``cell_m / step_s`` with a margin,
        ``step_s / cell_m``, ``step_s`` and zero, in the type of the arithmetic.
    halo_depth, halo_u, halo_v : arrays, shape (2, nx)
        The row south of the strip and the row north of it, as they were before the step.
    crest_x, crest_y : arrays, shape (ny or 1, nx + 1) and (ny + 1 or 1, nx)
        Wall crests on faces; one row serves all rows where there are no walls.
    ramp_x, ramp_y : float32 arrays, shape (ny, nx + 1) and (ny + 1, nx)
        Part of the bed's rise across each face that is slope, not step, m (see :func:`ramps`).
    side_x, side_y : arrays, shape (2, 3, ny) and (2, 3, nx)
        Mass, push and shear flux through the outer faces (west, east; south, north).
    wet, wet_next : uint8 arrays, shape (ny, segments)
        Which segments hold water, before the step and (written) after it.
    wave : float64 array, shape (2,)
        Written: the largest wave speed ``|u| + |v| + 2c`` after the step, and a number that is finite only if all
        speeds are.
    """
    ny, nx = depth.shape
    gravity, half, tiny, zero = real[0], real[1], real[2], real[7]
    walled = min(crest_y.shape[0] - 1, 1)  # one row serves all where there is only one
    masked = min(open_ground.shape[0] - 1, 1)
    varied = min(drag.shape[0] - 1, 1)
    x_mass, x_push_a, x_push_b, x_shear = buffer[0], buffer[1], buffer[2], buffer[3]
    s_mass, s_push, s_shear = buffer[4], buffer[5], buffer[6]
    n_mass, n_push, n_shear, n_push_a = buffer[7], buffer[8], buffer[9], buffer[10]
    step, wall, flat = buffer[11], buffer[12], buffer[13]
    speed, total = buffer[14], buffer[15]
    film, inverse_cube = buffer[26], buffer[27]
    here, above = buffer[16:21], buffer[21:26]
    flat[:] = zero
    speed[:] = zero
    total[:] = zero
    clean_s, clean_n = False, False
    _afford(first_row, wet, runs, depth[first_row], u[first_row], v[first_row], real, above)
    if first_row == 0:
        for i in range(nx):
            n_mass[i], n_push[i], n_shear[i] = side_y[0, 0, i], side_y[0, 1, i], side_y[0, 2, i]
    else:
        _afford(first_row - 1, wet, runs, halo_depth[0], halo_u[0], halo_v[0], real, here)
        clean_n = _north_faces(
            first_row - 1, clean_n, wet, runs, bed, crest_y[first_row * walled], ramp_y[first_row],
            here[0], halo_u[0], halo_v[0], here[4], above[0], u[first_row], v[first_row], above[3],
            real, step, wall, n_mass, n_push_a, n_push, n_shear,
        )  # fmt: skip
    for j in range(first_row, stop_row):
        s_mass, n_mass = n_mass, s_mass
        s_push, n_push = n_push, s_push
        s_shear, n_shear = n_shear, s_shear
        clean_s, clean_n = clean_n, clean_s
        here, above = above, here
        if j == ny - 1:
            for i in range(nx):
                n_mass[i], n_push_a[i], n_shear[i] = side_y[1, 0, i], side_y[1, 1, i], side_y[1, 2, i]
        else:
            if j + 1 < stop_row:
                depth_b, u_b, v_b = depth[j + 1], u[j + 1], v[j + 1]
            else:
                depth_b, u_b, v_b = halo_depth[1], halo_u[1], halo_v[1]
            _afford(j + 1, wet, runs, depth_b, u_b, v_b, real, above)
            clean_n = _north_faces(
                j, clean_n and clean_s, wet, runs, bed, crest_y[(j + 1) * walled], ramp_y[j + 1],
                here[0], u[j], v[j], here[4], above[0], u_b, v_b, above[3],
                real, step, wall, n_mass, n_push_a, n_push, n_shear,
            )  # fmt: skip
        wet_next[j, :] = 0
        crest = crest_x[j * walled]
        open_row = open_ground[j * masked]
        rough = drag[j * varied]
        for k in range(working_runs(wet, j, nx, runs)):
            a, b = runs[0, k], runs[1, k]
            f, g = max(a, 1), min(b + 1, nx)
            face_steps(bed[j, f - 1 : g - 1], bed[j, f:g], crest[f:g], step[f:g], wall[f:g])
            face_fluxes(
                step[f:g], wall[f:g], ramp_x[j, f:g], here[0, f - 1 : g - 1], u[j, f - 1 : g - 1], v[j, f - 1 : g - 1],
                here[2, f - 1 : g - 1], here[0, f:g], u[j, f:g], v[j, f:g], here[1, f:g], gravity, half, tiny,
                x_mass[f:g], x_push_a[f:g], x_push_b[f:g], x_shear[f:g],
            )  # fmt: skip
            x_mass[0], x_push_b[0], x_shear[0] = side_x[0, 0, j], side_x[0, 1, j], side_x[0, 2, j]
            x_mass[nx], x_push_a[nx], x_shear[nx] = side_x[1, 0, j], side_x[1, 1, j], side_x[1, 2, j]
            rain_on_row(rate, rate_rows[j], rate_columns[a:b], open_row[a:b], step_s, rain[a:b])
            finish_row(
                depth[j, a:b], u[j, a:b], v[j, a:b], here[0, a:b], rain[a:b], step_s / cell_m, real,
                x_mass[a : b + 1], x_push_a[a : b + 1], x_push_b[a : b + 1], x_shear[a : b + 1],
                s_mass[a:b], s_push[a:b], s_shear[a:b], n_mass[a:b], n_push_a[a:b], n_shear[a:b],
                flat[a:b], flat[a:b], rough[a:b], film[a:b], inverse_cube[a:b],
                seed[a:b], bits[a:b], speed[a:b], total[a:b], now_s + step_s, step_s, deep_m,
                peak[j, a:b], arrival[j, a:b], spell[j, a:b],
            )  # fmt: skip
            mark_wet(depth[j], a, b, wet_next[j])
    fastest = zero
    check = zero
    for i in range(nx):
        fastest = max(fastest, speed[i])
        check += total[i]
    wave[0] = fastest
    wave[1] = check
