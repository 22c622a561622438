"""Damage of an event: depth at every building, the share of its value lost, sums by cell, and what people then need."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.recover.facts import ResourceGap
from rencheng.science.fragility import DAMAGE_STATES, damage_state, loss_ratio

__all__ = ["Damage", "Relief", "damage", "read_relief", "relief_gaps"]

F64 = NDArray[np.float64]
FLOOR_HEIGHT_M = 0.3
"""First-floor height where the package has none (Hazus 6.1 Flood Model Technical Manual, slab on grade: 1 ft)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What an event did: by building and by cell.

    ``buildings`` and ``cells`` have the columns that :class:`~rencheng.recover.facts.DamageAssessed` names.
    """

    method: str
    buildings: pa.Table
    cells: pa.Table
    buildings_damaged: int
    residents_affected: float
    loss_cny: float | None
    """None where the city has no buildings with a value."""


@dataclass(frozen=True, slots=True)
class _Curves:
    rows: Mapping[str, tuple[tuple[int, int, int], ...]]
    depth_m: F64
    ratio: F64


@cache
def _curves() -> _Curves:
    with (files("rencheng.recover") / "data" / "flood_curves.csv").open(encoding="utf-8") as lines:
        reader = csv.reader(lines)
        header = next(reader)
        table = list(reader)
    rows: dict[str, list[tuple[int, int, int]]] = {}
    for i, row in enumerate(table):
        rows.setdefault(row[1], []).append((int(row[2]), int(row[3]), i))
    ratio = np.array([[float(v) for v in row[6:]] for row in table])
    depth = np.array([float(v) for v in header[6:]])
    return _Curves({occupancy: tuple(found) for occupancy, found in rows.items()}, depth, ratio)


def _curve_of(occupancy: str, storeys: int) -> int:
    """Row of the curve of a Hazus occupancy class; ``RES3C`` falls back to ``RES3``, an unknown class to ``COM1``."""
    known = _curves().rows
    found = known.get(occupancy) or known.get(occupancy.rstrip("ABCDEF")) or known["COM1"]
    return next((row for low, high, row in found if low <= storeys <= high), found[-1][2])


def damage(city: City, depth_m: Mapping[int, float]) -> Damage:
    """Work out the damage of a flood.

    Parameters
    ----------
    city : City
        Needs ``cells``; with ``buildings`` the loss is worked out as well.
    depth_m : mapping of int to float
        H3 cell → greatest water depth over the cell's median ground.

    Notes
    -----
    The water surface of a cell is its median ground plus the depth; a building stands in water by that surface less its
    own ground and floor height. Curves: Hazus 6.1 (FEMA 2024), structure only.
    """
    cells = city.table("cells")
    ids = city.column("cells", "cell")
    wet = np.array([depth_m.get(int(c), 0.0) for c in ids])
    residents = city.column("cells", "residents").astype(np.float64)
    if not city.has("buildings") or not len(city.table("buildings")):
        table = _cells_table(ids, wet, np.zeros(len(cells)), np.zeros(len(cells), np.int64), residents)
        affected = float(residents[wet > 0].sum())
        empty = _buildings_table([], np.zeros(0, np.uint64), np.zeros(0), np.zeros(0), np.zeros(0))
        method = "exposure only: the city package has no buildings"
        return Damage(
            method=method, buildings=empty, cells=table, buildings_damaged=0, residents_affected=affected, loss_cny=None
        )
    return _building_damage(city, ids, wet, residents)


def _building_damage(city: City, ids: NDArray[np.uint64], wet: F64, residents: F64) -> Damage:
    table = city.table("buildings")
    count = len(table)
    position = {int(c): i for i, c in enumerate(ids)}
    home = np.array([position.get(int(c), -1) for c in city.column("buildings", "cell")])
    in_cell = home >= 0
    ground = _filled(city, "ground_m", np.nan)
    cell_ground = city.column("cells", "ground_m", default=np.nan).astype(np.float64)
    depth = np.where(in_cell, wet[home], 0.0)
    offset = np.where(in_cell, cell_ground[home] - ground, 0.0)
    depth = np.where(depth > 0.0, np.maximum(depth + np.nan_to_num(offset), 0.0), 0.0)
    over_floor = np.where(depth > 0.0, depth - _filled(city, "floor_height_m", FLOOR_HEIGHT_M), -np.inf)
    storeys = _filled(city, "storeys", 1.0).astype(np.int64)
    occupancy = table["occupancy"].to_pylist() if "occupancy" in table.column_names else [None] * count
    kinds = {key: _curve_of(*key) for key in dict.fromkeys(zip((o or "RES1" for o in occupancy), storeys.tolist()))}  # noqa: B905 — both have one item per building
    curve = np.array([kinds[o or "RES1", s] for o, s in zip(occupancy, storeys.tolist(), strict=True)], dtype=np.intp)
    curves = _curves()
    ratio = np.zeros(count)
    hit = np.isfinite(over_floor)
    ratio[hit] = loss_ratio(over_floor[hit], curve[hit], curves.depth_m, curves.ratio)
    loss = ratio * _filled(city, "value_cny", 0.0)
    slot = home[in_cell]
    by_cell = np.bincount(slot, weights=loss[in_cell], minlength=len(ids)).astype(np.float64)
    hurt = np.bincount(slot, weights=(ratio[in_cell] > 0.01).astype(np.float64), minlength=len(ids)).astype(np.int64)
    people = _filled(city, "residents", 0.0)
    return Damage(
        method="Hazus 6.1 structure curves at the depth over each building's floor",
        buildings=_buildings_table(
            [b for b, h in zip(table["building_id"].to_pylist(), hit, strict=True) if h],
            city.column("buildings", "cell")[hit],
            depth[hit],
            ratio[hit],
            loss[hit],
        ),
        cells=_cells_table(ids, wet, by_cell, hurt, residents),
        buildings_damaged=int((ratio > 0.01).sum()),
        residents_affected=float(people[depth > 0.0].sum()),
        loss_cny=float(loss.sum()),
    )


def _filled(city: City, column: str, default: float) -> F64:
    values = city.column("buildings", column, default=default).astype(np.float64)
    return np.where(np.isnan(values), default, values)


def _buildings_table(ids: Sequence[str], cell: NDArray[np.uint64], depth: F64, ratio: F64, loss: F64) -> pa.Table:
    state = [DAMAGE_STATES[i] for i in damage_state(ratio)]
    return pa.table(
        {
            "building_id": pa.array(ids, pa.string()),
            "cell": pa.array(cell, pa.uint64()),
            "depth_m": depth,
            "loss_ratio": ratio,
            "loss_cny": loss,
            "state": pa.array(state, pa.string()),
        }
    )


def _cells_table(ids: NDArray[np.uint64], depth: F64, loss: F64, count: NDArray[np.int64], residents: F64) -> pa.Table:
    wet = depth > 0.0
    return pa.table(
        {
            "cell": pa.array(ids[wet], pa.uint64()),
            "depth_m": depth[wet],
            "loss_cny": loss[wet],
            "buildings": count[wet],
            "residents": residents[wet],
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefItem:
    """What one affected resident needs of an item."""

    unit: str
    per_resident: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """The table of relief items, with its source."""

    version: str
    jurisdiction: str
    valid_from: str
    source: str
    items: dict[str, ReliefItem]


def read_relief() -> Relief:
    """Read the shipped relief table."""
    text = (files("rencheng.recover") / "data" / "relief.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Relief)


def relief_gaps(city: City, wet_cells: Iterable[int], relief: Relief) -> tuple[ResourceGap, ...]:
    """What the affected residents of each area need beyond what the city has in stock.

    Stocks are shared between areas in proportion to need; an area is the smallest one its cells name.
    """
    wet = set(wet_cells)
    affected: dict[str, float] = {}
    for row in (
        city.table("cells")
        .select([c for c in ("cell", "area_id", "residents") if c in city.table("cells").column_names])
        .to_pylist()
    ):
        if row["cell"] in wet:
            area = row.get("area_id") or city.manifest.id
            affected[area] = affected.get(area, 0.0) + float(row["residents"])
    total = sum(affected.values())
    stock: dict[str, float] = {}
    for row in city.rows("stocks"):
        stock[row["item"]] = stock.get(row["item"], 0.0) + float(row["quantity"])
    gaps = []
    for area, people in sorted(affected.items()):
        for item, rule in relief.items.items():
            needed = people * rule.per_resident
            available = stock.get(item, 0.0) * people / total if total else 0.0
            if needed > available:
                gaps.append(ResourceGap(area_id=area, item=item, needed=needed, available=available, unit=rule.unit))
    return tuple(gaps)
