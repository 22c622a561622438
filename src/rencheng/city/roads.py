"""The roads of a city as a graph that can be routed on: travel times, nearest nodes, links near a place, closures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from rencheng.city.package import City
from rencheng.kernel import InvalidInput, NotFound
from rencheng.science.paths import csr_from_edges, reverse_csr, shortest_path, travel_times_s

if TYPE_CHECKING:
    from pyproj import Transformer

__all__ = ["RoadGraph", "Route"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way along the roads.

    Parameters
    ----------
    travel_s : float
        Time it takes at free flow; ``inf`` where there is no way.
    links : tuple of int
        Link ids taken.
    points : tuple of (lon, lat)
        The line of the way, rounded to 1e-6 degree (a tenth of a metre).
    """

    travel_s: float
    links: tuple[int, ...]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class RoadGraph:
    """Roads in compressed sparse row form.

    Parameters
    ----------
    node_id : int array, shape (n,)
        Ids, ascending; all other node arrays follow this order.
    lon, lat, x_m, y_m : float array, shape (n,)
        Place in degrees and in the metric reference system.
    indptr, indices : int array, shapes (n + 1,), (m,)
        The graph; edge e reaches node ``indices[e]``.
    tail : int array, shape (m,)
        Node that an edge leaves.
    link_id : int array, shape (m,)
        Link of every edge.
    travel_s : float array, shape (m,)
        Free-flow travel time.
    underpass : bool array, shape (m,)
        Whether the link can fill with water.
    cell : uint64 array, shape (m,)
        H3 cell of the link, 0 where the package does not say.
    """

    node_id: Ints
    lon: Floats
    lat: Floats
    x_m: Floats
    y_m: Floats
    indptr: Ints
    indices: Ints
    tail: Ints
    link_id: Ints
    travel_s: Floats
    underpass: NDArray[np.bool_]
    cell: NDArray[np.uint64]
    to_metric: Transformer
    geometry: Sequence[bytes | None] = ()

    @classmethod
    def of(cls, city: City) -> RoadGraph:
        """Build the graph of a city.

        Raises
        ------
        MissingData
            If the city has no roads.
        InvalidInput
            If a link names a node that is not there, or has no length or speed; says which row.
        """
        raw_id = city.table("road_nodes", needed_for="routing").column("node_id").to_numpy()
        sort = np.argsort(raw_id, kind="stable")
        node_id = raw_id[sort].astype(np.int64)
        lon, lat = (city.column("road_nodes", k)[sort].astype(np.float64) for k in ("lon", "lat"))
        tail, head = (_index_of(node_id, city.column("road_links", k), k) for k in ("from_node", "to_node"))
        travel_s = _travel_s(city)
        indptr, indices, order = csr_from_edges(len(node_id), tail, head)
        x_m, y_m = city.to_metric.transform(lon, lat)
        return cls(
            node_id=node_id,
            lon=lon,
            lat=lat,
            x_m=np.asarray(x_m),
            y_m=np.asarray(y_m),
            indptr=indptr,
            indices=indices,
            tail=tail[order],
            link_id=city.column("road_links", "link_id")[order].astype(np.int64),
            travel_s=travel_s[order],
            underpass=_flags(city, "underpass")[order],
            cell=_cells(city)[order],
            to_metric=city.to_metric,
            geometry=_geometry(city, order),
        )

    @cached_property
    def edge_of_link(self) -> dict[int, int]:
        """CSR edge of every link id."""
        return {link: edge for edge, link in enumerate(self.link_id.tolist())}

    def edge(self, link_id: int) -> int:
        """CSR edge of a link; refuses an unknown one."""
        try:
            return self.edge_of_link[link_id]
        except KeyError:
            raise NotFound(f"the city has no road link {link_id}", mend="Take a link_id of road_links") from None

    def cost_s(self, closed: Iterable[int] = ()) -> Floats:
        """Travel time of every edge with the named links closed (``inf``)."""
        edges = [self.edge(link) for link in closed]
        if not edges:
            return self.travel_s
        cost = self.travel_s.copy()
        cost[edges] = np.inf
        return cost

    @cached_property
    def main_nodes(self) -> Ints:
        """Nodes of the largest strongly connected part: from each of them one can drive to each other."""
        n = len(self.node_id)
        links = csr_matrix((np.ones(len(self.indices)), self.indices.copy(), self.indptr.copy()), shape=(n, n))
        links.sum_duplicates()  # strong components never end in scipy where two roads join the same two nodes
        _, label = connected_components(links, directed=True, connection="strong")
        return np.flatnonzero(label == np.bincount(label).argmax()).astype(np.int64)

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(np.column_stack([self.x_m, self.y_m])[self.main_nodes])

    def nearest_node(self, lon: Floats, lat: Floats) -> Ints:
        """Index of the nearest node of the main part for every point; shape (k,)."""
        x_m, y_m = self.to_metric.transform(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        _, found = self._tree.query(np.column_stack([np.atleast_1d(x_m), np.atleast_1d(y_m)]))
        nodes: Ints = self.main_nodes[found]
        return nodes

    def nodes_near(self, lon: float, lat: float, radius_m: float, *, most: int = 12) -> tuple[Ints, Floats]:
        """Nodes of the main part within so many metres, nearest first, and their distance in metres."""
        x_m, y_m = self.to_metric.transform(lon, lat)
        gap_m, found = self._tree.query([x_m, y_m], k=min(most, len(self.main_nodes)), distance_upper_bound=radius_m)
        gap_m, found = np.atleast_1d(gap_m), np.atleast_1d(found)
        near = np.isfinite(gap_m)
        return self.main_nodes[found[near]], np.asarray(gap_m[near], dtype=np.float64)

    def matrix_s(self, sources: Ints, targets: Ints, closed: Iterable[int] = ()) -> Floats:
        """Travel times between node indices with links closed; shape (sources, targets)."""
        return travel_times_s(self.indptr, self.indices, self.cost_s(closed), sources, targets)

    @cached_property
    def reversed_csr(self) -> tuple[Ints, Ints, Ints]:
        """The graph turned round: ``indptr``, ``indices`` and the edge that each of its edges is."""
        return reverse_csr(self.indptr, self.indices)

    def times_to_s(self, target: int, closed: Iterable[int] = (), *, cutoff_s: float = np.inf) -> Floats:
        """Travel time from every node to one node; ``inf`` beyond the cutoff; shape (n,)."""
        indptr, indices, order = self.reversed_csr
        cost = self.cost_s(closed)[order]
        times: Floats = travel_times_s(indptr, indices, cost, np.array([target]), cutoff_s=cutoff_s)[0]
        return times

    def route(self, source: int, target: int, closed: Iterable[int] = ()) -> Route:
        """Quickest way between two node indices with links closed."""
        cost = self.cost_s(closed)
        nodes, edges = shortest_path(self.indptr, self.indices, cost, source, target)
        if len(nodes) == 0:
            return Route(travel_s=float("inf"), links=(), points=())
        points = [self.point(int(nodes[0]))]
        for edge in edges.tolist():
            points.extend(self.line(edge)[1:])
        return Route(travel_s=float(cost[edges].sum()), links=tuple(self.link_id[edges].tolist()), points=tuple(points))

    def point(self, node: int) -> tuple[float, float]:
        """Lon/lat of a node, rounded as in routes."""
        return (round(float(self.lon[node]), 6), round(float(self.lat[node]), 6))

    def middle(self, edge: int) -> tuple[float, float]:
        """Lon/lat half way between the ends of an edge."""
        a, b = self.tail[edge], self.indices[edge]
        return (
            round(float(self.lon[a] + self.lon[b]) / 2, 6),
            round(float(self.lat[a] + self.lat[b]) / 2, 6),
        )

    def line(self, edge: int) -> list[tuple[float, float]]:
        """Lon/lat points along an edge, both ends included."""
        ends = [self.point(int(self.tail[edge])), self.point(int(self.indices[edge]))]
        wkb = self.geometry[edge] if len(self.geometry) else None
        if wkb is None:
            return ends
        from shapely import from_wkb, get_coordinates

        inner = [(round(x, 6), round(y, 6)) for x, y in get_coordinates(from_wkb(wkb)).tolist()]
        return [ends[0], *inner[1:-1], ends[1]]

    def links_near(self, lon: float, lat: float, radius_m: float, *, underpass: bool = False) -> tuple[int, ...]:
        """Ids of links whose chord passes within so many metres of a point, nearest first."""
        x, y = self.to_metric.transform(lon, lat)
        ax, ay = self.x_m[self.tail], self.y_m[self.tail]
        dx, dy = self.x_m[self.indices] - ax, self.y_m[self.indices] - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / np.maximum(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
        gap = np.hypot(ax + along * dx - x, ay + along * dy - y)
        near = np.flatnonzero((gap <= radius_m) & (self.underpass | (not underpass)))
        return tuple(self.link_id[near[np.lexsort((self.link_id[near], gap[near]))]].tolist())


def _index_of(node_id: Ints, wanted: NDArray[np.int64], field: str) -> Ints:
    found = np.searchsorted(node_id, wanted)
    bad = np.flatnonzero(node_id[np.minimum(found, len(node_id) - 1)] != wanted) if len(node_id) else np.arange(1)
    if len(bad):
        raise InvalidInput(
            f"node {wanted[bad[0]]} is not in road_nodes",
            where=f"road_links row {bad[0]}, {field}",
            mend="Run rencheng city check",
        )
    return found.astype(np.int64)


def _travel_s(city: City) -> Floats:
    length, speed = (city.column("road_links", k).astype(np.float64) for k in ("length_m", "speed_m_s"))
    bad = np.flatnonzero(~((length >= 0) & (speed > 0) & np.isfinite(length) & np.isfinite(speed)))
    if len(bad):
        raise InvalidInput(
            f"length {length[bad[0]]} m at {speed[bad[0]]} m/s gives no travel time",
            where=f"road_links row {bad[0]}",
            mend="Run rencheng city check",
        )
    return np.asarray(length / speed, dtype=np.float64)


def _flags(city: City, name: str) -> NDArray[np.bool_]:
    column = city.column("road_links", name, default=False)
    return np.array([bool(v) for v in column.tolist()]) if column.dtype == object else column.astype(bool)


def _cells(city: City) -> NDArray[np.uint64]:
    table = city.table("road_links")
    if "cell" not in table.column_names:
        return np.zeros(len(table), dtype=np.uint64)
    column: NDArray[np.uint64] = table.column("cell").combine_chunks().fill_null(0).to_numpy().astype(np.uint64)
    return column


def _geometry(city: City, order: Ints) -> Sequence[bytes | None]:
    table = city.table("road_links")
    if "geometry" not in table.column_names:
        return ()
    return _Lines(table.column("geometry").combine_chunks(), order)


class _Lines(Sequence[bytes | None]):
    """Line of every edge, taken out of the table only when asked for."""

    def __init__(self, column: object, order: Ints) -> None:
        self._column = column
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, edge):  # type: ignore[no-untyped-def]  # only the integer form of the overloads is used
        return self._column[int(self._order[edge])].as_py()  # type: ignore[index]  # an Arrow array, which has no types
