"""Which parts of the raster rain wakes: dry ground without rain on it need not be worked on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.rain import RainRate

__all__ = ["RainWake", "rained_segments"]


def rained_segments(rain: RainRate, segment: int) -> NDArray[np.bool_]:
    """Whether it rains on some cell of each segment of each row, shape (ny, segments).

    Examples
    --------
    One row of six cells in segments of two, rain on the last two:

    >>> two = np.array([[0.0, 0.0, 1e-6]])
    >>> at = np.array([0, 0, 1, 1, 2, 2])
    >>> rate = RainRate(rate_m_s=two, rows=np.zeros(1, int), columns=at, highest_m_s=1e-6, inflow_m3_s=0.0)
    >>> rained_segments(rate, 2).tolist()
    [[False, False, True]]
    """
    wet = rain.rate_m_s[:, rain.columns] > 0.0
    starts = np.arange(0, wet.shape[1], segment)
    return np.asarray(np.logical_or.reduceat(wet, starts, axis=1)[rain.rows], dtype=np.bool_)


class RainWake:
    """Marks segments as wet where it rains, working that out once for each picture of the rain.

    Parameters
    ----------
    segment : int
        Cells in a segment.
    """

    def __init__(self, segment: int) -> None:
        self._segment = segment
        self._rain: RainRate | None = None
        self._mask = np.zeros((0, 0), np.bool_)

    def wake(self, wet: NDArray[np.uint8], rain: RainRate) -> None:
        """Raise the flags (ny, segments) to at least 1 where it rains, in place."""
        if rain.highest_m_s <= 0.0:
            return
        if self._rain is not rain:
            self._rain, self._mask = rain, rained_segments(rain, self._segment)
        np.maximum(wet, self._mask, out=wet, casting="unsafe")
