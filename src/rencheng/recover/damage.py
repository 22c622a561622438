"""Damage of an event: depth at every building, the share of its value lost, sums by cell, and what people then need."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.recover.water import LOW_SHARE, Water
from rencheng.science.fragility import DAMAGE_STATES, damage_state, loss_ratio

__all__ = [
    "FLOOR_HEIGHT_M",
    "Damage",
    "curve_table",
    "damage",
    "damage_at_walls",
    "exposure",
    "filled_column",
    "structure_curves",
]

F64 = NDArray[np.float64]
FLOOR_HEIGHT_M = 0.3
"""First-floor height where the package has none (Hazus 6.1 Flood Model Technical Manual, slab on grade: 1 ft)."""
DAMAGED_FROM = 0.01
"""Loss ratio from which a building counts as damaged: the lower bound of Hazus' state slight."""


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
    return next((row for low, high, row in found if low <= max(storeys, 1) <= high), found[-1][2])


def curve_table() -> tuple[F64, F64]:
    """Depths (k,) and loss ratios (curves, k) of all structure curves."""
    return _curves().depth_m, _curves().ratio


def structure_curves(city: City, rows: NDArray[np.int64]) -> NDArray[np.intp]:
    """Row of the structure curve of some buildings of a city, by occupancy class and storeys."""
    table = city.table("buildings")
    storeys = filled_column(city, "storeys", 1.0)[rows].astype(np.int64).tolist()
    known = "occupancy" in table.column_names
    named = table["occupancy"].take(pa.array(rows)).to_pylist() if known else [None] * len(rows)
    kinds = [(o or "RES1", s) for o, s in zip(named, storeys, strict=True)]
    row = {kind: _curve_of(*kind) for kind in dict.fromkeys(kinds)}
    return np.array([row[k] for k in kinds], dtype=np.intp)


def damage(city: City, water: Water) -> Damage:
    """Work out the damage of a flood.

    Parameters
    ----------
    city : City
        Needs ``cells``; with ``buildings`` the loss is worked out as well.
    water : Water
        Depth and extent by cell.

    Notes
    -----
    In a cell of which a share stands in water, its lowest buildings do: of river water those within the share, the
    surface lying the mean depth over their mean ground; of street water the lowest tenth (at least one building), the
    surface lying the depth over the lowest ground. A building whose ground is not known counts with that share of its
    loss. Curves: Hazus 6.1 (FEMA 2024), structure only, at the depth over the first floor.
    """
    if not city.has("buildings") or not len(city.table("buildings")):
        return exposure(city, water.cell, water.share_ratio, "exposure only: the city package has no buildings", water)
    return _building_damage(city, water)


def exposure(city: City, cell: NDArray[np.uint64], share_ratio: F64, method: str, water: Water | None = None) -> Damage:
    """Count residents of a share of each cell, where loss cannot be worked out; ``method`` says why."""
    ids = city.column("cells", "cell")
    residents = _by_cell(ids, cell, share_ratio) * np.nan_to_num(city.column("cells", "residents").astype(np.float64))
    depth = np.zeros(len(ids)) if water is None else _by_cell(ids, water.cell, water.depth_m)
    return Damage(
        method=method,
        buildings=_buildings_table([], np.zeros(0, np.uint64), np.zeros(0), np.zeros(0), np.zeros(0)),
        cells=_cells_table(ids, depth, np.zeros(len(ids)), np.zeros(len(ids)), residents),
        buildings_damaged=0,
        residents_affected=float(residents.sum()),
        loss_cny=None,
    )


def _by_cell(ids: NDArray[np.uint64], cell: NDArray[np.uint64], value: F64) -> F64:
    """Values of some cells laid on all cells of the city; 0 elsewhere."""
    out = np.zeros(len(ids))
    order = np.argsort(ids)
    slot = np.clip(np.searchsorted(ids, cell, sorter=order), 0, max(len(ids) - 1, 0))
    known = ids[order[slot]] == cell
    out[order[slot[known]]] = value[known]
    return out


def damage_at_walls(city: City, walls: Mapping[str, float], *, within: NDArray[np.uint64]) -> Damage:
    """Work out the damage of water whose depth at the buildings' walls is known.

    Parameters
    ----------
    city : City
        Needs ``cells`` and ``buildings``.
    walls : mapping of str to float
        Building id → deepest water at its wall, metres over the ground.
    within : uint64 array
        Cells of the event; a building elsewhere belongs to another event.

    Notes
    -----
    Curves: Hazus 6.1 (FEMA 2024), structure only, at the depth over the first floor.
    """
    ids = city.column("cells", "cell")
    home = _homes(city, ids)
    known = city.table("buildings").column("building_id").to_pylist()
    depth = np.array([walls.get(name, 0.0) for name in known])
    depth = np.where(np.isin(city.column("buildings", "cell"), within), depth, 0.0)
    weight = (depth > 0.0).astype(np.float64)
    depth_of = np.zeros(len(ids))
    np.maximum.at(depth_of, home[home >= 0], depth[home >= 0])
    share_of = np.where(depth_of > 0.0, LOW_SHARE, 0.0)
    said = "Hazus 6.1 structure curves at the depth over each building's floor, water at the walls by the flood engine"
    return _sum_up(city, ids, home, depth, weight, depth_of, share_of, said)


def _homes(city: City, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Row of the cell that each building stands in; -1 where the city has no such cell."""
    order = np.argsort(ids)
    cell = city.column("buildings", "cell")
    slot = np.clip(np.searchsorted(ids, cell, sorter=order), 0, len(ids) - 1)
    return np.asarray(np.where(ids[order[slot]] == cell, order[slot], -1), dtype=np.int64)


def _building_damage(city: City, water: Water) -> Damage:
    ids = city.column("cells", "cell")
    depth_of, share_of = _by_cell(ids, water.cell, water.depth_m), _by_cell(ids, water.cell, water.share_ratio)
    home = _homes(city, ids)
    ground = filled_column(city, "ground_m", np.nan)
    depth, weight = _depth_at_buildings(home, ground, depth_of, share_of, at_lowest=water.at_lowest)
    return _sum_up(city, ids, home, depth, weight, depth_of, share_of, _method(ground, home, depth_of))


def _sum_up(
    city: City,
    ids: NDArray[np.uint64],
    home: NDArray[np.int64],
    depth: F64,
    weight: F64,
    depth_of: F64,
    share_of: F64,
    method: str,
) -> Damage:
    """Loss of every building, given the depth at each and how much of it counts, and sums by cell."""
    table, cell = city.table("buildings"), city.column("buildings", "cell")
    hit = np.flatnonzero(weight > 0.0)
    in_water = np.zeros(len(table))
    in_water[hit] = _loss_ratios(city, depth, hit)
    ratio = in_water * weight
    value = filled_column(city, "value_cny", np.nan)
    valued = bool(np.isfinite(value).any())
    loss = ratio * np.nan_to_num(value)
    hurt = np.where(in_water > DAMAGED_FROM, weight, 0.0)
    people = filled_column(city, "residents", np.nan)
    if np.isfinite(people).any():
        residents = _sum(home, np.nan_to_num(people) * weight, len(ids))
    else:
        residents = share_of * np.nan_to_num(city.column("cells", "residents").astype(np.float64))
    return Damage(
        method=method if valued else f"{method}; no loss in money: the package gives no values",
        buildings=_buildings_table(
            table["building_id"].take(pa.array(hit)).to_pylist(), cell[hit], depth[hit], ratio[hit], loss[hit]
        ),
        cells=_cells_table(ids, depth_of, _sum(home, loss, len(ids)), _sum(home, hurt, len(ids)), residents),
        buildings_damaged=round(float(hurt.sum())),
        residents_affected=float(residents.sum()),
        loss_cny=float(loss.sum()) if valued else None,
    )


def _method(ground: F64, home: NDArray[np.int64], depth_of: F64) -> str:
    wet = (home >= 0) & (depth_of[home] > 0.0)
    said = "Hazus 6.1 structure curves at the depth over each building's floor"
    if np.isnan(ground[wet]).any():
        said += "; where a building's ground is not known, the flooded share of its loss"
    return said


def _depth_at_buildings(
    home: NDArray[np.int64], ground: F64, depth_of: F64, share_of: F64, *, at_lowest: bool
) -> tuple[F64, F64]:
    """Depth over the ground at every building, and how much of it counts: 1, 0, or a share where ground is unknown."""
    depth = np.where(home >= 0, depth_of[home], 0.0)
    weight = np.where(depth > 0.0, share_of[home], 0.0)
    known = np.flatnonzero((depth > 0.0) & np.isfinite(ground))
    if not len(known):
        return depth, weight
    order = known[np.lexsort((ground[known], home[known]))]
    begins = np.flatnonzero(np.append(True, np.diff(home[order]) != 0))
    count = np.diff(np.append(begins, len(order)))
    group = np.repeat(np.arange(len(begins)), count)
    rank = np.arange(len(order)) - begins[group]
    share = share_of[home[order]] * count[group]
    if at_lowest:
        wet = rank < share
        level = ground[order][begins][group]
    else:
        wet = rank + 0.5 <= share
        some = np.maximum(np.bincount(group, weights=wet, minlength=len(begins)), 1.0)
        level = (np.bincount(group, weights=np.where(wet, ground[order], 0.0), minlength=len(begins)) / some)[group]
    over = np.where(wet, np.maximum(level + depth[order] - ground[order], 0.0), 0.0)
    depth[order], weight[order] = over, (over > 0.0).astype(np.float64)
    return depth, weight


def _loss_ratios(city: City, depth: F64, hit: NDArray[np.int64]) -> F64:
    over_floor = depth[hit] - filled_column(city, "floor_height_m", FLOOR_HEIGHT_M)[hit]
    return loss_ratio(over_floor, structure_curves(city, hit), *curve_table())


def _sum(home: NDArray[np.int64], value: F64, count: int) -> F64:
    at = home >= 0
    return np.bincount(home[at], weights=value[at], minlength=count).astype(np.float64)


def filled_column(city: City, column: str, default: float) -> F64:
    """A column of the buildings, with a default where the package has no number."""
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


def _cells_table(ids: NDArray[np.uint64], depth: F64, loss: F64, count: F64, residents: F64) -> pa.Table:
    hit = (depth > 0.0) | (residents > 0.0)
    return pa.table(
        {
            "cell": pa.array(ids[hit], pa.uint64()),
            "depth_m": depth[hit],
            "loss_cny": loss[hit],
            "buildings": np.round(count[hit]).astype(np.int64),
            "residents": residents[hit],
        }
    )
