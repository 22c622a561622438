"""One run of a study: a storm over the city with a measure in place, and the loss it leaves."""

from __future__ import annotations

import itertools
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
from rencheng.rehearse.study import Measure, Study
from rencheng.rehearse.study_storms import STEP_MIN, StormDraw
from rencheng.science.design_storm import chicago_hyetograph
from rencheng.science.flood import RainSeries, simulate
from rencheng.science.flood.ground_losses import ConstantLossSoil, Losses
from rencheng.science.loss_surrogate import greatest_rain_mm

__all__ = ["RunLoss", "StudyWorld"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_WET_M = 0.15
"""From so much at the wall a building counts as flooded; less is rain on its way past (a kerb's height)."""
_CLOSED_M = 0.3
_NEAR_M = 60.0


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
    hour_mm: float
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
        soil = ConstantLossSoil(shape, rate_mm_h=treated.rate_mm_h, initial_mm=treated.initial_mm)
        result = simulate(
            domain.bed_m,
            domain.grid.cell_m,
            (storm.duration_min + self.study.after_min) * 60.0,
            rain_mm_h=RainSeries(
                times_s=np.arange(len(rain) + 1, dtype=np.float64) * STEP_MIN * 60.0,
                rate_mm_h=np.append(rain, 0.0),
            ),
            manning=domain.manning,
            boundary="open",
            infiltration=Losses([soil, drain_sinks(domain)]),
            exchanges=(tanks,),
            active=domain.active,
            scheme="local_inertial",
            threads=self._threads,
        )
        peak = np.nan_to_num(np.asarray(result.peak_depth_m, dtype=np.float32))
        dug = np.maximum(self.domain.bed_m - domain.bed_m, 0.0).astype(np.float32)
        peak = np.maximum(peak - dug, np.float32(0.0))  # what stands in a basin stands at nobody's wall
        street = np.where(domain.water, np.float32(0.0), peak)
        _, below = tanks.history()
        return self._counted(storm, measure, street, below.max(axis=0).astype(np.float32), rain)

    def _rain(self, storm: StormDraw) -> F64:
        """Rate of every five minutes, mm/h."""
        mm = chicago_hyetograph(
            self.study.formula,
            return_period_a=storm.return_period_a,
            duration_min=storm.duration_min,
            peak_ratio=storm.peak_ratio,
            step_min=STEP_MIN,
        )
        return np.asarray(mm * 60.0 / STEP_MIN)

    def _counted(self, storm: StormDraw, measure: Measure | None, street: F32, below: F32, rain: F64) -> RunLoss:
        """Count; ``below`` is the deepest water in each underpass, which stops traffic and stands at nobody's wall."""
        index = self.domain.objects
        depth = object_depths(index, street)
        under = street.copy()
        under.reshape(-1)[self.domain.tanks.places] += below
        rows, roads = index.rows_of("building"), index.rows_of("road_link")
        on_road = object_depths(index, under)[roads]
        wet = np.flatnonzero(depth[rows] >= _WET_M)
        walls = dict(
            zip((self._names[i] for i in wet.tolist()), depth[rows][wet].astype(np.float64).tolist(), strict=True)
        )
        lost = damage_at_walls(self.city, walls, within=self._cells)
        links = self.domain.links
        fallen = np.append(0.0, np.cumsum(rain)) * STEP_MIN / 60.0
        return RunLoss(
            storm=storm.number,
            measure=measure.id if measure is not None else "none",
            loss_cny=round(float(lost.loss_cny or 0.0), 2),
            residents=round(float(index.people[rows][depth[rows] >= _WET_M].sum()), 1),
            closed_km=round(float((links.length_m * links.share)[on_road >= _CLOSED_M].sum()) / 1000.0, 3),
            rain_mm=round(float(fallen[-1]), 3),
            hour_mm=round(float(greatest_rain_mm(fallen, 60 // STEP_MIN)), 3),
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
        dry = domain.active & ~domain.water
        share, at_least = float(measure.share or 0.0), np.float32(0.0)
        roof = np.where(dry, domain.cover.building, at_least).astype(np.float64)
        match measure.kind:
            case "green_roof":
                return replace(bare, initial_mm=roof * share * float(measure.retention_mm or 0.0))
            case "permeable_paving":
                open_ground = np.where(dry, 1.0 - roof, 0.0)
                return replace(bare, rate_mm_h=open_ground * share * float(measure.rate_mm_h or 0.0))
            case "inlets" | "pump":
                return replace(bare, domain=replace(domain, drain_mm_h=self._drains(measure)))
            case "detention":
                return replace(bare, domain=replace(domain, bed_m=domain.bed_m - self._dug(measure)))
            case _:
                raised = np.where(self._along(measure), float(measure.height_m or 0.0), 0.0)
                return replace(bare, domain=replace(domain, bed_m=domain.bed_m + raised))

    def _drains(self, measure: Measure) -> NDArray[np.float32]:
        """What drains take of each cell, mm/h; an underpass has pumps, which larger inlets do not help."""
        drain = self.domain.drain_mm_h.copy()
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
