"""The road graph of a city: what is near, how long it takes, and what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely import LineString

from rencheng.city import City, Manifest, RoadGraph, table_from_rows, write_city
from rencheng.kernel import InvalidInput, MissingData, NotFound

Rows = list[dict[str, Any]]


@pytest.fixture
def make_city(tmp_path: Path) -> Callable[..., City]:
    def make(nodes: Rows | None, links: Rows | None) -> City:
        manifest = Manifest(
            id="t", name="t", name_en="t", metric_crs="EPSG:32650", timezone="Asia/Shanghai", jurisdiction="CN"
        )
        tables = {"road_nodes": nodes, "road_links": links}
        filled = {k: table_from_rows(k, v) for k, v in tables.items() if v is not None}
        return write_city(tmp_path / "city", manifest, filled)

    return make


def node(node_id: int, east: float, north: float = 0.0) -> dict[str, Any]:
    return {"node_id": node_id, "lon": 117.0 + east * 0.01, "lat": 30.0 + north * 0.01}


def link(link_id: int, a: int, b: int, **more: Any) -> dict[str, Any]:
    return {
        "link_id": link_id, "from_node": a, "to_node": b, "length_m": 960.0, "road_class": "primary",
        "speed_m_s": 12.0, **more,
    }  # fmt: skip


LINE = [node(7, 0), node(3, 1), node(5, 2), node(90, 5), node(91, 6)]
LINKS = [
    link(1, 7, 3), link(2, 3, 7), link(3, 3, 5, underpass=True), link(4, 5, 3, underpass=True),
    link(8, 90, 91), link(9, 91, 90),
]  # fmt: skip


def test_travel_time_is_length_over_speed_and_closing_cuts_the_way(make_city: Callable[..., City]) -> None:
    roads = RoadGraph.of(make_city(LINE, LINKS))
    a, c = np.searchsorted(roads.node_id, [7, 5])
    assert roads.matrix_s(np.array([a]), np.array([c]))[0, 0] == 160.0
    assert np.isinf(roads.matrix_s(np.array([a]), np.array([c]), closed=[3])[0, 0])
    assert roads.matrix_s(np.array([c]), np.array([a]), closed=[3])[0, 0] == 160.0, "the other direction is open"
    assert roads.times_to_s(int(c))[a] == 160.0


def test_a_route_names_its_links_and_runs_along_their_lines(make_city: Callable[..., City]) -> None:
    bend = LineString([(117.0, 30.0), (117.005, 30.002), (117.01, 30.0)]).wkb
    links = [link(1, 7, 3, geometry=bend), *LINKS[1:]]
    roads = RoadGraph.of(make_city(LINE, links))
    a, c = np.searchsorted(roads.node_id, [7, 5]).tolist()
    route = roads.route(a, c)
    assert route.links == (1, 3)
    assert route.travel_s == 160.0
    assert route.points == ((117.0, 30.0), (117.005, 30.002), (117.01, 30.0), (117.02, 30.0))
    assert roads.route(a, c, closed=[1]).links == ()


def test_places_snap_to_roads_one_can_come_back_from(make_city: Callable[..., City]) -> None:
    roads = RoadGraph.of(make_city(LINE, LINKS))
    near_the_island = roads.nearest_node(np.array([117.05]), np.array([30.0]))
    assert roads.node_id[near_the_island].tolist() == [5], "an island road would make every trip impossible"


def test_links_near_a_place(make_city: Callable[..., City]) -> None:
    roads = RoadGraph.of(make_city(LINE, LINKS))
    assert roads.links_near(117.015, 30.0001, 30.0) == (3, 4)
    assert roads.links_near(117.01, 30.0, 30.0) == (1, 2, 3, 4)
    assert roads.links_near(117.01, 30.0, 30.0, underpass=True) == (3, 4)
    assert roads.links_near(117.015, 30.01, 30.0) == ()


def test_the_order_of_rows_does_not_matter(make_city: Callable[..., City]) -> None:
    one = RoadGraph.of(make_city(LINE, LINKS))
    two = RoadGraph.of(make_city(LINE[::-1], LINKS))
    assert one.node_id.tolist() == two.node_id.tolist()
    np.testing.assert_array_equal(one.matrix_s(np.arange(5), np.arange(5)), two.matrix_s(np.arange(5), np.arange(5)))


def test_bad_roads_are_refused_by_row(make_city: Callable[..., City]) -> None:
    with pytest.raises(InvalidInput, match="road_links row 1, to_node: node 4 is not in road_nodes"):
        RoadGraph.of(make_city(LINE, [link(1, 7, 3), link(2, 3, 4)]))
    with pytest.raises(InvalidInput, match=r"row 0: .*gives no travel time"):
        RoadGraph.of(make_city(LINE, [link(1, 7, 3, speed_m_s=0.0)]))
    with pytest.raises(InvalidInput, match="row 0, length_m: empty or NaN"):
        RoadGraph.of(make_city(LINE, [link(1, 7, 3, length_m=float("nan"))]))
    with pytest.raises(MissingData, match="routing"):
        RoadGraph.of(make_city(None, LINKS))
    with pytest.raises(NotFound, match="no road link 77"):
        RoadGraph.of(make_city(LINE, LINKS)).cost_s([77])
