"""Who cannot be reached any more: dry neighbourhoods whose roads all lead through water."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from rencheng.city import City, RoadGraph

__all__ = ["RoadAccess"]

ACCESS_M = 500.0
"""People walk so far to a road on which a vehicle can stand."""
WAYS = 5
"""Nodes by which a cell is reached; it is cut off when none of them is."""


class RoadAccess:
    """Cells of a city and the road nodes by which they are reached.

    Parameters
    ----------
    city : City
        A city without roads cuts nobody off.
    lon, lat : float64 arrays, shape (cells,)
        Where people live.
    """

    def __init__(self, city: City, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> None:
        self._city = city
        self._lon = lon
        self._lat = lat

    @cached_property
    def _graph(self) -> RoadGraph | None:
        return RoadGraph.of(self._city) if self._city.has("road_links") and self._city.has("road_nodes") else None

    @cached_property
    def _nodes(self) -> NDArray[np.int64]:
        """Nodes of the network that hangs together when dry, by which each cell is reached; -1 where fewer."""
        graph = self._graph
        assert graph is not None
        main = graph.main_nodes
        x, y = self._city.to_metric.transform(self._lon, self._lat)
        tree = KDTree(np.column_stack([graph.x_m, graph.y_m])[main])
        gap, found = tree.query(np.column_stack([x, y]), k=min(WAYS, len(main)))
        gap, found = np.reshape(gap, (len(self._lon), -1)), np.reshape(found, (len(self._lon), -1))
        near = (gap <= ACCESS_M) | (np.arange(gap.shape[1]) == 0)
        return np.where(near, main[found], -1)

    def cut_off(self, closed_links: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Cells from which the rest of the network cannot be driven to any more, and back.

        The rest is the largest part in which each junction can still be driven to from each other.

        Parameters
        ----------
        closed_links : int64 array
            Links under water.

        Returns
        -------
        bool array, shape (cells,)
        """
        graph = self._graph
        if graph is None or len(graph.indices) == 0 or len(closed_links) == 0:
            return np.zeros(len(self._lon), np.bool_)
        open_edge = ~np.isin(graph.link_id, closed_links)
        count = len(graph.node_id)
        links = csr_matrix(
            (np.ones(int(open_edge.sum())), (graph.tail[open_edge], graph.indices[open_edge])), (count, count)
        )
        links.sum_duplicates()  # strong components never end in scipy where two roads join the same two nodes
        _, part = connected_components(links, directed=True, connection="strong")
        left = part == np.bincount(part).argmax()
        reached: NDArray[np.bool_] = ((self._nodes >= 0) & left[self._nodes]).any(axis=1)
        return ~reached
