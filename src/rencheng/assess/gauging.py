"""River gauges now, and what their own past calls unusual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.frame import GaugeFrame, Threshold
from rencheng.assess.hazard_model import GaugeState
from rencheng.assess.rules import StageRules
from rencheng.assess.windows import Series
from rencheng.kernel import from_micros, micros
from rencheng.science.regular_series import last_values, regular_grid

__all__ = ["GaugesNow", "LearntLevels", "flood_stage_m", "gauge_states", "gauges_now", "learn_levels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugesNow:
    """Latest stage of every gauge, its rise over the rise window and its rate; shape (gauges,), NaN if unknown."""

    stage_m: NDArray[np.float64]
    at_us: NDArray[np.int64]
    fresh: NDArray[np.bool_]
    rise_m: NDArray[np.float64]
    rate_m_h: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntLevels:
    """What a gauge's own past calls unusual; shape (gauges,), NaN where the past is too short."""

    unusual_m: NDArray[np.float64]
    rapid_m: NDArray[np.float64]
    days: NDArray[np.float64]


def gauges_now(stage: Series, gauges: int, now: datetime, rules: StageRules) -> GaugesNow:
    """Read the state of the gauges off the stage readings of the last hours."""
    value, at = last_values(stage.row, stage.at_us, stage.value, count=gauges)
    window = rules.rapid_rise_window_h
    grid = regular_grid(stage.row, stage.at_us, stage.value, count=gauges, end_us=micros(now), steps=int(window) + 2)
    fresh = (at >= 0) & (micros(now) - at <= rules.max_age_h * 3.6e9)
    rate = grid[-1] - grid[-2]
    slow = (grid[-1] - grid[0]) / (len(grid) - 1)
    return GaugesNow(
        stage_m=np.where(fresh, value, np.nan),
        at_us=at,
        fresh=fresh,
        rise_m=np.where(fresh, grid[-1] - grid[-1 - int(window)], np.nan),
        rate_m_h=np.nan_to_num(np.where(np.isfinite(slow), slow, rate)),
    )


def learn_levels(grid: NDArray[np.float64], rules: StageRules) -> LearntLevels:
    """Learn per gauge which stage and which rise its past rarely saw.

    Parameters
    ----------
    grid : float64 array, shape (hours, gauges)
        Hourly stages before the day they are used on; NaN where unknown.

    Notes
    -----
    These are no flood stages: they carry no colour.
    """
    known = np.isfinite(grid).sum(axis=0)
    days = known / 24.0
    enough = days >= rules.learn_min_days
    unusual, rapid = np.full(grid.shape[1], np.nan), np.full(grid.shape[1], np.nan)
    lag = int(rules.rapid_rise_window_h)
    columns = np.flatnonzero(enough)
    if len(columns):
        past = grid[:, columns]
        high, middle = _percentile(past, rules.unusual_percentile), _percentile(past, 50.0)
        unusual[columns] = high + np.maximum(rules.unusual_margin_ratio * (high - middle), rules.unusual_margin_m)
        rise = np.where(np.isfinite(past[lag:] - past[:-lag]), past[lag:] - past[:-lag], 0.0)
        rapid[columns] = np.maximum(_percentile(rise, rules.rapid_rise_percentile), rules.rapid_rise_min_m)
    return LearntLevels(unusual_m=unusual, rapid_m=rapid, days=days)


def _percentile(values: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """Percentile by column, unknown values left out (nearest rank)."""
    ordered = np.sort(values, axis=0)
    count = np.isfinite(values).sum(axis=0)
    rank = np.clip(np.ceil(percent / 100.0 * count).astype(np.int64) - 1, 0, None)
    return np.asarray(ordered[rank, np.arange(values.shape[1])], dtype=np.float64)


def flood_stage_m(thresholds: Sequence[Threshold], bank_full_names: Sequence[str]) -> float | None:
    """Stage at which the river leaves its banks: the lowest threshold whose name says so, else the lowest of all.

    Examples
    --------
    >>> from rencheng.kernel import Colour
    >>> alert = Threshold(colour=Colour.BLUE, value=2.5, source="x", name="alert stage")
    >>> flood = Threshold(colour=Colour.RED, value=3.0, source="x", name="Flood stage")
    >>> flood_stage_m((alert, flood), ("flood",)), flood_stage_m((alert,), ("flood",)), flood_stage_m((), ())
    (3.0, 2.5, None)
    """
    named = [t.value for t in thresholds if any(word in t.name.casefold() for word in bank_full_names)]
    return min(named or [t.value for t in thresholds], default=None)


def gauge_states(now: GaugesNow, gauges: GaugeFrame, rules: StageRules) -> tuple[GaugeState, ...]:
    """Gauges that report, with their flood stage where one is published."""
    states = []
    for row in np.flatnonzero(now.fresh).tolist():
        thresholds = gauges.thresholds.get((gauges.ids[row], "stage_m"), ())
        states.append(
            GaugeState(
                row=row,
                stage_m=float(now.stage_m[row]),
                rate_m_h=float(now.rate_m_h[row]),
                observed_at=from_micros(int(now.at_us[row])),
                flood_stage_m=flood_stage_m(thresholds, rules.bank_full_names),
            )
        )
    return tuple(states)
