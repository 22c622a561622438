"""Many storms over one small raster, from dry ground to the greatest depth at every cell.

The local inertial approximation as in ``science/flood`` (same face equation, damping and limits) in single precision,
all steps of a run compiled: on rasters of some thousand cells the flood engine spends its time between the steps.
Surfaces are reckoned from the sill of each face, so that single precision loses nothing to the height of the city.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.storm_batch.kernels import GRAVITY_M_S2, run_lanes
from rencheng.science.storm_batch.mesh import BatchMesh

__all__ = ["LANES", "BatchGround", "BatchPeaks", "BatchRain", "BatchTanks", "run_storms"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Grid = NDArray[Any]

LANES = 64
"""Storms of a batch at most; their fields of some thousand cells then still lie in the second and third cache."""

_PADDED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTanks:
    """Holes beside the raster that swallow what reaches their cell until they are full.

    Parameters
    ----------
    places : int64 array, shape (n,)
        Flat raster cell of each.
    room_m3, pump_m3_s : float64 arrays, shape (n,)
        What each holds, and what its pumps lift.
    """

    places: I64
    room_m3: F64
    pump_m3_s: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchGround:
    """Ground of a batch; arrays of shape (ny, nx).

    Parameters
    ----------
    mesh : BatchMesh
        Cells and faces.
    cell_m : float
        Cell width.
    bed_m, manning : arrays
        Ground and roughness.
    drain_mm_h : array
        What drains, pumps and standing waters take at most.
    soil_initial_mm, soil_mm_h : arrays
        What the soil or a roof takes at first and then, beyond that.
    tanks : BatchTanks
        Underpasses.
    """

    mesh: BatchMesh
    cell_m: float
    bed_m: F64
    manning: Grid
    drain_mm_h: Grid
    soil_initial_mm: Grid
    soil_mm_h: Grid
    tanks: BatchTanks


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRain:
    """Rain of some storms (as many as :data:`LANES` at most), constant over steps.

    Parameters
    ----------
    step_s : float
        Length of a step of the rain.
    rate_mm_h : array, shape (storms, steps, rain cells)
        Rates; after the last step it is dry.
    rain_cell : int array, shape (ny, nx)
        Rain cell over each cell of the raster.
    duration_s : array, shape (storms,)
        Simulated time.
    """

    step_s: float
    rate_mm_h: Grid
    rain_cell: NDArray[np.integer]
    duration_s: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPeaks:
    """Outcome of a batch.

    Parameters
    ----------
    peak_depth_m : float32 array, shape (storms, ny, nx)
        Greatest depth.
    tank_volume_m3 : float64 array, shape (storms, tanks)
        Greatest volume in each tank.
    steps : int64 array, shape (storms,)
        Time steps.
    volume_error_ratio : float64 array, shape (storms,)
        Water gained or lost to rounding as a share of the rain; what left over the edge of the raster is booked.
    """

    peak_depth_m: F32
    tank_volume_m3: F64
    steps: I64
    volume_error_ratio: F64


def run_storms(ground: BatchGround, rain: BatchRain) -> BatchPeaks:
    """Let storms pass over dry ground, all at once.

    Returns
    -------
    BatchPeaks
        In the order given; each storm's outcome has the same bits whatever storms run beside it.

    Raises
    ------
    InvalidInput
        If there are no storms, too many, or their rain is negative or no number.
    """
    mesh, count = ground.mesh, len(rain.rate_mm_h)
    if not 1 <= count <= LANES or rain.rate_mm_h.ndim != 3 or len(rain.duration_s) != count:
        raise InvalidInput(
            f"{count} storms of a batch", where="rain", mend=f"Give 1 to {LANES}, each with its duration"
        )
    if not (np.isfinite(rain.rate_mm_h).all() and rain.rate_mm_h.min(initial=0.0) >= 0.0):
        raise InvalidInput("rain is negative or no number", where="rain.rate_mm_h", mend="Fill the gap or set 0")
    lanes = -(-count // _PADDED) * _PADDED
    rates = np.zeros((lanes, *rain.rate_mm_h.shape[1:]), np.float32)
    rates[:count] = rain.rate_mm_h / 3.6e6
    duration = np.zeros(lanes)
    duration[:count] = rain.duration_s
    peak, most = np.zeros((len(mesh.cells), lanes), np.float32), np.zeros((len(ground.tanks.places), lanes))
    steps, account = np.zeros(lanes, np.int64), np.zeros((3, lanes))
    run_lanes(
        _lists(mesh), _faces_of(ground), ground.cell_m, rates, rain.step_s,
        np.ascontiguousarray(rain.rain_cell.ravel()[mesh.cells], np.int32), duration, _drains(ground), _soil(ground),
        _tanks(ground), peak, most, steps, account,
    )  # fmt: skip
    whole = np.zeros((count, mesh.shape[0] * mesh.shape[1]), np.float32)
    whole[:, mesh.cells] = peak[:, :count].T
    fell, taken, stored = account[:, :count]
    return BatchPeaks(
        peak_depth_m=whole.reshape(count, *mesh.shape),
        tank_volume_m3=np.ascontiguousarray(most[:, :count].T),
        steps=steps[:count],
        volume_error_ratio=(taken + stored - fell) / np.maximum(fell, 1e-300),
    )


def _lists(mesh: BatchMesh) -> tuple[Grid, ...]:
    edge_cells = np.zeros(mesh.edges.shape[1], np.int32)
    of_face = np.zeros(mesh.sides.shape[1] + mesh.edges.shape[1] + 1, np.int32)
    for side in mesh.faces:
        of_face[side] = np.arange(len(mesh.cells), dtype=np.int32)
    edge_cells[:] = of_face[mesh.edges[0]]
    return mesh.sides, mesh.along, mesh.across, mesh.faces, mesh.edges, edge_cells


def _faces_of(ground: BatchGround) -> F32:
    """Bed of both sides below the sill and ``g n²`` of each inner face, shape (3, faces)."""
    bed = ground.bed_m.ravel()[ground.mesh.cells]
    drag = GRAVITY_M_S2 * np.asarray(ground.manning, np.float64).ravel()[ground.mesh.cells] ** 2
    a, b = ground.mesh.sides
    sill = np.maximum(bed[a], bed[b])
    return np.stack([bed[a] - sill, bed[b] - sill, 0.5 * (drag[a] + drag[b])]).astype(np.float32)


def _drains(ground: BatchGround) -> tuple[Grid, ...]:
    rate = np.asarray(ground.drain_mm_h, np.float64).ravel()[ground.mesh.cells] / 3.6e6
    cell = np.flatnonzero(rate > 0.0)
    return cell.astype(np.int32), rate[cell].astype(np.float32)


def _soil(ground: BatchGround) -> tuple[Grid, ...]:
    initial = np.asarray(ground.soil_initial_mm, np.float64).ravel()[ground.mesh.cells] / 1000.0
    rate = np.asarray(ground.soil_mm_h, np.float64).ravel()[ground.mesh.cells] / 3.6e6
    cell = np.flatnonzero((initial > 0.0) | (rate > 0.0))
    return cell.astype(np.int32), initial[cell].astype(np.float32), rate[cell].astype(np.float32)


def _tanks(ground: BatchGround) -> tuple[Grid, ...]:
    cell = np.searchsorted(ground.mesh.cells, ground.tanks.places)
    return cell.astype(np.int32), ground.tanks.room_m3, ground.tanks.pump_m3_s
