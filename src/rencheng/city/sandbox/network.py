"""A network as it is being laid: nodes and links of drainage, water or power, and what depends on what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from rencheng.city.sandbox.roads import Roads

__all__ = ["Network", "forest_to"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(kw_only=True)
class Network:
    """Rows of ``network_nodes``, ``network_links`` and ``network_dependencies`` with map coordinates."""

    nodes: dict[str, dict[str, object]] = field(default_factory=dict)
    links: list[dict[str, object]] = field(default_factory=list)
    dependencies: list[dict[str, object]] = field(default_factory=list)

    def node(self, node_id: str, network: str, kind: str, x_m: float, y_m: float, **more: object) -> str:
        """Add a node; ``more`` are schema columns (ground_m, invert_m, capacity, facility_id)."""
        self.nodes[node_id] = {"node_id": node_id, "network": network, "kind": kind, "x_m": x_m, "y_m": y_m, **more}
        return node_id

    def link(self, network: str, kind: str, tail: str, head: str, length_m: float, **more: object) -> None:
        """Add a link from ``tail`` to ``head``; ``more`` are schema columns (diameter_m, capacity)."""
        number = len(self.links) + 1
        self.links.append(
            {
                "link_id": f"{network}-{number}",
                "network": network,
                "kind": kind,
                "from_node": tail,
                "to_node": head,
                "length_m": round(length_m, 1),
                **more,
            }
        )

    def depends(self, dependent: str, provider: str, kind: str, backup_h: float) -> None:
        """Say that a node or facility stops some hours after its provider does."""
        number = len(self.dependencies) + 1
        self.dependencies.append(
            {
                "dependency_id": f"dependency-{number}",
                "dependent": dependent,
                "provider": provider,
                "kind": kind,
                "backup_h": backup_h,
            }
        )


def forest_to(roads: Roads, roots: Ints, climb_m: float, ground_m: Floats) -> tuple[Floats, Ints, Ints]:
    """Shortest-path forest along the public streets towards the roots.

    Parameters
    ----------
    roads : Roads
        The road graph; only its public pieces are used.
    roots : int array, shape (k,)
        Nodes that the trees end in.
    climb_m : float
        Metres of way that a metre of climb towards the root is worth (0 to ignore the ground).
    ground_m : float array, shape (nodes,)
        Ground height of the nodes.

    Returns
    -------
    distance, next_node, piece : arrays, shape (nodes,)
        Cost to the nearest root (inf if none), next node towards it and piece to it (-1 at roots and where none).
    """
    pieces = np.flatnonzero(roads.public)
    tail, head, length = roads.tail[pieces], roads.head[pieces], roads.length_m[pieces]
    rise = ground_m[head] - ground_m[tail]
    # rows are downstream ends: the search runs from the roots against the flow
    rows, columns = np.concatenate([head, tail]), np.concatenate([tail, head])
    cost = np.concatenate([length + climb_m * np.maximum(rise, 0.0), length + climb_m * np.maximum(-rise, 0.0)])
    n = len(roads.u)
    graph = csr_matrix((cost, (rows, columns)), shape=(n, n))
    distance, next_node, _ = dijkstra(graph, directed=True, indices=roots, return_predecessors=True, min_only=True)
    key = np.minimum(tail, head) * n + np.maximum(tail, head)
    order = np.argsort(key, kind="stable")
    linked = next_node >= 0
    mine = np.arange(n)
    wanted = np.minimum(mine, next_node) * n + np.maximum(mine, next_node)
    found = np.minimum(np.searchsorted(key[order], wanted), len(order) - 1)
    piece = np.where(linked, pieces[order[found]], -1)
    return distance, np.where(linked, next_node, -1).astype(np.int64), piece.astype(np.int64)
