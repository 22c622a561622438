"""Writing and reading a package: nothing is lost, nothing half-written is seen, and refusals say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rencheng.city import City, Manifest, Terrain, read_city, schema_tables, table_from_rows, write_city
from rencheng.kernel import InvalidConfig, InvalidInput, MissingData, NotFound

MANIFEST = Manifest(
    id="t",
    name="试城",
    name_en="Testville",
    metric_crs="EPSG:32650",
    timezone="Asia/Shanghai",
    jurisdiction="CN",
    sources=("made up",),
)
GROUND = np.arange(12, dtype=np.float32).reshape(3, 4)
TERRAIN = Terrain(ground_m=GROUND, west_m=400_000.0, south_m=3_000_000.0, cell_m=10.0, crs="EPSG:32650")


def cells() -> pa.Table:
    return table_from_rows("cells", [{"cell": 1, "lon": 117.0, "lat": 27.0, "residents": 5.0}])


def written(path: Path) -> City:
    return write_city(path, MANIFEST, {"cells": cells()}, TERRAIN)


def test_manifest_tables_and_terrain_come_back_as_they_went_in(tmp_path: Path) -> None:
    written(tmp_path / "c")
    city = read_city(tmp_path / "c")
    assert city.manifest == MANIFEST
    assert city.table("cells").to_pylist() == cells().to_pylist()
    np.testing.assert_array_equal(city.terrain.ground_m, GROUND)
    assert city.terrain.sample([400_005.0, 400_035.0, 1.0], [3_000_005.0, 3_000_025.0, 1.0]).tolist()[:2] == [0.0, 11.0]


def test_heights_outside_the_terrain_are_unknown() -> None:
    assert np.isnan(TERRAIN.sample(399_999.0, 3_000_005.0))


def test_a_geometry_column_makes_the_table_geoparquet(tmp_path: Path) -> None:
    rows = [{"area_id": "a", "kind": "city", "name": "x", "geometry": b""}]
    city = write_city(tmp_path / "c", MANIFEST, {"areas": table_from_rows("areas", rows)})
    metadata = pq.read_schema(city.path / "areas.parquet").metadata
    assert json.loads(metadata[b"geo"])["columns"]["geometry"]["encoding"] == "WKB"


def test_an_absent_table_says_what_needs_it(tmp_path: Path) -> None:
    city = written(tmp_path / "c")
    with pytest.raises(
        MissingData, match=r"city 't' has no road_links, which dispatch needs\. Add road_links\.parquet"
    ):
        city.table("road_links", needed_for="dispatch")
    assert city.rows("road_links") == []


def test_an_unknown_table_is_refused_with_the_list(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"a city has no table 'dragons'\. Use one of: areas, cells"):
        written(tmp_path / "c").has("dragons")


def test_an_absent_terrain_says_how_to_get_one(tmp_path: Path) -> None:
    city = write_city(tmp_path / "c", MANIFEST, {"cells": cells()})
    with pytest.raises(MissingData, match=r"has no terrain\. Import a DEM"):
        _ = city.terrain


def test_a_column_outside_the_schema_is_refused_and_the_old_package_stays(tmp_path: Path) -> None:
    before = written(tmp_path / "c").digest
    with pytest.raises(InvalidInput, match=r"table cells: columns \['colour'\] are not in the schema"):
        write_city(tmp_path / "c", MANIFEST, {"cells": cells().append_column("colour", pa.array(["red"]))})
    assert read_city(tmp_path / "c").digest == before


def test_values_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    broken = cells().set_column(3, "residents", pa.array(["many"]))
    with pytest.raises(InvalidInput, match="table cells: values do not fit the schema"):
        write_city(tmp_path / "c", MANIFEST, {"cells": broken})


def test_a_new_package_replaces_the_old_one_whole(tmp_path: Path) -> None:
    write_city(tmp_path / "c", MANIFEST, {"cells": cells()}, TERRAIN, extras={"plans/a.yaml": b"x"})
    write_city(tmp_path / "c", MANIFEST, {"cells": cells()})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c"]
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["cells.parquet", "city.toml"]


def test_the_digest_tells_a_changed_package(tmp_path: Path) -> None:
    one, two = written(tmp_path / "a"), written(tmp_path / "b")
    assert one.digest == two.digest
    (two.path / "city.toml").write_text((two.path / "city.toml").read_text() + "\n")
    assert read_city(two.path).digest != one.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format_version = 1", "format_version = 2", "package format 2 is newer than 1. Upgrade Rencheng"),
        ("h3_resolution = 9", 'h3_resolution = "9"', "Expected `int`, got `str` - at `\\$.h3_resolution`"),
        ('id = "t"\n', "", "Object missing required field `id`"),
        ("[city]", "[city]\ncolour = 1", "unknown key 'colour'"),
        ("[city]", "[city", "not TOML"),
    ],
)
def test_a_wrong_manifest_is_refused_by_its_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    file = written(tmp_path / "c").path / "city.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidConfig, match=f"city.toml.*{message}"):
        read_city(tmp_path / "c")


def test_the_schema_refers_only_to_columns_that_exist_and_every_table_has_a_key() -> None:
    tables = schema_tables()
    names = {f"{a.table}.{a.name}" for attributes in tables.values() for a in attributes}
    targets = {target for attributes in tables.values() for a in attributes for target in a.refers}
    assert targets <= names
    assert all(any(a.key for a in attributes) for attributes in tables.values())
    assert all(a.description for attributes in tables.values() for a in attributes)
