"""The H3 cells of the city with sums over its households."""

from __future__ import annotations

import h3.api.numpy_int as h3_int
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.sandbox.areas import Areas
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.people import Households
from rencheng.city.sandbox.relief import Relief
from rencheng.city.sandbox.streetplan import StreetPlan
from rencheng.city.sandbox.tables import lonlat_shapes

__all__ = ["cell_table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RESOLUTION = 9
_CELL_REACH_M = 230.0  # a little more than the circumradius of a resolution 9 cell


def cell_table(
    frame: Frame,
    plan: StreetPlan,
    areas: Areas,
    relief: Relief,
    households: Households,
    building_cell: NDArray[np.uint64],
    building_jobs: Floats,
    more_cells: NDArray[np.uint64],
) -> pa.Table:
    """``cells``: all with a building, corner, facility or their centre in the city, and sums over the households."""
    city = lonlat_shapes(frame, areas.shape[:1])[0]
    inside = [int(c) for c in h3_int.h3shape_to_cells(h3_int.geo_to_h3shape(city.__geo_interface__), _RESOLUTION)]
    cells = np.unique(np.concatenate([np.array(inside, dtype=np.uint64), building_cell, more_cells]))
    home = np.searchsorted(cells, building_cell)[households.building]
    people = {
        "residents": households.residents,
        "vulnerable_residents": households.elderly + households.children + households.disabled_other,
        "elderly_residents": households.elderly,
        "child_residents": households.children,
        "disabled_residents": households.disabled,
    }
    centre = np.array([h3_int.cell_to_latlng(int(c)) for c in cells.tolist()])
    x, y = frame.to_xy(centre[:, 1], centre[:, 0])
    return pa.table(
        {
            "cell": cells,
            "lon": np.round(centre[:, 1], 7),
            "lat": np.round(centre[:, 0], 7),
            "area_id": pa.array([areas.ids[g] for g in _grid_at(frame, plan, areas, x, y).tolist()], pa.string()),
            **{name: np.bincount(home, weights=count, minlength=len(cells)) for name, count in people.items()},
            "jobs": np.round(
                np.bincount(np.searchsorted(cells, building_cell), weights=building_jobs, minlength=len(cells)), 0
            ),
            "ground_m": _median_ground(relief, x, y),
        }
    )


def _grid_at(frame: Frame, plan: StreetPlan, areas: Areas, x: Floats, y: Floats) -> Ints:
    """Grid that holds each point, the nearest one's for points just outside the city."""
    u, v = frame.to_frame(x, y)
    tile = plan.tile_at(u, v)
    grid = np.where(tile >= 0, areas.grid_of_tile[np.maximum(tile, 0)], -1)
    kept = np.flatnonzero(plan.tiles.kept)
    tiles = plan.tiles
    middles = np.stack([(tiles.u0 + tiles.u1)[kept] / 2.0, (tiles.v0 + tiles.v1)[kept] / 2.0], axis=1)
    near = kept[cKDTree(middles).query(np.stack([u, v], axis=1))[1]]
    return np.where(grid >= 0, grid, areas.grid_of_tile[near])


def _median_ground(relief: Relief, x: Floats, y: Floats) -> Floats:
    """Median ground of the terrain cells nearest to each cell centre (a hexagon is the Voronoi cell of its centre)."""
    ny, nx = relief.ground_m.shape
    at_x = relief.west_m + (np.arange(nx) + 0.5) * relief.cell_m
    at_y = relief.south_m + (np.arange(ny) + 0.5) * relief.cell_m
    grid_x, grid_y = np.meshgrid(at_x, at_y)
    points = np.stack([grid_x.ravel(), grid_y.ravel()], axis=1)
    found = cKDTree(np.stack([x, y], axis=1)).query(points, distance_upper_bound=_CELL_REACH_M)
    away, near = np.asarray(found[0]), np.asarray(found[1])
    ground = relief.ground_m.ravel()
    hit = np.isfinite(away)
    order = np.lexsort((ground[hit], near[hit]))
    cell, height = near[hit][order], ground[hit][order]
    first = np.searchsorted(cell, np.arange(len(x)))
    last = np.searchsorted(cell, np.arange(len(x)), side="right")
    out = np.full(len(x), np.nan)
    some = last > first
    out[some] = height[(first[some] + last[some]) // 2]
    return np.round(out, 2)
