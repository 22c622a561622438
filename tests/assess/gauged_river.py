"""A small made-up river: two gauges above a lake town, a wave on the hills, and the lake's second gauge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.assess.memory_readings import MemoryReadings

from rencheng.city import City, Manifest, table_from_rows, write_city
from rencheng.kernel import cell_of, neighbours

__all__ = ["HILL", "LAKE", "LAST", "MIDDLE", "PLACES", "RIVER_TOML", "START", "TOWN", "record", "river_city", "waves"]

HILL, MIDDLE, TOWN, LAKE = "hill", "middle", "town", "lake"
START = datetime(2024, 3, 1, tzinfo=UTC)
LAST = START + timedelta(hours=239)
PLACES = {HILL: (10.0, 50.5), MIDDLE: (10.2, 50.2), TOWN: (10.3, 50.0), LAKE: (10.35, 49.95)}
Floats = NDArray[np.float64]

RIVER_TOML = """
[river]
name = "Made-up"
target = "town"
sources = ["made up for tests"]

[[gauge]]
sensor_id = "middle"
below = "town"
distance_km = 40
area_km2 = 3000
centre = [10.2, 50.3]
spread_km = 15
response_h = [4, 12]
celerity_m_s = [0.8, 2.0]

[[gauge]]
sensor_id = "hill"
below = "middle"
distance_km = 40
area_km2 = 2000
centre = [10.0, 50.6]
spread_km = 20
response_h = [4, 12]
celerity_m_s = [0.8, 2.0]

[[pool]]
sensor_id = "town"
name = "Upper lake"
catchment_km2 = 300
centre = [10.3, 50.0]
spread_km = 10
area_km2 = [20, 30]
depth_m = [3, 8]
loss_share = [0.2, 0.6]

[[pool]]
sensor_id = "lake"
name = "Lake"
area_km2 = [60, 80]
depth_m = [3, 8]

[[pool]]
name = "Sea"
area_km2 = [9000, 9001]

[anchor]
stage_m = 4.0
discharge_m3_s = 2000
spread_ratio = 0.2
last_pool_m = [0.8, 1.2]
source = "made up"
"""


def waves(peak_m3_s: float) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
    """Hourly stages, discharges and rain of ten days at rest but for a wave on the hills in the last day."""
    hour = np.arange(240)
    hill = 40.0 + (peak_m3_s - 40.0) * np.clip((hour - 215) / 24.0, 0.0, 1.0)
    middle = 55.0 + (peak_m3_s - 40.0) * np.clip((hour - 228) / 24.0, 0.0, 1.0)  # thirteen hours later
    tide = 0.05 * np.sin(hour / 9.0)
    stage = {
        HILL: 1.0 + (hill / 40.0) ** 0.6,
        MIDDLE: 1.0 + (middle / 50.0) ** 0.6,
        TOWN: 1.0 + tide,
        LAKE: 0.98 + tide,
    }
    wet = np.where((hour > 210) & (peak_m3_s > 60.0), 2.0, 0.0)
    return stage, {HILL: hill, MIDDLE: middle}, {HILL: wet, MIDDLE: wet}


def record(peak_m3_s: float = 60.0, *, silent: tuple[str, ...] = (), no_stage: tuple[str, ...] = ()) -> MemoryReadings:
    """The waves as a readings store; ``no_stage`` gauges told no stage that the checks let pass, only discharge."""
    stage, discharge, rain = waves(peak_m3_s)
    at = [START + timedelta(hours=h) for h in range(240)]

    def rows(values: dict[str, Floats], without: tuple[str, ...]) -> list[tuple[str, datetime, float]]:
        told = sorted((s, v) for s, v in values.items() if s not in without)
        return [(s, t, float(x)) for s, v in told for t, x in zip(at, v, strict=True)]

    return MemoryReadings.of(
        {
            "stage_m": rows(stage, (*silent, *no_stage)),
            "discharge_m3_s": rows(discharge, silent),
            "rain_mm": rows(rain, silent),
        }
    )


def river_city(path: Path, *, feed: str = "") -> City:
    """The town's package, with its river file and a flood mark of 2 m; with a feed, its configuration as well."""
    sensors = [
        {"sensor_id": s, "name": s.title(), "kind": "river_gauge", "lon": lon, "lat": lat, "river": "Made-up"}
        for s, (lon, lat) in PLACES.items()
    ]
    mark = {
        "sensor_id": TOWN,
        "quantity": "stage_m",
        "colour": "orange",
        "value": 2.0,
        "name": "flood mark",
        "source": "made up",
    }
    channels = [
        {"sensor_id": s, "quantity": q}
        for s in PLACES
        for q in ("stage_m", "discharge_m3_s", "rain_mm")
        if q == "stage_m" or s in (HILL, MIDDLE)
    ]
    cells = [
        {"cell": c, "lon": PLACES[TOWN][0], "lat": PLACES[TOWN][1], "residents": 100.0}
        for c in neighbours(cell_of(*PLACES[TOWN]))
    ]
    tables = {
        "cells": table_from_rows("cells", cells),
        "sensors": table_from_rows("sensors", sensors),
        "channels": table_from_rows("channels", channels),
        "thresholds": table_from_rows("thresholds", [mark]),
    }
    manifest = Manifest(
        id="river-town",
        name="River town",
        name_en="River town",
        metric_crs="EPSG:32632",
        timezone="Europe/Berlin",
        jurisdiction="DE",
    )
    extras: dict[str, Path | bytes] = {"river/river.toml": RIVER_TOML.encode()}
    if feed:
        extras["feeds/feed.toml"] = feed.encode()
    return write_city(path, manifest, tables, extras=extras)
