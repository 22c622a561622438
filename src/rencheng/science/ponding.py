"""Ponding of a street out of a depth sensor's readings: when it began, how deep it became, when it had run off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["Pondings", "above_s", "pondings"]

F64 = NDArray[np.float64]
B1 = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pondings:
    """Events in the order of time; arrays of shape (n,).

    Parameters
    ----------
    start_s, end_s : float arrays
        From the first reading at or above the threshold to the first one below the lower, clearing depth; the last
        reading before a gap or the end of the series where it did not clear.
    peak_m : float array
        Greatest depth read.
    above_s : float array
        How long the water, drawn straight between readings, stood at the threshold or above.
    open : bool array
        Still standing at the last reading.
    cut : bool array
        Ended by a gap: the sensor fell silent while the water stood.
    """

    start_s: F64
    end_s: F64
    peak_m: F64
    above_s: F64
    open: B1
    cut: B1

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def duration_s(self) -> F64:
        """From start to end."""
        return self.end_s - self.start_s


def pondings(at_s: F64, depth_m: F64, *, rise_m: float, clear_m: float, gap_s: float = np.inf) -> Pondings:
    """Events of water on a street, with hysteresis: a depth that wavers about the threshold is one event.

    Parameters
    ----------
    at_s : array, shape (n,)
        Times of the readings, ascending, seconds.
    depth_m : array, shape (n,)
        Depths; NaN readings are passed over.
    rise_m : float
        An event begins at this depth.
    clear_m : float
        It ends below this depth, at most ``rise_m``.
    gap_s : float
        Readings farther apart than this tell nothing of the time between: an event ends at the last one before.

    Raises
    ------
    InvalidInput
        If times do not ascend, shapes differ, or the depths are not ``0 < clear_m <= rise_m``.

    Examples
    --------
    Water at 0, 20, 12, 20 and 0 cm, ten minutes apart, with thresholds of 15 and 10 cm is one event of half an hour.
    A quarter of rise and fall and five eighths of each leg of the dip lie at 15 cm or above, 17.5 minutes in all:

    >>> p = pondings(np.arange(5) * 600.0, np.array([0.0, 0.2, 0.12, 0.2, 0.0]), rise_m=0.15, clear_m=0.1)
    >>> p.start_s.tolist(), p.end_s.tolist(), p.peak_m.tolist(), p.open.tolist()
    ([600.0], [2400.0], [0.2], [False])
    >>> p.above_s.round().tolist()
    [1050.0]
    """
    if not 0.0 < clear_m <= rise_m:
        raise InvalidInput(f"an event cannot begin at {rise_m:g} m and clear at {clear_m:g} m", mend="0 < clear ≤ rise")
    at, depth = np.asarray(at_s, np.float64), np.asarray(depth_m, np.float64)
    if at.shape != depth.shape or at.ndim != 1 or np.any(np.diff(at) < 0):
        raise InvalidInput("ponding needs ascending times and as many depths", mend="Sort the readings by time")
    at, depth = at[np.isfinite(depth)], depth[np.isfinite(depth)]
    wet = _standing(at, depth, rise_m, clear_m, gap_s)
    before = np.concatenate([[True], np.diff(at) > gap_s])  # a reading after a gap begins anew
    first = np.flatnonzero(wet & (before | ~np.concatenate([[False], wet[:-1]])))
    after = np.concatenate([before[1:], [True]])
    last = np.flatnonzero(wet & (after | ~np.concatenate([wet[1:], [False]])))
    silent = after[last]
    end = np.where(silent, at[last], at[np.minimum(last + 1, len(at) - 1)]) if len(at) else at
    return Pondings(
        start_s=at[first],
        end_s=end,
        peak_m=np.array([depth[a : b + 1].max() for a, b in zip(first.tolist(), last.tolist(), strict=True)]),
        above_s=_above(at, depth, rise_m, gap_s, first, last),
        open=last == len(at) - 1,
        cut=silent & (last < len(at) - 1),
    )


def above_s(at_s: F64, depth_m: F64, threshold_m: float, *, gap_s: float = np.inf) -> float:
    """Whole time at a depth or above, straight lines drawn between readings, gaps left out, seconds.

    Examples
    --------
    From 0 to 0.2 m and back within twice 100 s: half of it at 0.1 m or above.

    >>> above_s(np.array([0.0, 100.0, 200.0]), np.array([0.0, 0.2, 0.0]), 0.1)
    100.0
    """
    return float(_segments(np.asarray(at_s), np.asarray(depth_m), threshold_m, gap_s).sum())


def _standing(at: F64, depth: F64, rise_m: float, clear_m: float, gap_s: float) -> B1:
    """Whether an event goes on at each reading: the last decisive reading of its stretch rose."""
    if not len(at):
        return np.zeros(0, np.bool_)
    decisive = (depth >= rise_m) | (depth < clear_m) | np.concatenate([[True], np.diff(at) > gap_s])
    since = np.maximum.accumulate(np.where(decisive, np.arange(len(at)), 0))
    return np.asarray(depth[since] >= rise_m)


def _segments(at: F64, depth: F64, threshold_m: float, gap_s: float) -> F64:
    """Time above the threshold between each reading and the next, shape (n - 1,)."""
    width = np.diff(at)
    a, b = depth[:-1], depth[1:]
    low, high = np.minimum(a, b), np.maximum(a, b)
    spread = np.where(high > low, high - low, 1.0)
    share = np.where(low >= threshold_m, 1.0, np.clip((high - threshold_m) / spread, 0.0, 1.0))
    return np.where((width <= gap_s) & (high >= threshold_m), share * width, 0.0)


def _above(at: F64, depth: F64, rise_m: float, gap_s: float, first: NDArray[np.int64], last: NDArray[np.int64]) -> F64:
    """Time above the threshold of each event, from the reading before its first to the one after its last."""
    done = np.concatenate([[0.0], np.cumsum(_segments(at, depth, rise_m, gap_s))])
    top = max(len(at) - 1, 0)
    return np.asarray(done[np.minimum(last + 1, top)] - done[np.maximum(first - 1, 0)])
