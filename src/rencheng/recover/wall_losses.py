"""Loss of buildings for very many floods: what :func:`damage_at_walls` sums up, prepared once for a city."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.recover.damage import FLOOR_HEIGHT_M, curve_table, filled_column, structure_curves
from rencheng.science.fragility import loss_ratio

__all__ = ["WallLosses"]

F64 = NDArray[np.float64]


class WallLosses:
    """Buildings of a city, their values and their curves (Hazus 6.1, structure only).

    Parameters
    ----------
    city : City
        Needs ``buildings``; those without a value lose nothing.
    names : sequence of str
        Building ids in the order in which depths will be given; an id that the city lacks loses nothing.
    """

    def __init__(self, city: City, names: tuple[str, ...]) -> None:
        table = city.table("buildings")
        row = {name: i for i, name in enumerate(table.column("building_id").to_pylist())}
        at = np.array([row.get(name, -1) for name in names], np.int64)
        self._known = np.flatnonzero(at >= 0)
        at = at[self._known]
        self._floor = filled_column(city, "floor_height_m", FLOOR_HEIGHT_M)[at]
        self._value = np.nan_to_num(filled_column(city, "value_cny", np.nan))[at]
        self._curve = structure_curves(city, at)

    def loss_cny(self, depth_m: F64) -> float:
        """Loss at depths at the walls, metres over the ground, shape (names,); where it is 0 nothing is lost."""
        depth = np.asarray(depth_m, np.float64)[self._known]
        wet = np.flatnonzero(depth > 0.0)
        share = loss_ratio(depth[wet] - self._floor[wet], self._curve[wet], *curve_table())
        return float((share * self._value[wet]).sum())
