"""Many storms over the same ground, compiled; the last axis of every field is the storm.

A lane is a storm; every lane has its own clock and its own time step, so that a storm comes out with the same bits
whatever storms run beside it. Every loop over lanes touches few arrays and has a length that the compiler does not
know: it asks whether arrays overlap no more than some times before it gives up on vectors, and short loops of known
length it rolls out instead. All kernels stand in this file, because a compiled one that is kept on disk is only
thrown away when its own file changes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["GRAVITY_M_S2", "run_lanes"]

Grid = NDArray[Any]
Row = NDArray[Any]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_ALLOCATING: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_OPTIONS = _ALLOCATING | {"_nrt": False}
"""For what allocates nothing: views of rows are then not counted."""
_SHALLOW = np.float32(1e-6)
_THETA, _BESIDE = np.float32(0.9), np.float32(0.05)
GRAVITY_M_S2 = 9.80665
_GRAVITY = np.float32(GRAVITY_M_S2)
_CFL = 0.7
_LONGEST_STEP_S = 60.0
_TINY = np.float32(1e-12)
_LEAST = np.float32(1e-18)
_SAFETY = np.float32(1.0 - 1e-6)
_ZERO, _ONE, _TWO, _FOUR = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32(4.0)
_QUARTER = np.float32(0.25)


@njit(**_OPTIONS)
def _inverse_cube_root(value: Any) -> Any:
    """``value ** (-1/3)`` in single precision: the exponent divided by three as a number, then three Newton steps."""
    x = np.float32(value)
    y = np.int32(np.float32(1419910442.0) - np.float32(x.view(np.int32)) * np.float32(1.0 / 3.0)).view(np.float32)
    share = x * np.float32(1.0 / 3.0)
    most = np.float32(4.0 / 3.0)
    y = y * (most - share * y * y * y)
    y = y * (most - share * y * y * y)
    return y * (most - share * y * y * y)


@njit(**_OPTIONS)
def _inverse_root(value: Any) -> Any:
    """``value ** (-1/2)`` in single precision: the exponent halved as a number, then three Newton steps."""
    x = np.float32(value)
    y = np.int32(np.int32(0x5F3759DF) - np.int32(x.view(np.int32) >> np.int32(1))).view(np.float32)
    half = x * np.float32(0.5)
    y = y * (np.float32(1.5) - half * y * y)
    y = y * (np.float32(1.5) - half * y * y)
    return y * (np.float32(1.5) - half * y * y)


@njit(**_OPTIONS)
def _surfaces(below: float, above: float, h_a: Row, h_b: Row, rise: Row, film: Row) -> None:
    """Rise of the surface across a face and the depth above its sill."""
    for s in range(rise.shape[0]):
        here, there = below + h_a[s], above + h_b[s]
        rise[s] = there - here
        film[s] = max(here, there, _SHALLOW)


@njit(**_OPTIONS)
def _blend(own: Row, before: Row, behind: Row, out: Row) -> None:
    for s in range(out.shape[0]):
        out[s] = _THETA * own[s] + _BESIDE * (before[s] + behind[s])


@njit(**_OPTIONS)
def _crossing(a: Row, b: Row, c: Row, d: Row, out: Row) -> None:
    for s in range(out.shape[0]):
        out[s] = _QUARTER * ((a[s] + b[s]) + (c[s] + d[s]))


@njit(**_OPTIONS)
def _face_discharge(work: Grid, own: Row, drag: float, step: Row, pull: Row, out: Row) -> None:
    """Discharge of a face after the step, m²/s (momentum equation of the flood engine's local inertial scheme)."""
    for s in range(out.shape[0]):
        film, old, cross = work[1, s], abs(own[s]) + _TINY, max(abs(work[3, s]), _LEAST)
        y = _inverse_cube_root(film)
        y2 = y * y
        square = cross * cross
        share = drag * step[s] * (y * (y2 * y2 * y2)) * _inverse_root(old * old + square)
        bare = work[2, s] - film * pull[s] * work[0, s]
        most = film * np.float32(math.sqrt(_GRAVITY * film))
        rub = _ONE + share * square
        size = abs(bare)
        found = min(_TWO * size / (rub + np.float32(math.sqrt(rub * rub + _FOUR * (share * old) * size))), most)
        signed = found if bare > _ZERO else -found
        out[s] = signed if film > _SHALLOW else _ZERO


@njit(**_OPTIONS)
def _outflow_share(h: Row, west: Row, east: Row, south: Row, north: Row, per_cell: Row, share: Row) -> None:
    """Share of what its faces would take that a cell can give."""
    for s in range(share.shape[0]):
        wanted = (max(east[s], _ZERO) + max(-west[s], _ZERO)) + (max(north[s], _ZERO) + max(-south[s], _ZERO))
        share[s] = min(_ONE, h[s] * _SAFETY / max(wanted * per_cell[s], _LEAST))


@njit(**_OPTIONS)
def _cut(share_a: Row, share_b: Row, q: Row) -> None:
    for s in range(q.shape[0]):
        q[s] = q[s] * (share_a[s] if q[s] > _ZERO else share_b[s])


@njit(**_OPTIONS)
def _exchange(west: Row, east: Row, south: Row, north: Row, per_cell: Row, rain: Row, h: Row) -> None:
    for s in range(h.shape[0]):
        h[s] = max(h[s] + (per_cell[s] * ((west[s] - east[s]) + (south[s] - north[s])) + rain[s]), _ZERO)


@njit(**_OPTIONS)
def _highest(h: Row, peak: Row) -> None:
    for s in range(peak.shape[0]):
        peak[s] = max(peak[s], h[s])


@njit(**_OPTIONS)
def _edge(opposite: Row, share: Row, sign: int, q: Row) -> None:
    """What leaves over the edge of the raster: as much as comes through the other face of the cell, never inwards."""
    one = np.float32(sign)
    for s in range(q.shape[0]):
        q[s] = one * max(one * opposite[s], _ZERO) * share[s]


@njit(**_OPTIONS)
def _advance(  # noqa: PLR0917 — compiled: arrays one by one
    sides: Grid, along: Grid, across: Grid, faces: Grid, edges: Grid, edge_cells: Grid, ground: Grid,
    cell_m: float, step: Grid, rain: Grid, rain_cell: Grid, h: Grid, q: Grid, q_new: Grid, share: Grid, peak: Grid,
    deepest: Grid, scratch: Grid,
) -> None:  # fmt: skip
    """Advance every lane by its own time step (0 for one that is done).

    Parameters
    ----------
    sides, along, across, faces, edges : int32 arrays
        Of :class:`~rencheng.science.storm_batch.mesh.BatchMesh`.
    edge_cells : int32 array, shape (n,)
        Cell of each edge face.
    ground : float32 array, shape (3, faces)
        Bed of both sides below the sill of each face (0 or less), m, and ``g n²`` there.
    cell_m : float
        Cell width.
    step : float32 array, shape (lanes,)
        Time steps, s.
    rain : float32 array, shape (rain cells, lanes)
        What falls in the step, m.
    rain_cell : int32 array, shape (cells,)
        Rain cell over each cell.
    h, peak, share : float32 arrays, shape (cells, lanes)
        Depth and its greatest so far, m, in place; scratch.
    q, q_new : float32 arrays, shape (faces + edges + 1, lanes)
        Unit discharge before, m²/s, and after, to be written.
    deepest : float32 array, shape (lanes,)
        Greatest depth after the step, to be written.
    scratch : float32 array, shape (6, lanes)
        Room to work in.
    """
    per_cell, pull, rise_to_cross = scratch[0], scratch[1], scratch[2:]
    for s in range(len(step)):
        per_cell[s] = step[s] / np.float32(cell_m)
        pull[s] = _GRAVITY * per_cell[s]
        deepest[s] = _ZERO
    for f in range(sides.shape[1]):
        _surfaces(ground[0, f], ground[1, f], h[sides[0, f]], h[sides[1, f]], rise_to_cross[0], rise_to_cross[1])
        _blend(q[f], q[along[0, f]], q[along[1, f]], rise_to_cross[2])
        _crossing(q[across[0, f]], q[across[1, f]], q[across[2, f]], q[across[3, f]], rise_to_cross[3])
        _face_discharge(rise_to_cross, q[f], ground[2, f], step, pull, q_new[f])
    for c in range(faces.shape[1]):
        w, e, s, n = faces[0, c], faces[1, c], faces[2, c], faces[3, c]
        _outflow_share(h[c], q_new[w], q_new[e], q_new[s], q_new[n], per_cell, share[c])
    for f in range(sides.shape[1]):
        _cut(share[sides[0, f]], share[sides[1, f]], q_new[f])
    for k in range(edges.shape[1]):
        _edge(q_new[edges[1, k]], share[edge_cells[k]], edges[2, k], q_new[edges[0, k]])
    for c in range(faces.shape[1]):
        w, e, s, n = faces[0, c], faces[1, c], faces[2, c], faces[3, c]
        _exchange(q_new[w], q_new[e], q_new[s], q_new[n], per_cell, rain[rain_cell[c]], h[c])
        _highest(h[c], peak[c])
        _highest(h[c], deepest)


@njit(**_ALLOCATING)
def _rain_ends(rain_m_s: Grid, ends: I64) -> None:
    """Count each lane's rain steps up to its last rain, so that a longer storm beside it changes nothing."""
    for s in range(len(ends)):
        ends[s] = 0
        for k in range(rain_m_s.shape[1]):
            if rain_m_s[s, k].max() > 0.0:
                ends[s] = k + 1


@njit(**_ALLOCATING)
def _next_steps(
    now: F64, duration: F64, rain_step_s: float, rain_m_s: Grid, ends: I64, cell_m: float, deepest: F32, step: F32
) -> bool:
    """Choose every lane's step: stable, ending where its rain changes or its run ends; whether any lane goes on."""
    going = False
    for s in range(len(step)):
        step[s] = np.float32(0.0)
        left = duration[s] - now[s]
        if left <= 0.0:
            continue
        going = True
        stable = _LONGEST_STEP_S
        if deepest[s] > 0.0:
            stable = min(stable, _CFL * cell_m / np.sqrt(GRAVITY_M_S2 * deepest[s]))
        k = int(now[s] / rain_step_s + 1e-6)
        if k < ends[s]:
            rate = rain_m_s[s, k].max()
            if rate > 0.0:  # water that appears during the step must not outrun it: cfl Δx = 2 √(g r Δt) Δt
                stable = min(stable, (0.5 * _CFL * cell_m / np.sqrt(GRAVITY_M_S2 * rate)) ** (2.0 / 3.0))
            left = min(left, (k + 1) * rain_step_s - now[s])
        count = np.ceil(left / stable - 1e-9)  # an interval is cut into equal steps
        step[s] = np.float32(left / max(count, 1.0))
    return going


@njit(**_ALLOCATING)
def _rain_of_step(now: F64, rain_step_s: float, rain_m_s: Grid, step: F32, out: F32) -> None:
    for s in range(len(step)):
        k = int(now[s] / rain_step_s + 1e-6)
        for r in range(out.shape[0]):
            out[r, s] = rain_m_s[s, k, r] * step[s] if k < rain_m_s.shape[1] else np.float32(0.0)


@njit(**_OPTIONS)
def _give(rate: float, step: F32, h: F32, lost: F32) -> None:
    for s in range(len(step)):
        most = min(h[s], rate * step[s])
        h[s] = h[s] - most
        lost[s] = lost[s] + most


@njit(**_OPTIONS)
def _take(cell: Grid, rate: F32, step: F32, h: F32, lost: F32) -> None:
    """Let cells give what they hold up to a rate, m/s."""
    for k in range(len(cell)):
        _give(rate[k], step, h[cell[k]], lost)


@njit(**_ALLOCATING)
def _soak(cell: Grid, initial: F32, rate: F32, step: F32, h: F32, soaked: F32, taken: F64) -> None:
    """Let the ground take its initial loss, then its rate for what of the step is left."""
    for k in range(len(cell)):
        c = cell[k]
        for s in range(len(step)):
            held = h[c, s]
            if held <= 0.0:
                continue
            first = min(max(initial[k] - soaked[k, s], np.float32(0.0)), held)
            lost = first + min(held - first, rate[k] * step[s] * (np.float32(1.0) - first / held))
            soaked[k, s] += first
            h[c, s] = held - lost
            taken[s] += lost


@njit(**_ALLOCATING)
def _fill(cell: Grid, room: F64, pump: F64, area: float, step: F32, h: F32, volume: F64, most: F64, taken: F64) -> None:
    """Let tanks swallow what stands on their cells, after their pumps have lifted."""
    for k in range(len(cell)):
        c = cell[k]
        for s in range(len(step)):
            volume[k, s] -= min(volume[k, s], pump[k] * step[s])
            into = min(h[c, s] * area, room[k] - volume[k, s])
            after = np.float32(max(h[c, s] - into / area, 0.0))
            taken[s] += np.float64(h[c, s]) - after
            volume[k, s] += (np.float64(h[c, s]) - after) * area
            h[c, s] = after
            most[k, s] = max(most[k, s], volume[k, s])


@njit(**_OPTIONS)
def _leave(outwards: int, q: F32, per_cell: F32, lost: F32) -> None:
    one = np.float32(outwards)
    for s in range(len(lost)):
        lost[s] = lost[s] + one * q[s] * per_cell[s]


@njit(**_OPTIONS)
def _over_the_edge(edges: Grid, q: F32, per_cell: F32, lost: F32) -> None:
    for k in range(edges.shape[1]):
        _leave(edges[2, k], q[edges[0, k]], per_cell, lost)


@njit(**_ALLOCATING)
def run_lanes(  # noqa: PLR0917 — compiled: arrays one by one
    mesh: tuple[Grid, ...], ground: F32, cell_m: float, rain_m_s: Grid, rain_step_s: float, rain_cell: Grid,
    duration: F64, drains: tuple[Grid, ...], soil: tuple[Grid, ...], tanks: tuple[Grid, ...], peak: F32, most: F64,
    steps: I64, account: F64,
) -> None:  # fmt: skip
    """Run all lanes to their ends; ``account`` takes rain, taken and stored water, m over one cell, (3, lanes)."""
    sides, along, across, faces, edges, edge_cells = mesh
    lanes, cells, total = len(duration), faces.shape[1], sides.shape[1] + edges.shape[1] + 1
    h, share = np.zeros((cells, lanes), np.float32), np.zeros((cells, lanes), np.float32)
    q, q_new = np.zeros((total, lanes), np.float32), np.zeros((total, lanes), np.float32)
    rain, step = np.zeros((rain_m_s.shape[2], lanes), np.float32), np.zeros(lanes, np.float32)
    soaked, volume = np.zeros((len(soil[0]), lanes), np.float32), np.zeros((len(tanks[0]), lanes))
    now, deepest, ends = np.zeros(lanes), np.zeros(lanes, np.float32), np.zeros(lanes, np.int64)
    _rain_ends(rain_m_s, ends)
    lost = np.zeros(lanes, np.float32)
    over, scratch = np.zeros(rain_m_s.shape[2]), np.zeros((6, lanes), np.float32)
    for c in range(cells):
        over[rain_cell[c]] += 1.0
    while _next_steps(now, duration, rain_step_s, rain_m_s, ends, cell_m, deepest, step):
        _rain_of_step(now, rain_step_s, rain_m_s, step, rain)
        _advance(
            sides, along, across, faces, edges, edge_cells, ground, cell_m, step, rain, rain_cell, h, q, q_new, share,
            peak, deepest, scratch,
        )  # fmt: skip
        q, q_new = q_new, q
        lost[:] = np.float32(0.0)
        _over_the_edge(edges, q, scratch[0], lost)
        _soak(soil[0], soil[1], soil[2], step, h, soaked, account[1])
        _take(drains[0], drains[1], step, h, lost)
        _fill(tanks[0], tanks[1], tanks[2], cell_m * cell_m, step, h, volume, most, account[1])
        for s in range(len(step)):
            now[s] = min(now[s] + step[s], duration[s])
            account[1, s] += lost[s]
            steps[s] += 1 if step[s] > 0.0 else 0
            for r in range(len(over)):
                account[0, s] += rain[r, s] * over[r]
    for c in range(cells):
        for s in range(len(step)):
            account[2, s] += h[c, s]
