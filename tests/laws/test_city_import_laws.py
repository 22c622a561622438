"""Laws of the importer: no road is lost or made longer by splitting, nobody is lost by spreading."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from rencheng.adapters.osm import WayLines, road_graph
from rencheng.city.source_report import SourceReport

UTM = Transformer.from_crs("EPSG:4326", "EPSG:32631", always_xy=True)
EMPTY = WayLines(
    ids=np.zeros(0, dtype=np.int64),
    tags=[],
    offsets=np.zeros(1, dtype=np.int64),
    refs=np.zeros(0, dtype=np.int64),
    lon=np.zeros(0),
    lat=np.zeros(0),
)


@st.composite
def streets(draw: st.DrawFn) -> WayLines:
    """Ways over a lattice of twelve nodes; they meet, repeat nodes, close on themselves and lack nodes at random."""
    ways = draw(st.lists(st.lists(st.integers(1, 12), min_size=2, max_size=7), min_size=1, max_size=6))
    lost = draw(st.sets(st.integers(1, 12), max_size=2))
    oneway = draw(st.lists(st.sampled_from(["yes", "no", "-1"]), min_size=len(ways), max_size=len(ways)))
    refs = np.array([r for way in ways for r in way], dtype=np.int64)
    lon = np.asarray(3.0 + (refs % 4) * 0.001, dtype=np.float64)
    lat = np.asarray(45.0 + (refs // 4) * 0.001, dtype=np.float64)
    gone = np.isin(refs, sorted(lost))
    lon[gone] = lat[gone] = np.nan
    return WayLines(
        ids=np.arange(1, len(ways) + 1),
        tags=[{"highway": "residential", "oneway": word} for word in oneway],
        offsets=np.concatenate([[0], np.cumsum([len(way) for way in ways])]).astype(np.int64),
        refs=refs,
        lon=lon,
        lat=lat,
    )


def drawn_length_m(roads: WayLines) -> float:
    """Length of all stretches between placed neighbours, twice where both directions are open."""
    x, y = UTM.transform(roads.lon, roads.lat)
    total = 0.0
    for i, tags in enumerate(roads.tags):
        a, b = roads.offsets[i], roads.offsets[i + 1]
        steps = np.hypot(np.diff(x[a:b]), np.diff(y[a:b]))
        total += float(np.sum(steps[np.isfinite(steps)])) * (2 if tags["oneway"] == "no" else 1)
    return total


@settings(max_examples=200, deadline=None)
@given(streets())
def test_splitting_neither_loses_nor_lengthens_a_road(roads: WayLines) -> None:
    graph = road_graph(roads, EMPTY, UTM, SourceReport("x"))
    length = float(np.sum(graph.links["length_m"].to_numpy())) if len(graph.links) else 0.0
    assert length == pytest.approx(drawn_length_m(roads), abs=1e-3)


@settings(max_examples=200, deadline=None)
@given(streets())
def test_links_join_known_nodes_and_have_ids_of_their_own(roads: WayLines) -> None:
    graph = road_graph(roads, EMPTY, UTM, SourceReport("x"))
    ids = graph.links["link_id"].to_pylist()
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids)
    nodes = set(graph.nodes["node_id"].to_pylist())
    assert {*graph.links["from_node"].to_pylist(), *graph.links["to_node"].to_pylist()} <= nodes
    assert isinstance(graph.links, pa.Table)
