"""A city of three cells with a row of houses on a slope in each, so that every depth can be worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rencheng.assess.consequence import RISK_SCHEMA
from rencheng.city import City, Manifest, table_from_rows, write_city
from rencheng.kernel import cell_of

LON, LAT = 121.0, 31.0
CELLS = [cell_of(LON + 0.02 * i, LAT) for i in range(3)]
GROUNDS = [2.0 + 0.5 * i for i in range(10)]
"""Ten houses in the first cell, each half a metre above the one before."""


def slope_city(
    folder: Path, *, buildings: bool = True, without: tuple[str, ...] = (), stocks: list[dict[str, Any]] | None = None
) -> City:
    """Write the city; ``without`` names building columns to leave out."""
    manifest = Manifest(
        id="slope", name="坡城", name_en="Slope", metric_crs="EPSG:32651", timezone="Asia/Shanghai", jurisdiction="CN"
    )
    tables = {
        "areas": table_from_rows("areas", [{"area_id": "slope", "kind": "city", "name": "坡城"}]),
        "cells": table_from_rows("cells", [_cell(i) for i in range(3)]),
    }
    if buildings:
        houses = [_house(CELLS[0], i, ground) for i, ground in enumerate(GROUNDS)] + [_house(CELLS[1], 99, 5.0)]
        kept = [{key: value for key, value in house.items() if key not in without} for house in houses]
        tables["buildings"] = table_from_rows("buildings", kept)
    if stocks:
        tables["stocks"] = table_from_rows("stocks", stocks)
    return write_city(folder / "slope", manifest, tables)


def _cell(i: int) -> dict[str, Any]:
    return {
        "cell": CELLS[i],
        "lon": LON + 0.02 * i,
        "lat": LAT,
        "area_id": "slope",
        "residents": 100.0,
        "ground_m": 4.0,
    }


def _house(cell: int, number: int, ground: float) -> dict[str, Any]:
    return {
        "building_id": f"house-{number}",
        "use": "residential",
        "occupancy": "RES1",
        "storeys": 1,
        "residents": 4.0,
        "ground_m": ground,
        "floor_height_m": 0.0,
        "value_cny": 1_000_000.0,
        "lon": LON,
        "lat": LAT,
        "cell": cell,
    }


def risk_rows(rows: list[tuple[int, float, float, float]]) -> pa.Table:
    """A risk table of (cell, lead_h, probability, intensity)."""
    count = len(rows)
    columns = {
        "cell": np.array([r[0] for r in rows], dtype=np.uint64),
        "lead_h": np.array([r[1] for r in rows], dtype=np.float64),
        "probability": np.array([r[2] for r in rows], dtype=np.float64),
        "intensity": np.array([r[3] for r in rows], dtype=np.float64),
    }
    zeros = np.zeros(count)
    columns |= dict.fromkeys(("residents", "vulnerable_residents", "facilities", "risk"), zeros)
    return pa.table({**columns, "colour": ["red"] * count}, schema=RISK_SCHEMA)
