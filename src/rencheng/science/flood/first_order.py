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
    SEGMENT,
    active_runs,
    face_fluxes,
    inverse_cube_root,
    mark_wet,
    prepare_row,
    rain_on_row,
    record_row,
    rub_row,
)

__all__ = ["ROW_BUFFERS", "first_order_strip"]

ROW_BUFFERS = 24
"""Rows of scratch a strip needs, each ``nx + 1`` long."""

Grid = NDArray[Any]


@njit(**KERNEL)
def _update_row(
    depth: Grid,
    u: Grid,
    v: Grid,
    old: Grid,
    rain: NDArray[np.float64],
    per_cell: float,
    per_cell_real: float,
    shallow: float,
    zero: float,
    one: float,
    x_mass: Grid,
    x_push_a: Grid,
    x_push_b: Grid,
    x_shear: Grid,
    s_mass: Grid,
    s_push: Grid,
    s_shear: Grid,
    n_mass: Grid,
    n_push: Grid,
    n_shear: Grid,
    film: Grid,
) -> None:
    """Let the fluxes through the four faces of each cell of a row act for one step; friction comes after."""
    for i in range(depth.shape[0]):
        net = np.float64(x_mass[i]) - np.float64(x_mass[i + 1]) + (np.float64(s_mass[i]) - np.float64(n_mass[i]))
        depth[i] = depth[i] + per_cell * net + rain[i]
    for i in range(depth.shape[0]):
        film[i] = max(depth[i], shallow)
    for i in range(depth.shape[0]):
        inverse = one / film[i]
        east = old[i] * u[i] + per_cell_real * (x_push_b[i] - x_push_a[i + 1] + (s_shear[i] - n_shear[i]))
        north = old[i] * v[i] + per_cell_real * (x_shear[i] - x_shear[i + 1] + (s_push[i] - n_push[i]))
        moves = film[i] > shallow
        u[i] = east * inverse if moves else zero
        v[i] = north * inverse if moves else zero


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
    real : array, shape (6,)
        Gravity, 0.5, tiny, the depth below which water stands still, ``cell_m / step_s`` with a margin and
        ``step_s / cell_m``, in the type of the arithmetic.
    halo_depth, halo_u, halo_v : arrays, shape (2, nx)
        The row south of the strip and the row north of it, as they were before the step.
    crest_x, crest_y : arrays, shape (ny or 1, nx + 1) and (ny + 1 or 1, nx)
        Wall crests on faces; one row serves all rows where there are no walls.
    side_x, side_y : arrays, shape (2, 4, ny) and (2, 4, nx)
        Fluxes through the outer faces (west, east; south, north): mass, push, shear flux, unused.
    wave : float64 array, shape (2,)
        Out: the largest wave speed ``|u| + |v| + 2c`` met after the step, and a number that is not finite if anything
        in the strip is not.
    """
    ny, nx = depth.shape
    gravity, half, tiny, shallow, cells_per_step, per_cell_real = real[0], real[1], real[2], real[3], real[4], real[5]
    zero = half - half
    one = half + half
    per_cell = step_s / cell_m
    x_mass, x_push_a, x_push_b, x_shear = buffer[0], buffer[1], buffer[2], buffer[3]
    s_mass, s_push, s_push_a, s_shear = buffer[4], buffer[5], buffer[6], buffer[7]
    n_mass, n_push, n_push_a, n_shear = buffer[8], buffer[9], buffer[10], buffer[11]
    h_row, c_row, share_row = buffer[12], buffer[13], buffer[14]
    h_next, c_next, share_next = buffer[15], buffer[16], buffer[17]
    film, inverse_cube, speed, total = buffer[18], buffer[19], buffer[20], buffer[21]
    third = one / (one + one + one)
    four = one + one + one + one
    speed[:] = zero
    total[:] = zero
    # the faces south of the strip
    if first_row == 0:
        for i in range(nx):
            n_mass[i] = side_y[0, 0, i]
            n_push[i] = side_y[0, 1, i]
            n_shear[i] = side_y[0, 2, i]
    else:
        prepare_row(halo_depth[0], halo_u[0], halo_v[0], gravity, half, tiny, cells_per_step, h_row, c_row, share_row)
        prepare_row(
            depth[first_row],
            u[first_row],
            v[first_row],
            gravity,
            half,
            tiny,
            cells_per_step,
            h_next,
            c_next,
            share_next,
        )
        face_fluxes(
            bed[first_row - 1], h_row[:nx], halo_v[0], halo_u[0], c_row, share_row,
            bed[first_row], h_next[:nx], v[first_row], u[first_row], c_next, share_next,
            crest_y[first_row if crest_y.shape[0] > 1 else 0], gravity, half, tiny,
            n_mass[:nx], n_push_a, n_push, n_shear,
        )  # fmt: skip
    prepare_row(
        depth[first_row], u[first_row], v[first_row], gravity, half, tiny, cells_per_step, h_next, c_next, share_next
    )
    for j in range(first_row, stop_row):
        s_mass, n_mass = n_mass, s_mass
        s_push, n_push = n_push, s_push
        s_shear, n_shear = n_shear, s_shear
        h_row, h_next = h_next, h_row
        c_row, c_next = c_next, c_row
        share_row, share_next = share_next, share_row
        if j == ny - 1:
            for i in range(nx):
                n_mass[i] = side_y[1, 0, i]
                n_push_a[i] = side_y[1, 1, i]
                n_shear[i] = side_y[1, 2, i]
        else:
            if j + 1 < stop_row:
                depth_b, u_b, v_b = depth[j + 1], u[j + 1], v[j + 1]
            else:
                depth_b, u_b, v_b = halo_depth[1], halo_u[1], halo_v[1]
            prepare_row(depth_b, u_b, v_b, gravity, half, tiny, cells_per_step, h_next, c_next, share_next)
            face_fluxes(
                bed[j], h_row[:nx], v[j], u[j], c_row, share_row,
                bed[j + 1], h_next[:nx], v_b, u_b, c_next, share_next,
                crest_y[j + 1 if crest_y.shape[0] > 1 else 0], gravity, half, tiny,
                n_mass[:nx], n_push_a, n_push, n_shear,
            )  # fmt: skip
        face_fluxes(
            bed[j, : nx - 1], h_row[: nx - 1], u[j, : nx - 1], v[j, : nx - 1], c_row, share_row,
            bed[j, 1:], h_row[1:nx], u[j, 1:], v[j, 1:], c_row[1:], share_row[1:],
            crest_x[j if crest_x.shape[0] > 1 else 0, 1:nx], gravity, half, tiny,
            x_mass[1:nx], x_push_a[1:], x_push_b[1:], x_shear[1:],
        )  # fmt: skip
        x_mass[0], x_push_b[0], x_shear[0] = side_x[0, 0, j], side_x[0, 1, j], side_x[0, 2, j]
        x_mass[nx], x_push_a[nx], x_shear[nx] = side_x[1, 0, j], side_x[1, 1, j], side_x[1, 2, j]
        rain_on_row(rate, rate_rows[j], rate_columns, open_ground[j if open_ground.shape[0] > 1 else 0], step_s, rain)
        _update_row(
            depth[j], u[j], v[j], h_row, rain, per_cell, per_cell_real, shallow, zero, one,
            x_mass, x_push_a, x_push_b, x_shear, s_mass, s_push, s_shear, n_mass, n_push_a, n_shear, film,
        )  # fmt: skip
        inverse_cube_root(film[:nx], seed, bits, third, four, inverse_cube)
        rub_row(
            film[:nx], u[j], v[j], inverse_cube, drag[j if drag.shape[0] > 1 else 0], real[6], gravity, half,
            speed, total, c_row,
        )  # fmt: skip
        record_row(depth[j], now_s + step_s, step_s, deep_m, peak[j], arrival[j], spell[j])
    fastest = zero
    check = zero
    for i in range(nx):
        fastest = max(fastest, speed[i])
        check += total[i]
    wave[0] = fastest
    wave[1] = check
