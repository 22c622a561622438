"""Anomalies of one series as it streams in: a score in 0 … 1 and an alarm for each row, one setting for every series."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["UnivariateDetector"]

Floats = NDArray[np.float64]


@njit(cache=True)
def _step(state: Floats, value: Floats, score: Floats) -> None:
    for i in range(value.size):
        x = value[i]
        if np.isnan(x):
            score[i] = np.nan
            continue
        if state[0] > 100 and state[2] > 0:
            z = abs(x - state[1]) / np.sqrt(state[2])
            score[i] = 1.0 - 1.0 / (1.0 + z)
        state[0] += 1
        rate = max(1.0 / state[0], 0.005)
        off = x - state[1]
        state[1] += rate * off
        state[2] = (1 - rate) * (state[2] + rate * off * off)


class UnivariateDetector:
    """State of the detector of one series."""

    def __init__(self) -> None:
        self._state = np.zeros(3)

    def step(self, at_us: NDArray[np.int64], value: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Score the next rows of the series."""
        score = np.zeros(len(at_us))
        _step(self._state, np.asarray(value, np.float64), score)
        return score, score > 0.9
