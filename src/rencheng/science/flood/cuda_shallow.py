"""One step of the first-order shallow-water scheme on a GPU: one kernel, one tile of cells per block.

A block works out what the cells of the tile and of one ring about it can afford, then the fluxes of the tile's faces,
both into shared memory, then its cells. A face between two tiles is worked out by both, at the same place of the
program from the same numbers, so both get the same bits and no water is lost between them.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from rencheng.science.flood.boundary import CLOSED
from rencheng.science.flood.cuda_device import (
    AWAKE,
    SLOTS,
    TILE_X,
    TILE_Y,
    cuda,
    deepest_of_block,
    device_function,
    inverse_cube_root,
    keep_records,
    kernel,
    tile_is_awake,
)
from rencheng.science.flood.riemann import face_bed, hll_flux, hll_weights, hllc_flux_with
from rencheng.science.flood.shallow_water_face import affordable_fluxes, face_flux_with, rubbed_share

__all__ = ["shallow_kernel"]

_THREADS = TILE_X * TILE_Y
_ROWS, _COLUMNS = TILE_Y + 2, TILE_X + 2
_X_FACES = TILE_X + 1
_Y_FACE_ROWS = TILE_Y + 1

_hllc_flux = device_function(hllc_flux_with(device_function(hll_weights), device_function(hll_flux)))
_face_flux = device_function(face_flux_with(device_function(face_bed), _hllc_flux))
_affordable = device_function(affordable_fluxes)
_rubbed_share = device_function(rubbed_share)
_CLOSED = CLOSED


@cache
def shallow_kernel(dtype: np.dtype[Any]) -> Any:  # noqa: PLR0915  # one piece: its parts share memory
    """The kernel of a step in the given arithmetic (float32 or float64); see :class:`CudaShallowWater`."""
    real_type = dtype.type

    def step(  # noqa: PLR0912, PLR0915, PLR0917  # the same, and a kernel takes its arrays one by one
        now_s: Any, step_s: Any, per_cell: Any, deep_m: Any, raining: Any, real: Any, depth: Any, u: Any, v: Any,
        bed: Any, crest_x: Any, crest_y: Any, ramp_x: Any, ramp_y: Any, drag: Any, rate: Any, rate_rows: Any,
        rate_columns: Any, open_ground: Any, kind_x: Any, kind_y: Any, side_x: Any, side_y: Any, depth_out: Any,
        u_out: Any, v_out: Any, peak: Any, arrival: Any, spell: Any, awake: Any, awake_out: Any, fastest: Any,
    ) -> None:  # fmt: skip
        ny, nx = depth.shape
        most = cuda.shared.array((4, _ROWS, _COLUMNS), real_type)
        x_flux = cuda.shared.array((4, TILE_Y, _X_FACES), real_type)
        y_flux = cuda.shared.array((4, _Y_FACE_ROWS, TILE_X), real_type)
        worst = cuda.shared.array(_THREADS, np.float64)
        works = cuda.shared.array(1, np.int32)
        column, row = cuda.blockIdx.x, cuda.blockIdx.y
        t = cuda.threadIdx.y * TILE_X + cuda.threadIdx.x
        x0, y0 = column * TILE_X, row * TILE_Y
        if t == 0:
            works[0] = 1 if raining or tile_is_awake(awake, row, column) else 0
            if works[0] == 0:
                awake_out[row, column] = 0
        cuda.syncthreads()
        if works[0] == 0:
            return
        gravity, half, tiny, shallow, zero = real[0], real[1], real[2], real[3], real[7]
        one = half + half
        walls_x = 1 if crest_x.shape[0] > 1 else 0
        walls_y = 1 if crest_y.shape[0] > 1 else 0
        for f in range(t, _ROWS * _COLUMNS, _THREADS):
            r, c = f // _COLUMNS, f % _COLUMNS
            j, i = y0 - 1 + r, x0 - 1 + c
            if 0 <= j < ny and 0 <= i < nx:
                west, east, south, north = _affordable(
                    real_type(depth[j, i]), u[j, i], v[j, i], gravity, zero, tiny, real[4]
                )
                most[0, r, c] = west
                most[1, r, c] = east
                most[2, r, c] = south
                most[3, r, c] = north
        cuda.syncthreads()
        for f in range(t, TILE_Y * _X_FACES, _THREADS):
            r, c = f // _X_FACES, f % _X_FACES
            j, i = y0 + r, x0 + c
            if j < ny and i <= nx:
                if 0 < i < nx:
                    mass, push_a, push_b, shear = _face_flux(
                        real_type(bed[j, i] - bed[j, i - 1]), real_type(crest_x[j * walls_x, i] - bed[j, i - 1]),
                        real_type(ramp_x[j, i]), real_type(depth[j, i - 1]), u[j, i - 1], v[j, i - 1],
                        most[1, r + 1, c], real_type(depth[j, i]), u[j, i], v[j, i], most[0, r + 1, c + 1],
                        gravity, half, tiny,
                    )  # fmt: skip
                else:
                    side = 0 if i == 0 else 1
                    if kind_x[side, j] == _CLOSED:
                        h = real_type(depth[j, max(i - 1, 0)])
                        out = u[j, max(i - 1, 0)] if side == 1 else -u[j, 0]
                        mass, push_a = _hllc_flux(h, out, h, -out, gravity, half, tiny)
                        mass, shear = zero, zero
                    else:
                        mass = real_type(side_x[side, 0, j])
                        push_a = real_type(side_x[side, 1, j])
                        shear = real_type(side_x[side, 2, j])
                    push_b = push_a
                x_flux[0, r, c] = mass
                x_flux[1, r, c] = push_a
                x_flux[2, r, c] = push_b
                x_flux[3, r, c] = shear
        for f in range(t, _Y_FACE_ROWS * TILE_X, _THREADS):
            r, c = f // TILE_X, f % TILE_X
            j, i = y0 + r, x0 + c
            if j <= ny and i < nx:
                if 0 < j < ny:
                    mass, push_a, push_b, shear = _face_flux(
                        real_type(bed[j, i] - bed[j - 1, i]), real_type(crest_y[j * walls_y, i] - bed[j - 1, i]),
                        real_type(ramp_y[j, i]), real_type(depth[j - 1, i]), v[j - 1, i], u[j - 1, i],
                        most[3, r, c + 1], real_type(depth[j, i]), v[j, i], u[j, i], most[2, r + 1, c + 1],
                        gravity, half, tiny,
                    )  # fmt: skip
                else:
                    side = 0 if j == 0 else 1
                    if kind_y[side, i] == _CLOSED:
                        h = real_type(depth[max(j - 1, 0), i])
                        out = v[max(j - 1, 0), i] if side == 1 else -v[0, i]
                        mass, push_a = _hllc_flux(h, out, h, -out, gravity, half, tiny)
                        mass, shear = zero, zero
                    else:
                        mass = real_type(side_y[side, 0, i])
                        push_a = real_type(side_y[side, 1, i])
                        shear = real_type(side_y[side, 2, i])
                    push_b = push_a
                y_flux[0, r, c] = mass
                y_flux[1, r, c] = push_a
                y_flux[2, r, c] = push_b
                y_flux[3, r, c] = shear
        cuda.syncthreads()
        worst[t] = 0.0
        r, c = cuda.threadIdx.y, cuda.threadIdx.x
        j, i = y0 + r, x0 + c
        if j < ny and i < nx:
            net = np.float64(x_flux[0, r, c]) - np.float64(x_flux[0, r, c + 1])
            net += np.float64(y_flux[0, r, c]) - np.float64(y_flux[0, r + 1, c])
            masked = 1 if open_ground.shape[0] > 1 else 0
            rain = rate[rate_rows[j], rate_columns[i]] * step_s * open_ground[j * masked, i] if raining else 0.0
            h = depth[j, i] + per_cell * net + rain
            film = max(real_type(h), shallow)
            east = x_flux[2, r, c] - x_flux[1, r, c + 1] + (y_flux[3, r, c] - y_flux[3, r + 1, c])
            north = y_flux[2, r, c] - y_flux[1, r + 1, c] + (x_flux[3, r, c] - x_flux[3, r, c + 1])
            old = real_type(depth[j, i])
            new_u, new_v = zero, zero
            if film > shallow:
                new_u = (old * u[j, i] + real[5] * east) / film
                new_v = (old * v[j, i] + real[5] * north) / film
            y = real_type(inverse_cube_root(film))
            rub = real[6] * drag[j if drag.shape[0] > 1 else 0, i] * ((y * y) * (y * y))
            keep = _rubbed_share(math.sqrt(new_u * new_u + new_v * new_v), rub, one)
            new_u, new_v = new_u * keep, new_v * keep
            depth_out[j, i] = h
            u_out[j, i] = new_u
            v_out[j, i] = new_v
            keep_records(h, j, i, now_s + step_s, step_s, deep_m, peak, arrival, spell)
            wave = np.float64(abs(new_u)) + np.float64(abs(new_v)) + 2.0 * math.sqrt(np.float64(gravity) * max(h, 0.0))
            worst[t] = wave if h >= 0.0 and wave >= 0.0 else math.inf  # what is no number too
        largest = deepest_of_block(worst, t)
        if t == 0:
            cuda.atomic.max(fastest, (row * cuda.gridDim.x + column) % SLOTS, largest)
            awake_out[row, column] = AWAKE if largest > 0.0 else max(np.int32(awake[row, column]) - 1, 0)

    return kernel(step)
