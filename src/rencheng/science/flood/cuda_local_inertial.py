"""The local inertial approximation on a GPU: state and time step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import SideConditions
from rencheng.science.flood.cuda_device import AWAKE, TILE_X, TILE_Y, cuda, kernel
from rencheng.science.flood.cuda_inertial import inertial_kernel
from rencheng.science.flood.cuda_stepper import THREADS, CudaStepper
from rencheng.science.flood.domain import Domain
from rencheng.science.flood.local_inertial import (
    DEEPEST_M,
    SHALLOW_M,
    cell_velocities,
    deepest_at_edge,
    first_discharges,
    side_discharges,
    step_constants,
)
from rencheng.science.flood.rain import RainRate
from rencheng.science.flood.shallow_water import GRAVITY_M_S2

__all__ = ["CudaLocalInertial"]

Grid = NDArray[Any]


def _set_edges(qx: Any, qy: Any, along_x: Any, along_y: Any, awake: Any, steps: Any) -> None:
    """Set the outer faces of both discharges and wake the tiles that water enters or leaves."""
    k = cuda.grid(1)
    ny, nx = qx.shape[0], qy.shape[1]
    if k < ny:
        qx[k, 0] = along_x[0, k]
        qx[k, nx] = along_x[1, k]
        for side in range(2):
            if along_x[side, k] != 0.0:
                awake[k // TILE_Y, side * (awake.shape[1] - 1)] = steps
    if k < nx:
        qy[0, k] = along_y[0, k]
        qy[ny, k] = along_y[1, k]
        for side in range(2):
            if along_y[side, k] != 0.0:
                awake[side * (awake.shape[0] - 1), k // TILE_X] = steps


def _pour(depth: Any, cells: Any, change: Any, peak: Any, awake: Any, after: Any) -> None:
    """Add water to cells or take it; give the depth they have then."""
    k = cuda.grid(1)
    if k < cells.size:
        j, i = cells[k] // depth.shape[1], cells[k] % depth.shape[1]
        h = max(depth[j, i] + change[k], 0.0)
        depth[j, i] = h
        after[k] = h
        peak[j, i] = max(peak[j, i], np.float32(h))
        awake[j // TILE_Y, i // TILE_X] = AWAKE


_set_edges_kernel = kernel(_set_edges)
_pour_kernel = kernel(_pour)


class CudaLocalInertial(CudaStepper):
    """State of a run of the local inertial approximation on a GPU (see :class:`LocalInertial`)."""

    def __init__(
        self,
        domain: Domain,
        *,
        dtype: Any,
        cfl: float,
        arrival_depth_m: float,
        theta: float = 0.9,
        froude_limit: float = 1.0,
    ) -> None:
        super().__init__(domain, dtype=dtype, cfl=cfl, arrival_depth_m=arrival_depth_m, gravity_m_s2=GRAVITY_M_S2)
        self._theta, self._froude_limit = theta, froude_limit
        qx, qy = first_discharges(domain, self.dtype)
        self._qx = [cuda.to_device(qx), cuda.to_device(qx)]
        self._qy = [cuda.to_device(qy), cuda.to_device(qy)]
        self._safety = 1.0 - 8.0 * float(np.finfo(self.dtype).eps)
        self._deepest = float(domain.depth_m.max(initial=0.0))
        self._trouble = ""

    def stable_step_s(self, conditions: SideConditions) -> float:
        """Longest stable step: ``cfl Δx / √(g h)`` of the deepest water, inside or at the edge."""
        deepest = max(self._deepest, deepest_at_edge(self.domain, conditions))
        return self.cfl * self.domain.cell_m / math.sqrt(GRAVITY_M_S2 * deepest) if deepest > 0 else math.inf

    def advance(self, now_s: float, step_s: float, rain: RainRate, conditions: SideConditions) -> float:
        """Advance by a step; return the net volume that came in over the edge, m³."""
        is_open = any(kind.any() for kind in conditions.kind)
        if is_open:
            self._edge(step_s, conditions)
        real = step_constants(
            self.dtype, step_s=step_s, cell_m=self.domain.cell_m, theta=self._theta, froude_limit=self._froude_limit
        )
        a, b = self.now, 1 - self.now
        inertial_kernel(self.dtype)[self.blocks, (TILE_X, TILE_Y)](
            now_s, step_s, step_s / self.domain.cell_m, SHALLOW_M, self._safety, self.arrival_depth_m,
            rain.highest_m_s > 0, cuda.to_device(real), self.depth[a], self._qx[a], self._qy[a], self.bed, self.crest_x,
            self.crest_y, self.drag, *self.rain_on_device(rain), self.open_ground, self.depth[b], self._qx[b],
            self._qy[b], self.peak, self.arrival, self.spell, self.awake[a], self.awake[b], self.slots,
        )  # fmt: skip
        self.flip()
        self._deepest = self.largest()
        if not self._deepest <= DEEPEST_M:
            wrong = ~((self.host_depth() >= 0.0) & (self.host_depth() <= DEEPEST_M))
            row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            self._trouble = f"a depth of {self.host_depth()[row, column]:g} m at cell (row {row}, column {column})"
        return self._over_the_edge() * step_s * self.domain.cell_m if is_open else 0.0

    def _edge(self, step_s: float, conditions: SideConditions) -> None:
        """Set the discharge of the outer faces for the step, worked out on the host."""
        qx, qy = self._qx[self.now], self._qy[self.now]
        qx_rows, qy_columns = self.edges_of(qx)[1], self.edges_of(qy)[0]
        flow = side_discharges(
            self.domain,
            conditions,
            step_s=step_s,
            froude_limit=self._froude_limit,
            depth=self.edges_of(self.depth[self.now]),
            inner=(self.edges_of(qx, 1)[0], self.edges_of(qy, 1)[1]),
            along=(0.5 * (qy_columns[:, :-1] + qy_columns[:, 1:]), 0.5 * (qx_rows[:, :-1] + qx_rows[:, 1:])),
        )
        longest = max(self.domain.shape)
        _set_edges_kernel[math.ceil(longest / THREADS), THREADS](
            qx,
            qy,
            cuda.to_device(np.stack(flow[:2]).astype(self.dtype)),
            cuda.to_device(np.stack(flow[2:]).astype(self.dtype)),
            self.awake[self.now],
            AWAKE,
        )

    def _over_the_edge(self) -> float:
        """Net discharge inwards per width over all outer faces, m²/s."""
        west, east = self.edges_of(self._qx[self.now])[0]
        south, north = self.edges_of(self._qy[self.now])[1]
        return math.fsum(float(side.sum(dtype=np.float64)) for side in (west, -east, south, -north))

    def fetch_velocities(self) -> tuple[Grid, Grid]:
        """Cell velocities from the discharges of the faces."""
        u, v = np.zeros(self.domain.shape, self.dtype), np.zeros(self.domain.shape, self.dtype)
        qx, qy = self._qx[self.now].copy_to_host(), self._qy[self.now].copy_to_host()
        froude = min(self._froude_limit, 1e9)
        cell_velocities(self.host_depth(), qx, qy, SHALLOW_M, GRAVITY_M_S2, froude, u, v)
        return u, v

    def pour(self, cells: Any, depth_m: Any, after: Any) -> None:
        """Add water to cells or take it; the discharges of their faces follow in the next step."""
        _pour_kernel[math.ceil(cells.size / THREADS), THREADS](
            self.depth[self.now], cells, depth_m, self.peak, self.awake[self.now], after
        )

    def after_adding(self, after: Grid) -> None:
        """Deeper water shortens the next step."""
        self._deepest = max(self._deepest, float(after.max(initial=0.0)))

    def trouble(self) -> str:
        """Why the run cannot go on."""
        return self._trouble
