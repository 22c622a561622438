"""Gates and fixed stations as alternatives: which positions to try while the river stands over the sewers' mouths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.ensemble import MemberTask
from rencheng.assess.flood.outfalls import OutfallState, river_level_at

__all__ = ["Trial", "gate_trials", "river_state", "station_trials"]

_WET_UNDERPASS_M = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One alternative: what it is and where, the cells it is judged at, and the ground and member to run.

    ``name`` is the kind of place and its id, such as ``outfall outfall-12``.
    """

    kind: str
    name: str
    lon: float
    lat: float
    cells: NDArray[np.int64]
    domain: FloodDomain
    task: MemberTask
    spread: bool = False
    """Whether the mean over the cells counts and not the deepest of them."""


def river_state(domain: FloodDomain, river: tuple[tuple[float, float, float], ...]) -> OutfallState | None:
    """The outfalls as they stand with their gates where nobody touched them; None while no river reaches a mouth."""
    level = river_level_at(domain.outfalls, river)
    drowned = np.isfinite(level) & (level > domain.outfalls.invert_m)
    if not drowned.any() and domain.outfalls.normally_open.all():
        return None
    return OutfallState(level_m=level, open=domain.outfalls.normally_open)


def gate_trials(domain: FloodDomain, state: OutfallState | None, task: MemberTask, *, most: int) -> Iterator[Trial]:
    """The other position of the sluices behind which most water is at stake.

    An open sluice is tried shut where the river stands higher than a street behind it; a shut one is tried open where
    it keeps sewers from draining that stand higher than the river. Which of them helps is for the model to say.
    """
    if state is None:
        return
    outfalls = domain.outfalls
    street = domain.bed_m.reshape(-1)[outfalls.inlet_cell]
    at = outfalls.inlet_outfall
    level = np.where(np.isfinite(state.level_m), state.level_m, -np.inf)
    threatened = np.where(state.open[at], street < level[at], street > level[at])
    stake = np.bincount(at, outfalls.inlet_m3_s * threatened, minlength=len(outfalls))
    stake[[g != "sluice_gate" for g in outfalls.gate]] = 0.0
    for outfall in np.argsort(-stake, kind="stable")[:most].tolist():
        if stake[outfall] <= 0.0:
            return
        opened = bool(state.open[outfall])
        yield Trial(
            kind="shut_gate" if opened else "open_gate",
            name=f"outfall {outfalls.node_id[outfall]}",
            lon=float(outfalls.lon[outfall]),
            lat=float(outfalls.lat[outfall]),
            cells=outfalls.inlet_cell[at == outfall],
            domain=domain,
            task=replace(task, outfalls=state.with_gate(outfall, opened=not opened)),
            spread=True,
        )


def station_trials(
    domain: FloodDomain, depth_m: NDArray[np.float32], task: MemberTask, *, most: int
) -> Iterator[Trial]:
    """The stations of the deepest underpasses, started at the first drop instead of at their level."""
    starts = task.pumps_from_m
    if starts is None or not len(domain.tanks):
        return
    deep = depth_m.reshape(-1)[domain.tanks.places]
    worth = np.where((deep >= _WET_UNDERPASS_M) & (starts > 0.0), deep, 0.0)
    for tank in np.argsort(-worth, kind="stable")[:most].tolist():
        if worth[tank] <= 0.0:
            return
        early = starts.copy()
        early[tank] = 0.0
        yield Trial(
            kind="start_pumps",
            name=f"station {domain.stations.control_id[tank]}",
            lon=float(domain.stations.lon[tank]),
            lat=float(domain.stations.lat[tank]),
            cells=domain.tanks.places[tank : tank + 1],
            domain=domain,
            task=replace(task, pumps_from_m=early),
        )
