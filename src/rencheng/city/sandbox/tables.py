"""Rows and shapes on the map as tables of the package, in longitude and latitude."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.city.package import table_from_rows
from rencheng.city.sandbox.areas import LEVELS, Areas
from rencheng.city.sandbox.facilities import Facilities
from rencheng.city.sandbox.frame import Frame
from rencheng.city.terrain import Terrain
from rencheng.kernel import cells_of

__all__ = ["area_table", "facility_rows", "lonlat_shapes", "placed"]

Floats = NDArray[np.float64]


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
        height = "altitude_m" if name == "sensors" else "ground_m"
        if ground is not None and plain.get(height) is None:
            plain[height] = None if np.isnan(ground[k]) else round(float(ground[k]), 3)
        out.append(plain)
    return table_from_rows(name, out)


def area_table(frame: Frame, areas: Areas) -> pa.Table:
    """Areas with their outlines."""
    shapes = lonlat_shapes(frame, areas.shape)
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


def lonlat_shapes(frame: Frame, shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Shapes on the map in longitude and latitude, on a grid of 1e-7 degree (1 cm)."""

    def bend(points: Floats) -> Floats:
        lon, lat = frame.to_lonlat(points[:, 0], points[:, 1])
        return np.stack([lon, lat], axis=1)

    # rounding to the grid of degrees may fold a hair-thin corner over; set_precision mends that
    return np.asarray(shapely.set_precision(shapely.transform(shapes, bend), 1e-7))


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
