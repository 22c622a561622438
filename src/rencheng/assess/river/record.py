"""What gauges told of a basin, hour by hour up to now, in the order of its nodes."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.frame import GaugeFrame
from rencheng.assess.river.river_file import RiverFile
from rencheng.assess.windows import series_window
from rencheng.kernel import distance_m, from_micros, hours, micros
from rencheng.science.areal_rain import areal_rain_mm, catchment_points
from rencheng.science.regular_series import regular_grid, regular_totals
from rencheng.science.river_outlook import BasinRecord
from rencheng.sense.ports import Readings

__all__ = ["HISTORY_H", "base_flow_m3_s", "basin_record", "whole_hour"]

HOUR_US = 3_600_000_000
HISTORY_H = 24 * 31
"""How much of the past is read: enough for a soil to forget how wet it began."""
LEAST_BASE, MOST_BASE = 0.003, 0.03
"""Bounds of a catchment's flow at rest, m³/s per km²; 0.01 is 315 mm a year."""


def whole_hour(now: datetime) -> datetime:
    """Last whole hour not later than an instant: leads count from there."""
    return from_micros(micros(now) // HOUR_US * HOUR_US)


def basin_record(readings: Readings, gauges: GaugeFrame, file: RiverFile, based_at: datetime) -> BasinRecord:
    """Read the record of a basin; it begins with the first reading, at most 31 days back.

    Gauges that the city package does not know, or that were silent throughout, are columns of NaN.
    """
    pools = tuple(p.sensor_id for p in file.pool)
    wanted = sorted({*file.ids, *pools} - {""})
    stage = _hourly(readings, gauges, "stage_m", based_at, wanted)
    discharge = _hourly(readings, gauges, "discharge_m3_s", based_at, wanted)
    rain = _rain(readings, gauges, based_at)
    known = np.flatnonzero(np.isfinite(stage).any(axis=1))
    first = int(known[0]) if len(known) else 0
    stage, discharge, rain = stage[first:], discharge[first:], rain[first:]
    return BasinRecord(
        stage_m=_columns(stage, gauges, file.ids),
        discharge_m3_s=_columns(discharge, gauges, file.ids),
        rain_mm=np.column_stack([_on_catchment(gauges, rain, *place) for place in file.places]),
        pool_m=_columns(stage, gauges, pools),
    )


def base_flow_m3_s(file: RiverFile, discharge_m3_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flow of every node's own catchment on the first day: what its gauge has more than those above, else by area.

    Parameters
    ----------
    file : RiverFile
        The tree.
    discharge_m3_s : float64 array, shape (hours, nodes)
        The record.

    Returns
    -------
    float64 array, shape (nodes,)
    """
    ids, area = file.ids, file.own_area_km2
    day = discharge_m3_s[:24]
    first = {s: float(np.median(v[np.isfinite(v)])) for s, v in zip(ids, day.T, strict=True) if np.isfinite(v).any()}
    total = {g.sensor_id: g.area_km2 for g in file.gauge}
    usual = float(np.median([first[s] / total[s] for s in total if s in first])) if first else 0.01
    out = np.empty(len(ids))
    for n, sensor in enumerate(ids):
        above = [g.sensor_id for g in file.gauge if g.below == sensor]
        own = (first[sensor] - sum(first[a] for a in above)) / area[n] if {sensor, *above} <= first.keys() else usual
        out[n] = min(max(own, LEAST_BASE), MOST_BASE) * area[n]
    return out


def _hourly(
    readings: Readings, gauges: GaugeFrame, quantity: str, end: datetime, sensors: list[str]
) -> NDArray[np.float64]:
    series = series_window(readings, gauges, quantity, start=end - hours(HISTORY_H), end=end, sensors=sensors)
    return regular_grid(series.row, series.at_us, series.value, count=len(gauges), end_us=micros(end), steps=HISTORY_H)


def _rain(readings: Readings, gauges: GaugeFrame, end: datetime) -> NDArray[np.float64]:
    series = series_window(readings, gauges, "rain_mm", start=end - hours(HISTORY_H), end=end)
    return regular_totals(
        series.row, series.at_us, series.value, count=len(gauges), end_us=micros(end), steps=HISTORY_H
    )


def _columns(grid: NDArray[np.float64], gauges: GaugeFrame, ids: tuple[str, ...]) -> NDArray[np.float64]:
    out = np.full((len(grid), len(ids)), np.nan)
    for n, sensor in enumerate(ids):
        if sensor in gauges.index:
            out[:, n] = grid[:, gauges.index[sensor]]
    return out


def _on_catchment(
    gauges: GaugeFrame, rain: NDArray[np.float64], centre: tuple[float, float], spread_km: float
) -> NDArray[np.float64]:
    heard = np.flatnonzero(np.isfinite(rain).any(axis=0))
    points = catchment_points(*centre, spread_km)
    away = distance_m(points[:, :1], points[:, 1:], gauges.lon[None, heard], gauges.lat[None, heard])
    return areal_rain_mm(np.asarray(away, dtype=np.float64), rain[:, heard])
