"""One run of a study: a storm over the city with a measure in place, and the loss it leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.drains import drain_sinks, tank_exchange
from rencheng.assess.flood.engine import suitable_cell_m
from rencheng.assess.flood.exposure import object_depths
from rencheng.city import City
from rencheng.kernel import InvalidConfig
from rencheng.recover import damage_at_walls
from rencheng.rehearse.study import Measure, StormDraw, Study
from rencheng.science.design_storm import chicago_hyetograph
from rencheng.science.flood import RainSeries, simulate
from rencheng.science.flood.ground_losses import ConstantLossSoil, Losses

__all__ = ["RunLoss", "StudyWorld"]

F64 = NDArray[np.float64]

_STEP_MIN = 5
_WET_M = 0.15
_CLOSED_M = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLoss:
    """What a storm left with a measure in place (``none``: with nothing done)."""

    storm: int
    measure: str
    loss_cny: float
    residents: float
    """Residents of buildings with 0.15 m or more at the wall."""
    closed_km: float
    """Road under 0.3 m or more at its deepest."""
    rain_mm: float
    peak_mm_h: float
    """Greatest rain of any 60 minutes."""


@dataclass(frozen=True, slots=True)
class _Treated:
    """The city with a measure in place."""

    domain: FloodDomain
    initial_mm: F64
    rate_mm_h: F64


class StudyWorld:
    """A city laid out for a study; every run begins on dry ground.

    Parameters
    ----------
    city : City
        Needs a terrain, cells and buildings with values.
    study : Study
        What is studied.
    threads : int
        Threads of the engine.
    """

    def __init__(self, city: City, study: Study, *, threads: int = 1) -> None:
        if not city.has("buildings") or not len(city.table("buildings")):
            raise InvalidConfig("the city has no buildings, so nothing can be lost", where=str(city.path))
        self.city, self.study, self._threads = city, study, threads
        self.domain = flood_domain(city, cell_m=suitable_cell_m(city, study.raster_cells))
        self._cells = np.unique(city.column("buildings", "cell").astype(np.uint64))
        rows = self.domain.objects.rows_of("building")
        self._names = self.domain.objects.object_id[rows]
        self._treated: dict[str, _Treated] = {}

    def run(self, storm: StormDraw, measure: Measure | None) -> RunLoss:
        """Let a storm pass and count what it leaves."""
        treated = self._with(measure)
        domain = treated.domain
        rain = self._rain(storm)
        tanks = tank_exchange(domain)
        shape = (domain.grid.ny, domain.grid.nx)
        parts = [ConstantLossSoil(shape, rate_mm_h=treated.rate_mm_h, initial_mm=treated.initial_mm)]
        result = simulate(
            domain.bed_m,
            domain.grid.cell_m,
            (storm.duration_min + self.study.after_min) * 60.0,
            rain_mm_h=RainSeries(
                times_s=np.arange(len(rain) + 1, dtype=np.float64) * _STEP_MIN * 60.0,
                rate_mm_h=np.append(rain, 0.0),
            ),
            manning=domain.manning,
            boundary="open",
            infiltration=Losses([*parts, drain_sinks(domain)]),
            exchanges=(tanks,),
            active=domain.active,
            scheme="local_inertial",
            threads=self._threads,
        )
        peak = np.nan_to_num(np.asarray(result.peak_depth_m, dtype=np.float32))
        _, below = tanks.history()
        if len(domain.tanks):
            peak.reshape(-1)[domain.tanks.places] += below.max(axis=0).astype(np.float32)
        return self._counted(storm, measure, np.where(domain.water, np.float32(0.0), peak), rain)

    def _rain(self, storm: StormDraw) -> F64:
        """Rate of every five minutes, mm/h."""
        duration = int(np.ceil(storm.duration_min / _STEP_MIN) * _STEP_MIN)
        mm = chicago_hyetograph(
            self.study.formula,
            return_period_a=storm.return_period_a,
            duration_min=duration,
            peak_ratio=storm.peak_ratio,
            step_min=_STEP_MIN,
        )
        return np.asarray(mm * 60.0 / _STEP_MIN)

    def _counted(self, storm: StormDraw, measure: Measure | None, peak: NDArray[np.float32], rain: F64) -> RunLoss:
        index = self.domain.objects
        depth = object_depths(index, peak)
        rows, roads = index.rows_of("building"), index.rows_of("road_link")
        walls = {name: float(d) for name, d in zip(self._names, depth[rows].tolist(), strict=True) if d > 0.0}
        lost = damage_at_walls(self.city, walls, within=self._cells)
        links = self.domain.links
        hour = min(60 // _STEP_MIN, len(rain))
        return RunLoss(
            storm=storm.number,
            measure=measure.id if measure is not None else "none",
            loss_cny=round(float(lost.loss_cny or 0.0), 2),
            residents=round(float(index.people[rows][depth[rows] >= _WET_M].sum()), 1),
            closed_km=round(float((links.length_m * links.share)[depth[roads] >= _CLOSED_M].sum()) / 1000.0, 3),
            rain_mm=round(float(rain.sum()) * _STEP_MIN / 60.0, 3),
            peak_mm_h=round(float(np.convolve(rain, np.ones(hour), "valid").max()) * _STEP_MIN / 60.0, 3),
        )

    def _with(self, measure: Measure | None) -> _Treated:
        name = measure.id if measure is not None else "none"
        if name not in self._treated:
            shape = (self.domain.grid.ny, self.domain.grid.nx)
            bare = _Treated(self.domain, np.zeros(shape), np.zeros(shape))
            self._treated[name] = bare if measure is None else self._built(bare, measure)
        return self._treated[name]

    def _built(self, bare: _Treated, measure: Measure) -> _Treated:
        domain = bare.domain
        roofs, ground = domain.blocked, domain.active & ~domain.water & ~domain.blocked
        match measure.kind:
            case "green_roof":
                share = float(measure.share or 0.0) * float(measure.retention_mm or 0.0)
                return replace(bare, initial_mm=np.where(roofs, share, 0.0))
            case "permeable_paving":
                rate = float(measure.share or 0.0) * float(measure.rate_mm_h or 0.0)
                return replace(bare, rate_mm_h=np.where(ground, rate, 0.0))
            case "inlets":
                drain = np.where(self._about(measure), domain.drain_mm_h * np.float32(measure.factor or 1.0), 0.0)
                kept = np.where(self._about(measure), 0.0, domain.drain_mm_h)
                return replace(bare, domain=replace(domain, drain_mm_h=(drain + kept).astype(np.float32)))
            case "pump":
                drain = domain.drain_mm_h.copy()
                drain.ravel()[self._draw_from(measure)] += (
                    float(measure.discharge_m3_s or 0.0) / domain.grid.cell_m**2 * 3.6e6
                )
                return replace(bare, domain=replace(domain, drain_mm_h=drain))
            case "detention":
                area = float(measure.area_m2 or 0.0)
                within = self._distance_m(measure) <= np.sqrt(max(area, domain.grid.cell_m**2) / np.pi)
                dug = np.where(within & ground, float(measure.volume_m3 or 0.0) / area, 0.0)
                return replace(bare, domain=replace(domain, bed_m=domain.bed_m - dug))
            case _:
                raised = np.where(self._along(measure), float(measure.height_m or 0.0), 0.0)
                return replace(bare, domain=replace(domain, bed_m=domain.bed_m + raised))

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
        """Cell that a pump draws from: an underpass that it stands at, else the lowest street within 60 m."""
        x, y = (np.array([v]) for v in self.city.to_metric.transform(measure.lon, measure.lat))
        tank = int(self.domain.tanks.nearest(x, y)[0])
        if tank >= 0:
            return int(self.domain.tanks.places[tank])
        street = self.domain.active & ~self.domain.water & ~self.domain.blocked
        near = self._distance_m(measure) <= max(60.0, self.domain.grid.cell_m)
        return int(np.argmin(np.where(street & near, self.domain.bed_m, np.inf)))

    def _along(self, measure: Measure) -> NDArray[np.bool_]:
        grid = self.domain.grid
        raised = np.zeros((grid.ny, grid.nx), np.bool_)
        line = measure.line or ()
        points = [self.city.to_metric.transform(lon, lat) for lon, lat in line]
        for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):
            steps = max(2, int(np.hypot(x2 - x1, y2 - y1) / grid.cell_m * 4.0))
            x, y = np.linspace(x1, x2, steps), np.linspace(y1, y2, steps)
            row = np.floor((y - grid.south_m) / grid.cell_m).astype(np.int64)
            column = np.floor((x - grid.west_m) / grid.cell_m).astype(np.int64)
            inside = (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
            raised[row[inside], column[inside]] = True
        return raised
