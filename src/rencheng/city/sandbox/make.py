"""Growing a sandbox city: its ground, its people and what they set up, written as a package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from rencheng.city.folder import require_replaceable
from rencheng.city.package import City, Manifest, table_from_rows, write_city
from rencheng.city.sandbox.building_tables import building_table, household_table
from rencheng.city.sandbox.cell_table import cell_table
from rencheng.city.sandbox.devices import device_rows
from rencheng.city.sandbox.drainage_controls import drainage_control_rows
from rencheng.city.sandbox.flood_points import flood_point_rows
from rencheng.city.sandbox.frame import CRS, Frame, frame_of
from rencheng.city.sandbox.ground import Ground, ground_of
from rencheng.city.sandbox.names import CITY
from rencheng.city.sandbox.relief import extent_m
from rencheng.city.sandbox.road_tables import lowest_along, road_tables
from rencheng.city.sandbox.society import Society, society_of
from rencheng.city.sandbox.streetnames import street_names
from rencheng.city.sandbox.tables import area_table, facility_rows, placed
from rencheng.city.sandbox.valuation import floor_heights_m, jobs_of, occupancy_of, values_cny
from rencheng.city.sandbox.water_table import water_table
from rencheng.kernel import cells_of

__all__ = ["make_city"]

_FEED = """# Readings of the city's own instruments, one row per value, in the SI unit of the quantity.
[feed]
id = "readings"
name = "城市感知网"
format = "csv"
sensor_column = "sensor_id"

[feed.time]
column = "at"
format = "iso8601"
timezone = "Asia/Shanghai"

[feed.long]
quantity_column = "quantity"
value_column = "value"
"""


def make_city(residents: int, seed: int, out: Path, *, progress: Callable[[str, float], None] | None = None) -> City:
    """Grow a sandbox city and write it as a package.

    Parameters
    ----------
    residents : int
        How many people live in it, 5,000 to 2,000,000; the urban land follows at 7,400 residents per km².
    seed : int
        The same residents and seed give the same bytes.
    out : Path
        Folder of the package; an existing package there is replaced.
    progress : callable, optional
        Told the name of each step as it begins and the share done so far.

    Returns
    -------
    City
        The package as written.

    Raises
    ------
    InvalidInput
        If residents or seed are out of range.
    Conflict
        If something else than a package stands in ``out``.
    StorageFailed
        If the package cannot be written.
    """
    say = progress or (lambda _step, _share: None)
    require_replaceable(out)
    frame = frame_of(residents, seed)
    say("street plan and terrain", 0.0)
    ground = ground_of(frame)
    say("people and networks", 0.4)
    society = society_of(frame, ground)
    say("tables", 0.6)
    tables = {
        **_ground_tables(frame, ground),
        **_people_tables(frame, ground, society),
        **_set_up(frame, ground, society),
        "flood_prone_points": _flood_points(frame, ground, society),
    }
    say("package", 0.8)
    city = write_city(out, _manifest(frame), tables, ground.terrain, extras={"feeds/readings.toml": _FEED.encode()})
    say("done", 1.0)
    return city


def _manifest(frame: Frame) -> Manifest:
    return Manifest(
        id="anlan",
        name=CITY[0],
        name_en=CITY[1],
        metric_crs=CRS,
        timezone="Asia/Shanghai",
        jurisdiction="CN",
        sources=(f"sandbox city of {frame.residents} residents, seed {frame.seed}; a place that does not exist",),
    )


def _ground_tables(frame: Frame, ground: Ground) -> dict[str, pa.Table]:
    lowest = lowest_along(ground.terrain, ground.roads)
    names = street_names(frame, ground.roads)
    return {
        **road_tables(frame, ground.roads, names, ground.corner_ground_m, lowest),
        "waters": water_table(frame, ground.waters, extent_m(frame, ground.plan)),
    }


def _people_tables(frame: Frame, ground: Ground, society: Society) -> dict[str, pa.Table]:
    buildings = society.buildings
    occupancy = occupancy_of(frame, buildings, society.households, society.facilities)
    built, building_cell = building_table(
        frame,
        buildings,
        society.living,
        occupancy,
        ground.terrain.sample(buildings.x_m, buildings.y_m),
        floor_heights_m(frame, buildings),
        values_cny(buildings, occupancy),
    )
    places = society.facilities
    x = np.concatenate([ground.roads.x_m, np.array(places.x_m)])
    y = np.concatenate([ground.roads.y_m, np.array(places.y_m)])
    busy = cells_of(*frame.to_lonlat(x, y))
    jobs = jobs_of(frame, buildings)
    cells = cell_table(frame, ground.plan, society.areas, ground.relief, society.households, building_cell, jobs, busy)
    return {
        "areas": area_table(frame, society.areas),
        "cells": cells,
        "buildings": built,
        "households": household_table(society.households),
    }


def _set_up(frame: Frame, ground: Ground, society: Society) -> dict[str, pa.Table]:
    net, instruments, organisation = society.net, society.instruments, society.organisation
    devices = device_rows(frame, instruments.sensors)
    return {
        "facilities": placed(frame, "facilities", facility_rows(society.facilities), ground.terrain),
        "network_nodes": placed(frame, "network_nodes", list(net.nodes.values()), ground.terrain),
        "network_links": table_from_rows("network_links", net.links),
        "network_dependencies": table_from_rows("network_dependencies", net.dependencies),
        "drainage_controls": table_from_rows("drainage_controls", drainage_control_rows(net)),
        "devices": table_from_rows("devices", devices),
        "sensors": placed(frame, "sensors", instruments.sensors, ground.terrain),
        "channels": table_from_rows("channels", instruments.channels),
        "thresholds": table_from_rows("thresholds", instruments.thresholds),
        "organisations": table_from_rows("organisations", organisation.organisations),
        "roles": table_from_rows("roles", organisation.roles),
        "units": placed(frame, "units", organisation.units),
        "stocks": placed(frame, "stocks", organisation.stocks),
    }


def _flood_points(frame: Frame, ground: Ground, society: Society) -> pa.Table:
    built = society.buildings
    names, height = street_names(frame, ground.roads), ground.terrain.sample(built.x_m, built.y_m)
    rows = flood_point_rows(frame, ground.roads, names, ground.low, built, society.living, height)
    return placed(frame, "flood_prone_points", rows)
