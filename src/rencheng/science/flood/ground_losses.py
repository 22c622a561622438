"""What takes water off the cells of a running flood: soils by three laws, and storm drains by their design.

Each class fits the engine's ``infiltration`` argument; :class:`Losses` puts several behind one another. Depths are
changed in place and the exact change is returned, so that the account of water closes to rounding.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.compiled import KERNEL
from rencheng.science.flood.infiltration import (
    INITIAL_ABSTRACTION_RATIO,
    curve_number_retention_mm,
    curve_number_runoff_cell,
    green_ampt_cell,
)
from rencheng.science.flood.rain import RainSeries, rain_from

__all__ = ["ConstantLossSoil", "CurveNumberSoil", "DesignedDrains", "GreenAmptSoil", "GroundLoss", "Losses"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

INTERVAL_S = 10.0
"""Time between two calls unless said otherwise: short beside a storm, long beside a step."""

_MM = 1000.0
_THREADS = len(os.sched_getaffinity(0))
_CELLS_WORTH_A_THREAD = 60_000


class GroundLoss(Protocol):
    """Something that takes water from every cell; what the engine calls ``infiltration``."""

    @property
    def interval_s(self) -> float:
        """Simulated seconds between two calls."""
        ...

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Lower the depths (ny, nx) in place; return the sum of depths taken, m."""
        ...

    @property
    def taken_mm(self) -> F32:
        """Taken from each cell so far, mm over the cell, shape (ny, nx)."""
        ...


@njit(**KERNEL)
def _green_ampt_rows(
    first: int,
    stop: int,
    depth: F64,
    infiltrated: F32,
    conductivity: F32,
    suction: F32,
    pervious: F32,
    step_h: float,
    rows: F64,
) -> None:
    for j in range(first, stop):
        total = 0.0
        for i in range(depth.shape[1]):
            here = depth[j, i]
            if here <= 0.0:
                continue
            k = conductivity[j % conductivity.shape[0], i % conductivity.shape[1]]
            if k <= 0.0:
                continue
            share = pervious[j % pervious.shape[0], i % pervious.shape[1]]
            storage = suction[j % suction.shape[0], i % suction.shape[1]]
            into = green_ampt_cell(float(infiltrated[j, i]), here * 1000.0, float(k), float(storage), step_h)
            after = max(here - share * into / 1000.0, 0.0)
            infiltrated[j, i] += into
            depth[j, i] = after
            total += here - after
        rows[j] = total


@njit(**KERNEL)
def _capped_rows(first: int, stop: int, depth: F64, limit_mm: F32, scale: float, taken: F32, rows: F64) -> None:
    for j in range(first, stop):
        total = 0.0
        for i in range(depth.shape[1]):
            here = depth[j, i]
            if here <= 0.0:
                continue
            most = limit_mm[j % limit_mm.shape[0], i % limit_mm.shape[1]] * scale
            after = max(here - most / 1000.0, 0.0)
            depth[j, i] = after
            taken[j, i] += (here - after) * 1000.0
            total += here - after
        rows[j] = total


@njit(**KERNEL)
def _constant_rows(
    first: int, stop: int, depth: F64, initial: F32, rate: F32, step_h: float, taken: F32, rows: F64
) -> None:
    for j in range(first, stop):
        total = 0.0
        for i in range(depth.shape[1]):
            here = depth[j, i]
            if here <= 0.0:
                continue
            supply = here * 1000.0
            owed = max(initial[j % initial.shape[0], i % initial.shape[1]] - taken[j, i], 0.0)
            first = min(owed, supply)
            left_h = step_h * (1.0 - first / supply)
            lost = first + min(supply - first, rate[j % rate.shape[0], i % rate.shape[1]] * left_h)
            after = max(here - lost / 1000.0, 0.0)
            depth[j, i] = after
            taken[j, i] += (here - after) * 1000.0
            total += here - after
        rows[j] = total


@njit(**KERNEL)
def _curve_number_rows(
    first: int,
    stop: int,
    depth: F64,
    fallen: F64,
    rain_mm: F64,
    rain_rows: NDArray[np.int64],
    rain_columns: NDArray[np.int64],
    retention: F32,
    abstraction: float,
    owed: F32,
    taken: F32,
    rows: F64,
) -> None:
    for j in range(first, stop):
        total = 0.0
        for i in range(depth.shape[1]):
            at = rain_rows[j], rain_columns[i]
            s = float(retention[j % retention.shape[0], i % retention.shape[1]])
            before, now = fallen[at], fallen[at] + rain_mm[at]
            ran = curve_number_runoff_cell(now, s, abstraction) - curve_number_runoff_cell(before, s, abstraction)
            due = owed[j, i] + (now - before) - ran
            here = depth[j, i]
            if due <= 0.0:
                continue
            after = max(here - due / 1000.0, 0.0)
            depth[j, i] = after
            taken[j, i] += (here - after) * 1000.0
            owed[j, i] = max(due - (here - after) * 1000.0, 0.0)
            total += here - after
        rows[j] = total


def _map(values: ArrayLike, shape: tuple[int, int], name: str, *, most: float = np.inf) -> F32:
    """Give a map as (ny, nx) or (1, 1), refused with its cell where negative, NaN or too great."""
    raster = np.atleast_2d(np.asarray(values, dtype=np.float32))
    if raster.shape not in {(1, 1), shape}:
        raise InvalidInput(
            f"{name} has shape {raster.shape}, the raster {shape}", where=name, mend="Give one number or one per cell"
        )
    bad = ~((raster >= 0.0) & (raster <= most))
    if bad.any():
        row, column = np.unravel_index(int(np.argmax(bad)), raster.shape)
        raise InvalidInput(
            f"{name} is {raster[row, column]}",
            where=f"{name}, cell (row {row}, column {column})",
            mend=f"Give numbers from 0 to {most}; fill holes in the map",
        )
    return np.ascontiguousarray(raster)


def _over_rows(kernel: Callable[..., None], rows: F64, *arrays: Any) -> float:
    """Run a kernel over all rows, strips of them at once; the sum over rows does not depend on the strips."""
    count = max(1, min(_THREADS, arrays[0].size // _CELLS_WORTH_A_THREAD))
    cuts = [k * len(rows) // count for k in range(count + 1)]
    strips = list(itertools.pairwise(cuts))
    others = [_pool(os.getpid()).submit(kernel, first, stop, *arrays, rows) for first, stop in strips[1:]]
    kernel(*strips[0], *arrays, rows)
    for other in others:
        other.result()
    return float(np.sum(rows))


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    del process  # a pool does not live on in a forked process: each has its own
    return ThreadPoolExecutor(max(_THREADS - 1, 1), thread_name_prefix="ground-losses")


class GreenAmptSoil:
    """Soil that takes water by Green and Ampt's law (:func:`~rencheng.science.flood.infiltration.green_ampt_step`).

    What stands on a cell at the end of an interval is the supply of that interval; water that runs onto a cell soaks in
    like rain on it.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the raster.
    conductivity_mm_h, suction_mm, deficit_ratio : float or array (ny, nx)
        Soil.
    pervious_ratio : float or array (ny, nx)
        Share of each cell that is not sealed.
    infiltrated_mm : float or array (ny, nx)
        What the soil has taken before the run.
    interval_s : float
        Simulated seconds between two calls.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        conductivity_mm_h: ArrayLike,
        suction_mm: ArrayLike,
        deficit_ratio: ArrayLike,
        pervious_ratio: ArrayLike = 1.0,
        infiltrated_mm: ArrayLike = 0.0,
        interval_s: float = INTERVAL_S,
    ) -> None:
        suction = _map(suction_mm, shape, "suction_mm")
        deficit = _map(deficit_ratio, shape, "deficit_ratio", most=1.0)
        self._conductivity = _map(conductivity_mm_h, shape, "conductivity_mm_h")
        self._suction = np.ascontiguousarray(suction * deficit)
        self._pervious = _map(pervious_ratio, shape, "pervious_ratio", most=1.0)
        self._before = _map(infiltrated_mm, shape, "infiltrated_mm")
        self._infiltrated = np.ascontiguousarray(np.broadcast_to(self._before, shape)).astype(np.float32, copy=True)
        self._rows = np.zeros(shape[0])
        self.interval_s = interval_s

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Let the soil drink for a step; return the sum of depths taken, m."""
        del time_s
        maps = (self._conductivity, self._suction, self._pervious)
        return _over_rows(_green_ampt_rows, self._rows, depth_m, self._infiltrated, *maps, step_s / 3600.0)

    @property
    def taken_mm(self) -> F32:
        """Taken from each cell in the run."""
        return np.asarray((self._infiltrated - self._before) * self._pervious, dtype=np.float32)


class ConstantLossSoil:
    """Initial loss, then a constant rate (:func:`~rencheng.science.flood.infiltration.constant_loss_step`).

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the raster.
    rate_mm_h, initial_mm : float or array (ny, nx)
        Continuing loss rate and initial loss.
    interval_s : float
        Simulated seconds between two calls.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        rate_mm_h: ArrayLike,
        initial_mm: ArrayLike = 0.0,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._rate = _map(rate_mm_h, shape, "rate_mm_h")
        self._initial = _map(initial_mm, shape, "initial_mm")
        self._taken = np.zeros(shape, np.float32)
        self._rows = np.zeros(shape[0])
        self.interval_s = interval_s

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Take the losses of a step; return the sum of depths taken, m."""
        del time_s
        return _over_rows(_constant_rows, self._rows, depth_m, self._initial, self._rate, step_s / 3600.0, self._taken)

    @property
    def taken_mm(self) -> F32:
        """Taken from each cell so far."""
        return self._taken


class CurveNumberSoil:
    """Rain losses by the SCS curve number (:func:`~rencheng.science.flood.infiltration.curve_number_runoff_mm`).

    The law knows the rain of a storm only: water that runs onto a cell is not lost there. What a cell owes and has let
    run off already it pays from the water that comes later.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the raster.
    curve_number : float or array (ny, nx)
        0 (exclusive) … 100.
    rain_mm_h : float, array (ny, nx) or RainSeries
        The rain of the run, the same as given to the engine.
    rain_before_mm : float
        Rain of the same storm before the run.
    abstraction_ratio : float
        Initial abstraction as a share of the retention.
    interval_s : float
        Simulated seconds between two calls.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        curve_number: ArrayLike,
        rain_mm_h: float | F64 | RainSeries,
        rain_before_mm: float = 0.0,
        abstraction_ratio: float = INITIAL_ABSTRACTION_RATIO,
        interval_s: float = INTERVAL_S,
    ) -> None:
        retention = np.atleast_2d(curve_number_retention_mm(curve_number))
        self._retention = _map(retention, shape, "curve_number")
        self._abstraction = abstraction_ratio
        self._rain = rain_from(rain_mm_h, shape, 1.0, None)
        picture = self._rain.pictures[0]
        self._places = (picture.rows, picture.columns)
        self._fallen = np.full(picture.rate_m_s.shape, float(rain_before_mm))
        self._owed = np.zeros(shape, np.float32)
        self._taken = np.zeros(shape, np.float32)
        self._rows = np.zeros(shape[0])
        self.interval_s = interval_s

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Take the losses of the rain of a step; return the sum of depths taken, m."""
        fell = self._fell_mm(time_s, step_s)
        maps = (self._retention, self._abstraction, self._owed, self._taken)
        taken = _over_rows(_curve_number_rows, self._rows, depth_m, self._fallen, fell, *self._places, *maps)
        self._fallen = self._fallen + fell
        return taken

    def _fell_mm(self, time_s: float, step_s: float) -> F64:
        """Rain of a step on the rain's own grid."""
        fell, now, end = np.zeros_like(self._fallen), time_s, time_s + step_s
        while now < end:
            until = min(self._rain.next_change_s(now), end)
            fell += self._rain.at(now).rate_m_s * (until - now) * _MM
            now = until
        return fell

    @property
    def taken_mm(self) -> F32:
        """Taken from each cell so far."""
        return self._taken


class DesignedDrains:
    """Storm drains that take up to their capacity from the cells they serve.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the raster.
    capacity_mm_h : float or array (ny, nx)
        What the drains take over a cell (:func:`~rencheng.science.flood.inlets.design_capacity_mm_h`).
    interval_s : float
        Simulated seconds between two calls.
    """

    def __init__(self, shape: tuple[int, int], *, capacity_mm_h: ArrayLike, interval_s: float = INTERVAL_S) -> None:
        self._capacity = _map(capacity_mm_h, shape, "capacity_mm_h")
        self._taken = np.zeros(shape, np.float32)
        self._rows = np.zeros(shape[0])
        self.interval_s = interval_s

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Drain for a step; return the sum of depths taken, m."""
        del time_s
        return _over_rows(_capped_rows, self._rows, depth_m, self._capacity, step_s / 3600.0, self._taken)

    @property
    def taken_mm(self) -> F32:
        """Taken from each cell so far."""
        return self._taken


class Losses:
    """Several losses, each taking from what the one before has left.

    Parameters
    ----------
    parts : sequence of GroundLoss
        Soil first, then drains, as a rule.
    """

    def __init__(self, parts: Sequence[GroundLoss]) -> None:
        if not parts:
            raise InvalidInput("no losses at all", where="parts", mend="Leave the engine's infiltration out instead")
        self.parts = tuple(parts)
        self.sums_m = np.zeros(len(self.parts))

    @property
    def interval_s(self) -> float:
        """The shortest interval of the parts."""
        return min(part.interval_s for part in self.parts)

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Let each part take its share; return the sum of depths taken, m."""
        sums = np.array([part.absorb(depth_m, time_s, step_s) for part in self.parts])
        self.sums_m += sums
        return float(sums.sum())

    @property
    def taken_mm(self) -> F32:
        """Taken from each cell by all parts."""
        total = self.parts[0].taken_mm.copy()
        for part in self.parts[1:]:
            total += part.taken_mm
        return total
