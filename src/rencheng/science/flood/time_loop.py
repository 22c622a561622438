"""The run through time: steps that meet every event, sources between them, and the account of water."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import Boundary, SideConditions
from rencheng.science.flood.exchange import settle
from rencheng.science.flood.inflow import Inflow
from rencheng.science.flood.ports import Exchange, Infiltration, Stepper, Surface
from rencheng.science.flood.rain import Rain
from rencheng.science.flood.result import FloodResult, Snapshot, Volumes

__all__ = ["Forcing", "Progress", "run"]

F64 = NDArray[np.float64]

LONGEST_STEP_S = 60.0
"""No step is longer, so that nothing that works in time (a soil, a pump) is passed over."""

SHORTEST_STEP_RATIO = 1e-10
"""A step shorter than this share of the run means that it has collapsed."""

GRAVITY_M_S2 = 9.80665

Progress = Callable[[float, int], None]
"""Called with the simulated time and the count of steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forcing:
    """What drives a run and when to look at it.

    Parameters
    ----------
    rain, inflows, boundary : checked inputs
    exchanges : tuple of Exchange
    infiltration : Infiltration or None
    duration_s : float
        Simulated time.
    save_every_s : float or None
        Interval of snapshots.
    cfl : float
        Courant number, for steps limited by sources.
    max_steps : int or None
        Steps after which the run stops.
    progress, stop : callables or None
    """

    rain: Rain
    inflows: tuple[Inflow, ...]
    boundary: Boundary
    exchanges: tuple[Exchange, ...]
    infiltration: Infiltration | None
    duration_s: float
    save_every_s: float | None
    cfl: float
    max_steps: int | None
    progress: Progress | None
    stop: Callable[[], bool] | None


@dataclass(slots=True)
class _Account:
    rain: float = 0.0
    inflow: float = 0.0
    edge: float = 0.0
    infiltrated: float = 0.0
    exchanged: float = 0.0


@dataclass(slots=True)
class _Run:
    now_s: float = 0.0
    steps: int = 0
    soil_s: float = 0.0
    account: _Account = field(default_factory=_Account)
    snapshots: list[Snapshot] = field(default_factory=list)
    stopped: str = ""


def run(stepper: Stepper, forcing: Forcing) -> FloodResult:
    """Drive a stepper from 0 to ``forcing.duration_s`` and give account.

    Steps end exactly at the end of the run, at snapshots and where the rain changes. A run that cannot go on, or is
    told to stop, ends with the state it has and says why in ``stopped``.
    """
    state = _Run()
    initial = stepper.volume_m3()
    if forcing.save_every_s is not None:
        state.snapshots.append(_snapshot(stepper, 0.0))
    while state.now_s < forcing.duration_s and not state.stopped:
        _step(stepper, forcing, state)
        if forcing.progress is not None:
            forcing.progress(state.now_s, state.steps)
        state.stopped = _reason_to_stop(stepper, forcing, state)
    return _result(stepper, state, initial)


def _reason_to_stop(stepper: Stepper, forcing: Forcing, state: _Run) -> str:
    if trouble := stepper.trouble():
        return f"diverged after {state.now_s:g} s and {state.steps} steps: {trouble}"
    if state.now_s >= forcing.duration_s:
        return ""
    if forcing.stop is not None and forcing.stop():
        return f"told to stop after {state.now_s:g} s"
    if forcing.max_steps is not None and state.steps >= forcing.max_steps:
        return f"reached {state.steps} steps after {state.now_s:g} s"
    return state.stopped


def _step(stepper: Stepper, forcing: Forcing, state: _Run) -> None:
    levels = _edge_levels(stepper.surface()) if forcing.boundary.needs_levels else None
    conditions = forcing.boundary.during(state.now_s, 0.0, levels)
    rain = forcing.rain.at(state.now_s)
    step_s, end_s = _step_length(stepper, forcing, state, conditions, rain.highest_m_s)
    if step_s < SHORTEST_STEP_RATIO * forcing.duration_s:
        state.stopped = f"diverged after {state.now_s:g} s and {state.steps} steps: the step fell to {step_s:.3g} s"
        return
    if not forcing.boundary.is_steady:
        conditions = forcing.boundary.during(state.now_s, step_s, levels)
    account = state.account
    account.edge += stepper.advance(state.now_s, step_s, rain, conditions)
    account.rain += rain.inflow_m3_s * step_s
    _pour(stepper, forcing, state, step_s)
    _drink(stepper, forcing, state, step_s, end_s)
    for exchange in forcing.exchanges:
        account.exchanged += _exchange(stepper, exchange, end_s, step_s)
    state.now_s = end_s
    state.steps += 1
    if forcing.save_every_s is not None and _is_save(end_s, forcing):
        state.snapshots.append(_snapshot(stepper, end_s))


def _step_length(
    stepper: Stepper, forcing: Forcing, state: _Run, conditions: SideConditions, rain_m_s: float
) -> tuple[float, float]:
    """Length and end of the next step: stable, and ending exactly at the next event."""
    stable = min(stepper.stable_step_s(conditions), LONGEST_STEP_S)
    surface = stepper.surface()
    source = rain_m_s
    for inflow in forcing.inflows:
        peak = abs(float(np.interp(state.now_s, inflow.times_s, inflow.discharge_m3_s)))
        source = max(source, rain_m_s + peak / (len(inflow.cells) * surface.cell_m**2))
    if source > 0:
        # water that appears during the step must not outrun it: cfl Δx = 2 √(g s Δt) Δt
        stable = min(stable, (0.5 * forcing.cfl * surface.cell_m / math.sqrt(GRAVITY_M_S2 * source)) ** (2.0 / 3.0))
    event = _next_event_s(forcing, state.now_s)
    left = event - state.now_s
    if stable >= left * (1.0 - 1e-12):
        return left, event
    if 2.0 * stable > left:  # two equal steps rather than a long and a tiny one
        return 0.5 * left, state.now_s + 0.5 * left
    return stable, state.now_s + stable


def _next_event_s(forcing: Forcing, now_s: float) -> float:
    event = min(forcing.duration_s, forcing.rain.next_change_s(now_s))
    if forcing.save_every_s is not None:
        k = math.floor(now_s / forcing.save_every_s * (1.0 + 1e-12) + 1e-9) + 1
        event = min(event, k * forcing.save_every_s)
    return event


def _is_save(now_s: float, forcing: Forcing) -> bool:
    if forcing.save_every_s is None:
        return False
    count = now_s / forcing.save_every_s
    return abs(count - round(count)) < 1e-9 * max(count, 1.0) or now_s >= forcing.duration_s


def _pour(stepper: Stepper, forcing: Forcing, state: _Run, step_s: float) -> None:
    for inflow in forcing.inflows:
        volume = inflow.volume_m3(state.now_s, step_s)
        if volume == 0.0:
            continue
        surface = stepper.surface()
        area = surface.cell_m**2
        change = np.full(len(inflow.cells), volume / (len(inflow.cells) * area))
        if volume < 0:
            held = surface.depth_m.reshape(-1)[inflow.cells]
            change = -np.minimum(-change, held * (1.0 - 1e-12))
        stepper.add_depth(inflow.cells, change)
        state.account.inflow += float(change.sum()) * area


def _drink(stepper: Stepper, forcing: Forcing, state: _Run, step_s: float, end_s: float) -> None:
    soil = forcing.infiltration
    if soil is None:
        return
    state.soil_s += step_s
    if state.soil_s >= soil.interval_s or end_s >= forcing.duration_s:
        taken = stepper.absorb(soil, end_s - state.soil_s, state.soil_s)
        if not math.isfinite(taken):
            state.stopped = f"infiltration took {taken} m of depth at {end_s:g} s"
            return
        state.account.infiltrated += taken * stepper.surface().cell_m ** 2
        state.soil_s = 0.0


def _exchange(stepper: Stepper, exchange: Exchange, end_s: float, step_s: float) -> float:
    """Move the water an exchange asks for; return what came onto the surface from outside, m³."""
    surface = stepper.surface()
    transfers = exchange.exchange(end_s, step_s, surface)
    if not len(transfers.volume_m3):
        exchange.moved(np.zeros(0))
        return 0.0
    area = surface.cell_m**2
    moved, cells, change = settle(transfers, surface.depth_m.reshape(-1), area)
    stepper.add_depth(cells, change)
    exchange.moved(moved)
    return float(np.sum(moved[transfers.from_cells < 0])) - float(np.sum(moved[transfers.to_cells < 0]))


def _edge_levels(surface: Surface) -> tuple[F64, F64, F64, F64]:
    level = np.where(surface.depth_m > 0, surface.bed_m + surface.depth_m, np.nan)
    return level[:, 0], level[:, -1], level[0], level[-1]


def _snapshot(stepper: Stepper, now_s: float) -> Snapshot:
    surface = stepper.surface()
    return Snapshot(
        time_s=now_s,
        depth_m=surface.depth_m.astype(np.float32),
        velocity_x_m_s=surface.velocity_x_m_s.astype(np.float32),
        velocity_y_m_s=surface.velocity_y_m_s.astype(np.float32),
    )


def _released(view: NDArray[Any]) -> NDArray[Any]:
    """The array behind a read-only view of a stepper that is done: handed over, not copied."""
    return view.base if isinstance(view.base, np.ndarray) and view.base.shape == view.shape else view


def _result(stepper: Stepper, state: _Run, initial: float) -> FloodResult:
    surface = stepper.surface()
    records = stepper.records()
    records.arrival_s[np.isinf(records.arrival_s)] = np.nan
    account = state.account
    volumes = Volumes(
        initial=initial,
        rain=account.rain,
        inflow=account.inflow,
        edge=account.edge,
        infiltrated=account.infiltrated,
        exchanged=account.exchanged,
        stored=stepper.volume_m3(),
    )
    return FloodResult(
        depth_m=_released(surface.depth_m),
        velocity_x_m_s=_released(surface.velocity_x_m_s),
        velocity_y_m_s=_released(surface.velocity_y_m_s),
        peak_depth_m=records.peak_depth_m,
        arrival_s=records.arrival_s,
        duration_s=records.spell_s,
        steps=state.steps,
        end_s=state.now_s,
        volumes=volumes,
        volume_error_ratio=volumes.error_ratio,
        snapshots=tuple(state.snapshots),
        stopped=state.stopped,
    )
