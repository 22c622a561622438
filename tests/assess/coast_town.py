"""A small town on a coast that faces east, its shelf as a bathymetry file, and a typhoon that comes for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine

from rencheng.city import City, Manifest, Terrain, table_from_rows, write_city
from rencheng.kernel import cells_of

__all__ = ["CRS", "START", "coast_town", "shelf_file", "track_file"]

CRS = "EPSG:32650"
WEST, SOUTH = 500_000.0, 2_500_000.0
ROWS, COLUMNS, CELL_M = 10, 40, 200.0
SHORE_COLUMN = 34
COAST_X = WEST + SHORE_COLUMN * CELL_M
MIDDLE_Y = SOUTH + 0.5 * ROWS * CELL_M
START = datetime(2024, 9, 1, tzinfo=UTC)


def _lonlat(x: Any, y: Any) -> NDArray[np.float64]:
    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    return np.column_stack(back.transform(x, y))


def coast_town(folder: Path, *, terrain: bool = True, inland: bool = False, dike: bool = False) -> City:
    """Write the package: land that rises by 0.1 m a cell westwards from 0.6 m, the sea in the east."""
    column = np.tile(np.arange(COLUMNS, dtype=np.float64), (ROWS, 1))
    ground = np.where(column < SHORE_COLUMN, 0.6 + 0.1 * (SHORE_COLUMN - 1 - column), -1.0) + (20.0 if inland else 0.0)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(COLUMNS) + 0.5, np.arange(ROWS) + 0.5))
    points = _lonlat(WEST + x * CELL_M, SOUTH + y * CELL_M)
    keys, first = np.unique(cells_of(points[:, 0], points[:, 1], 10), return_index=True)
    cells = [
        {"cell": int(c), "lon": points[k, 0], "lat": points[k, 1], "area_id": "town"}
        | {"residents": 50.0 if x[k] < SHORE_COLUMN else 0.0}
        for c, k in zip(keys, first, strict=True)
    ]
    school = _lonlat([COAST_X - 250.0], [MIDDLE_Y])[0]
    rows: dict[str, list[dict[str, Any]]] = {
        "areas": [{"area_id": "town", "kind": "city", "parent_id": None, "name": "town"}],
        "cells": cells,
        "facilities": [
            {"facility_id": "s1", "kind": "school", "name": "s1", "lon": school[0], "lat": school[1], "capacity": 200.0}
            | {"cell": int(cells_of(school[:1], school[1:], 10)[0])}
        ],
    }
    extras: dict[str, Path | bytes] = {}
    if dike:
        at = COAST_X - 3 * CELL_M
        feature = {
            "type": "Feature",
            "properties": {"name": "sea dike", "crest_m": 12.0, "state": "intact", "source": "made up"},
            "geometry": {
                "type": "LineString",
                "coordinates": _lonlat([at, at], [SOUTH, SOUTH + ROWS * CELL_M]).tolist(),
            },
        }
        extras["flood/defences.geojson"] = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()
    manifest = Manifest(
        id="haibin",
        name="海滨",
        name_en="Haibin",
        metric_crs=CRS,
        timezone="Asia/Shanghai",
        jurisdiction="CN",
        h3_resolution=10,
    )
    raster = Terrain(ground_m=ground.astype(np.float32), west_m=WEST, south_m=SOUTH, cell_m=CELL_M, crs=CRS)
    tables = {name: table_from_rows(name, some) for name, some in rows.items()}
    return write_city(folder, manifest, tables, raster if terrain else None, extras=extras)


def shelf_file(path: Path, *, dry: bool = False) -> Path:
    """Write a shelf of 300 km by 200 km that falls by 1 in 2000 eastwards, cells of 10 km, land in the west."""
    cell, ny, nx = 10_000.0, 30, 22
    west, south = COAST_X - 4 * cell, MIDDLE_Y - 0.5 * ny * cell
    x = west + (np.arange(nx) + 0.5) * cell - COAST_X
    bed = np.tile(np.where(x > 0.0, -x / 2000.0, 1.0 - x / 1000.0), (ny, 1)) + (100.0 if dry else 0.0)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype="float32",
        count=1,
        height=ny,
        width=nx,
        crs=CRS,
        transform=Affine(cell, 0.0, west, 0.0, -cell, south + ny * cell),
    ) as target:
        target.write(bed.astype(np.float32), 1)
    return path


def track_file(path: Path, *, south_of_km: float = 40.0, wind_m_s: float = 45.0, rows: int = 9) -> Path:
    """Write a typhoon that moves westwards at 6 m/s and comes ashore after 36 h, some km south of the town."""
    hours = np.arange(rows) * 6.0
    x = COAST_X + (36.0 - hours) * 3600.0 * 6.0
    lonlat = _lonlat(x, np.full(rows, MIDDLE_Y - 1000.0 * south_of_km))
    lines = ["time,lat,lon,pressure_hpa,wind_m_s,r_max_km"]
    for hour, (lon, lat) in zip(hours.tolist(), lonlat.tolist(), strict=True):
        when = (START + timedelta(hours=hour)).isoformat()
        lines.append(f"{when},{lat:.4f},{lon:.4f},945,{wind_m_s:g},40")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
