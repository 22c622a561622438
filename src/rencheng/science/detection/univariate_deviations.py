"""Ways in which one reading can deviate from its series' past, each in the series' own scale; constant memory and work.

Level against a slow and a fast mean, means of 8, 36 and 120 rows, the hour of the day and of the week, variability of
the last 24 rows, novelty of the last 8 rows (nearest neighbours), a linear prediction from the last 6 rows, a record,
and the step from the row before.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["DEVIATIONS", "SHAPES", "deviate"]

Floats = NDArray[np.float64]

DEVIATIONS: Final = (
    "level_up",
    "level_down",
    "jump_up",
    "jump_down",
    "mean8_up",
    "mean8_down",
    "mean36_up",
    "mean36_down",
    "mean120_up",
    "mean120_down",
    "hour_up",
    "hour_down",
    "week_up",
    "week_down",
    "livelier",
    "stiller",
    "predicted_up",
    "predicted_down",
    "novel",
    "step",
    "record",
)
_HOUR: Final = 10
_WEEK: Final = 12
_LIVELY: Final = 14
_PREDICTED: Final = 16
_NOVEL: Final = 18
_STEP: Final = 19
_RECORD: Final = 20

_RING: Final = 128
_SHAPE: Final = 8
_SHAPES_KEPT: Final = 1000
_LAGS: Final = 6
SHAPES: Final = {
    "centre": (12,),
    "spread": (12,),
    "scalars": (8,),
    "ring": (_RING,),
    "hours": (2, 48),
    "weeks": (2, 168),
    "shapes": (_SHAPE, _SHAPES_KEPT),
    "weights": (_LAGS + 1,),
    "gain": (_LAGS + 1, _LAGS + 1),
}
"""Arrays of the state and their shapes; all start as zeros. ``scalars``: rows, lowest, highest, last, shapes stored,
rows with a variability, spare, spare."""

_SLOW: Final = 1.0 / 1000.0
_FAST: Final = 1.0 / 12.0
_SEASON_RATE: Final = 0.1
"""A slot of the day or week moves to a new reading by a tenth at least."""
_SEASON_LEAST: Final = 3.0
_FORGETTING: Final = 0.999
_LARGEST: Final = 1e150
"""Beyond this a square would be infinite."""
_BELIEVED: Final = 10.0
"""Farther outside of all that was seen than ten times its range, a value counts as so far: an impossible one (a byte
flipped in an exponent) is told like any other record, and does not blind the detector for good."""
_WIDENED: Final = 0.05
"""Such a value widens the range by a twentieth only: in 140 rows a thousandfold, if they stay (a unit was changed)."""


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _clipped(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _both_sides(u: Floats, k: int, deviation: float) -> None:
    u[k] = max(deviation, 0.0)
    u[k + 1] = max(-deviation, 0.0)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _follow(centre: Floats, spread: Floats, k: int, off: float, rate: float, settled: bool) -> None:
    """Move a centre and its mean absolute deviation; once settled, no single row may move them far."""
    centre[k] += rate * (_clipped(off, 4.0 * spread[k]) if settled else off)
    spread[k] += rate * ((min(abs(off), 8.0 * spread[k]) if settled else abs(off)) - spread[k])


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _means(u: Floats, ring: Floats, centre: Floats, spread: Floats, rows: int, floor: float) -> None:
    """Means of the last 8, 36 and 120 rows against their own slow centres."""
    for which in range(3):
        length = 8 if which == 0 else (36 if which == 1 else 120)
        if rows < length:
            continue
        mean = 0.0
        for j in range(length):
            mean += ring[(rows - 1 - j) % _RING]
        mean /= length
        k = 2 + which
        if rows == length:
            centre[k] = mean
        off = mean - centre[k]
        _both_sides(u, 4 + 2 * which, off / max(spread[k], floor))
        _follow(centre, spread, k, off, max(1.0 / (rows - length + 1), _SLOW), rows >= 100)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _season(
    u: Floats, k: int, slots: Floats, slot: int, value: float, spread: Floats, which: int, rows: int, floor: float
) -> None:
    """A reading against what this hour usually brings; slots hold the mean and the readings seen."""
    seen = slots[1, slot]
    if seen >= _SEASON_LEAST:
        off = value - slots[0, slot]
        if rows > 200:
            _both_sides(u, k, off / max(spread[which], floor))
        spread[which] += max(1.0 / rows, _SLOW) * (abs(off) - spread[which]) if spread[which] > 0.0 else abs(off)
    slots[1, slot] = seen + 1.0
    slots[0, slot] += max(1.0 / (seen + 1.0), _SEASON_RATE) * (value - slots[0, slot])


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _variability(
    u: Floats, ring: Floats, centre: Floats, spread: Floats, scalars: Floats, rows: int, floor: float
) -> None:
    """Log standard deviation of the last 24 rows against its slow centre."""
    if rows < 25:
        return
    mean = 0.0
    for j in range(24):
        mean += ring[(rows - 1 - j) % _RING]
    mean /= 24.0
    square = 0.0
    for j in range(24):
        square += (ring[(rows - 1 - j) % _RING] - mean) ** 2
    log = math.log(math.sqrt(square / 24.0) + floor)
    if scalars[5] == 0.0:
        centre[5], spread[5] = log, 0.3
    scalars[5] += 1.0
    off = log - centre[5]
    _both_sides(u, _LIVELY, off / max(spread[5], 0.05))
    rate = max(1.0 / scalars[5], _SLOW)
    centre[5] += rate * off
    spread[5] += rate * (abs(off) - spread[5])


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _prediction(
    u: Floats,
    value: float,
    ring: Floats,
    centre: Floats,
    spread: Floats,
    weights: Floats,
    gain: Floats,
    rows: int,
    floor: float,
) -> None:
    """Recursive least squares on the last rows (Haykin 2002, Adaptive Filter Theory, 4th ed., table 9.1)."""
    size = _LAGS + 1
    if rows == 1:
        for a in range(size):
            gain[a, a] = 100.0
    if rows <= _LAGS + 30:
        return
    scale = max(spread[0], floor)
    lagged = np.ones(size)
    expected = 0.0
    for a in range(_LAGS):
        lagged[a] = (ring[(rows - 2 - a) % _RING] - centre[0]) / scale
    for a in range(size):
        expected += weights[a] * lagged[a]
    error = (value - centre[0]) / scale - expected
    _both_sides(u, _PREDICTED, error * scale / max(spread[6], floor))
    spread[6] += max(1.0 / rows, _SLOW) * (abs(error) * scale - spread[6]) if spread[6] > 0.0 else abs(error) * scale
    error = _clipped(error, 4.0 * spread[6] / scale)
    _learn(weights, gain, lagged, error)


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _learn(weights: Floats, gain: Floats, lagged: Floats, error: float) -> None:
    size = weights.size
    toward = np.zeros(size)
    power = _FORGETTING
    for a in range(size):
        for b in range(size):
            toward[a] += gain[a, b] * lagged[b]
        power += lagged[a] * toward[a]
    trace = 0.0
    for a in range(size):
        weights[a] += toward[a] / power * error
        for b in range(size):
            gain[a, b] = (gain[a, b] - toward[a] * toward[b] / power) / _FORGETTING
        trace += gain[a, a]
    if not (trace <= 1e6 and math.isfinite(error)):  # wound up in a quiet stretch: trust the weights, start the gain
        for a in range(size):
            for b in range(size):
                gain[a, b] = 100.0 if a == b else 0.0


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _third_nearest(ring: Floats, shapes: Floats, rows: int, kept: int) -> float:
    """Sum of absolute differences to the third nearest shape; one lag after another, so that the loop vectorises."""
    far = np.zeros(kept)
    for a in range(_SHAPE):
        now = ring[(rows - 1 - a) % _RING]
        lag = shapes[a]
        for j in range(kept):
            far[j] += abs(now - lag[j])
    first, second, third = 1e300, 1e300, 1e300
    for j in range(kept):
        if far[j] < third:
            if far[j] < first:
                first, second, third = far[j], first, second
            elif far[j] < second:
                second, third = far[j], second
            else:
                third = far[j]
    return third


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def _novelty(u: Floats, ring: Floats, shapes: Floats, scalars: Floats, rows: int, spread: float) -> None:
    """Mean distance to the third nearest of the last 1000 shapes kept, one every two rows, none of the last 16 rows."""
    if rows < _SHAPE:
        return
    kept = int(scalars[4])
    if kept >= 50:
        u[_NOVEL] = _third_nearest(ring, shapes, rows, min(kept, _SHAPES_KEPT)) / spread / _SHAPE
    if rows >= 2 * _SHAPE + 8 and rows % 2 == 0:
        for a in range(_SHAPE):
            shapes[a, kept % _SHAPES_KEPT] = ring[(rows - 17 - a) % _RING]
        scalars[4] += 1.0


@njit(error_model="numpy")  # type: ignore[untyped-decorator, unused-ignore]
def deviate(
    u: Floats,
    at_us: int,
    value: float,
    centre: Floats,
    spread: Floats,
    scalars: Floats,
    ring: Floats,
    hours: Floats,
    weeks: Floats,
    shapes: Floats,
    weights: Floats,
    gain: Floats,
) -> None:
    """Write the deviations of a reading to ``u`` (shape (21,), 0 or more) and let the state learn it.

    The state arrays are those of ``SHAPES``, changed in place. A stamp only tells the hour of the day and the week
    (UTC), so doubled and backward stamps do no harm.
    """
    scalars[0] += 1.0
    rows = int(scalars[0])
    value = min(max(value, -_LARGEST), _LARGEST)
    u[:] = 0.0
    if rows == 1:
        centre[:] = value
        scalars[1], scalars[2], scalars[3] = value, value, value
    width = scalars[2] - scalars[1]
    highest, lowest = max(scalars[2], value), min(scalars[1], value)
    if rows > 100 and width > 0.0:
        far_up, far_down = scalars[2] + _BELIEVED * width, scalars[1] - _BELIEVED * width
        highest = highest if value <= far_up else scalars[2] + _WIDENED * width
        lowest = lowest if value >= far_down else scalars[1] - _WIDENED * width
        value = min(max(value, far_down), far_up)
    floor = 1e-4 * width + 1e-12 * abs(value) + 1e-300
    ring[(rows - 1) % _RING] = value
    off_slow = value - centre[0]
    off_fast = value - centre[1]
    _both_sides(u, 0, off_slow / max(spread[0], floor))
    _both_sides(u, 2, off_fast / max(spread[1], floor))
    _means(u, ring, centre, spread, rows, floor)
    _season(u, _HOUR, hours, (at_us // 1_800_000_000) % 48, value, spread, 7, rows, floor)
    _season(u, _WEEK, weeks, (at_us // 3_600_000_000) % 168, value, spread, 8, rows, floor)
    _variability(u, ring, centre, spread, scalars, rows, floor)
    _prediction(u, value, ring, centre, spread, weights, gain, rows, floor)
    _novelty(u, ring, shapes, scalars, rows, max(spread[0], floor))
    step = abs(value - scalars[3])
    u[_STEP] = step / max(spread[9], floor)
    beyond = max(value - scalars[2], scalars[1] - value)
    u[_RECORD] = min(20.0 * beyond / max(width, floor), 1e6) if beyond > 0.0 and rows > 50 else 0.0
    rate = max(1.0 / rows, _SLOW)
    _follow(centre, spread, 0, off_slow, rate, rows >= 100)
    centre[1] += max(1.0 / rows, _FAST) * off_fast
    spread[1] += rate * ((min(abs(off_fast), 8.0 * spread[1]) if rows >= 100 else abs(off_fast)) - spread[1])
    spread[9] += rate * (step - spread[9])
    scalars[1], scalars[2], scalars[3] = lowest, highest, value
