"""A city as ground that water can run over: bed, roughness, waters, drains and what stands where, on one raster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import ObjectIndex, exposure_index
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.ground import flood_grid, ground_on, mended_terrain
from rencheng.assess.flood.land_cover import LandCover, land_cover, manning_of
from rencheng.assess.flood.outfalls import Outfalls, no_outfalls, outfalls_of
from rencheng.assess.flood.stations import Stations, stations_of
from rencheng.assess.flood.street_drainage import designed_capacity, designed_pump_m3_s, inlet_capacity
from rencheng.assess.flood.totals import LinkLengths, link_lengths
from rencheng.assess.flood.underpasses import Tanks, no_tanks, tanks_of
from rencheng.city import City
from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula

__all__ = ["BLOCK_M", "KERB_M", "WATER_SINK_MM_H", "FloodDomain", "flood_domain"]

BLOCK_M = 3.0
"""Buildings stand so high out of the ground: water goes round them, and their roofs' rain comes down beside them."""
KERB_M = 0.15
"""Streets lie so far below the ground beside them (kerbs of 10 … 20 cm: CJJ 37-2012, § 5.3)."""
WATER_SINK_MM_H = 1e5
"""Rivers and lakes take whatever reaches them."""

_STREAM_CUT_M = 1.0
_GULLY_M = 0.15
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
        What inlets and pumps take from each cell; in the cell of an underpass, what its pumps lift out of the tank.
    tanks : Tanks
        Underpasses, kept beside the raster.
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
    outfalls : Outfalls
        Where sewers end by gravity, and the inlets behind each mouth.
    stations : Stations
        The fixed pumps of the tanks.
    """

    grid: FloodGrid
    bed_m: NDArray[np.float64]
    manning: NDArray[np.float32]
    active: NDArray[np.bool_]
    water: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    cover: LandCover
    drain_mm_h: NDArray[np.float32]
    tanks: Tanks
    objects: ObjectIndex
    links: LinkLengths
    sensor_ids: tuple[str, ...]
    sensor_places: NDArray[np.int64]
    repairs: tuple[str, ...]
    drained_by: str
    outfalls: Outfalls = field(default_factory=no_outfalls)
    stations: Stations = field(default_factory=Stations)

    @property
    def pervious_ratio(self) -> NDArray[np.float32]:
        """Share of each cell that is neither roof nor road nor water, and lets rain into the ground."""
        sealed = self.cover.building + self.cover.road
        return np.where(self.water, np.float32(0.0), np.clip(1.0 - sealed, 0.0, 1.0)).astype(np.float32)


def flood_domain(
    city: City,
    *,
    cell_m: float = 20.0,
    drainage: bool = True,
    tanks: bool = True,
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
    tanks : bool
        Whether underpasses are kept beside the raster; else they are as deep in it as its cells can show.
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
    terrain, repairs = mended_terrain(city)
    below, street_level = tanks_of(city, grid, terrain) if tanks else (no_tanks(), terrain)
    ground = ground_on(street_level, grid)
    cover = land_cover(city, grid)
    active = np.isfinite(ground)
    water = (cover.water >= _BLOCKED_SHARE) & active
    below = below.without(water | ~active)
    blocked = (cover.building >= _BLOCKED_SHARE) & ~water & active
    blocked.reshape(-1)[below.places] = False
    bed = _bed(ground, cover, water, blocked, narrow=grid.cell_m > terrain.cell_m)
    bed.reshape(-1)[below.places] -= _GULLY_M
    bed = np.where(active, bed, 0.0)
    if water_level_m is not None:
        bed = _standing(bed, water, active, water_level_m)
    objects = exposure_index(city, grid, dry=water | ~active | blocked, around_m=1.5 * cell_m)
    drain, drained_by, outfalls = np.zeros(bed.shape, np.float32), "none", no_outfalls()
    if drainage:
        drain, drained_by, outfalls = _drain(city, grid, cover, water, below, bed, formula)
    return FloodDomain(
        grid=grid,
        bed_m=bed,
        manning=manning_of(cover),
        active=active,
        water=water,
        blocked=blocked,
        cover=cover,
        drain_mm_h=np.where(active, drain, np.float32(0.0)),
        tanks=below,
        objects=objects,
        links=link_lengths(city, objects),
        repairs=repairs,
        drained_by=drained_by,
        outfalls=outfalls,
        stations=stations_of(city, below),
        **_sensors(city, grid, bed, ~water & active & ~blocked, below),
    )


def _bed(
    ground: NDArray[np.float64],
    cover: LandCover,
    water: NDArray[np.bool_],
    blocked: NDArray[np.bool_],
    *,
    narrow: bool,
) -> NDArray[np.float64]:
    """Ground with streets lowered, buildings raised, and water courses cut that the raster is too coarse for."""
    bed = ground - KERB_M * cover.road * ~blocked
    bed = np.where(blocked, bed + BLOCK_M, bed)
    lines = water & (cover.water >= 1.0) & narrow
    return np.where(lines, np.minimum(bed, ground - _STREAM_CUT_M), bed)


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
    tanks: Tanks,
    bed: NDArray[np.float64],
    formula: IntensityFormula,
) -> tuple[NDArray[np.float32], str, Outfalls]:
    """What each cell is drained by in mm/h (the cell of an underpass: its pumps), by whose word, and to where."""
    area = grid.cell_m**2 / 3.6e6
    inlets = inlet_capacity(city)
    if inlets is None:
        served = (cover.building + cover.road).astype(np.float32)
        drain = designed_capacity(city, served, formula=formula)
        drain.reshape(-1)[tanks.places] = designed_pump_m3_s(city, formula=formula) / area
        return np.where(water, np.float32(0.0), drain), "design", no_outfalls()
    tank = tanks.nearest(inlets.x_m, inlets.y_m)
    row = np.floor((inlets.y_m - grid.south_m) / grid.cell_m).astype(np.int64)
    column = np.floor((inlets.x_m - grid.west_m) / grid.cell_m).astype(np.int64)
    street = (tank < 0) & (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
    gutter = np.where(water, np.inf, bed)
    gutter.reshape(-1)[tanks.places] = np.inf
    row, column = _lowest_near(gutter, row[street], column[street])
    rate = np.zeros(bed.size)
    cell = row * grid.nx + column
    np.add.at(rate, cell, inlets.capacity_m3_s[street] / area)
    ends = tuple(inlets.outfall[i] for i in np.flatnonzero(street).tolist())
    outfalls = outfalls_of(city, ends, cell, inlets.capacity_m3_s[street], inlets.pipe_m3_s[street])
    # a tank holds the street above it too: its cell has the pumps below and nothing else
    rate[tanks.places] = np.bincount(tank[tank >= 0], inlets.capacity_m3_s[tank >= 0], minlength=len(tanks)) / area
    return np.where(water, 0.0, rate.reshape(bed.shape)).astype(np.float32), "network", outfalls


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


def _sensors(
    city: City, grid: FloodGrid, bed: NDArray[np.float64], street: NDArray[np.bool_], tanks: Tanks
) -> dict[str, Any]:
    """Street depth sensors and the cell of each: that of its underpass, or the street beside a building's cell."""
    sensors = city.rows_where("sensors", "kind", ["street_depth"])
    x, y = city.to_metric.transform([s["lon"] for s in sensors], [s["lat"] for s in sensors])
    tank = tanks.nearest(np.asarray(x, np.float64), np.asarray(y, np.float64))
    ids, places = [], []
    for sensor, x_m, y_m, below in zip(sensors, x, y, tank.tolist(), strict=True):
        row, column = int((y_m - grid.south_m) // grid.cell_m), int((x_m - grid.west_m) // grid.cell_m)
        if not (0 <= row < grid.ny and 0 <= column < grid.nx):
            continue
        place = row * grid.nx + column
        if below >= 0:
            place = int(tanks.places[below])
        elif not street[row, column]:
            rows, columns = _lowest_near(np.where(street, bed, np.inf), np.array([row]), np.array([column]))
            place = int(rows[0]) * grid.nx + int(columns[0])
        ids.append(sensor["sensor_id"])
        places.append(place)
    return {"sensor_ids": tuple(ids), "sensor_places": np.array(places, np.int64)}
