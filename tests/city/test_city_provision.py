"""Measures of provision, counted by hand in a city of two cells; what is not told is missing, not nought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h3
import pytest

from rencheng.city import City, Manifest, table_from_rows
from rencheng.city.provision import CITY_MEASURES, inhabited_km2, residents_within
from rencheng.kernel import MissingData

LON, LAT = 114.0, 30.5
HERE = h3.latlng_to_cell(LAT, LON, 9)
FAR = h3.latlng_to_cell(LAT, LON + 0.05, 9)
EMPTY = h3.latlng_to_cell(LAT, LON + 0.2, 9)
KM2 = h3.cell_area(HERE) + h3.cell_area(FAR)


def cell(name: str, residents: float, vulnerable: float) -> dict[str, Any]:
    lat, lon = h3.cell_to_latlng(name)
    where = {"cell": int(name, 16), "lon": lon, "lat": lat, "jobs": residents / 2}
    return {**where, "residents": residents, "vulnerable_residents": vulnerable}


def facility(number: int, kind: str, capacity: float | None) -> dict[str, Any]:
    where = {"lon": LON, "lat": LAT, "cell": int(HERE, 16)}
    return {"facility_id": f"f{number}", "kind": kind, "capacity": capacity, **where}


def link(number: int, start: int, end: int, length_m: float, *, underpass: bool = False) -> dict[str, Any]:
    road = {"road_class": "residential", "speed_m_s": 8.0, "underpass": underpass}
    return {"link_id": number, "from_node": start, "to_node": end, "length_m": length_m, **road}


def unit(number: int, kind: str) -> dict[str, Any]:
    return {"unit_id": f"u{number}", "kind": kind, "skills": "medical", "lon": LON, "lat": LAT}


ROWS: dict[str, list[dict[str, Any]]] = {
    "cells": [cell(HERE, 3000.0, 600.0), cell(FAR, 1000.0, 200.0), cell(EMPTY, 0.0, 0.0)],
    "facilities": [facility(1, "hospital", 20.0), facility(2, "shelter", 800.0), facility(3, "shelter", None)],
    # a square with one diagonal, the first side in both directions: 5 streets, 4 nodes
    "road_links": [
        link(1, 1, 2, 500.0),
        link(2, 2, 1, 500.0),
        link(3, 2, 3, 500.0, underpass=True),
        link(4, 3, 4, 500.0),
        link(5, 4, 1, 500.0),
        link(6, 1, 3, 700.0),
    ],
    "units": [unit(1, "ambulance"), unit(2, "ambulance"), unit(3, "pump_truck")],
}


def city(**changes: list[dict[str, Any]] | None) -> City:
    tables = {name: table_from_rows(name, rows) for name, rows in {**ROWS, **changes}.items() if rows is not None}
    manifest = Manifest(
        id="two",
        name="双格",
        name_en="Two Cells",
        metric_crs="EPSG:32650",
        timezone="Asia/Shanghai",
        jurisdiction="CN",
    )
    return City(path=Path("/nowhere"), manifest=manifest, _tables=tables)


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("beds_per_1000", 5.0),
        ("shelter_places_per_resident", 0.2),
        ("shelter_reach_ratio", 0.75),
        ("clinic_reach_ratio", 0.75),
        ("ambulances_per_100k", 50.0),
        ("boats_per_100k", 0.0),
        ("vulnerable_ratio", 0.2),
        ("jobs_per_resident", 0.5),
        ("residents_per_km2", 4000.0 / KM2),
        ("street_km_per_km2", 2.7 / KM2),
        ("underpass_ratio", 1 / 6),
        ("road_meshedness", (5 - 4 + 1) / (2 * 4 - 5)),
    ],
)
def test_a_measure_is_what_one_counts_by_hand(measure: str, value: float) -> None:
    assert CITY_MEASURES[measure](city()) == pytest.approx(value)


def test_cells_that_nobody_lives_in_are_no_built_up_area() -> None:
    assert inhabited_km2(city()) == pytest.approx(KM2)


def test_a_longer_reach_never_reaches_fewer() -> None:
    shares = [residents_within(city(), ("shelter",), reach_m) for reach_m in (10.0, 1000.0, 10_000.0)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("measure", "changes", "says"),
    [
        ("beds_per_1000", {"facilities": None}, "has no facilities"),
        ("km2_per_fire_station", {}, "lists no fire_station"),
        ("shelter_places_per_resident", {"facilities": [facility(1, "shelter", None)]}, "tells its capacity"),
        ("ambulances_per_100k", {"units": None}, "has no units"),
        ("drain_km_per_km2", {}, "has no network_links"),
        ("power_backup_ratio", {}, "has no network_dependencies"),
        ("vulnerable_ratio", {"cells": [cell(EMPTY, 0.0, 0.0)]}, "has residents"),
        ("grid_officer_ratio", {}, "no communities"),
        ("underpass_ratio", {"road_links": []}, "no"),
        ("road_meshedness", {"road_links": [link(1, 1, 2, 5.0)]}, "fewer than three"),
    ],
)
def test_what_the_package_does_not_tell_is_missing_with_a_mend(
    measure: str, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(MissingData, match=says):
        CITY_MEASURES[measure](city(**changes))
