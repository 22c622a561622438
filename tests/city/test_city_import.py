"""Importing a city from files: what is taken, and that bad input costs only itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.city.conftest import EAST, NORTH, write_dem

from rencheng.app.city_import import CityImported, import_city
from rencheng.city import check_city
from rencheng.kernel import InvalidConfig, InvalidInput, MissingData

Build = Callable[[], CityImported]


def refused(imported: CityImported, source: str) -> dict[str, list[str]]:
    return {reason: r.examples for reason, r in imported.report.source(source).refused.items()}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_sound_sources_give_a_package_without_defects(build: Build) -> None:
    imported = build()
    assert imported.report.failures == []
    assert [d for d in check_city(imported.city) if d.severity == "error"] == []
    city = imported.city
    expected = """areas buildings cells channels facilities organisations road_links road_nodes roles sensors
    thresholds units"""
    assert sorted(p.stem for p in city.path.glob("*.parquet")) == expected.split()


def test_heights_come_from_the_elevation_at_the_place(build: Build) -> None:
    city = build().city
    lon, ground = city.column("facilities", "lon"), city.column("facilities", "ground_m")
    expected = 10.0 + 2.0 * ((lon - 2.98) / 0.0006 - 0.5)  # the slope of the made-up elevation
    np.testing.assert_allclose(ground, expected, atol=2.0)


def test_every_cell_has_its_residents_height_and_area(build: Build) -> None:
    city = build().city
    cells = city.table("cells")
    assert cells["ground_m"].null_count == 0
    assert set(cells["area_id"].to_pylist()) == {"testville"}
    people = sum(float(line.split(",")[1]) for line in _people(city.path).splitlines()[1:])
    assert city.column("cells", "residents").sum() == people
    np.testing.assert_allclose(city.column("cells", "vulnerable_residents"), city.column("cells", "residents") * 0.2)


def _people(package: Path) -> str:
    return (package.parent / "sources" / "people.csv").read_text()


def test_thresholds_are_stored_in_si(build: Build) -> None:
    assert build().city.rows("thresholds")[0]["value"] == 3.0


def test_decimal_comma_and_byte_order_mark_are_read(build: Build) -> None:
    assert build().city.rows("sensors")[0] | {"cell": 0} == {
        "sensor_id": "S1",
        "kind": "river_gauge",
        "lon": 3.005,
        "lat": 45.005,
        "cell": 0,
    }


def test_assumed_units_and_shelters_are_told_as_assumptions(build: Build) -> None:
    imported = build()
    units = imported.city.rows("units")
    assert [u["kind"] for u in units].count("ambulance") == 2
    assert [u["kind"] for u in units].count("fire_engine") == 3
    assert any("assumption: 2 units (ambulance)" in note for note in imported.report.source("units").notes)
    shelters = [f for f in imported.city.rows("facilities") if f["kind"] == "shelter"]
    assert [s["capacity"] for s in shelters] == [100.0, 100.0, 101.0, 101.0]
    assert any(note.startswith("assumption: 4 facilities") for note in imported.report.source("facilities").notes)


def test_every_duty_that_plans_may_name_is_somebodys(build: Build) -> None:
    from rencheng.city.organisation import DUTIES

    held = {role["duty"] for role in build().city.rows("roles")}
    assert set(DUTIES) - held == {"grid_officer"}  # a city without communities has no grid officers


def test_every_role_reaches_the_commander(build: Build) -> None:
    roles = {r["role_id"]: r["escalate_to"] for r in build().city.rows("roles")}
    for role in roles:
        path = [role]
        while roles[path[-1]] is not None:
            path.append(roles[path[-1]])
        assert path[-1] == "role-city-commander"


def test_the_report_stands_in_the_package(build: Build) -> None:
    imported = build()
    stored = json.loads((imported.city.path / "import-report.json").read_text(encoding="utf-8"))
    assert stored == imported.report.to_plain()


def test_the_same_sources_give_the_same_bytes(sources: Path, tmp_path: Path) -> None:
    first = import_city(sources / "city.toml", tmp_path / "a").city.digest
    assert import_city(sources / "city.toml", tmp_path / "b").city.digest == first


def test_feeds_plans_and_rules_beside_the_configuration_travel_with_the_package(sources: Path, build: Build) -> None:
    (sources / "feeds").mkdir()
    (sources / "feeds" / "river.toml").write_text("x = 1")
    assert (build().city.path / "feeds" / "river.toml").read_text() == "x = 1"


def test_one_feed_file_may_be_named(sources: Path, build: Build) -> None:
    (sources / "river.toml").write_text("x = 1")
    edit(sources / "city.toml", "[limit]", '[extras]\nfeeds = "river.toml"\n\n[limit]')
    assert (build().city.path / "feeds" / "river.toml").read_text() == "x = 1"


def test_progress_is_told_step_by_step(sources: Path, tmp_path: Path) -> None:
    heard: list[tuple[str, float]] = []
    import_city(sources / "city.toml", tmp_path / "city", progress=lambda step, share: heard.append((step, share)))
    assert heard[-1] == ("done", 1.0)
    assert [share for _, share in heard] == sorted(share for _, share in heard)


def test_a_total_is_spread_over_the_buildings_and_told_as_an_estimate(sources: Path, build: Build) -> None:
    edit(
        sources / "city.toml",
        'file = "people.csv"\nh3 = "cell"\nresidents = "people"\n',
        "total = 500\nspread = 'buildings'\n",
    )
    imported = build()
    assert imported.city.column("cells", "residents").sum() == pytest.approx(500)
    assert imported.city.column("buildings", "residents").tolist() == pytest.approx([100.0] * 5, rel=1e-3)
    assert any("estimate: 500 residents" in note for note in imported.report.source("population").notes)


# --- bad input: the message names place and mend, and what was good is kept -------------------------------------------


def test_unknown_key_is_refused_and_nothing_is_written(sources: Path, build: Build, tmp_path: Path) -> None:
    edit(sources / "city.toml", "margin_m = 300", "margin = 300")
    with pytest.raises(InvalidConfig, match=r"city\.toml: Object contains unknown field `margin` - at `\$\.limit`"):
        build()
    assert not (tmp_path / "city").exists()


def test_missing_file_says_where_it_was_looked_for(sources: Path, build: Build) -> None:
    (sources / "dem.tif").unlink()
    with pytest.raises(
        InvalidConfig, match=r"source 'dem\.tif' is not there\. Looked in .*sources; name another folder"
    ):
        build()


def test_sources_are_found_in_data_folders(sources: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (sources / "dem.tif").rename(other / "dem.tif")
    assert import_city(sources / "city.toml", tmp_path / "city", data_dirs=[other]).city.has_terrain


def test_unknown_quantity_lists_the_known_ones(sources: Path, build: Build) -> None:
    edit(
        sources / "city.toml",
        '[[stations.channels]]\nquantity = "stage_m"',
        '[[stations.channels]]\nquantity = "level"',
    )
    imported = build()
    assert "unknown quantity 'level'" in imported.report.source("stations.csv").failure
    assert not imported.city.has("sensors")


def test_corrupt_map_is_refused_and_the_rest_is_kept(sources: Path, build: Build) -> None:
    (sources / "map.osm").write_bytes(b"\x00corrupt")
    imported = build()
    assert [f.source for f in imported.report.failures] == ["map.osm"]
    assert "not a readable OpenStreetMap file" in imported.report.failures[0].failure
    assert imported.city.has("cells")
    assert imported.city.has_terrain
    with pytest.raises(MissingData, match="has no road_links, which dispatch needs"):
        imported.city.table("road_links", needed_for="dispatch")


def test_elevation_without_reference_system_is_refused_until_the_configuration_names_one(
    sources: Path, build: Build
) -> None:
    write_dem(sources / "dem.tif", crs=None)
    imported = build()
    assert "elevation names no reference system" in imported.report.source("dem.tif").failure
    assert 'crs = "EPSG:4326"' in imported.report.source("dem.tif").failure
    assert not imported.city.has_terrain
    assert imported.city.has("road_links")
    edit(sources / "city.toml", "cell_m = 30", 'cell_m = 30\ncrs = "EPSG:4326"')
    assert build().city.has_terrain


def test_elevation_that_misses_the_city_says_what_each_covers(sources: Path, build: Build) -> None:
    write_dem(sources / "dem.tif", west=20.0, north=10.0)
    failure = build().report.source("dem.tif").failure
    assert "elevation misses the city: files cover 20.0000…20.0600 E" in failure
    assert "the city needs 2.9" in failure


def test_corrupt_elevation_is_refused_by_name(sources: Path, build: Build) -> None:
    (sources / "dem.tif").write_bytes(b"no tiff")
    assert "dem.tif: not a readable elevation file" in build().report.source("dem.tif").failure


def test_duplicate_stations_and_features_are_refused_and_the_first_is_kept(sources: Path, build: Build) -> None:
    with (sources / "stations.csv").open("a", encoding="utf-8") as file:
        file.write("S1;3,006;45,006\n;3,0;45,0\nS3;;45,0\n")
    features = json.loads((sources / "schools.geojson").read_text())
    features["features"].append(features["features"][0])
    (sources / "schools.geojson").write_text(json.dumps(features))
    imported = build()
    assert refused(imported, "stations.csv") == {
        "station: has no id": ["row 5"],
        "station: has no usable lon/lat": ["row 6: S3"],
        "station: id used twice; the first is kept": ["row 4: S1"],
    }
    assert refused(imported, "facilities") == {"facility_id used twice; the first is kept": ["schools-0"]}
    assert [s["sensor_id"] for s in imported.city.rows("sensors")] == ["S1", "S2"]


def test_population_rows_that_cannot_be_used_are_told_and_the_others_kept(sources: Path, build: Build) -> None:
    lines = (sources / "people.csv").read_text().splitlines()
    cells = [line.split(",")[0] for line in lines[1:]]
    lines[1], lines[2], lines[3] = f"{cells[0]},NaN", f"{cells[1]},-5", "89not,10"
    lines += [f"{cells[4]},7", "8928308280fffff,1,2", "85194e6ffffffff,9"]
    (sources / "people.csv").write_text("\n".join(lines) + "\n")
    told = refused(build(), "people.csv")
    assert told["cell: residents are missing or no number; the cell is kept with none"] == ["row 2"]
    assert told["cell: residents are negative"] == ["row 3"]
    assert told["cell: not an H3 index"] == ["row 4: 89not"]
    assert told["cell: named twice; the first row is kept"] == [f"row {len(lines) - 2}: {cells[4]}"]
    assert told["cell: coarser than resolution 9"][0].endswith("85194e6ffffffff")
    assert len(told["row has another number of fields than the header"]) == 1
    assert "cell: the population table does not have it; kept with no residents" in told


def test_a_column_that_is_not_there_lists_those_that_are(sources: Path, build: Build) -> None:
    edit(sources / "city.toml", 'residents = "people"', 'residents = "persons"')
    with pytest.raises(InvalidConfig, match=r"people\.csv: no column 'persons'\. The header has: cell, people"):
        build()


def test_features_without_geometry_or_off_the_earth_are_refused(sources: Path, build: Build) -> None:
    features = json.loads((sources / "schools.geojson").read_text())
    features["features"][1]["geometry"] = None
    features["features"][2]["geometry"]["coordinates"] = [45000.0, 3000.0]
    features["features"][3]["properties"]["pupils"] = "many"
    (sources / "schools.geojson").write_text(json.dumps(features))
    imported = build()
    assert refused(imported, "schools.geojson") == {
        "feature has no usable geometry": ["feature 1"],
        "feature lies off the Earth (lon/lat expected)": ["feature 2"],
    }
    schools = [f for f in imported.city.rows("facilities") if f["kind"] == "school"]
    assert [(s["name"], s["capacity"]) for s in schools] == [("School 0", 200.0), ("School 3", None)]


def test_names_that_were_encoded_twice_are_repaired_and_told_and_true_accents_left_alone(
    sources: Path, build: Build
) -> None:
    features = json.loads((sources / "schools.geojson").read_text())
    for feature, name in zip(features["features"], ["PraÃ§a", "SÃO PAULO", "Praça", "学校"], strict=True):
        feature["properties"]["name"] = name
    (sources / "schools.geojson").write_text(json.dumps(features))
    imported = build()
    names = [f["name"] for f in imported.city.rows("facilities") if f["kind"] == "school"]
    assert names == ["Praça", "SÃO PAULO", "Praça", "学校"]
    assert imported.report.source("schools.geojson").notes == [
        "1 features had text that was encoded twice (UTF-8 read as Latin-1); it was repaired"
    ]


def test_a_layer_that_is_no_geojson_is_refused_whole(sources: Path, build: Build) -> None:
    (sources / "schools.geojson").write_text('{"type": "FeatureCollection", "features": [')
    imported = build()
    assert "schools.geojson: not GeoJSON" in imported.report.source("schools.geojson").failure
    assert [f["kind"] for f in imported.city.rows("facilities")] == ["hospital"]


def test_a_layer_of_an_unknown_kind_stops_the_import(sources: Path, build: Build) -> None:
    edit(sources / "city.toml", 'kind = "school"', 'kind = "skool"')
    with pytest.raises(InvalidConfig, match=r"schools\.geojson: unknown kind 'skool'\. Use one of: hospital"):
        build()


def test_a_threshold_without_its_station_is_refused(sources: Path, build: Build) -> None:
    edit(sources / "city.toml", 'sensor_id = "S1"', 'sensor_id = "S9"')
    told = refused(build(), "thresholds")
    assert told == {"threshold: no station reports that quantity under that id": ["S9 stage_m"]}


def test_what_lies_outside_the_city_is_refused(sources: Path, build: Build) -> None:
    features = json.loads((sources / "schools.geojson").read_text())
    features["features"][0]["geometry"]["coordinates"] = [EAST + 0.1, NORTH]
    (sources / "schools.geojson").write_text(json.dumps(features))
    assert refused(build(), "facilities") == {"facility: outside the city and its margin": ["schools-0"]}


def test_no_cell_at_all_is_an_error(sources: Path, build: Build) -> None:
    (sources / "people.csv").write_text("cell,people\n")
    (sources / "limit.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    (sources / "map.osm").write_text('<?xml version="1.0"?><osm version="0.6"></osm>')
    with pytest.raises(InvalidInput, match="the city has no cells"):
        build()


def test_an_old_package_survives_an_import_that_fails(sources: Path, build: Build) -> None:
    before = build().city.digest
    edit(sources / "city.toml", "margin_m = 300", "margin = 300")
    with pytest.raises(InvalidConfig):
        build()
    from rencheng.city import read_city

    assert read_city(sources.parent / "city").digest == before
