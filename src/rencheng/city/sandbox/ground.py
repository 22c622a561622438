"""The ground of a sandbox city: street plan, waters, land use, streets and terrain, made to fit one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.buildings import land_use_of, lanes_of
from rencheng.city.sandbox.drainage import LowPoints
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.growth import grown
from rencheng.city.sandbox.lattice import street_plan_of
from rencheng.city.sandbox.lowpoints import dig_low_points
from rencheng.city.sandbox.relief import Relief, cell_size_m, extent_m, relief_of
from rencheng.city.sandbox.roads import Roads, roads_of, streets_of
from rencheng.city.sandbox.streetplan import StreetPlan
from rencheng.city.sandbox.waters import Waters, waters_of
from rencheng.city.terrain import Terrain

__all__ = ["Ground", "ground_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What stands before anybody lives there.

    ``land`` (tiles,) is the kind of land, ``lanes`` the residential lanes across the tiles, ``corner_ground_m``
    (nodes,) the ground of the road nodes and ``middle_ground_m`` (pieces,) that of the middles of the road pieces.
    """

    plan: StreetPlan
    waters: Waters
    land: Ints
    lanes: tuple[Floats, Floats]
    roads: Roads
    relief: Relief
    low: LowPoints
    terrain: Terrain
    corner_ground_m: Floats
    middle_ground_m: Floats


def ground_of(frame: Frame) -> Ground:
    """Lay the ground of a city."""
    plan = grown(frame, street_plan_of(frame))
    waters = waters_of(frame, plan, cell_m=cell_size_m(frame), outlet_u_m=extent_m(frame, plan)[0])
    land = land_use_of(frame, plan)
    lanes = lanes_of(frame, plan, land)
    roads = roads_of(frame, plan, streets_of(plan, *lanes))
    relief = relief_of(frame, plan, waters)
    low = dig_low_points(frame, roads, waters, relief)
    terrain = relief.terrain()
    middle = roads.path_x_m.shape[1] // 2
    return Ground(
        plan=plan,
        waters=waters,
        land=land,
        lanes=lanes,
        roads=roads,
        relief=relief,
        low=low,
        terrain=terrain,
        corner_ground_m=terrain.sample(roads.x_m, roads.y_m),
        middle_ground_m=terrain.sample(roads.path_x_m[:, middle], roads.path_y_m[:, middle]),
    )
