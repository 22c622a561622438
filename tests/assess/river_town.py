"""A small town on a lake, for extents: a plain that rises inland, a hollow behind a ridge, a gauge on the quay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from shapely import Polygon, to_wkb

from rencheng.city import City, Manifest, Terrain, table_from_rows, write_city
from rencheng.kernel import cells_of

__all__ = ["CRS", "SIDE", "lake_town"]

CRS = "EPSG:32650"
WEST, SOUTH = 500_000.0, 3_300_000.0
SIDE = 60
CELL_M = 30.0
LAKE_COLUMNS = 12
LAKE_M = 10.0
DATUM_M = 8.0


def ground() -> NDArray[np.float64]:
    """Lake at 10 m in the west, land from 10.5 m rising 0.2 m a cell; a hollow at 10.6 m behind a ridge of 15 m."""
    x = np.arange(SIDE, dtype=np.float64)
    surface = np.tile(np.where(x < LAKE_COLUMNS, LAKE_M, 10.5 + 0.2 * (x - LAKE_COLUMNS)), (SIDE, 1))
    surface[40:56, 18:34] = 15.0
    surface[43:53, 21:31] = 10.6
    return surface


def lake_town(
    folder: Path,
    *,
    datum_m: float | None = DATUM_M,
    terrain: bool = True,
    waters: bool = True,
    levee_column: int = 0,
    surface: bool = False,
) -> City:
    """Write the package; stage 2 m is the lake at rest where ``datum_m`` is 8 m, terrain bare unless said."""
    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)

    def lonlat(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(back.transform(WEST + x * CELL_M, SOUTH + y * CELL_M))

    side = np.arange(SIDE) + 0.5
    x, y = (a.ravel() for a in np.meshgrid(side, side))
    points = lonlat(x, y)
    cell = cells_of(points[:, 0], points[:, 1], 10)
    keys, first = np.unique(cell, return_index=True)
    cells = [
        {"cell": int(c), "lon": points[k, 0], "lat": points[k, 1], "area_id": "east" if x[k] > 40 else "west"}
        | {"residents": 100.0 if x[k] > LAKE_COLUMNS else 0.0}
        for c, k in zip(keys, first, strict=True)
    ]
    lake = Polygon(lonlat(np.array([0.0, LAKE_COLUMNS, LAKE_COLUMNS, 0.0]), np.array([0.0, 0.0, SIDE, SIDE])))
    quay = lonlat(np.array([LAKE_COLUMNS + 0.5]), np.array([20.0]))[0]
    school = lonlat(np.array([20.0]), np.array([10.0]))[0]
    roads, nodes = _street(lonlat)
    rows: dict[str, list[dict[str, Any]]] = {
        "areas": [
            {"area_id": "town", "kind": "city", "parent_id": None, "name": "town"},
            {"area_id": "west", "kind": "district", "parent_id": "town", "name": "west"},
            {"area_id": "east", "kind": "district", "parent_id": "town", "name": "east"},
        ],
        "cells": cells,
        "facilities": [_place("s1", "school", school, 200.0)],
        "road_nodes": nodes,
        "road_links": roads,
        "sensors": [{"sensor_id": "quay", "name": "Quay", "kind": "river_gauge", "lon": quay[0], "lat": quay[1]}],
        "channels": [{"sensor_id": "quay", "quantity": "stage_m", "datum_m": datum_m}],
        "thresholds": [
            {"sensor_id": "quay", "quantity": "stage_m", "colour": "orange", "value": 3.0, "source": "made up"}
        ],
    }
    if waters:
        rows["waters"] = [{"water_id": "lake", "kind": "lake", "name": "Lake", "geometry": to_wkb(lake)}]
    kind = "surface" if surface else "ground"
    extras: dict[str, Path | bytes] = {"flood/extent.toml": f'[terrain]\nkind = "{kind}"\n'.encode()}
    if levee_column:
        line = lonlat(np.array([levee_column + 0.5] * 2), np.array([-1.0, SIDE + 1.0])).tolist()
        feature = {
            "type": "Feature",
            "properties": {"name": "dike", "crest_m": 5.0, "state": "intact", "source": "made up"},
            "geometry": {"type": "LineString", "coordinates": line},
        }
        text = json.dumps({"type": "FeatureCollection", "features": [feature]})
        extras["flood/defences.geojson"] = text.encode()
    manifest = Manifest(
        id="lake-town",
        name="湖镇",
        name_en="Lake Town",
        metric_crs=CRS,
        timezone="UTC",
        jurisdiction="CN",
        h3_resolution=10,
    )
    raster = Terrain(ground_m=ground().astype(np.float32), west_m=WEST, south_m=SOUTH, cell_m=CELL_M, crs=CRS)
    tables = {name: table_from_rows(name, r) for name, r in rows.items()}
    return write_city(folder, manifest, tables, raster if terrain else None, extras=extras)


def _place(key: str, kind: str, at: NDArray[np.float64], capacity: float) -> dict[str, Any]:
    cell = int(cells_of(at[:1], at[1:], 10)[0])
    return {"facility_id": key, "kind": kind, "lon": at[0], "lat": at[1], "cell": cell, "capacity": capacity}


def _street(lonlat: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A two-way street inland along row 20, and one along column 50 that hangs on it."""
    at = [(x, 20.0) for x in (14.0, 26.0, 38.0, 50.0)] + [(50.0, y) for y in (30.0, 40.0, 50.0)]
    nodes = [
        {"node_id": k, "lon": float(p[0]), "lat": float(p[1])}
        for k, p in enumerate(lonlat(*np.array(at, np.float64).T).tolist())
    ]
    links = [
        {
            "link_id": 10 * k + way,
            "from_node": k + way,
            "to_node": k + 1 - way,
            "length_m": float(np.hypot(*np.subtract(at[k], at[k + 1])) * CELL_M),
            "road_class": "primary",
            "speed_m_s": 10.0,
        }
        for k in range(len(at) - 1)
        for way in (0, 1)
    ]
    return links, nodes
