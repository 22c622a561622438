"""What stands on the ground of a flood raster: shares of building, road and water, and the roughness they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import metric_geometries
from rencheng.assess.flood.frames import FloodGrid
from rencheng.city import City

__all__ = ["MANNING", "ROAD_WIDTH_M", "LandCover", "land_cover", "manning_of"]

F32 = NDArray[np.float32]

MANNING = {"road": 0.02, "building": 0.02, "water": 0.03, "open": 0.05}
"""Manning's n, s/m^(1/3): paved roads and roofs, water courses in earth, and the rest of a city (yards, lawns):
Chow 1959, table 5-6; Australian Rainfall and Runoff, Project 15 (2012), table 10-1."""

ROAD_WIDTH_M = {
    "motorway": 24.0,
    "trunk": 22.0,
    "primary": 20.0,
    "secondary": 16.0,
    "tertiary": 12.0,
    "unclassified": 8.0,
    "residential": 7.0,
    "living_street": 6.0,
    "service": 5.0,
    "track": 4.0,
}
"""Carriageway and kerb strips by OSM class, after the lane counts and widths of CJJ 37-2012, § 5.3."""

_USUAL_WIDTH_M = 7.0
_MOST_SUBCELLS = 40_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LandCover:
    """Shares of each cell, 0 … 1; float32 arrays of shape (ny, nx)."""

    building: F32
    road: F32
    water: F32


def land_cover(city: City, grid: FloodGrid) -> LandCover:
    """Read shares from footprints, road lines and waters.

    Footprints are drawn on subcells; a building of which only a point is known is taken as a square of its
    footprint area. Roads are drawn at the usual width of their class, tunnels and bridges left out. A water course
    that is only a line counts as water in the cells it passes.
    """
    fine = max(1, min(8, int((_MOST_SUBCELLS / (grid.ny * grid.nx)) ** 0.5), round(grid.cell_m / 2.0)))
    water = np.maximum(_share(grid, _water_polygons(city), fine), _passed(grid, _water_lines(city)))
    road = _share(grid, _road_strips(city), fine)
    building = _share(grid, _footprints(city), fine)
    return LandCover(building=building, road=np.minimum(road, 1.0 - building), water=water)


def manning_of(cover: LandCover) -> F32:
    """Roughness of each cell as the mean of what covers it, weighted by share."""
    water = cover.water >= 0.5
    open_ground = np.clip(1.0 - cover.road - cover.building, 0.0, 1.0)
    land = MANNING["road"] * cover.road + MANNING["building"] * cover.building + MANNING["open"] * open_ground
    return np.where(water, MANNING["water"], land).astype(np.float32)


def _share(grid: FloodGrid, shapes: Any, fine: int) -> F32:
    """Share of each cell that shapes cover, on ``fine``² subcells."""
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    shapes = [s for s in shapes if s is not None and not shapely.is_empty(s)]
    ny, nx = grid.ny * fine, grid.nx * fine
    drawn = np.zeros((ny, nx), np.uint8)
    if shapes:
        size = grid.cell_m / fine
        rasterize(
            [(s, 1) for s in shapes], out=drawn, transform=Affine(size, 0.0, grid.west_m, 0.0, size, grid.south_m)
        )
    blocks = drawn.reshape(grid.ny, fine, grid.nx, fine).sum(axis=(1, 3), dtype=np.uint16)
    return np.asarray(blocks / np.float32(fine * fine), np.float32)


def _passed(grid: FloodGrid, lines: Any) -> F32:
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    out = np.zeros((grid.ny, grid.nx), np.float32)
    if len(lines):
        affine = Affine(grid.cell_m, 0.0, grid.west_m, 0.0, grid.cell_m, grid.south_m)
        rasterize([(s, 1.0) for s in lines], out=out, transform=affine, all_touched=True)
    return out


def _water_shapes(city: City) -> tuple[Any, list[str]]:
    if not city.has("waters"):
        return np.zeros(0, dtype=object), []
    table = city.table("waters")
    return metric_geometries(city, table["geometry"].to_pylist()), table["kind"].to_pylist()


def _water_polygons(city: City) -> list[Any]:
    shapes, _ = _water_shapes(city)
    return [s for s in shapes if shapely.get_dimensions(s) == 2]


def _water_lines(city: City) -> list[Any]:
    """Lines of water courses that no water polygon already covers; covered drains run underground."""
    shapes, kinds = _water_shapes(city)
    polygons = [s for s in shapes if shapely.get_dimensions(s) == 2]
    lines = [s for s, k in zip(shapes, kinds, strict=True) if shapely.get_dimensions(s) == 1 and k != "drain"]
    if not polygons:
        return lines
    wide = shapely.union_all(polygons)
    left = [shapely.difference(line, wide) for line in lines]
    return [line for line in left if not shapely.is_empty(line)]


def _road_strips(city: City) -> Any:
    if not city.has("road_links") or "geometry" not in city.table("road_links").column_names:
        return []
    table = city.table("road_links")
    ground = np.ones(len(table), dtype=np.bool_)
    for flag in ("bridge", "tunnel"):
        if flag in table.column_names:
            ground &= ~np.asarray(table[flag].fill_null(False).to_numpy(zero_copy_only=False), np.bool_)
    lines = metric_geometries(city, table["geometry"].to_pylist())
    width = np.array(
        [ROAD_WIDTH_M.get(c.removesuffix("_link"), _USUAL_WIDTH_M) for c in table["road_class"].to_pylist()]
    )
    keep = ground & ~shapely.is_missing(lines)
    # both directions of a street lie on one line: drawn twice they still cover it once
    return shapely.buffer(lines[keep], width[keep] / 2.0, cap_style="flat")


def _footprints(city: City) -> list[Any]:
    if not city.has("buildings"):
        return []
    table = city.table("buildings")
    wkb = table["geometry"].to_pylist() if "geometry" in table.column_names else [None] * len(table)
    shapes = metric_geometries(city, wkb)
    pointed = np.flatnonzero(shapely.is_missing(shapes))
    if len(pointed):
        area = np.nan_to_num(np.asarray(city.column("buildings", "footprint_m2", default=0.0), np.float64))[pointed]
        lon, lat = (city.column("buildings", k)[pointed] for k in ("lon", "lat"))
        x, y = (np.asarray(v, np.float64) for v in city.to_metric.transform(lon, lat))
        half = np.sqrt(np.maximum(area, 0.0)) / 2.0
        shapes[pointed] = shapely.box(x - half, y - half, x + half, y + half)
    return list(shapes)
