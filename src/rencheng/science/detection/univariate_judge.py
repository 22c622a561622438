"""How likely an anomaly begins at a row, from its evidence: the mean of small networks, the same for every series.

Trained on made-up series by ``python -m benchmarks.detect_training.learn``; its numbers: ``univariate_weights``.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.science.detection.univariate_evidence import EVIDENCE
from rencheng.science.detection.univariate_weights import (
    BIAS,
    DIRECT,
    HIDDEN_BIAS,
    INPUT_MEAN,
    INPUT_SPREAD,
    INWARD,
    OUTWARD,
)

__all__ = ["EVIDENCE_INPUTS", "log_odds", "standardised", "without_direction"]

Floats = NDArray[np.float64]

_EXTREME: Final = 8.0
"""An input farther out than this many standard deviations counts as so far."""


def _inputs() -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Name of each input of the network, and the input to which each column of the evidence adds."""
    names: list[str] = []
    into: list[int] = []
    for column in EVIDENCE:
        name = column.replace("_up", "").replace("_down", "")
        if name not in names:
            names.append(name)
        into.append(names.index(name))
    return tuple(names), tuple(into)


EVIDENCE_INPUTS, _INTO = _inputs()
"""Inputs of the network: the evidence, upward and downward deviations taken alike."""
_FOLD: Final = np.eye(len(EVIDENCE_INPUTS))[list(_INTO)]


def without_direction(evidence: Floats) -> Floats:
    """Evidence in which up and down count alike: of each pair of columns only one is not 0, so their sum is it.

    A series and the same series upside down are judged the same.

    Parameters
    ----------
    evidence : float64 array, shape (rows, len(EVIDENCE))

    Returns
    -------
    float64 array, shape (rows, len(EVIDENCE_INPUTS))
    """
    return np.asarray(evidence @ _FOLD)


def standardised(inputs: NDArray[np.floating], mean: Floats, spread: Floats) -> NDArray[np.float32]:
    """Inputs in standard deviations from their mean, none farther out than eight; single precision, for learning."""
    return np.clip((inputs - mean) / spread, -_EXTREME, _EXTREME).astype(np.float32)


def log_odds(evidence: Floats) -> Floats:
    """Log10 odds that an anomaly begins at each row (NaN where the evidence is).

    The same arithmetic as :func:`without_direction` and :func:`standardised`, then one hidden layer beside a direct
    path, row by row in one order, so that the bits do not depend on how many rows come together.

    Parameters
    ----------
    evidence : float64 array, shape (rows, len(EVIDENCE))

    Returns
    -------
    float64 array, shape (rows,)
    """
    odds = np.empty(len(evidence))
    _judge(odds, evidence, np.array(_INTO), INPUT_MEAN, INPUT_SPREAD, INWARD, HIDDEN_BIAS, OUTWARD, DIRECT, BIAS)
    return odds


@njit(cache=True, error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _judge(
    odds: Floats,
    evidence: Floats,
    into: NDArray[np.int64],
    mean: Floats,
    spread: Floats,
    inward: Floats,
    hidden_bias: Floats,
    outward: Floats,
    direct: Floats,
    bias: float,
) -> None:
    inputs, drive = np.empty(mean.size), np.empty(outward.size)
    for i in range(odds.size):
        if not math.isfinite(evidence[i, 0]):
            odds[i] = math.nan
            continue
        inputs[:] = 0.0
        for k in range(into.size):
            inputs[into[k]] += evidence[i, k]
        drive[:] = hidden_bias
        total = bias
        for a in range(mean.size):
            x = min(max((inputs[a] - mean[a]) / spread[a], -_EXTREME), _EXTREME)
            total += direct[a] * x
            for h in range(drive.size):
                drive[h] += x * inward[a, h]
        for h in range(drive.size):
            total += outward[h] * math.tanh(drive[h])
        odds[i] = total / math.log(10.0)
