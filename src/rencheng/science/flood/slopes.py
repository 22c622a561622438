"""Limited slopes, half-step prediction and face values of a row: what the second-order scheme adds to the first.

Surface level, depth and both velocities are reconstructed linearly in each cell (MUSCL); the bed at a face is the
level less the depth, so that still water over any bed stays level (Audusse et al. 2004, SIAM J. Sci. Comput. 25:2050,
§4). The state is then carried half a step forward by the equations themselves (MUSCL-Hancock, van Leer 1984), friction
included, so that one Riemann solution per face and step gives second order in time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.compiled import inlined, row_kernel

__all__ = ["face_values", "lifted_steps", "limited_slopes", "predict_faces", "rises_and_walls"]

Row = NDArray[Any]


@inlined
def _limited(low: float, high: float, half: float, sharp: float) -> float:
    """Slope from the differences to both neighbours: their mean where they are alike, the smaller where they are not.

    Up to a ratio of two it is the mean; from a ratio of three on (a kerb, the foot of a wall, a bore) it is minmod;
    where the signs differ it is zero. ``sharp`` 1 allows the mean, 0 does not.
    """
    zero = half - half
    small = min(abs(low), abs(high))
    large = max(abs(low), abs(high))
    more = max(min(large - small, small + small + small - large), zero)
    slope = small + sharp * half * more
    slope = slope if low > zero else -slope
    return slope if low * high > zero else zero


@row_kernel
def limited_slopes(  # noqa: PLR0917  rows go in one by one: plain pointers let the loop vectorise
    rise_a: Row,
    rise_b: Row,
    wall_a: Row,
    wall_b: Row,
    depth_a: Row,
    u_a: Row,
    v_a: Row,
    depth: Row,
    u: Row,
    v: Row,
    depth_b: Row,
    u_b: Row,
    v_b: Row,
    half: float,
    most: float,
    shallow: float,
    no_wall: float,
    slope_depth: Row,
    slope_level: Row,
    slope_u: Row,
    slope_v: Row,
) -> None:
    """Slopes of depth, level and velocities across each cell of a row, per cell width.

    ``a`` is the neighbour to the west or south, ``b`` the one to the east or north. Beside dry ground the slopes of
    level and depth are minmod's and those of velocity zero; beside a wall all are zero.
    """
    zero = half - half
    one = half + half
    for i in range(depth.shape[0]):
        h = depth[i]
        low = h - depth_a[i]
        high = depth_b[i] - h
        thinnest = min(depth_a[i], depth_b[i], h)
        highest = max(wall_a[i], wall_b[i])
        free = one if highest < no_wall else zero
        keep = free if h > shallow else zero
        move = free if thinnest > shallow else zero
        sharp = most if thinnest > shallow else zero
        slope_depth[i] = keep * _limited(low, high, half, sharp)
        slope_level[i] = keep * _limited(low + rise_a[i], high + rise_b[i], half, sharp)
        slope_u[i] = move * _limited(u[i] - u_a[i], u_b[i] - u[i], half, sharp)
        slope_v[i] = move * _limited(v[i] - v_a[i], v_b[i] - v[i], half, sharp)


@row_kernel
def predict_faces(  # noqa: PLR0917  rows go in one by one: plain pointers let the loop vectorise
    depth: Row,
    u: Row,
    v: Row,
    inverse_cube: NDArray[np.float32],
    drag: NDArray[np.float32],
    per_cell: float,
    step_s: float,
    gravity: float,
    half: float,
    x_depth: Row,
    x_level: Row,
    x_u: Row,
    x_v: Row,
    y_depth: Row,
    y_level: Row,
    y_u: Row,
    y_v: Row,
    mid_depth: Row,
    mid_u: Row,
    mid_v: Row,
    push_x: Row,
    push_y: Row,
) -> None:
    """State of each cell half a step on, and the bed's push on it at that time (m³/s²).

    The slopes come in and stay; a face value is the state half a step on plus or minus half the slope.
    """
    one, middle, step = np.float32(1.0), np.float32(0.5), np.float32(step_s)
    for i in range(depth.shape[0]):
        h = depth[i]
        y2 = inverse_cube[i] * inverse_cube[i]
        x = np.float32(u[i])
        z = np.float32(v[i])
        ease = one / (one + middle * step * drag[i] * (y2 * y2) * np.float32(math.sqrt(x * x + z * z)))
        course = half * per_cell
        dh = course * (u[i] * x_depth[i] + h * x_u[i] + (v[i] * y_depth[i] + h * y_v[i]))
        du = course * (u[i] * x_u[i] + v[i] * y_u[i] + gravity * x_level[i])
        dv = course * (v[i] * y_v[i] + u[i] * x_v[i] + gravity * y_level[i])
        mid = h - max(min(dh, half * h), -(half * h))
        mid_depth[i] = mid
        mid_u[i] = (u[i] - du) * ease
        mid_v[i] = (v[i] - dv) * ease
        push_x[i] = gravity * mid * (x_depth[i] - x_level[i])
        push_y[i] = gravity * mid * (y_depth[i] - y_level[i])


@row_kernel
def face_values(  # noqa: PLR0917  rows go in one by one: plain pointers let the loop vectorise
    mid_depth: Row,
    mid_u: Row,
    mid_v: Row,
    slope_depth: Row,
    slope_level: Row,
    slope_u: Row,
    slope_v: Row,
    side: float,
    half: float,
    depth: Row,
    lift: Row,
    u: Row,
    v: Row,
) -> None:
    """Values at one face of each cell of a row (``side`` +0.5 to the east or north, −0.5 to the west or south).

    ``lift`` is the bed at the face above the bed of the cell.
    """
    zero = half - half
    for i in range(mid_depth.shape[0]):
        depth[i] = max(mid_depth[i] + side * slope_depth[i], zero)
        lift[i] = side * (slope_level[i] - slope_depth[i])
        u[i] = mid_u[i] + side * slope_u[i]
        v[i] = mid_v[i] + side * slope_v[i]


@row_kernel
def lifted_steps(bed_a: Row, bed_b: Row, crest: Row, lift_a: Row, lift_b: Row, step: Row, wall: Row) -> None:
    """Rise of the reconstructed bed across each face, and height of a wall above it, on side ``a``."""
    for f in range(step.shape[0]):
        step[f] = bed_b[f] - bed_a[f]
        wall[f] = crest[f] - bed_a[f]
    for f in range(step.shape[0]):
        step[f] = step[f] + (lift_b[f] - lift_a[f])
        wall[f] = wall[f] - lift_a[f]


@row_kernel
def rises_and_walls(
    bed_a: Row, bed: Row, bed_b: Row, crest_a: Row, crest_b: Row, rise_a: Row, rise_b: Row, wall_a: Row, wall_b: Row
) -> None:
    """Rise of the bed from the neighbours' to the cells' and on, and the crests between, in the run's arithmetic."""
    for i in range(bed.shape[0]):
        rise_a[i] = bed[i] - bed_a[i]
        rise_b[i] = bed_b[i] - bed[i]
    for i in range(bed.shape[0]):
        wall_a[i] = crest_a[i]
        wall_b[i] = crest_b[i]
