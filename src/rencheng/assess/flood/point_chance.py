"""What a flood forecast says of the flood-prone points: the chance of each point's own depths, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rencheng.assess.flood.objects import OBJECT_SCHEMA, THRESHOLDS_M, exceed_column, prob_of_depth
from rencheng.city import FloodPronePoint

__all__ = ["LIKELY", "PointChance", "point_chances"]

LIKELY = 0.5
"""Probability from which a lead time is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointChance:
    """The forecast at one point, the worst over all lead times."""

    of: str
    """``road_link`` where the forecast knows its road, ``cell`` where only its H3 cell."""
    warning_prob: float
    """Chance of the point's warning depth."""
    closure_prob: float
    """Chance of the point's closure depth."""
    depth_m: float
    """Greatest median depth."""
    first_min: int | None
    """First lead time at which the warning depth is as likely as :data:`LIKELY`; None for none."""


def point_chances(objects: pa.Table, points: Iterable[FloodPronePoint]) -> dict[str, PointChance]:
    """Chance at every point, by id, from the rows of its road link, else of its cell.

    Parameters
    ----------
    objects : Table
        Of :data:`~rencheng.assess.flood.objects.OBJECT_SCHEMA`: an object without a row stays dry.
    """
    listed = list(points)
    wanted = {_key(point) for point in listed}
    kinds = pc.is_in(objects["kind"], value_set=pa.array(sorted({kind for kind, _ in wanted}), pa.string()))
    ids = pc.is_in(objects["object_id"], value_set=pa.array(sorted({name for _, name in wanted}), pa.string()))
    mine = objects.filter(pc.and_(kinds, ids)).cast(OBJECT_SCHEMA)
    owner = list(zip(mine["kind"].to_pylist(), mine["object_id"].to_pylist(), strict=True))
    lead, depth = (mine[name].to_numpy().astype(np.float64) for name in ("lead_min", "depth_m"))
    exceeded = np.stack([mine[exceed_column(t)].to_numpy().astype(np.float64) for t in THRESHOLDS_M], axis=1)
    chances = {}
    for point in listed:
        key = _key(point)
        rows = np.flatnonzero([one == key for one in owner]) if owner else np.zeros(0, np.int64)
        warned = prob_of_depth(exceeded[rows], point.warning_m)
        soon = lead[rows][warned >= LIKELY]
        chances[point.point_id] = PointChance(
            of=key[0],
            warning_prob=round(float(warned.max(initial=0.0)), 3),
            closure_prob=round(float(prob_of_depth(exceeded[rows], point.closure_m).max(initial=0.0)), 3),
            depth_m=round(float(depth[rows].max(initial=0.0)), 3),
            first_min=int(soon.min()) if len(soon) else None,
        )
    return chances


def _key(point: FloodPronePoint) -> tuple[str, str]:
    return ("road_link", str(point.link_id)) if point.link_id is not None else ("cell", str(point.cell))
