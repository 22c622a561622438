"""Where no river file is: a forecast learnt from the gauge's own course and those found upstream of it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.frame import GaugeFrame
from rencheng.assess.river.outlook import GaugeOutlook, RiverForecast
from rencheng.assess.river.record import HISTORY_H, whole_hour
from rencheng.assess.windows import series_window
from rencheng.kernel import MissingData, format_instant, hours, micros
from rencheng.science.interpolation import pairwise_distance_m
from rencheng.science.regular_series import regular_grid, regular_totals
from rencheng.science.stage_forecast import fit_stage_model
from rencheng.science.stage_outlook import MEMORY_H, StageOutlook, persistence_outlook, predict_stage
from rencheng.science.upstream_gauges import select_upstream
from rencheng.sense.ports import Readings

__all__ = ["regression_forecast"]

Floats = NDArray[np.float64]

LEADS_H = (6, 12, 24, 36, 48, 60, 72)
RIVER_M, OTHER_M, FARTHEST_M, RAIN_NEAR_M = 300_000.0, 100_000.0, 300_000.0, 40_000.0
HALF = 0.5244 / 1.2816
"""Quartile over 90 % quantile of a normal."""
LEAST_DAYS = 5


def regression_forecast(
    readings: Readings, gauges: GaugeFrame, sensor_id: str, now: datetime, *, horizon_h: int = 72
) -> RiverForecast:
    """Forecast a gauge by lagged regression, or by persistence where its past is too short.

    Raises
    ------
    MissingData
        If the gauge is unknown or silent.
    """
    based_at = whole_hour(now)
    if sensor_id not in gauges.index:
        raise MissingData(f"the city has no gauge {sensor_id!r}", mend="Name one of its sensors")
    row = gauges.index[sensor_id]
    grid = {"count": len(gauges), "end_us": micros(based_at), "steps": HISTORY_H}
    start = based_at - hours(HISTORY_H)
    level = series_window(readings, gauges, "stage_m", start=start, end=based_at)
    fall = series_window(readings, gauges, "rain_mm", start=start, end=based_at)
    stage = regular_grid(level.row, level.at_us, level.value, **grid)
    rain = regular_totals(fall.row, fall.at_us, fall.value, **grid)
    outlooks = _outlooks(stage, rain, gauges, row)
    if outlooks is None:
        raise MissingData(
            f"gauge {sensor_id} has told no stage before {format_instant(based_at)}",
            mend="Forecast at a time when it spoke",
        )
    inner, outer, model = outlooks
    own = stage[:, row]
    return RiverForecast(
        based_at=based_at,
        model=model,
        target=sensor_id,
        gauges=(
            GaugeOutlook(
                sensor_id=sensor_id,
                name=gauges.name[row],
                observed_m=float(own[-1]),
                past_m=own[-96:],
                stage_m=_hourly(float(own[-1]), inner, outer, horizon_h),
                discharge_m3_s=None,
            ),
        ),
        members=0,
        effective_members=0.0,
        notes=("the gauge is in no river file: learnt from lagged rises, blind to floods without precedent",),
    )


def _outlooks(
    stage: Floats, rain: Floats, gauges: GaugeFrame, row: int
) -> tuple[StageOutlook, StageOutlook, str] | None:
    """Outlooks with 80 and 95 % intervals, and the model's name."""
    own = stage[:, row]
    known = np.flatnonzero(np.isfinite(stage).any(axis=1))
    first = int(known[0]) if len(known) else 0
    if np.isfinite(own).sum() >= 24 * LEAST_DAYS:
        away = pairwise_distance_m(gauges.xy_m, gauges.xy_m[[row]])[:, 0]
        same = np.array([bool(r) and r == gauges.river[row] for r in gauges.river])
        plausible = np.where(away <= FARTHEST_M, np.exp(-away / np.where(same, RIVER_M, OTHER_M)), 0.0)
        upstream = select_upstream(stage[first:], row, lead_h=12, plausible=plausible)
        near = away <= RAIN_NEAR_M
        columns = tuple(np.flatnonzero(near & np.isfinite(rain).any(axis=0)).tolist())
        model = fit_stage_model(
            stage[first:], rain[first:], row, upstream=upstream, rain_columns=columns, leads_h=LEADS_H
        )
        if model is not None:
            inner = predict_stage(model, stage[-MEMORY_H:], rain[-MEMORY_H:])
            outer = predict_stage(model, stage[-MEMORY_H:], rain[-MEMORY_H:], miss_prob=0.05)
            if inner is not None and outer is not None:
                return inner, outer, "stage-nnridge/1" if inner.trust.any() else "persistence/1"
    inner = persistence_outlook(own[-24:], LEADS_H)
    return None if inner is None else (inner, inner, "persistence/1")


def _hourly(observed: float, inner: StageOutlook, outer: StageOutlook, horizon_h: int) -> Floats:
    """Quantiles by the hour: straight lines from now through the lead times; beyond the last, level."""
    up, down = inner.high_m - inner.median_m, inner.median_m - inner.low_m
    rows = [
        np.minimum(outer.low_m, inner.low_m),
        inner.low_m,
        inner.median_m - HALF * down,
        inner.median_m,
        inner.median_m + HALF * up,
        inner.high_m,
        np.maximum(outer.high_m, inner.high_m),
    ]
    lead = np.arange(1, horizon_h + 1)
    return np.array([np.interp(lead, (0, *LEADS_H), (observed, *row)) for row in rows])
