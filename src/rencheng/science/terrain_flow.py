"""How water runs off terrain: depression filling, flow directions, accumulation, drainage and height above it.

Rasters have row 0 in the south; NaN is ground unknown. Places are flat indices ``row * nx + column``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = [
    "FlowNetwork",
    "drainage_by_threshold",
    "flow_accumulation",
    "flow_network",
    "height_above_drainage",
    "rise_to_reach",
]

OUTLET = -1
"""Receiver of a cell from which water leaves the raster."""
NO_GROUND = -2
"""Receiver of a cell whose ground is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowNetwork:
    """Where the water of each raster cell goes.

    Parameters
    ----------
    filled_m : float64 array, shape (ny, nx)
        Ground with depressions filled to their spill level; never below the ground.
    receiver : int64 array, shape (ny * nx,)
        Flat index of the cell each cell drains to; ``OUTLET`` where water leaves, ``NO_GROUND`` where ground is
        unknown.
    order : int64 array, shape (known cells,)
        Known cells, every one after its receiver.
    """

    filled_m: NDArray[np.float64]
    receiver: NDArray[np.int64]
    order: NDArray[np.int64]


def flow_network(ground_m: NDArray[np.floating], *, cell_m: float) -> FlowNetwork:
    """Fill depressions by priority-flood and give D8 receivers.

    Priority-flood (Barnes, Lehman & Mulla 2014, Comput. Geosci. 62:117, algorithm 1) starts from cells at the edge of
    the known ground; inside a depression lower ground is visited first, so that water keeps to the valley it filled.
    Cells with a lower neighbour drain to the steepest one (O'Callaghan & Mark 1984); flats and filled cells drain the
    way the flood came. Every known cell therefore reaches an outlet.

    Parameters
    ----------
    ground_m : float array, shape (ny, nx)
        Ground height; NaN where unknown.
    cell_m : float
        Edge of a cell.

    Raises
    ------
    InvalidInput
        If the raster is not two-dimensional or holds infinities.

    Examples
    --------
    >>> import numpy as np
    >>> pit = np.array([[5.0, 5.0, 5.0], [5.0, 1.0, 3.0], [5.0, 5.0, 5.0]])
    >>> float(flow_network(pit, cell_m=1.0).filled_m[1, 1])
    3.0
    """
    ground = np.ascontiguousarray(ground_m, dtype=np.float64)
    if ground.ndim != 2 or np.isinf(ground).any():
        raise InvalidInput(
            "terrain must be a two-dimensional raster of finite heights or NaN",
            where=f"shape {ground.shape}",
            mend="Write unknown ground as NaN",
        )
    filled, came_from, order = _priority_flood(ground)
    return FlowNetwork(filled_m=filled, receiver=_receivers(filled, ground, came_from, float(cell_m)), order=order)


def flow_accumulation(network: FlowNetwork, weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Sum of cells (or of ``weight``, shape (ny, nx)) that drain through each cell, itself included; 0 where unknown.

    Examples
    --------
    >>> import numpy as np
    >>> slope = np.array([[1.0, 2.0, 3.0]])
    >>> flow_accumulation(flow_network(slope, cell_m=1.0)).tolist()
    [[3.0, 2.0, 1.0]]
    """
    shape = network.filled_m.shape
    start = np.ones(shape) if weight is None else np.asarray(weight, dtype=np.float64)
    total: NDArray[np.float64] = _accumulate(network.receiver, network.order, start.ravel())
    return total.reshape(shape)


def drainage_by_threshold(accumulation: NDArray[np.float64], *, cell_m: float, area_m2: float) -> NDArray[np.bool_]:
    """Channels: cells that drain at least ``area_m2`` (O'Callaghan & Mark 1984); shape as ``accumulation``."""
    return accumulation * cell_m * cell_m >= area_m2


def height_above_drainage(
    ground_m: NDArray[np.floating], network: FlowNetwork, drainage: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Height above nearest drainage (HAND): ground above the drainage cell its water first meets.

    Nobre et al. 2011, J. Hydrol. 404:13. "Nearest" is along the flow, not as the crow flies. Ground below its
    drainage (in a filled depression) has 0.

    Parameters
    ----------
    ground_m : float array, shape (ny, nx)
        Ground height.
    network : FlowNetwork
        Receivers of the same raster.
    drainage : bool array, shape (ny, nx)
        Channels and water bodies.

    Returns
    -------
    hand_m : float64 array, shape (ny, nx)
        0 on drainage; NaN where unknown or where water leaves the raster before meeting drainage.
    drain : int64 array, shape (ny, nx)
        Flat index of the drainage cell met, -1 where none.
    """
    ground = np.ascontiguousarray(ground_m, dtype=np.float64)
    shape = ground.shape
    drain = _nearest_drainage(network.receiver, network.order, np.ascontiguousarray(drainage).ravel())
    hand = np.full(ground.size, np.nan)
    met = drain >= 0
    flat = ground.ravel()
    hand[met] = np.maximum(flat[met] - flat[drain[met]], 0.0)
    return hand.reshape(shape), drain.reshape(shape)


def rise_to_reach(
    ground_m: NDArray[np.floating], network: FlowNetwork, drainage: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Rise of the drainage above its own ground at which its water gets to each cell, over every sill between.

    The highest ground on the way from the drainage cell met along the flow, the cell itself included, above the ground
    of that drainage cell. Never below :func:`height_above_drainage`, also where the drainage lies in a depression.

    Parameters
    ----------
    ground_m, network, drainage
        As for :func:`height_above_drainage`.

    Returns
    -------
    float64 array, shape (ny, nx)
        0 on drainage; NaN where unknown or where water leaves the raster before meeting drainage.

    Examples
    --------
    A pit of 0 m behind a bank of 3 m; the river flows at 1 m.

    >>> import numpy as np
    >>> row = np.array([[9.0, 9.0, 9.0, 9.0], [1.0, 3.0, 0.0, 9.0], [9.0, 9.0, 9.0, 9.0]])
    >>> river = row == 1.0
    >>> rise_to_reach(row, flow_network(row, cell_m=1.0), river)[1].tolist()
    [0.0, 2.0, 2.0, 8.0]
    """
    ground = np.ascontiguousarray(ground_m, dtype=np.float64)
    rise: NDArray[np.float64] = _rise_along_flow(
        network.receiver, network.order, ground.ravel(), np.ascontiguousarray(drainage).ravel()
    )
    return rise.reshape(ground.shape)


@njit(cache=True)
def _before(level, ground, count, a, b):  # type: ignore[no-untyped-def]  # numba types it
    if level[a] != level[b]:
        return level[a] < level[b]
    if ground[a] != ground[b]:
        return ground[a] < ground[b]
    return count[a] < count[b]


@njit(cache=True)
def _push(heap, size, cell, level, ground, count):  # type: ignore[no-untyped-def]  # numba types it
    i = size
    heap[i] = cell
    while i > 0:
        parent = (i - 1) >> 1
        if not _before(level, ground, count, heap[i], heap[parent]):
            break
        heap[i], heap[parent] = heap[parent], heap[i]
        i = parent
    return size + 1


@njit(cache=True)
def _pop(heap, size, level, ground, count):  # type: ignore[no-untyped-def]  # numba types it
    top = heap[0]
    size -= 1
    heap[0] = heap[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and _before(level, ground, count, heap[child + 1], heap[child]):
            child += 1
        if not _before(level, ground, count, heap[child], heap[i]):
            break
        heap[i], heap[child] = heap[child], heap[i]
        i = child
    return top, size


@njit(cache=True)
def _priority_flood(ground):  # type: ignore[no-untyped-def]  # numba types it
    ny, nx = ground.shape
    n = ny * nx
    flat = ground.ravel()
    level = flat.copy()
    count = np.zeros(n, np.int64)
    came_from = np.full(n, NO_GROUND, np.int64)
    seen = np.zeros(n, np.bool_)
    heap = np.empty(n, np.int64)
    order = np.empty(n, np.int64)
    size = 0
    pushed = 0
    for y in range(ny):
        for x in range(nx):
            c = y * nx + x
            if np.isnan(flat[c]):
                continue
            edge = False
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    yy, xx = y + dy, x + dx
                    if yy < 0 or yy >= ny or xx < 0 or xx >= nx or np.isnan(ground[yy, xx]):
                        edge = True
            if edge:
                seen[c] = True
                came_from[c] = OUTLET
                count[c] = pushed
                pushed += 1
                size = _push(heap, size, c, level, flat, count)
    done = 0
    while size > 0:
        c, size = _pop(heap, size, level, flat, count)
        order[done] = c
        done += 1
        y, x = c // nx, c % nx
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                yy, xx = y + dy, x + dx
                if yy < 0 or yy >= ny or xx < 0 or xx >= nx:
                    continue
                neighbour = yy * nx + xx
                if seen[neighbour] or np.isnan(flat[neighbour]):
                    continue
                seen[neighbour] = True
                came_from[neighbour] = c
                level[neighbour] = max(flat[neighbour], level[c])
                count[neighbour] = pushed
                pushed += 1
                size = _push(heap, size, neighbour, level, flat, count)
    return level.reshape((ny, nx)), came_from, order[:done].copy()


@njit(cache=True)
def _receivers(filled, ground, came_from, cell_m):  # type: ignore[no-untyped-def]  # numba types it
    ny, nx = filled.shape
    receiver = came_from.copy()
    diagonal = cell_m * np.sqrt(2.0)
    for y in range(ny):
        for x in range(nx):
            c = y * nx + x
            if came_from[c] == NO_GROUND:
                continue
            steepest = 0.0
            lowest = np.inf
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    yy, xx = y + dy, x + dx
                    if (dy == 0 and dx == 0) or yy < 0 or yy >= ny or xx < 0 or xx >= nx:
                        continue
                    drop = filled[y, x] - filled[yy, xx]
                    slope = drop / (diagonal if dy != 0 and dx != 0 else cell_m)
                    if slope > steepest or (slope > 0.0 and slope == steepest and ground[yy, xx] < lowest):
                        steepest = slope
                        lowest = ground[yy, xx]
                        receiver[c] = yy * nx + xx
    return receiver


@njit(cache=True)
def _accumulate(receiver, order, start):  # type: ignore[no-untyped-def]  # numba types it
    total = np.zeros(receiver.size)
    for i in range(order.size - 1, -1, -1):
        c = order[i]
        total[c] += start[c]
        if receiver[c] >= 0:
            total[receiver[c]] += total[c]
    return total


@njit(cache=True)
def _nearest_drainage(receiver, order, drainage):  # type: ignore[no-untyped-def]  # numba types it
    drain = np.full(receiver.size, -1, np.int64)
    for i in range(order.size):
        c = order[i]
        if drainage[c]:
            drain[c] = c
        elif receiver[c] >= 0:
            drain[c] = drain[receiver[c]]
    return drain


@njit(cache=True)
def _rise_along_flow(receiver, order, ground, drainage):  # type: ignore[no-untyped-def]  # numba types it
    base = np.full(receiver.size, np.nan)
    rise = np.full(receiver.size, np.nan)
    for i in range(order.size):
        c = order[i]
        if drainage[c]:
            base[c] = ground[c]
            rise[c] = 0.0
        elif receiver[c] >= 0 and not np.isnan(base[receiver[c]]):
            base[c] = base[receiver[c]]
            rise[c] = max(rise[receiver[c]], ground[c] - base[c])
    return rise
