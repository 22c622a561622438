"""The checker names every defect with table, row, field and mend: each test plants one and looks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
from rasterio import Affine

from rencheng.app.city_import import CityImported
from rencheng.city import City, Defect, check_city, read_city, table_from_rows

Build = Callable[[], CityImported]


@pytest.fixture
def city(build: Build) -> City:
    return build().city


def rewrite(city: City, name: str, **columns: Any) -> None:
    """Replace columns of a table on disk."""
    table = pq.read_table(city.path / f"{name}.parquet")
    for column, values in columns.items():
        array = values if isinstance(values, pa.Array) else pa.array(values)
        at = table.column_names.index(column) if column in table.column_names else None
        table = table.append_column(column, array) if at is None else table.set_column(at, column, array)
    pq.write_table(table, city.path / f"{name}.parquet")


def change(city: City, name: str, column: str, row: int, value: Any) -> None:
    table = pq.read_table(city.path / f"{name}.parquet")
    values = table[column].to_pylist()
    values[row] = value
    rewrite(city, name, **{column: pa.array(values, table[column].type)})


def add(city: City, name: str, rows: list[dict[str, Any]]) -> None:
    pq.write_table(table_from_rows(name, rows), city.path / f"{name}.parquet")


def defects(city: City, examples: int = 10) -> list[Defect]:
    return check_city(read_city(city.path), examples=examples)


def one(city: City, table: str, field: str) -> Defect:
    found = [d for d in defects(city) if (d.table, d.field) == (table, field)]
    assert len(found) == 1, found
    return found[0]


def test_a_sound_city_has_no_defect(city: City) -> None:
    assert [d for d in defects(city) if d.severity == "error"] == []


def test_unknown_and_missing_columns_are_named(city: City) -> None:
    rewrite(city, "cells", popluation=[1.0] * len(city.table("cells")))
    table = pq.read_table(city.path / "road_links.parquet")
    pq.write_table(table.drop_columns(["length_m"]), city.path / "road_links.parquet")
    assert one(city, "cells", "popluation").what == "the schema has no such column"
    missing = one(city, "road_links", "length_m")
    assert (missing.what, missing.mend) == ("the required column is missing", "Add it: Length along the road in m")


def test_a_column_of_another_type_is_named_with_both_types(city: City) -> None:
    rewrite(city, "buildings", footprint_m2=["wide"] * len(city.table("buildings")))
    assert one(city, "buildings", "footprint_m2").what == "is string, should be double"


def test_a_cell_without_population_is_named(city: City) -> None:
    change(city, "cells", "residents", 2, None)
    change(city, "cells", "residents", 3, float("nan"))
    found = [d for d in defects(city) if d.table == "cells" and d.field == "residents"]
    assert [(d.row, d.what, d.mend) for d in found] == [
        (2, "cell without population", "Give 0 where nobody lives"),
        (3, "cell without population", "Give 0 where nobody lives"),
    ]


def test_nan_in_an_optional_field_is_a_warning(city: City) -> None:
    change(city, "buildings", "ground_m", 1, float("nan"))
    found = one(city, "buildings", "ground_m")
    assert (found.row, found.what, found.severity) == (1, "is NaN", "warning")


def test_a_duplicate_id_names_the_later_row(city: City) -> None:
    change(city, "buildings", "building_id", 3, city.rows("buildings")[0]["building_id"])
    found = one(city, "buildings", "building_id")
    assert (found.row, found.what) == (3, "'w300' is already the id of an earlier row")


def test_duplicates_of_a_key_of_two_columns_are_found(city: City) -> None:
    rows = city.rows("channels")
    add(city, "channels", [*rows, rows[0]])
    assert one(city, "channels", "sensor_id, quantity").row == len(rows)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("road_links", "to_node", 424242),
        ("cells", "area_id", "nowhere"),
        ("roles", "org_id", "org-lost"),
        ("roles", "escalate_to", "role-lost"),
        ("units", "org_id", "org-lost"),
        ("channels", "sensor_id", "S9"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(city: City, table: str, column: str, value: object) -> None:
    change(city, table, column, 0, value)
    found = next(d for d in defects(city) if (d.table, d.field) == (table, column))
    assert (found.row, found.what) == (0, f"{value!r} is nowhere")


def test_areas_in_a_circle_are_named(city: City) -> None:
    rows = city.rows("areas")
    add(
        city,
        "areas",
        [
            rows[0],
            {"area_id": "a", "kind": "district", "name": "A", "parent_id": "b"},
            {"area_id": "b", "kind": "street", "name": "B", "parent_id": "a"},
        ],
    )
    assert one(city, "areas", "parent_id").what == "areas lie in one another in a circle: a, b"


def test_escalation_in_a_circle_is_named(city: City) -> None:
    roles = city.rows("roles")
    commander = next(i for i, r in enumerate(roles) if r["duty"] == "commander")
    change(city, "roles", "escalate_to", commander, "role-city-duty_officer")
    assert one(city, "roles", "escalate_to").what.startswith("roles escalate to one another in a circle: ")


def test_cyclic_dependencies_are_named_with_their_mend(city: City) -> None:
    nodes = [
        {"node_id": f"n{i}", "network": network, "kind": "pump", "lon": 3.005, "lat": 45.005}
        for i, network in enumerate(("power", "water", "drainage"))
    ]
    add(city, "network_nodes", nodes)
    pairs = [("n0", "n1"), ("n1", "n0"), ("n2", "n0")]
    add(
        city,
        "network_dependencies",
        [{"dependency_id": f"d{i}", "dependent": a, "provider": b, "kind": "power"} for i, (a, b) in enumerate(pairs)],
    )
    found = one(city, "network_dependencies", "provider")
    assert (found.row, found.what) == (0, "things need one another in a circle, so that none can start first: n0, n1")
    assert found.mend == "Break the circle where one has a supply of its own"


def test_links_between_networks_are_named(city: City) -> None:
    nodes = [("n0", "power"), ("n1", "water")]
    add(
        city,
        "network_nodes",
        [{"node_id": n, "network": net, "kind": "pump", "lon": 3.005, "lat": 45.005} for n, net in nodes],
    )
    add(
        city,
        "network_links",
        [{"link_id": "l", "network": "power", "kind": "line", "from_node": "n0", "to_node": "n1"}],
    )
    assert one(city, "network_links", "to_node").what == "the node is of another network"


def test_unknown_words_are_errors_in_closed_lists_and_warnings_in_open_ones(city: City) -> None:
    change(city, "facilities", "kind", 0, "castle")
    change(city, "units", "kind", 0, "helicopter")
    closed, open_ = one(city, "facilities", "kind"), one(city, "units", "kind")
    assert (closed.what, closed.severity) == ("unknown word 'castle'", "error")
    assert (open_.what, open_.severity) == ("unknown word 'helicopter'", "warning")


def test_unknown_quantities_colours_and_order_of_thresholds(city: City) -> None:
    add(city, "channels", [{"sensor_id": "S1", "quantity": q} for q in ("stage_m", "level")])
    rows = [
        {"sensor_id": "S1", "quantity": "stage_m", "colour": c, "value": v, "source": "x"}
        for c, v in (("yellow", 3.0), ("red", 2.0), ("pink", 4.0))
    ]
    add(city, "thresholds", [*rows, {**rows[0], "sensor_id": "S2"}])
    assert one(city, "channels", "quantity").what == "unknown quantity 'level'"
    assert one(city, "thresholds", "colour").what == "unknown word 'pink'"
    assert (one(city, "thresholds", "value").row, one(city, "thresholds", "sensor_id").row) == (1, 3)


def test_coordinates_off_the_earth_and_outside_the_city_are_named(city: City) -> None:
    change(city, "buildings", "lon", 0, 345.0)
    change(city, "buildings", "lat", 1, -45.0)
    found = [d for d in defects(city) if d.table == "buildings" and d.field == "lon, lat"]
    assert [(d.row, d.what.split(", ")[-1]) for d in found] == [
        (0, "lat 45.0022 is not on Earth"),
        (1, "lat -45.00000 is far outside the city"),
    ]


def test_cells_of_another_resolution_or_place_are_named(city: City) -> None:
    finer = int(h3.cell_to_center_child(f"{city.rows('cells')[0]['cell']:x}", 10), 16)
    change(city, "cells", "cell", 0, finer)
    change(city, "cells", "cell", 1, 5)
    change(city, "cells", "lat", 2, 45.2)
    texts = [d.what for d in defects(city) if d.table == "cells"]
    assert any("has resolution 10, the package 9" in t for t in texts)
    assert any("5 is no H3 cell" in t for t in texts)
    assert any("m from the centre of its cell" in t for t in texts)


def test_a_cell_that_does_not_hold_its_building_is_named(city: City) -> None:
    cells = city.table("cells")["cell"].to_pylist()
    change(city, "buildings", "cell", 0, cells[-1])
    assert "does not hold the point" in one(city, "buildings", "cell").what


def test_negative_lengths_and_zero_speeds_are_named(city: City) -> None:
    change(city, "road_links", "length_m", 4, -3.0)
    change(city, "road_links", "speed_m_s", 5, 0.0)
    change(city, "cells", "vulnerable_residents", 0, 1e6)
    assert (one(city, "road_links", "length_m").row, one(city, "road_links", "length_m").what) == (
        4,
        "-3 is not above zero",
    )
    assert one(city, "road_links", "speed_m_s").row == 5
    assert one(city, "cells", "vulnerable_residents").what == "is more than the residents of the cell"


def test_a_polygon_that_crosses_itself_and_bytes_that_are_no_shape_are_named(city: City) -> None:
    import shapely

    bow = shapely.to_wkb(shapely.Polygon([(3, 45), (3.01, 45.01), (3.01, 45), (3, 45.01)]))
    change(city, "buildings", "geometry", 0, bow)
    change(city, "buildings", "geometry", 1, b"no shape")
    found = [d for d in defects(city) if d.table == "buildings" and d.field == "geometry"]
    assert [(d.row, d.what.split(":")[0]) for d in found] == [
        (1, "is not readable well-known binary"),
        (0, "polygon is not valid"),
    ]


def test_damaged_parquet_is_one_defect_and_the_other_tables_are_still_checked(city: City) -> None:
    (city.path / "roles.parquet").write_bytes(b"PAR1 damaged")
    change(city, "units", "lon", 0, 200.0)
    assert one(city, "roles", "").what.startswith("not a readable Parquet file")
    assert one(city, "units", "lon, lat").row == 0


def test_missing_cells_are_an_error_and_missing_terrain_a_warning(city: City) -> None:
    (city.path / "cells.parquet").unlink()
    (city.path / "terrain.tif").unlink()
    assert one(city, "cells", "").severity == "error"
    assert one(city, "terrain.tif", "").severity == "warning"


def _terrain(city: City, crs: str | None, west_m: float) -> None:
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": 10, "width": 10, "crs": crs}
    with rasterio.open(
        city.path / "terrain.tif", "w", transform=Affine(30.0, 0.0, west_m, 0.0, -30.0, 4.99e6), **profile
    ) as target:
        target.write(np.zeros((10, 10), dtype=np.float32), 1)


@pytest.mark.parametrize(
    ("crs", "what"),
    [
        (None, "names no reference system"),
        ("EPSG:3857", "is EPSG:3857, the package EPSG:32631"),
        ("EPSG:32631", "misses the city: no cell has a height"),
    ],
)
def test_a_terrain_without_reference_system_in_another_or_elsewhere_is_named(
    city: City, crs: str | None, what: str
) -> None:
    _terrain(city, crs, 9e5)
    assert what in [d.what for d in defects(city) if d.table == "terrain.tif"]


def test_unknown_zone_and_geographic_crs_are_named(city: City) -> None:
    file = city.path / "city.toml"
    text = file.read_text().replace("Europe/Paris", "Europe/Parys").replace("EPSG:32631", "EPSG:4326")
    file.write_text(text)
    assert one(city, "city.toml", "timezone").what == "unknown time zone 'Europe/Parys'"
    assert one(city, "city.toml", "metric_crs").what == "EPSG:4326 is not a projected system in metres"


def test_many_defects_of_one_kind_are_capped_with_their_count(city: City) -> None:
    rewrite(city, "road_links", length_m=[-1.0] * len(city.table("road_links")))
    found = [d for d in defects(city, examples=3) if d.field == "length_m"]
    assert [d.row for d in found] == [0, 1, 2, None]
    assert sum(d.count for d in found) == len(city.table("road_links"))


def test_a_table_that_the_schema_does_not_know_is_named(city: City) -> None:
    (city.path / "dragons.parquet").write_bytes((city.path / "areas.parquet").read_bytes())
    assert one(city, "dragons.parquet", "").severity == "warning"


def test_a_package_without_its_manifest_is_refused(tmp_path: Path) -> None:
    from rencheng.kernel import NotFound

    with pytest.raises(NotFound, match=r"is no city package: it has no city\.toml"):
        read_city(tmp_path)
