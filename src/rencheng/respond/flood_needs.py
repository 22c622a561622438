"""Demand maps: what forecast water asks for, cell by cell, beside what the city has in stock (RES-29)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.assess.flood.objects import THRESHOLDS_M, exceed_column
from rencheng.respond.facts import FloodNeedsMapped
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import FloodSeen
from rencheng.respond.turn import Turn
from rencheng.science.flood.demand import DemandRates, building_demand, pumps_for

__all__ = ["NEEDS_SCHEMA", "demand_table", "map_flood_needs"]

F64 = NDArray[np.float64]

NEEDS_SCHEMA = pa.schema([("cell", pa.uint64()), ("item", pa.string()), ("quantity", pa.float64())])
"""One row per H3 cell and item that is asked for there, ordered by cell and item."""


def map_flood_needs(turn: Turn) -> None:
    """Map the demand of new forecasts, of the next two hours and of the next day, where it is another than the last."""
    state = turn.state
    _map_needs(turn, state.flood, "flood_needs", state.flood_needs_of, state.flood_needs)
    _map_needs(turn, state.flood_day, "flood_day_needs", state.flood_day_needs_of, state.flood_day_needs)


def _map_needs(turn: Turn, flood: FloodSeen | None, memo: str, mapped: str, before: Mapping[str, float]) -> None:
    fields = turn.inputs.fields
    if flood is None or fields is None or mapped == flood.forecast_id:
        return
    if turn.inputs.memo.get(memo, ("", None))[0] != flood.objects:
        turn.inputs.memo[memo] = (flood.objects, demand_table(turn.inputs, fields.get(flood.objects)))
    table: pa.Table = turn.inputs.memo[memo][1]
    totals = _totals(table)
    if totals == dict(before):
        return
    stock = _stock(turn.inputs, totals)
    body = FloodNeedsMapped(
        forecast_id=flood.forecast_id,
        field=fields.put(table),
        wanted=totals,
        stock=stock,
        short={item: round(max(quantity - stock.get(item, 0.0), 0.0), 1) for item, quantity in totals.items()},
    )
    turn.say("flood/needs", body, flood.fact_id)


def demand_table(inputs: Inputs, objects: pa.Table) -> pa.Table:
    """Demand per cell and item from a table of objects (``NEEDS_SCHEMA``)."""
    rule = inputs.rules.flood_needs
    cells: list[NDArray[np.uint64]] = []
    items: list[str] = []
    amounts: list[F64] = []

    def add(item: str, cell: NDArray[np.uint64], quantity: F64) -> None:
        unique, at = np.unique(cell[quantity > 0.0], return_inverse=True)
        if len(unique):
            cells.append(unique)
            items.extend([item] * len(unique))
            amounts.append(np.bincount(at, weights=quantity[quantity > 0.0]).astype(np.float64))

    rows, depth = _deepest(objects, "building", rule.min_prob)
    home = _buildings(inputs)
    known = [k for k, name in enumerate(rows) if name in home.row]
    at = np.array([home.row[rows[k]] for k in known], dtype=np.int64)
    for item, quantity in building_demand(depth[known], home.residents[at], home.storeys[at], rule.demand).items():
        add(item, home.cell[at], quantity)
    add("pump", *_pumps(inputs, objects, rule.min_prob, rule.demand))
    table = pa.table(
        [
            pa.array(np.concatenate(cells) if cells else np.zeros(0, np.uint64), pa.uint64()),
            pa.array(items, pa.string()),
            pa.array(np.round(np.concatenate(amounts), 2) if amounts else np.zeros(0)),
        ],
        schema=NEEDS_SCHEMA,
    )
    return table.sort_by([("cell", "ascending"), ("item", "ascending")])


def _deepest(objects: pa.Table, kind: str, min_prob: float, detail: str = "") -> tuple[list[str], F64]:
    """Objects likely in water at any lead time and their deepest median."""
    wanted = pc.and_(
        pc.equal(objects["kind"], kind), pc.greater_equal(objects[exceed_column(THRESHOLDS_M[0])], min_prob)
    )
    if detail:
        wanted = pc.and_(wanted, pc.equal(objects["detail"], detail))
    grouped = objects.filter(wanted).group_by("object_id").aggregate([("depth_m", "max")]).sort_by("object_id")
    return grouped["object_id"].to_pylist(), np.asarray(grouped["depth_m_max"].to_numpy(), dtype=np.float64)


class _Homes:
    """Buildings of the city as arrays, by id."""

    def __init__(self, inputs: Inputs) -> None:
        city = inputs.city
        names = city.table("buildings")["building_id"].to_pylist() if city.has("buildings") else []
        self.row: Mapping[str, int] = {name: k for k, name in enumerate(names)}
        self.cell = city.column("buildings", "cell").astype(np.uint64) if names else np.zeros(0, np.uint64)
        self.residents = _filled(city, "residents", 0.0, len(names))
        self.storeys = _filled(city, "storeys", 1.0, len(names))


def _filled(city: Any, column: str, default: float, count: int) -> F64:
    if not count:
        return np.zeros(0)
    values = city.column("buildings", column, default=default).astype(np.float64)
    return np.where(np.isnan(values), default, values)


def _buildings(inputs: Inputs) -> _Homes:
    if "homes" not in inputs.memo:
        inputs.memo["homes"] = _Homes(inputs)
    homes: _Homes = inputs.memo["homes"]
    return homes


def _pumps(inputs: Inputs, objects: pa.Table, min_prob: float, rates: DemandRates) -> tuple[NDArray[np.uint64], F64]:
    """Pumps for underpasses; both directions of one are one."""
    links, depth = _deepest(objects, "road_link", min_prob, "underpass")
    roads = inputs.roads
    deepest: dict[tuple[float, float], tuple[int, float]] = {}
    for link, water in zip(links, depth.tolist(), strict=True):
        if roads is None or int(link) not in roads.edge_of_link:
            continue
        edge = roads.edge(int(link))
        place = roads.middle(edge)
        if water > deepest.get(place, (0, 0.0))[1]:
            deepest[place] = (int(roads.cell[edge]), water)
    cell = np.array([c for c, _ in deepest.values()], dtype=np.uint64)
    return cell, pumps_for(np.array([d for _, d in deepest.values()]), rates)


def _totals(table: pa.Table) -> dict[str, float]:
    grouped = table.group_by("item").aggregate([("quantity", "sum")]).sort_by("item")
    pairs = zip(grouped["item"].to_pylist(), grouped["quantity_sum"].to_pylist(), strict=True)
    return {item: float(np.ceil(quantity - 1e-6)) for item, quantity in pairs}


def _stock(inputs: Inputs, items: Mapping[str, float]) -> dict[str, float]:
    """What the city has of each item: its stocks, its pump trucks and boats, places in its shelters."""
    found = dict.fromkeys(items, 0.0)
    for row in inputs.city.rows("stocks"):
        if row["item"] in found:
            found[row["item"]] += float(row["quantity"])
    for unit in inputs.units.values():
        item = {"pump_truck": "pump", "rescue_boat": "boat"}.get(unit.kind, "")
        if item in found:
            found[item] += 1.0
    if "shelter_place" in found:
        found["shelter_place"] += sum(
            float(f.get("capacity") or 0.0) for f in inputs.city.rows("facilities") if f["kind"] == "shelter"
        )
    return {item: round(quantity, 1) for item, quantity in found.items()}
