"""A flood run whose state lives on a GPU: what both schemes share.

Depth and bed are float64 on the device as on the host; velocities or discharges have the type the run asks for. Every
array of state is there twice: a step reads one set and writes the other. With float32 a cell takes 52 bytes.

Nothing comes back to the host in a step but the largest depth or speed (1,024 numbers), which the next step's length
needs. The edge of the raster (where it is open) is worked out on the host by the same function as on the processor,
from a copy of the outer cells. Exchanges and soils that look at the surface have it copied to the host; on big rasters
give them an interval.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.cuda_device import AWAKE, SLOTS, TILE_X, TILE_Y, cuda, kernel, require_cuda
from rencheng.science.flood.domain import Domain
from rencheng.science.flood.ports import FloodRecords, Infiltration, Surface
from rencheng.science.flood.rain import RainRate

__all__ = ["THREADS", "CudaStepper", "DeviceSurface"]

Grid = NDArray[Any]

THREADS = 128
"""Threads of a block of the small kernels that walk over lists and edges."""


def _gather_edges(field: Any, inset: Any, along_x: Any, along_y: Any) -> None:
    """Copy columns ``inset`` and ``-1 - inset`` of a field, and rows likewise, into (2, ny) and (2, nx) arrays."""
    k = cuda.grid(1)
    rows, columns = field.shape
    across, down = min(inset, columns - 1), min(inset, rows - 1)
    if k < rows:
        along_x[0, k] = field[k, across]
        along_x[1, k] = field[k, columns - 1 - across]
    if k < columns:
        along_y[0, k] = field[down, k]
        along_y[1, k] = field[rows - 1 - down, k]


_gather_kernel = kernel(_gather_edges)


class DeviceSurface(Surface):
    """A surface whose arrays are copied from the device when somebody asks for them."""

    __slots__ = ("_owner",)
    _owner: CudaStepper

    def __init__(self, owner: CudaStepper) -> None:
        object.__setattr__(self, "_owner", owner)
        object.__setattr__(self, "bed_m", owner.domain.bed_m)
        object.__setattr__(self, "cell_m", owner.domain.cell_m)

    @property
    def depth_m(self) -> Grid:
        """Depth, m."""
        return self._owner.host_depth()

    @property
    def velocity_x_m_s(self) -> Grid:
        """Velocity to the east, m/s."""
        return self._owner.host_velocities()[0]

    @property
    def velocity_y_m_s(self) -> Grid:
        """Velocity to the north, m/s."""
        return self._owner.host_velocities()[1]


class CudaStepper:
    """State on the device and what the time loop asks of it; each scheme adds its step.

    Parameters
    ----------
    domain : Domain
        Ground, roughness, walls and start, checked.
    dtype : numpy dtype
        Arithmetic of velocities, discharges and fluxes.
    cfl : float
        Courant number of the scheme.
    arrival_depth_m : float
        Depth that counts as flooded for arrival and duration.

    Raises
    ------
    InvalidInput
        Where there is no CUDA device.
    """

    def __init__(self, domain: Domain, *, dtype: Any, cfl: float, arrival_depth_m: float, gravity_m_s2: float) -> None:
        require_cuda()
        self.domain = domain
        self.dtype = np.dtype(dtype)
        self.cfl = cfl
        self.arrival_depth_m = arrival_depth_m
        ny, nx = domain.shape
        self.blocks = (math.ceil(nx / TILE_X), math.ceil(ny / TILE_Y))
        self.depth = [cuda.to_device(domain.depth_m), cuda.to_device(domain.depth_m)]
        self.bed = cuda.to_device(domain.bed_m)
        self.crest_x, self.crest_y = cuda.to_device(domain.crest_x_m), cuda.to_device(domain.crest_y_m)
        drag = (gravity_m_s2 * domain.manning**2).astype(dtype)
        self.drag = cuda.to_device(np.ascontiguousarray(np.broadcast_to(drag, (drag.shape[0], nx))))
        self.open_ground = cuda.to_device(domain.open_ground)
        self.peak = cuda.to_device(domain.depth_m.astype(np.float32))
        arrival = np.where(domain.depth_m >= arrival_depth_m, 0.0, np.inf).astype(np.float32)
        self.arrival = cuda.to_device(arrival)
        self.spell = cuda.to_device(np.zeros((ny, nx), dtype=np.float32))
        awake = np.full(self.blocks[::-1], AWAKE, dtype=np.uint8)
        self.awake = [cuda.to_device(awake), cuda.to_device(awake)]
        self.slots = cuda.to_device(np.zeros(SLOTS))
        self.now = 0
        self._rain: tuple[int, tuple[Any, ...]] = (0, ())
        self._host: dict[str, Any] = {}

    def rain_on_device(self, rain: RainRate) -> tuple[Any, ...]:
        """The rain's arrays on the device, copied when the rain changes."""
        if self._rain[0] != id(rain.rate_m_s):
            fields = (rain.rate_m_s, rain.rows, rain.columns)
            self._rain = (id(rain.rate_m_s), (*(cuda.to_device(f) for f in fields), rain))
        return self._rain[1][:3]

    def largest(self) -> float:
        """What the blocks of the last step left: their largest depth or speed; the places are cleared."""
        value = float(self.slots.copy_to_host().max())
        self.slots.copy_to_device(np.zeros(SLOTS))
        return value

    def flip(self) -> None:
        """What was written becomes the state."""
        self.now = 1 - self.now
        self._host = {}

    def edges_of(self, field: Any, inset: int = 0) -> tuple[Grid, Grid]:
        """Outer columns (2, rows) and outer rows (2, columns) of a device array, or those ``inset`` further in."""
        rows, columns = field.shape
        along_x = cuda.device_array((2, rows), dtype=field.dtype)
        along_y = cuda.device_array((2, columns), dtype=field.dtype)
        _gather_kernel[math.ceil(max(rows, columns) / THREADS), THREADS](field, inset, along_x, along_y)
        return along_x.copy_to_host(), along_y.copy_to_host()

    def wake_all(self) -> None:
        """Let every tile take part in the next steps."""
        self.awake[self.now].copy_to_device(np.full(self.blocks[::-1], AWAKE, dtype=np.uint8))

    def host_depth(self) -> Grid:
        """Depth in host memory, read-only."""
        if "depth" not in self._host:
            depth = self.depth[self.now].copy_to_host().view()
            depth.flags.writeable = False
            self._host["depth"] = depth
        kept: Grid = self._host["depth"]
        return kept

    def host_velocities(self) -> tuple[Grid, Grid]:
        """Velocities in host memory, read-only."""
        if "velocity" not in self._host:
            u, v = (field.view() for field in self.fetch_velocities())
            u.flags.writeable = v.flags.writeable = False
            self._host["velocity"] = (u, v)
        kept: tuple[Grid, Grid] = self._host["velocity"]
        return kept

    def fetch_velocities(self) -> tuple[Grid, Grid]:
        """Velocities, copied from the device; each scheme knows how."""
        raise NotImplementedError

    def pour(self, cells: Any, depth_m: Any, after: Any) -> None:
        """Change the depth of cells on the device and leave in ``after`` what limits the next step there."""
        raise NotImplementedError

    def after_adding(self, after: Grid) -> None:
        """Take note of what :meth:`pour` left."""
        raise NotImplementedError

    def surface(self) -> Surface:
        """The state; arrays are copied when asked for."""
        return DeviceSurface(self)

    def add_depth(self, cells: NDArray[np.int64], depth_m: NDArray[np.float64]) -> None:
        """Add water to cells or take it."""
        if not len(cells):
            return
        after = cuda.device_array(len(cells), dtype=np.float64)
        change = cuda.to_device(np.ascontiguousarray(depth_m))
        self.pour(cuda.to_device(np.ascontiguousarray(cells)), change, after)
        self._host = {}
        self.after_adding(after.copy_to_host())

    def absorb(self, infiltration: Infiltration, now_s: float, step_s: float) -> float:
        """Let the soil drink, on the host."""
        depth = self.depth[self.now].copy_to_host()
        taken = infiltration.absorb(depth, now_s, step_s)
        self.depth[self.now].copy_to_device(depth)
        self.wake_all()
        self._host = {}
        return taken

    def volume_m3(self) -> float:
        """Water on the surface, by exact summation of row sums."""
        return math.fsum(self.host_depth().sum(axis=1).tolist()) * self.domain.cell_m**2

    def records(self) -> FloodRecords:
        """Peak, arrival and spell so far."""
        return FloodRecords(
            peak_depth_m=self.peak.copy_to_host(),
            arrival_s=self.arrival.copy_to_host(),
            spell_s=self.spell.copy_to_host(),
        )

    def close(self) -> None:
        """Nothing to let go: arrays are freed with the object."""
