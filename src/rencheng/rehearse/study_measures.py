"""What measures do to a city's ground: its bed, its drains, its soil."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain
from rencheng.city import City
from rencheng.kernel import InvalidConfig
from rencheng.rehearse.study_parts import Measure

__all__ = ["MeasuredGround", "treated_ground"]

F64 = NDArray[np.float64]

_NEAR_M = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGround:
    """A city with measures in place; arrays of shape (ny, nx).

    Parameters
    ----------
    bed_m, drain_mm_h : arrays
        Ground, and what drains and pumps take.
    initial_mm, rate_mm_h : arrays
        What roofs and paving take at first, and then every hour.
    dug_m : array
        How deep basins are dug: what stands in them stands at nobody's wall.
    """

    bed_m: F64
    drain_mm_h: NDArray[np.float32]
    initial_mm: F64
    rate_mm_h: F64
    dug_m: F64


def treated_ground(city: City, domain: FloodDomain, measures: tuple[Measure, ...]) -> MeasuredGround:
    """Put measures in place, one after the other.

    Raises
    ------
    InvalidConfig
        If one lies outside the city or has no room; names it.
    """
    zero = np.zeros((domain.grid.ny, domain.grid.nx))
    ground = MeasuredGround(
        bed_m=domain.bed_m, drain_mm_h=domain.drain_mm_h, initial_mm=zero, rate_mm_h=zero, dug_m=zero
    )
    place = _Placing(city, domain)
    for measure in measures:
        ground = place.put(ground, measure)
    return ground


@dataclass(frozen=True, slots=True)
class _Placing:
    city: City
    domain: FloodDomain

    def put(self, ground: MeasuredGround, measure: Measure) -> MeasuredGround:
        domain = self.domain
        dry = domain.active & ~domain.water
        share = float(measure.share or 0.0)
        roof = np.where(dry, domain.cover.building, np.float32(0.0)).astype(np.float64)
        match measure.kind:
            case "green_roof":
                return replace(ground, initial_mm=ground.initial_mm + roof * share * float(measure.retention_mm or 0.0))
            case "permeable_paving":
                soil = np.where(dry, 1.0 - roof, 0.0) * share * float(measure.rate_mm_h or 0.0)
                return replace(ground, rate_mm_h=ground.rate_mm_h + soil)
            case "inlets" | "pump":
                return replace(ground, drain_mm_h=self._drains(measure, ground.drain_mm_h))
            case "detention":
                dug = self._dug(measure)
                return replace(ground, bed_m=ground.bed_m - dug, dug_m=ground.dug_m + dug)
            case _:
                raised = np.where(self._along(measure), float(measure.height_m or 0.0), 0.0)
                return replace(ground, bed_m=ground.bed_m + raised)

    def _drains(self, measure: Measure, drain: NDArray[np.float32]) -> NDArray[np.float32]:
        """What drains take of each cell, mm/h; an underpass has pumps, which larger inlets do not help."""
        drain = drain.copy()
        if measure.kind == "pump":
            rate = float(measure.discharge_m3_s or 0.0) / self.domain.grid.cell_m**2 * 3.6e6
            drain.ravel()[self._draw_from(measure)] += np.float32(rate)
            return drain
        more = self._about(measure)
        more.ravel()[self.domain.tanks.places] = False
        return np.where(more, drain * np.float32(measure.factor or 1.0), drain)

    def _dug(self, measure: Measure) -> F64:
        """How deep each cell is dug: the cells nearest to the place, as many as come to its area, hold its volume."""
        cell = self.domain.grid.cell_m
        count = max(1, round(float(measure.area_m2 or 0.0) / cell**2))
        away = np.where(self._street, self._distance_m(measure), np.inf)
        near = np.argsort(away, axis=None, kind="stable")[:count]
        if not away.ravel()[near[-1]] <= max(np.sqrt(count) * cell * 2.0, _NEAR_M):
            raise InvalidConfig("no room between buildings and waters", where=f"measure {measure.id!r}", mend="Move it")
        dug = np.zeros(away.shape)
        dug.ravel()[near] = float(measure.volume_m3 or 0.0) / (count * cell**2)
        return dug

    @property
    def _street(self) -> NDArray[np.bool_]:
        """Cells where something can be dug or drawn from."""
        domain = self.domain
        free = domain.active & ~domain.water & ~domain.blocked
        free.ravel()[domain.tanks.places] = False
        return free

    def _distance_m(self, measure: Measure) -> F64:
        grid = self.domain.grid
        x, y = self.city.to_metric.transform(measure.lon, measure.lat)
        row, column = (y - grid.south_m) / grid.cell_m - 0.5, (x - grid.west_m) / grid.cell_m - 0.5
        if not (-0.5 <= row < grid.ny and -0.5 <= column < grid.nx):
            raise InvalidConfig(
                f"lon {measure.lon}, lat {measure.lat} lies outside the city",
                where=f"measure {measure.id!r}",
                mend="Give a place on its terrain",
            )
        rows, columns = np.ogrid[: grid.ny, : grid.nx]
        return np.asarray(np.hypot(rows - row, columns - column) * grid.cell_m)

    def _about(self, measure: Measure) -> NDArray[np.bool_]:
        if measure.lon is None or measure.radius_m is None:
            return np.ones((self.domain.grid.ny, self.domain.grid.nx), np.bool_)
        return np.asarray(self._distance_m(measure) <= measure.radius_m)

    def _draw_from(self, measure: Measure) -> int:
        """Cell that a pump draws from: its underpass, else the lowest street within 60 m (or a cell)."""
        x, y = (np.array([v]) for v in self.city.to_metric.transform(measure.lon, measure.lat))
        tank = int(self.domain.tanks.nearest(x, y)[0])
        if tank >= 0:
            return int(self.domain.tanks.places[tank])
        near = self._street & (self._distance_m(measure) <= max(_NEAR_M, self.domain.grid.cell_m))
        if not near.any():
            raise InvalidConfig(
                f"no open ground within {_NEAR_M:.0f} m", where=f"measure {measure.id!r}", mend="Move it to a street"
            )
        return int(np.argmin(np.where(near, self.domain.bed_m, np.inf)))

    def _along(self, measure: Measure) -> NDArray[np.bool_]:
        grid = self.domain.grid
        raised = np.zeros((grid.ny, grid.nx), np.bool_)
        line = measure.line or ()
        points = [self.city.to_metric.transform(lon, lat) for lon, lat in line]
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            steps = max(2, int(np.hypot(x2 - x1, y2 - y1) / grid.cell_m * 4.0))
            x, y = np.linspace(x1, x2, steps), np.linspace(y1, y2, steps)
            row = np.floor((y - grid.south_m) / grid.cell_m).astype(np.int64)
            column = np.floor((x - grid.west_m) / grid.cell_m).astype(np.int64)
            inside = (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
            raised[row[inside], column[inside]] = True
        if not raised.any():
            raise InvalidConfig(
                "its line lies outside the city", where=f"measure {measure.id!r}", mend="Draw it on the terrain"
            )
        return raised
