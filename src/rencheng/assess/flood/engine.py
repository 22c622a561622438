"""The engine at a desk: a city laid out once, then cycle after cycle from request to outcome."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.facts import Evidence, FloodOption
from rencheng.assess.flood.advice import advise
from rencheng.assess.flood.cycle import CycleResult, flood_cycle
from rencheng.assess.flood.domain import FloodDomain, flood_domain
from rencheng.assess.flood.ensemble import MemberPool
from rencheng.assess.flood.frames import frames_table
from rencheng.assess.flood.publish import CycleOutcome
from rencheng.assess.flood.skill import points_table
from rencheng.assess.flood.watch import CycleRequest
from rencheng.assess.flood.wet_places import place_names, wet_places
from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.kernel import InvalidInput, NotFound, micros

__all__ = ["FloodEngine", "analysis_from_table", "analysis_table", "suitable_cell_m"]

_STEP_M = 5.0


def suitable_cell_m(city: City, raster_cells: int) -> float:
    """Cell size, a multiple of 5 m, at which the city's terrain has no more than so many cells.

    Examples
    --------
    A terrain of 6,000 m by 6,000 m and 40,000 cells: 30 m.
    """
    terrain = city.terrain
    area = terrain.ground_m.size * terrain.cell_m**2
    return max(_STEP_M, float(np.ceil(np.sqrt(area / raster_cells) / _STEP_M) * _STEP_M))


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodEngine:
    """A city's flood domain, the processes that hold it, and where tables are kept."""

    pool: MemberPool
    fields: FieldStore
    names: Mapping[str, str]
    """Road link or facility id → what the city calls it."""

    @classmethod
    def of(cls, city: City, fields: FieldStore, *, raster_cells: int, workers: int | None = None) -> FloodEngine:
        """Lay a city out at the cell size that the number of cells allows."""
        domain = flood_domain(city, cell_m=suitable_cell_m(city, raster_cells))
        return cls(pool=MemberPool(domain, workers), fields=fields, names=place_names(city))

    def close(self) -> None:
        """Let the processes go."""
        self.pool.close()

    def compute(self, request: CycleRequest, *, stop: Callable[[], bool] | None = None) -> CycleOutcome | None:
        """Compute a cycle and store its tables; None when ``stop`` said so.

        Raises
        ------
        InvalidInput
            If nothing tells of rain or a member diverges.
        """
        domain = self.pool.domain
        result = flood_cycle(
            self.pool,
            request.rain,
            members=request.members,
            rng=np.random.default_rng([request.seed, micros(request.based_at)]),
            weights=np.asarray(request.weights, dtype=np.float64),
            analysis_mm=self._analysis(request),
            stop=stop,
        )
        if result is None:
            return None
        options = advise(domain, result, places=request.advice_places, river=request.river, stop=stop)
        return self._outcome(request, domain, result, options)

    def _analysis(self, request: CycleRequest) -> NDArray[np.uint16] | None:
        if not request.analysis:
            return None
        try:
            water = analysis_from_table(self.fields.get(request.analysis))
        except (NotFound, InvalidInput):
            return None
        wanted = (request.members, self.pool.domain.grid.ny, self.pool.domain.grid.nx)
        return water if water.shape == wanted else None

    def _outcome(
        self, request: CycleRequest, domain: FloodDomain, result: CycleResult, options: tuple[FloodOption, ...]
    ) -> CycleOutcome:
        return CycleOutcome(
            based_at=request.based_at,
            rain_source=result.rain.source,
            scheme=result.scheme,
            members=request.members,
            cell_m=domain.grid.cell_m,
            lead_min=result.lead_min,
            frames=self.fields.put(frames_table(result.frames)),
            objects=self.fields.put(result.objects),
            points=self.fields.put(points_table(domain.sensor_ids, result.lead_min, result.point_depth_m)),
            analysis=self.fields.put(analysis_table(result.analysis_mm)),
            totals=result.totals,
            places=wet_places(result.objects, self.names),
            weights=tuple(float(w) for w in result.weights),
            volume_error_ratio=result.volume_error_ratio,
            evidence=_evidence(request, result),
            options=options,
        )


def _evidence(request: CycleRequest, result: CycleResult) -> tuple[Evidence, ...]:
    """What the forecast rests on: the wettest gauge, the last picture, and the rain that the members expect."""
    found = []
    recent = request.rain.rate_mm_h[-6:]
    if recent.size and np.isfinite(recent).any():
        wettest = float(np.nanmax(recent))
        found.append(Evidence(kind="accumulation", quantity="rain_mm_h", value=round(wettest, 1), unit="mm/h"))
    if request.rain.pictures:
        highest = float(np.nanmax(request.rain.pictures[-1][1].rate_mm_h, initial=0.0))
        found.append(
            Evidence(kind="reading", quantity="rain_mm_h", value=round(highest, 1), unit="mm/h", note="rain picture")
        )
    ahead = result.rain.edges_s[:-1] >= 0.0
    hours = np.diff(result.rain.edges_s)[ahead] / 3600.0
    amount = (result.rain.rate_mm_h[:, ahead].mean(axis=(2, 3)) * hours).sum(axis=1)
    if amount.size:
        found.append(
            Evidence(
                kind="forecast",
                quantity="rain_mm",
                value=round(float(np.average(amount, weights=result.weights)), 1),
                unit="mm",
                note=f"mean over the city to the last lead time, members {amount.min():.0f} to {amount.max():.0f} mm",
            )
        )
    return tuple(found)


def analysis_table(water_mm: NDArray[np.uint16]) -> pa.Table:
    """Pack the members' water, shape (members, ny, nx), whole millimetres, one row per member."""
    packed = [zlib.compress(np.ascontiguousarray(m, "<u2").tobytes(), level=1) for m in water_mm]
    meta = {"ny": str(water_mm.shape[1]), "nx": str(water_mm.shape[2])}
    schema = pa.schema([pa.field("water_mm", pa.binary(), nullable=False)], metadata=meta)
    return pa.table([pa.array(packed, pa.binary())], schema=schema)


def analysis_from_table(table: pa.Table) -> NDArray[np.uint16]:
    """Unpack what :func:`analysis_table` packed.

    Raises
    ------
    InvalidInput
        If the table holds no members' water.
    """
    meta = table.schema.metadata or {}
    if b"ny" not in meta or table.column_names != ["water_mm"]:
        raise InvalidInput("this table holds no members' water", where="metadata 'ny'")
    shape = (int(meta[b"ny"]), int(meta[b"nx"]))
    members = [np.frombuffer(zlib.decompress(m), "<u2").reshape(shape) for m in table["water_mm"].to_pylist()]
    return np.stack(members).astype(np.uint16)
