"""``rencheng flood forecast`` on a short replay: table, files and picture, the same twice."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests.assess.gauged_river import HILL, MIDDLE, START, TOWN, river_city, waves
from typer.testing import CliRunner

from rencheng.cli.root import app
from rencheng.kernel import InvalidInput, NotFound

FEED = """
[feed]
id = "river"
name = "River gauges"
format = "csv"
sensor_column = "station"
missing = [""]

[feed.time]
column = "at"
format = "iso8601"
timezone = "UTC"

[[feed.columns]]
column = "stage"
quantity = "stage_m"
unit = "m"

[[feed.columns]]
column = "flow"
quantity = "discharge_m3_s"
unit = "m3/s"
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three and a half days of hourly readings replayed; the wave is on its way when they end."""
    folder = tmp_path_factory.mktemp("forecast")
    river_city(folder / "city", feed=FEED)
    stage, flow, _ = waves(1200.0)
    with (folder / "record.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["station", "at", "stage", "flow"])
        for h in range(156, 240):
            at = f"{START + timedelta(hours=h):%Y-%m-%dT%H:%M:%S}"
            for sensor in sorted(stage):
                told = f"{flow[sensor][h]:.1f}" if sensor in flow else ""
                rows.writerow([sensor, at, f"{stage[sensor][h]:.2f}", told])
    made = CliRunner().invoke(
        app,
        [
            "replay",
            "--city",
            str(folder / "city"),
            "--readings",
            str(folder / "record.csv"),
            "--out",
            str(folder / "run"),
        ],
    )
    assert made.exit_code == 0, made.output
    return folder / "run"


def forecast(run: Path, *more: str) -> list[str]:
    told = CliRunner().invoke(app, ["flood", "forecast", str(run), *more])
    assert told.exit_code == 0, told.output
    return told.output.splitlines()


def test_a_gauge_is_forecast_as_a_table_and_as_files(run: Path, tmp_path: Path) -> None:
    lines = forecast(run, "--gauge", TOWN, "--horizon", "48h", "--out", str(tmp_path))
    assert lines[0].startswith("Town (town): 1.0")
    assert "P(≥2.00 m)" in lines[1]
    assert sum(line.strip().endswith("%") for line in lines) == 8
    document = json.loads((tmp_path / "forecast.json").read_text(encoding="utf-8"))
    assert document["model"] == "river-basin/1"
    assert [g["sensor_id"] for g in document["gauges"]] == [HILL, MIDDLE, TOWN]
    with (tmp_path / "forecast.csv").open(encoding="utf-8") as file:
        hourly = list(csv.DictReader(file))
    assert len(hourly) == 48
    assert 0.0 <= float(hourly[-1]["prob_at_least_2m"]) <= 1.0
    picture = (tmp_path / "forecast.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "flood mark 2.00 m" in picture
    assert "nan" not in picture


def test_the_same_run_gives_the_same_files_and_an_earlier_hour_another_answer(run: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    told, again = (forecast(run, "--gauge", TOWN, "--out", str(folder)) for folder in (first, second))
    assert told[:5] == again[:5]
    assert (
        forecast(run, "--gauge", TOWN, "--out", str(first))[:5]
        == forecast(run, "--gauge", TOWN, "--out", str(second))[:5]
    )
    for name in ("forecast.json", "forecast.csv", "forecast.svg"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    early = forecast(run, "--gauge", TOWN, "--at", "2024-03-10T16:00:00Z")
    assert "2024-03-10 17:00" in early[0]


def test_a_gauge_outside_the_river_file_is_learnt_instead(run: Path) -> None:
    lines = forecast(run, "--gauge", "lake", "--horizon", "1d")
    assert "no river file" in lines[-1]


def test_what_cannot_be_forecast_is_refused_with_a_mend(run: Path) -> None:
    runner = CliRunner()
    unknown = runner.invoke(app, ["flood", "forecast", str(run), "--gauge", "elsewhere"])
    assert isinstance(unknown.exception, NotFound)
    endless = runner.invoke(app, ["flood", "forecast", str(run), "--gauge", TOWN, "--horizon", "90d"])
    assert isinstance(endless.exception, InvalidInput)
    nowhere = runner.invoke(app, ["flood", "forecast", str(run / "nowhere"), "--gauge", TOWN])
    assert isinstance(nowhere.exception, NotFound)
