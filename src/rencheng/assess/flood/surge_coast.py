"""The coast of a city for a storm surge: what of its terrain is sea, which dikes stand, which levels hold where."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.assess.flood.exposure_index import metric_line
from rencheng.assess.flood.extent_config import Defence
from rencheng.assess.flood.river_water import burnt
from rencheng.city import City, Terrain
from rencheng.kernel import MissingData
from rencheng.science.flood.walls import faces_along, wall_crests
from rencheng.science.storm_surge.coastal_flooding import Coast
from rencheng.science.storm_surge.shelf import ShelfSea, sea_connected

__all__ = ["city_coast"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BESIDE_CELLS = 1.5


def city_coast(
    city: City,
    terrain: Terrain,
    bed_m: NDArray[np.float32],
    sea: ShelfSea,
    *,
    sea_level_m: float,
    defences: tuple[Defence, ...],
) -> tuple[Coast, NDArray[np.int64]]:
    """Land and sea of a city, heights above mean sea level, and the flat cells of the shelf that speak for its sea.

    Sea is ground at or below mean sea level (or unknown) that joins a cell where the bathymetry lies below 0, or the
    city's own waters of kind ``sea`` where it has any. Where the bathymetry is so coarse that its sea ends before the
    terrain, it is low ground at the terrain's edge within a cell and a half of that sea.

    Raises
    ------
    MissingData
        If none of the terrain is sea.
    """
    ground = terrain.ground_m.astype(np.float64) - sea_level_m
    low = ~(ground > 0.0)
    named = [r["geometry"] for r in city.rows("waters") if r["kind"] == "sea"]
    seeds = np.nan_to_num(bed_m, nan=1.0) < 0.0
    if named:
        seeds = burnt(terrain, [metric_line(city, g) for g in shapely.from_wkb(np.array(named, object))], touched=False)
    if not (seeds & low).any():
        seeds = _edge_by_the_sea(terrain, sea)
    label = ndimage.label(low)[0]
    at_sea = low & np.isin(label, np.unique(label[seeds & low]))
    if not at_sea.any():
        raise MissingData(
            f"city {city.manifest.id!r} has no coast: none of its terrain at or below {sea_level_m:g} m joins the sea "
            "of the bathymetry",
            mend="A storm surge needs a city by the sea; is the height of mean sea level (--sea-level) right?",
        )
    shelf_cell = _nearest_shelf_cell(terrain, at_sea, sea)
    cells, series = np.unique(shelf_cell[at_sea], return_inverse=True)
    place = np.zeros(at_sea.shape, np.int64)
    place[at_sea] = series
    walls = _dikes(city, terrain, defences, sea_level_m)
    coast = Coast(ground_m=ground, sea=at_sea, cell_m=terrain.cell_m, series=place, walls=walls)
    return coast, cells.astype(np.int64)


def _edge_by_the_sea(terrain: Terrain, sea: ShelfSea) -> Mask:
    """Cells on the edge of a terrain within a cell and a half of the shelf sea."""
    far = ndimage.distance_transform_edt(~sea_connected(sea.bed_m, sea.open_sides))
    row, column = _shelf_rows_columns(terrain, sea)
    near = far[row[:, None], column[None, :]] <= BESIDE_CELLS
    near[1:-1, 1:-1] = False
    return np.asarray(near, np.bool_)


def _shelf_rows_columns(terrain: Terrain, sea: ShelfSea) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row of the shelf for every row of a terrain, and column for every column."""
    ny, nx = sea.bed_m.shape
    x, y = terrain.centres()
    column = np.clip(np.floor((x - sea.west_m) / sea.cell_m).astype(np.int64), 0, nx - 1)
    row = np.clip(np.floor((y - sea.south_m) / sea.cell_m).astype(np.int64), 0, ny - 1)
    return row, column


def _nearest_shelf_cell(terrain: Terrain, at_sea: Mask, sea: ShelfSea) -> NDArray[np.int64]:
    """Flat cell of the shelf sea nearest to each cell of a terrain."""
    nx = sea.bed_m.shape[1]
    wet = sea_connected(sea.bed_m, sea.open_sides)
    rows, columns = ndimage.distance_transform_edt(~wet, return_distances=False, return_indices=True)
    row, column = _shelf_rows_columns(terrain, sea)
    flat = rows.astype(np.int64) * nx + columns
    return np.where(at_sea, flat[row[:, None], column[None, :]], -1)


def _dikes(
    city: City, terrain: Terrain, defences: tuple[Defence, ...], sea_level_m: float
) -> tuple[Floats, Floats] | None:
    shape = (terrain.ground_m.shape[0], terrain.ground_m.shape[1])
    lines = []
    for dike in defences:
        if dike.state != "intact":
            continue
        for part in shapely.get_parts(metric_line(city, dike.line)):
            xy = shapely.get_coordinates(part)
            where = {"west_m": terrain.west_m, "south_m": terrain.south_m, "cell_m": terrain.cell_m}
            lines.append((faces_along(xy[:, 0], xy[:, 1], shape, **where, name=dike.name), dike.crest_m - sea_level_m))
    return wall_crests(lines, shape) if lines else None
