"""Travel times are the truth of every dispatch: they agree with scipy's Dijkstra and obey the laws of ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from rencheng.kernel import InvalidInput
from rencheng.science.paths import csr_from_edges, reverse_csr, shortest_path, travel_times_s

Graph = tuple[np.ndarray, np.ndarray, np.ndarray]


def graph_of(seed: int, nodes: int, edges: int, *, both_ways: bool = False) -> Graph:
    """Random graph without doubled edges (scipy would add those up)."""
    rng = np.random.default_rng(seed)
    pairs = np.unique(rng.integers(0, nodes, (edges, 2)), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]] if both_ways else pairs[pairs[:, 0] != pairs[:, 1]]
    cost = rng.uniform(1.0, 100.0, len(pairs))
    if both_ways:
        pairs, cost = np.vstack([pairs, pairs[:, ::-1]]), np.concatenate([cost, cost])
    indptr, indices, order = csr_from_edges(nodes, pairs[:, 0], pairs[:, 1])
    return indptr, indices, cost[order]


graphs = st.builds(graph_of, st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 160))
two_way_graphs = st.builds(
    graph_of, st.integers(0, 10**6), st.integers(1, 40), st.integers(0, 160), both_ways=st.just(True)
)


def everywhere(graph: Graph) -> np.ndarray:
    nodes = np.arange(len(graph[0]) - 1)
    return travel_times_s(*graph, nodes, nodes)


@settings(max_examples=60, deadline=None)
@given(graphs)
def test_equal_to_scipy(graph: Graph) -> None:
    indptr, indices, cost = graph
    expected = dijkstra(csr_matrix((cost, indices, indptr), shape=(len(indptr) - 1,) * 2))
    np.testing.assert_allclose(everywhere(graph), expected, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(graphs, st.integers(0, 10**6))
def test_few_targets_are_searched_from_behind_with_the_same_result(graph: Graph, seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = len(graph[0]) - 1
    sources, targets = rng.integers(0, nodes, 9), rng.integers(0, nodes, 2)
    got = travel_times_s(*graph, sources, targets)
    np.testing.assert_allclose(got, everywhere(graph)[sources][:, targets], rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(two_way_graphs)
def test_where_every_road_goes_both_ways_the_way_back_takes_as_long(graph: Graph) -> None:
    times = everywhere(graph)
    np.testing.assert_allclose(times, times.T, rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(graphs)
def test_a_detour_is_never_quicker(graph: Graph) -> None:
    times = everywhere(graph)
    via = (times[:, :, None] + times[None, :, :]).min(axis=1)
    assert (times <= via + 1e-9).all()


@settings(max_examples=40, deadline=None)
@given(graphs, st.integers(0, 10**6))
def test_closing_roads_never_shortens_a_way(graph: Graph, seed: int) -> None:
    indptr, indices, cost = graph
    shut = np.where(np.random.default_rng(seed).random(len(cost)) < 0.3, np.inf, cost)
    assert (everywhere((indptr, indices, shut)) >= everywhere(graph)).all()


@settings(max_examples=40, deadline=None)
@given(graphs, st.integers(1, 5))
def test_threads_do_not_change_a_bit(graph: Graph, threads: int) -> None:
    nodes = np.arange(len(graph[0]) - 1)
    np.testing.assert_array_equal(travel_times_s(*graph, nodes, nodes, threads=threads), everywhere(graph))


@settings(max_examples=60, deadline=None)
@given(graphs, st.integers(0, 10**6))
def test_the_way_shown_takes_the_time_told(graph: Graph, seed: int) -> None:
    indptr, indices, cost = graph
    source, target = np.random.default_rng(seed).integers(0, len(indptr) - 1, 2).tolist()
    nodes, edges = shortest_path(indptr, indices, cost, source, target)
    told = travel_times_s(indptr, indices, cost, np.array([source]), np.array([target]))[0, 0]
    if np.isinf(told):
        assert len(nodes) == 0
        return
    assert (nodes[0], nodes[-1]) == (source, target)
    assert cost[edges].sum() == pytest.approx(told)
    for a, b, edge in zip(nodes[:-1], nodes[1:], edges, strict=True):
        assert indptr[a] <= edge < indptr[a + 1]
        assert indices[edge] == b


def test_a_cutoff_leaves_far_places_out() -> None:
    graph = graph_of(1, 30, 100)
    times, near = everywhere(graph)[0], travel_times_s(*graph, np.array([0]), cutoff_s=60.0)[0]
    np.testing.assert_array_equal(near, np.where(times <= 60.0, times, np.inf))


def test_by_hand() -> None:
    """0 → 1 takes 10 s, 1 → 2 takes 5 s, 0 → 2 directly 20 s."""
    indptr, indices, order = csr_from_edges(3, np.array([0, 1, 0]), np.array([1, 2, 2]))
    cost = np.array([10.0, 5.0, 20.0])[order]
    assert travel_times_s(indptr, indices, cost, np.array([0]), np.array([2]))[0, 0] == 15.0
    assert shortest_path(indptr, indices, cost, 0, 2)[0].tolist() == [0, 1, 2]
    assert reverse_csr(indptr, indices)[0].tolist() == [0, 0, 1, 3]


def test_nonsense_is_refused() -> None:
    indptr, indices, _ = csr_from_edges(2, np.array([0]), np.array([1]))
    with pytest.raises(InvalidInput, match="edge 0 is not a length of time"):
        travel_times_s(indptr, indices, np.array([-1.0]), np.array([0]))
    with pytest.raises(InvalidInput, match="edge 0 is not a length of time"):
        travel_times_s(indptr, indices, np.array([np.nan]), np.array([0]))
    with pytest.raises(InvalidInput, match="target node is outside"):
        travel_times_s(indptr, indices, np.array([1.0]), np.array([0]), np.array([2]))


def test_no_sources_or_targets_give_an_empty_table() -> None:
    graph = graph_of(1, 5, 10)
    nothing = np.zeros(0, dtype=np.int64)
    assert travel_times_s(*graph, nothing, np.array([1])).shape == (0, 1)
    assert travel_times_s(*graph, np.array([1]), nothing).shape == (1, 0)
