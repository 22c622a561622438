"""What stands in the water's way or takes it, by a flood run's configuration: losses, drains, walls, pumps, sewers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.adapters.geojson.features import read_geojson
from rencheng.app.flood_sewers import Sewers, open_sewers
from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.drains import drain_sinks, tank_exchange
from rencheng.assess.flood.run_config import PumpConfig, RunConfig
from rencheng.assess.flood.underpasses import TankExchange
from rencheng.city import City
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidInput, NotFound
from rencheng.science.flood import Exchange, RainSeries
from rencheng.science.flood.ground_losses import (
    ConstantLossSoil,
    CurveNumberSoil,
    GreenAmptSoil,
    GroundLoss,
    Losses,
)
from rencheng.science.flood.pump_stations import OUTSIDE, PumpStation, PumpStations
from rencheng.science.flood.pumps import PumpCurve
from rencheng.science.flood.walls import faces_along, wall_crests

__all__ = ["Works", "works_of"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """Arguments of the engine, a few words on them for the summary, and what has to be let go at the end."""

    losses: Losses
    tanks: TankExchange
    exchanges: tuple[Exchange, ...] = ()
    walls: tuple[F64, F64] | None = None
    sewer: Sewers | None = None
    told: tuple[str, ...] = ()


@contextmanager
def works_of(
    config: RunConfig, city: City, domain: FloodDomain, rain: RainSeries, folder: Path, *, duration_s: float
) -> Iterator[Works]:
    """Put together what a configuration names; paths count from ``folder``; SWMM's process ends with the block.

    Raises
    ------
    NotFound
        If a file is not there.
    InvalidInput
        If a wall has no crest, or a pump stands outside the model; names it.
    """
    told: list[str] = []
    tanks = tank_exchange(domain)
    exchanges: list[Exchange] = [tanks]
    if config.pumps:
        exchanges.append(_pumps(config.pumps, city, domain))
        told.append(f"{len(config.pumps)} pumps")
    walls = None
    if config.walls:
        walls, count = _walls(folder / config.walls, city, domain)
        told.append(f"{count} walls")
    parts: list[GroundLoss] = [*_soil(config, domain, rain), drain_sinks(domain)]
    with ExitStack() as stack:
        sewer = None
        if config.drainage == "swmm":
            path = folder / config.swmm_file if config.swmm_file else None
            sewer = _sewer(path, city, domain, duration_s, stack, told)
            exchanges.append(sewer.coupling)
        yield Works(
            losses=Losses(parts),
            tanks=tanks,
            exchanges=tuple(exchanges),
            walls=walls,
            sewer=sewer,
            told=tuple(told),
        )


def _sewer(
    path: Path | None, city: City, domain: FloodDomain, duration_s: float, stack: ExitStack, told: list[str]
) -> Sewers:
    """Start SWMM on a file of one's own, or on the package's sewers, and set its nodes into the streets."""
    sewers = stack.enter_context(open_sewers(city, domain, duration_s=duration_s, swmm_file=path))
    told.append(f"SWMM: {len(sewers.places.nodes)} nodes meet the street")
    if outside := sewers.places.outside:
        told.append(f"{len(outside)} SWMM nodes lie outside the model, first {outside[0]}")
    return sewers


def _soil(config: RunConfig, domain: FloodDomain, rain: RainSeries) -> list[GroundLoss]:
    shape = domain.bed_m.shape
    grid_shape = (int(shape[0]), int(shape[1]))
    soil = config.infiltration
    open_ratio = domain.pervious_ratio
    match soil.kind:
        case "constant":
            initial, rate = soil.initial_mm * open_ratio, soil.rate_mm_h * open_ratio
            return [ConstantLossSoil(grid_shape, rate_mm_h=rate, initial_mm=initial)]
        case "green_ampt":
            return [
                GreenAmptSoil(
                    grid_shape,
                    conductivity_mm_h=soil.conductivity_mm_h,
                    suction_mm=soil.suction_mm,
                    deficit_ratio=soil.deficit_ratio,
                    pervious_ratio=open_ratio,
                )
            ]
        case "curve_number":
            # sealed ground is 98 in NEH 630, table 9-5; cells are the mean of what covers them
            number = open_ratio * soil.curve_number + (1.0 - open_ratio) * 98.0
            return [CurveNumberSoil(grid_shape, curve_number=number, rain_mm_h=rain)]
        case _:
            return []


def _cell_at(lon: float, lat: float, city: City, domain: FloodDomain, what: str) -> int:
    grid = domain.grid
    x, y = city.to_metric.transform(lon, lat)
    row, column = int(np.floor((y - grid.south_m) / grid.cell_m)), int(np.floor((x - grid.west_m) / grid.cell_m))
    if not (0 <= row < grid.ny and 0 <= column < grid.nx) or not domain.active[row, column]:
        raise InvalidInput(
            f"{what} at {lon:g}, {lat:g} lies outside the model", where="[[pumps]]", mend="Give lon and lat in the city"
        )
    return row * grid.nx + column


def _pumps(pumps: tuple[PumpConfig, ...], city: City, domain: FloodDomain) -> PumpStations:
    stations = []
    for number, pump in enumerate(pumps, start=1):
        name = f"pump {number}"
        target = OUTSIDE
        if pump.to_lon is not None and pump.to_lat is not None:
            target = _cell_at(pump.to_lon, pump.to_lat, city, domain, f"the outlet of {name}")
        stations.append(
            PumpStation(
                name=name,
                from_cell=_cell_at(pump.lon, pump.lat, city, domain, name),
                to_cell=target,
                start_m=pump.on_depth_m,
                stop_m=pump.off_depth_m,
                curve=PumpCurve(head_m=(0.0,), discharge_m3_s=(pump.rate_m3_s,)),
            )
        )
    return PumpStations(stations)


def _walls(path: Path, city: City, domain: FloodDomain) -> tuple[tuple[F64, F64], int]:
    if not path.is_file():
        raise NotFound(f"no walls file {path}", mend="Paths count from the configuration's folder")
    features = read_geojson(path, SourceReport(source=str(path)))
    grid = domain.grid
    shape = (grid.ny, grid.nx)
    walls: list[tuple[Any, float]] = []
    rows = zip(features.geometry, features.properties, features.number, strict=True)
    for geometry, properties, number in rows:
        crest = properties.get("crest_m")
        where = f"{path} feature {number}"
        if not isinstance(crest, int | float) or isinstance(crest, bool):
            raise InvalidInput(f"crest_m is {crest!r}", where=where, mend="Give the crest's height in metres")
        for line in shapely.get_parts(geometry):
            if shapely.get_dimensions(line) != 1:
                raise InvalidInput("a wall is no line", where=where, mend="Give LineString or MultiLineString")
            lonlat = shapely.get_coordinates(line)
            x, y = city.to_metric.transform(lonlat[:, 0], lonlat[:, 1])
            place = {"cell_m": grid.cell_m, "west_m": grid.west_m, "south_m": grid.south_m}
            walls.append((faces_along(x, y, shape, name=where, **place), float(crest)))
    return wall_crests(walls, shape), len(walls)
