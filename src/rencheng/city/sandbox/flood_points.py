"""The sandbox city's register of flood-prone points: its low places, and the lowest homes that nobody watches."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.sandbox.buildings import Buildings
from rencheng.city.sandbox.drainage import LowPoints
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.roads import Roads

__all__ = ["flood_point_rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_STATUS = {"planned": 0.3, "in_work": 0.25, "done": 0.25, "verified": 0.2}
"""How far the remediation of the points is, by share."""
_FIRST_DAY, _DAYS = date(2025, 6, 30), 820
"""Planned days lie within so many days from here: some before, some after the storms that are played."""
_LISTED, _BASELINE = (2021, 2025), 2023
_HOMES_PER_RESIDENTS = 50_000
_HOME_APART_M = 250.0
_MEASURES = {
    "underpass": ("泵站扩容、增设雨水口与横截沟", "Larger pumps, more inlets and a cross drain"),
    "road": ("雨水管扩径并新建调蓄池", "Wider storm sewer and a detention tank"),
    "community": ("小区雨污分流与海绵化改造", "Separate sewers and sponge-city works in the estate"),
}
_ORG = {"underpass": "city-water", "road": "city-water", "community": "city-housing"}


def flood_point_rows(
    frame: Frame,
    roads: Roads,
    names: list[str],
    low: LowPoints,
    buildings: Buildings,
    living: Ints,
    ground_m: Floats,
) -> list[dict[str, object]]:
    """Rows of ``flood_prone_points`` with map coordinates.

    Parameters
    ----------
    names : list of str
        Street name of each road piece.
    low : LowPoints
        Underpasses first, then hollows; each becomes a point on its road.
    living, ground_m : arrays, shape (buildings,)
        Residents and ground of the buildings: the lowest homes far from any low place become points of communities.
    """
    piece = _pieces(roads, low)
    rows = [
        _low_row(k, bool(low.underpass[k]), names[int(piece[k])], 2 * int(piece[k]) + 1, low)
        for k in range(len(low.x_m))
    ]
    homes = _lowest_homes(frame, low, buildings, living, ground_m)
    for n, at in enumerate(homes, start=1):
        name = {"name": f"{n}号低洼小区", "name_en": f"Low estate {n}", "kind": "community"}
        rows.append({**name, "x_m": float(buildings.x_m[at]), "y_m": float(buildings.y_m[at]), "link_id": None})
    return [_remediated(frame, k, row) for k, row in enumerate(rows)]


def _low_row(k: int, under: bool, street: str, link: int, low: LowPoints) -> dict[str, object]:
    what, what_en = ("下穿通道", "underpass") if under else ("低洼路段", "hollow")
    return {
        "name": f"{street}{what}{k + 1}",
        "name_en": f"Road {what_en} {k + 1}",
        "kind": "underpass" if under else "road",
        "x_m": float(low.x_m[k]),
        "y_m": float(low.y_m[k]),
        "link_id": link,
    }


def _pieces(roads: Roads, low: LowPoints) -> Ints:
    """Road piece of each low place: the underpass itself, or the highest-ranking street at the hollow's corner."""
    under = np.flatnonzero(roads.underpass)
    found = np.zeros(len(low.x_m), np.int64)
    found[: len(under)] = under
    middle = np.stack([roads.path_x_m, roads.path_y_m], axis=2)
    for k in range(len(under), len(found)):
        away = np.hypot(middle[..., 0] - low.x_m[k], middle[..., 1] - low.y_m[k]).min(axis=1)
        near = np.flatnonzero(away <= away.min() + 1.0)
        found[k] = near[int(np.argmin(roads.road_class[near]))]
    return found


def _lowest_homes(frame: Frame, low: LowPoints, buildings: Buildings, living: Ints, ground_m: Floats) -> list[int]:
    """Buildings with people that lie lowest, well apart from one another and from every low place."""
    level = np.where(living > 0, ground_m, np.inf)
    away = cKDTree(np.stack([low.x_m, low.y_m], axis=1)).query(np.stack([buildings.x_m, buildings.y_m], axis=1))[0]
    level[away < _HOME_APART_M] = np.inf
    chosen: list[int] = []
    for _ in range(max(1, round(frame.residents / _HOMES_PER_RESIDENTS))):
        best = int(np.argmin(level))
        if not np.isfinite(level[best]):
            break
        chosen.append(best)
        apart = np.hypot(buildings.x_m - buildings.x_m[best], buildings.y_m - buildings.y_m[best])
        level[apart < 2.0 * _HOME_APART_M] = np.inf
    return chosen


def _remediated(frame: Frame, k: int, row: dict[str, object]) -> dict[str, object]:
    """Say how far the remediation of a point is; each point draws from numbers of its own."""
    rng = frame.rng(f"flood-point-{k + 1}")
    steps = np.cumsum(list(_STATUS.values()))[:-1]
    status = list(_STATUS)[int(np.searchsorted(steps, rng.random()))]
    planned = _FIRST_DAY + timedelta(days=int(rng.integers(0, _DAYS)))
    ended = status in {"done", "verified"}
    if ended:
        planned = min(planned, date(2026, 5, 31))  # what is done was done before the season's storms
    kind = str(row["kind"])
    measure, measure_en = _MEASURES[kind]
    return {
        "point_id": f"flood-point-{k + 1:03d}",
        **row,
        "org_id": _ORG[kind],
        "listed_year": int(rng.integers(*_LISTED)),
        "status": status,
        "planned_on": planned.isoformat(),
        "done_on": (planned - timedelta(days=int(rng.integers(0, 120)))).isoformat() if ended else None,
        "measure": measure,
        "measure_en": measure_en,
        "baseline_year": _BASELINE,
        "baseline_ponding_s": float(60 * int(rng.integers(40, 180))),
    }
