"""Road links that the flood forecast closes, each to the vehicles that could not drive through the water expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.assess.flood.objects import THRESHOLDS_M, exceed_column, prob_of_depth
from rencheng.city import City, flood_prone_points
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import State
from rencheng.respond.rules import FloodClosure
from rencheng.science.flood.vehicle_limits import VEHICLE_LIMITS, VehicleClass

__all__ = ["ROAD_VEHICLES", "FloodedLink", "flood_closures", "forecast_ends"]

ROAD_VEHICLES = tuple(sorted(v.value for v in VehicleClass if v is not VehicleClass.RESCUE_BOAT))
"""Classes that use roads; a boat does not."""
EMERGENCY = (VehicleClass.AMBULANCE, VehicleClass.FIRE_ENGINE, VehicleClass.PUMP_TRUCK)
"""Classes that pass where traffic police close a road, as long as the water lets them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodedLink:
    """A link under forecast water: deepest median depth in the time that counts, and the classes it stops."""

    depth_m: float
    closed_to: tuple[str, ...]
    """Empty when it stops all of them."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Road rows of a table of objects; arrays of shape (n,), ``prob`` (classes, n)."""

    link: NDArray[np.int64]
    underpass: NDArray[np.bool_]
    lead_min: NDArray[np.float64]
    depth_m: NDArray[np.float64]
    prob: NDArray[np.float64]


def flood_closures(state: State, inputs: Inputs, now: datetime) -> Mapping[int, FloodedLink]:
    """Links that the standing forecast closes now, by link id ascending; none where no recent forecast stands.

    A link is closed to a class when water deeper than the class may drive through is likely enough, soon enough. One
    that is closed already opens only when the probability has fallen well below that. Where the register of
    flood-prone points states a closure depth for a road, it stops traffic at that depth; emergency vehicles go as far
    as they can drive.
    """
    rule, flood = inputs.rules.closures.flood, state.flood
    if flood is None or inputs.fields is None or now > flood.based_at + timedelta(minutes=rule.hold_min):
        return {}
    rows = _rows(inputs, flood.objects)
    age_min = (now - flood.based_at).total_seconds() / 60.0
    within = np.where(rows.underpass, rule.underpass_within_min, rule.within_min)
    soon = (rows.lead_min >= age_min - 10.0) & (rows.lead_min - age_min <= within)
    limit = _limits(state, rows, rule)
    shut = (rows.prob >= limit) & soon[None, :]
    found: dict[int, FloodedLink] = {}
    for link in np.unique(rows.link[shut.any(axis=0)]).tolist():
        mine = rows.link == link
        stopped = tuple(v for v, row in zip(ROAD_VEHICLES, shut[:, mine], strict=True) if row.any())
        depth = float(rows.depth_m[mine & soon].max())
        everybody = len(stopped) == len(ROAD_VEHICLES)
        found[link] = FloodedLink(depth_m=round(depth, 2), closed_to=() if everybody else stopped)
    return found


def forecast_ends(state: State, inputs: Inputs) -> datetime | None:
    """Instant from which the standing forecast closes nothing any more."""
    if state.flood is None or not any(c.reason.startswith("flood/") for c in state.closures.values()):
        return None
    return state.flood.based_at + timedelta(minutes=inputs.rules.closures.flood.hold_min, seconds=1)


def _limits(state: State, rows: _Rows, rule: FloodClosure) -> NDArray[np.float64]:
    """Probability that closes, lower where the link is closed to the class already; shape (classes, n)."""
    limit = np.where(rows.underpass, rule.underpass_min_prob, rule.min_prob)
    standing = {k: c for k, c in state.closures.items() if c.reason.startswith("flood/")}
    held = np.array(
        [
            [link in standing and standing[link].stops(vehicle) for link in rows.link.tolist()]
            for vehicle in ROAD_VEHICLES
        ],
        dtype=np.bool_,
    ).reshape(len(ROAD_VEHICLES), len(rows.link))
    return np.where(held, rule.reopen_ratio * limit[None, :], limit[None, :])


def _rows(inputs: Inputs, name: str) -> _Rows:
    if inputs.memo.get("flood", ("", None))[0] != name:
        assert inputs.fields is not None
        inputs.memo["flood"] = (name, _read(inputs.fields.get(name), _own_depths(inputs)))
    rows: _Rows = inputs.memo["flood"][1]
    return rows


def _own_depths(inputs: Inputs) -> Mapping[int, float]:
    """Closure depth that the city states for road links at flood-prone points, in both directions; the least holds."""
    if "own_closures" not in inputs.memo:
        stated = [p for p in flood_prone_points(inputs.city) if p.own_closure and p.link_id is not None]
        back = _opposite(inputs.city) if stated else {}
        depths: dict[int, float] = {}
        for point in stated:
            for link in (point.link_id, back.get(point.link_id or 0)):
                if link is not None:
                    depths[link] = min(point.closure_m, depths.get(link, point.closure_m))
        inputs.memo["own_closures"] = depths
    found: Mapping[int, float] = inputs.memo["own_closures"]
    return found


def _opposite(city: City) -> dict[int, int]:
    """Link → the link back between the same nodes."""
    columns = [city.column("road_links", name).tolist() for name in ("link_id", "from_node", "to_node")]
    ends = {(start, end): link for link, start, end in zip(*columns, strict=True)}
    return {link: ends[end, start] for (start, end), link in ends.items() if (end, start) in ends}


def _read(table: pa.Table, own_m: Mapping[int, float]) -> _Rows:
    roads = table.filter(pc.equal(table["kind"], "road_link"))
    exceeded = np.stack([roads[exceed_column(t)].to_numpy().astype(np.float64) for t in THRESHOLDS_M], axis=1)
    link = np.array([int(i) for i in roads["object_id"].to_pylist()], dtype=np.int64)
    prob = np.array([prob_of_depth(exceeded, VEHICLE_LIMITS[VehicleClass(v)].deepest_m) for v in ROAD_VEHICLES])
    traffic = np.array([VehicleClass(v) not in EMERGENCY for v in ROAD_VEHICLES])
    for one in sorted(set(link.tolist()) & set(own_m)):
        mine = np.flatnonzero(link == one)
        stated = prob_of_depth(exceeded[mine], own_m[one])
        prob[np.ix_(traffic, mine)] = np.maximum(prob[np.ix_(traffic, mine)], stated[None, :])
    return _Rows(
        link=link,
        underpass=np.array([d == "underpass" for d in roads["detail"].to_pylist()], dtype=np.bool_),
        lead_min=roads["lead_min"].to_numpy().astype(np.float64),
        depth_m=roads["depth_m"].to_numpy().astype(np.float64),
        prob=prob.reshape(len(ROAD_VEHICLES), roads.num_rows),
    )
