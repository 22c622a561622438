"""A small river town made by hand: a valley, a river along its floor, two gauges, rain and street sensors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h3.api.numpy_int as h3_int
import numpy as np
import shapely
from tests.assess.memory_readings import MemoryReadings

from rencheng import assess
from rencheng.adapters.memory import MemoryFieldStore
from rencheng.assess import State
from rencheng.city import City, Manifest, Terrain, table_from_rows, write_city
from rencheng.kernel import Draft, fact_type_of
from rencheng.ledger import Entry

T0 = datetime(2024, 7, 1, tzinfo=UTC)
LON, LAT = 114.0, 30.5
CRS = "EPSG:32650"
FLOOD_M = 5.0
Rows = dict[str, list[tuple[str, datetime, float]]]


def town(path: Path, *, terrain: bool = True, gauge: str = "river_gauge") -> City:
    """Write the town: land rises 2 m per 100 m away from a river that runs north through its middle."""
    centre = h3_int.latlng_to_cell(LAT, LON, 9)
    cells = sorted(int(c) for c in h3_int.grid_disk(centre, 4))
    places = [h3_int.cell_to_latlng(c) for c in cells]
    ground, river = _valley()
    tables = {
        "cells": table_from_rows(
            "cells",
            [
                {
                    "cell": c,
                    "lon": lon,
                    "lat": lat,
                    "residents": 0.0 if i % 5 == 0 else 400.0,
                    "vulnerable_residents": 0.0 if i % 5 == 0 else 80.0,
                }
                for i, (c, (lat, lon)) in enumerate(zip(cells, places, strict=True))
            ],
        ),
        "facilities": table_from_rows(
            "facilities",
            [
                {"facility_id": "school-1", "kind": "school", "lon": LON, "lat": LAT, "cell": int(centre)},
                {"facility_id": "hydrant-1", "kind": "hydrant", "lon": LON, "lat": LAT, "cell": int(centre)},
            ],
        ),
        "sensors": table_from_rows(
            "sensors",
            [
                {"sensor_id": "town", "kind": gauge, "lon": LON, "lat": LAT, "river_id": "r"},
                {"sensor_id": "upstream", "kind": "river_gauge", "lon": LON, "lat": LAT + 0.5, "river_id": "r"},
                {"sensor_id": "rain", "kind": "rain_gauge", "lon": LON + 0.005, "lat": LAT},
                {"sensor_id": "street", "kind": "street_depth", "lon": LON + 0.002, "lat": LAT},
            ],
        ),
        "thresholds": table_from_rows(
            "thresholds",
            [
                _threshold("yellow", FLOOD_M - 1.0, "alert stage"),
                _threshold("orange", FLOOD_M, "flood stage"),
            ],
        ),
        "waters": table_from_rows("waters", [{"water_id": "r", "kind": "river", "geometry": shapely.to_wkb(river)}]),
    }
    manifest = Manifest(
        id="town", name="河城", name_en="River Town", metric_crs=CRS, timezone="Asia/Shanghai", jurisdiction="CN"
    )
    return write_city(path, manifest, tables, ground if terrain else None)


def _threshold(colour: str, value: float, name: str) -> dict[str, object]:
    return {
        "sensor_id": "town",
        "quantity": "stage_m",
        "colour": colour,
        "value": value,
        "name": name,
        "source": "made for a test",
    }


def _valley() -> tuple[Terrain, shapely.LineString]:
    from pyproj import Transformer

    x, y = Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(LON, LAT)
    n, edge = 240, 20.0
    west, south = x - n * edge / 2, y - n * edge / 2
    across = np.abs(np.arange(n) + 0.5 - n / 2) * edge
    ground = 20.0 + 0.02 * across[None, :] + 0.0005 * (np.arange(n) * edge)[:, None]
    terrain = Terrain(ground_m=ground.astype(np.float32), west_m=west, south_m=south, cell_m=edge, crs=CRS)
    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    ends = [back.transform(x, south + 1.0), back.transform(x, south + n * edge - 1.0)]
    return terrain, shapely.LineString(ends)


def hourly(values: list[float], sensor: str, *, end: datetime) -> list[tuple[str, datetime, float]]:
    """One value an hour, the last at ``end``."""
    return [(sensor, end - timedelta(hours=len(values) - 1 - i), v) for i, v in enumerate(values)]


def inputs_for(city: City, rows: Mapping[str, list[tuple[str, datetime, float]]]) -> assess.Inputs:
    """Assessment of the town over some readings, with the rules and models that ship."""
    return assess.Inputs(city=city, readings=MemoryReadings.of(rows), fields=MemoryFieldStore())


def entry_of(draft: Draft, seq: int = 1) -> Entry:
    """The entry of a draft as the loop makes it while a turn is under way."""
    registered = fact_type_of(draft.body)
    return Entry(
        seq=seq,
        id=draft.id,
        stream=draft.stream,
        version=0,
        kind=registered.kind,
        schema=registered.schema,
        occurred_at=draft.occurred_at,
        recorded_at=draft.occurred_at,
        actor=draft.actor,
        cause=draft.cause,
        body=draft.body,
        leaf=b"",
    )


def after(state: State, drafts: list[Draft]) -> State:
    """State once the drafts are facts."""
    for draft in drafts:
        state = assess.evolve(state, entry_of(draft))
    return state
