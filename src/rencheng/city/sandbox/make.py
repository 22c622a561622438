"""Growing a sandbox city: plan, waters, ground, streets, buildings, people, institutions, networks, instruments, package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.city.package import City, Manifest, table_from_rows, write_city
from rencheng.city.sandbox.areas import areas_of
from rencheng.city.sandbox.buildings import Buildings, buildings_of, land_use_of, lanes_of
from rencheng.city.sandbox.drainage import lay_drainage
from rencheng.city.sandbox.facilities import facilities_of
from rencheng.city.sandbox.frame import CRS, Frame, frame_of
from rencheng.city.sandbox.instruments import instruments_of
from rencheng.city.sandbox.lattice import lattice_of
from rencheng.city.sandbox.lowpoints import dig_low_points
from rencheng.city.sandbox.names import CITY
from rencheng.city.sandbox.network import Network
from rencheng.city.sandbox.organisation import organisation_of
from rencheng.city.sandbox.people import households_of
from rencheng.city.sandbox.relief import cell_size_m, extent_m, relief_of
from rencheng.city.sandbox.roads import Roads, roads_of, streets_of
from rencheng.city.sandbox.streetnames import street_names
from rencheng.city.sandbox.tables import (
    area_rows,
    building_table,
    cell_table,
    facility_rows,
    household_table,
    placed,
    road_tables,
    water_table,
)
from rencheng.city.sandbox.utilities import lay_power, lay_water, tie_dependencies
from rencheng.city.sandbox.valuation import floor_heights_m, jobs_of, occupancy_of, values_cny
from rencheng.city.sandbox.waters import waters_of
from rencheng.city.terrain import Terrain
from rencheng.kernel import cells_of

__all__ = ["make_city"]

Floats = NDArray[np.float64]

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
        How many people live in it, 2,000 to 2,000,000; the urban land follows at 7,400 residents per km².
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
    StorageFailed
        If the package cannot be written.
    """
    say = progress or (lambda _step, _share: None)
    frame = frame_of(residents, seed)
    say("street plan", 0.0)
    plan = lattice_of(frame)
    waters = waters_of(frame, plan, cell_m=cell_size_m(frame), outlet_u_m=extent_m(frame)[0])
    land = land_use_of(frame, plan, waters)
    lanes = lanes_of(frame, plan, land)
    roads = roads_of(frame, plan, streets_of(plan, *lanes))
    say("terrain", 0.02)
    relief = relief_of(frame, waters)
    low = dig_low_points(frame, roads, waters, relief)
    terrain = relief.terrain()
    node_ground = terrain.sample(roads.x_m, roads.y_m)
    say("buildings and people", 0.25)
    buildings = buildings_of(frame, plan, waters, land, lanes)
    households = households_of(frame, buildings)
    living = np.bincount(households.building, weights=households.residents, minlength=len(buildings)).astype(np.int64)
    areas = areas_of(frame, plan, np.bincount(buildings.tile, weights=living, minlength=len(plan.tiles)))
    say("institutions and networks", 0.35)
    facilities = facilities_of(frame, plan, buildings, areas, living, land)
    net = Network()
    middle = terrain.sample(roads.path_x_m[:, 2], roads.path_y_m[:, 2])
    drainage = lay_drainage(frame, roads, node_ground, middle, waters, low, facilities, net)
    watered = lay_water(frame, roads, node_ground, facilities, net)
    powered = lay_power(frame, roads, node_ground, _served_from(roads, buildings, living), facilities, net)
    tie_dependencies(roads, powered, watered, drainage, facilities, net)
    instruments = instruments_of(frame, plan, waters, low, net)
    organisation = organisation_of(frame, areas, facilities)
    say("package", 0.6)
    occupancy = occupancy_of(frame, buildings, households, facilities)
    built, building_cell = building_table(
        frame,
        buildings,
        living,
        occupancy,
        terrain.sample(buildings.x_m, buildings.y_m),
        floor_heights_m(frame, buildings),
        values_cny(buildings, occupancy),
    )
    node_cells = cells_of(*frame.to_lonlat(roads.x_m, roads.y_m))
    jobs = jobs_of(frame, buildings)
    tables: dict[str, pa.Table] = {
        "areas": area_rows(frame, areas),
        "cells": cell_table(frame, plan, areas, relief, households, building_cell, jobs, node_cells),
        **road_tables(frame, roads, street_names(frame, roads), node_ground, _lowest_along(terrain, roads)),
        "buildings": built,
        "households": household_table(households),
        "facilities": placed(frame, "facilities", facility_rows(facilities), terrain),
        "waters": water_table(frame, waters, extent_m(frame)),
        "network_nodes": placed(frame, "network_nodes", list(net.nodes.values()), terrain),
        "network_links": table_from_rows("network_links", net.links),
        "network_dependencies": table_from_rows("network_dependencies", net.dependencies),
        "sensors": placed(frame, "sensors", instruments.sensors),
        "channels": table_from_rows("channels", instruments.channels),
        "thresholds": table_from_rows("thresholds", instruments.thresholds),
        "organisations": table_from_rows("organisations", organisation.organisations),
        "roles": table_from_rows("roles", organisation.roles),
        "units": placed(frame, "units", organisation.units),
        "stocks": placed(frame, "stocks", organisation.stocks),
    }
    city = write_city(out, _manifest(frame), tables, terrain, extras={"feeds/readings.toml": _FEED.encode()})
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


def _lowest_along(terrain: Terrain, roads: Roads) -> Floats:
    """Lowest ground at 17 points along each piece; the deck of a bridge lies at its ends."""
    share = np.linspace(0.0, 4.0, 17)
    left = np.minimum(share.astype(np.int64), 3)
    part = share - left
    x = roads.path_x_m[:, left] * (1.0 - part) + roads.path_x_m[:, left + 1] * part
    y = roads.path_y_m[:, left] * (1.0 - part) + roads.path_y_m[:, left + 1] * part
    ground = terrain.sample(x, y)
    return np.asarray(np.where(roads.bridge, np.minimum(ground[:, 0], ground[:, -1]), ground.min(axis=1)))


def _served_from(roads: Roads, buildings: Buildings, living: NDArray[np.int64]) -> Floats:
    """Residents by the public street corner nearest to their building; shape (nodes,)."""
    from scipy.spatial import cKDTree

    public = np.unique(np.concatenate([roads.tail[roads.public], roads.head[roads.public]]))
    tree = cKDTree(np.stack([roads.x_m[public], roads.y_m[public]], axis=1))
    near = public[tree.query(np.stack([buildings.x_m, buildings.y_m], axis=1))[1]]
    return np.bincount(near, weights=living, minlength=len(roads.u)).astype(np.float64)
