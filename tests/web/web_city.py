"""A small river city for the web tests: 30 × 24 blocks, one river, gauges, units, roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h3
import numpy as np
import shapely

from rencheng.city import City, Manifest, table_from_rows, write_city
from rencheng.kernel import cell_of

WEST, SOUTH, STEP = 113.20, 23.05, 0.0024
NX, NY = 30, 24
RIVER_LAT = SOUTH + STEP * (NY * 0.42)


def river_lat(lon: float) -> float:
    return RIVER_LAT + 0.006 * float(np.sin((lon - WEST) * 70))


def web_city(folder: Path) -> City:
    manifest = Manifest(
        id="linjiang",
        name="临江市",
        name_en="Linjiang",
        metric_crs="EPSG:32649",
        timezone="Asia/Shanghai",
        jurisdiction="CN",
        sources=("made for tests",),
    )
    rows = {
        "areas": _areas(),
        "cells": _cells(),
        "road_nodes": _nodes(),
        "road_links": _links(),
        "waters": _waters(),
        "facilities": _facilities(),
        "sensors": _sensors(),
        "channels": _channels(),
        "thresholds": _thresholds(),
        "organisations": _organisations(),
        "roles": _roles(),
        "units": _units(),
        "buildings": _buildings(),
    }
    return write_city(folder, manifest, {name: table_from_rows(name, listed) for name, listed in rows.items()})


def _box() -> tuple[float, float, float, float]:
    return WEST, SOUTH, WEST + STEP * NX, SOUTH + STEP * NY


def _box_wkb(west: float, south: float, east: float, north: float) -> bytes:
    return bytes(shapely.to_wkb(shapely.box(west, south, east, north)))


def _areas() -> list[dict[str, Any]]:
    west, south, east, north = _box()
    middle = (west + east) / 2
    return [
        {"area_id": "city", "kind": "city", "name": "临江市", "name_en": "Linjiang", "geometry": _box_wkb(*_box())},
        {
            "area_id": "d1",
            "kind": "district",
            "parent_id": "city",
            "name": "河西区",
            "name_en": "Hexi",
            "geometry": _box_wkb(west, south, middle, north),
        },
        {
            "area_id": "d2",
            "kind": "district",
            "parent_id": "city",
            "name": "河东区",
            "name_en": "Hedong",
            "geometry": _box_wkb(middle, south, east, north),
        },
    ]


def _cells() -> list[dict[str, Any]]:
    west, south, east, north = _box()
    ring = [(south, west), (south, east), (north, east), (north, west)]
    cells = sorted(h3.polygon_to_cells(h3.LatLngPoly(ring), 9))
    rows = []
    for cell in cells:
        lat, lon = h3.cell_to_latlng(cell)
        away = abs(lat - river_lat(lon))
        residents = float(round(240 + 900 * np.exp(-((lon - WEST - 0.035) ** 2 + away**2) / 4e-4)))
        rows.append(
            {
                "cell": int(cell, 16),
                "lon": lon,
                "lat": lat,
                "area_id": "d1" if lon < (west + east) / 2 else "d2",
                "residents": residents,
                "vulnerable_residents": round(residents * 0.19),
                "ground_m": 6 + away * 1800,
            }
        )
    return rows


def _nodes() -> list[dict[str, Any]]:
    return [
        {"node_id": j * 100 + i, "lon": WEST + i * STEP, "lat": SOUTH + j * STEP}
        for j in range(NY + 1)
        for i in range(NX + 1)
    ]


def _links() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for j in range(NY + 1):
        for i in range(NX + 1):
            for di, dj, lane in ((1, 0, j), (0, 1, i)):
                if i + di > NX or j + dj > NY:
                    continue
                road_class = "primary" if lane % 8 == 4 else "tertiary" if lane % 4 == 0 else "residential"
                a, b = j * 100 + i, (j + dj) * 100 + i + di
                for start, end in ((a, b), (b, a)):
                    rows.append(
                        {
                            "link_id": len(rows) + 1,
                            "from_node": start,
                            "to_node": end,
                            "length_m": 250.0,
                            "road_class": road_class,
                            "speed_m_s": 12.0,
                            "name": f"路{lane}",
                        }
                    )
    return rows


def _waters() -> list[dict[str, Any]]:
    lons = np.linspace(WEST - 0.01, WEST + STEP * NX + 0.01, 80)
    line = shapely.LineString([(lon, river_lat(lon)) for lon in lons])
    lake = shapely.Point(WEST + 0.05, SOUTH + 0.045).buffer(0.003)
    return [
        {"water_id": "w1", "kind": "river", "name": "临江", "geometry": shapely.to_wkb(line.buffer(0.0011))},
        {"water_id": "w2", "kind": "lake", "name": "南湖", "geometry": shapely.to_wkb(lake)},
    ]


def _placed(i: float, j: float) -> dict[str, Any]:
    lon, lat = WEST + i * STEP, SOUTH + j * STEP
    return {"lon": lon, "lat": lat, "cell": cell_of(lon, lat)}


def _facilities() -> list[dict[str, Any]]:
    spots = [("hospital", 6, 16), ("hospital", 22, 6), ("school", 10, 8), ("shelter", 15, 20), ("fire_station", 18, 15)]
    return [
        {"facility_id": f"f{n}", "kind": kind, "name": f"{kind} {n}", "capacity": 200.0, **_placed(i, j)}
        for n, (kind, i, j) in enumerate(spots)
    ]


def _sensors() -> list[dict[str, Any]]:
    gauges = []
    for n, i in enumerate((3, 14, 26)):
        lon = WEST + i * STEP
        gauges.append(
            {
                "sensor_id": f"g{n + 1}",
                "name": ("上游水文站", "临江大桥站", "下游水文站")[n],
                "kind": "river_gauge",
                "lon": lon,
                "lat": river_lat(lon),
                "river": "临江",
            }
        )
    rain = [(4, 4), (12, 18), (20, 4), (25, 18), (15, 12), (8, 12)]
    return gauges + [
        {"sensor_id": f"r{n + 1}", "name": f"雨量站{n + 1}", "kind": "rain_gauge", **_placed(i, j)}
        for n, (i, j) in enumerate(rain)
    ]


def _channels() -> list[dict[str, Any]]:
    return [
        {
            "sensor_id": row["sensor_id"],
            "quantity": "stage_m" if row["kind"] == "river_gauge" else "rain_mm",
            "interval_s": 300.0,
        }
        for row in _sensors()
    ]


def _thresholds() -> list[dict[str, Any]]:
    steps = (("blue", 3.0), ("yellow", 3.6), ("orange", 4.2), ("red", 5.0))
    return [
        {
            "sensor_id": f"g{n}",
            "quantity": "stage_m",
            "colour": colour,
            "value": value,
            "name": f"{colour} stage",
            "source": "made for tests",
        }
        for n in (1, 2, 3)
        for colour, value in steps
    ]


def _organisations() -> list[dict[str, Any]]:
    return [
        {"org_id": "o1", "level": "city", "kind": "command", "name": "市防汛指挥部", "name_en": "City flood command"},
        {
            "org_id": "o2",
            "parent_id": "o1",
            "level": "district",
            "kind": "command",
            "name": "河西区指挥部",
            "name_en": "Hexi command",
            "area_id": "d1",
        },
    ]


def _roles() -> list[dict[str, Any]]:
    named = {
        "commander": ("总指挥", "Commander"),
        "water_lead": ("水务负责人", "Water lead"),
        "traffic_lead": ("交通负责人", "Traffic lead"),
        "fire_lead": ("消防负责人", "Fire lead"),
        "grid_officer": ("网格员", "Grid officer"),
    }
    return [
        {
            "role_id": duty,
            "org_id": "o1",
            "duty": duty,
            "name": zh,
            "name_en": en,
            "escalate_to": None if duty == "commander" else "commander",
        }
        for duty, (zh, en) in named.items()
    ]


def _units() -> list[dict[str, Any]]:
    kinds = [
        ("fire_engine", "fire,evacuation"),
        ("ambulance", "medical"),
        ("pump_truck", "pumping"),
        ("rescue_boat", "water_rescue,evacuation"),
        ("patrol_car", "traffic"),
        ("repair_crew", "repair"),
    ]
    spots = [(18, 15), (6, 16), (11, 7), (16, 11), (22, 20), (3, 9)]
    rows = []
    for n in range(18):
        kind, skills = kinds[n % 6]
        i, j = spots[n % 6]
        place = _placed(i + (n // 6) * 2, j + n // 6)
        rows.append(
            {
                "unit_id": f"u{n + 1}",
                "name": f"{kind} {n + 1}",
                "kind": kind,
                "skills": skills,
                "lon": place["lon"],
                "lat": place["lat"],
            }
        )
    return rows


def _buildings() -> list[dict[str, Any]]:
    rows = []
    for n in range(300):
        place = _placed(0.5 + n % NX, 0.5 + (n // NX) % NY)
        outline = shapely.box(place["lon"], place["lat"], place["lon"] + 0.0004, place["lat"] + 0.0004)
        rows.append(
            {
                "building_id": f"b{n}",
                "use": "residential",
                "storeys": 6,
                "residents": 90.0,
                **place,
                "geometry": shapely.to_wkb(outline),
            }
        )
    return rows
