"""Rain on the raster: one rate, a field, or a series of either on its own coarser grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["HIGHEST_RAIN_MM_H", "Rain", "RainRate", "RainSeries", "rain_from"]

HIGHEST_RAIN_MM_H = 2000.0
"""Rain above this rate is refused. The record is 31.2 mm in one minute (Unionville, 4 July 1956: 1,872 mm/h; WMO
Weather & Climate Extremes Archive)."""

MM_H = 1.0 / 3.6e6
"""One millimetre per hour in metres per second."""

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RainSeries:
    """Rain in time: each rate holds from its time until the next one, the last one until the end of the run.

    Before the first time it is dry; end a storm with a rate of zero.

    Parameters
    ----------
    times_s : array, shape (nt,)
        Seconds from the start of the run, increasing.
    rate_mm_h : array, shape (nt,) or (nt, my, mx)
        Rain rate, mm/h; a grid may be coarser than the raster (a radar picture) and may move from time to time.
    rows, columns : array of int, shape (ny,) and (nx,), optional
        Row and column of the rain grid over each row and column of the raster; by default the rain grid covers the
        raster evenly.
    """

    times_s: F64
    rate_mm_h: F64
    rows: I64 | None = None
    columns: I64 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RainRate:
    """Rain at an instant, as the kernels read it.

    Parameters
    ----------
    rate_m_s : float64 array, shape (my, mx)
        Rate on the rain's own grid; shape (1, 1) if uniform.
    rows, columns : int64 array, shape (ny,) and (nx,)
        Rain cell over each row and column of the raster.
    highest_m_s : float
        Largest rate; 0 when it does not rain.
    inflow_m3_s : float
        Rain on all open cells together.
    """

    rate_m_s: F64
    rows: I64
    columns: I64
    highest_m_s: float
    inflow_m3_s: float


@dataclass(frozen=True, slots=True)
class Rain:
    """Rain of a run, checked: what falls at an instant and when that changes."""

    times_s: F64
    pictures: tuple[RainRate, ...]
    dry: RainRate = field(repr=False)

    def at(self, time_s: float) -> RainRate:
        """Rain that falls from ``time_s`` on."""
        k = int(np.searchsorted(self.times_s, time_s, side="right")) - 1
        return self.pictures[k] if k >= 0 else self.dry

    def next_change_s(self, time_s: float) -> float:
        """First time after ``time_s`` when the rain changes (infinite if never)."""
        k = int(np.searchsorted(self.times_s, time_s, side="right"))
        return float(self.times_s[k]) if k < len(self.times_s) else float("inf")


def rain_from(
    rain_mm_h: float | NDArray[np.floating] | RainSeries | None,
    shape: tuple[int, int],
    cell_m: float,
    active: NDArray[np.bool_] | None,
) -> Rain:
    """Check rain and lay it over the raster.

    Raises
    ------
    InvalidInput
        For a rate that is not a number, negative or beyond the world record, or times that do not increase; the message
        names time and cell.
    """
    if rain_mm_h is None:
        rain_mm_h = 0.0
    if not isinstance(rain_mm_h, RainSeries):
        rate = np.asarray(rain_mm_h, dtype=np.float64)
        if rate.ndim == 2 and rate.shape != shape:
            raise InvalidInput(
                f"rain has shape {rate.shape}, the raster {shape}",
                where="rain_mm_h",
                mend="Give one rate, a field on the raster, or a RainSeries with its own grid",
            )
        rain_mm_h = RainSeries(times_s=np.zeros(1), rate_mm_h=rate[np.newaxis])
    return _series(rain_mm_h, shape, cell_m, active)


def _series(series: RainSeries, shape: tuple[int, int], cell_m: float, active: NDArray[np.bool_] | None) -> Rain:
    times = np.asarray(series.times_s, dtype=np.float64)
    rate = np.asarray(series.rate_mm_h, dtype=np.float64)
    _check_series(times, rate)
    if rate.ndim == 1:
        rate = rate[:, np.newaxis, np.newaxis]
    my, mx = rate.shape[1:]
    rows = _index(series.rows, "rows", shape[0], my)
    columns = _index(series.columns, "columns", shape[1], mx)
    cells = np.zeros((my, mx))
    if active is None:
        cells += np.bincount(rows, minlength=my)[:, np.newaxis] * np.bincount(columns, minlength=mx)[np.newaxis, :]
    else:
        np.add.at(cells, (rows[:, np.newaxis], columns[np.newaxis, :]), active.astype(np.float64))
    pictures = tuple(_picture(one * MM_H, rows, columns, cells, cell_m) for one in rate)
    dry = _picture(np.zeros((1, 1)), np.zeros_like(rows), np.zeros_like(columns), np.zeros((1, 1)), cell_m)
    return Rain(times, pictures, dry)


def _picture(rate_m_s: F64, rows: I64, columns: I64, cells: F64, cell_m: float) -> RainRate:
    return RainRate(
        rate_m_s=np.ascontiguousarray(rate_m_s),
        rows=rows,
        columns=columns,
        highest_m_s=float(rate_m_s.max(initial=0.0)),
        inflow_m3_s=float(np.sum(rate_m_s * cells)) * cell_m**2,
    )


def _index(given: I64 | None, name: str, length: int, size: int) -> I64:
    if given is None:
        return (np.arange(length, dtype=np.int64) * size) // length
    index = np.ascontiguousarray(given, dtype=np.int64)
    if index.shape != (length,) or index.min(initial=0) < 0 or index.max(initial=0) >= size:
        raise InvalidInput(
            f"{name} must give one of {size} rain cells for each of {length} raster {name}",
            where=f"rain_mm_h.{name}",
            mend="Count the rain grid from 0, in the raster's order",
        )
    return index


def _check_series(times: F64, rate: F64) -> None:
    if times.ndim != 1 or rate.ndim not in (1, 3) or len(rate) != len(times) or not len(times):
        raise InvalidInput(
            f"rain series of shape {rate.shape} does not fit {times.shape} times",
            where="rain_mm_h",
            mend="Give one rate, or one grid (my, mx), for each time",
        )
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise InvalidInput("times do not increase", where="rain_mm_h.times_s", mend="Sort the series, drop doubles")
    wrong = ~np.isfinite(rate) | (rate < 0) | (rate > HIGHEST_RAIN_MM_H)
    if wrong.any():
        at = tuple(int(k) for k in np.unravel_index(int(np.argmax(wrong)), rate.shape))
        value = rate[at]
        place = f"time {times[at[0]]:g} s" + (f", cell (row {at[1]}, column {at[2]})" if len(at) == 3 else "")
        mend = "Is it mm per hour? Nothing above the world record is taken" if value > 0 else "Fill the gap or set 0"
        raise InvalidInput(
            f"rain of {value:g} mm/h ({int(wrong.sum())} such values)", where=f"rain_mm_h at {place}", mend=mend
        )
