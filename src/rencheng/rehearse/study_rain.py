"""A study's storms as rain on a city: the same everywhere, or crossing it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain
from rencheng.rehearse.study import Study
from rencheng.rehearse.study_storms import STEP_MIN, StormDraw
from rencheng.science.design_storm import chicago_hyetograph
from rencheng.science.loss_surrogate import greatest_rain_mm
from rencheng.science.moving_storm import cell_width_m, lagged_rates_mm_h, track_ratio
from rencheng.science.storm_batch import BatchRain

__all__ = ["StudyRain"]

F64 = NDArray[np.float64]

_RAIN_CELLS = 12
"""A moving storm is laid on so many cells along each side of the city."""
_FINE_S = 60.0


class StudyRain:
    """Rain of a study's storms on a raster.

    Parameters
    ----------
    study : Study
        Whose storms.
    domain : FloodDomain
        The city's ground.
    """

    def __init__(self, study: Study, domain: FloodDomain) -> None:
        self.study, self._grid = study, domain.grid
        self.area_km2 = float(domain.active.sum()) * domain.grid.cell_m**2 / 1e6
        rows, columns = np.nonzero(domain.active)
        self._middle = (columns.mean() + 0.5, rows.mean() + 0.5)
        self._places(domain)
        self._width = lru_cache(maxsize=None)(self._cell_width)

    def _places(self, domain: FloodDomain) -> None:
        """Rain cells: which lies over each cell of the raster, their middles about the city's, their share of it."""
        ny, nx = domain.active.shape
        cells = min(_RAIN_CELLS, ny, nx) if self.study.storms.field == "moving" else 1
        row, column = np.arange(ny) * cells // ny, np.arange(nx) * cells // nx
        self.rain_cell = (row[:, np.newaxis] * cells + column[np.newaxis, :]).astype(np.int32)
        count = np.bincount(self.rain_cell.ravel(), minlength=cells**2)
        y, x = (a.ravel() + 0.5 for a in np.indices((ny, nx)))
        cell_m = self._grid.cell_m
        self.x_m = (np.bincount(self.rain_cell.ravel(), x) / count - self._middle[0]) * cell_m
        self.y_m = (np.bincount(self.rain_cell.ravel(), y) / count - self._middle[1]) * cell_m
        active = np.bincount(self.rain_cell.ravel(), domain.active.ravel().astype(np.float64))
        self._share = active / active.sum()

    def _cell_width(self, duration_min: int) -> float:
        return cell_width_m(self.area_km2, float(duration_min))

    def batch(self, storms: Sequence[StormDraw], factor: float) -> BatchRain:
        """Rain of some storms, rates times ``factor``."""
        step_s = _FINE_S if any(s.speed_m_s > 0.0 for s in storms) else STEP_MIN * 60.0
        finer = round(STEP_MIN * 60.0 / step_s)
        parts = [self._moving(s) if s.speed_m_s > 0.0 else np.repeat(self._still(s), finer, axis=0) for s in storms]
        steps = max(len(p) for p in parts)
        rate = np.zeros((len(storms), steps, len(self.x_m)))
        for k, part in enumerate(parts):
            rate[k, : len(part)] = part * factor
        after = self.study.after_min
        return BatchRain(
            step_s=step_s,
            rate_mm_h=rate,
            rain_cell=self.rain_cell,
            duration_s=np.array([(self._lasts_min(s) + after) * 60.0 for s in storms]),
        )

    def hyetograph_mm_h(self, storm: StormDraw) -> F64:
        """Rate of every five minutes where the storm is strongest, mm/h."""
        mm = chicago_hyetograph(
            self.study.formula,
            return_period_a=storm.return_period_a,
            duration_min=storm.duration_min,
            peak_ratio=storm.peak_ratio,
            step_min=STEP_MIN,
        )
        return np.asarray(mm * 60.0 / STEP_MIN)

    def amounts(self, storm: StormDraw, factor: float) -> tuple[float, float]:
        """Rain of the whole storm and of its greatest hour, mm, as the city gets it in the mean."""
        fallen = np.append(0.0, np.cumsum(self.hyetograph_mm_h(storm))) * STEP_MIN / 60.0 * factor
        share = float((self._beside(storm) * self._share).sum()) if storm.speed_m_s > 0.0 else 1.0
        hour = float(greatest_rain_mm(fallen, 60 // STEP_MIN))
        return round(float(fallen[-1]) * share, 3), round(hour * share, 3)

    def _still(self, storm: StormDraw) -> F64:
        return np.repeat(self.hyetograph_mm_h(storm)[:, np.newaxis], len(self.x_m), axis=1)

    def _moving(self, storm: StormDraw) -> F64:
        """Rates on the rain's cells every minute, shape (steps, cells)."""
        lag = self._lags_s(storm)
        steps = math.ceil(self._lasts_min(storm) * 60.0 / _FINE_S)
        rate = lagged_rates_mm_h(self.hyetograph_mm_h(storm), STEP_MIN * 60.0, lag, _FINE_S, steps)
        return rate * self._beside(storm)

    def _lags_s(self, storm: StormDraw) -> F64:
        heading = math.radians(storm.heading_deg)
        down = self.x_m * math.sin(heading) + self.y_m * math.cos(heading)
        return np.asarray((down - down.min()) / storm.speed_m_s)

    def _lasts_min(self, storm: StormDraw) -> int:
        if storm.speed_m_s <= 0.0:
            return storm.duration_min
        return storm.duration_min + math.ceil(float(self._lags_s(storm).max()) / 60.0)

    def _beside(self, storm: StormDraw) -> F64:
        """What each rain cell gets of what falls on the track."""
        heading = math.radians(storm.heading_deg)
        across = self.x_m * math.cos(heading) - self.y_m * math.sin(heading)
        track = storm.cross_ratio * math.sqrt(self.area_km2 * 1e6 / math.pi)
        return track_ratio(across - track, self._width(storm.duration_min), float(storm.duration_min))
