"""Alternatives for pumps and inlets, tried in the model: what would be lower, and for whom. Nothing moves by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import FloodOption
from rencheng.assess.flood.cycle import CycleResult, member_traits
from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.ensemble import MemberRun, MemberTask, Plan, run_member
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
    domain: FloodDomain, result: CycleResult, *, places: int, stop: Callable[[], bool] | None = None
) -> tuple[FloodOption, ...]:
    """Try a mobile pump and cleared inlets at the worst places, in the member nearest to the middle of the ensemble.

    Parameters
    ----------
    domain : FloodDomain
        The city's ground.
    result : CycleResult
        The forecast that raises the question.
    places : int
        Worst places to try at; 0 for no advice.
    stop : callable, optional
        True gives it up; what was tried by then counts.

    Returns
    -------
    tuple of FloodOption
        What helps, best first: by residents, then underpasses, then depth at the place. Empty where nothing is wet.
    """
    worst = _worst_places(domain, result)[:places]
    if not worst:
        return ()
    plan, task = _middle_member(result)
    base = run_member(domain, plan, task, stop)
    options = []
    for place in worst:
        for kind, changed in (
            ("mobile_pump", _pumped(domain, place, task)),
            ("clear_inlets", _cleared(domain, place, task)),
        ):
            if changed is None:
                continue
            if stop is not None and stop():
                return ()
            option = _compared(domain, kind, place, base, run_member(changed, plan, task, stop))
            if option.lowered_m >= _LEAST_LOWERED_M:
                options.append(option)
    best = sorted(options, key=lambda o: (-o.avoided_residents, -o.avoided_underpasses, -o.lowered_m, o.option_id))
    return tuple(best)


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


def _compared(domain: FloodDomain, kind: str, place: _Place, base: MemberRun, tried: MemberRun) -> FloodOption:
    index = domain.objects
    before, after = (r.object_depth_m.max(axis=0) for r in (base, tried))
    building = index.rows_of("building")
    saved = (before[building] >= THRESHOLDS_M[0]) & (after[building] < THRESHOLDS_M[0])
    road = index.rows_of("road_link")
    under = np.array([d == "underpass" for d in index.detail[road]], dtype=np.bool_)
    freed = under & (before[road] >= THRESHOLDS_M[1]) & (after[road] < THRESHOLDS_M[1])
    wet = [(r.depth_mm >= round(THRESHOLDS_M[0] * 1000)).any(axis=0).sum() for r in (base, tried)]
    peak = [r.depth_mm.reshape(len(r.depth_mm), -1)[:, place.cells].max(axis=1).mean() / 1000.0 for r in (base, tried)]
    return FloodOption(
        option_id=derived_id("flood-option", kind, place.name),
        kind=kind,
        detail=place.name,
        lon=place.lon,
        lat=place.lat,
        avoided_residents=round(float(index.people[building][saved].sum()), 1),
        avoided_underpasses=int(freed.sum()),
        avoided_area_km2=round(float(int(wet[0]) - int(wet[1])) * domain.grid.cell_m**2 / 1e6, 4),
        lowered_m=round(float(peak[0] - peak[1]), 3),
    )
