"""From OpenStreetMap ways to a routable graph: directed links between the nodes where ways meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rencheng.adapters.osm.extract import WayLines
from rencheng.adapters.osm.tags import ROAD_SPEED_KM_H, Tags, direction, is_open_to_vehicles, layer_of, speed_m_s
from rencheng.city.source_report import SourceReport

__all__ = ["RoadGraph", "road_graph"]

LINKS_PER_WAY = 10_000
"""A link id is ``way id * LINKS_PER_WAY + 2 * segment + backward``: the same road keeps its id in the next import."""

SHORT_TUNNEL_M = 150.0
"""Longest tunnel that counts as an underpass; a longer one has pumps and portals of its own."""

_NO = {"", "no", "false", "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadGraph:
    """The tables ``road_nodes`` and ``road_links`` without what needs terrain and cells.

    ``lines`` holds the shape of every link (shapely, shape (links,), degrees), in link order.
    """

    nodes: pa.Table
    links: pa.Table
    lines: NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vertices:
    """Vertices of all pieces end to end; a piece is a stretch of one way without a gap."""

    ref: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    way: NDArray[np.int64]
    piece: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretches:
    """Stretches of road between two nodes, each once, before they get their directions; all arrays shape (n,)."""

    way: NDArray[np.int64]
    tags: list[Tags]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    lines: NDArray[np.object_]
    length_m: NDArray[np.float64]
    bridge: NDArray[np.bool_]
    tunnel: NDArray[np.bool_]
    underpass: NDArray[np.bool_]


def road_graph(roads: WayLines, rails: WayLines, to_metric: Transformer, report: SourceReport) -> RoadGraph:
    """Split ways where they meet and lay a directed link along each permitted direction.

    Parameters
    ----------
    roads, rails : WayLines
        Highways and railways of the extract; railways only tell which roads pass under one.
    to_metric : Transformer
        From lon/lat to the city's metric reference system, in which lengths are measured.
    report : SourceReport
        Takes ways not for vehicles, ways cut by the extract, and how the graph hangs together.

    Notes
    -----
    A link is an *underpass* if it lies below ground level without being a long tunnel (``layer`` < 0, or a tunnel up
    to :data:`SHORT_TUNNEL_M`), or if it crosses a road or railway bridge of a higher layer without meeting it.
    """
    vertices = _vertices(roads, _drivable(roads, report), report)
    start, end = _segments(vertices)
    stretches = _stretches(roads, rails, vertices, start, end, to_metric)
    links, lines = _directed(roads, stretches)
    nodes = _nodes(vertices, np.unique(np.concatenate([start, end])))
    _tell_connectivity(nodes, links, report)
    return RoadGraph(nodes=nodes, links=links, lines=lines)


def _stretches(
    roads: WayLines,
    rails: WayLines,
    v: _Vertices,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    to_metric: Transformer,
) -> _Stretches:
    way = v.way[start]
    tags = [roads.tags[w] for w in way.tolist()]
    lines, length_m = _shapes(v, start, end, to_metric)
    bridge = _flags(tags, "bridge")
    tunnel = _flags(tags, "tunnel") & np.array([t.get("tunnel") != "building_passage" for t in tags], dtype=bool)
    return _Stretches(
        way=way,
        tags=tags,
        first=v.ref[start],
        last=v.ref[end],
        lines=lines,
        length_m=length_m,
        bridge=bridge,
        tunnel=tunnel,
        underpass=_underpasses(lines, tags, way, length_m, bridge, tunnel, _rail_bridges(rails)),
    )


def _directed(roads: WayLines, s: _Stretches) -> tuple[pa.Table, NDArray[np.object_]]:
    """The table of links in the order of their ids, and their shapes."""
    oneway = np.array([direction(t) for t in s.tags], dtype=np.int64)
    forward, backward = np.flatnonzero(oneway >= 0), np.flatnonzero(oneway <= 0)
    at = np.concatenate([forward, backward])
    reverse = np.repeat([0, 1], [len(forward), len(backward)])
    number = np.arange(len(s.way)) - np.searchsorted(s.way, s.way)
    link_id = roads.ids[s.way[at]] * LINKS_PER_WAY + 2 * number[at] + reverse
    order = np.argsort(link_id, kind="stable")
    at, back = at[order], reverse[order] == 1
    tags = [s.tags[i] for i in at.tolist()]
    lines = np.where(back, shapely.reverse(s.lines[at]), s.lines[at])
    links = pa.table(
        {
            "link_id": link_id[order],
            "from_node": np.where(back, s.last[at], s.first[at]),
            "to_node": np.where(back, s.first[at], s.last[at]),
            "length_m": s.length_m[at],
            "road_class": pa.array([t["highway"] for t in tags], pa.string()),
            "speed_m_s": np.array([speed_m_s(t) for t in tags], dtype=np.float64),
            "name": pa.array([t.get("name") for t in tags], pa.string()),
            "bridge": s.bridge[at],
            "tunnel": s.tunnel[at],
            "underpass": s.underpass[at],
            "geometry": pa.array(shapely.to_wkb(lines), pa.binary()),
        }
    )
    return links, lines


def _drivable(roads: WayLines, report: SourceReport) -> NDArray[np.bool_]:
    keep = np.zeros(len(roads.ids), dtype=bool)
    foot, closed, areas = [], [], []
    for i, tags in enumerate(roads.tags):
        if tags["highway"] not in ROAD_SPEED_KM_H:
            foot.append(f"way {roads.ids[i]} ({tags['highway']})")
        elif tags.get("area") == "yes":
            areas.append(f"way {roads.ids[i]}")
        elif not is_open_to_vehicles(tags):
            closed.append(f"way {roads.ids[i]}")
        else:
            keep[i] = True
    report.refuse("road: not for vehicles (footway, cycleway, track, under construction …)", foot)
    report.refuse("road: drawn as an area", areas)
    report.refuse("road: closed to vehicles (access, vehicle or motor_vehicle = no)", closed)
    report.take("road ways", int(keep.sum()))
    return keep


def _vertices(roads: WayLines, keep: NDArray[np.bool_], report: SourceReport) -> _Vertices:
    way = np.repeat(np.arange(len(roads.ids)), np.diff(roads.offsets))
    chosen = np.flatnonzero(keep[way])
    placed = np.isfinite(roads.lon[chosen])
    cut = np.unique(way[chosen[~placed]])
    report.refuse("road: stretch outside the extract (its nodes are missing)", [f"way {roads.ids[w]}" for w in cut])
    after_gap = np.concatenate([[True], ~placed[:-1]])[: len(placed)]
    piece = np.cumsum((np.diff(way[chosen], prepend=-1) != 0) | after_gap)
    at, piece = chosen[placed], piece[placed]
    repeated = (np.diff(roads.refs[at], prepend=-1) == 0) & (np.diff(piece, prepend=-1) == 0)
    at, piece = at[~repeated], piece[~repeated]
    _, inverse, counts = np.unique(piece, return_inverse=True, return_counts=True)
    whole = counts[inverse] > 1
    at, piece = at[whole], piece[whole]
    return _Vertices(ref=roads.refs[at], lon=roads.lon[at], lat=roads.lat[at], way=way[at], piece=piece)


def _segments(v: _Vertices) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last vertex of every segment; a loop that meets nothing is halved so that both ends differ."""
    _, inverse, counts = np.unique(v.ref, return_inverse=True, return_counts=True)
    first = np.diff(v.piece, prepend=-1) != 0
    last = np.diff(v.piece, append=-1) != 0
    is_node = (counts[inverse] > 1) | first | last
    start, end = _between(is_node, last)
    loops = v.ref[start] == v.ref[end]
    is_node[(start[loops] + end[loops]) // 2] = True
    return _between(is_node, last)


def _between(is_node: NDArray[np.bool_], last: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at = np.flatnonzero(is_node)
    inner = ~last[at[:-1]]
    return at[:-1][inner], at[1:][inner]


def _shapes(
    v: _Vertices, start: NDArray[np.int64], end: NDArray[np.int64], to_metric: Transformer
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    count = end - start + 1
    ends = np.cumsum(count)
    index = np.repeat(start - (ends - count), count) + np.arange(ends[-1] if len(ends) else 0)
    segment = np.repeat(np.arange(len(start)), count)
    lines = shapely.linestrings(np.column_stack([v.lon[index], v.lat[index]]), indices=segment)
    x, y = to_metric.transform(v.lon, v.lat)
    run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    return np.asarray(lines, dtype=object), run[end] - run[start]


def _flags(tags: list[Tags], key: str) -> NDArray[np.bool_]:
    return np.array([t.get(key, "") not in _NO for t in tags], dtype=bool)


def _rail_bridges(rails: WayLines) -> list[tuple[shapely.LineString, int]]:
    found = []
    for i, tags in enumerate(rails.tags):
        part = slice(rails.offsets[i], rails.offsets[i + 1])
        points = np.column_stack([rails.lon[part], rails.lat[part]])
        points = points[np.isfinite(points[:, 0])]
        if tags.get("bridge", "") not in _NO and len(points) > 1:
            found.append((shapely.linestrings(points), layer_of(tags)))
    return found


def _underpasses(
    lines: NDArray[np.object_],
    tags: list[Tags],
    way: NDArray[np.int64],
    length_m: NDArray[np.float64],
    bridge: NDArray[np.bool_],
    tunnel: NDArray[np.bool_],
    rail_bridges: list[tuple[shapely.LineString, int]],
) -> NDArray[np.bool_]:
    layer = np.array([layer_of(t) for t in tags], dtype=np.int64)
    way_length = np.bincount(way, weights=length_m) if len(way) else np.zeros(0)
    low = np.where(tunnel, way_length[way] <= SHORT_TUNNEL_M, layer < 0)
    above = np.concatenate([lines[bridge], np.array([line for line, _ in rail_bridges], dtype=object)])
    if len(above):
        above_layer = np.concatenate([layer[bridge], [level for _, level in rail_bridges]])
        link, over = shapely.STRtree(above).query(lines, predicate="crosses")
        low[link[(layer[link] < above_layer[over]) & ~bridge[link] & ~tunnel[link]]] = True
    return np.asarray(low, dtype=bool)


def _nodes(v: _Vertices, at: NDArray[np.int64]) -> pa.Table:
    node_id, first = np.unique(v.ref[at], return_index=True)
    return pa.table({"node_id": node_id, "lon": v.lon[at[first]], "lat": v.lat[at[first]]})


def _tell_connectivity(nodes: pa.Table, links: pa.Table, report: SourceReport) -> None:
    """Report the largest part from which every node reaches every other, and pieces that hang on nothing."""
    report.take("road nodes", len(nodes))
    report.take("road links", len(links))
    report.take("underpasses", int(np.sum(links["underpass"].to_numpy())))
    if not len(links):
        return
    ids = nodes["node_id"].to_numpy()
    a, b = (np.searchsorted(ids, links[end].to_numpy()) for end in ("from_node", "to_node"))
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(ids), len(ids))).tocsr()
    _, strong = connected_components(graph, directed=True, connection="strong")
    pieces, weak = connected_components(graph, directed=False)
    largest = int(np.bincount(strong).max())
    report.note(
        f"road graph: {largest} of {len(ids)} nodes ({largest / len(ids):.1%}) reach one another; "
        f"{pieces - 1} isolated pieces with {len(ids) - int(np.bincount(weak).max())} nodes are kept"
    )
