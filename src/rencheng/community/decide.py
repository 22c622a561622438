"""What the community room decides: whose doors to knock at, and whom to thank."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rencheng.city import City
from rencheng.community.facts import PointsAwarded, VisitRecorded, VisitRequested
from rencheng.community.model import State
from rencheng.community.orders import RecordVisit
from rencheng.kernel import Colour, Draft, FactId, OrderRefused, derived_id

__all__ = ["Inputs", "VisitCell", "decide", "handle", "next_due", "visit_cells"]

VISIT_FROM = Colour.ORANGE
"""Colour from which doors are knocked at (国家防汛抗旱应急预案 2022: people at risk are moved from level II)."""
VISIT_WITHIN = timedelta(hours=2)
VISIT_HOLDS = timedelta(hours=12)
"""Doors that were asked to be knocked at so lately are not asked again for another warning."""
POINTS_FOR_HELP = 10
"""Points for a report that led to help."""


@dataclass(frozen=True, slots=True)
class VisitCell:
    """A cell's vulnerable residents and the smallest area that answers for it."""

    area_id: str
    vulnerable_residents: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What stays the same in a run."""

    cells: Mapping[int, VisitCell]
    officer: Callable[[str], str]
    """Area → role of the grid officer who answers for it, or empty."""


def visit_cells(city: City) -> dict[int, VisitCell]:
    """Cells of a city with vulnerable residents; empty where the package does not know them."""
    table = city.table("cells")
    if "vulnerable_residents" not in table.column_names:
        return {}
    columns = [c for c in ("cell", "area_id", "vulnerable_residents") if c in table.column_names]
    return {
        row["cell"]: VisitCell(row.get("area_id") or city.manifest.id, float(row["vulnerable_residents"]))
        for row in table.select(columns).to_pylist()
        if row["vulnerable_residents"]
    }


def decide(state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    """Ask for visits in newly warned areas, and thank for reports that led to help."""
    drafts: list[Draft] = []
    held = {cell for cell, at in state.asked_at.items() if now - at < VISIT_HOLDS}
    for warning_id, (fact, notice) in state.notices.items():
        if Colour(notice.colour).rank >= VISIT_FROM.rank:
            asked = state.asked_for.get(warning_id, frozenset())
            cells = [c for c in notice.cells if c in inputs.cells and c not in held and c not in asked]
            held.update(cells)
            drafts += _visits(inputs, now, warning_id, fact, cells)
    for report, need in state.helped.items():
        said, person = state.reporters[report]
        body = PointsAwarded(person=person, points=POINTS_FOR_HELP, why=f"report {report} led to help")
        stream = f"person/{person}"
        drafts.append(Draft(stream=stream, body=body, occurred_at=now, actor="rule:thanks", cause=(said, need)))
    return drafts


def _visits(inputs: Inputs, now: datetime, warning_id: str, fact: FactId, asked: list[int]) -> list[Draft]:
    """One visit for each area with doors to knock at."""
    areas: dict[str, list[int]] = {}
    for cell in asked:
        areas.setdefault(inputs.cells[cell].area_id, []).append(cell)
    drafts = []
    for area, cells in sorted(areas.items()):
        visit_id = derived_id("visit", warning_id, area, min(cells))
        body = VisitRequested(
            visit_id=visit_id,
            warning_id=warning_id,
            area_id=area,
            cells=tuple(cells),
            vulnerable_residents=sum(inputs.cells[c].vulnerable_residents for c in cells),
            role_id=inputs.officer(area),
            due_at=now + VISIT_WITHIN,
        )
        stream = f"visit/{visit_id}"
        drafts.append(Draft(stream=stream, body=body, occurred_at=now, actor="rule:visit-vulnerable", cause=(fact,)))
    return drafts


def next_due(state: State, inputs: Inputs) -> datetime | None:  # noqa: ARG001 — the contract of a stage
    """The community room waits for facts and orders, never for the clock."""
    return None


def handle(state: State, order: object, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:  # noqa: ARG001 — contract
    """Answer an order with facts.

    Raises
    ------
    OrderRefused
        If the visit is unknown or was made already, or the counts make no sense.
    """
    if not isinstance(order, RecordVisit):
        raise OrderRefused(f"the community room knows no order {type(order).__name__}")
    visit = state.visits.get(order.visit_id)
    if visit is None or visit.made_at is not None:
        raise OrderRefused(f"visit {order.visit_id!r} is not open")
    if not 0 <= order.need_help <= order.reached:
        raise OrderRefused("a visit cannot find more people in need than it reached", where="need_help")
    body = VisitRecorded(visit_id=order.visit_id, by=actor, reached=order.reached, need_help=order.need_help)
    stream = f"visit/{order.visit_id}"
    return [Draft(stream=stream, body=body, occurred_at=now, actor=actor, cause=(visit.requested,))]
