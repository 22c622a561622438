"""The standing flood forecast as cells see it now: read from its table once, shifted by its age at every turn."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.assess.flood.objects import THRESHOLDS_M, exceed_column
from rencheng.assess.hazard_model import FloodOutlook
from rencheng.assess.model import FloodMemory, PublishedFlood
from rencheng.assess.ports import FieldStore
from rencheng.assess.rules import FloodRules

__all__ = ["CellWater", "cell_water", "flood_outlook"]

CellWater = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Lead times in hours (leads,), probability and depth (leads, cells)."""


def flood_outlook(
    memory: FloodMemory,
    fields: FieldStore,
    cell: NDArray[np.uint64],
    rules: FloodRules,
    now: datetime,
    memo: dict[str, CellWater],
) -> FloodOutlook | None:
    """Give what the last forecast says from ``now`` on; None when there is none or it is too old.

    Parameters
    ----------
    cell : uint64 array, shape (cells,)
        The city's H3 cells, ascending.
    memo : dict
        Remembers the last table read; holds nothing that matters.
    """
    standing = memory.last
    if standing is None or now - standing.body.based_at > timedelta(minutes=rules.hold_min):
        return None
    name = standing.body.objects
    if name not in memo:
        memo.clear()
        memo[name] = cell_water(fields.get(name), standing.body.lead_min, cell)
    lead_h, probability, depth = memo[name]
    return _aged(standing, lead_h, probability, depth, now)


def _aged(
    standing: PublishedFlood,
    lead_h: NDArray[np.float64],
    probability: NDArray[np.float64],
    depth: NDArray[np.float64],
    now: datetime,
) -> FloodOutlook:
    age_h = (now - standing.body.based_at).total_seconds() / 3600.0
    return FloodOutlook(
        lead_h=lead_h - age_h,
        probability=probability,
        depth_m=depth,
        fact_id=standing.fact_id,
        model=standing.body.model,
    )


def cell_water(objects: pa.Table, lead_min: tuple[int, ...], cell: NDArray[np.uint64]) -> CellWater:
    """Lay the cells' rows of a table of objects out; what is not listed is dry."""
    rows = objects.filter(pc.equal(objects["kind"], "cell"))
    leads = np.asarray(lead_min, dtype=np.int64)
    probability, depth = np.zeros((len(leads), len(cell))), np.zeros((len(leads), len(cell)))
    if rows.num_rows and len(cell):
        wanted = np.array([int(i) for i in rows["object_id"].to_pylist()], dtype=np.uint64)
        column = np.minimum(np.searchsorted(cell, wanted), len(cell) - 1)
        known = cell[column] == wanted
        row = np.searchsorted(leads, rows["lead_min"].to_numpy())
        chance = rows[exceed_column(THRESHOLDS_M[0])].to_numpy()
        probability[row[known], column[known]] = chance[known]
        depth[row[known], column[known]] = rows["depth_m"].to_numpy()[known]
    return leads / 60.0, probability, depth
