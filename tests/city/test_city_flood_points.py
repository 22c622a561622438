"""The register of flood-prone points: who watches each, what contradicts itself, and how a city's own list gets in."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rencheng.app.city_import import CityImported, import_city
from rencheng.city import (
    SENSOR_REACH_M,
    City,
    RemediationStatus,
    check_city,
    depth_rule,
    flood_prone_points,
    is_overdue,
    read_city,
    table_from_rows,
)
from rencheng.city.sandbox import make_city
from rencheng.kernel import InvalidConfig

POINT: dict[str, Any] = {
    "point_id": "p1",
    "name": "站前下穿",
    "kind": "underpass",
    "lon": 117.25,
    "lat": 30.66,
    "status": "planned",
    "planned_on": "2026-06-30",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> City:
    return make_city(10_000, 3, tmp_path_factory.mktemp("prone") / "city")


def with_points(city: City, rows: list[dict[str, Any]]) -> City:
    pq.write_table(table_from_rows("flood_prone_points", rows), city.path / "flood_prone_points.parquet")
    return read_city(city.path)


@pytest.fixture
def own(sandbox: City, tmp_path: Path) -> City:
    """A copy of the sandbox that a test may damage."""
    import shutil

    return read_city(Path(shutil.copytree(sandbox.path, tmp_path / "city")))


def found(city: City) -> list[tuple[str, str, str]]:
    return [(d.field, d.severity, d.what) for d in check_city(city) if d.table == "flood_prone_points"]


def test_the_sandbox_lists_its_low_places_and_names_the_gap(sandbox: City) -> None:
    points = flood_prone_points(sandbox)
    links = {row["link_id"]: row for row in sandbox.rows("road_links")}
    under = [p for p in points if p.kind == "underpass"]
    assert under
    assert all(links[p.link_id]["underpass"] for p in under)
    assert all(p.sensor is not None and p.sensor.distance_m < 1.0 for p in points if p.kind != "community")
    assert [p.sensor for p in points if p.kind == "community"] == [None]
    assert {p.closure_m for p in points} == {depth_rule("road").closure_m}


def test_a_sensor_out_of_reach_does_not_watch_unless_the_city_says_so(own: City) -> None:
    street = next(s for s in own.rows("sensors") if s["kind"] == "street_depth")
    away = {**POINT, "lon": street["lon"], "lat": street["lat"] + (SENSOR_REACH_M + 15.0) / 111_200.0}
    near = {**away, "point_id": "p2", "lat": street["lat"] + (SENSOR_REACH_M - 15.0) / 111_200.0}
    named = {**away, "point_id": "p3", "sensor_id": street["sensor_id"]}
    far, close, told = (p.sensor for p in flood_prone_points(with_points(own, [away, near, named])))
    assert far is None
    assert close is not None
    assert (close.sensor_id, close.named) == (street["sensor_id"], False)
    assert told is not None
    assert told.named
    assert told.distance_m == pytest.approx(SENSOR_REACH_M + 15.0, abs=1.0)
    assert [f[1] for f in found(read_city(own.path)) if f[0] == "sensor_id"] == ["warning"]


def test_a_point_is_overdue_from_the_day_after_its_planned_day_on_the_citys_calendar(sandbox: City) -> None:
    planned = date(2026, 6, 30)
    late = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)  # 1 July 00:00 in Shanghai
    assert is_overdue(RemediationStatus.PLANNED, planned, late, sandbox)
    assert not is_overdue(RemediationStatus.PLANNED, planned, late.replace(hour=15), sandbox)
    assert not is_overdue(RemediationStatus.DONE, planned, late, sandbox)
    assert not is_overdue(RemediationStatus.IN_WORK, None, late, sandbox)


@pytest.mark.parametrize(
    ("change", "field", "severity", "what"),
    [
        ({"warning_m": 0.0}, "warning_m", "error", "0 m is no depth of water"),
        ({"closure_m": 0.1}, "closure_m", "error", "is closed from 0.1 m but warned from 0.15 m"),
        ({"closure_m": 27.0}, "closure_m", "warning", "27 m is deeper than any street"),
        ({"planned_on": "2026-06-31"}, "planned_on", "error", "'2026-06-31' is no day"),
        ({"planned_on": None}, "planned_on", "warning", "has no planned day, so it can never be overdue"),
        ({"status": "done"}, "done_on", "error", "is done on no day"),
        ({"done_on": "2026-01-01"}, "done_on", "error", "is only planned and yet has a day of completion"),
        ({"status": "finished"}, "status", "error", "unknown word 'finished'"),
        ({"listed_year": 23}, "listed_year", "error", "23 is no year"),
        ({"baseline_ponding_s": 600.0}, "baseline_year", "warning", "a baseline of no year"),
        ({"baseline_ponding_s": -1.0, "baseline_year": 2023}, "baseline_ponding_s", "error", "-1 is negative"),
        ({"link_id": 999_999}, "link_id", "error", "999999 is nowhere"),
        ({"link_id": 1}, "link_id", "warning", "the underpass lies on link 1, which is none"),
        ({"org_id": "nobody"}, "org_id", "error", "'nobody' is nowhere"),
        (
            {"sensor_id": "rain-1"},
            "sensor_id",
            "error",
            "sensor 'rain-1' is no street_depth sensor with water_depth_m",
        ),
        ({"lat": 31.9}, "lon, lat", "error", "lon 117.25000, lat 31.90000 is far outside the city"),
    ],
)
def test_the_checker_names_what_is_wrong_with_a_point(
    own: City, change: dict[str, Any], field: str, severity: str, what: str
) -> None:
    assert found(with_points(own, [{**POINT, **change}])) == [(field, severity, what)]


def test_a_sound_point_has_no_defect_and_a_city_without_a_register_has_no_points(own: City) -> None:
    assert found(with_points(own, [POINT])) == []
    (own.path / "flood_prone_points.parquet").unlink()
    bare = read_city(own.path)
    assert flood_prone_points(bare) == ()
    assert found(bare) == []


SECTION = """
[flood_points]
file = "FILE"
columns = { COLUMNS }
kinds = { "下穿" = "underpass", "路段" = "road" }
statuses = { "计划" = "planned", "已完成" = "done" }
"""
COLUMNS = 'point_id = "编号", name = "名称", kind = "类型", status = "整治状态"'
DAYS = ', planned_on = "计划完成", done_on = "完成", warning_m = "预警水深"'
LIST = """编号,名称,类型,整治状态,计划完成,完成,预警水深,经度,纬度
Y1,北站下穿,下穿,计划,2025年9月1日,,0.2,3.0045,45.0012
Y2,河滨路,路段,已完成,20250601,2025/5/9,深,3.0081,45.0060
Y2,河滨路,路段,计划,,,,3.0081,45.0060
Y3,无处,路段,计划,2025-01-01,,,,45.0060
Y4,城外,路段,计划,2025-01-01,,,4.0,45.0060
Y5,怪状,路段,停工,2025-01-01,,,3.0045,45.0012
"""


def imported(sources: Path, out: Path, text: str, name: str, more: str) -> CityImported:
    (sources / name).write_text(text, encoding="utf-8")
    config = sources / "city.toml"
    section = SECTION.replace("FILE", name).replace("COLUMNS", COLUMNS + more)
    config.write_text(config.read_text(encoding="utf-8") + section, encoding="utf-8")
    return import_city(config, out)


def test_a_citys_own_list_is_mapped_and_what_cannot_be_read_is_told(sources: Path, tmp_path: Path) -> None:
    done = imported(sources, tmp_path / "city", LIST, "list.csv", DAYS + ', lon = "经度", lat = "纬度"')
    first, second = flood_prone_points(done.city)
    assert (first.point_id, first.kind, first.warning_m, first.planned_on) == (
        "Y1",
        "underpass",
        0.2,
        date(2025, 9, 1),
    )
    assert (second.status, second.done_on, second.warning_m) == (RemediationStatus.DONE, date(2025, 5, 9), 0.15)
    assert first.link_id is not None, "a road passes within 30 m"
    refused = {reason: r.examples for reason, r in done.report.source("list.csv").refused.items()}
    assert refused == {
        "warning_m is not readable and left empty": ["row 3: '深'"],
        "point_id used twice; the first is kept": ["Y2"],
        "point: lon is missing or no number": ["row 5"],
        "point: its status is not mapped in statuses": ["row 7: '停工'"],
        "point: outside the city and its margin": ["Y4"],
    }
    assert [d for d in check_city(done.city) if d.severity == "error"] == []


def test_a_geojson_gives_the_place_by_its_geometry(sources: Path, tmp_path: Path) -> None:
    shape = {"type": "Point", "coordinates": [3.0045, 45.0012]}
    properties = {"编号": 7, "名称": "北站下穿", "类型": "下穿", "整治状态": "计划"}
    features = [{"type": "Feature", "properties": properties, "geometry": shape}]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    done = imported(sources, tmp_path / "city", text, "list.geojson", "")
    (point,) = flood_prone_points(done.city)
    assert (point.point_id, point.lon, point.lat) == ("7", 3.0045, 45.0012)


def test_a_mapping_to_what_the_schema_does_not_know_is_refused(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="unknown attribute 'depth'"):
        imported(sources, tmp_path / "city", LIST, "list.csv", ', depth = "预警水深"')
