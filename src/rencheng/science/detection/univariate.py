"""Anomalies of one series as it streams in: a score in 0 … 1 and an alarm for each row, one setting for every series.

Each reading's deviations (``univariate_deviations``, ``univariate_rhythm``) become surprises against the series' own
past (``univariate_tail``), their company becomes evidence (``univariate_evidence``), and small networks of fixed
weights, learnt on made-up series of nineteen kinds (``benchmarks.detect_training``), say how likely an anomaly begins
here (``univariate_judge``). What was told is not told again for a while unless it becomes much more likely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.detection.univariate_evidence import EVIDENCE, EVIDENCE_SHAPES, evidence_rows
from rencheng.science.detection.univariate_judge import log_odds

__all__ = ["ALARM_SCORE", "UnivariateState", "detect_series", "detect_step", "new_told", "tell"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_BLOCK: Final = 4096
"""Rows worked at a time: the evidence of a block is held, not that of the series."""
_QUIET_ROWS: Final = 100.0
_QUIET_SHARE: Final = 0.02
"""After a row was told, quiet for 100 rows and 2 % of the rows seen: the longer a series is known, the less often one
state of it is news."""
_NEWS: Final = 1.0
"""Within the quiet, a row is told all the same if it is ten times as likely (log10 odds) as the one told."""
_TELL: Final = -1.5
"""Log10 odds from which on a row counts as told and starts the quiet."""
_ALARM: Final = -1.25
"""Log10 odds from which on a told row raises the alarm."""
_CLEAR_SPAN: Final = 0.7
_CLEAR_ROWS: Final = 6
_LONGEST_ROWS: Final = 288
"""The alarm clears after six rows in a row that lie a factor of 5 below its raising, or after 288 rows at the latest:
by then the detector has learnt the new state and an officer has seen it."""


def _score_of(odds: float) -> float:
    return 1.0 / (1.0 + math.pow(10.0, -(odds + 2.0)))


ALARM_SCORE: Final = _score_of(_ALARM)
"""The score at and above which a row raises the alarm."""


def new_told() -> Floats:
    """What was told, of a new series: rows seen, row and log10 odds last told, whether the alarm sounds, rows it
    sounded, rows in a row below its clearing.
    """  # noqa: D205  one sentence
    return np.array([0.0, -1e9, -math.inf, 0.0, 0.0, 0.0])


@dataclass(slots=True)
class UnivariateState:
    """All that is remembered of one series: arrays of fixed size (about 170 kB), to be kept and loaded as they are.

    ``arrays`` are those of ``EVIDENCE_SHAPES``; ``told`` is what :func:`tell` keeps (see :func:`new_told`).
    """

    arrays: dict[str, Floats] = field(default_factory=lambda: {k: np.zeros(s) for k, s in EVIDENCE_SHAPES.items()})
    told: Floats = field(default_factory=new_told)


def detect_step(state: UnivariateState, at_us: NDArray[np.int64], value: Floats) -> tuple[Floats, Bools]:
    """Score the next rows of a series, as they come, and learn them.

    Rows are taken in the order given: stamps may be irregular, doubled or go back. However the series is cut into
    steps, each row gets the same score, from itself and the rows before it alone.

    Parameters
    ----------
    state : UnivariateState
        Changed in place.
    at_us : int64 array, shape (rows,)
        Microseconds since 1970 UTC: they tell the hour of the day and of the week.
    value : float64 array, shape (rows,)
        NaN or infinite where there is no value.

    Returns
    -------
    score : float64 array, shape (rows,)
        0 … 1, rising with how likely an anomaly begins at the row; NaN where there is no value. Half an hour of
        readings says nothing: the first 60 rows score next to 0.
    alarm : bool array, shape (rows,)
        Raised by a row of ``ALARM_SCORE`` or more, cleared by itself.

    Raises
    ------
    InvalidInput
        If there are more stamps than values, or fewer.
    """
    at_us, value = np.asarray(at_us, np.int64), np.asarray(value, np.float64)
    if at_us.shape != value.shape or at_us.ndim != 1:
        raise InvalidInput(f"{at_us.shape} stamps and {value.shape} values", mend="Give one value for each stamp")
    score, alarm = np.empty(len(value)), np.empty(len(value), np.bool_)
    for first in range(0, len(value), _BLOCK):
        part = slice(first, first + _BLOCK)
        evidence = np.empty((len(value[part]), len(EVIDENCE)))
        evidence_rows(evidence, at_us[part], value[part], **state.arrays)
        score[part], alarm[part] = tell(log_odds(evidence), state.told)
    return score, alarm


def detect_series(at_us: NDArray[np.int64], value: Floats) -> tuple[Floats, Bools]:
    """Score a whole series as a stream would be: one step from an empty state (see :func:`detect_step`)."""
    return detect_step(UnivariateState(), at_us, value)


def tell(odds: Floats, told: Floats) -> tuple[Floats, Bools]:
    """Scores and alarms of the next rows of a series.

    Parameters
    ----------
    odds : float64 array, shape (rows,)
        Log10 odds that an anomaly begins at each row, NaN where there is no value.
    told : float64 array, shape (6,)
        As :func:`new_told` gives it; changed in place.

    Returns
    -------
    score : float64 array, shape (rows,)
    alarm : bool array, shape (rows,)
    """
    score, alarm = np.empty(odds.size), np.empty(odds.size, np.bool_)
    _tell(odds, score, alarm, told)
    return score, alarm


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _tell(odds: Floats, score: Floats, alarm: Bools, told: Floats) -> None:
    """Scores and alarms by log10 odds: what was told is hushed for a while, alarms clear by themselves."""
    hushed_most = 0.5 / (1.0 + 10.0 ** -(_TELL + 2.0))
    for i in range(odds.size):
        if math.isnan(odds[i]):
            score[i], alarm[i] = math.nan, told[3] > 0.0
            continue
        told[0] += 1.0
        if told[0] - told[1] > _QUIET_ROWS + _QUIET_SHARE * told[0]:
            told[2] = -math.inf
        score[i] = 1.0 / (1.0 + 10.0 ** -(odds[i] + 2.0))
        news = odds[i] >= _TELL and odds[i] > told[2] + _NEWS
        if news:
            told[1], told[2] = told[0], odds[i]
        elif odds[i] >= _TELL:
            score[i] *= hushed_most
        if news and odds[i] >= _ALARM:
            told[3], told[4], told[5] = 1.0, 0.0, 0.0
        elif told[3] > 0.0:
            told[4] += 1.0
            told[5] = told[5] + 1.0 if odds[i] < _ALARM - _CLEAR_SPAN else 0.0
            if told[5] >= _CLEAR_ROWS or told[4] >= _LONGEST_ROWS:
                told[3] = 0.0
        alarm[i] = told[3] > 0.0
