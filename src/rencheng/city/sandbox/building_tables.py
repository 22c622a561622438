"""Buildings and households as tables of the package."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.city.sandbox.buildings import USES, Buildings
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.people import Households
from rencheng.kernel import cells_of

__all__ = ["building_table", "household_table"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
            "building_id": _building_ids(np.arange(n)),
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


def _building_ids(index: Ints) -> pa.Array:
    """Ids of buildings, ``b-1`` the first."""
    return pa.array([f"b-{i}" for i in (index + 1).tolist()], pa.string())


def household_table(households: Households) -> pa.Table:
    """``households``, sorted by building."""
    n = len(households.building)
    return pa.table(
        {
            "household_id": pa.array([f"h-{i}" for i in range(1, n + 1)], pa.string()),
            "building_id": _building_ids(households.building),
            "residents": households.residents.astype(np.int32),
            "elderly_residents": households.elderly.astype(np.int32),
            "child_residents": households.children.astype(np.int32),
            "disabled_residents": households.disabled.astype(np.int32),
        }
    )
