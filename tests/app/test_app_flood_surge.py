"""The surge command as people run it: files that agree, dikes that hold, errors that name row and field."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from tests.assess.coast_town import START, coast_town, shelf_file, track_file
from typer.testing import CliRunner

from rencheng.app.flood_surge import flood_surge
from rencheng.app.flood_surge_track import read_tide, read_track
from rencheng.cli.root import app
from rencheng.kernel import InvalidInput, MissingData


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("haibin")
    coast_town(folder / "town")
    shelf_file(folder / "shelf.tif")
    track_file(folder / "track.csv")
    return folder


def test_the_files_agree_and_the_same_command_writes_the_same_bytes(setting: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        flood_surge(
            setting / "town", setting / "track.csv", setting / "shelf.tif", tmp_path / name, members=6, engine=False
        )
    out = tmp_path / "a"
    for file in sorted(out.iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
    with rasterio.open(out / "chance.tif") as chance, rasterio.open(out / "depth.tif") as depth:
        likely, deep = chance.read(1), depth.read(1)
        assert chance.crs.to_epsg() == 32650
    land = np.isfinite(likely)
    assert 0.0 < likely[land].max() <= 1.0
    assert ((deep[land] >= 0.15) <= (likely[land] >= 0.1)).all()
    risk, median = json.loads((out / "edge.geojson").read_text(encoding="utf-8"))["features"]
    assert risk["properties"]["title_zh"] == "风暴潮高风险区"
    assert risk["properties"]["flooded_km2"] >= median["properties"]["flooded_km2"] > 0.0
    with (out / "totals.csv").open(encoding="utf-8") as lines:
        totals = list(csv.DictReader(lines))
    assert float(totals[0]["residents"]) == risk["properties"]["residents"] > 0.0
    with (out / "stages.csv").open(encoding="utf-8") as lines:
        stages = list(csv.DictReader(lines))
    assert stages[0]["time"] == "2024-09-01T00:00:00Z"
    assert max(float(r["highest_m"]) for r in stages) >= max(float(r["median_m"]) for r in stages) > 0.5
    assert (out / "storms.csv").read_text(encoding="utf-8").count("\n") == 1 + 6 * 9


def test_a_high_dike_keeps_the_town_dry(setting: Path, tmp_path: Path) -> None:
    coast_town(tmp_path / "town", dike=True)
    free, held = (
        flood_surge(town, setting / "track.csv", setting / "shelf.tif", tmp_path / "out", members=2).high_risk.areas[0]
        for town in (setting / "town", tmp_path / "town")
    )
    assert held.residents < 0.2 * free.residents


def test_a_storm_that_passes_far_away_threatens_nobody(setting: Path, tmp_path: Path) -> None:
    track = track_file(tmp_path / "far.csv", south_of_km=1500.0)
    extent = flood_surge(setting / "town", track, setting / "shelf.tif", tmp_path / "out", members=4)
    assert extent.high_risk.areas[0].residents == 0.0
    assert float(extent.levels.members_m.max()) < 0.5


def test_a_city_without_coast_or_terrain_is_told_so(setting: Path, tmp_path: Path) -> None:
    files = (setting / "track.csv", setting / "shelf.tif", tmp_path / "out")
    coast_town(tmp_path / "inland", inland=True)
    with pytest.raises(MissingData, match="has no coast"):
        flood_surge(tmp_path / "inland", *files)
    coast_town(tmp_path / "flat", terrain=False)
    with pytest.raises(MissingData, match="has no terrain"):
        flood_surge(tmp_path / "flat", *files)
    shelf_file(tmp_path / "dry.tif", dry=True)
    with pytest.raises(InvalidInput, match="no sea in it"):
        flood_surge(setting / "town", files[0], tmp_path / "dry.tif", tmp_path / "out")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (",945,", ",94500,", "row 2, field pressure_hpa: 94500 is not between"),
        (",45,", ",fast,", "row 2, field wind_m_s: 'fast' is no number"),
        ("2024-09-01T06", "2024-08-30T06", "row 3, field time: is not later"),
        ("2024-09-01T06:00:00+00:00", "yesterday", "row 3, field time: .*not an RFC 3339"),
        ("pressure_hpa", "pressure", "header has no pressure_hpa"),
    ],
)
def test_a_wrong_track_is_refused_by_row_and_field(
    setting: Path, tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = (setting / "track.csv").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "t.csv").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidInput, match=told):
        read_track(tmp_path / "t.csv", coast_town(tmp_path / "town"))


def test_winds_of_a_minute_are_brought_to_ten_and_a_missing_radius_is_filled_in(setting: Path, tmp_path: Path) -> None:
    town = coast_town(tmp_path / "town")
    text = (setting / "track.csv").read_text(encoding="utf-8").replace(",40\n", ",\n")
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    told = read_track(tmp_path / "t.csv", town, wind_minutes=1)
    assert told.track.max_wind_m_s[0] == pytest.approx(45.0 * 0.93)
    assert not told.radius_given
    assert 20_000.0 < told.track.r_max_m[0] < 60_000.0
    (tmp_path / "tide.csv").write_text("time,level_m\n2024-09-01T01:00:00Z,0.5\n2024-09-01T02:00:00Z,0.7\n", "utf-8")
    times, levels = read_tide(tmp_path / "tide.csv", START)
    assert (times.tolist(), levels.tolist()) == ([3600.0, 7200.0], [0.5, 0.7])


def test_the_command_says_what_it_found_in_both_languages(setting: Path, tmp_path: Path) -> None:
    command = ["flood", "surge", str(setting / "town"), "--track", str(setting / "track.csv"), "--quick"]
    command += ["--bathymetry", str(setting / "shelf.tif"), "--members", "3", "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "风暴潮高风险区 High-risk area (≥ 10%)" in done.output
    assert "passes 40 km from the city's middle after 36 h" in done.output
