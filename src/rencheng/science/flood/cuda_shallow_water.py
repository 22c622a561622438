"""The full shallow-water equations, first order, on a GPU: state and time step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import LEVEL, SideConditions
from rencheng.science.flood.cuda_device import AWAKE, TILE_X, TILE_Y, cuda, kernel
from rencheng.science.flood.cuda_shallow import shallow_kernel
from rencheng.science.flood.cuda_stepper import THREADS, CudaStepper
from rencheng.science.flood.domain import Domain
from rencheng.science.flood.edge_flux import EDGES, edge_fluxes, edge_wave_speed, lean_on_edge, next_to_edges
from rencheng.science.flood.rain import RainRate
from rencheng.science.flood.ramps import ramps
from rencheng.science.flood.shallow_water import FASTEST_M_S, GRAVITY_M_S2, SHALLOW_M

__all__ = ["CudaShallowWater"]

Grid = NDArray[Any]


def _pour(depth: Any, u: Any, v: Any, cells: Any, change: Any, gravity: Any, peak: Any, awake: Any, after: Any) -> None:
    """Add water at rest to cells, or take water with its momentum; give the wave speed it has then."""
    k = cuda.grid(1)
    if k < cells.size:
        j, i = cells[k] // depth.shape[1], cells[k] % depth.shape[1]
        before = depth[j, i]
        h = max(before + change[k], 0.0)
        if change[k] > 0.0:
            u[j, i] *= before / h
            v[j, i] *= before / h
        depth[j, i] = h
        after[k] = abs(u[j, i]) + abs(v[j, i]) + 2.0 * math.sqrt(gravity * h)
        peak[j, i] = max(peak[j, i], np.float32(h))
        awake[j // TILE_Y, i // TILE_X] = AWAKE


def _wake_edges(kind_x: Any, kind_y: Any, awake: Any, level: Any, steps: Any) -> None:
    """Wake the tiles at edges where water may come in."""
    k = cuda.grid(1)
    for side in range(2):
        if k < kind_x.shape[1] and kind_x[side, k] >= level:
            awake[k // TILE_Y, side * (awake.shape[1] - 1)] = steps
        if k < kind_y.shape[1] and kind_y[side, k] >= level:
            awake[side * (awake.shape[0] - 1), k // TILE_X] = steps


_pour_kernel = kernel(_pour)
_wake_kernel = kernel(_wake_edges)


class CudaShallowWater(CudaStepper):
    """State of a first-order run of the full shallow-water equations on a GPU (see :class:`ShallowWater`)."""

    def __init__(self, domain: Domain, *, dtype: Any, cfl: float, arrival_depth_m: float) -> None:
        super().__init__(domain, dtype=dtype, cfl=cfl, arrival_depth_m=arrival_depth_m, gravity_m_s2=GRAVITY_M_S2)
        u, v = domain.velocity_x_m_s.astype(self.dtype), domain.velocity_y_m_s.astype(self.dtype)
        self._u = [cuda.to_device(u), cuda.to_device(u)]
        self._v = [cuda.to_device(v), cuda.to_device(v)]
        self._ramps = tuple(cuda.to_device(ramp) for ramp in ramps(domain.bed_m))
        speed = np.abs(u) + np.abs(v) + 2.0 * np.sqrt(GRAVITY_M_S2 * domain.depth_m)
        self._fastest = float(speed.max(where=domain.depth_m > 0, initial=0.0))
        self._kind: tuple[Any, ...] = (None, None, None)
        self._sides = (cuda.to_device(np.zeros((2, 3, 1))), cuda.to_device(np.zeros((2, 3, 1))))
        self._trouble = ""

    def stable_step_s(self, conditions: SideConditions) -> float:
        """Longest stable step: ``cfl Δx / max(|u| + |v| + 2c)``."""
        bed = self.domain.bed_m
        fastest = self._fastest
        sides = (bed[:, 0], bed[:, -1], bed[0], bed[-1])
        for kind, value, ground in zip(conditions.kind, conditions.value, sides, strict=True):
            fastest = max(fastest, edge_wave_speed(kind, value, np.ascontiguousarray(ground), GRAVITY_M_S2))
        return self.cfl * self.domain.cell_m / fastest if fastest > 0 else math.inf

    def advance(self, now_s: float, step_s: float, rain: RainRate, conditions: SideConditions) -> float:
        """Advance by a step; return the net volume that came in over the edge, m³."""
        outflow = self._edge(step_s, conditions) if any(kind.any() for kind in conditions.kind) else 0.0
        kind_x, kind_y = self._kinds(conditions)
        cells_per_step = self.domain.cell_m / step_s
        real = np.array(
            [
                GRAVITY_M_S2, 0.5, 1e-30, SHALLOW_M, cells_per_step * (1 - 1e-6), 1.0 / cells_per_step, step_s, 0.0,
            ],
            dtype=self.dtype,
        )  # fmt: skip
        a, b = self.now, 1 - self.now
        shallow_kernel(self.dtype)[self.blocks, (TILE_X, TILE_Y)](
            now_s, step_s, step_s / self.domain.cell_m, self.arrival_depth_m, rain.highest_m_s > 0,
            cuda.to_device(real), self.depth[a], self._u[a], self._v[a], self.bed, self.crest_x, self.crest_y,
            *self._ramps, self.drag, *self.rain_on_device(rain), self.open_ground, kind_x, kind_y, *self._sides,
            self.depth[b], self._u[b], self._v[b], self.peak, self.arrival, self.spell, self.awake[a], self.awake[b],
            self.slots,
        )  # fmt: skip
        self.flip()
        self._fastest = self.largest()
        self._look_for_trouble()
        return -outflow * step_s * self.domain.cell_m

    def _kinds(self, conditions: SideConditions) -> tuple[Any, Any]:
        """What holds at the outer faces, on the device."""
        if self._kind[0] is not conditions.kind:
            along_x, along_y = np.stack(conditions.kind[:2]), np.stack(conditions.kind[2:])
            self._kind = (conditions.kind, cuda.to_device(along_x), cuda.to_device(along_y))
        return self._kind[1], self._kind[2]

    def _edge(self, step_s: float, conditions: SideConditions) -> float:
        """Fluxes of the outer faces, worked out on the host; the sum of mass flux outwards."""
        depth, u, v = (self.edges_of(field) for field in (self.depth[self.now], self._u[self.now], self._v[self.now]))
        rough = np.broadcast_to((GRAVITY_M_S2 * self.domain.manning**2).astype(self.dtype), self.domain.shape)
        bed = self.domain.bed_m
        sides = (np.zeros((2, 3, self.domain.shape[0])), np.zeros((2, 3, self.domain.shape[1])))
        share = self.domain.cell_m / step_s * (1 - 1e-6)
        within, inner = self.edges_of(self.depth[self.now], inset=1), next_to_edges(self.domain.shape)
        for k, pick in enumerate(EDGES):
            normal, shear = (u, v) if k < 2 else (v, u)
            ground = np.ascontiguousarray(bed[pick])
            side = sides[k // 2][k % 2]
            edge_fluxes(
                conditions.kind[k], conditions.value[k], ground, depth[k // 2][k % 2],
                normal[k // 2][k % 2], shear[k // 2][k % 2], np.ascontiguousarray(rough[pick]), 1.0 if k % 2 else -1.0,
                GRAVITY_M_S2, share, side,
            )  # fmt: skip
            lean_on_edge(
                conditions.kind[k], ground, depth[k // 2][k % 2], bed[inner[k]], within[k // 2][k % 2], GRAVITY_M_S2,
                SHALLOW_M, side,
            )  # fmt: skip
        mass = [side[:, 0].astype(self.dtype).astype(np.float64) for side in sides]  # what the kernel will move
        total = sum(math.fsum(pair[1].tolist()) - math.fsum(pair[0].tolist()) for pair in mass)
        self._sides = (cuda.to_device(sides[0]), cuda.to_device(sides[1]))
        kind_x, kind_y = self._kinds(conditions)
        blocks = math.ceil(max(self.domain.shape) / THREADS)
        _wake_kernel[blocks, THREADS](kind_x, kind_y, self.awake[self.now], LEVEL, AWAKE)
        return total

    def _look_for_trouble(self) -> None:
        if not math.isfinite(self._fastest):
            self._trouble = "the state is not finite"
        elif self._fastest > FASTEST_M_S:
            u, v = self.host_velocities()
            row, column = np.unravel_index(int(np.argmax(np.abs(u) + np.abs(v))), u.shape)
            self._trouble = f"wave speed of {self._fastest:.0f} m/s at cell (row {row}, column {column})"

    def fetch_velocities(self) -> tuple[Grid, Grid]:
        """Velocities, copied from the device."""
        return self._u[self.now].copy_to_host(), self._v[self.now].copy_to_host()

    def pour(self, cells: Any, depth_m: Any, after: Any) -> None:
        """Add water at rest to cells, or take it with its momentum."""
        _pour_kernel[math.ceil(cells.size / THREADS), THREADS](
            self.depth[self.now], self._u[self.now], self._v[self.now], cells, depth_m, GRAVITY_M_S2, self.peak,
            self.awake[self.now], after,
        )  # fmt: skip

    def after_adding(self, after: Grid) -> None:
        """Faster waves shorten the next step."""
        self._fastest = max(self._fastest, float(after.max(initial=0.0)))

    def trouble(self) -> str:
        """Why the run cannot go on."""
        return self._trouble
