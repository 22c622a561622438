"""Members of a flood ensemble run through the engine, each with its rain and its drains, on several processes."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.drains import drain_sinks, tank_exchange
from rencheng.assess.flood.exposure import object_depths
from rencheng.assess.flood.outfalls import Backflow, OutfallState
from rencheng.kernel import InvalidInput, RenchengError

__all__ = ["EnsembleRun", "MemberPool", "MemberRun", "MemberTask", "Plan", "member_pool", "run_ensemble", "run_member"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is the same for all members of a run.

    Parameters
    ----------
    begin_s : float
        Where the computation begins, seconds from the instant the forecast stands on (negative or 0).
    lead_s : tuple of float
        Instants wanted, evenly spaced, the first of them 0.
    rain_edges_s : float64 array, shape (steps + 1,)
        Edges of the rain's steps.
    scheme : str
        ``local_inertial`` or ``shallow_water``.
    dtype : str
        Arithmetic of velocities and fluxes, ``float32`` or ``float64``; volumes close to rounding in both.
    boundary : str
        ``open`` or ``closed``.
    looks : int
        How often to look between two instants wanted; the deepest of the looks up to an instant stands for it, so that
        water that came and went between them is not lost. The first instant is always as it is.
    """

    begin_s: float
    lead_s: tuple[float, ...]
    rain_edges_s: F64
    scheme: str = "local_inertial"
    dtype: str = "float32"
    boundary: str = "open"
    looks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberTask:
    """One member.

    Parameters
    ----------
    rate_mm_h : float32 array, shape (steps, gy, gx)
        Its rain.
    drain_ratio : float
        How well its inlets work.
    initial_loss_mm, loss_mm_h : float
        What open ground takes at first, and then at a rate.
    start_m : float32 array, shape (ny, nx), optional
        Water it begins with.
    outfalls : OutfallState, optional
        The river at the outfalls and their gates; sewers run freely where absent.
    pumps_from_m : float64 array, shape (tanks,), optional
        Depths from which the pumps of underpasses lift; from the first drop where absent.
    """

    rate_mm_h: F32
    drain_ratio: float = 1.0
    initial_loss_mm: float = 0.0
    loss_mm_h: float = 0.0
    start_m: F32 | None = None
    outfalls: OutfallState | None = None
    pumps_from_m: F64 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRun:
    """What came of one member.

    Parameters
    ----------
    depth_mm : uint16 array, shape (leads, ny, nx)
        Depths at the instants wanted.
    object_depth_m : float32 array, shape (leads, objects)
        Depth at every object.
    volume_error_ratio : float
        Water unaccounted for beside all water handled.
    stopped : str
        Why it ended early; empty if it did not.
    """

    depth_mm: NDArray[np.uint16]
    object_depth_m: F32
    volume_error_ratio: float
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleRun:
    """All members; arrays as of :class:`MemberRun` with members first."""

    depth_mm: NDArray[np.uint16]
    object_depth_m: F32
    volume_error_ratio: float


def run_member(
    domain: FloodDomain,
    plan: Plan,
    task: MemberTask,
    stop: Callable[[], bool] | None = None,
    *,
    threads: int | None = None,
) -> MemberRun:
    """Run one member from the beginning to the last instant wanted, on all processors or so many threads."""
    from rencheng.science.flood import simulate

    depth, below = _start(domain, task)
    river = Backflow(domain.outfalls, task.outfalls, domain.bed_m, domain.water, domain.grid) if task.outfalls else None
    others = () if river is None else (river,)
    common: dict[str, Any] = {
        "manning": domain.manning,
        "boundary": plan.boundary,
        "scheme": plan.scheme,
        "dtype": plan.dtype,
        "threads": threads,
        "active": domain.active,
        "infiltration": _losses(domain, task, river),
        "stop": stop,
    }
    errors: list[float] = []
    stopped = ""
    velocity: dict[str, Any] = {}
    bed, cell = domain.bed_m if river is None else river.bed_m, domain.grid.cell_m
    if plan.begin_s < 0.0:
        tanks = tank_exchange(domain, depth_m=below, ratio=task.drain_ratio, start_m=task.pumps_from_m)
        rain = _rain_between(plan, task, plan.begin_s, 0.0)
        past = simulate(bed, cell, -plan.begin_s, depth_m=depth, rain_mm_h=rain, exchanges=(tanks, *others), **common)
        depth, stopped = past.depth_m, past.stopped
        below = tanks.depths_at(np.array([past.end_s]))[0]
        velocity = {"velocity_x_m_s": past.velocity_x_m_s, "velocity_y_m_s": past.velocity_y_m_s}
        errors.append(abs(past.volume_error_ratio))
    depths = np.zeros((len(plan.lead_s), *depth.shape), np.float32)
    depths[0] = depth
    depths[0].reshape(-1)[domain.tanks.places] += below.astype(np.float32)
    if len(plan.lead_s) > 1 and not stopped:
        tanks = tank_exchange(domain, depth_m=below, ratio=task.drain_ratio, start_m=task.pumps_from_m)
        last, every = plan.lead_s[-1], plan.lead_s[1] - plan.lead_s[0]
        rain = _rain_between(plan, task, 0.0, last)
        ahead = simulate(
            bed,
            cell,
            last,
            depth_m=depth,
            rain_mm_h=rain,
            exchanges=(tanks, *others),
            save_every_s=every / plan.looks,
            **velocity,
            **common,
        )
        stopped = ahead.stopped
        errors.append(abs(ahead.volume_error_ratio))
        saved = [s for s in ahead.snapshots if s.time_s > 0.0][: (len(depths) - 1) * plan.looks]
        under = tanks.depths_at(np.array([s.time_s for s in saved]))
        for k, (state, tank) in enumerate(zip(saved, under, strict=True)):
            seen = state.depth_m.astype(np.float32)
            seen.reshape(-1)[domain.tanks.places] += tank.astype(np.float32)
            lead = 1 + k // plan.looks
            depths[lead] = np.maximum(depths[lead], seen)
    return MemberRun(
        depth_mm=np.clip(np.rint(depths * 1000.0), 0, 65535).astype(np.uint16),
        object_depth_m=object_depths(domain.objects, depths),
        volume_error_ratio=max(errors, default=0.0),
        stopped=stopped,
    )


def _start(domain: FloodDomain, task: MemberTask) -> tuple[F64, F64]:
    """Water on the raster (ny, nx) and in the underpasses (tanks,) at the beginning."""
    shape = (domain.grid.ny, domain.grid.nx)
    if task.start_m is None:
        return np.zeros(shape), np.zeros(len(domain.tanks))
    depth = np.where(domain.active, task.start_m, 0.0).astype(np.float64)
    flat, places = depth.reshape(-1), domain.tanks.places
    below = np.minimum(flat[places], domain.tanks.depth_m[:, -1])
    flat[places] -= below
    return depth, below


def _losses(domain: FloodDomain, task: MemberTask, river: Backflow | None) -> Any:
    from rencheng.science.flood.ground_losses import ConstantLossSoil, Losses

    sinks = drain_sinks(domain, ratio=task.drain_ratio, lost_m3_s=None if river is None else river.lost_m3_s)
    if task.loss_mm_h <= 0.0 and task.initial_loss_mm <= 0.0:
        return sinks
    shape, share = (domain.grid.ny, domain.grid.nx), domain.pervious_ratio
    soil = ConstantLossSoil(shape, rate_mm_h=task.loss_mm_h * share, initial_mm=task.initial_loss_mm * share)
    return Losses([soil, sinks])


def _rain_between(plan: Plan, task: MemberTask, begin_s: float, end_s: float) -> Any:
    """The member's rain from ``begin_s`` to ``end_s`` as the engine takes it, times counted from ``begin_s``."""
    from rencheng.science.flood import RainSeries

    edges = plan.rain_edges_s
    inside = (edges[1:] > begin_s + 1e-6) & (edges[:-1] < end_s - 1e-6)
    if not inside.any():
        return None
    times = np.maximum(edges[:-1][inside] - begin_s, 0.0)
    rate = task.rate_mm_h[inside].astype(np.float64)
    last = float(edges[1:][inside][-1])
    if last < end_s - 1e-6:
        times, rate = np.append(times, last - begin_s), np.concatenate([rate, np.zeros((1, *rate.shape[1:]))])
    return RainSeries(times_s=times, rate_mm_h=rate)


class MemberPool:
    """Processes that hold a domain and run members of it, kept from cycle to cycle.

    Parameters
    ----------
    domain : FloodDomain
        Sent to each process once.
    workers : int, optional
        Processes; one per core where absent. With one the members run in this very process.
    """

    def __init__(self, domain: FloodDomain, workers: int | None = None) -> None:
        self.domain = domain
        self.workers = max(1, workers if workers is not None else len(os.sched_getaffinity(0)))
        self._pool: ProcessPoolExecutor | None = None
        self._halt: Event | None = None

    def close(self) -> None:
        """Let the processes go."""
        if self._pool is not None:
            if self._halt is not None:
                self._halt.set()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def run(
        self,
        plan: Plan,
        tasks: list[MemberTask],
        *,
        stop: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> list[MemberRun] | None:
        """Run the members; None when ``stop`` said so before all were done.

        Raises
        ------
        RenchengError
            If a process died (out of memory, killed); the pool is gone then and a new call starts another.
        """
        if self.workers == 1 or len(tasks) == 1:
            return self._run_here(plan, tasks, stop, progress)
        pool, halt = self._started()
        halt.clear()
        futures = [pool.submit(_run_in_worker, plan, task) for task in tasks]
        try:
            while not all(f.done() for f in futures):
                wait(futures, timeout=_POLL_S, return_when=FIRST_COMPLETED)
                if progress is not None:
                    progress(sum(f.done() for f in futures) / len(futures))
                if stop is not None and stop():
                    self._abandon(futures, halt)
                    return None
            return [f.result() for f in futures]
        except BrokenProcessPool as error:
            self.close()
            raise RenchengError(
                "a process of the flood ensemble died", mend="Use larger cells or fewer processes; memory may be short"
            ) from error

    def _run_here(
        self,
        plan: Plan,
        tasks: list[MemberTask],
        stop: Callable[[], bool] | None,
        progress: Callable[[float], None] | None,
    ) -> list[MemberRun] | None:
        done: list[MemberRun] = []
        for task in tasks:
            if stop is not None and stop():
                return None
            done.append(run_member(self.domain, plan, task, stop))
            if progress is not None:
                progress(len(done) / len(tasks))
        return None if stop is not None and stop() else done

    def _started(self) -> tuple[ProcessPoolExecutor, Event]:
        if self._pool is None or self._halt is None:
            context = multiprocessing.get_context("spawn")
            self._halt = context.Event()
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=context, initializer=_begin_worker, initargs=(self.domain, self._halt)
            )
        return self._pool, self._halt

    @staticmethod
    def _abandon(futures: list[Future[MemberRun]], halt: Event) -> None:
        for future in futures:
            future.cancel()
        halt.set()
        wait([f for f in futures if not f.cancelled()])


@contextmanager
def member_pool(domain: FloodDomain, workers: int | None = None) -> Iterator[MemberPool]:
    """A pool that is let go at the end of the block."""
    pool = MemberPool(domain, workers)
    try:
        yield pool
    finally:
        pool.close()


_domain: FloodDomain | None = None
_halt: Event | None = None


def _begin_worker(domain: FloodDomain, halt: Event) -> None:
    global _domain, _halt
    _domain, _halt = domain, halt
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is killed; nobody else would tell it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _run_in_worker(plan: Plan, task: MemberTask) -> MemberRun:
    assert _domain is not None
    assert _halt is not None
    halt, looked = _halt, [0.0, False]

    def stop() -> bool:
        now = time.monotonic()
        if now - looked[0] > _POLL_S:  # asking another process at every step would cost more than the step
            looked[:] = now, halt.is_set()
        return bool(looked[1])

    return run_member(_domain, plan, task, stop, threads=1)


def run_ensemble(
    pool: MemberPool,
    plan: Plan,
    tasks: list[MemberTask],
    *,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> EnsembleRun | None:
    """Run all members of an ensemble.

    Parameters
    ----------
    pool : MemberPool
        Holds the domain.
    plan : Plan
        Times, rain steps and scheme.
    tasks : list of MemberTask
        Members.
    stop : callable, optional
        Asked often; True gives the run up.
    progress : callable, optional
        Told the share of members done.

    Returns
    -------
    EnsembleRun or None
        None when ``stop`` said so.

    Raises
    ------
    InvalidInput
        Without members, or if one diverged; says which and why.
    """
    if not tasks:
        raise InvalidInput("an ensemble without members", where="members", mend="Give one or more")
    runs = pool.run(plan, tasks, stop=stop, progress=progress)
    if runs is None:
        return None
    for number, run in enumerate(runs):
        if run.stopped:
            raise InvalidInput(f"member {number} of the flood ensemble diverged: {run.stopped}", where="flood engine")
    return EnsembleRun(
        depth_mm=np.stack([r.depth_mm for r in runs]),
        object_depth_m=np.stack([r.object_depth_m for r in runs]),
        volume_error_ratio=max(r.volume_error_ratio for r in runs),
    )
