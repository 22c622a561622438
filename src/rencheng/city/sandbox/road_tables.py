"""The road graph as tables of the package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.roads import SPEED_M_S, Roads
from rencheng.city.sandbox.streetplan import ROAD_CLASSES
from rencheng.city.terrain import Terrain
from rencheng.kernel import cells_of

__all__ = ["lowest_along", "road_tables"]

Floats = NDArray[np.float64]


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


def lowest_along(terrain: Terrain, roads: Roads) -> Floats:
    """Lowest ground at 17 points along each piece; the deck of a bridge lies at its ends."""
    share = np.linspace(0.0, 4.0, 17)
    left = np.minimum(share.astype(np.int64), 3)
    part = share - left
    x = roads.path_x_m[:, left] * (1.0 - part) + roads.path_x_m[:, left + 1] * part
    y = roads.path_y_m[:, left] * (1.0 - part) + roads.path_y_m[:, left + 1] * part
    ground = terrain.sample(x, y)
    return np.asarray(np.where(roads.bridge, np.minimum(ground[:, 0], ground[:, -1]), ground.min(axis=1)))
