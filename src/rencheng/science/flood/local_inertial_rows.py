"""Work on one row of faces or cells of the local inertial scheme.

Every loop runs over contiguous buffers without branches and touches few arrays, so that the compiler proves them apart
and turns the loop into vector instructions. Depth and bed are float64 always (water must not be lost to rounding);
unit discharges and buffers have the type the run asks for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.science.flood.compiled import KERNEL, SCALAR
from rencheng.science.flood.local_inertial_face import face_discharge

__all__ = [
    "apply_limit",
    "discharge_of_faces",
    "face_depths",
    "outflow_limit",
    "surface_steps",
    "transverse_of_x_faces",
    "transverse_of_y_faces",
    "update_depth",
]

_face_discharge = njit(**SCALAR)(face_discharge)

Row = NDArray[Any]


@njit(**SCALAR)
def _inverse_cube_root(value: float) -> np.float32:
    """``value ** (-1/3)`` to float32 rounding: the exponent divided by three as a number, then three Newton steps.

    Friction coefficients are never known to seven digits, so this precision serves float64 runs too.
    """
    x = np.float32(value)
    y = np.int32(np.float32(1419910442.0) - np.float32(x.view(np.int32)) * np.float32(1.0 / 3.0)).view(np.float32)
    share = x * np.float32(1.0 / 3.0)
    most = np.float32(4.0 / 3.0)
    y = y * (most - share * y * y * y)
    y = y * (most - share * y * y * y)
    return y * (most - share * y * y * y)


@njit(**KERNEL)
def surface_steps(bed_a: Row, depth_a: Row, bed_b: Row, depth_b: Row, rise: Row) -> None:
    """Rise of the water surface from cell ``a`` to cell ``b``, m; exactly zero in a lake at rest."""
    for f in range(rise.shape[0]):
        rise[f] = (bed_b[f] + depth_b[f]) - (bed_a[f] + depth_a[f])


@njit(**KERNEL)
def face_depths(bed_a: Row, depth_a: Row, bed_b: Row, depth_b: Row, crest: Row, out: Row) -> None:
    """Depth through which water can flow at a face, m: the higher surface over both beds and the crest."""
    for f in range(out.shape[0]):
        surface = max(bed_a[f] + depth_a[f], bed_b[f] + depth_b[f])
        out[f] = surface - max(bed_a[f], bed_b[f], crest[f])


@njit(**KERNEL)
def transverse_of_x_faces(south: Row, north: Row, quarter: float, out: Row) -> None:
    """Unit discharge along x faces: the mean of the four y faces about each (rows start a cell west)."""
    for f in range(out.shape[0]):
        out[f] = quarter * ((south[f] + south[f + 1]) + (north[f] + north[f + 1]))


@njit(**KERNEL)
def transverse_of_y_faces(below: Row, above: Row, quarter: float, out: Row) -> None:
    """Unit discharge along y faces: the mean of the four x faces about each (rows start a face west)."""
    for f in range(out.shape[0]):
        out[f] = quarter * ((below[f] + above[f]) + (below[f + 1] + above[f + 1]))


@njit(**KERNEL)
def discharge_of_faces(
    rise: Row, flow_depth: Row, old: Row, behind: Row, ahead: Row, transverse: Row, drag_a: Row, drag_b: Row,
    real: Row, out: Row,
) -> None:  # fmt: skip
    """Unit discharge of a line of faces after a step, m²/s.

    Parameters
    ----------
    rise, flow_depth : arrays, shape (n,)
        From :func:`surface_steps` and :func:`face_depths`.
    old, behind, ahead : arrays, shape (n,)
        Unit discharge before the step at the face, at the one before it and at the one after it along the flow.
    transverse : array, shape (n,)
        Unit discharge along the face.
    drag_a, drag_b : arrays, shape (n,)
        ``g n²`` of the cells on both sides.
    real : array, shape (9,)
        See :func:`rencheng.science.flood.local_inertial.step_constants`.
    """
    theta, beside, slope, half_step = real[0], real[1], real[2], real[3]
    gravity, froude, shallow, tiny, one = np.float32(real[4]), real[5], real[6], np.float32(real[7]), real[8]
    zero, least = one - one, np.float32(1e-18)  # its square is still a normal number
    for f in range(out.shape[0]):  # two short loops: more faces are under way at a time
        thin = np.float32(max(flow_depth[f], shallow))
        y = _inverse_cube_root(thin)
        rub = np.float32(half_step * (drag_a[f] + drag_b[f])) * (y * ((y * y) * (y * y) * (y * y)))
        along = np.float32(abs(old[f])) + tiny
        aside = max(np.float32(abs(transverse[f])), least)
        out[f] = rub / np.float32(math.sqrt(along * along + aside * aside))
    for f in range(out.shape[0]):
        film = max(flow_depth[f], shallow)
        most = froude * film * np.float32(math.sqrt(gravity * np.float32(film)))
        centred = theta * old[f] + beside * (behind[f] + ahead[f])
        q = _face_discharge(centred, abs(old[f]) + tiny, transverse[f], film, slope * rise[f], out[f], most, one)
        out[f] = q if flow_depth[f] > shallow else zero


@njit(**KERNEL)
def outflow_limit(
    depth: Row, west: Row, east: Row, south: Row, north: Row, per_cell: float, zero: float,
    safety: float, limit: Row,
) -> bool:  # fmt: skip
    """Share of what its faces would take that a cell can give: 1 where it has enough.

    Returns whether any cell of the row has too little. ``limit`` is written in any case.
    """
    for i in range(limit.shape[0]):
        limit[i] = (max(east[i], zero) + max(-west[i], zero)) + (max(north[i], zero) + max(-south[i], zero))
    short = 0
    for i in range(limit.shape[0]):
        short += 1 if limit[i] * per_cell > depth[i] * safety else 0
    if short == 0:
        for i in range(limit.shape[0]):
            limit[i] = 1.0
        return False
    for i in range(limit.shape[0]):
        wanted = max(limit[i] * per_cell, 1e-300)
        limit[i] = min(depth[i] * safety / wanted, 1.0)
    return True


@njit(**KERNEL)
def apply_limit(flow: Row, limit_a: Row, limit_b: Row, zero: float) -> None:
    """Cut each face to the share its giving side can afford."""
    for f in range(flow.shape[0]):
        q = flow[f]
        flow[f] = q * (limit_a[f] if q > zero else limit_b[f])


@njit(**KERNEL)
def update_depth(depth: Row, west: Row, east: Row, south: Row, north: Row, gain: Row, per_cell: float) -> None:
    """Let what passes through the four faces of each cell, and what falls on it, change its depth."""
    for i in range(depth.shape[0]):
        net = (np.float64(west[i]) - np.float64(east[i])) + (np.float64(south[i]) - np.float64(north[i]))
        depth[i] = depth[i] + per_cell * net + gain[i]
