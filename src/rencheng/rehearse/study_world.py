"""Runs of a study: storms over the city with measures in place, many at once, and the loss that each leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import WATER_SINK_MM_H, flood_domain
from rencheng.assess.flood.engine import suitable_cell_m
from rencheng.city import City
from rencheng.kernel import InvalidConfig
from rencheng.recover import WallLosses
from rencheng.rehearse.study import Study
from rencheng.rehearse.study_measures import MeasuredGround, treated_ground
from rencheng.rehearse.study_rain import StudyRain
from rencheng.rehearse.study_storms import StormDraw
from rencheng.science.storm_batch import LANES, BatchGround, BatchMesh, BatchTanks, batch_mesh, run_storms
from rencheng.science.zonal import zonal_max

__all__ = ["RunLoss", "StudyWorld"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_WET_M = 0.15
"""From so much at the wall a building counts as flooded; less is rain on its way past (a kerb's height)."""
_CLOSED_M = 0.3
_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLoss:
    """What a storm left with measures in place (``none``: with nothing done)."""

    storm: int
    measure: str
    """Its id, or the ids of a portfolio joined by ``+``."""
    loss_cny: float
    residents: float
    """Residents of buildings with 0.15 m or more at the wall."""
    closed_km: float
    """Road under 0.3 m or more at its deepest."""
    rain_mm: float
    """Mean over the city."""
    hour_mm: float
    """Greatest rain of any 60 minutes, mean over the city."""
    climate: str = "now"


@dataclass(frozen=True, slots=True)
class _Laid:
    batch: BatchGround
    dug_m: F64


class StudyWorld:
    """A city laid out for a study; every run begins on dry ground.

    Parameters
    ----------
    city : City
        Needs a terrain, cells and buildings with values.
    study : Study
        What is studied.
    raster_cells : int, optional
        Size of the raster where it is not the study's own.
    """

    def __init__(self, city: City, study: Study, *, raster_cells: int | None = None) -> None:
        if not city.has("buildings") or not len(city.table("buildings")):
            raise InvalidConfig("the city has no buildings, so nothing can be lost", where=str(city.path))
        self.city, self.study = city, study
        self.domain = flood_domain(city, cell_m=suitable_cell_m(city, raster_cells or study.raster_cells))
        index = self.domain.objects
        rows = index.rows_of("building")
        self._walls = WallLosses(city, index.object_id[rows])
        self._people = index.people[rows].astype(np.float64)
        self._length_km = self.domain.links.length_m * self.domain.links.share / 1000.0
        self._laid: dict[str, _Laid] = {}

    @cached_property
    def rain(self) -> StudyRain:
        """The study's storms as rain on this city."""
        return StudyRain(self.study, self.domain)

    @cached_property
    def _mesh(self) -> BatchMesh:
        return batch_mesh(self.domain.active)

    def run(self, storm: StormDraw, measure: str = "none", climate: str = "now") -> RunLoss:
        """Let a storm pass and count what it leaves."""
        return self.run_many((storm,), measure, climate)[0]

    def run_many(self, storms: Sequence[StormDraw], measure: str = "none", climate: str = "now") -> list[RunLoss]:
        """Let storms pass, each over dry ground, and count what each leaves.

        Parameters
        ----------
        storms : sequence of StormDraw
            As many as wanted; what a storm leaves does not depend on the others.
        measure : str
            Id of a measure, ids joined by ``+``, or ``none``.
        climate : str
            Id of a climate, or ``now``.
        """
        order = sorted(range(len(storms)), key=lambda i: (storms[i].duration_min, i))  # none waits for a longer one
        found: dict[int, RunLoss] = {}
        for begin in range(0, len(order), LANES):
            rows = order[begin : begin + LANES]
            found |= zip(rows, self._batch_of([storms[i] for i in rows], measure, climate), strict=True)
        return [found[i] for i in range(len(storms))]

    def _batch_of(self, storms: Sequence[StormDraw], measure: str, climate: str) -> Iterator[RunLoss]:
        laid, factor = self._with(measure), self.study.climate_factor(climate)
        out = run_storms(laid.batch, self.rain.batch(storms, factor))
        for k, storm in enumerate(storms):
            lost = self._counted(out.peak_depth_m[k], out.tank_volume_m3[k], laid.dug_m)
            fallen, hour = self.rain.amounts(storm, factor)
            yield RunLoss(
                storm=storm.number,
                measure=measure,
                climate=climate,
                loss_cny=lost[0],
                residents=lost[1],
                closed_km=lost[2],
                rain_mm=fallen,
                hour_mm=hour,
            )

    def _counted(self, peak_m: F32, tank_m3: F64, dug_m: F64) -> tuple[float, float, float]:
        """Loss, residents and closed road.

        What stands in a basin or an underpass stands at nobody's wall; in an underpass it stops traffic.
        """
        domain, tanks = self.domain, self.domain.tanks
        street = np.maximum(peak_m - dug_m.astype(np.float32), np.float32(0.0))
        street[domain.water] = 0.0
        walls = zonal_max(*domain.objects.zones_of("building"), street)
        deep = walls >= _WET_M
        street.reshape(-1)[tanks.places] += tanks.depth_of(tank_m3).astype(np.float32)
        on_road = zonal_max(*domain.objects.zones_of("road_link"), street)
        return (
            round(self._walls.loss_cny(np.where(deep, walls, 0.0)), 2),
            round(float(self._people[deep].sum()), 1),
            round(float(self._length_km[on_road >= _CLOSED_M].sum()), 3),
        )

    def ground(self, measure: str = "none") -> BatchGround:
        """The city's ground with a measure or portfolio in place, as storms meet it."""
        return self._with(measure).batch

    def _with(self, name: str) -> _Laid:
        if name not in self._laid:
            while len(self._laid) >= _KEPT:
                self._laid.pop(next(iter(self._laid)))
            ground = treated_ground(self.city, self.domain, self.study.portfolio(name))
            self._laid[name] = _Laid(self._ground(ground), ground.dug_m)
        return self._laid[name]

    def _ground(self, ground: MeasuredGround) -> BatchGround:
        domain, tanks = self.domain, self.domain.tanks
        area = domain.grid.cell_m**2
        drain = ground.drain_mm_h.astype(np.float64)
        pump = drain.reshape(-1)[tanks.places] * area / 3.6e6
        drain.reshape(-1)[tanks.places] = 0.0  # what drains an underpass drains its tank
        return BatchGround(
            mesh=self._mesh,
            cell_m=domain.grid.cell_m,
            bed_m=ground.bed_m,
            manning=domain.manning,
            drain_mm_h=np.where(domain.water & domain.active, WATER_SINK_MM_H, drain),
            soil_initial_mm=ground.initial_mm,
            soil_mm_h=ground.rate_mm_h,
            tanks=BatchTanks(places=tanks.places, room_m3=tanks.volume_m3[:, -1].copy(), pump_m3_s=pump),
        )
