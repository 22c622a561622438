"""Alternatives for pumps, inlets and gates, tried in the model: what would be lower, and for whom; nothing moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import FloodOption
from rencheng.assess.flood.cycle import CycleResult, member_traits
from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.ensemble import MemberRun, MemberTask, Plan, run_member
from rencheng.assess.flood.gate_advice import Trial, gate_trials, river_state, station_trials
from rencheng.assess.flood.objects import OBJECT_KINDS, THRESHOLDS_M
from rencheng.kernel import derived_id

__all__ = ["HORIZON_MIN", "PUMP_M3_S", "advise"]

HORIZON_MIN = 60
"""Alternatives are compared over so many minutes: what a crew that sets out now can still change."""
PUMP_M3_S = 1000.0 / 3600.0
"""A mobile pump of 1,000 m³/h."""
_CLEARED_M = 150.0
_CLEARED_RATIO = 1.2
"""Inlets within this distance, freed of leaves and silt, take a fifth more than their design."""
_APART_M = 200.0
_LEAST_LOWERED_M = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where something may be done: a wet underpass or the wettest of some wet buildings."""

    name: str
    lon: float
    lat: float
    cells: NDArray[np.int64]
    people: float


def advise(
    domain: FloodDomain,
    result: CycleResult,
    *,
    places: int,
    river: tuple[tuple[float, float, float], ...] = (),
    stop: Callable[[], bool] | None = None,
) -> tuple[FloodOption, ...]:
    """Try pumps, inlets, gates and stations where they matter most, in the middle member of the ensemble.

    A mobile pump and cleared inlets at the worst places; the other position of the gates behind which most is at stake
    while the river stands over their sewers; and the stations of flooded underpasses started at the first drop.

    Parameters
    ----------
    domain : FloodDomain
        The city's ground.
    result : CycleResult
        The forecast that raises the question.
    places : int
        Worst places (and gates, and stations) to try at; 0 for no advice.
    river : tuple of (x_m, y_m, level_m)
        Height of the river at its gauges, in the terrain's datum; without it gates are not tried.
    stop : callable, optional
        True gives it up; what was tried by then counts.

    Returns
    -------
    tuple of FloodOption
        What helps, best first: by residents, then underpasses, then depth at the place. Empty where nothing is wet.
    """
    worst = _worst_places(domain, result)[:places]
    state = river_state(domain, river)
    if places <= 0 or (not worst and state is None):
        return ()
    plan, task = _middle_member(result)
    task = replace(task, outfalls=state, pumps_from_m=domain.stations.start_m)
    trials = [
        *(t for place in worst for t in _at_place(domain, place, task)),
        *gate_trials(domain, state, task, most=places),
        *station_trials(domain, result.frames.depth_m.max(axis=0), task, most=places),
    ]
    if not trials:
        return ()
    base = run_member(domain, plan, task, stop)
    options = []
    for trial in trials:
        if stop is not None and stop():
            return ()
        option = _compared(domain, trial, base, run_member(trial.domain, plan, trial.task, stop))
        if option.lowered_m >= _LEAST_LOWERED_M and option.avoided_residents >= 0.0:
            options.append(option)
    best = sorted(options, key=lambda o: (-o.avoided_residents, -o.avoided_underpasses, -o.lowered_m, o.option_id))
    return tuple(best)


def _at_place(domain: FloodDomain, place: _Place, task: MemberTask) -> Iterator[Trial]:
    pumped, cleared = _pumped(domain, place, task), _cleared(domain, place, task)
    for kind, changed in (("mobile_pump", pumped), ("clear_inlets", cleared)):
        if changed is not None:
            yield Trial(
                kind=kind, name=place.name, lon=place.lon, lat=place.lat, cells=place.cells, domain=changed, task=task
            )


def _middle_member(result: CycleResult) -> tuple[Plan, MemberTask]:
    """The member whose rain ahead is the weighted median."""
    ahead = result.rain.edges_s[:-1] >= 0.0
    amount = result.rain.rate_mm_h[:, ahead].mean(axis=(2, 3)).sum(axis=1)
    order = np.argsort(amount, kind="stable")
    middle = int(order[np.searchsorted(np.cumsum(result.weights[order]), 0.5 - 1e-9)])
    leads = tuple(60.0 * m for m in result.lead_min if m <= HORIZON_MIN)
    plan = Plan(begin_s=0.0, lead_s=leads, rain_edges_s=result.rain.edges_s, scheme=result.scheme)
    traits = member_traits(len(amount))
    task = MemberTask(
        rate_mm_h=result.rain.rate_mm_h[middle],
        drain_ratio=float(traits.drain_ratio[middle]),
        loss_mm_h=float(traits.loss_mm_h[middle]),
        start_m=result.analysis_mm[middle] * np.float32(0.001),
    )
    return plan, task


def _worst_places(domain: FloodDomain, result: CycleResult) -> list[_Place]:
    """Underpasses likely under 0.3 m, then the places whose wet walls shelter most people, apart from one another."""
    index = domain.objects
    leads = [k for k, m in enumerate(result.lead_min) if m <= HORIZON_MIN]
    depth = result.frames.depth_m[leads].max(axis=0).ravel()
    by_code: dict[int, list[tuple[float, _Place]]] = {code: [] for code in range(len(OBJECT_KINDS))}
    for row in np.flatnonzero(np.isin(index.kind, [OBJECT_KINDS.index("road_link"), OBJECT_KINDS.index("building")])):
        cells = index.places[index.indptr[row] : index.indptr[row + 1]]
        if not len(cells):
            continue
        deepest = float(depth[cells].max())
        kind, detail = OBJECT_KINDS[int(index.kind[row])], str(index.detail[row])
        people = float(index.people[row])
        if kind == "road_link" and not (detail == "underpass" and deepest >= THRESHOLDS_M[1]):
            continue
        if kind == "building" and not (deepest >= THRESHOLDS_M[0] and people > 0):
            continue
        place = _Place(
            name=f"{detail if kind == 'road_link' else 'building'} {index.object_id[row]}",
            lon=float(index.lon[row]),
            lat=float(index.lat[row]),
            cells=cells,
            people=people,
        )
        by_code[int(index.kind[row])].append((deepest if kind == "road_link" else people, place))
    ranked = [
        place
        for code in (OBJECT_KINDS.index("road_link"), OBJECT_KINDS.index("building"))
        for _, place in sorted(by_code[code], key=lambda p: (-p[0], p[1].name))
    ]
    kept: list[_Place] = []
    for place in ranked:
        if all(_apart_m(domain, place, other) >= _APART_M for other in kept):
            kept.append(place)
    return kept


def _apart_m(domain: FloodDomain, one: _Place, other: _Place) -> float:
    nx = domain.grid.nx
    rows = one.cells[0] // nx - other.cells[0] // nx
    columns = one.cells[0] % nx - other.cells[0] % nx
    return float(np.hypot(rows, columns)) * domain.grid.cell_m


def _lowest(domain: FloodDomain, place: _Place) -> int:
    """The cell to draw from: that of the underpass's tank, else the lowest."""
    own = place.cells[np.isin(place.cells, domain.tanks.places)]
    if len(own):
        return int(own[0])
    return int(place.cells[int(np.argmin(domain.bed_m.ravel()[place.cells]))])


def _pumped(domain: FloodDomain, place: _Place, task: MemberTask) -> FloodDomain:
    """The same ground with a pump at the place, which does not clog as the member's inlets do."""
    drain = domain.drain_mm_h.copy()
    rate_mm_h = PUMP_M3_S / domain.grid.cell_m**2 * 3.6e6
    drain.ravel()[_lowest(domain, place)] += rate_mm_h / max(task.drain_ratio, 0.1)
    return replace(domain, drain_mm_h=drain)


def _cleared(domain: FloodDomain, place: _Place, task: MemberTask) -> FloodDomain | None:
    """The same ground with the inlets about the place freed; None where they are free already or there are none."""
    grid = domain.grid
    row, column = divmod(_lowest(domain, place), grid.nx)
    y, x = np.ogrid[: grid.ny, : grid.nx]
    about = np.hypot(y - row, x - column) * grid.cell_m <= _CLEARED_M
    gain = _CLEARED_RATIO / max(task.drain_ratio, 1e-6)
    if gain <= 1.0 or not (domain.drain_mm_h[about] > 0.0).any():
        return None
    return replace(domain, drain_mm_h=np.where(about, domain.drain_mm_h * np.float32(gain), domain.drain_mm_h))


def _compared(domain: FloodDomain, trial: Trial, base: MemberRun, tried: MemberRun) -> FloodOption:
    index = domain.objects
    before, after = (r.object_depth_m.max(axis=0) for r in (base, tried))
    building = index.rows_of("building")
    was, still = (run[building] >= THRESHOLDS_M[0] for run in (before, after))
    people = index.people[building]
    road = index.rows_of("road_link")
    under = np.array([d == "underpass" for d in index.detail[road]], dtype=np.bool_)
    drowned, drowns = (under & (run[road] >= THRESHOLDS_M[1]) for run in (before, after))
    wet = [(r.depth_mm >= round(THRESHOLDS_M[0] * 1000)).any(axis=0).sum() for r in (base, tried)]
    at_place = [r.depth_mm.reshape(len(r.depth_mm), -1)[:, trial.cells] / 1000.0 for r in (base, tried)]
    peak = [(d.mean(axis=1) if trial.spread else d.max(axis=1)).mean() for d in at_place]
    return FloodOption(
        option_id=derived_id("flood-option", trial.kind, trial.name),
        kind=trial.kind,
        detail=trial.name,
        lon=trial.lon,
        lat=trial.lat,
        avoided_residents=round(float(people[was].sum() - people[still].sum()), 1),
        avoided_underpasses=int(drowned.sum()) - int(drowns.sum()),
        avoided_area_km2=round(float(int(wet[0]) - int(wet[1])) * domain.grid.cell_m**2 / 1e6, 4),
        lowered_m=round(float(peak[0] - peak[1]), 3),
    )
