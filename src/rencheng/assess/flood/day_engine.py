"""The engine of the day ahead at its desk: the city laid out more coarsely, and a cycle from request to outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rencheng.assess.facts import Evidence
from rencheng.assess.flood.cycle import CycleResult
from rencheng.assess.flood.day_ahead import DayAheadRequest, day_ahead_cycle
from rencheng.assess.flood.domain import flood_domain
from rencheng.assess.flood.engine import suitable_cell_m
from rencheng.assess.flood.ensemble import MemberPool
from rencheng.assess.flood.frames import FloodFrames, frames_table
from rencheng.assess.flood.publish import CycleOutcome
from rencheng.assess.flood.skill import points_table
from rencheng.assess.flood.wet_places import place_names, wet_places
from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.kernel import micros

__all__ = ["DayAheadEngine", "frames_ahead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadEngine:
    """A city's coarser flood domain, the processes that hold it, and where tables are kept."""

    pool: MemberPool
    fields: FieldStore
    names: Mapping[str, str]

    @classmethod
    def of(cls, city: City, fields: FieldStore, *, raster_cells: int, workers: int | None = None) -> DayAheadEngine:
        """Lay a city out at the cell size that the number of cells allows."""
        domain = flood_domain(city, cell_m=suitable_cell_m(city, raster_cells))
        return cls(pool=MemberPool(domain, workers), fields=fields, names=place_names(city))

    def close(self) -> None:
        """Let the processes go."""
        self.pool.close()

    def compute(self, request: DayAheadRequest, *, stop: Callable[[], bool] | None = None) -> CycleOutcome | None:
        """Compute a cycle and store its tables; None when ``stop`` said so.

        Raises
        ------
        InvalidInput
            If nothing of the rain forecast lies ahead, or a member diverges.
        """
        result = day_ahead_cycle(
            self.pool,
            request.record,
            request.forecast,
            members=request.members,
            rng=np.random.default_rng([request.seed, micros(request.based_at), 24]),
            age_s=(request.based_at - request.issued_at).total_seconds(),
            horizon_h=request.horizon_h,
            step_h=request.step_h,
            stop=stop,
        )
        return None if result is None else self._outcome(request, result)

    def _outcome(self, request: DayAheadRequest, result: CycleResult) -> CycleOutcome:
        domain, leads = self.pool.domain, result.lead_min[1:]
        frames, objects = frames_ahead(result)
        return CycleOutcome(
            based_at=request.based_at,
            rain_source=result.rain.source,
            scheme=result.scheme,
            members=request.members,
            cell_m=domain.grid.cell_m,
            lead_min=leads,
            frames=self.fields.put(frames_table(frames)),
            objects=self.fields.put(objects),
            points=self.fields.put(points_table(domain.sensor_ids, leads, result.point_depth_m[:, 1:])),
            analysis="",
            totals=result.totals[1:],
            places=wet_places(objects, self.names),
            weights=tuple(float(w) for w in result.weights),
            volume_error_ratio=result.volume_error_ratio,
            evidence=_evidence(request, result),
            window_min=round(request.step_h * 60.0),
        )


def frames_ahead(result: CycleResult) -> tuple[FloodFrames, pa.Table]:
    """Rasters and table of objects without the present, whose water is no forecast."""
    frames = FloodFrames(
        grid=result.frames.grid,
        lead_min=result.lead_min[1:],
        depth_m=result.frames.depth_m[1:],
        exceed_prob={t: p[1:] for t, p in result.frames.exceed_prob.items()},
    )
    return frames, result.objects.filter(pc.greater(result.objects["lead_min"], 0))


def _evidence(request: DayAheadRequest, result: CycleResult) -> tuple[Evidence, ...]:
    """What it rests on: the rain forecast, and what the members make of it."""
    ahead = result.rain.edges_s[:-1] >= 0.0
    step_h = np.diff(result.rain.edges_s)[ahead] / 3600.0
    amount = (result.rain.rate_mm_h[:, ahead].mean(axis=(2, 3)) * step_h).sum(axis=1)
    return (
        Evidence(
            kind="forecast",
            quantity="rain_mm",
            value=round(request.forecast.total_mm, 1),
            unit="mm",
            at=request.issued_at,
            note=f"rain forecast ({request.forecast.kind}) over {request.forecast.horizon_h:g} h",
        ),
        Evidence(
            kind="forecast",
            quantity="rain_mm",
            value=round(float(np.average(amount, weights=result.weights)), 1),
            unit="mm",
            note=f"mean over the city to the last lead time, members {amount.min():.0f} to {amount.max():.0f} mm",
        ),
    )
