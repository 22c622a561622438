"""A city as ground that water can run over: bed, roughness, waters, drains and what stands where, on one raster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import ObjectIndex, exposure_index, metric_geometries
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.ground import Ground, flood_grid, ground_of
from rencheng.assess.flood.land_cover import LandCover, land_cover, manning_of
from rencheng.assess.flood.street_drainage import designed_capacity, inlet_capacity
from rencheng.assess.flood.totals import LinkLengths, link_lengths
from rencheng.city import City
from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula

__all__ = ["BLOCK_M", "KERB_M", "UNDERPASS_DEPTH_M", "WATER_SINK_MM_H", "FloodDomain", "flood_domain"]

BLOCK_M = 3.0
"""Buildings stand so high out of the ground: water goes round them, and their roofs' rain comes down beside them."""
KERB_M = 0.15
"""Streets lie so far below the ground beside them (kerbs of 10 … 20 cm: CJJ 37-2012, § 5.3)."""
UNDERPASS_DEPTH_M = 4.0
"""Dip of an underpass where the terrain shows none: clearance of 4.5 m (CJJ 37-2012, § 3.5) and a deck, less the bank
that the upper road or railway runs on."""
WATER_SINK_MM_H = 1e5
"""Rivers and lakes take whatever reaches them."""

_STREAM_CUT_M = 1.0
_DIP_M = 1.5
_BLOCKED_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodDomain:
    """What the engine needs of a city; arrays of shape (ny, nx), row 0 south.

    Parameters
    ----------
    grid : FloodGrid
        Where the raster lies.
    bed_m : float64 array
        Ground that water runs over, buildings raised, streets and underpasses lowered.
    manning : float32 array
        Roughness.
    active : bool array
        Cells of the model; the others lie outside the city.
    water : bool array
        Rivers, lakes and the like, which take what reaches them and count as flooding nobody.
    blocked : bool array
        Cells mostly under buildings.
    cover : LandCover
        Shares of building, road and water.
    drain_mm_h : float32 array
        What inlets and pumps take from each cell.
    objects : ObjectIndex
        Which cells speak for which building, road link, facility and H3 cell.
    links : LinkLengths
        Length of every road link of ``objects``.
    sensor_ids : tuple of str
        Street depth sensors, as the city lists them.
    sensor_places : int64 array, shape (sensors,)
        Flat raster index of each.
    repairs : tuple of str
        What of the terrain was mended.
    drained_by : str
        ``network``, ``design`` or ``none``.
    """

    grid: FloodGrid
    bed_m: NDArray[np.float64]
    manning: NDArray[np.float32]
    active: NDArray[np.bool_]
    water: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    cover: LandCover
    drain_mm_h: NDArray[np.float32]
    objects: ObjectIndex
    links: LinkLengths
    sensor_ids: tuple[str, ...]
    sensor_places: NDArray[np.int64]
    repairs: tuple[str, ...]
    drained_by: str


def flood_domain(
    city: City,
    *,
    cell_m: float = 20.0,
    drainage: bool = True,
    water_level_m: float | None = None,
    formula: IntensityFormula = SHANGHAI_2017,
) -> FloodDomain:
    """Lay a city out for the flood engine.

    Parameters
    ----------
    city : City
        Needs a terrain; roads, buildings, waters and sewers are used where the package has them.
    cell_m : float
        Edge of a cell; 5 to 30 m suit a city.
    drainage : bool
        Whether sewers take water.
    water_level_m : float, optional
        Level at which rivers and lakes stand, in the terrain's datum. Where it lies above their bed the streets cannot
        drain below it; a level over the banks is the business of a river flood, and refused.
    formula : IntensityFormula
        Storm formula by which sewers were designed that the package does not know.

    Raises
    ------
    MissingData
        If the city has no terrain.
    InvalidInput
        If the terrain is unfit (names the cell) or the water level lies over the banks.
    """
    grid = flood_grid(city, cell_m)
    ground = ground_of(city, grid)
    cover = land_cover(city, grid)
    active = np.isfinite(ground.bed_m)
    water = (cover.water >= _BLOCKED_SHARE) & active
    blocked = (cover.building >= _BLOCKED_SHARE) & ~water & active
    bed, underpass = _bed(city, grid, ground, cover, water, blocked)
    bed = np.where(active, bed, 0.0)
    if water_level_m is not None:
        bed = _standing(bed, water, active, water_level_m)
    objects = exposure_index(city, grid, dry=water | ~active | blocked, around_m=1.5 * cell_m)
    drain, drained_by = _drain(city, grid, cover, water, underpass, bed, formula) if drainage else (None, "none")
    return FloodDomain(
        grid=grid,
        bed_m=bed,
        manning=manning_of(cover),
        active=active,
        water=water,
        blocked=blocked,
        cover=cover,
        drain_mm_h=np.zeros(bed.shape, np.float32) if drain is None else np.where(active, drain, np.float32(0.0)),
        objects=objects,
        links=link_lengths(city, objects),
        repairs=ground.repairs,
        drained_by=drained_by,
        **_sensors(city, grid, bed, ~water & active & ~blocked),
    )


def _bed(
    city: City,
    grid: FloodGrid,
    ground: Ground,
    cover: LandCover,
    water: NDArray[np.bool_],
    blocked: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Ground with streets lowered, buildings raised, underpasses dug and water courses cut; and the underpasses."""
    bed = ground.bed_m - KERB_M * cover.road * ~blocked
    bed = np.where(blocked, bed + BLOCK_M, bed)
    narrow = water & (cover.water >= 1.0) & (grid.cell_m > ground.terrain.cell_m)
    bed = np.where(narrow, np.minimum(bed, ground.bed_m - _STREAM_CUT_M), bed)
    underpass = np.zeros(bed.shape, dtype=np.bool_)
    for row, column, floor in _underpasses(city, grid, ground):
        if not water[row, column]:
            bed[row, column] = min(bed[row, column] if not blocked[row, column] else np.inf, floor)
            underpass[row, column] = True
    return bed, underpass


def _underpasses(city: City, grid: FloodGrid, ground: Ground) -> list[tuple[int, int, float]]:
    """Row, column and floor height of the lowest cell of every underpass."""
    if not city.has("road_links") or "underpass" not in city.table("road_links").column_names:
        return []
    table = city.table("road_links")
    under = np.flatnonzero(table["underpass"].fill_null(False).to_numpy(zero_copy_only=False))
    if not len(under) or "geometry" not in table.column_names:
        return []
    terrain = ground.terrain
    out: dict[tuple[int, int], float] = {}
    lines = metric_geometries(city, table["geometry"].take(under).to_pylist())
    for line in lines[~shapely.is_missing(lines)]:
        xy = shapely.get_coordinates(shapely.segmentize(line, terrain.cell_m / 2.0))
        height = terrain.sample(xy[:, 0], xy[:, 1])
        if not np.isfinite(height).any():
            continue
        lowest = int(np.nanargmin(height))
        shoulder = float(np.nanmin([np.nanmax(height[: lowest + 1]), np.nanmax(height[lowest:])]))
        if shoulder - height[lowest] >= _DIP_M:
            place, floor = xy[lowest], float(height[lowest])
        else:
            place = xy[len(xy) // 2]
            floor = float(np.nanmin(height)) - UNDERPASS_DEPTH_M
        column, row = int((place[0] - grid.west_m) // grid.cell_m), int((place[1] - grid.south_m) // grid.cell_m)
        if 0 <= row < grid.ny and 0 <= column < grid.nx:
            out[row, column] = min(floor, out.get((row, column), np.inf))
    return [(row, column, floor) for (row, column), floor in sorted(out.items())]


def _standing(
    bed: NDArray[np.float64], water: NDArray[np.bool_], active: NDArray[np.bool_], level_m: float
) -> NDArray[np.float64]:
    from scipy.ndimage import binary_dilation

    bank = binary_dilation(water) & ~water & active
    low = bank & (bed < level_m)
    if int(low.sum()) > 0.25 * max(int(bank.sum()), 1):
        raise InvalidInput(
            f"the water level of {level_m:g} m stands over {int(low.sum())} of {int(bank.sum())} bank cells",
            where="water_level_m",
            mend="Use rencheng flood extent for a river over its banks; check the datum",
        )
    return np.where(water, np.maximum(bed, level_m), bed)


def _drain(
    city: City,
    grid: FloodGrid,
    cover: LandCover,
    water: NDArray[np.bool_],
    underpass: NDArray[np.bool_],
    bed: NDArray[np.float64],
    formula: IntensityFormula,
) -> tuple[NDArray[np.float32], str]:
    inlets = inlet_capacity(city)
    if inlets is None:
        served = (cover.building + cover.road).astype(np.float32)
        return designed_capacity(city, grid, served, underpass, formula=formula), "design"
    row = np.floor((inlets.y_m - grid.south_m) / grid.cell_m).astype(np.int64)
    column = np.floor((inlets.x_m - grid.west_m) / grid.cell_m).astype(np.int64)
    inside = (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
    row, column = _lowest_near(bed, row[inside], column[inside])
    rate = np.zeros(bed.size)
    np.add.at(rate, row * grid.nx + column, inlets.capacity_m3_s[inside] / grid.cell_m**2 * 3.6e6)
    return np.where(water, 0.0, rate.reshape(bed.shape)).astype(np.float32), "network"


def _lowest_near(
    bed: NDArray[np.float64], row: NDArray[np.int64], column: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lowest of the nine cells around each: inlets are set in the gutter, not on the roof beside it."""
    ny, nx = bed.shape
    around = [(i, j) for i in (0, -1, 1) for j in (0, -1, 1)]
    rows = np.stack([np.clip(row + i, 0, ny - 1) for i, _ in around])
    columns = np.stack([np.clip(column + j, 0, nx - 1) for _, j in around])
    least = np.argmin(bed[rows, columns], axis=0)
    pick = np.arange(len(row))
    return rows[least, pick], columns[least, pick]


def _sensors(city: City, grid: FloodGrid, bed: NDArray[np.float64], street: NDArray[np.bool_]) -> dict[str, object]:
    """Street depth sensors and the cell of each; one on a building's cell looks at the street beside it."""
    sensors = [s for s in city.rows("sensors") if s["kind"] == "street_depth"]
    ids, places = [], []
    for sensor in sensors:
        x, y = city.to_metric.transform(sensor["lon"], sensor["lat"])
        row, column = int((y - grid.south_m) // grid.cell_m), int((x - grid.west_m) // grid.cell_m)
        if not (0 <= row < grid.ny and 0 <= column < grid.nx):
            continue
        if not street[row, column]:
            rows, columns = _lowest_near(np.where(street, bed, np.inf), np.array([row]), np.array([column]))
            row, column = int(rows[0]), int(columns[0])
        ids.append(sensor["sensor_id"])
        places.append(row * grid.nx + column)
    return {"sensor_ids": tuple(ids), "sensor_places": np.array(places, np.int64)}
