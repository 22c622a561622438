"""The full shallow-water equations on the processor: state, strips, threads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import LEVEL, SideConditions
from rencheng.science.flood.domain import NO_WALL_M, Domain
from rencheng.science.flood.edge_flux import EDGES, edge_fluxes, edge_wave_speed, lean_on_edge, next_to_edges
from rencheng.science.flood.first_order import FIRST_ORDER_HALO, FIRST_ORDER_ROWS, first_order_strip
from rencheng.science.flood.ports import FloodRecords, Infiltration, Surface
from rencheng.science.flood.rain import RainRate
from rencheng.science.flood.rain_wake import RainWake
from rencheng.science.flood.ramps import ramps
from rencheng.science.flood.rows import SEGMENT
from rencheng.science.flood.second_order import SECOND_ORDER_HALO, SECOND_ORDER_ROWS, second_order_strip
from rencheng.science.flood.strip_arrays import Clock, Ground, Memory, Numbers, Scratch, Sides, Water

__all__ = ["FASTEST_M_S", "GRAVITY_M_S2", "SHALLOW_M", "ShallowWater"]

GRAVITY_M_S2 = 9.80665
"""Standard gravity (CGPM 1901)."""

SHALLOW_M = 1e-6
"""Water thinner than this has no velocity of its own; its volume is kept and may flow on."""

FASTEST_M_S = 200.0
"""Wave speed above which a run is called diverged: a dam break from 1,000 m of water is slower."""

CELLS_PER_STRIP = 60_000
"""Size of the strips that threads take."""

SHARP = 1.0
"""Whether slopes may be the mean of both differences where these are alike (1), or only the smaller (0)."""

CELLS_WORTH_A_THREAD = 20_000
"""With less water than this waking a thread takes longer than it saves."""

MARGIN = 1 - 1e-6
"""Share of its water a cell can afford to give: the rest covers rounding."""

Grid = NDArray[Any]


class ShallowWater:
    """State of a run of the full shallow-water equations and its time step.

    The raster is cut into strips of rows whose number depends on its size only; threads take strips as they come. Each
    flux is a function of the state before the step, so the outcome has the same bytes with any number of threads.

    Parameters
    ----------
    domain : Domain
        Ground, roughness, walls and start, checked.
    order : {1, 2}
        Order of accuracy in space and time.
    dtype : numpy dtype
        Arithmetic of velocities and fluxes, float64 or float32; depths are float64 always.
    cfl : float
        Step as a share of the time in which a wave crosses a cell, summed over both directions.
    arrival_depth_m : float
        Depth that counts as flooded for arrival and duration.
    threads : int
        Threads to use.
    """

    def __init__(
        self, domain: Domain, *, order: int, dtype: Any, cfl: float, arrival_depth_m: float, threads: int
    ) -> None:
        self._domain = domain
        self._order = order
        self._real = np.dtype(dtype).type
        self._cfl = cfl
        self._arrival_depth_m = arrival_depth_m
        ny, nx = domain.shape
        self._water = Water(
            domain.depth_m,
            domain.velocity_x_m_s.astype(dtype, order="C"),
            domain.velocity_y_m_s.astype(dtype, order="C"),
        )
        drag = (GRAVITY_M_S2 * domain.manning**2).astype(np.float32)
        self._drag = np.repeat(drag, nx, axis=1) if drag.shape[1] != nx else drag
        no_ramps = (np.zeros((1, nx + 1), np.float32), np.zeros((1, nx), np.float32))
        self._ramps = ramps(domain.bed_m) if order == 1 else no_ramps
        rough = np.broadcast_to(self._drag, (ny, nx))
        self._edge_ground = [
            (np.ascontiguousarray(domain.bed_m[pick]), np.ascontiguousarray(rough[pick])) for pick in EDGES
        ]
        self._sides = Sides(np.zeros((2, 3, ny), dtype=dtype), np.zeros((2, 3, nx), dtype=dtype))
        self._memory = self._new_memory()
        count = max(1, min(ny // 8, math.ceil(ny * nx / CELLS_PER_STRIP)))
        self._strips = [(k * ny // count, (k + 1) * ny // count) for k in range(count)]
        halo = SECOND_ORDER_HALO if order == 2 else FIRST_ORDER_HALO
        beyond = [(*range(a - halo, a), *range(b, b + halo)) for a, b in self._strips]
        self._halo_index = np.clip(np.array(beyond, dtype=np.int64), 0, ny - 1)
        self._scratch = [self._new_scratch() for _ in self._strips]
        self._wave = np.zeros((count, 2))
        self._rain_wake = RainWake(SEGMENT)
        self._threads = max(1, min(threads, count))
        self._pool = ThreadPoolExecutor(self._threads - 1) if self._threads > 1 else None
        self._fastest = self._first_wave_speed()
        self._trouble = ""

    def _new_memory(self) -> Memory:
        ny, nx = self._domain.shape
        segments = math.ceil(nx / SEGMENT)
        depth = self._water.depth
        return Memory(
            wet=np.ones((ny, segments), dtype=np.uint8),
            wet_next=np.ones((ny, segments), dtype=np.uint8),
            peak=depth.astype(np.float32),
            arrival=np.where(depth >= self._arrival_depth_m, np.float32(0.0), np.float32(np.inf)),
            spell=np.zeros((ny, nx), dtype=np.float32),
        )

    def _new_scratch(self) -> Scratch:
        nx = self._domain.shape[1]
        rows = SECOND_ORDER_ROWS if self._order == 2 else FIRST_ORDER_ROWS
        single = np.zeros((18, nx + 1), dtype=np.float32)
        return Scratch(
            buffer=np.zeros((rows, nx + 1), dtype=self._real),
            rain=np.zeros(nx),
            single=single,
            bits=single.view(np.uint32),
            runs=np.zeros((2, math.ceil(nx / SEGMENT)), dtype=np.int64),
        )

    def _first_wave_speed(self) -> float:
        fastest = 0.0
        for depth, u, v in zip(*self._water, strict=True):  # by rows: no copies of the whole raster
            speed = np.abs(u) + np.abs(v) + 2.0 * np.sqrt(GRAVITY_M_S2 * depth)
            fastest = max(fastest, float(speed.max()))
        return fastest

    def stable_step_s(self, conditions: SideConditions) -> float:
        """Longest stable step: ``cfl Δx / max(|u| + |v| + 2c)``."""
        fastest = self._fastest
        for kind, value, (ground, _) in zip(conditions.kind, conditions.value, self._edge_ground, strict=True):
            fastest = max(fastest, edge_wave_speed(kind, value, ground, GRAVITY_M_S2))
        return self._cfl * self._domain.cell_m / fastest if fastest > 0 else math.inf

    def advance(self, now_s: float, step_s: float, rain: RainRate, conditions: SideConditions) -> float:
        """Advance by a step; return the net volume that came in over the edge, m³."""
        outflow = self._edge(step_s, conditions)
        self._wake(rain, conditions)
        domain = self._domain
        clock = Clock(now_s, step_s, domain.cell_m, self._arrival_depth_m)
        numbers = self._numbers(step_s)
        halos = [np.take(field, self._halo_index, axis=0) for field in self._water]
        ground = Ground(
            domain.bed_m, domain.crest_x_m, domain.crest_y_m, *self._ramps, self._drag, domain.open_ground,
            rain.rate_m_s, rain.rows, rain.columns,
        )  # fmt: skip
        advance_strip = second_order_strip if self._order == 2 else first_order_strip

        def strip(k: int) -> None:
            halo = Water(halos[0][k], halos[1][k], halos[2][k])
            advance_strip(
                self._strips[k], clock, numbers, self._water, halo, ground, self._sides, self._memory,
                self._scratch[k], self._wave[k],
            )  # fmt: skip

        self._share(strip)
        self._memory = self._memory._replace(wet=self._memory.wet_next, wet_next=self._memory.wet)
        self._fastest = float(self._wave[:, 0].max())
        self._look_for_trouble()
        return -outflow * step_s * domain.cell_m

    def _wake(self, rain: RainRate, conditions: SideConditions) -> None:
        """Have the segments worked on where water may come from the sky or from outside."""
        wet = self._memory.wet
        self._rain_wake.wake(wet, rain)
        for kind, edge in zip(conditions.kind[:2], (wet[:, 0], wet[:, -1]), strict=True):
            edge[kind >= LEVEL] = 1
        for kind, edge in zip(conditions.kind[2:], (wet[0], wet[-1]), strict=True):
            edge[np.flatnonzero(kind >= LEVEL) // SEGMENT] = 1

    def _share(self, strip: Callable[[int], None]) -> None:
        """Let the threads take strips as they come."""
        turn = itertools.count()

        def work() -> None:
            while (k := next(turn)) < len(self._strips):
                strip(k)

        if self._pool is None or int(self._memory.wet.sum()) * SEGMENT < CELLS_WORTH_A_THREAD:
            work()
            return
        others = [self._pool.submit(work) for _ in range(self._threads - 1)]
        work()
        for other in others:
            other.result()

    def _numbers(self, step_s: float) -> Numbers:
        cells_per_step = self._domain.cell_m / step_s
        real = self._real
        return Numbers(
            gravity=real(GRAVITY_M_S2),
            half=real(0.5),
            tiny=real(1e-30),
            shallow=real(SHALLOW_M),
            cells_per_step=real(cells_per_step * MARGIN),
            per_cell=real(1.0 / cells_per_step),
            step=real(step_s),
            zero=real(0.0),
            sharp=real(SHARP),
            no_wall=real(0.1 * NO_WALL_M),
        )

    def _edge(self, step_s: float, conditions: SideConditions) -> float:
        """Work out the fluxes through the outer faces; return the sum of mass flux outwards, m²/s."""
        total = 0.0
        share = self._domain.cell_m / step_s * MARGIN
        inner = next_to_edges(self._domain.shape)
        for k, (pick, (bed, drag)) in enumerate(zip(EDGES, self._edge_ground, strict=True)):
            depth, u, v = (np.ascontiguousarray(field[pick]) for field in self._water)
            normal, shear = (u, v) if k < 2 else (v, u)
            out = self._sides.x[k] if k < 2 else self._sides.y[k - 2]
            total += edge_fluxes(
                conditions.kind[k], conditions.value[k], bed, depth, normal, shear, drag,
                1.0 if k % 2 else -1.0, GRAVITY_M_S2, share, out,
            )  # fmt: skip
            within = (self._domain.bed_m[inner[k]], self._water.depth[inner[k]])
            lean_on_edge(conditions.kind[k], bed, depth, *within, GRAVITY_M_S2, SHALLOW_M, out)
        return total

    def _look_for_trouble(self) -> None:
        if not np.isfinite(self._wave).all():
            self._trouble = "the state is not finite"
        elif self._fastest > FASTEST_M_S:
            row, column = self._fastest_cell()
            self._trouble = f"wave speed of {self._fastest:.0f} m/s at cell (row {row}, column {column})"

    def _fastest_cell(self) -> tuple[int, int]:
        speed = np.abs(self._water.u) + np.abs(self._water.v)
        row, column = np.unravel_index(int(np.argmax(speed)), speed.shape)
        return int(row), int(column)

    def surface(self) -> Surface:
        """The state; the arrays themselves, to read only."""
        views = [field.view() for field in (self._domain.bed_m, *self._water)]
        for view in views:
            view.flags.writeable = False
        return Surface(
            bed_m=views[0],
            depth_m=views[1],
            velocity_x_m_s=views[2],
            velocity_y_m_s=views[3],
            cell_m=self._domain.cell_m,
        )

    def add_depth(self, cells: NDArray[np.int64], depth_m: NDArray[np.float64]) -> None:
        """Add water at rest to cells, or take water with its momentum."""
        h, u, v = (field.reshape(-1) for field in self._water)
        before = h[cells]
        after = np.maximum(before + depth_m, 0.0)
        keep = np.where(depth_m > 0, before / np.maximum(after, 1e-30), 1.0).astype(self._real)
        h[cells] = after
        u[cells] *= keep
        v[cells] *= keep
        speed = np.abs(u[cells]) + np.abs(v[cells]) + 2.0 * np.sqrt(GRAVITY_M_S2 * after)
        self._fastest = max(self._fastest, float(speed.max(initial=0.0)))
        rows, columns = np.divmod(cells, self._domain.shape[1])
        self._memory.wet[rows, columns // SEGMENT] = 1
        peak = self._memory.peak.reshape(-1)
        peak[cells] = np.maximum(peak[cells], after)

    def absorb(self, infiltration: Infiltration, now_s: float, step_s: float) -> float:
        """Let the soil drink from the depths."""
        return infiltration.absorb(self._water.depth, now_s, step_s)

    def volume_m3(self) -> float:
        """Water on the surface, by exact summation of row sums."""
        return math.fsum(self._water.depth.sum(axis=1).tolist()) * self._domain.cell_m**2

    def trouble(self) -> str:
        """Why the run cannot go on."""
        return self._trouble

    def records(self) -> FloodRecords:
        """Peak, arrival and spell so far."""
        return FloodRecords(peak_depth_m=self._memory.peak, arrival_s=self._memory.arrival, spell_s=self._memory.spell)

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
