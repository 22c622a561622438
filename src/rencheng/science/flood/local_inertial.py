"""The local inertial approximation on the processor: state, strips, threads.

The shallow-water equations without the advection of momentum: gravity, pressure, friction and the inertia of the water
at a place. Unit discharges live on the faces of the cells, depths in the cells, and one explicit step updates both in
one sweep over memory. It serves slow, subcritical water (rain on streets, rivers over their banks) at a few times the
speed of the full equations; where it must not be trusted is written in ``docs/explanation/flood-local-inertial.md``.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import CLOSED, LEVEL, SideConditions
from rencheng.science.flood.compiled import kernel
from rencheng.science.flood.domain import Domain
from rencheng.science.flood.edge_flux import edge_fluxes
from rencheng.science.flood.local_inertial_strip import (
    BUFFER_ROWS,
    HALO_ROWS,
    FaceGround,
    FaceMemory,
    FaceScratch,
    FaceWater,
    StepNumbers,
    copy_halos,
    local_inertial_strips,
)
from rencheng.science.flood.ports import FloodRecords, Infiltration, Surface
from rencheng.science.flood.rain import RainRate
from rencheng.science.flood.rain_wake import RainWake
from rencheng.science.flood.rows import SEGMENT
from rencheng.science.flood.shallow_water import GRAVITY_M_S2

__all__ = [
    "DEEPEST_M",
    "SHALLOW_M",
    "LocalInertial",
    "cell_velocities",
    "deepest_at_edge",
    "first_discharges",
    "side_discharges",
    "step_constants",
]

SHALLOW_M = 1e-6
"""Water thinner than this stands still; its volume is kept and may flow on when more comes."""

DEEPEST_M = 20_000.0
"""Depth above which a run is called diverged: no water on Earth is so deep."""

CELLS_PER_STRIP = 60_000

Grid = NDArray[Any]


def step_constants(
    dtype: Any, *, step_s: float, cell_m: float, theta: float, froude_limit: float, shallow_m: float = SHALLOW_M
) -> Grid:
    """Numbers of a step in the type of the arithmetic, as the kernels read them.

    Parameters
    ----------
    dtype : numpy dtype
        Arithmetic.
    step_s, cell_m : float
        Time step and cell width.
    theta : float
        Weight of a face's own discharge beside its neighbours' along the flow, 0 … 1.
    froude_limit : float
        Greatest Froude number let through a face.
    shallow_m : float
        Water thinner than this stands still.

    Returns
    -------
    array, shape (11,)
        θ, (1 − θ)/2, g Δt/Δx, Δt/2, g, Froude limit, shallow depth, a tiny number, 1, 1/4, Δt/Δx.
    """
    per_cell = step_s / cell_m
    return np.array(
        [
            theta, 0.5 * (1.0 - theta), GRAVITY_M_S2 * per_cell, 0.5 * step_s, GRAVITY_M_S2, froude_limit, shallow_m,
            1e-12, 1.0, 0.25, per_cell,
        ],
        dtype=dtype,
    )  # fmt: skip


@kernel
def cell_velocities(
    depth: Grid, qx: Grid, qy: Grid, shallow: float, gravity: float, froude: float, u: Grid, v: Grid
) -> None:
    """Velocity in the middle of each cell from the unit discharges of its faces, m/s.

    The mean of both faces over the depth, but no faster than the Froude limit lets a face be: a shallow cell beside a
    deep one passes water on that does not move in it.
    """
    for j in range(depth.shape[0]):
        for i in range(depth.shape[1]):
            h = depth[j, i]
            if h > shallow:
                most = froude * math.sqrt(gravity * h)
                u[j, i] = min(max(0.5 * (qx[j, i] + qx[j, i + 1]) / h, -most), most)
                v[j, i] = min(max(0.5 * (qy[j, i] + qy[j + 1, i]) / h, -most), most)
            else:
                u[j, i] = 0.0
                v[j, i] = 0.0


def first_discharges(domain: Domain, dtype: Any) -> tuple[Grid, Grid]:
    """Unit discharge of x faces (ny, nx + 1) and y faces (ny + 1, nx) at the start, m²/s; none at the outer faces."""
    ny, nx = domain.shape
    qx, qy = np.zeros((ny, nx + 1), dtype=dtype), np.zeros((ny + 1, nx), dtype=dtype)
    if domain.velocity_x_m_s.any():
        flow = domain.depth_m * domain.velocity_x_m_s
        qx[:, 1:-1] = 0.5 * (flow[:, 1:] + flow[:, :-1])
    if domain.velocity_y_m_s.any():
        flow = domain.depth_m * domain.velocity_y_m_s
        qy[1:-1] = 0.5 * (flow[1:] + flow[:-1])
    return qx, qy


def deepest_at_edge(domain: Domain, conditions: SideConditions) -> float:
    """Greatest depth that a level outside holds over the ground of the outer cells, m."""
    bed = domain.bed_m
    sides = (bed[:, 0], bed[:, -1], bed[0], bed[-1])
    deepest = 0.0
    for kind, value, ground in zip(conditions.kind, conditions.value, sides, strict=True):
        deepest = max(deepest, float((value - ground).max(where=kind == LEVEL, initial=0.0)))
    return deepest


def side_discharges(
    domain: Domain,
    conditions: SideConditions,
    *,
    step_s: float,
    froude_limit: float,
    depth: tuple[Grid, Grid],
    inner: tuple[Grid, Grid],
    along: tuple[Grid, Grid],
) -> tuple[Grid, Grid, Grid, Grid]:
    """Unit discharge of the outer faces in a step, by the boundary fluxes of the full equations.

    Parameters
    ----------
    domain, conditions
        The ground, and what holds at each outer face.
    step_s, froude_limit : float
        Time step; greatest Froude number taken for the water inside.
    depth, inner, along : pairs of arrays, shapes (2, ny) and (2, nx)
        Depth of the outer cells; unit discharge of the faces one cell further in; unit discharge of the outer cells
        along the side. West and east first, then south and north.

    Returns
    -------
    four arrays
        West, east (ny,), south, north (nx,), m²/s, positive to the east and to the north.
    """
    bed, rough = domain.bed_m, np.broadcast_to(GRAVITY_M_S2 * domain.manning**2, domain.shape)
    picks: tuple[Any, ...] = ((slice(None), 0), (slice(None), -1), (0, slice(None)), (-1, slice(None)))
    flows = []
    for k, pick in enumerate(picks):
        h = np.ascontiguousarray(depth[k // 2][k % 2])
        inverse = np.where(h > SHALLOW_M, 1.0 / np.maximum(h, SHALLOW_M), 0.0)
        most = min(froude_limit, 1e9) * np.sqrt(GRAVITY_M_S2 * h)
        out = np.zeros((3, len(h)))
        edge_fluxes(
            conditions.kind[k], conditions.value[k], np.ascontiguousarray(bed[pick]), h,
            np.clip(inner[k // 2][k % 2] * inverse, -most, most), np.clip(along[k // 2][k % 2] * inverse, -most, most),
            np.ascontiguousarray(rough[pick]), 1.0 if k % 2 else -1.0, GRAVITY_M_S2, domain.cell_m / step_s, out,
        )  # fmt: skip
        flows.append(np.where(conditions.kind[k] == CLOSED, 0.0, out[0]))
    return flows[0], flows[1], flows[2], flows[3]


class _FaceSurface(Surface):
    """A surface whose cell velocities are worked out from the faces only when somebody asks."""

    __slots__ = ("_owner",)
    _owner: LocalInertial

    def __init__(self, owner: LocalInertial, bed_m: Grid, depth_m: Grid, cell_m: float) -> None:
        for name, value in (("bed_m", bed_m), ("depth_m", depth_m), ("cell_m", cell_m), ("_owner", owner)):
            object.__setattr__(self, name, value)

    @property
    def velocity_x_m_s(self) -> Grid:
        """Velocity to the east, m/s."""
        return self._owner.velocities()[0]

    @property
    def velocity_y_m_s(self) -> Grid:
        """Velocity to the north, m/s."""
        return self._owner.velocities()[1]


class LocalInertial:
    """State of a run of the local inertial approximation and its time step.

    The raster is cut into strips of rows whose number depends on its size only. Each discharge is a function of the
    state before the step, so the outcome has the same bytes with any number of threads.

    Parameters
    ----------
    domain : Domain
        Ground, roughness, walls and start, checked.
    dtype : numpy dtype
        Arithmetic of discharges, float64 or float32; depths are float64 always.
    cfl : float
        Step as a share of the time in which a wave crosses a cell, ``cfl Δx / √(g h)`` for the deepest water.
    arrival_depth_m : float
        Depth that counts as flooded for arrival and duration.
    threads : int
        Threads to use.
    theta : float
        Weight of a face's own discharge beside its neighbours' along the flow (de Almeida et al. 2012); below 1 it
        damps.
    froude_limit : float
        Greatest Froude number let through a face: without advection the scheme would let water fall without end.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        dtype: Any,
        cfl: float,
        arrival_depth_m: float,
        threads: int,
        theta: float = 0.9,
        froude_limit: float = 1.0,
    ) -> None:
        self._domain = domain
        self._real = np.dtype(dtype).type
        self._cfl, self._theta, self._froude_limit = cfl, theta, froude_limit
        self._arrival_depth_m = arrival_depth_m
        ny, nx = domain.shape
        self._depth = domain.depth_m
        self._qx, self._qy = first_discharges(domain, dtype)
        drag = (GRAVITY_M_S2 * domain.manning**2).astype(dtype)
        self._drag = np.repeat(drag, nx, axis=1) if drag.shape[1] == 1 else drag
        count = max(1, min(ny // 8, math.ceil(ny * nx / CELLS_PER_STRIP)))
        self._bounds = np.array([k * ny // count for k in range(count + 1)], dtype=np.int64)
        self._threads = max(1, min(threads, count))
        self._pool = ThreadPoolExecutor(self._threads - 1) if self._threads > 1 else None
        self._make_scratch(ny, nx, count)
        self._peak = self._depth.astype(np.float32)
        self._arrival = np.where(self._depth >= arrival_depth_m, 0.0, np.inf).astype(np.float32)
        self._spell = np.zeros((ny, nx), dtype=np.float32)
        self._deepest = float(self._depth.max(initial=0.0))
        self._velocity: tuple[Grid, Grid] | None = None
        self._safety = 1.0 - 8.0 * float(np.finfo(dtype).eps)
        self._trouble = ""

    def _make_scratch(self, ny: int, nx: int, strips: int) -> None:
        segments = math.ceil(nx / SEGMENT)
        self._wet = np.full((ny, segments), 2, dtype=np.uint8)
        self._rain_wake = RainWake(SEGMENT)
        self._wet_next = np.full((ny, segments), 2, dtype=np.uint8)
        self._halos = FaceWater(
            np.zeros((strips, HALO_ROWS, nx)),
            np.zeros((strips, HALO_ROWS, nx + 1), dtype=self._real),
            np.zeros((strips, HALO_ROWS, nx), dtype=self._real),
        )
        self._scratch = [
            FaceScratch(
                np.zeros((BUFFER_ROWS, nx + 1), dtype=self._real),
                np.zeros(nx),
                np.ones((2, nx)),
                np.zeros((2, 2, segments + 1), dtype=np.int64),
            )
            for _ in range(self._threads)
        ]

    def stable_step_s(self, conditions: SideConditions) -> float:
        """Longest stable step: ``cfl Δx / √(g h)`` of the deepest water, inside or at the edge."""
        deepest = max(self._deepest, deepest_at_edge(self._domain, conditions))
        return self._cfl * self._domain.cell_m / math.sqrt(GRAVITY_M_S2 * deepest) if deepest > 0 else math.inf

    def advance(self, now_s: float, step_s: float, rain: RainRate, conditions: SideConditions) -> float:
        """Advance by a step; return the net volume that came in over the edge, m³."""
        is_open = any(kind.any() for kind in conditions.kind)
        if is_open:
            self._edge(step_s, conditions)
        domain = self._domain
        water = FaceWater(self._depth, self._qx, self._qy)
        for field, halo in zip(water, self._halos, strict=True):
            copy_halos(field, self._bounds, halo)
        real = step_constants(
            self._real, step_s=step_s, cell_m=domain.cell_m, theta=self._theta, froude_limit=self._froude_limit
        )
        numbers = StepNumbers(
            now_s, step_s, domain.cell_m, SHALLOW_M, self._safety, self._arrival_depth_m, rain.highest_m_s > 0
        )
        ground = FaceGround(
            domain.bed_m, domain.crest_x_m, domain.crest_y_m, self._drag, rain.rate_m_s, rain.rows, rain.columns,
            domain.open_ground,
        )  # fmt: skip
        self._rain_wake.wake(self._wet, rain)
        memory = FaceMemory(self._wet, self._wet_next, self._peak, self._arrival, self._spell)

        def work(k: int) -> int:
            return local_inertial_strips(  # type: ignore[no-any-return]  # compiled
                k, self._threads, self._bounds, numbers, real, water, self._halos, ground, memory, self._scratch[k]
            )

        others = [] if self._pool is None else [self._pool.submit(work, k) for k in range(1, self._threads)]
        deepest = max([work(0), *(other.result() for other in others)])
        self._deepest = float(np.array([deepest], dtype=np.uint64).view(np.float64)[0])
        self._wet, self._wet_next = self._wet_next, self._wet
        self._velocity = None
        self._look_for_trouble()
        return self._over_the_edge() * step_s * domain.cell_m if is_open else 0.0

    def _edge(self, step_s: float, conditions: SideConditions) -> None:
        """Set the discharge of the outer faces for the step."""
        h, qx, qy = self._depth, self._qx, self._qy
        columns, rows = (slice(None), (0, -1)), ((0, -1), slice(None))
        flow = side_discharges(
            self._domain,
            conditions,
            step_s=step_s,
            froude_limit=self._froude_limit,
            depth=(h[columns].T, h[rows]),
            inner=(qx[:, (1, -2)].T, qy[(1, -2), :]),
            along=(0.5 * (qy[:-1, (0, -1)] + qy[1:, (0, -1)]).T, 0.5 * (qx[(0, -1), :-1] + qx[(0, -1), 1:])),
        )
        flags = (self._wet[:, 0], self._wet[:, -1], self._wet[0], self._wet[-1])
        for k, outer in enumerate((qx[:, 0], qx[:, -1], qy[0], qy[-1])):
            outer[:] = flow[k]
            moving = np.flatnonzero(outer)
            flags[k][moving if k < 2 else np.unique(moving // SEGMENT)] = 2

    def _over_the_edge(self) -> float:
        """Net discharge inwards per width over all outer faces, m²/s."""
        sides = (self._qx[:, 0], -self._qx[:, -1], self._qy[0], -self._qy[-1])
        return math.fsum(float(side.sum(dtype=np.float64)) for side in sides)

    def _look_for_trouble(self) -> None:
        if not self._deepest <= DEEPEST_M:
            wrong = ~((self._depth >= 0.0) & (self._depth <= DEEPEST_M))
            row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            self._trouble = f"a depth of {self._depth[row, column]:g} m at cell (row {row}, column {column})"

    def velocities(self) -> tuple[Grid, Grid]:
        """Cell velocities to the east and to the north, m/s; read-only."""
        if self._velocity is None:
            u, v = np.zeros(self._depth.shape, self._real), np.zeros(self._depth.shape, self._real)
            cell_velocities(
                self._depth, self._qx, self._qy, SHALLOW_M, GRAVITY_M_S2, min(self._froude_limit, 1e9), u, v
            )
            self._velocity = (u.view(), v.view())
            self._velocity[0].flags.writeable = self._velocity[1].flags.writeable = False
        return self._velocity

    def surface(self) -> Surface:
        """The state; the depth array itself, to read only."""
        bed, depth = self._domain.bed_m.view(), self._depth.view()
        bed.flags.writeable = depth.flags.writeable = False
        return _FaceSurface(self, bed, depth, self._domain.cell_m)

    def add_depth(self, cells: NDArray[np.int64], depth_m: NDArray[np.float64]) -> None:
        """Add water to cells or take it; the discharges of their faces follow in the next step."""
        h = self._depth.reshape(-1)
        after = np.maximum(h[cells] + depth_m, 0.0)
        h[cells] = after
        self._deepest = max(self._deepest, float(after.max(initial=0.0)))
        rows, columns = np.divmod(cells, self._depth.shape[1])
        self._wet[rows, columns // SEGMENT] = 2
        self._peak.reshape(-1)[cells] = np.maximum(self._peak.reshape(-1)[cells], after)
        self._velocity = None

    def absorb(self, infiltration: Infiltration, now_s: float, step_s: float) -> float:
        """Let the soil drink from the depths."""
        self._velocity = None
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
