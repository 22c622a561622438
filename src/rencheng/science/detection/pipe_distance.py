"""Distance between pipes along the network, as the leak detection contest measures it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["node_distances", "pipe_distances"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def node_distances(first: Ints, second: Ints, length_m: Floats, n_nodes: int) -> Floats:
    """Least way along the network between every two nodes, shape (N, N), inf where none leads.

    Of parallel links the shorter counts; a link without length (a valve) is a micrometre long.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import dijkstra

    order = np.argsort(-length_m, kind="stable")  # of parallel links the shortest is written last and stays
    low, high = np.minimum(first, second)[order], np.maximum(first, second)[order]
    _, place = np.unique((low * n_nodes + high)[::-1], return_index=True)
    keep = len(order) - 1 - place
    weight = np.maximum(length_m[order][keep], 1e-6)
    graph = coo_array((weight, (low[keep], high[keep])), shape=(n_nodes, n_nodes)).tocsr()
    out: Floats = dijkstra(graph, directed=False)
    return out


def pipe_distances(ends: Ints, length_m: Floats, n_nodes: int) -> Floats:
    """Way along the network between the middles of every two links, shape (P, P), inf where none leads.

    The least way between any ends of the two, and half of each length (scoring of Vrachimis et al. 2022, J. Water
    Resour. Plann. Manage. 148(12), published with its code); 0 between a pipe and itself.

    Examples
    --------
    >>> pipe_distances(np.array([[0, 1], [1, 2]]), np.array([100.0, 50.0]), 3).tolist()
    [[0.0, 75.0], [75.0, 0.0]]
    """
    between = node_distances(ends[:, 0], ends[:, 1], length_m, n_nodes)
    a, b = ends[:, 0], ends[:, 1]
    way = np.minimum.reduce([between[np.ix_(x, y)] for x in (a, b) for y in (a, b)])
    out: Floats = way + length_m[:, None] / 2 + length_m[None, :] / 2
    np.fill_diagonal(out, 0.0)
    return out
