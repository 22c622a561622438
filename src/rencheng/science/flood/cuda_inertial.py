"""One step of the local inertial scheme on a GPU: one kernel, one tile of cells per block.

A block works out the discharges of its faces, and of one ring of cells about it, into shared memory; then what each
cell can give; then its cells. State goes from one set of arrays to another, so blocks need not wait for each other.
Faces that two blocks share both work out at the same place of the program from the same numbers, so both get the same
bits and no water is lost between them. Tiles that hold no moving water, and whose neighbours hold none, return at once.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

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
from rencheng.science.flood.local_inertial_face import face_discharge

__all__ = ["inertial_kernel"]

_THREADS = TILE_X * TILE_Y
_X_FACES = TILE_X + 3
_CELLS = TILE_X + 2
_ROWS = TILE_Y + 2
_Y_FACE_ROWS = TILE_Y + 3

_face_discharge = device_function(face_discharge)


@cache
def _face_function(dtype: np.dtype[Any]) -> Any:
    """Discharge of a face between cell a and cell b, east or north of it, in the given arithmetic."""
    real_type = dtype.type

    def face(
        bed_a: Any, depth_a: Any, bed_b: Any, depth_b: Any, crest: Any, drag_a: Any, drag_b: Any, old: Any, beside: Any,
        along: Any, real: Any,
    ) -> Any:  # fmt: skip
        top_a = bed_a + depth_a
        top_b = bed_b + depth_b
        flow = real_type(max(top_a, top_b) - max(bed_a, bed_b, crest))
        film = max(flow, real[6])
        y = real_type(inverse_cube_root(film))
        rub = real[3] * (drag_a + drag_b) * (y * ((y * y) * (y * y) * (y * y)))
        size, aside = abs(old) + real[7], real[9] * along
        share = rub / math.sqrt(size * size + aside * aside)
        most = real[5] * film * math.sqrt(real[4] * film)
        push = real[2] * real_type(top_b - top_a)
        centred = real[0] * old + real[1] * beside
        q = _face_discharge(centred, size, aside, film, push, share, most, real[8])
        return q if flow > real[6] else real[8] - real[8]

    return device_function(face)


@cache
def inertial_kernel(dtype: np.dtype[Any]) -> Any:  # noqa: PLR0915  # one piece: its parts share memory
    """The kernel of a step in the given arithmetic (float32 or float64); see :class:`CudaLocalInertial`."""
    real_type = dtype.type
    face = _face_function(dtype)

    def step(  # noqa: PLR0912, PLR0915, PLR0917  # the same, and a kernel takes its arrays one by one
        now_s: Any, step_s: Any, per_cell: Any, shallow: Any, safety: Any, deep_m: Any, raining: Any, real: Any,
        depth: Any, qx: Any, qy: Any, bed: Any, crest_x: Any, crest_y: Any, drag: Any, rate: Any, rate_rows: Any,
        rate_columns: Any, open_ground: Any, depth_out: Any, qx_out: Any, qy_out: Any, peak: Any, arrival: Any,
        spell: Any, awake: Any, awake_out: Any, deepest: Any,
    ) -> None:  # fmt: skip
        ny, nx = depth.shape
        x_flow = cuda.shared.array((_ROWS, _X_FACES), real_type)
        y_flow = cuda.shared.array((_Y_FACE_ROWS, _CELLS), real_type)
        limit = cuda.shared.array((_ROWS, _CELLS), np.float64)
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
        zero = real[8] - real[8]
        many = 1 if drag.shape[0] > 1 else 0
        walls_x = 1 if crest_x.shape[0] > 1 else 0
        walls_y = 1 if crest_y.shape[0] > 1 else 0
        for f in range(t, _ROWS * _X_FACES, _THREADS):
            j, i = y0 - 1 + f // _X_FACES, x0 - 1 + f % _X_FACES
            q = zero
            if 0 <= j < ny and 0 <= i <= nx:
                q = qx[j, i]
                if 0 < i < nx:
                    along = (qy[j, i - 1] + qy[j, i]) + (qy[j + 1, i - 1] + qy[j + 1, i])
                    q = face(
                        bed[j, i - 1], depth[j, i - 1], bed[j, i], depth[j, i], crest_x[j * walls_x, i],
                        drag[j * many, i - 1], drag[j * many, i], q, qx[j, i - 1] + qx[j, i + 1], along, real,
                    )  # fmt: skip
            x_flow[f // _X_FACES, f % _X_FACES] = q
        for f in range(t, _Y_FACE_ROWS * _CELLS, _THREADS):
            j, i = y0 - 1 + f // _CELLS, x0 - 1 + f % _CELLS
            q = zero
            if 0 <= j <= ny and 0 <= i < nx:
                q = qy[j, i]
                if 0 < j < ny:
                    along = (qx[j - 1, i] + qx[j, i]) + (qx[j - 1, i + 1] + qx[j, i + 1])
                    q = face(
                        bed[j - 1, i], depth[j - 1, i], bed[j, i], depth[j, i], crest_y[j * walls_y, i],
                        drag[(j - 1) * many, i], drag[j * many, i], q, qy[j - 1, i] + qy[j + 1, i], along, real,
                    )  # fmt: skip
            y_flow[f // _CELLS, f % _CELLS] = q
        cuda.syncthreads()
        for f in range(t, _ROWS * _CELLS, _THREADS):
            r, c = f // _CELLS, f % _CELLS
            j, i = y0 - 1 + r, x0 - 1 + c
            share = np.float64(1.0)
            if 0 <= j < ny and 0 <= i < nx:
                out = (max(x_flow[r, c + 1], zero) + max(-x_flow[r, c], zero)) + (
                    max(y_flow[r + 1, c], zero) + max(-y_flow[r, c], zero)
                )
                wanted = np.float64(out * real[10])
                held = depth[j, i] * safety
                if wanted > held:
                    share = held / wanted
            limit[r, c] = share
        cuda.syncthreads()
        worst[t] = 0.0
        j, i = y0 + cuda.threadIdx.y, x0 + cuda.threadIdx.x
        if j < ny and i < nx:
            r, c = cuda.threadIdx.y + 1, cuda.threadIdx.x + 1
            west, east = x_flow[r, c], x_flow[r, c + 1]
            south, north = y_flow[r, c], y_flow[r + 1, c]
            west = real_type(west * (limit[r, c - 1] if west > zero else limit[r, c]))
            east = real_type(east * (limit[r, c] if east > zero else limit[r, c + 1]))
            south = real_type(south * (limit[r - 1, c] if south > zero else limit[r, c]))
            north = real_type(north * (limit[r, c] if north > zero else limit[r + 1, c]))
            net = (np.float64(west) - np.float64(east)) + (np.float64(south) - np.float64(north))
            masked = 1 if open_ground.shape[0] > 1 else 0
            rain = rate[rate_rows[j], rate_columns[i]] * step_s * open_ground[j * masked, i] if raining else 0.0
            h = depth[j, i] + per_cell * net + rain
            depth_out[j, i] = h
            qx_out[j, i] = west
            qy_out[j, i] = south
            if i == nx - 1:
                qx_out[j, nx] = east
            if j == ny - 1:
                qy_out[ny, i] = north
            keep_records(h, j, i, now_s + step_s, step_s, deep_m, peak, arrival, spell)
            worst[t] = h if h >= 0.0 else math.inf  # a depth that is no number too
        most = deepest_of_block(worst, t)
        if t == 0:
            cuda.atomic.max(deepest, (row * cuda.gridDim.x + column) % SLOTS, most)
            awake_out[row, column] = AWAKE if most > shallow else max(np.int32(awake[row, column]) - 1, 0)

    return kernel(step)
