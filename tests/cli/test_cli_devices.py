"""``rencheng devices``: the list people plan replacements by, its CSV both ways, and how often devices fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rencheng.adapters.sqlite import SqliteLedger
from rencheng.app.devices import devices_csv, devices_from_csv, register_rows
from rencheng.app.run_folder import RunMark, open_run_folder
from rencheng.city import (
    City,
    Device,
    DeviceRegistry,
    DeviceState,
    Manifest,
    device_registry,
    table_from_rows,
    write_city,
)
from rencheng.cli.root import app
from rencheng.kernel import Draft, InvalidInput
from rencheng.sense.device_state import DeviceChanges
from rencheng.sense.facts import DeviceStateChanged, MaintenanceOpened, SensorRecovered, SensorSilent

AT = datetime(2026, 6, 1, 0, tzinfo=UTC)


@pytest.fixture
def city(tmp_path: Path) -> City:
    manifest = Manifest(
        id="t", name="T", name_en="T", metric_crs="EPSG:32651", timezone="Asia/Shanghai", jurisdiction="CN"
    )
    devices: list[dict[str, Any]] = [
        {"device_id": "g-1", "kind": "gateway", "state": "in_service", "installed_on": "2020-06-10"},
        {"device_id": "s-1", "kind": "sensor", "state": "in_service", "model": "TB-3", "calibration_months": 12},
        {"device_id": "s-2", "kind": "sensor", "state": "planned"},
    ]
    devices[0] |= {"design_life_months": 72}
    devices[1] |= {"installed_on": "2024-01-01", "calibrated_on": "2025-05-20", "gateway_id": "g-1"}
    sensors: list[dict[str, Any]] = [
        {"sensor_id": "A", "kind": "river_gauge", "lon": 121.5, "lat": 31.2, "device_id": "s-1"}
    ]
    tables = {name: table_from_rows(name, rows) for name, rows in (("devices", devices), ("sensors", sensors))}
    return write_city(tmp_path / "city", manifest, tables)


@pytest.fixture
def run(city: City, tmp_path: Path) -> Path:
    mark = RunMark(mode="replay", city=str(city.path), city_digest=city.digest, source="x")
    folder = open_run_folder(tmp_path / "run", mark)
    ledger = SqliteLedger(folder.ledger)
    silent = SensorSilent(sensor_id="A", quantity="stage_m", last_at=AT, expected_interval_s=900, missed_intervals=4)
    faulty = DeviceStateChanged(device_id="s-1", previous="in_service", state="faulty", reason="A silent")
    task = MaintenanceOpened(
        task_id="maintenance-1", device_id="s-1", sensor_id="A", fault="silent", detail="not heard", org_id=""
    )
    back = SensorRecovered(sensor_id="A", quantity="stage_m", silent_s=7200.0)
    for hour, body in ((0, silent), (0, faulty), (0, task), (2, back)):
        at = AT.replace(hour=hour)
        ledger.append([Draft(stream="x", body=body, occurred_at=at, actor="rule:x")], now=at)
    ledger.close()
    return tmp_path / "run"


def told(*words: str) -> str:
    result = CliRunner().invoke(app, ["devices", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_falls_due_is_listed_by_day_with_what_is_overdue(city: City) -> None:
    text = told(str(city.path), "--due", "30", "--at", "2026-06-01T00:00:00Z")
    assert text.splitlines()[:2] == [
        "2026-05-20   12 d overdue calibration s-1",
        "2026-06-10         in 9 d end_of_life g-1",
    ]


def test_a_runs_devices_are_as_its_facts_left_them(run: Path) -> None:
    text = told(str(run))
    assert "s-1" in text
    assert "faulty      TB-3" in text
    assert "A silent since 2026-06-01T00:00Z" in text
    assert "3 devices on 2026-06-01: 1 planned, 0 installed, 1 in_service, 0 maintenance, 1 faulty, 0 retired" in text
    assert "s-2" in told("list", str(run), "--state", "planned")


def test_how_often_they_fail_is_told_as_text_and_as_json(run: Path) -> None:
    assert "sensor river_gauge" in told("faults", str(run))
    found = json.loads(told("faults", str(run), "--until", "2026-06-01T10:00:00Z", "--json"))
    gauge = next(g for g in found["groups"] if g["group"] == "river_gauge")
    assert (gauge["figures"]["mttr_s"], gauge["figures"]["availability_ratio"]) == (7200.0, 0.8)


def test_the_csv_that_is_written_is_taken_in_again(city: City, tmp_path: Path) -> None:
    told(str(city.path), "--csv", str(tmp_path / "d.csv"))
    listed = tuple(device_registry(city).devices.values())
    assert devices_from_csv((tmp_path / "d.csv").read_text(encoding="utf-8")) == listed
    odd = Device(device_id="=1+1", kind="sensor", state=DeviceState.PLANNED, name='\'a "b", c', sensor_ids=("x", "y"))
    registry = DeviceRegistry(devices={"=1+1": odd})
    text = devices_csv(register_rows(DeviceChanges(), registry, AT.date())).decode()
    assert "'=1+1" in text
    assert devices_from_csv(text) == (odd,)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1"),
        ("device_id\nd\n", "line 1"),
        ("device_id,kind,colour\nd,sensor,red\n", "line 1"),
        ("device_id,kind\nd,sensor,more\n", "line 2"),
        ("device_id,kind,state\nd,sensor,\ne,sensor,broken\n", "line 3, state"),
        ("device_id,kind,battery_months\nd,sensor,two\n", "line 2, battery_months"),
        ('device_id,kind\nd,"sensor\n', "after line 1"),
    ],
)
def test_a_csv_that_is_wrong_is_refused_with_line_and_column(text: str, where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        devices_from_csv(text)
    assert refused.value.where == where
