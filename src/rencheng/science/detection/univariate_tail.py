"""How surprising a deviation is, against a series' own past: a tail probability from a histogram that forgets.

Body by counting; tail by the Hill estimate of the exceedances over a high quantile (Hill 1975, Annals of Statistics 3,
1163-1174; as a streaming detector: Siffer et al. 2017, "Anomaly detection in streams with extreme value theory", KDD).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["TAIL_STATE", "surprise"]

Floats = NDArray[np.float64]

_BINS: Final = 120
_PER_OCTAVE: Final = 4.0
_LOWEST_OCTAVE: Final = -10.0
TAIL_STATE: Final = _BINS + 4
"""Numbers kept of one deviation: its histogram, their total, and threshold, share and mean log excess of the tail."""

_LEARN_ROWS: Final = 60.0
"""Fewer rows than this say nothing of a tail: the surprise is 0."""
_TAIL_SHARE: Final = 0.02
_TAIL_LEAST: Final = 8.0
_PRIOR_EXCESS: Final = 0.2
_PRIOR_WEIGHT: Final = 8.0
"""Before a series has exceedances of its own, they are taken to fall by a power of 5: somewhat slower than those of a
normal deviation beyond its 98 % point."""
_FORGET_ROWS: Final = 8000.0
"""At so many rows all counts are halved: four weeks of five-minute readings are remembered."""
_MOST: Final = 12.0
"""Surprise is told up to 10^−12."""
_SEEN_OFTEN: Final = 2.0
_SEEN_SLACK: Final = 0.3
"""What was seen so great twice or more is no rarer than half of what counting says, whatever the fitted tail thinks: a
pump that starts every morning deviates seldom, but does so every day."""


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _fit_tail(tail: Floats) -> None:
    """Threshold, share and mean log excess of the highest 2 % of what was counted."""
    total = tail[_BINS]
    want = max(_TAIL_SHARE * total, _TAIL_LEAST)
    k = _BINS - 1
    count = tail[k]
    while k > 0 and count < want:
        k -= 1
        count += tail[k]
    excess = 0.0
    for j in range(k, _BINS):
        excess += tail[j] * (j - k + 0.5)
    excess *= math.log(2.0) / _PER_OCTAVE
    tail[_BINS + 1] = _LOWEST_OCTAVE + k / _PER_OCTAVE
    tail[_BINS + 2] = count / total
    tail[_BINS + 3] = (excess + _PRIOR_EXCESS * _PRIOR_WEIGHT) / (count + _PRIOR_WEIGHT)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def surprise(tail: Floats, deviation: float, refit: bool) -> float:
    """−log10 of the probability that this series deviates so far, judged by its past; then learn the deviation.

    Parameters
    ----------
    tail : float64 array, shape (TAIL_STATE,)
        State, zeros at first; changed.
    deviation : float
        0 or more, in the series' own scale.
    refit : bool
        Whether the tail is to be fitted anew (it changes slowly: every 16th row will do).
    """
    octave = math.log2(max(deviation, 1e-9))
    slot = min(max(int((octave - _LOWEST_OCTAVE) * _PER_OCTAVE), 0), _BINS - 1)
    total = tail[_BINS]
    found = 0.0
    if total >= _LEARN_ROWS and deviation > 0.0:
        if refit or tail[_BINS + 2] == 0.0:
            _fit_tail(tail)
        count = 0.0
        for j in range(slot, _BINS):
            count += tail[j]
        beyond = octave - tail[_BINS + 1]
        if beyond >= 0.0:
            found = -math.log10(tail[_BINS + 2]) + beyond * math.log(2.0) / math.log(10.0) / tail[_BINS + 3]
            if count >= _SEEN_OFTEN:
                found = min(found, _SEEN_SLACK - math.log10(count / (total + 1.0)))
        else:
            found = -math.log10(min(1.0, (count + 1.0) / (total + 1.0)))
    tail[slot] += 1.0
    tail[_BINS] += 1.0
    if tail[_BINS] > _FORGET_ROWS:
        for j in range(_BINS + 1):
            tail[j] *= 0.5
    return min(found, _MOST)
