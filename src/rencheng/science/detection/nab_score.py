"""The Numenta Anomaly Benchmark's own rule: early detection in a labelled window pays, every false alarm costs.

Source: Lavin and Ahmad 2015, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly Benchmark",
IEEE ICMLA, pp. 38-44 (arXiv:1510.03336), sections II.B to II.D; rows, edges and ties as version 1.1 of the benchmark
counts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = [
    "PROFILES",
    "LabelledScores",
    "NabResult",
    "Profile",
    "nab_score",
    "probation_rows",
    "row_worth",
    "scaled_sigmoid",
    "score_at_threshold",
    "window_rows",
]

Floats = NDArray[np.float64]

PROBATION_SHARE: Final = 0.15
PROBATION_MOST_ROWS: Final = 750
NO_DETECTION: Final = 1.1
"""A threshold above every score: nothing is detected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a right, a false and a missed detection weigh (table 1 of the paper; a true negative weighs nothing)."""

    true_positive: float
    false_positive: float
    false_negative: float


PROFILES: Final = {
    "standard": Profile(true_positive=1.0, false_positive=0.11, false_negative=1.0),
    "reward_low_fp": Profile(true_positive=1.0, false_positive=0.22, false_negative=1.0),
    "reward_low_fn": Profile(true_positive=1.0, false_positive=0.11, false_negative=2.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledScores:
    """A detector's scores of one series, and where its anomalies are.

    Parameters
    ----------
    name : str
        Of the series, for messages.
    scores : float64 array, shape (rows,)
        0 … 1, finite; higher is more anomalous.
    windows : tuple of (first, last)
        Rows of each labelled window, both inclusive, in order, not overlapping.
    """

    name: str
    scores: Floats
    windows: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuse scores that cannot be ranked and windows that are not rows of the series."""
        if not np.isfinite(self.scores).all():
            raise InvalidInput("a score is not a number", where=self.name, mend="give every row a score in 0 … 1")
        edges = [edge for window in self.windows for edge in window]
        if edges and (edges != sorted(edges) or edges[0] < 0 or edges[-1] >= len(self.scores)):
            raise InvalidInput("windows overlap or lie outside of the series", where=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NabResult:
    """Score of a detector over a corpus under one profile.

    ``score`` is normalised: 0 is a detector that never alarms, 100 a perfect one. ``raw`` is the sum of the series.
    """

    score: float
    raw: float
    threshold: float
    windows: int
    windows_hit: int
    false_alarm_rows: int


def scaled_sigmoid(position: Floats) -> Floats:
    """Worth of a detection by its position relative to a window: −1 its left edge, 0 its right edge, above 0 after it.

    ``2 / (1 + exp(5 position)) − 1``, and −1 from three window widths after the right edge on.

    Examples
    --------
    >>> scaled_sigmoid(np.array([-1.0, 0.0, 3.0])).round(5).tolist()
    [0.98661, 0.0, -1.0]
    """
    worth = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0
    return np.where(position >= 3.0, -1.0, worth)


def probation_rows(rows: int) -> int:
    """How many first rows of a series are for learning only: 15 %, at most 750."""
    return min(math.floor(PROBATION_SHARE * rows), PROBATION_MOST_ROWS)


def window_rows(stamps: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Rows of labelled windows that are given by their first and last stamp (ascending stamps)."""
    firsts = np.searchsorted(stamps, [span[0] for span in spans], side="left")
    lasts = np.searchsorted(stamps, [span[1] for span in spans], side="right") - 1
    return tuple((int(a), int(b)) for a, b in zip(firsts, lasts, strict=True))


def row_worth(rows: int, windows: Sequence[tuple[int, int]], profile: Profile) -> tuple[Floats, NDArray[np.int64]]:
    """What a detection at each row is worth, and the window it falls in (−1: none, a false alarm)."""
    row = np.arange(rows, dtype=np.float64)
    worth = np.full(rows, -profile.false_positive)
    inside = np.full(rows, -1, np.int64)
    most = float(scaled_sigmoid(np.array([-1.0]))[0])
    for number, (first, last) in enumerate(windows):
        width = last - first + 1
        past = (row[last + 1 :] - last) / max(width - 1, 1)
        worth[last + 1 :] = scaled_sigmoid(past) * profile.false_positive
        position = -(last - row[first : last + 1] + 1.0) / width
        worth[first : last + 1] = scaled_sigmoid(position) * (profile.true_positive / most)
        inside[first : last + 1] = number
    return worth, inside


def nab_score(corpus: Sequence[LabelledScores], profile: Profile) -> NabResult:
    """Score a corpus at the one threshold that serves it best, as the benchmark's optimiser does.

    Within a window only the best (earliest) detection counts; a window without one costs ``false_negative``; each
    row at or above the threshold outside of the windows is a false alarm, cheaper shortly after a window. Rows of
    the probation count neither way. Every distinct score is tried as the threshold, the same for all series.

    Parameters
    ----------
    corpus : sequence of LabelledScores
    profile : Profile

    Returns
    -------
    NabResult
        ``score = 100 (raw − null) / (perfect − null)`` with null = −windows × false_negative (never an alarm) and
        perfect = windows × true_positive.

    Examples
    --------
    One window, found at its first row, and no false alarm:

    >>> scores = np.zeros(100)
    >>> scores[50] = 1.0
    >>> found = nab_score([LabelledScores(name="a", scores=scores, windows=((50, 59),))], PROFILES["standard"])
    >>> (found.score, found.threshold, found.false_alarm_rows)
    (100.0, 1.0, 0)
    """
    scores, worth, window, windows = _scorable_rows(corpus, profile)
    order = np.argsort(-scores, kind="stable")
    scores, worth, window = scores[order], worth[order], window[order]
    gain = _gains(worth, window, np.full(windows, -profile.false_negative))
    total = np.concatenate(([0.0], np.cumsum(gain))) - windows * profile.false_negative
    ends = np.concatenate(([True], scores[1:] != scores[:-1], [True])) if len(scores) else np.ones(1, np.bool_)
    best = int(np.flatnonzero(ends)[total[ends].argmax()])
    threshold = float(scores[best - 1]) if best else NO_DETECTION
    return _result(total[best], threshold, window[:best], windows, profile)


def score_at_threshold(corpus: Sequence[LabelledScores], profile: Profile, threshold: float) -> NabResult:
    """Score a corpus at a given threshold: every row with a score at or above it is a detection."""
    scores, worth, window, windows = _scorable_rows(corpus, profile)
    chosen = scores >= threshold
    gain = _gains(worth[chosen], window[chosen], np.full(windows, -profile.false_negative))
    raw = float(gain.sum()) - windows * profile.false_negative
    return _result(raw, threshold, window[chosen], windows, profile)


def _result(raw: float, threshold: float, window: NDArray[np.int64], windows: int, profile: Profile) -> NabResult:
    span = windows * (profile.true_positive + profile.false_negative)
    return NabResult(
        score=100.0 * (float(raw) + windows * profile.false_negative) / span if span else math.nan,
        raw=float(raw),
        threshold=threshold,
        windows=windows,
        windows_hit=len(np.unique(window[window >= 0])),
        false_alarm_rows=int((window < 0).sum()),
    )


def _scorable_rows(corpus: Sequence[LabelledScores], profile: Profile) -> tuple[Floats, Floats, NDArray[np.int64], int]:
    """Scores, worths and windows (numbered over the corpus) of the rows after probation, and how many windows."""
    scores, worths, windows = [], [], []
    seen = 0
    for series in corpus:
        rows = len(series.scores)
        worth, window = row_worth(rows, series.windows, profile)
        after = probation_rows(rows)
        scores.append(series.scores[after:])
        worths.append(worth[after:])
        windows.append(np.where(window >= 0, window + seen, -1)[after:])
        seen += sum(last >= after for _, last in series.windows)
        if any(last < after for _, last in series.windows):
            raise InvalidInput("a window lies within the probation", where=series.name)
    if not scores:
        raise InvalidInput("nothing to score", mend="give at least one series")
    return np.concatenate(scores), np.concatenate(worths), np.concatenate(windows), seen


def _gains(worth: Floats, window: NDArray[np.int64], start: Floats) -> Floats:
    """What each detection, taken in this order, adds: all of a false alarm, a window's only as far as it is better."""
    gain = np.where(window < 0, worth, 0.0)
    for number in range(len(start)):
        rows = np.flatnonzero(window == number)
        best = np.maximum.accumulate(np.concatenate((start[number : number + 1], worth[rows])))
        gain[rows] = np.diff(best)
    return gain
