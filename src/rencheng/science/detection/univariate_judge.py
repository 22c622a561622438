"""How likely an anomaly begins at a row, from its evidence: a small network, the same for every series.

Trained on made-up series by ``python -m benchmarks.detect_training.learn``; its numbers: ``univariate_weights``.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rencheng.science.detection.univariate_evidence import EVIDENCE
from rencheng.science.detection.univariate_weights import BIAS, HIDDEN_BIAS, INPUT_MEAN, INPUT_SPREAD, INWARD, OUTWARD

__all__ = ["EVIDENCE_INPUTS", "hidden_activity", "log_odds", "without_direction"]

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


def hidden_activity(inputs: Floats, mean: Floats, spread: Floats, inward: Floats, bias: Floats) -> Floats:
    """Activity of the hidden units: ``tanh`` of the weighed, standardised and clipped inputs."""
    return np.asarray(np.tanh(np.clip((inputs - mean) / spread, -_EXTREME, _EXTREME) @ inward + bias))


def log_odds(evidence: Floats) -> Floats:
    """Log10 odds that an anomaly begins at each row (NaN where the evidence is).

    Parameters
    ----------
    evidence : float64 array, shape (rows, len(EVIDENCE))

    Returns
    -------
    float64 array, shape (rows,)
    """
    hidden = hidden_activity(without_direction(evidence), INPUT_MEAN, INPUT_SPREAD, INWARD, HIDDEN_BIAS)
    return np.asarray((hidden @ OUTWARD + BIAS) / math.log(10.0))
