"""An index that looks at the wrong ground closes dry roads and leaves people in the water."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from rencheng.assess.flood.exposure import exposure_index, object_depths, objects_table, objects_under
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.objects import OBJECT_KINDS, OBJECT_SCHEMA
from rencheng.assess.flood.river_extent import terrain_grid
from rencheng.city import City, Manifest, read_city, table_from_rows, write_city
from rencheng.kernel import InvalidInput, cell_of

CRS = "EPSG:32650"
WEST, SOUTH = 500_000.0, 3_300_000.0


def _grid(ny: int = 40, nx: int = 40, cell_m: float = 10.0) -> FloodGrid:
    return FloodGrid(ny=ny, nx=nx, west_m=WEST, south_m=SOUTH, cell_m=cell_m, crs=CRS, corners=())


def _town(folder: Path) -> City:
    """One building of 20 m, one known by its point only; a street, a bridge, a tunnel, an underpass."""
    manifest = Manifest(
        id="t", name="t", name_en="t", metric_crs=CRS, timezone="UTC", jurisdiction="CN", h3_resolution=9
    )
    from pyproj import Transformer

    back = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)

    def at(x: float, y: float) -> tuple[float, float]:
        lon, lat = back.transform(WEST + x, SOUTH + y)
        return float(lon), float(lat)

    def place(x: float, y: float) -> dict[str, object]:
        lon, lat = at(x, y)
        return {"lon": lon, "lat": lat, "cell": cell_of(lon, lat)}

    def link(key: int, a: tuple[float, float], b: tuple[float, float], **flags: bool) -> dict[str, object]:
        line = shapely.to_wkb(shapely.LineString([at(*a), at(*b)]))
        tail, head = 2 * key, 2 * key + 1
        return {
            "link_id": key,
            "from_node": tail,
            "to_node": head,
            "length_m": float(np.hypot(b[0] - a[0], b[1] - a[1])),
            "road_class": "residential",
            "speed_m_s": 10.0,
            "bridge": False,
            "tunnel": False,
            "underpass": False,
            **flags,
            "geometry": line,
            "_ends": (a, b),
        }

    links = [
        link(1, (5, 105), (195, 105)),
        link(2, (5, 155), (195, 155), bridge=True),
        link(3, (5, 205), (195, 205), tunnel=True),
        link(4, (5, 255), (195, 255), tunnel=True, underpass=True),
    ]
    nodes = [
        {"node_id": k, **{n: v for n, v in place(*xy).items() if n != "cell"}}
        for row in links
        for k, xy in zip((row["from_node"], row["to_node"]), row.pop("_ends"), strict=True)  # type: ignore[call-overload]
    ]
    box = shapely.box(300, 300, 320, 320)
    footprint = shapely.to_wkb(shapely.Polygon([at(x, y) for x, y in box.exterior.coords]))
    buildings = [
        {"building_id": "b1", "use": "residential", "residents": 12.0, **place(310, 310), "geometry": footprint},
        {"building_id": "b2", "use": "commercial", "residents": None, **place(355, 55), "geometry": None},
    ]
    facilities = [
        {"facility_id": "f-in", "kind": "clinic", "capacity": 30.0, **place(312, 312)},
        {"facility_id": "f-out", "kind": "school", "capacity": None, **place(55, 355)},
    ]
    here = place(200, 200)
    cells = [{**here, "area_id": "a", "residents": 100.0}]
    rows: dict[str, list[dict[str, Any]]] = {
        "areas": [{"area_id": "a", "kind": "city", "name": "t"}],
        "cells": cells,
        "road_links": links,
        "road_nodes": nodes,
        "buildings": buildings,
        "facilities": facilities,
    }
    tables: dict[str, pa.Table] = {name: table_from_rows(name, r) for name, r in rows.items()}
    return write_city(folder, manifest, tables)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return _town(tmp_path_factory.mktemp("exposure") / "town")


def _depth(x: slice, y: slice, value: float = 1.0) -> np.ndarray:
    depth = np.zeros((40, 40), np.float32)
    depth[y, x] = value
    return depth


def _by_id(city: City, depth: np.ndarray, **options: object) -> dict[str, float]:
    index = exposure_index(city, _grid(), **options)  # type: ignore[arg-type]  # options of one call each
    return dict(zip(index.object_id, object_depths(index, depth).tolist(), strict=True))


def test_a_building_feels_the_water_at_its_wall(town: City) -> None:
    assert _by_id(town, _depth(slice(29, 30), slice(30, 32)))["b1"] == 1.0
    assert _by_id(town, _depth(slice(27, 28), slice(30, 32)))["b1"] == 0.0
    assert _by_id(town, _depth(slice(28, 29), slice(30, 32)), around_m=20.0)["b1"] == 1.0


def test_a_building_known_by_its_point_reads_that_cell(town: City) -> None:
    assert _by_id(town, _depth(slice(35, 36), slice(5, 6)))["b2"] == 1.0
    assert _by_id(town, _depth(slice(36, 37), slice(5, 6)))["b2"] == 0.0


def test_a_facility_in_a_building_stands_at_its_walls_and_another_on_its_own_ground(town: City) -> None:
    assert _by_id(town, _depth(slice(29, 30), slice(30, 32)))["f-in"] == 1.0
    assert _by_id(town, _depth(slice(5, 6), slice(35, 36)))["f-out"] == 1.0


def test_a_street_floods_where_it_runs_and_a_bridge_never(town: City) -> None:
    middle = _depth(slice(9, 11), slice(0, 40))
    depth = _by_id(town, middle)
    assert (depth["1"], depth["2"], depth["3"], depth["4"]) == (1.0, 0.0, 0.0, 1.0)
    assert _by_id(town, _depth(slice(0, 1), slice(0, 40)))["3"] == 1.0


def test_standing_water_counts_for_nobody(town: City) -> None:
    river = np.zeros((40, 40), bool)
    river[:, 29] = True
    assert _by_id(town, _depth(slice(29, 30), slice(0, 40)), dry=river)["b1"] == 0.0


def test_a_neighbourhood_is_not_alarmed_by_one_puddle(town: City) -> None:
    index = exposure_index(town, _grid())
    name = index.object_id[0]
    assert _by_id(town, _depth(slice(20, 22), slice(20, 22)))[name] == 0.0
    assert _by_id(town, _depth(slice(0, 40), slice(0, 40)))[name] == 1.0


def test_probabilities_are_the_weights_of_the_members_that_say_so(town: City) -> None:
    index = exposure_index(town, _grid())
    depths = np.zeros((1, 3, len(index)), np.float32)
    b1 = index.object_id.index("b1")
    depths[0, :, b1] = [0.1, 0.4, 0.7]
    table = objects_table(index, depths, [10], weights=np.array([1.0, 1.0, 2.0]))
    assert table.schema.equals(OBJECT_SCHEMA)
    (row,) = table.to_pylist()
    assert (row["object_id"], row["lead_min"], row["people"]) == ("b1", 10, 12.0)
    assert [round(row[f"exceed_{t}mm_prob"], 6) for t in (150, 300, 600, 1200)] == [0.75, 0.75, 0.5, 0.0]
    assert (round(row["depth_m"], 6), round(row["depth_high_m"], 6)) == (0.4, 0.7)


def test_a_dry_city_has_no_rows(town: City) -> None:
    index = exposure_index(town, _grid())
    assert objects_under(index, np.zeros((2, 3, 40, 40), np.float32), [0, 10]).num_rows == 0


def test_rows_are_ordered_by_kind_id_and_lead(sandbox_city: Path) -> None:
    city = read_city(sandbox_city)
    grid = terrain_grid(city, city.terrain)
    index = exposure_index(city, grid)
    deep = np.ones((2, 2, grid.ny, grid.nx), np.float32)
    table = objects_under(index, deep, [0, 10])
    rows = list(zip(*(table.column(k).to_pylist() for k in ("kind", "object_id", "lead_min")), strict=True))
    assert rows == sorted(rows, key=lambda r: (OBJECT_KINDS.index(r[0]), r[1], r[2]))
    assert {r[0] for r in rows} == set(OBJECT_KINDS)


def test_depths_of_another_grid_or_count_are_refused(town: City) -> None:
    index = exposure_index(town, _grid())
    with pytest.raises(InvalidInput, match="not on the grid"):
        object_depths(index, np.zeros((3, 3)))
    with pytest.raises(InvalidInput, match="do not fit"):
        objects_table(index, np.zeros((1, 2, len(index)), np.float32), [0, 10])
    with pytest.raises(InvalidInput, match="weights"):
        objects_table(index, np.zeros((1, 2, len(index)), np.float32), [0], weights=np.array([-1.0, 2.0]))
