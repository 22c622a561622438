"""The water of an incident: from the risk tables of its hazard to depth and extent in every cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.assess.ports import FieldStore
from rencheng.kernel import Hazard

__all__ = ["LOW_SHARE", "Water", "deepest_at_walls", "deepest_water", "is_water"]

F64 = NDArray[np.float64]

LOW_SHARE = 0.1
"""Part of a cell that stands in its low streets (judgement: the lowest tenth)."""
LIKELY = 0.5
"""Water on low streets counts where it was more likely than not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Water:
    """Deepest water of an event; arrays of shape (n,), one row for each cell that stood in water.

    Parameters
    ----------
    cell : uint64 array
        H3 cells, ascending.
    depth_m : array
        Mean depth on the land under water, or depth at the lowest street: see ``at_lowest``.
    share_ratio : array
        Part of the cell's land under water, 0 … 1.
    at_lowest : bool
        Whether the depth is that of the lowest place (street water) and not the mean of the land under water.
    """

    cell: NDArray[np.uint64]
    depth_m: F64
    share_ratio: F64
    at_lowest: bool


_AT_LOWEST: Mapping[str, bool] = MappingProxyType({Hazard.RIVER_FLOOD: False, Hazard.WATERLOGGING: True})
"""Hazards whose intensity is a depth of water in metres."""


def is_water(hazard: str) -> bool:
    """Whether the risk tables of a hazard give a depth of water; those of rain give millimetres of rain."""
    return hazard in _AT_LOWEST


def deepest_water(hazard: str, tables: Iterable[str], fields: FieldStore, *, within: NDArray[np.uint64]) -> Water:
    """Find the deepest water that was assessed to stand, cell by cell.

    Parameters
    ----------
    hazard : str
        Hazard of the incident, one for which :func:`is_water` holds.
    tables : iterable of str
        Names of its risk tables; only what holds now (lead time 0) is read.
    fields : FieldStore
        Where the tables are.
    within : uint64 array
        The incident's cells; water elsewhere belongs to another incident.

    Notes
    -----
    A river-flood table gives the share of a cell's land under water and the mean depth on it; of several tables the
    one with most water in the cell (share times depth) counts. A waterlogging table gives the probability of water on
    the cell's low streets and the depth there; the deepest likely one counts.
    """
    at_lowest = _AT_LOWEST[hazard]
    found = [_standing(fields, name, at_lowest=at_lowest) for name in dict.fromkeys(tables)]
    cell = np.concatenate([np.zeros(0, np.uint64), *(f[0] for f in found)])
    depth = np.concatenate([np.zeros(0), *(f[1] for f in found)])
    share = np.concatenate([np.zeros(0), *(f[2] for f in found)])
    mine = np.isin(cell, within)
    cell, depth, share = cell[mine], depth[mine], share[mine]
    order = np.lexsort((depth, share * depth, cell))
    last = order[np.flatnonzero(np.append(np.diff(cell[order]) != 0, np.ones(min(len(order), 1), np.bool_)))]
    return Water(cell=cell[last], depth_m=depth[last], share_ratio=share[last], at_lowest=at_lowest)


def _standing(fields: FieldStore, name: str, *, at_lowest: bool) -> tuple[NDArray[np.uint64], F64, F64]:
    table = fields.get(name)
    lead, probability, depth = (
        np.asarray(table[c].to_numpy(), dtype=np.float64) for c in ("lead_h", "probability", "intensity")
    )
    wet = (lead == 0.0) & (depth > 0.0) & (probability >= (LIKELY if at_lowest else 0.0))
    cell = np.asarray(table["cell"].to_numpy(), dtype=np.uint64)[wet]
    share = np.full(int(wet.sum()), LOW_SHARE) if at_lowest else np.clip(probability[wet], 0.0, 1.0)
    return cell, depth[wet], share


def deepest_at_walls(tables: Iterable[str], fields: FieldStore) -> dict[str, float]:
    """Deepest water at buildings' walls, by building id, over tables of objects of flood forecasts.

    Only lead time 0 is read: the water that the ensemble, weighed by street sensors, says stood when a cycle began. The
    median counts, so water is there where half of the members say so.
    """
    deepest: dict[str, float] = {}
    for name in dict.fromkeys(tables):
        table = fields.get(name)
        now = table.filter(pc.and_(pc.equal(table["kind"], "building"), pc.equal(table["lead_min"], 0)))
        for building, depth in zip(now["object_id"].to_pylist(), now["depth_m"].to_pylist(), strict=True):
            if depth > 0.0:
                deepest[building] = max(depth, deepest.get(building, 0.0))
    return deepest
