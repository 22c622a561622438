"""Writing the parts of a sandbox city as tables of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h3.api.numpy_int as h3_int
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.package import table_from_rows
from rencheng.city.sandbox.areas import LEVELS, Areas
from rencheng.city.sandbox.buildings import USES, Buildings
from rencheng.city.sandbox.facilities import Facilities
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.lattice import ROAD_CLASSES, Lattice
from rencheng.city.sandbox.names import RIVER
from rencheng.city.sandbox.people import Households
from rencheng.city.sandbox.relief import Relief
from rencheng.city.sandbox.roads import SPEED_M_S, Roads
from rencheng.city.sandbox.waters import Waters
from rencheng.city.terrain import Terrain
from rencheng.kernel import cells_of

__all__ = ["area_rows", "building_table", "cell_table", "household_table", "placed", "road_tables", "water_table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def placed(frame: Frame, name: str, rows: Sequence[dict[str, Any]], terrain: Terrain | None = None) -> pa.Table:
    """Make a table of rows with map coordinates: longitude, latitude, cell, and ground where a terrain is given."""
    x, y = np.array([row["x_m"] for row in rows]), np.array([row["y_m"] for row in rows])
    lon, lat = frame.to_lonlat(x, y)
    cell = cells_of(lon, lat)
    ground = terrain.sample(x, y) if terrain is not None else None
    out = []
    for k, row in enumerate(rows):
        plain = {key: value for key, value in row.items() if key not in ("x_m", "y_m")}
        plain |= {"lon": float(lon[k]), "lat": float(lat[k])}
        if name not in ("units", "stocks"):
            plain["cell"] = int(cell[k])
        if ground is not None and plain.get("ground_m") is None:
            plain["ground_m"] = None if np.isnan(ground[k]) else round(float(ground[k]), 3)
        out.append(plain)
    return table_from_rows(name, out)


def area_rows(frame: Frame, areas: Areas) -> pa.Table:
    """Areas with their outlines."""
    shapes = _lonlat_shapes(frame, areas.shape)
    wkb = shapely.to_wkb(shapes, byte_order=1)
    return pa.table(
        {
            "area_id": areas.ids,
            "kind": [LEVELS[level] for level in areas.level],
            "parent_id": pa.array([areas.ids[p] if p >= 0 else None for p in areas.parent], pa.string()),
            "name": [name for name, _ in areas.name],
            "name_en": [name for _, name in areas.name],
            "geometry": pa.array(wkb, pa.binary()),
        }
    )


def _lonlat_shapes(frame: Frame, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    def bend(points: Floats) -> Floats:
        lon, lat = frame.to_lonlat(points[:, 0], points[:, 1])
        return np.stack([lon, lat], axis=1)

    # rounding to the grid of degrees may fold a hair-thin corner over; set_precision mends that
    return np.asarray(shapely.set_precision(shapely.transform(shapes, bend), 1e-7))


def road_tables(
    frame: Frame, roads: Roads, names: list[str], node_ground_m: Floats, low_ground_m: Floats
) -> dict[str, pa.Table]:
    """``road_nodes`` and ``road_links``; piece k gives the links 2k+1 (forth) and 2k+2 (back)."""
    lon, lat = frame.to_lonlat(roads.x_m, roads.y_m)
    nodes = pa.table(
        {"node_id": np.arange(1, len(lon) + 1), "lon": lon, "lat": lat, "ground_m": np.round(node_ground_m, 3)}
    )
    m = len(roads.tail)
    path_lon, path_lat = frame.to_lonlat(roads.path_x_m, roads.path_y_m)
    path_lon[:, 0], path_lat[:, 0] = lon[roads.tail], lat[roads.tail]
    path_lon[:, -1], path_lat[:, -1] = lon[roads.head], lat[roads.head]
    forth = np.stack([path_lon, path_lat], axis=2)
    lines = np.empty((m, 2), dtype=object)
    lines[:, 0] = shapely.to_wkb(shapely.linestrings(forth), byte_order=1)
    lines[:, 1] = shapely.to_wkb(shapely.linestrings(forth[:, ::-1]), byte_order=1)
    middle = path_lon.shape[1] // 2

    def twice(values: Any) -> NDArray[Any]:
        return np.repeat(np.asarray(values), 2)

    links = pa.table(
        {
            "link_id": np.arange(1, 2 * m + 1),
            "from_node": np.stack([roads.tail, roads.head], axis=1).ravel() + 1,
            "to_node": np.stack([roads.head, roads.tail], axis=1).ravel() + 1,
            "length_m": twice(np.round(roads.length_m, 2)),
            "road_class": pa.array(twice(np.array(ROAD_CLASSES, dtype=object)[roads.road_class]), pa.string()),
            "speed_m_s": twice(np.round(SPEED_M_S[roads.road_class], 3)),
            "name": pa.array(twice(np.array(names, dtype=object)), pa.string()),
            "bridge": twice(roads.bridge),
            "tunnel": twice(np.zeros(m, dtype=np.bool_)),
            "underpass": twice(roads.underpass),
            "ground_m": twice(np.round(low_ground_m, 3)),
            "cell": twice(cells_of(path_lon[:, middle], path_lat[:, middle])),
            "geometry": pa.array(lines.ravel(), pa.binary()),
        }
    )
    return {"road_nodes": nodes, "road_links": links}


def building_table(
    frame: Frame,
    buildings: Buildings,
    residents: Ints,
    occupancy: NDArray[np.object_],
    ground_m: Floats,
    floor_m: Floats,
    value_cny: Floats,
) -> tuple[pa.Table, NDArray[np.uint64]]:
    """``buildings`` and the cell of each."""
    lon, lat = frame.to_lonlat(buildings.x_m, buildings.y_m)
    n = len(buildings)
    ring = buildings.corners_m[:, [0, 1, 2, 3, 0]]
    ring_lon, ring_lat = frame.to_lonlat(ring[..., 0], ring[..., 1])
    shapes = shapely.polygons(np.stack([ring_lon, ring_lat], axis=2))
    cell = cells_of(lon, lat)
    table = pa.table(
        {
            "building_id": building_ids(np.arange(n)),
            "use": pa.array(np.array(USES, dtype=object)[buildings.use], pa.string()),
            "occupancy": pa.array(occupancy, pa.string()),
            "storeys": buildings.storeys.astype(np.int32),
            "footprint_m2": buildings.footprint_m2,
            "residents": residents.astype(np.float64),
            "ground_m": np.round(ground_m, 3),
            "floor_height_m": floor_m,
            "value_cny": value_cny,
            "lon": lon,
            "lat": lat,
            "cell": cell,
            "geometry": pa.array(shapely.to_wkb(shapes, byte_order=1), pa.binary()),
        }
    )
    return table, cell


def building_ids(index: Ints) -> pa.Array:
    """Ids of buildings, ``b-1`` the first."""
    return pa.array([f"b-{i}" for i in (index + 1).tolist()], pa.string())


def household_table(households: Households) -> pa.Table:
    """``households``, sorted by building."""
    n = len(households.building)
    return pa.table(
        {
            "household_id": pa.array([f"h-{i}" for i in range(1, n + 1)], pa.string()),
            "building_id": building_ids(households.building),
            "residents": households.residents.astype(np.int32),
            "elderly_residents": households.elderly.astype(np.int32),
            "child_residents": households.children.astype(np.int32),
            "disabled_residents": households.disabled.astype(np.int32),
        }
    )


def cell_table(
    frame: Frame,
    plan: Lattice,
    areas: Areas,
    relief: Relief,
    households: Households,
    building_cell: NDArray[np.uint64],
    building_jobs: Floats,
    more_cells: NDArray[np.uint64],
) -> pa.Table:
    """``cells``: all that hold a building, a street corner or their centre in the city, with sums over the households."""
    city = _lonlat_shapes(frame, areas.shape[:1])[0]
    inside = [int(c) for c in h3_int.h3shape_to_cells(h3_int.geo_to_h3shape(city.__geo_interface__), 9)]
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


def _grid_at(frame: Frame, plan: Lattice, areas: Areas, x: Floats, y: Floats) -> Ints:
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
    away, near = cKDTree(np.stack([x, y], axis=1)).query(
        np.stack([grid_x.ravel(), grid_y.ravel()], axis=1), distance_upper_bound=230.0
    )
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


def water_table(frame: Frame, waters: Waters, reach_m: tuple[float, float]) -> pa.Table:
    """``waters``: the river's area and middle line (also far upstream), streams, the lake with its canal."""
    half = frame.river_width_m / 2.0
    along = np.linspace(-1.02 * reach_m[0], 1.02 * reach_m[0], 240)
    x0, y0 = frame.to_map(along, np.full(240, -half))
    x1, y1 = frame.to_map(along, np.full(240, half))
    ring = np.stack([np.concatenate([x0, x1[::-1]]), np.concatenate([y0, y1[::-1]])], axis=1)
    far = np.linspace(-max(9.5 * frame.radius_m, 25_000.0), 1.02 * reach_m[0], 900)
    shapes: list[Any] = [shapely.Polygon(ring), shapely.LineString(np.stack(frame.to_map(far, 0.0 * far), axis=1))]
    kinds, names = ["river", "river"], [RIVER[0], RIVER[0]]
    for k, stream in enumerate(waters.streams, start=1):
        v = stream.side * np.linspace(half, 1.02 * reach_m[1], 200)
        line = shapely.LineString(np.stack(frame.to_map(stream.at(v), v), axis=1))
        shapes += [line.buffer(stream.half_m, cap_style="flat"), line]
        kinds += ["stream", "stream"]
        names += [f"{RIVER[0]}第{k}支流"] * 2
    lake = waters.lake
    turn = np.linspace(0.0, 2.0 * np.pi, 73)[:-1]
    oval = frame.to_map(lake.u_m + lake.half_u_m * np.cos(turn), lake.v_m + lake.half_v_m * np.sin(turn))
    shapes.append(shapely.Polygon(np.stack(oval, axis=1)))
    kinds.append("lake")
    names.append("镜湖")
    u = np.linspace(waters.lake_stream.u_m, lake.u_m - lake.half_u_m, 6)
    shapes.append(shapely.LineString(np.stack(frame.to_map(u, np.full(6, lake.v_m)), axis=1)))
    kinds.append("canal")
    names.append("镜湖渠")
    wkb = shapely.to_wkb(_lonlat_shapes(frame, np.array(shapes, dtype=object)), byte_order=1)
    return pa.table(
        {
            "water_id": [f"water-{k}" for k in range(1, len(kinds) + 1)],
            "kind": kinds,
            "name": names,
            "geometry": pa.array(wkb, pa.binary()),
        }
    )


def facility_rows(facilities: Facilities) -> list[dict[str, Any]]:
    """Facilities as rows with map coordinates."""
    return [
        {
            "facility_id": facilities.ids[i],
            "kind": facilities.kind[i],
            "name": facilities.name[i],
            "capacity": facilities.capacity[i],
            "x_m": facilities.x_m[i],
            "y_m": facilities.y_m[i],
        }
        for i in range(len(facilities.ids))
    ]
