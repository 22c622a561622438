"""Seasonal robust baseline: what is usual at this hour of the week, and how far from it a reading lies.

The expected value is the mean of the hour of the week (168 bins, interpolated between their middles) plus a slow part
that follows drift with a time constant, as in the additive model of Holt (1957) and Winters (1960) with the season
learnt by hours. Residuals are limited to three standard deviations before anything is learnt from them, the robust
exponential smoothing of Gelper, Fried and Croux (2010, J. Forecasting 29, 285–300), so one outlier or one event does
not become usual. The scale is 1.2533 times the mean absolute residual, which is the standard deviation of a normal one.
"""

from __future__ import annotations

from rencheng.science.detection.arrays import NEVER
from rencheng.science.detection.compiled import inner

__all__ = ["deviation"]

HOUR_US = 3_600_000_000
WEEK_H = 168
CLIP = 3.0
SCALE_OF_MEAN_ABS = 1.2533
MEMORY = 1.0 / 512.0
"""Least weight of a new residual in the scale."""
BIN_MEMORY = 0.15
"""Least weight of a new hour in its bin: about six weeks are remembered."""
OFFSET, SCALE, HOUR_SUM, HOUR_COUNT, MEAN = 0, 1, 2, 3, 4
"""Places in the detector's record."""


@inner
def _usual(season, hour, mean):  # type: ignore[no-untyped-def]
    """Mean of an hour of the week; of the same hour of another day where it was not seen, else of all hours."""
    for day in range(7):
        place = (hour - 24 * day) % WEEK_H
        if season.n[place] > 0:
            return float(season.level[place])
    return mean


@inner
def _fold_hour(s, season, hour):  # type: ignore[no-untyped-def]
    """Let the mean of an hour that is over become part of its bin."""
    if s.mark[0] != NEVER and s.aux[HOUR_COUNT] > 0:
        place = s.mark[0] % WEEK_H
        weight = max(1.0 / (season.n[place] + 1.0), BIN_MEMORY)
        season.level[place] += weight * (s.aux[HOUR_SUM] / s.aux[HOUR_COUNT] - season.level[place])
        season.n[place] = min(season.n[place] + 1, 250)
    s.aux[HOUR_SUM] = 0.0
    s.aux[HOUR_COUNT] = 0.0
    s.mark[0] = hour


@inner
def deviation(s, r, season, at, value):  # type: ignore[no-untyped-def]
    """Deviation of a reading in robust standard deviations, learnt from before it; then learn from it."""
    hour = at // HOUR_US
    if s.mark[0] != hour:
        _fold_hour(s, season, hour)
    if s.seen == 0:
        s.aux[MEAN] = value
    share = (at % HOUR_US) / HOUR_US - 0.5
    other = hour + 1 if share > 0 else hour - 1
    usual = (1.0 - abs(share)) * _usual(season, hour, s.aux[MEAN]) + abs(share) * _usual(season, other, s.aux[MEAN])
    expected = usual + s.aux[OFFSET]
    residual = value - expected
    scale = max(s.aux[SCALE], r.scale_floor)
    z = residual / scale
    held = residual if s.seen < 16 else min(max(residual, -CLIP * scale), CLIP * scale)
    s.aux[MEAN] += max(1.0 / (s.seen + 1.0), MEMORY) * (expected + held - s.aux[MEAN])
    if s.severity < 2:
        weight = max(1.0 / (s.seen + 1.0), MEMORY)
        s.aux[SCALE] += weight * (SCALE_OF_MEAN_ABS * abs(held) - s.aux[SCALE])
    step = 1.0 if s.last_at == NEVER else min((at - s.last_at) / r.tau, 1.0)
    s.aux[OFFSET] += step * held
    s.aux[HOUR_SUM] += expected + held
    s.aux[HOUR_COUNT] += 1.0
    return z
