"""The rule of the benchmark as something that can be climbed: the expected worth of alarms that are raised by chance.

Were each row to raise the alarm with the probability ``p`` its log odds say, and were it told only if no row hushes it,
the worth of all alarms would be ``sum(worth p prod(1 - p of the rows that would hush it))``. Within a window the first
alarm counts, so there all rows of the window before a row hush it; outside, those of the quiet before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from benchmarks.detect_training.families import Floats, Series
from numpy.typing import NDArray

from rencheng.science.detection.nab_score import PROFILES, probation_rows, row_worth

QUIET_ROWS = 100
QUIET_SHARE = 0.02
"""As the detector hushes."""
LEAST_SURPRISE = 2.0
"""Rows whose three greatest surprises are less than this on the mean are never told."""


class Rewarded(NamedTuple):
    """Rows of a series that may be told, what each is worth, and the first of the rows that would hush it."""

    rows: NDArray[np.int64]
    worth: Floats
    hushed_from: NDArray[np.int64]


def rewarded_rows(series: Series, surprise: Floats) -> Rewarded:
    """The rows of a series that may be told.

    Parameters
    ----------
    series : Series
        With its windows.
    surprise : float array, shape (rows,)
        Mean of the three greatest surprises of each row.
    """
    count = len(surprise)
    rows = np.flatnonzero((surprise >= LEAST_SURPRISE) & (np.arange(count) >= probation_rows(count)))
    profile = PROFILES["standard"]
    worth, inside = row_worth(count, series.windows, profile)
    worth = np.where(inside >= 0, worth + profile.false_negative, worth)[rows]
    first = np.searchsorted(rows, rows - (QUIET_ROWS + QUIET_SHARE * rows).astype(np.int64))
    for number, (begin, _) in enumerate(series.windows):
        first[inside[rows] == number] = np.searchsorted(rows, begin)
    return Rewarded(rows, worth, np.minimum.accumulate(first[::-1])[::-1])


def expected_loss(odds: Floats, worth: Floats, hushed_from: NDArray[np.int64]) -> tuple[float, Floats]:
    """Minus the expected worth of the alarms of some rows, and its slope by their natural log odds.

    Examples
    --------
    Two rows of a window, either of which is worth 2, each told with one half: three in four that one is told.

    >>> loss, slope = expected_loss(np.zeros(2), np.array([2.0, 2.0]), np.array([0, 0]))
    >>> loss, slope.tolist()
    (-1.5, [-0.25, -0.25])
    """
    told = 1.0 / (1.0 + np.exp(-odds))
    silent = np.concatenate(([0.0], np.cumsum(-np.logaddexp(0.0, odds))))
    free = np.exp(silent[:-1] - silent[hushed_from])
    gain = np.concatenate(([0.0], np.cumsum(worth * told * free)))
    last_hushed = np.searchsorted(hushed_from, np.arange(len(odds)), side="right")
    lost = gain[last_hushed] - gain[1:]
    return -float(gain[-1]), told * lost - worth * free * told * (1.0 - told)
