"""The benchmark's rule, by hand: a wrong sign or edge here would let a worse detector look better."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.science.detection.nab_score import (
    PROFILES,
    LabelledScores,
    nab_score,
    probation_rows,
    row_worth,
    scaled_sigmoid,
    score_at_threshold,
    window_rows,
)

STANDARD = PROFILES["standard"]


def labelled(rows: int, told: dict[int, float], *windows: tuple[int, int], name: str = "a") -> LabelledScores:
    scores = np.zeros(rows)
    for row, score in told.items():
        scores[row] = score
    return LabelledScores(name=name, scores=scores, windows=windows)


def test_the_sigmoid_has_the_values_that_the_benchmark_documents() -> None:
    worth = scaled_sigmoid(np.array([-1.0, -0.5, 0.0, 1.0, 2.9, 3.0, 50.0]))
    assert worth[:4].round(5).tolist() == [0.98661, 0.84828, 0.0, -0.98661]
    assert worth[4] > -1.0
    assert worth[5:].tolist() == [-1.0, -1.0]


@pytest.mark.parametrize(("rows", "probation"), [(0, 0), (100, 15), (4032, 604), (5000, 750), (22695, 750)])
def test_probation_is_fifteen_per_cent_and_ends_at_750_rows(rows: int, probation: int) -> None:
    assert probation_rows(rows) == probation


def test_worth_of_rows_before_in_and_after_a_window() -> None:
    worth, window = row_worth(100, [(50, 59)], STANDARD)
    assert worth[49] == -0.11  # before any window: a whole false alarm
    assert worth[50] == pytest.approx(1.0)  # the first row: a whole detection
    last = (2 / (1 + math.exp(-5 * 0.1)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    assert worth[59] == pytest.approx(last)  # position −1/10, not 0: the benchmark counts one more
    assert worth[60] == pytest.approx(0.11 * (2 / (1 + math.exp(5 / 9)) - 1))
    assert worth[59 + 27] == -0.11  # three widths of 9 after the window
    assert window[[49, 50, 59, 60]].tolist() == [-1, 0, 0, -1]


def test_within_a_window_only_the_earliest_detection_counts() -> None:
    once = nab_score([labelled(100, {52: 1.0}, (50, 59))], STANDARD)
    often = nab_score([labelled(100, {52: 1.0, 53: 1.0, 59: 1.0}, (50, 59))], STANDARD)
    assert once.raw == often.raw
    assert once.score == pytest.approx(50 * (1 + row_worth(100, [(50, 59)], STANDARD)[0][52]))


def test_a_false_alarm_costs_eleven_hundredths_and_twice_that_where_false_alarms_weigh_more() -> None:
    corpus = [labelled(100, {20: 1.0, 50: 1.0}, (50, 59))]
    assert nab_score(corpus, STANDARD).raw == pytest.approx(1 - 0.11)
    assert nab_score(corpus, PROFILES["reward_low_fp"]).raw == pytest.approx(1 - 0.22)
    low_fn = nab_score(corpus, PROFILES["reward_low_fn"])
    assert low_fn.raw == pytest.approx(1 - 0.11)
    assert low_fn.score == pytest.approx(100 * (0.89 + 2) / 3)  # a silent detector stands at −2 a window


def test_alarms_during_the_probation_cost_nothing() -> None:
    assert nab_score([labelled(100, {14: 1.0, 50: 1.0}, (50, 59))], STANDARD).score == pytest.approx(100.0)
    assert nab_score([labelled(100, {15: 1.0, 50: 1.0}, (50, 59))], STANDARD).score < 100.0


def test_the_threshold_is_one_for_all_series() -> None:
    """Series a needs the threshold at 0.5, which lets 20 false alarms of series b through: not worth it."""
    quiet = labelled(100, {50: 0.5}, (50, 59))
    loud = labelled(200, {100: 0.9} | dict.fromkeys(range(40, 60), 0.6), (100, 109), name="b")
    together = nab_score([quiet, loud], STANDARD)
    assert together.threshold == 0.9
    assert together.raw == pytest.approx(1.0 - 1.0)
    assert (together.windows, together.windows_hit, together.false_alarm_rows) == (2, 1, 0)
    assert score_at_threshold([quiet, loud], STANDARD, 0.5).raw == pytest.approx(2.0 - 20 * 0.11)


def test_a_silent_detector_stands_at_nought() -> None:
    assert nab_score([labelled(100, {}, (50, 59))], STANDARD).score == 0.0
    assert nab_score([labelled(100, {}, (50, 59))], STANDARD).threshold == 1.1


def test_windows_are_found_by_their_stamps() -> None:
    assert window_rows(np.array([10, 20, 20, 30, 40]), [(20, 30)]) == ((1, 3),)


@pytest.mark.parametrize("scores", [np.array([0.1, np.nan]), np.array([np.inf, 0.0])])
def test_scores_that_cannot_be_ranked_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(InvalidInput, match="a: a score is not a number"):
        LabelledScores(name="a", scores=scores, windows=())


def test_windows_outside_of_the_series_or_in_the_probation_are_refused() -> None:
    with pytest.raises(InvalidInput, match="windows overlap"):
        labelled(10, {}, (5, 12))
    with pytest.raises(InvalidInput, match="probation"):
        nab_score([labelled(100, {}, (2, 9))], STANDARD)


@given(st.integers(0, 2**32 - 1))
def test_the_best_threshold_is_at_least_as_good_as_any_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corpus = [
        LabelledScores(name="a", scores=rng.integers(0, 6, 120) / 5, windows=((40, 50), (80, 99))),
        LabelledScores(name="b", scores=rng.integers(0, 6, 60) / 5, windows=((30, 36),)),
    ]
    best = nab_score(corpus, STANDARD)
    assert best.raw == pytest.approx(score_at_threshold(corpus, STANDARD, best.threshold).raw)
    assert all(best.raw >= score_at_threshold(corpus, STANDARD, t / 5).raw - 1e-9 for t in range(7))
