"""Where: longitude and latitude in EPSG:4326, and the H3 cell that is the spatial key of every store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h3.api.numpy_int as h3_int
import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["LonLat", "cell_boundary", "cell_of", "cell_text", "cells_of", "distance_m", "neighbours"]

EARTH_RADIUS_M = 6_371_008.8
"""Mean Earth radius (IUGG 1980)."""


@dataclass(frozen=True, slots=True)
class LonLat:
    """A point in degrees, EPSG:4326."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (-180.0 <= self.lon <= 180.0 and -90.0 <= self.lat <= 90.0):
            raise InvalidInput(
                f"lon {self.lon}, lat {self.lat} is not on Earth", mend="Longitude first, both in degrees"
            )


def cell_of(lon: float, lat: float, resolution: int = 9) -> int:
    """H3 cell (as an integer) that holds a point."""
    return int(h3_int.latlng_to_cell(lat, lon, resolution))


def cells_of(lon: NDArray[np.float64], lat: NDArray[np.float64], resolution: int = 9) -> NDArray[np.uint64]:
    """H3 cells of many points; ``lon`` and ``lat`` shape (n,), degrees."""
    return np.fromiter(
        (h3_int.latlng_to_cell(y, x, resolution) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)),
        dtype=np.uint64,
        count=len(lon),
    )


def cell_text(cell: int) -> str:
    """H3 index in its usual hexadecimal form."""
    return f"{int(cell):x}"


def cell_boundary(cell: int) -> list[tuple[float, float]]:
    """Corner points (lon, lat) of a cell, closed ring."""
    ring = [(lon, lat) for lat, lon in h3_int.cell_to_boundary(int(cell))]
    return [*ring, ring[0]]


def neighbours(cell: int, rings: int = 1) -> list[int]:
    """Cells within so many rings of a cell, itself included, sorted."""
    return sorted(int(c) for c in h3_int.grid_disk(int(cell), rings))


def distance_m(lon1: Any, lat1: Any, lon2: Any, lat2: Any) -> Any:
    """Great-circle distance in metres (haversine); scalars or arrays of degrees that broadcast."""
    p1, p2 = np.radians(lat1), np.radians(lat2)
    d = np.sin((p2 - p1) / 2) ** 2 + np.cos(p1) * np.cos(p2) * np.sin(np.radians(np.subtract(lon2, lon1)) / 2) ** 2
    return 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(d, 0.0, 1.0)))
