"""Laws of terrain flow and risk that hold for every ground and every river."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from rencheng.science.exposure import expected_affected, matrix_rank
from rencheng.science.inundation import flooded_share, two_piece_normal_nodes
from rencheng.science.rainfall import accumulations
from rencheng.science.terrain_flow import (
    FlowNetwork,
    flow_accumulation,
    flow_network,
    height_above_drainage,
    rise_to_reach,
)

Floats = NDArray[np.float64]
law = settings(deadline=None)  # the first call compiles

SHAPES = st.tuples(st.integers(3, 12), st.integers(3, 12))
HEIGHTS = st.one_of(st.integers(0, 6).map(float), st.just(float("nan")))
STEPPED = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=HEIGHTS))
"""Whole metres with flats, pits and holes, as real rasters have."""

DRAIN_IN_A_PIT = np.array([[2.0, 2.0, 2.0], [1.0, 0.0, 2.0], [2.0, 2.0, 2.0]])
"""Drainage in the middle lies below its own spill level, a hill of 2 m drains straight into it."""


def rough(seed: int, shape: tuple[int, int]) -> Floats:
    """Ground on which no two cells are level."""
    rng = np.random.default_rng(seed)
    return rng.permutation(shape[0] * shape[1]).reshape(shape) + 0.37 * rng.random(shape)


def hand_of(ground: Floats, drainage: NDArray[np.bool_]) -> tuple[FlowNetwork, Floats]:
    network = flow_network(ground, cell_m=10.0)
    return network, height_above_drainage(ground, network, drainage)[0]


@law
@given(STEPPED)
def test_filling_never_digs_and_every_cell_drains(ground: Floats) -> None:
    network = flow_network(ground, cell_m=10.0)
    known = np.isfinite(ground)
    assert (network.filled_m[known] >= ground[known]).all()
    assert np.array_equal(np.isfinite(network.filled_m), known)
    position = np.full(ground.size, -1)
    position[network.order] = np.arange(len(network.order))
    down = network.receiver[network.order]
    flowing = down >= 0
    assert (position[down[flowing]] < np.flatnonzero(flowing)).all(), "a receiver comes before what it receives"
    filled = network.filled_m.ravel()
    assert (filled[down[flowing]] <= filled[network.order[flowing]]).all(), "water does not climb"


@law
@given(STEPPED)
def test_all_water_leaves(ground: Floats) -> None:
    network = flow_network(ground, cell_m=10.0)
    total = flow_accumulation(network).ravel()
    outlets = np.flatnonzero(network.receiver == -1)
    assert total[outlets].sum() == pytest.approx(np.isfinite(ground).sum())


@law
@given(STEPPED, st.integers(0, 2**32 - 1))
@example(DRAIN_IN_A_PIT, 76)
def test_hand_is_not_negative_and_zero_on_drainage(ground: Floats, seed: int) -> None:
    drainage = (np.random.default_rng(seed).random(ground.shape) < 0.2) & np.isfinite(ground)
    network, hand = hand_of(ground, drainage)
    assert (hand[drainage] == 0).all()
    assert (hand[np.isfinite(hand)] >= 0).all()
    reach = rise_to_reach(ground, network, drainage)
    met = np.isfinite(hand)
    assert np.array_equal(np.isfinite(reach), met)
    assert (reach[met] >= hand[met] - 1e-12).all(), "water does not reach land before it stands above it"


@law
@given(SHAPES, st.integers(0, 2**32 - 1), st.sampled_from(["mirror", "turn", "transpose"]))
def test_hand_does_not_know_left_from_right(shape: tuple[int, int], seed: int, how: str) -> None:
    changes: dict[str, Callable[[Any], Any]] = {"mirror": np.flipud, "turn": np.rot90, "transpose": np.transpose}
    change = changes[how]
    ground = rough(seed, shape)
    drainage = np.random.default_rng(seed + 1).random(shape) < 0.15
    _, hand = hand_of(ground, drainage)
    _, changed = hand_of(np.ascontiguousarray(change(ground)), np.ascontiguousarray(change(drainage)))
    assert np.array_equal(change(hand), changed, equal_nan=True)


@law
@given(SHAPES, st.integers(0, 2**32 - 1), st.floats(-500, 500))
def test_hand_does_not_know_the_datum(shape: tuple[int, int], seed: int, lift: float) -> None:
    ground = rough(seed, shape)
    drainage = np.random.default_rng(seed + 1).random(shape) < 0.15
    _, hand = hand_of(ground, drainage)
    _, lifted = hand_of(ground + lift, drainage)
    assert np.allclose(hand, lifted, equal_nan=True, atol=1e-6)


@law
@given(st.floats(-3, 6), st.floats(0.01, 2), st.floats(0.01, 2), st.floats(0, 3), st.integers(0, 2**32 - 1))
def test_more_water_never_floods_less(median: float, below: float, above: float, more: float, seed: int) -> None:
    reach = np.sort(np.random.default_rng(seed).gamma(2.0, 1.0, (5, 9)), axis=1)
    nodes = two_piece_normal_nodes(median, low=median - below, high=median + above)
    less, _ = flooded_share(nodes, reach, reach, error_m=0.5)
    flooded, _ = flooded_share(nodes + more, reach, reach, error_m=0.5)
    assert (flooded >= less - 1e-12).all()
    assert ((flooded >= 0) & (flooded <= 1)).all()


@law
@given(st.lists(st.tuples(st.integers(1, 240), st.floats(0, 30)), min_size=1, max_size=60, unique_by=lambda r: r[0]))
def test_a_longer_window_never_holds_less_rain(readings: list[tuple[int, float]]) -> None:
    ordered = sorted(readings)
    at = np.array([r[0] for r in ordered], np.int64) * 360_000_000
    mm, share = accumulations(
        np.zeros(len(at), np.int64), at, np.array([r[1] for r in ordered]), gauges=1, now_us=int(at[-1])
    )
    assert (np.diff(mm[0]) >= -1e-9).all()
    assert ((share >= 0) & (share <= 1)).all()
    assert mm[0, -1] <= sum(r[1] for r in ordered) + 1e-9


@law
@given(arrays(np.float64, 6, elements=st.floats(0, 1)), arrays(np.float64, 6, elements=st.floats(0, 5000)))
def test_risk_rises_with_hazard_and_with_people(p: Floats, people: Floats) -> None:
    ranks = np.array([[0, 1, 1, 2], [1, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 4]])
    bounds = {"probability_bounds": (0.2, 0.4, 0.6), "consequence_bounds": (10.0, 100.0, 500.0), "ranks": ranks}
    base = matrix_rank(p, people, **bounds)  # type: ignore[arg-type]  # keyword bundle
    assert (matrix_rank(np.minimum(p + 0.3, 1.0), people, **bounds) >= base).all()  # type: ignore[arg-type]  # same
    assert (matrix_rank(p, people * 3 + 1, **bounds) >= base).all()  # type: ignore[arg-type]  # same
    assert (expected_affected(p, people) <= people + 1e-9).all()
