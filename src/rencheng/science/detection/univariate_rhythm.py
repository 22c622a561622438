"""Slower ways in which a reading can deviate from its series' past: what gathers over rows, or breaks a rhythm.

Beside the deviations of single readings (``univariate_deviations``): against the half-hour of the day in that
half-hour's own spread, jumps and means after the day is taken off, errors and novelty gathered over ten rows (as the
anomaly likelihood of Ahmad et al. 2017, Neurocomputing 262, 134-147, gathers errors), novelty of the coarse shape of
the last 72 rows, rows spent at one value, how often the series crosses its own mean, spread of the last 100 rows, mean
of the last 300, and how surprising the rows before were. Constant memory and work.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["RHYTHMS", "RHYTHM_SHAPES", "deviate_slowly"]

Floats = NDArray[np.float64]

RHYTHMS: Final = (
    "hourly_up",
    "hourly_down",
    "unseasoned_jump_up",
    "unseasoned_jump_down",
    "unseasoned_mean_up",
    "unseasoned_mean_down",
    "errors",
    "hour_errors",
    "novelties",
    "coarse",
    "still",
    "crossings_more",
    "crossings_fewer",
    "spread_more",
    "spread_less",
    "mean300_up",
    "mean300_down",
    "dense",
)
_JUMP: Final = 2
_MEAN: Final = 4
_ERRORS: Final = 6
_HOUR_ERRORS: Final = 7
_NOVELTIES: Final = 8
_COARSE: Final = 9
_STILL: Final = 10
_CROSSINGS: Final = 11
_SPREAD: Final = 13
_LONG: Final = 15
_DENSE: Final = 17

_BLOCK: Final = 6
_BLOCKS: Final = 12
_APART: Final = 48
"""Rows that must lie between a coarse shape and those it is compared with."""
_BLOCKS_KEPT: Final = 600
_RECENT: Final = 128
RHYTHM_SHAPES: Final = {
    "slots": (3, 48),
    "followed": (12,),
    "off": (12,),
    "marks": (8,),
    "blocks": (_BLOCKS, _BLOCKS_KEPT),
    "recent": (_RECENT,),
}
"""Arrays of the state and their shapes; all start as zeros. ``slots``: mean, readings and spread of each half-hour.
``followed``: slow means (0 value, 1 value over 24 rows, 2 value over 300 rows, 3-7 what ``_against`` follows, 8 share
of crossings, 9 mean square). ``off``: their mean absolute deviations (8 and 9: gathered errors). ``marks``: last value,
rows at it, side of the mean, shapes kept, residual over 12 and 36 rows, distance of the coarse shape, novelty."""

_SLOW: Final = 1.0 / 1000.0
_SLOWEST: Final = 1.0 / 3000.0
_SEASON_LEAST: Final = 3.0
_SEASON_RATE: Final = 0.05
_MATURE: Final = 200
"""Rows before which a day is not believed."""
_FROM_NOTHING: Final = 25.0
"""The log spread is followed from next to nothing, so that its own deviation is wide at first: some hundred rows pass
before a change of spread counts for much."""
_GATHER: Final = 1.0 / 10.0
_ERROR_MOST: Final = 30.0


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _against(
    u: Floats, k: int, value: float, followed: Floats, off: Floats, which: int, rows: int, floor: float, slow: float
) -> None:
    """A gathered number against its own slow mean, in its own mean absolute deviations."""
    if rows <= 1:
        followed[which] = value
    away = value - followed[which]
    deviation = away / max(off[which], floor)
    u[k] = max(deviation, 0.0)
    u[k + 1] = max(-deviation, 0.0)
    rate = max(1.0 / rows, slow)
    size = abs(away)
    if rows >= 100:
        away = min(max(away, -4.0 * off[which]), 4.0 * off[which])
        size = min(size, 8.0 * off[which])
    followed[which] += rate * away
    off[which] += rate * (size - off[which])


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _hourly(
    u: Floats, slot: int, value: float, slots: Floats, followed: Floats, off: Floats, rows: int, floor: float
) -> float:
    """What is left of a reading without its half-hour; against that half-hour's own spread, shrunk to that of all."""
    seen = slots[1, slot]
    rest: float = value - (slots[0, slot] if seen >= _SEASON_LEAST else followed[0])
    if seen >= _SEASON_LEAST:
        weight = min(seen, 20.0)
        own = max((slots[2, slot] * weight + 3.0 * off[0]) / (weight + 3.0), floor)
        size = abs(rest)
        if rows > _MATURE:
            u[0] = max(rest / own, 0.0)
            u[1] = max(-rest / own, 0.0)
            off[0] += max(1.0 / rows, _SLOW) * (min(size, 8.0 * off[0]) - off[0])
        else:
            off[0] += (size - off[0]) / rows
        slots[2, slot] += max(1.0 / (seen - 1.0), _SEASON_RATE) * (min(size, 8.0 * own) - slots[2, slot])
    slots[1, slot] = seen + 1.0
    slots[0, slot] += max(1.0 / (seen + 1.0), _SEASON_RATE) * (value - slots[0, slot])
    followed[0] += max(1.0 / rows, _SLOW) * (value - followed[0])
    return rest


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _gathered(
    u: Floats, error: float, rest: float, novel: float, off: Floats, marks: Floats, rows: int, floor: float
) -> None:
    """Errors of the prediction and of the hour, and novelty, over about ten rows."""
    off[8] += _GATHER * (min(error, _ERROR_MOST) - off[8])
    off[9] += _GATHER * (min(abs(rest) / max(off[0], floor), _ERROR_MOST) - off[9])
    marks[7] += _GATHER * (min(novel, 1e6) - marks[7])
    u[_ERRORS] = off[8]
    u[_HOUR_ERRORS] = off[9] if rows > _MATURE else 0.0
    u[_NOVELTIES] = marks[7]


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _block_mean(recent: Floats, rows: int, back: int) -> float:
    mean = 0.0
    for j in range(_BLOCK):
        mean += recent[(rows - 1 - back - j) % _RECENT]
    return mean / _BLOCK


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _third_nearest(now: Floats, blocks: Floats, kept: int) -> float:
    """Mean absolute difference to the third nearest shape; block after block, so that the loop vectorises."""
    far = np.zeros(kept)
    for b in range(_BLOCKS):
        x, row = now[b], blocks[b]
        for j in range(kept):
            far[j] += abs(x - row[j])
    first, second, third = 1e300, 1e300, 1e300
    for j in range(kept):
        if far[j] < third:
            if far[j] < first:
                first, second, third = far[j], first, second
            elif far[j] < second:
                second, third = far[j], second
            else:
                third = far[j]
    return third / _BLOCKS


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _coarse(marks: Floats, blocks: Floats, recent: Floats, rows: int) -> None:
    """Every third row, how far the shape of the last 72 rows (means of six) is from 600 kept; one is kept every six."""
    kept = int(marks[3])
    if rows < _BLOCK * _BLOCKS or rows % 3 != 0:
        return
    if kept >= 40:
        now = np.zeros(_BLOCKS)
        for b in range(_BLOCKS):
            now[b] = _block_mean(recent, rows, b * _BLOCK)
        marks[6] = _third_nearest(now, blocks, min(kept, _BLOCKS_KEPT))
    if rows >= _APART + _BLOCK * _BLOCKS and rows % 6 == 0:
        for b in range(_BLOCKS):
            blocks[b, kept % _BLOCKS_KEPT] = _block_mean(recent, rows, _APART + b * _BLOCK)
        marks[3] += 1.0


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _pace(u: Floats, value: float, followed: Floats, off: Floats, marks: Floats, rows: int, floor: float) -> None:
    """Rows at one value, crossings of the mean of 24 rows, spread of 100 rows, mean of 300."""
    marks[1] = marks[1] + 1.0 if abs(value - marks[0]) <= 0.2 * floor else 0.0
    u[_STILL] = marks[1]
    followed[1] += max(1.0 / rows, 1.0 / 24.0) * (value - followed[1])
    away = value - followed[1]
    side = 1.0 if away > 0.0 else (-1.0 if away < 0.0 else marks[2])
    crossed = 1.0 if side * marks[2] < 0.0 else 0.0
    marks[2] = side
    followed[8] += max(1.0 / rows, 1.0 / 40.0) * (crossed - followed[8])
    _against(u, _CROSSINGS, followed[8], followed, off, 5, rows, 0.01, _SLOW)
    square = away * away
    if rows > 100:
        square = min(square, 400.0 * max(followed[9], floor * floor))
    followed[9] += max(1.0 / rows, 1.0 / 100.0) * (square - followed[9])
    spread = math.log(math.sqrt(followed[9]) + floor)
    if rows == 2:
        followed[6] = spread - _FROM_NOTHING
    _against(u, _SPREAD, spread, followed, off, 6, rows, 0.03, _SLOW)
    followed[2] += max(1.0 / rows, 1.0 / 300.0) * (value - followed[2])
    _against(u, _LONG, followed[2], followed, off, 7, rows, floor, _SLOWEST)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def deviate_slowly(  # noqa: PLR0917  compiled code takes no keywords only
    u: Floats,
    at_us: int,
    value: float,
    rows: int,
    floor: float,
    error: float,
    novel: float,
    late: float,
    spread: float,
    slots: Floats,
    followed: Floats,
    off: Floats,
    marks: Floats,
    blocks: Floats,
    recent: Floats,
) -> None:
    """Write the slower deviations of a reading to ``u`` (shape (18,), 0 or more) and let the state learn it.

    Parameters
    ----------
    u : float64 array, shape (len(RHYTHMS),)
        Written.
    at_us : int
        Tells the half-hour of the day (UTC).
    value : float
        As ``deviate`` took it: finite and believed.
    rows : int
        Readings seen, this one included.
    floor : float
        Smallest difference that means anything, in the unit of the series.
    error, novel : float
        Deviations ``predicted`` (either side) and ``novel`` of this reading.
    late : float
        How surprising the rows before were.
    spread : float
        Mean absolute deviation of the series.
    slots, followed, off, marks, blocks, recent : float64 arrays
        State of ``RHYTHM_SHAPES``, changed in place.
    """
    u[:] = 0.0
    if rows == 1:
        followed[:3] = value
        marks[0] = value
    recent[(rows - 1) % _RECENT] = value
    rest = _hourly(u, (at_us // 1_800_000_000) % 48, value, slots, followed, off, rows, floor)
    _against(u, _JUMP, rest - marks[4], followed, off, 3, rows, floor, _SLOW)
    marks[4] += (rest - marks[4]) / 12.0
    marks[5] += (rest - marks[5]) / 36.0
    _against(u, _MEAN, marks[5], followed, off, 4, rows, floor, _SLOW)
    _gathered(u, error, rest, novel, off, marks, rows, floor)
    _coarse(marks, blocks, recent, rows)
    u[_COARSE] = marks[6] / max(spread, floor)
    _pace(u, value, followed, off, marks, rows, floor)
    u[_DENSE] = late
    marks[0] = value
