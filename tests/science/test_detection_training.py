"""What the univariate detector learns from: were the series or the reward wrong, it would learn the wrong thing."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.detect_training.compositions import DOMAINS, composed, composed_corpus
from benchmarks.detect_training.families import Series
from benchmarks.detect_training.networks import learn_begins
from benchmarks.detect_training.oddities import ODDITIES
from benchmarks.detect_training.reward import expected_loss, rewarded_rows

from rencheng.science.detection.nab_score import PROFILES, LabelledScores, nab_score, score_at_threshold


@pytest.mark.parametrize("name", sorted(DOMAINS))
def test_every_domain_gives_series_that_can_be_scored(name: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(3):
        series = composed(rng, DOMAINS[name])
        assert np.isfinite(series.value).all()
        assert (np.diff(series.at_us) > 0).all()
        nab_score(
            [LabelledScores(name=name, scores=np.zeros(len(series.value)), windows=series.windows)],
            PROFILES["standard"],
        )


def test_every_anomaly_named_by_a_domain_exists() -> None:
    assert {kind for domain in DOMAINS.values() for kind in domain.kinds} == set(ODDITIES)


def test_a_seed_gives_the_same_series() -> None:
    first, again = (composed_corpus(7, each=1, other_lengths=0.5) for _ in range(2))
    for (_, one), (_, other) in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.value, other.value)
        assert one.windows == other.windows


def test_the_slope_of_the_reward_is_its_slope() -> None:
    rng = np.random.default_rng(0)
    odds, worth = rng.normal(size=40), rng.normal(size=40)
    hushed_from = np.minimum.accumulate(np.maximum(np.arange(40) - rng.integers(0, 9, 40), 0)[::-1])[::-1]
    _, slope = expected_loss(odds, worth, hushed_from)
    for row in range(40):
        step = 1e-6 * (np.arange(40) == row)
        rise = expected_loss(odds + step, worth, hushed_from)[0] - expected_loss(odds - step, worth, hushed_from)[0]
        assert slope[row] == pytest.approx(rise / 2e-6, abs=1e-6)


def test_sure_alarms_are_worth_what_the_benchmark_gives() -> None:
    """Three rows told for sure, one of them early in the window and two far apart outside of it."""
    value = np.zeros(3000)
    series = Series(np.arange(3000) * 300_000_000, value, ((1500, 1799),))
    told = np.array([900, 1520, 2600])
    surprise = np.zeros(3000)
    surprise[told] = 5.0
    may = rewarded_rows(series, surprise)
    np.testing.assert_array_equal(may.rows, told)
    loss, _ = expected_loss(np.full(3, 50.0), may.worth, may.hushed_from)
    scores = np.where(surprise > 0, 1.0, 0.0)
    exact = score_at_threshold(
        [LabelledScores(name="a", scores=scores, windows=series.windows)], PROFILES["standard"], 0.5
    )
    assert -loss == pytest.approx(exact.raw + 1.0, abs=1e-6)


def test_a_network_learns_what_a_straight_line_cannot() -> None:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(8_000, 2)).astype(np.float32)
    begins = (np.abs(inputs[:, 0]) > 1).astype(np.float32)
    network = learn_begins(inputs, begins, np.ones(8_000, np.float32), 0, epochs=150)
    assert ((network.judge(inputs) > 0) == (begins > 0.5)).mean() > 0.85
