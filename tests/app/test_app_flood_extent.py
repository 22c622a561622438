"""The command as people run it: files that a GIS opens, tables that agree, errors in one line."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely import area
from shapely.geometry import shape
from tests.assess.river_town import lake_town
from typer.testing import CliRunner

from rencheng.app.city_import import import_city
from rencheng.app.flood_extent import flood_extent
from rencheng.cli.root import app
from rencheng.kernel import InvalidInput

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "porto-alegre"


def _totals(out: Path) -> list[dict[str, str]]:
    with (out / "totals.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_files_agree_with_each_other(tmp_path: Path) -> None:
    lake_town(tmp_path / "town", levee_column=14)
    out = tmp_path / "out"
    flood_extent(tmp_path / "town", 4.5, out, members=20)
    names = {p.name for p in out.iterdir()}
    for case in ("", "-defences-hold"):
        assert {f"depth{case}.tif", f"probability{case}.tif", f"extent{case}.geojson", f"cells{case}.csv"} <= names
    assert {"totals.csv", "totals.json", "map.png", "map.html", "ground.tif", "objects.csv"} <= names
    with rasterio.open(out / "depth.tif") as depth, rasterio.open(out / "probability.tif") as prob:
        wet, chance, bounds = depth.read(1), prob.read(1), depth.bounds
        assert depth.crs.to_epsg() == 32650
    outline = json.loads((out / "extent.geojson").read_text(encoding="utf-8"))["features"][0]
    least = outline["properties"]["least_probability"]
    assert 0.25 <= least <= 0.5
    assert ((wet > 0) == (chance >= least - 1e-6)).all()
    west, south, east, north = shape(outline["geometry"]).bounds
    assert 116.9 < west < east < 117.1
    assert 29.8 < south < north < 29.9
    assert bounds.left == 500_000.0
    total = json.loads((out / "totals.json").read_text(encoding="utf-8"))["totals"]
    assert [float(r["residents"]) for r in _totals(out)] == [r["residents"] for r in total]
    assert (out / "map.html").read_text(encoding="utf-8").count("data:image/png;base64,") == 2


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    lake_town(tmp_path / "town")
    for name in ("a", "b"):
        flood_extent(tmp_path / "town", 4.0, tmp_path / name, members=5)
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_a_stage_below_all_land_gives_an_empty_outline_and_no_error(tmp_path: Path) -> None:
    lake_town(tmp_path / "town")
    flood_extent(tmp_path / "town", 1.0, tmp_path / "out", members=3)
    outline = json.loads((tmp_path / "out" / "extent.geojson").read_text(encoding="utf-8"))["features"][0]
    assert outline["geometry"]["coordinates"] == []


def test_members_and_folders_that_cannot_be_are_refused(tmp_path: Path) -> None:
    lake_town(tmp_path / "town")
    with pytest.raises(InvalidInput, match="members"):
        flood_extent(tmp_path / "town", 4.0, tmp_path / "out", members=0)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InvalidInput, match="not a folder"):
        flood_extent(tmp_path / "town", 4.0, tmp_path / "file")


def test_the_command_prints_what_it_found(tmp_path: Path) -> None:
    lake_town(tmp_path / "town")
    done = CliRunner().invoke(
        app, ["flood", "extent", str(tmp_path / "town"), "--stage", "4", "--members", "5", "--out", str(tmp_path / "o")]
    )
    assert done.exit_code == 0, done.output
    assert "Stage 4 m at Quay (quay), +2.00 m over the ordinary level" in done.output
    assert "1 schools with 200 pupils" in done.output or "0 schools" in done.output


@pytest.fixture(scope="module")
def porto_alegre(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("poa") / "city"
    import_city(TUTORIAL / "city.toml", folder, data_dirs=[shared_data / "porto_alegre"])
    return folder


@pytest.mark.real
def test_three_stages_at_cais_maua_each_within_a_minute(porto_alegre: Path, tmp_path: Path) -> None:
    people, land = [], []
    for stage in (3.0, 4.0, 5.3):
        began = time.process_time()
        out = tmp_path / f"{stage:g}"
        extent = flood_extent(porto_alegre, stage, out, members=20)
        assert time.process_time() - began < 60.0
        assert extent.gauge.sensor_id == "87450004"
        fail, hold = (c.totals.areas[0] for c in extent.cases)
        people.append(fail.residents)
        land.append(fail.flooded_km2)
        assert hold.residents <= fail.residents
        assert fail.residents_low <= fail.residents_high
        assert fail.pupils <= 200_000
        outline = json.loads((out / "extent.geojson").read_text(encoding="utf-8"))["features"][0]
        km2 = float(area(shape(outline["geometry"]))) * 111.2**2 * np.cos(np.radians(30.05))
        assert km2 > 0.8 * fail.flooded_km2  # islands without residents are in the outline and in no cell
    assert people == sorted(people)
    assert land == sorted(land)
    assert people[0] < people[2]


@pytest.mark.real
def test_open_raised_avenues_stand_in_the_terrain_where_their_published_crest_says(porto_alegre: Path) -> None:
    """The water level in the terrain is tied without any flood; the dike roads, 6 m on the gauge, test the tie."""
    from rencheng.assess.flood.river_extent import river_extent
    from rencheng.city import read_city

    notes = river_extent(read_city(porto_alegre), 3.0, members=1).notes
    crests = [float(n.split("reads ")[1].split(" m")[0]) for n in notes if n.endswith("on open ground.")]
    assert len(crests) == 2
    assert max(abs(c) for c in crests) < 1.0
