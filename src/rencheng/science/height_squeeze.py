"""Heights that were squeezed into eight bits: how a raster betrays it, and how to get metres back.

Elevation is sometimes stored stretched to 0 … 255 for display: ``step = floor((height - lowest) * 255 / range)``. It
still looks like whole metres, and a flood map made of it is wrong by the stretch. When heights were whole metres, some
steps take in one more metre than their neighbours, at regular distances: the histogram is a comb. (Ranges close to a
multiple of 255 m make none, and stay unseen.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["STEPS", "HeightSqueeze", "metres_of_steps", "squeeze_of"]

STEPS = 255
"""Highest step of eight bits."""
WIDEST_M = 1000
"""Ranges above it hold four metres and more in a step, and the comb drowns."""
LEAST_MATCH = 0.6
"""Share of the comb's variance that a squeeze must explain to be taken as proof; a smooth histogram has no comb."""
LEAST_COUNT = 20
"""Steps with fewer cells say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeightSqueeze:
    """What a histogram says of a squeeze.

    Parameters
    ----------
    range_m : int
        Highest minus lowest height before the squeeze, in whole metres.
    rounded : bool
        Whether steps were rounded to the nearest rather than cut down.
    match : float
        Share of the variance of the histogram's comb that this squeeze explains, at most 1.
    """

    range_m: int
    rounded: bool
    match: float


def squeeze_of(values: NDArray[np.generic]) -> HeightSqueeze | None:
    """Find whether whole metres were squeezed into 0 … 255, from the histogram alone.

    Parameters
    ----------
    values : array
        The raster as stored, without cells that know no height.

    Returns
    -------
    HeightSqueeze or None
        None where the values are no whole numbers from 0 to 255, or their histogram shows no comb.

    Examples
    --------
    >>> heights = np.repeat(np.arange(299), 100)
    >>> squeeze_of(heights * 255 // 298).range_m
    298
    >>> squeeze_of(np.repeat(np.arange(256), 100)) is None
    True
    """
    flat = np.asarray(values).ravel()
    if flat.size == 0 or flat.min() < 0 or flat.max() != STEPS or not np.all(flat == np.floor(flat)):
        return None
    count = np.bincount(flat.astype(np.int64), minlength=STEPS + 1).astype(np.float64)
    used = count >= LEAST_COUNT
    used[[0, STEPS]] = False  # water and the summit stand in them, whatever the squeeze
    if used.sum() < STEPS // 4:
        return None
    seen = _comb(count)[used]
    best: HeightSqueeze | None = None
    for range_m in range(STEPS + 1, WIDEST_M + 1):
        for rounded in (False, True):
            made = _comb(_metres_per_step(range_m, rounded))[used]
            match = _explained(seen, made)
            if match >= LEAST_MATCH and (best is None or match > best.match):
                best = HeightSqueeze(range_m=range_m, rounded=rounded, match=match)
    return best


def metres_of_steps(*, range_m: int, lowest_m: float = 0.0, rounded: bool = False) -> NDArray[np.float64]:
    """Height of every step of a squeeze: the mean of the whole metres in it.

    Returns
    -------
    float64 array, shape (256,)

    Raises
    ------
    InvalidInput
        If the range is not above 0.

    Examples
    --------
    Of 298 m, steps 1 to 4 hold one metre each, step 5 two.

    >>> metres_of_steps(range_m=298)[:7].tolist()
    [0.5, 2.0, 3.0, 4.0, 5.0, 6.5, 8.0]
    """
    if range_m <= 0:
        raise InvalidInput(f"a range of {range_m} m is no squeeze", mend="Give the highest minus the lowest height")
    heights = np.arange(range_m + 1)
    step = _step(heights, range_m, rounded)
    held = np.bincount(step, minlength=STEPS + 1)
    total = np.bincount(step, weights=heights, minlength=STEPS + 1)
    known = held > 0
    metres = np.interp(np.arange(STEPS + 1), np.flatnonzero(known), total[known] / held[known])
    return np.asarray(metres + lowest_m, np.float64)


def _step(heights: NDArray[np.int64], range_m: int, rounded: bool) -> NDArray[np.int64]:
    return (2 * heights * STEPS + range_m) // (2 * range_m) if rounded else heights * STEPS // range_m


def _metres_per_step(range_m: int, rounded: bool) -> NDArray[np.float64]:
    held = np.bincount(_step(np.arange(range_m + 1), range_m, rounded), minlength=STEPS + 1)
    return held.astype(np.float64)


def _comb(count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each step's count beside the mean of its neighbourhood: 1 where the histogram is smooth."""
    width = 15
    kernel = np.ones(width)
    near = np.convolve(count, kernel, "same") / np.convolve(np.ones_like(count), kernel, "same")
    return count / np.maximum(near, 1e-9)


def _explained(seen: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    spread = float(((seen - seen.mean()) ** 2).sum())
    return 1.0 - float(((seen - made) ** 2).sum()) / spread if spread > 0.0 else 0.0
