"""One time step of the second-order scheme over a strip of rows, in place, each face computed once.

The walk is that of :mod:`.first_order`; a row is reconstructed before the row south of it is overwritten, so two rows
beyond the strip are read from copies on either side.
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
    finish_row,
    inverse_cube_root,
    joint_runs,
    mark_wet,
    rain_on_row,
    working_runs,
)
from rencheng.science.flood.slopes import face_values, lifted_steps, limited_slopes, predict_faces

__all__ = ["SECOND_ORDER_HALO", "SECOND_ORDER_ROWS", "second_order_strip"]

SECOND_ORDER_ROWS = 80
"""Rows of scratch a strip needs, each ``nx + 1`` long."""

SECOND_ORDER_HALO = 2
"""Rows a strip reads beyond itself on either side."""

KEPT_ROWS = 20
"""Rows kept of a reconstructed row: 5 of what it affords, 8 slopes, 3 of its middle, 2 pushes, 2 to spare."""

NO_WALL_M = -1e29

Grid = NDArray[Any]


@njit(**KERNEL)
def _row_of(
    row: int,
    first_row: int,
    stop_row: int,
    depth: NDArray[np.float64],
    u: Grid,
    v: Grid,
    halo_depth: NDArray[np.float64],
    halo_u: Grid,
    halo_v: Grid,
) -> tuple[NDArray[np.float64], Grid, Grid]:
    """A row of the state before the step, from the strip or from the copies beyond it."""
    if row < first_row:
        k = row - (first_row - 2)
        return halo_depth[k], halo_u[k], halo_v[k]
    if row >= stop_row:
        k = row - stop_row + 2
        return halo_depth[k], halo_u[k], halo_v[k]
    return depth[row], u[row], v[row]


@njit(**KERNEL)
def _reconstruct(
    row: int,
    wet: NDArray[np.uint8],
    runs: NDArray[np.int64],
    bed: NDArray[np.float64],
    crest_x: NDArray[np.float64],
    crest_south: NDArray[np.float64],
    crest_north: NDArray[np.float64],
    drag: Grid,
    south: tuple[NDArray[np.float64], Grid, Grid],
    centre: tuple[NDArray[np.float64], Grid, Grid],
    north: tuple[NDArray[np.float64], Grid, Grid],
    real: Grid,
    seed: NDArray[np.float32],
    bits: NDArray[np.uint32],
    work: Grid,
    kept: Grid,
) -> None:
    """Slopes and half-step state of the runs of a row (a cell more at their ends)."""
    ny, nx = bed.shape
    gravity, half, tiny, shallow, zero, steep = real[0], real[1], real[2], real[3], real[7], real[8]
    one = half + half
    four = one + one + one + one
    below, beyond = max(row - 1, 0), min(row + 1, ny - 1)
    film, inverse_cube = work[0], work[1]
    rise_w, rise_e, rise_s, rise_n = work[2], work[3], work[4], work[5]
    wall_w, wall_e, wall_s, wall_n = work[6], work[7], work[8], work[9]
    south_depth, north_depth = work[10], work[11]
    for k in range(working_runs(wet, row, nx, runs)):
        a, b = max(runs[0, k] - 1, 0), min(runs[1, k] + 1, nx)
        c, d = max(a, 1), min(b, nx - 1)
        h, u, v = centre[0], centre[1], centre[2]
        afford_row(
            h[a:b], u[a:b], v[a:b], gravity, half, tiny, real[4],
            kept[0, a:b], kept[1, a:b], kept[2, a:b], kept[3, a:b], kept[4, a:b],
        )  # fmt: skip
        # one more on each side for the differences
        e, f = max(a - 1, 0), min(b + 1, nx)
        for i in range(e, f):
            kept[0, i] = h[i]
        for i in range(a, b):
            rise_s[i] = bed[row, i] - bed[below, i]
            rise_n[i] = bed[beyond, i] - bed[row, i]
        for i in range(c, d):
            rise_w[i] = bed[row, i] - bed[row, i - 1]
            rise_e[i] = bed[row, i + 1] - bed[row, i]
        for i in range(a, b):
            wall_s[i] = crest_south[i]
            wall_n[i] = crest_north[i]
            wall_w[i] = crest_x[i]
            wall_e[i] = crest_x[i + 1]
        for i in range(a, b):
            south_depth[i] = south[0][i]
            north_depth[i] = north[0][i]
            film[i] = max(kept[0, i], shallow)
        inverse_cube_root(film[a:b], seed[a:b], bits[a:b], one / (four - one), four, inverse_cube[a:b])
        for m in range(5, 13):
            kept[m, a] = zero
            kept[m, b - 1] = zero
        if d > c:
            limited_slopes(
                rise_w[c:d], rise_e[c:d], wall_w[c:d], wall_e[c:d],
                kept[0, c - 1 : d - 1], u[c - 1 : d - 1], v[c - 1 : d - 1], kept[0, c:d], u[c:d], v[c:d],
                kept[0, c + 1 : d + 1], u[c + 1 : d + 1], v[c + 1 : d + 1], half, steep, shallow, real[9],
                kept[5, c:d], kept[6, c:d], kept[7, c:d], kept[8, c:d],
            )  # fmt: skip
        limited_slopes(
            rise_s[a:b], rise_n[a:b], wall_s[a:b], wall_n[a:b],
            south_depth[a:b], south[1][a:b], south[2][a:b], kept[0, a:b], u[a:b], v[a:b],
            north_depth[a:b], north[1][a:b], north[2][a:b], half, steep, shallow, real[9],
            kept[9, a:b], kept[10, a:b], kept[11, a:b], kept[12, a:b],
        )  # fmt: skip
        predict_faces(
            kept[0, a:b], u[a:b], v[a:b], inverse_cube[a:b], drag[a:b], real[5], real[6], gravity, half,
            kept[5, a:b], kept[6, a:b], kept[7, a:b], kept[8, a:b],
            kept[9, a:b], kept[10, a:b], kept[11, a:b], kept[12, a:b],
            kept[13, a:b], kept[14, a:b], kept[15, a:b], kept[16, a:b], kept[17, a:b],
        )  # fmt: skip


@njit(**KERNEL)
def _sides(kept: Grid, first: int, side: float, half: float, a: int, b: int, out: Grid) -> None:
    """Face values of cells ``a … b - 1`` from the slopes in rows ``first … first + 3`` of what was kept."""
    face_values(
        kept[13, a:b], kept[14, a:b], kept[15, a:b],
        kept[first, a:b], kept[first + 1, a:b], kept[first + 2, a:b], kept[first + 3, a:b], side, half,
        out[0, a:b], out[1, a:b], out[2, a:b], out[3, a:b],
    )  # fmt: skip


@njit(**KERNEL)
def _north_faces(
    row: int,
    clean: bool,
    wet: NDArray[np.uint8],
    runs: NDArray[np.int64],
    bed: NDArray[np.float64],
    crest: NDArray[np.float64],
    ramp: NDArray[np.float32],
    here: Grid,
    above: Grid,
    real: Grid,
    side_a: Grid,
    side_b: Grid,
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
    half = real[1]
    count = joint_runs(wet, row, nx, runs)
    if not (clean or (count == 1 and runs[0, 0] == 0 and runs[1, 0] == nx)):
        mass[:nx] = real[7]
        push_a[:nx] = real[7]
        push_b[:nx] = real[7]
        shear[:nx] = real[7]
    for k in range(count):
        a, b = runs[0, k], runs[1, k]
        _sides(here, 9, half, half, a, b, side_a)
        _sides(above, 9, -half, half, a, b, side_b)
        lifted_steps(bed[row, a:b], bed[row + 1, a:b], crest[a:b], side_a[1, a:b], side_b[1, a:b], step[a:b], wall[a:b])
        face_fluxes(
            step[a:b], wall[a:b], ramp[a:b], side_a[0, a:b], side_a[3, a:b], side_a[2, a:b], here[4, a:b],
            side_b[0, a:b], side_b[3, a:b], side_b[2, a:b], above[3, a:b], real[0], half, real[2],
            mass[a:b], push_a[a:b], push_b[a:b], shear[a:b],
        )  # fmt: skip
    return count == 0


@njit(**KERNEL)
def second_order_strip(
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

    The parameters are those of :func:`~rencheng.science.flood.first_order.first_order_strip`, except that the copies
    beyond the strip hold two rows on either side and ``real`` ends with the limiter's steepness and the level below
    which a crest is no wall.
    """
    ny, nx = depth.shape
    gravity, half, tiny, zero = real[0], real[1], real[2], real[7]
    walled = min(crest_y.shape[0] - 1, 1)  # one row serves all where there is only one
    masked = min(open_ground.shape[0] - 1, 1)
    varied = min(drag.shape[0] - 1, 1)
    x_mass, x_push_a, x_push_b, x_shear = buffer[0], buffer[1], buffer[2], buffer[3]
    s_mass, s_push, s_shear = buffer[4], buffer[5], buffer[6]
    n_mass, n_push, n_shear, n_push_a = buffer[7], buffer[8], buffer[9], buffer[10]
    step, wall, film, inverse_cube = buffer[11], buffer[12], buffer[13], buffer[14]
    speed, total = buffer[15], buffer[16]
    side_a, side_b, work = buffer[17:21], buffer[21:25], buffer[25:40]
    here, above = buffer[40:60], buffer[60:80]
    speed[:] = zero
    total[:] = zero
    clean_s, clean_n = False, False
    for j in range(max(first_row - 1, 0) - 1, stop_row):
        here, above = above, here
        if j + 1 < ny:
            r = j + 1
            _reconstruct(
                r, wet, runs, bed, crest_x[r * walled], crest_y[r * walled], crest_y[(r + 1) * walled],
                drag[r * varied],
                _row_of(max(r - 1, 0), first_row, stop_row, depth, u, v, halo_depth, halo_u, halo_v),
                _row_of(r, first_row, stop_row, depth, u, v, halo_depth, halo_u, halo_v),
                _row_of(min(r + 1, ny - 1), first_row, stop_row, depth, u, v, halo_depth, halo_u, halo_v),
                real, seed, bits, work, above,
            )  # fmt: skip
        if j < max(first_row - 1, 0):
            if first_row == 0:  # the raster's south edge
                for i in range(nx):
                    n_mass[i], n_push[i], n_shear[i] = side_y[0, 0, i], side_y[0, 1, i], side_y[0, 2, i]
            continue
        s_mass, n_mass = n_mass, s_mass
        s_push, n_push = n_push, s_push
        s_shear, n_shear = n_shear, s_shear
        clean_s, clean_n = clean_n, clean_s
        if j == ny - 1:
            for i in range(nx):
                n_mass[i], n_push_a[i], n_shear[i] = side_y[1, 0, i], side_y[1, 1, i], side_y[1, 2, i]
        else:
            clean_n = _north_faces(
                j, clean_n and clean_s, wet, runs, bed, crest_y[(j + 1) * walled], ramp_y[0], here, above, real, side_a, side_b, step, wall,
                n_mass, n_push_a, n_push, n_shear,
            )  # fmt: skip
        if j < first_row:
            continue
        wet_next[j, :] = 0
        crest = crest_x[j * walled]
        open_row = open_ground[j * masked]
        rough = drag[j * varied]
        for k in range(working_runs(wet, j, nx, runs)):
            a, b = runs[0, k], runs[1, k]
            f, g = max(a, 1), min(b + 1, nx)
            _sides(here, 5, half, half, f - 1, g - 1, side_a)
            _sides(here, 5, -half, half, f, g, side_b)
            lifted_steps(
                bed[j, f - 1 : g - 1], bed[j, f:g], crest[f:g], side_a[1, f - 1 : g - 1], side_b[1, f:g],
                step[f:g], wall[f:g],
            )  # fmt: skip
            face_fluxes(
                step[f:g], wall[f:g], ramp_x[0, f:g],
                side_a[0, f - 1 : g - 1], side_a[2, f - 1 : g - 1], side_a[3, f - 1 : g - 1], here[2, f - 1 : g - 1],
                side_b[0, f:g], side_b[2, f:g], side_b[3, f:g], here[1, f:g], gravity, half, tiny,
                x_mass[f:g], x_push_a[f:g], x_push_b[f:g], x_shear[f:g],
            )  # fmt: skip
            x_mass[0], x_push_b[0], x_shear[0] = side_x[0, 0, j], side_x[0, 1, j], side_x[0, 2, j]
            x_mass[nx], x_push_a[nx], x_shear[nx] = side_x[1, 0, j], side_x[1, 1, j], side_x[1, 2, j]
            rain_on_row(rate, rate_rows[j], rate_columns[a:b], open_row[a:b], step_s, rain[a:b])
            finish_row(
                depth[j, a:b], u[j, a:b], v[j, a:b], here[0, a:b], rain[a:b], step_s / cell_m, real,
                x_mass[a : b + 1], x_push_a[a : b + 1], x_push_b[a : b + 1], x_shear[a : b + 1],
                s_mass[a:b], s_push[a:b], s_shear[a:b], n_mass[a:b], n_push_a[a:b], n_shear[a:b],
                here[16, a:b], here[17, a:b], rough[a:b], film[a:b], inverse_cube[a:b],
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
