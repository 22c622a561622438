"""``rencheng flood points`` on a bare city package and on a short replay: table, overdue list, CSV, ponding."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rencheng.city import City
from rencheng.city.sandbox import make_city
from rencheng.cli.root import app

START = datetime(2026, 7, 20, 6, 0, tzinfo=UTC)
DEPTHS_CM = (0, 2, 18, 31, 28, 16, 12, 4, 0, 0)
"""Ten minutes apart: warned from the third reading on, below 10 cm again at the eighth."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return make_city(5_000, 3, tmp_path_factory.mktemp("points") / "city")


@pytest.fixture(scope="module")
def run(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour and a half at the sensor of the first point, replayed."""
    folder = tmp_path_factory.mktemp("run")
    with (folder / "record.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["sensor_id", "at", "quantity", "value"])
        for k, depth in enumerate(DEPTHS_CM):
            at = f"{START + timedelta(minutes=10 * k):%Y-%m-%dT%H:%M:%SZ}"
            rows.writerow(["street-1", at, "water_depth_m", depth / 100.0])
    told("replay", "--city", str(city.path), "--readings", str(folder / "record.csv"), "--out", str(folder / "run"))
    return folder / "run"


def told(*words: str) -> list[str]:
    made = CliRunner().invoke(app, list(words))
    assert made.exit_code == 0, made.output
    return made.output.splitlines()


def test_a_bare_package_lists_its_points_and_what_is_late_on_the_day_asked_for(city: City, tmp_path: Path) -> None:
    out = tmp_path / "points.csv"
    lines = told("flood", "points", str(city.path), "--at", "2030-01-01T00:00:00Z", "--csv", str(out))
    points = city.table("flood_prone_points").num_rows
    assert len(lines) == points + 3, "a head, the points, the sum and the file"
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    late = [row["point_id"] for row in rows if row["overdue"] == "True"]
    assert late == [row["point_id"] for row in rows if row["status"] in {"planned", "in_work"}]
    assert f"{points} points, {len(late)} overdue, 1 without a sensor" in lines[-2]
    overdue = told("flood", "points", str(city.path), "--at", "2030-01-01T00:00:00Z", "--overdue")
    assert sorted(line.split()[0] for line in overdue[1:-1]) == late


def test_a_run_tells_how_long_its_points_stood_in_water(run: Path) -> None:
    lines = told("flood", "points", str(run))
    first = next(line for line in lines if line.startswith("flood-point-001"))
    assert "street-1" in first
    assert "50 min" in first
    assert "1 pondings at 1 points" in "\n".join(lines)
    assert lines[-1].startswith("ponding duration 50 min against ")
    early = told("flood", "points", str(run), "--at", "2026-07-20T06:30:00Z", "--since", "2026-07-20T06:00:00Z")
    assert "0.31 m" in next(line for line in early if line.startswith("flood-point-001"))


def test_a_folder_that_is_neither_run_nor_city_is_refused_with_a_mend(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["flood", "points", str(tmp_path)])
    assert made.exit_code != 0
