"""Fluxes through the outer faces of the raster, one side at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import CLOSED, FALL, INFLOW, LEVEL, OPEN, SLOPE
from rencheng.science.flood.compiled import inlined, row_kernel
from rencheng.science.flood.riemann import hll_flux, hll_weights, hllc_flux_with

__all__ = ["EDGES", "edge_fluxes", "edge_wave_speed", "lean_on_edge", "next_to_edges"]

_hllc_flux = inlined(hllc_flux_with(inlined(hll_weights), inlined(hll_flux)))

F64 = NDArray[np.float64]

EDGES: tuple[Any, ...] = ((slice(None), 0), (slice(None), -1), (0, slice(None)), (-1, slice(None)))
"""West, east, south and north edge of a raster."""


@row_kernel
def edge_fluxes(
    kind: NDArray[np.int8],
    value: F64,
    bed: F64,
    depth: F64,
    normal: NDArray[Any],
    shear: NDArray[Any],
    drag: NDArray[Any],
    outwards: float,
    gravity: float,
    cells_per_step: float,
    out: NDArray[Any],
) -> float:
    """Mass, push and shear flux through the faces of a side, and the sum of mass flux outwards.

    Parameters
    ----------
    kind, value : arrays, shape (n,)
        Conditions (see :class:`~rencheng.science.flood.boundary.SideConditions`).
    normal, shear : arrays, shape (n,)
        Velocity along the axis across the side and along the side.
    drag : array, shape (n,)
        ``g n²`` of the cells.
    outwards : float
        +1 where the axis points out of the raster (east, north), −1 where it points in.
    cells_per_step : float
        ``cell_m / step_s``: what an outflow may take of a cell.
    out : array, shape (3, n)
        Written: mass flux (m²/s), momentum flux as the cell feels it (m³/s²), flux of tangential momentum.
    """
    total = 0.0
    for i in range(depth.shape[0]):
        h = depth[i]
        u = normal[i] * outwards
        c = math.sqrt(gravity * h)
        pressure = 0.5 * gravity * h * h
        flow = 0.0
        _, push = _hllc_flux(h, u, h, -u, gravity, 0.5, 1e-30)
        if kind[i] == OPEN:
            flow = h * max(u, 0.0)
            if value[i] > 0.0 and drag[i] > 0.0:  # where the ground falls outwards, at least as down that slope
                flow = max(flow, math.sqrt(gravity * value[i] / drag[i]) * h ** (5.0 / 3.0))
            if flow > 0.0:
                push = flow * flow / h + pressure
        elif kind[i] == FALL:
            flow, push = _hllc_flux(h, u, 0.0, 0.0, gravity, 0.5, 1e-30)
        elif kind[i] == SLOPE:
            if h > 0.0:
                flow = math.sqrt(gravity * value[i] / max(drag[i], 1e-12)) * h ** (5.0 / 3.0)
                push = flow * flow / h + pressure
        elif kind[i] == INFLOW:
            flow = -value[i]
            push = pressure + flow * flow / max(h, (flow * flow / gravity) ** (1.0 / 3.0), 1e-12)
        elif kind[i] == LEVEL:
            flow, push = _level_flux(value[i] - bed[i], h, u, c, gravity)
        if flow > 0.0:
            outward = max(c + u, 0.0) + max(c - u, 0.0) + 2.0 * max(c, abs(shear[i]))
            most = h * cells_per_step * max(c + u, 0.0) / max(outward, 1e-30)
            flow = min(flow, most)
        out[0, i] = flow * outwards
        out[1, i] = push
        out[2, i] = flow * outwards * shear[i] if flow > 0.0 else 0.0
        total += outwards * out[0, i]  # as rounded, so that the account closes
    return total


def next_to_edges(shape: tuple[int, int]) -> tuple[Any, ...]:
    """The next line of cells within each edge; the edge itself where the raster is one cell wide.

    >>> [pick[0] for pick in next_to_edges((1, 5))[2:]]
    [0, -1]
    """
    down, across = min(1, shape[0] - 1), min(1, shape[1] - 1)
    every = slice(None)
    return ((every, across), (every, -1 - across), (down, every), (-1 - down, every))


def lean_on_edge(
    kind: NDArray[np.int8],
    bed: F64,
    depth: F64,
    bed_within: F64,
    depth_within: F64,
    gravity: float,
    shallow_m: float,
    out: NDArray[Any],
) -> None:
    """Give water that runs over an edge the push of a bed that goes on beyond it as it came.

    Parameters
    ----------
    kind : array, shape (n,)
        Conditions of the side; closed edges and free falls are left alone.
    bed, depth, bed_within, depth_within : arrays, shape (n,)
        Of the cells at the edge and of those next to them, m. The slope is the smaller of bed's and surface's, so
        still water stays still.
    shallow_m : float
        Depth of the inner cell up to which nothing is done, m.
    out : array, shape (3, n)
        Changed: the push in row 1, m³/s².
    """
    runs_on = (kind != CLOSED) & (kind != FALL)
    if not runs_on.any():
        return
    rise, climb = bed - bed_within, (bed + depth) - (bed_within + depth_within)
    slope = np.maximum(np.minimum(rise, climb), 0.0) + np.minimum(np.maximum(rise, climb), 0.0)
    out[1] += np.where(runs_on & (depth_within > shallow_m), 0.5 * gravity * depth * slope, 0.0)


@inlined
def _level_flux(level_depth: float, h: float, u: float, c: float, gravity: float) -> tuple[float, float]:
    """Flux at a face with a given level: the outgoing Riemann invariant ``u + 2c`` meets the depth outside."""
    if level_depth <= 0.0:
        mass, push = _hllc_flux(h, u, 0.0, 0.0, gravity, 0.5, 1e-30)
        return mass, push
    if u > c and h > 0.0:
        return h * u, h * u * u + 0.5 * gravity * h * h
    outside = math.sqrt(gravity * level_depth)
    speed = max(u + 2.0 * (c - outside), -outside)
    return level_depth * speed, level_depth * speed * speed + 0.5 * gravity * level_depth * level_depth


@row_kernel
def edge_wave_speed(kind: NDArray[np.int8], value: F64, bed: F64, gravity: float) -> float:
    """Largest wave speed ``|u| + 2c`` that water from outside brings to a side."""
    fastest = 0.0
    for i in range(bed.shape[0]):
        if kind[i] == LEVEL:
            fastest = max(fastest, 3.0 * math.sqrt(gravity * max(value[i] - bed[i], 0.0)))
        elif kind[i] == INFLOW:
            fastest = max(fastest, 3.0 * (gravity * abs(value[i])) ** (1.0 / 3.0))
    return fastest
