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
from rencheng.science.flood.domain import Domain
from rencheng.science.flood.edge_flux import edge_fluxes, edge_wave_speed
from rencheng.science.flood.first_order import FIRST_ORDER_HALO, FIRST_ORDER_ROWS, first_order_strip
from rencheng.science.flood.ports import FloodRecords, Infiltration, Surface
from rencheng.science.flood.rain import RainRate
from rencheng.science.flood.ramps import ramps
from rencheng.science.flood.rows import SEGMENT
from rencheng.science.flood.second_order import SECOND_ORDER_HALO, SECOND_ORDER_ROWS, second_order_strip

__all__ = ["GRAVITY_M_S2", "ShallowWater"]

GRAVITY_M_S2 = 9.80665
"""Standard gravity (CGPM 1901)."""

SHALLOW_M = 1e-6
"""Water thinner than this has no velocity of its own; its volume is kept and may flow on."""

FASTEST_M_S = 200.0
"""Wave speed above which a run is called diverged: a dam break from 1,000 m of water is slower."""

CELLS_PER_STRIP = 60_000

STEEPNESS = 1.5
"""Steepness of the slope limiter: 1 is minmod, 2 the monotonised central limiter."""

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
        self._depth = domain.depth_m.copy()
        self._u = domain.velocity_x_m_s.astype(dtype)
        self._v = domain.velocity_y_m_s.astype(dtype)
        self._drag = (GRAVITY_M_S2 * domain.manning**2).astype(dtype)
        if self._drag.shape[1] == 1:
            self._drag = np.repeat(self._drag, nx, axis=1)
        self._ramps = (
            ramps(domain.bed_m) if order == 1 else (np.zeros((1, nx + 1), np.float32), np.zeros((1, nx), np.float32))
        )
        count = max(1, min(ny // 8, math.ceil(ny * nx / CELLS_PER_STRIP)))
        self._rows = [(k * ny // count, (k + 1) * ny // count) for k in range(count)]
        self._threads = max(1, min(threads, count))
        self._pool = ThreadPoolExecutor(self._threads - 1) if self._threads > 1 else None
        segments = math.ceil(nx / SEGMENT)
        self._wet = np.ones((ny, segments), dtype=np.uint8)
        self._wet_next = np.ones((ny, segments), dtype=np.uint8)
        self._peak = self._depth.astype(np.float32)
        self._arrival = np.where(self._depth >= arrival_depth_m, 0.0, np.inf).astype(np.float32)
        self._spell = np.zeros((ny, nx), dtype=np.float32)
        self._side_x = np.zeros((2, 3, ny), dtype=dtype)
        self._side_y = np.zeros((2, 3, nx), dtype=dtype)
        halo = SECOND_ORDER_HALO if order == 2 else FIRST_ORDER_HALO
        beyond = [(*range(a - halo, a), *range(b, b + halo)) for a, b in self._rows]
        self._halo_index = np.clip(np.array(beyond, dtype=np.int64), 0, ny - 1)
        self._scratch = [self._new_scratch(nx, segments) for _ in self._rows]
        self._wave = np.zeros((count, 2))
        self._fastest = self._first_wave_speed()
        self._trouble = ""

    def _new_scratch(self, nx: int, segments: int) -> tuple[Grid, ...]:
        seed = np.zeros(nx, dtype=np.float32)
        return (
            np.zeros((SECOND_ORDER_ROWS if self._order == 2 else FIRST_ORDER_ROWS, nx + 1), dtype=self._real),
            np.zeros(nx),
            seed,
            seed.view(np.uint32),
            np.zeros((2, segments), dtype=np.int64),
        )

    def _first_wave_speed(self) -> float:
        speed = np.abs(self._u) + np.abs(self._v) + 2.0 * np.sqrt(GRAVITY_M_S2 * self._depth)
        return float(speed.max(where=self._depth > 0, initial=0.0))

    def stable_step_s(self, conditions: SideConditions) -> float:
        """Longest stable step: ``cfl Δx / max(|u| + |v| + 2c)``."""
        bed = self._domain.bed_m
        sides = (bed[:, 0], bed[:, -1], bed[0], bed[-1])
        fastest = self._fastest
        for kind, value, ground in zip(conditions.kind, conditions.value, sides, strict=True):
            fastest = max(fastest, edge_wave_speed(kind, value, np.ascontiguousarray(ground), GRAVITY_M_S2))
        return self._cfl * self._domain.cell_m / fastest if fastest > 0 else math.inf

    def advance(self, now_s: float, step_s: float, rain: RainRate, conditions: SideConditions) -> float:
        """Advance by a step; return the net volume that came in over the edge, m³."""
        outflow = self._edge(step_s, conditions)
        self._wake(rain, conditions)
        halos = tuple(np.take(a, self._halo_index, axis=0) for a in (self._depth, self._u, self._v))
        real = self._constants(step_s)
        domain = self._domain

        advance = second_order_strip if self._order == 2 else first_order_strip

        def strip(k: int) -> None:
            first, stop = self._rows[k]
            advance(
                first, stop, now_s, step_s, domain.cell_m, real, self._depth, self._u, self._v, domain.bed_m,
                halos[0][k], halos[1][k], halos[2][k], domain.crest_x_m, domain.crest_y_m, *self._ramps, self._drag,
                rain.rate_m_s, rain.rows, rain.columns, domain.open_ground, self._side_x, self._side_y,
                self._wet, self._wet_next, self._peak, self._arrival, self._spell, self._arrival_depth_m,
                *self._scratch[k], self._wave[k],
            )  # fmt: skip

        self._share(strip)
        self._wet, self._wet_next = self._wet_next, self._wet
        self._fastest = float(self._wave[:, 0].max())
        self._look_for_trouble()
        return -outflow * step_s * domain.cell_m

    def _wake(self, rain: RainRate, conditions: SideConditions) -> None:
        """Have the segments worked on where water may come from the sky or from outside."""
        if rain.highest_m_s > 0:
            self._wet[:] = 1
        for k, edge in enumerate((self._wet[:, 0], self._wet[:, -1])):
            edge[conditions.kind[k] >= LEVEL] = 1
        for k, row in ((2, 0), (3, -1)):
            self._wet[row, np.flatnonzero(conditions.kind[k] >= LEVEL) // SEGMENT] = 1

    def _share(self, strip: Callable[[int], None]) -> None:
        """Let the threads take strips as they come."""
        turn = itertools.count()

        def work() -> None:
            while (k := next(turn)) < len(self._rows):
                strip(k)

        if self._pool is None:
            work()
            return
        others = [self._pool.submit(work) for _ in range(self._threads - 1)]
        work()
        for other in others:
            other.result()

    def _constants(self, step_s: float) -> Grid:
        cells_per_step = self._domain.cell_m / step_s
        return np.array(
            [
                GRAVITY_M_S2,
                0.5,
                1e-30,
                SHALLOW_M,
                cells_per_step * (1 - 1e-6),
                1.0 / cells_per_step,
                step_s,
                0.0,
                STEEPNESS,
                -1e29,
            ],
            dtype=self._real,
        )

    def _edge(self, step_s: float, conditions: SideConditions) -> float:
        total = 0.0
        share = self._domain.cell_m / step_s * (1 - 1e-6)
        for k in range(4):
            along_x = k < 2
            end = slice(None), -(k % 2)
            pick = end if along_x else (-(k % 2), slice(None))
            bed, depth, u, v, drag = (
                np.ascontiguousarray(a[pick])
                for a in (
                    self._domain.bed_m,
                    self._depth,
                    self._u,
                    self._v,
                    np.broadcast_to(self._drag, self._depth.shape),
                )
            )
            normal, shear = (u, v) if along_x else (v, u)
            out = self._side_x[k] if along_x else self._side_y[k - 2]
            total += edge_fluxes(
                conditions.kind[k], conditions.value[k], bed, depth, normal, shear, drag,
                1.0 if k % 2 else -1.0, GRAVITY_M_S2, share, out,
            )  # fmt: skip
        return total

    def _look_for_trouble(self) -> None:
        if not np.isfinite(self._wave).all():
            self._trouble = "the state is not finite"
        elif self._fastest > FASTEST_M_S:
            row, column = self._fastest_cell()
            self._trouble = f"wave speed of {self._fastest:.0f} m/s at cell (row {row}, column {column})"

    def _fastest_cell(self) -> tuple[int, int]:
        speed = np.abs(self._u) + np.abs(self._v)
        row, column = np.unravel_index(int(np.argmax(speed)), speed.shape)
        return int(row), int(column)

    def surface(self) -> Surface:
        """The state; the arrays themselves, to read only."""
        views = [self._domain.bed_m.view(), self._depth.view(), self._u.view(), self._v.view()]
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
        h, u, v = self._depth.reshape(-1), self._u.reshape(-1), self._v.reshape(-1)
        before = h[cells]
        after = np.maximum(before + depth_m, 0.0)
        keep = np.where(depth_m > 0, before / np.maximum(after, 1e-30), 1.0).astype(self._real)
        h[cells] = after
        u[cells] *= keep
        v[cells] *= keep
        speed = np.abs(u[cells]) + np.abs(v[cells]) + 2.0 * np.sqrt(GRAVITY_M_S2 * after)
        self._fastest = max(self._fastest, float(speed.max(initial=0.0)))
        rows, columns = np.divmod(cells, self._depth.shape[1])
        self._wet[rows, columns // SEGMENT] = 1
        self._peak.reshape(-1)[cells] = np.maximum(self._peak.reshape(-1)[cells], after)

    def absorb(self, infiltration: Infiltration, now_s: float, step_s: float) -> float:
        """Let the soil drink from the depths."""
        return infiltration.absorb(self._depth, now_s, step_s)

    def volume_m3(self) -> float:
        """Water on the surface, by exact summation of row sums."""
        return math.fsum(self._depth.sum(axis=1).tolist()) * self._domain.cell_m**2

    def trouble(self) -> str:
        """Why the run cannot go on."""
        return self._trouble

    def records(self) -> FloodRecords:
        """Peak, arrival and spell so far."""
        return FloodRecords(peak_depth_m=self._peak, arrival_s=self._arrival, spell_s=self._spell)

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
