"""Shortest paths on a road graph in compressed sparse row (CSR) form: travel times from many places to many places.

A graph of n nodes and m directed edges is three arrays: ``indptr`` (n + 1), ``indices`` (m, the node an edge reaches)
and ``cost_s`` (m, seconds; ``inf`` for a closed edge). Dijkstra (1959) with a binary heap and lazy deletion, stopped as
soon as every target is settled (Goldberg & Harrelson 2005 call this the many-to-many baseline).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["csr_from_edges", "reverse_csr", "shortest_path", "travel_times_s"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def csr_from_edges(nodes: int, tail: Ints, head: Ints) -> tuple[Ints, Ints, Ints]:
    """CSR arrays of directed edges.

    Parameters
    ----------
    nodes : int
        Number of nodes n.
    tail, head : int array, shape (m,)
        Node index each edge leaves and reaches.

    Returns
    -------
    indptr, indices, order : int64 arrays, shapes (n + 1,), (m,), (m,)
        ``order`` gives for every CSR edge its row in ``tail``; edges of one node keep the order given.

    Examples
    --------
    >>> indptr, indices, order = csr_from_edges(3, np.array([1, 0]), np.array([2, 1]))
    >>> indptr.tolist(), indices.tolist(), order.tolist()
    ([0, 1, 2, 2], [1, 2], [1, 0])
    """
    order = np.argsort(tail, kind="stable").astype(np.int64)
    indptr = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(tail, minlength=nodes), out=indptr[1:])
    return indptr, np.ascontiguousarray(head[order], dtype=np.int64), order


def reverse_csr(indptr: Ints, indices: Ints) -> tuple[Ints, Ints, Ints]:
    """CSR arrays of the graph with every edge turned round; ``order`` maps its edges to the ones given."""
    tail = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    return csr_from_edges(len(indptr) - 1, indices, tail)


def travel_times_s(
    indptr: Ints,
    indices: Ints,
    cost_s: Floats,
    sources: Ints,
    targets: Ints | None = None,
    *,
    cutoff_s: float = np.inf,
    threads: int | None = None,
) -> Floats:
    """Least travel time from every source to every target.

    Runs from the smaller side: with fewer distinct targets than sources the graph is turned round.

    Parameters
    ----------
    indptr, indices, cost_s : arrays
        The graph; ``cost_s`` non-negative seconds, ``inf`` closes an edge.
    sources, targets : int array, shapes (s,), (t,)
        Node indices; repeated ones are computed once. ``targets=None`` means every node in order.
    cutoff_s : float
        Times above it are not searched for and come back as ``inf``.
    threads : int, optional
        Threads to spread the sources over; every source is searched alone, so the result does not depend on it.

    Returns
    -------
    float64 array, shape (s, t)
        Seconds; ``inf`` where there is no way.

    Raises
    ------
    InvalidInput
        If a cost is negative or NaN, or a node index is outside the graph.

    Examples
    --------
    >>> indptr, indices, _ = csr_from_edges(3, np.array([0, 1]), np.array([1, 2]))
    >>> travel_times_s(indptr, indices, np.array([10.0, 5.0]), np.array([0, 2]), np.array([2])).tolist()
    [[15.0], [0.0]]
    """
    nodes = len(indptr) - 1
    _check(nodes, cost_s, sources, targets)
    unique_sources, back = np.unique(sources, return_inverse=True)
    if targets is None:
        return _spread(indptr, indices, cost_s, unique_sources, None, cutoff_s, threads)[back]
    unique_targets, forth = np.unique(targets, return_inverse=True)
    if len(unique_targets) < len(unique_sources):
        r_indptr, r_indices, order = reverse_csr(indptr, indices)
        found = _spread(r_indptr, r_indices, cost_s[order], unique_targets, unique_sources, cutoff_s, threads).T
    else:
        found = _spread(indptr, indices, cost_s, unique_sources, unique_targets, cutoff_s, threads)
    return np.ascontiguousarray(found[back][:, forth])


def shortest_path(indptr: Ints, indices: Ints, cost_s: Floats, source: int, target: int) -> tuple[Ints, Ints]:
    """Quickest way between two nodes.

    Returns
    -------
    nodes : int64 array, shape (k + 1,)
        Nodes along the way, both ends included; empty when there is no way.
    edges : int64 array, shape (k,)
        CSR edges taken.
    """
    _check(len(indptr) - 1, cost_s, np.array([source]), np.array([target]))
    edges = _path_edges(indptr, indices, cost_s, source, target)
    if len(edges) == 0:
        return np.array([source] if source == target else [], dtype=np.int64), edges
    return np.concatenate([np.array([source], dtype=np.int64), indices[edges]]), edges


def _check(nodes: int, cost_s: Floats, sources: Ints, targets: Ints | None) -> None:
    if len(cost_s) and not float(cost_s.min()) >= 0.0:
        edge = int(np.flatnonzero(~(cost_s >= 0.0))[0])
        raise InvalidInput(
            f"travel time {cost_s[edge]} of edge {edge} is not a length of time", mend="Give seconds ≥ 0, inf to close"
        )
    for name, index in (("source", sources), ("target", targets)):
        if index is not None and len(index) and not (int(index.min()) >= 0 and int(index.max()) < nodes):
            raise InvalidInput(f"a {name} node is outside the graph of {nodes} nodes", mend="Give node indices")


def _spread(
    indptr: Ints,
    indices: Ints,
    cost_s: Floats,
    sources: Ints,
    targets: Ints | None,
    cutoff_s: float,
    threads: int | None,
) -> Floats:
    nodes = len(indptr) - 1
    rank = np.full(nodes, -1, dtype=np.int64)
    wanted = nodes if targets is None else len(targets)
    rank[slice(None) if targets is None else targets] = np.arange(wanted)
    out = np.full((len(sources), wanted), np.inf)
    workers = max(1, min(threads or cpu_count() or 1, len(sources)))
    parts = [part for part in np.array_split(np.arange(len(sources)), workers) if len(part)]

    def search(part: Ints) -> None:
        _search(indptr, indices, cost_s, sources[part], rank, wanted, cutoff_s, out[part[0] : part[-1] + 1])

    if len(parts) <= 1:
        for part in parts:
            search(part)
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(search, parts))
    return out


@njit(cache=True, nogil=True)
def _push(keys: Floats, items: Ints, size: int, key: float, item: int) -> int:
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] <= key:
            break
        keys[child] = keys[parent]
        items[child] = items[parent]
        child = parent
    keys[child] = key
    items[child] = item
    return size + 1


@njit(cache=True, nogil=True)
def _pop(keys: Floats, items: Ints, size: int) -> int:
    """Drop the top; the caller has read it."""
    size -= 1
    key = keys[size]
    item = items[size]
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[hole] = keys[child]
        items[hole] = items[child]
        hole = child
        child = 2 * hole + 1
    keys[hole] = key
    items[hole] = item
    return size


@njit(cache=True, nogil=True)
def _search(
    indptr: Ints, indices: Ints, cost_s: Floats, sources: Ints, rank: Ints, wanted: int, cutoff_s: float, out: Floats
) -> None:
    nodes = len(indptr) - 1
    best = np.full(nodes, np.inf)
    keys = np.empty(len(indices) + 1)
    items = np.empty(len(indices) + 1, dtype=np.int64)
    touched = np.empty(nodes, dtype=np.int64)
    for row in range(len(sources)):
        source = sources[row]
        best[source] = 0.0
        touched[0] = source
        seen = 1
        size = _push(keys, items, 0, 0.0, source)
        left = wanted
        while size > 0 and left > 0:
            key = keys[0]
            node = items[0]
            size = _pop(keys, items, size)
            if key > best[node]:
                continue
            if rank[node] >= 0:
                out[row, rank[node]] = key
                left -= 1
            for edge in range(indptr[node], indptr[node + 1]):
                reached = key + cost_s[edge]
                head = indices[edge]
                if reached < best[head] and reached <= cutoff_s:
                    if best[head] == np.inf:
                        touched[seen] = head
                        seen += 1
                    best[head] = reached
                    size = _push(keys, items, size, reached, head)
        for k in range(seen):
            best[touched[k]] = np.inf


@njit(cache=True, nogil=True)
def _path_edges(indptr: Ints, indices: Ints, cost_s: Floats, source: int, target: int) -> Ints:
    nodes = len(indptr) - 1
    best = np.full(nodes, np.inf)
    came_by = np.full(nodes, -1, dtype=np.int64)
    came_from = np.full(nodes, -1, dtype=np.int64)
    keys = np.empty(len(indices) + 1)
    items = np.empty(len(indices) + 1, dtype=np.int64)
    best[source] = 0.0
    size = _push(keys, items, 0, 0.0, source)
    while size > 0:
        key = keys[0]
        node = items[0]
        size = _pop(keys, items, size)
        if node == target:
            break
        if key > best[node]:
            continue
        for edge in range(indptr[node], indptr[node + 1]):
            reached = key + cost_s[edge]
            head = indices[edge]
            if reached < best[head]:
                best[head] = reached
                came_by[head] = edge
                came_from[head] = node
                size = _push(keys, items, size, reached, head)
    count = 0
    node = target
    while came_by[node] >= 0 and node != source:
        count += 1
        node = came_from[node]
    edges = np.empty(count, dtype=np.int64)
    node = target
    for k in range(count - 1, -1, -1):
        edges[k] = came_by[node]
        node = came_from[node]
    return edges
