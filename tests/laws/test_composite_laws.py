"""Laws of composite indicators: where one broke, a city's score would move for no reason, or stay for no reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.composite import (
    Branch,
    aggregate_tree,
    equal_weights,
    leaf_weights,
    min_max,
    percentile_rank,
    require_weights,
    reweighted,
    shared_weights,
    weighted_geometric_mean,
    weighted_mean,
    z_score,
)

SCORE = st.floats(0.0, 1.0)
WEIGHT = st.floats(0.01, 1.0)
VALUE = st.floats(-1e6, 1e6)
PARTS = st.lists(st.tuples(SCORE, WEIGHT), min_size=1, max_size=8)
NO_HURRY = settings(deadline=None)
MEANS = pytest.mark.parametrize("mean", [weighted_mean, weighted_geometric_mean])


@MEANS
@NO_HURRY
@given(parts=PARTS)
def test_a_mean_lies_between_its_parts_whatever_their_order(mean: object, parts: list[tuple[float, float]]) -> None:
    assert callable(mean)
    scores, weights = np.array(parts).T
    found = float(mean(scores, weights))
    assert scores.min() - 1e-12 <= found <= scores.max() + 1e-12
    assert float(mean(scores[::-1], weights[::-1])) == pytest.approx(found, abs=1e-12)
    assert float(mean(scores, weights * 7.0)) == pytest.approx(found, abs=1e-12)


@MEANS
@NO_HURRY
@given(parts=PARTS, gain=SCORE, data=st.data())
def test_a_better_part_never_makes_the_whole_worse(
    mean: object, parts: list[tuple[float, float]], gain: float, data: st.DataObject
) -> None:
    assert callable(mean)
    scores, weights = np.array(parts).T
    better = scores.copy()
    better[data.draw(st.integers(0, len(scores) - 1))] += gain
    assert float(mean(better, weights)) >= float(mean(scores, weights)) - 1e-12


@NO_HURRY
@given(parts=PARTS)
def test_geometric_never_exceeds_arithmetic(parts: list[tuple[float, float]]) -> None:
    scores, weights = np.array(parts).T
    assert float(weighted_geometric_mean(scores, weights)) <= float(weighted_mean(scores, weights)) + 1e-12


@NO_HURRY
@given(values=st.lists(VALUE, min_size=1, max_size=9), posts=st.tuples(VALUE, VALUE))
def test_min_max_is_bounded_and_its_direction_is_the_goalposts(values: list[float], posts: tuple[float, float]) -> None:
    assume(abs(posts[0] - posts[1]) > 1e-3)
    score = min_max(np.array(values), *posts)
    assert ((score >= 0.0) & (score <= 1.0)).all()
    np.testing.assert_allclose(score, 1.0 - min_max(np.array(values), *posts[::-1]), atol=1e-9)
    assert min_max(np.array(posts), *posts).tolist() == [0.0, 1.0]


@NO_HURRY
@given(values=st.lists(VALUE, min_size=2, max_size=9))
def test_ranks_do_not_care_for_scale_and_z_scores_have_no_mean(values: list[float]) -> None:
    found = np.array(values)
    rank = percentile_rank(found)
    assert rank.min() == 0.0
    assert rank.max() <= 1.0
    assert (percentile_rank(found.round(3) * 2.0 + 5.0) == percentile_rank(found.round(3))).all()
    assume(np.ptp(found) > 1e-3)
    assert float(z_score(found).mean()) == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(z_score(found), -z_score(found, higher_is_better=False))


@NO_HURRY
@given(weights=st.lists(WEIGHT, min_size=1, max_size=8), data=st.data())
def test_shared_weights_sum_to_one_and_keep_proportions(weights: list[float], data: st.DataObject) -> None:
    given_weights = np.array(weights)
    present = np.array(data.draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights))))
    share = shared_weights(given_weights, present)
    assert (share[~present] == 0.0).all()
    assert float(share.sum()) == pytest.approx(1.0 if present.any() else 0.0)
    if present.any():
        np.testing.assert_allclose(share[present] * given_weights[present].sum(), given_weights[present])


@NO_HURRY
@given(weights=st.lists(WEIGHT, min_size=2, max_size=8), new=st.floats(0.0, 1.0))
def test_a_part_reweighted_leaves_the_others_in_proportion(weights: list[float], new: float) -> None:
    whole = float(np.sum(weights))
    before = {str(i): w / whole for i, w in enumerate(weights)}
    after = reweighted(before, "0", new)
    require_weights(list(after.values()))
    assert after["0"] == new
    for name in list(before)[1:]:
        assert after[name] * before["1"] == pytest.approx(before[name] * after["1"], abs=1e-12)


@NO_HURRY
@given(scores=st.lists(SCORE, min_size=3, max_size=6), hide=st.integers(0, 2))
def test_a_tree_says_the_same_as_the_weights_of_its_leaves(scores: list[float], hide: int) -> None:
    half = len(scores) // 2
    leaves = [Branch(id=f"i{n}", weight=n + 1.0) for n in range(len(scores))]
    tree = Branch(
        id="all",
        children=(
            Branch(id="a", weight=2.0, children=tuple(leaves[:half])),
            Branch(id="b", children=tuple(leaves[half:])),
        ),
    )
    known = {f"i{n}": np.array(s) for n, s in enumerate(scores) if n != hide}
    weights = leaf_weights(tree, dict.fromkeys(known, True))
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights[f"i{hide}"] == 0.0
    flat = sum(weights[name] * float(score) for name, score in known.items())
    assert float(aggregate_tree(tree, known)["all"]) == pytest.approx(flat)


def test_what_cannot_be_weighed_is_refused() -> None:
    assert equal_weights(4).tolist() == [0.25] * 4
    for wrong in ([0.5, 0.4], [1.5, -0.5], [float("nan"), 1.0], [0.5, 0.5 + 2e-9], []):
        with pytest.raises(InvalidInput, match="weight"):
            require_weights(wrong)
    with pytest.raises(InvalidInput, match="goalposts"):
        min_max(np.array([1.0]), 2.0, 2.0)
    with pytest.raises(InvalidInput, match="geometric"):
        weighted_geometric_mean(np.array([-1.0, 1.0]), np.ones(2))
    with pytest.raises(InvalidInput, match="same everywhere"):
        z_score(np.array([3.0, 3.0]))
    with pytest.raises(InvalidInput, match="two parts"):
        aggregate_tree(Branch(id="a", children=(Branch(id="a"),)), {})
    assert np.isnan(weighted_mean(np.array([np.nan, np.nan]), np.ones(2)))
