"""Readings of the last hours as arrays, for the sensors the city knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.frame import CityFrame, GaugeFrame
from rencheng.assess.hazard_model import RainState
from rencheng.kernel import hours, micros
from rencheng.science.interpolation import inverse_distance
from rencheng.science.rainfall import accumulations
from rencheng.sense.ports import Readings

__all__ = ["RAIN_WINDOWS_H", "Series", "rain_state", "series_window"]

RAIN_WINDOWS_H = (1.0, 3.0, 6.0, 12.0, 24.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Readings of one quantity, by gauge row (ascending), then time; arrays of one shape (n,)."""

    row: NDArray[np.int64]
    at_us: NDArray[np.int64]
    value: NDArray[np.float64]


def series_window(
    readings: Readings,
    gauges: GaugeFrame,
    quantity: str,
    *,
    start: datetime,
    end: datetime,
    sensors: Sequence[str] | None = None,
) -> Series:
    """Good readings with ``start < at <= end`` of the sensors of the city package."""
    table = readings.window(quantity, start=start, end=end, sensors=sensors)
    row = gauges.rows_of(table.column("sensor_id"))
    at = table.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    value = np.asarray(table.column("value").to_numpy(), dtype=np.float64)
    known = (row >= 0) & np.isfinite(value)
    row, at, value = row[known], np.asarray(at, dtype=np.int64)[known], value[known]
    order = np.argsort(row, kind="stable")
    return Series(row=row[order], at_us=at[order], value=value[order])


def rain_state(readings: Readings, frame: CityFrame, now: datetime, *, reach_m: float = 30_000.0) -> RainState:
    """Rain accumulated over 1/3/6/12/24 hours at gauges, interpolated to cells."""
    longest = max(RAIN_WINDOWS_H)
    rain = series_window(readings, frame.gauges, "rain_mm", start=now - hours(longest + 2), end=now)
    amount, share = accumulations(
        rain.row, rain.at_us, rain.value, gauges=len(frame.gauges), now_us=micros(now), windows_h=RAIN_WINDOWS_H
    )
    believed = np.where(share >= 0.5, amount, np.nan)
    cell, error = _to_cells(frame, believed, reach_m)
    return RainState(
        windows_h=RAIN_WINDOWS_H,
        gauge_mm=amount,
        completeness_ratio=share,
        cell_mm=cell,
        cell_error_mm=error,
    )


def _to_cells(
    frame: CityFrame, believed: NDArray[np.float64], reach_m: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interpolate from the gauges that have a value and lie within reach of the city."""
    heard = np.flatnonzero(np.isfinite(believed).any(axis=1) & (frame.gauges.near_city_m <= reach_m))
    if len(heard) == 0 or len(frame.cells) == 0:
        empty = np.full((len(frame.cells), believed.shape[1]), np.nan)
        return empty, empty
    return inverse_distance(frame.rain_distance_m(heard), believed[heard], reach_m=reach_m)
