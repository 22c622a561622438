"""Roads and buildings out of OpenStreetMap: what a dispatcher would drive wrong if this were wrong."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from rencheng.adapters.osm import OsmExtract, buildings_table, facilities_table, read_osm, road_graph, waters_table
from rencheng.adapters.osm.tags import direction, facility_kind, speed_m_s, storeys_of
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidInput

UTM = Transformer.from_crs("EPSG:4326", "EPSG:32631", always_xy=True)


def osm(
    nodes: dict[int, tuple[float, float]], ways: list[tuple[int, list[int], dict[str, str]]], extra: str = ""
) -> str:
    """Write a small OSM XML; positions in thousandths of a degree from 3° E, 45° N."""
    points = "".join(
        f'<node id="{n}" version="1" lon="{3 + x / 1000}" lat="{45 + y / 1000}"/>' for n, (x, y) in nodes.items()
    )
    lines = "".join(
        f'<way id="{i}" version="1">'
        + "".join(f'<nd ref="{r}"/>' for r in refs)
        + "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
        + "</way>"
        for i, refs, tags in ways
    )
    return f'<?xml version="1.0"?><osm version="0.6">{points}{extra}{lines}</osm>'


def extract(folder: Path, text: str) -> tuple[OsmExtract, SourceReport]:
    file = folder / "map.osm"
    file.write_text(text, encoding="utf-8")
    report = SourceReport("map.osm")
    return read_osm(file, report), report


def links(folder: Path, text: str) -> tuple[list[dict[str, Any]], SourceReport]:
    found, report = extract(folder, text)
    return road_graph(found.roads, found.rails, UTM, report).links.to_pylist(), report


CROSS = {1: (0.0, 0.0), 2: (1.0, 0.0), 3: (2.0, 0.0), 4: (1.0, 1.0)}


def test_a_way_is_split_where_another_meets_it(tmp_path: Path) -> None:
    rows, _ = links(
        tmp_path, osm(CROSS, [(10, [1, 2, 3], {"highway": "residential"}), (11, [2, 4], {"highway": "residential"})])
    )
    assert {(r["from_node"], r["to_node"]) for r in rows} == {(1, 2), (2, 1), (2, 3), (3, 2), (2, 4), (4, 2)}


def test_one_way_streets_are_driven_one_way_and_backward_ones_backward(tmp_path: Path) -> None:
    rows, _ = links(
        tmp_path,
        osm(
            CROSS,
            [
                (10, [1, 2], {"highway": "primary", "oneway": "yes"}),
                (11, [2, 3], {"highway": "primary", "oneway": "-1"}),
                (12, [2, 4], {"highway": "motorway"}),
            ],
        ),
    )
    assert {(r["from_node"], r["to_node"]) for r in rows} == {(1, 2), (3, 2), (2, 4)}


def test_the_shape_of_a_backward_link_runs_backward(tmp_path: Path) -> None:
    import shapely

    rows, _ = links(tmp_path, osm(CROSS, [(10, [1, 2], {"highway": "service"})]))
    back = next(r for r in rows if r["from_node"] == 2)
    assert shapely.get_coordinates(shapely.from_wkb(back["geometry"]))[0, 0] == pytest.approx(3.001)


def test_length_is_measured_on_the_ground(tmp_path: Path) -> None:
    rows, _ = links(tmp_path, osm({1: (0.0, 0.0), 2: (0.0, 1.0)}, [(10, [1, 2], {"highway": "service"})]))
    assert rows[0]["length_m"] == pytest.approx(111.1, rel=2e-3)  # a thousandth of a degree of latitude


def test_a_closed_way_that_meets_nothing_is_halved_so_that_it_can_be_driven(tmp_path: Path) -> None:
    rows, _ = links(tmp_path, osm(CROSS, [(10, [1, 2, 4, 1], {"highway": "residential"})]))
    assert all(r["from_node"] != r["to_node"] for r in rows)
    assert len({r["link_id"] for r in rows}) == len(rows) == 4


def test_a_street_under_a_bridge_is_an_underpass_and_the_bridge_is_not(tmp_path: Path) -> None:
    nodes = {1: (0.0, 0.0), 2: (2.0, 0.0), 3: (1.0, -1.0), 4: (1.0, 1.0)}
    rows, _ = links(
        tmp_path,
        osm(
            nodes,
            [
                (10, [1, 2], {"highway": "primary"}),
                (11, [3, 4], {"highway": "secondary", "bridge": "yes", "layer": "1"}),
            ],
        ),
    )
    assert {r["road_class"]: (r["underpass"], r["bridge"]) for r in rows} == {
        "primary": (True, False),
        "secondary": (False, True),
    }


def test_a_street_under_a_railway_bridge_is_an_underpass(tmp_path: Path) -> None:
    nodes = {1: (0.0, 0.0), 2: (2.0, 0.0), 3: (1.0, -1.0), 4: (1.0, 1.0)}
    rows, _ = links(
        tmp_path,
        osm(nodes, [(10, [1, 2], {"highway": "primary"}), (11, [3, 4], {"railway": "rail", "bridge": "yes"})]),
    )
    assert all(r["underpass"] for r in rows)


@pytest.mark.parametrize(("east", "expected"), [(1.0, True), (5.0, False)])
def test_only_a_short_tunnel_is_an_underpass(tmp_path: Path, east: float, expected: bool) -> None:
    rows, _ = links(
        tmp_path,
        osm({1: (0.0, 0.0), 2: (east, 0.0)}, [(10, [1, 2], {"highway": "primary", "tunnel": "yes", "layer": "-1"})]),
    )
    assert {(r["tunnel"], r["underpass"]) for r in rows} == {(True, expected)}


def test_what_is_not_for_vehicles_is_refused_by_name(tmp_path: Path) -> None:
    rows, report = links(
        tmp_path,
        osm(
            CROSS,
            [
                (10, [1, 2], {"highway": "residential"}),
                (11, [2, 3], {"highway": "footway"}),
                (12, [2, 4], {"highway": "service", "access": "no"}),
                (13, [1, 4], {"highway": "service", "access": "no", "emergency": "yes"}),
            ],
        ),
    )
    assert {(r["from_node"], r["to_node"]) for r in rows} == {(1, 2), (2, 1), (1, 4), (4, 1)}
    assert {k: v.examples for k, v in report.refused.items()} == {
        "road: not for vehicles (footway, cycleway, track, under construction …)": ["way 11 (footway)"],
        "road: closed to vehicles (access, vehicle or motor_vehicle = no)": ["way 12"],
    }


def test_a_way_cut_by_the_extract_keeps_the_stretches_that_are_whole(tmp_path: Path) -> None:
    rows, report = links(tmp_path, osm(CROSS, [(10, [1, 2, 99, 3, 4], {"highway": "residential", "oneway": "yes"})]))
    assert [(r["from_node"], r["to_node"]) for r in rows] == [(1, 2), (3, 4)]
    assert report.refused["road: stretch outside the extract (its nodes are missing)"].examples == ["way 10"]


def test_isolated_pieces_are_kept_and_told(tmp_path: Path) -> None:
    nodes = {**CROSS, 8: (50.0, 0.0), 9: (51.0, 0.0)}
    _, report = links(
        tmp_path, osm(nodes, [(10, [1, 2, 3], {"highway": "service"}), (11, [8, 9], {"highway": "service"})])
    )
    assert report.notes == [
        "road graph: 2 of 4 nodes (50.0%) reach one another; 1 isolated pieces with 2 nodes are kept"
    ]


def test_ids_stay_the_same_when_the_map_around_them_changes(tmp_path: Path) -> None:
    one = osm(CROSS, [(10, [1, 2], {"highway": "service"})])
    two = osm(CROSS, [(9, [3, 4], {"highway": "service"}), (10, [1, 2], {"highway": "service"})])
    before, _ = links(tmp_path, one)
    after, _ = links(tmp_path, two)
    assert {r["link_id"] for r in before} <= {r["link_id"] for r in after}


@pytest.mark.parametrize(
    ("tags", "km_h"),
    [
        ({"highway": "primary"}, 65.0),
        ({"highway": "primary", "maxspeed": "50"}, 50.0),
        ({"highway": "primary", "maxspeed": "30 mph"}, 48.28),
        ({"highway": "primary", "maxspeed": "RU:urban"}, 65.0),
        ({"highway": "living_street", "maxspeed": "walk"}, 6.0),
        ({"highway": "service", "maxspeed": "1"}, 5.0),
    ],
)
def test_speed_is_the_posted_one_or_that_of_the_class(tags: dict[str, str], km_h: float) -> None:
    assert speed_m_s(tags) * 3.6 == pytest.approx(km_h, abs=0.01)


def test_a_roundabout_turns_one_way() -> None:
    assert direction({"highway": "primary", "junction": "roundabout"}) == 1
    assert direction({"highway": "motorway", "oneway": "no"}) == 0


def test_a_bus_stop_roof_is_no_shelter() -> None:
    assert facility_kind({"amenity": "shelter", "shelter_type": "public_transport"}) is None
    assert facility_kind({"amenity": "shelter", "shelter_type": "basic_hut"}) == "shelter"


def test_storeys_come_from_levels_or_height() -> None:
    assert [storeys_of(t) for t in ({"building:levels": "7"}, {"height": "12 m"}, {})] == [7, 4, None]


HOUSE = {1: (0.0, 0.0), 2: (0.2, 0.0), 3: (0.2, 0.1), 4: (0.0, 0.1)}


def test_a_building_has_use_occupancy_and_footprint_and_an_assumed_use_is_told(tmp_path: Path) -> None:
    found, report = extract(
        tmp_path,
        osm(
            HOUSE,
            [
                (20, [1, 2, 3, 4, 1], {"building": "apartments", "building:levels": "5"}),
                (21, [1, 2, 3, 4, 1], {"building": "yes"}),
                (22, [1, 2, 3, 4, 1], {"building": "yes", "amenity": "school"}),
            ],
        ),
    )
    rows = {r["building_id"]: r for r in buildings_table(found.buildings, UTM, report).to_pylist()}
    assert rows["w20"]["footprint_m2"] == pytest.approx(15.75 * 11.11, rel=0.01)
    assert (rows["w20"]["use"], rows["w20"]["occupancy"], rows["w20"]["storeys"]) == ("residential", "RES3C", 5)
    assert (rows["w22"]["use"], rows["w22"]["occupancy"]) == ("education", "EDU1")
    assert rows["w21"]["use"] == "residential"
    assert "assumption: 1 of 3 buildings have no use tagged and count as residential" in report.notes


def test_a_hospital_drawn_as_an_outline_and_one_as_a_point_are_both_found(tmp_path: Path) -> None:
    point = (
        '<node id="50" version="1" lon="3.01" lat="45.0"><tag k="amenity" v="hospital"/><tag k="beds" v="80"/></node>'
    )
    found, report = extract(
        tmp_path, osm(HOUSE, [(20, [1, 2, 3, 4, 1], {"amenity": "hospital", "building": "yes", "name": "A"})], point)
    )
    rows = facilities_table(found.facilities, report).to_pylist()
    assert {(r["facility_id"], r["kind"], r["capacity"]) for r in rows} == {
        ("osm-w20", "hospital", None),
        ("osm-n50", "hospital", 80.0),
    }


def test_rivers_are_lines_and_lakes_are_polygons(tmp_path: Path) -> None:
    import shapely

    found, report = extract(
        tmp_path,
        osm(HOUSE, [(30, [1, 2, 3], {"waterway": "river"}), (31, [1, 2, 3, 4, 1], {"natural": "water"})]),
    )
    rows = {r["kind"]: shapely.from_wkb(r["geometry"]) for r in waters_table(found.waters, report).to_pylist()}
    assert {kind: shape.geom_type for kind, shape in rows.items()} == {"river": "LineString", "lake": "MultiPolygon"}


def test_an_outline_that_the_extract_cuts_is_refused_by_name(tmp_path: Path) -> None:
    _, report = extract(tmp_path, osm(HOUSE, [(20, [1, 2, 99, 4, 1], {"building": "yes"})]))
    assert report.refused["buildings: outline incomplete in the extract or not valid"].examples == ["way 20"]


def test_gzip_is_read_and_gives_the_same_graph(tmp_path: Path) -> None:
    text = osm(CROSS, [(10, [1, 2, 3], {"highway": "service"})])
    plain, _ = extract(tmp_path, text)
    packed = tmp_path / "map.osm.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    again = read_osm(packed, SourceReport("map.osm.gz"))
    np.testing.assert_array_equal(plain.roads.refs, again.roads.refs)


@pytest.mark.parametrize("name", ["broken.osm.pbf", "broken.osm", "broken.xyz"])
def test_a_damaged_map_says_which_file_and_what_to_do(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x00\x00\x00\x0dthis is no map")
    with pytest.raises(InvalidInput, match=rf"{name}: not a readable OpenStreetMap file: .*Fetch the extract again"):
        read_osm(file, SourceReport(name))


def test_an_unsorted_map_says_how_to_sort_it(tmp_path: Path) -> None:
    ways = [(11, [1, 2], {"highway": "service"}), (10, [2, 3], {"highway": "service"})]
    with pytest.raises(InvalidInput, match=r"Sort it by type and id \(osmium sort\)"):
        extract(tmp_path, osm(CROSS, ways))
