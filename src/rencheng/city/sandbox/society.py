"""The people of a sandbox city and what they have set up: buildings, areas, facilities, networks, sensors, commands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.sandbox.areas import Areas, areas_of
from rencheng.city.sandbox.buildings import Buildings, buildings_of
from rencheng.city.sandbox.drainage import lay_drainage
from rencheng.city.sandbox.facilities import Facilities, facilities_of
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.ground import Ground
from rencheng.city.sandbox.instruments import Instruments, instruments_of
from rencheng.city.sandbox.network import Network
from rencheng.city.sandbox.organisation import Organisation, organisation_of
from rencheng.city.sandbox.people import Households, households_of
from rencheng.city.sandbox.roads import Roads
from rencheng.city.sandbox.utilities import lay_power, lay_water, tie_dependencies

__all__ = ["Society", "society_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Society:
    """All that people make of the ground; ``living`` (buildings,) counts residents."""

    buildings: Buildings
    households: Households
    living: Ints
    areas: Areas
    facilities: Facilities
    net: Network
    instruments: Instruments
    organisation: Organisation


def society_of(frame: Frame, ground: Ground) -> Society:
    """Settle a city on its ground."""
    buildings = buildings_of(frame, ground.plan, ground.waters, ground.land, ground.lanes)
    households = households_of(frame, buildings)
    living = np.bincount(households.building, weights=households.residents, minlength=len(buildings)).astype(np.int64)
    by_tile = np.bincount(buildings.tile, weights=living, minlength=len(ground.plan.tiles)).astype(np.float64)
    areas = areas_of(frame, ground.plan, by_tile)
    facilities = facilities_of(frame, ground.plan, buildings, areas, living, ground.land)
    net = _networks(frame, ground, buildings, living, facilities)
    return Society(
        buildings=buildings,
        households=households,
        living=living,
        areas=areas,
        facilities=facilities,
        net=net,
        instruments=instruments_of(frame, ground.plan, ground.waters, ground.low, net),
        organisation=organisation_of(frame, areas, facilities),
    )


def _networks(frame: Frame, ground: Ground, buildings: Buildings, living: Ints, facilities: Facilities) -> Network:
    net = Network()
    roads, corner = ground.roads, ground.corner_ground_m
    lay_drainage(frame, roads, corner, ground.middle_ground_m, ground.waters, ground.low, facilities, net)
    watered = lay_water(frame, roads, corner, facilities, net)
    powered = lay_power(frame, roads, corner, _served_from(roads, buildings, living), facilities, net)
    tie_dependencies(roads, powered, watered, facilities, net)
    return net


def _served_from(roads: Roads, buildings: Buildings, living: Ints) -> Floats:
    """Residents by the public street corner nearest to their building; shape (nodes,)."""
    public = roads.public_nodes
    tree = cKDTree(np.stack([roads.x_m[public], roads.y_m[public]], axis=1))
    near = public[tree.query(np.stack([buildings.x_m, buildings.y_m], axis=1))[1]]
    return np.bincount(near, weights=living, minlength=len(roads.u)).astype(np.float64)
