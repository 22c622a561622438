"""The low places of the sandbox city: underpasses beneath the railway and hollows in old quarters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.sandbox.drainage import LowPoints
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.relief import Relief, dig_dips, dig_underpasses
from rencheng.city.sandbox.roads import Roads
from rencheng.city.sandbox.waters import Waters

__all__ = ["dig_low_points"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HOLLOW_PER_RESIDENTS = 25_000


def dig_low_points(frame: Frame, roads: Roads, waters: Waters, relief: Relief) -> LowPoints:
    """Choose the low places, dig them into the relief (in place) and say where they are."""
    before = relief.terrain()
    under = np.flatnonzero(roads.underpass)
    under_u = (roads.u[roads.tail[under]] + roads.u[roads.head[under]]) / 2.0
    under_v = (roads.v[roads.tail[under]] + roads.v[roads.head[under]]) / 2.0
    corner = _hollows(frame, roads, waters, before.sample(roads.x_m, roads.y_m), under_u, under_v)
    dig_underpasses(relief, under_u, under_v, half_width_m=max(10.0, 0.75 * relief.cell_m))
    rng = frame.rng("hollows")
    depth, radius = rng.uniform(0.7, 1.1, len(corner)), rng.uniform(55.0, 75.0, len(corner))
    dig_dips(relief, roads.u[corner], roads.v[corner], depth, radius)
    middle = roads.path_x_m.shape[1] // 2
    x = np.concatenate([roads.path_x_m[under, middle], roads.x_m[corner]])
    y = np.concatenate([roads.path_y_m[under, middle], roads.y_m[corner]])
    public = roads.public_nodes
    near = cKDTree(np.stack([roads.x_m[public], roads.y_m[public]], axis=1)).query(np.stack([x, y], axis=1))[1]
    return LowPoints(
        x_m=x,
        y_m=y,
        ground_m=relief.terrain().sample(x, y),
        underpass=np.arange(len(x)) < len(under),
        node=public[near],
    )


def _hollows(frame: Frame, roads: Roads, waters: Waters, ground_m: Floats, under_u: Floats, under_v: Floats) -> Ints:
    """Street corners that lie lowest over the river's bank, well apart and clear of water and underpasses."""
    clear = np.abs(roads.v) > frame.river_width_m / 2.0 + 130.0
    for stream in waters.streams:
        clear &= np.abs(roads.u - stream.u_m) > 130.0
    lake = waters.lake
    clear &= np.hypot(roads.u - lake.u_m, roads.v - lake.v_m) > max(lake.half_u_m, lake.half_v_m) + 130.0
    if len(under_u):
        away = cKDTree(np.stack([under_u, under_v], axis=1)).query(np.stack([roads.u, roads.v], axis=1))[0]
        clear &= away > 180.0
    over = np.where(clear, ground_m - waters.bank_m(roads.u), np.inf)
    chosen: list[int] = []
    for _ in range(max(1, round(frame.residents / _HOLLOW_PER_RESIDENTS))):
        best = int(np.argmin(over))
        if not np.isfinite(over[best]):
            break
        chosen.append(best)
        over[np.hypot(roads.u - roads.u[best], roads.v - roads.v[best]) < max(250.0, 0.15 * frame.radius_m)] = np.inf
    return np.array(chosen, dtype=np.int64)
