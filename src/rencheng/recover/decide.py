"""What recovery decides: when a response has ended, assess the damage and open what must be put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.kernel import Bilingual, Draft, FactId, OrderRefused, derived_id
from rencheng.recover.damage import Relief, damage, relief_gaps
from rencheng.recover.facts import DamageAssessed, RectificationCompleted, RectificationOpened, ReviewRecorded
from rencheng.recover.model import Recovery, State
from rencheng.recover.orders import CompleteRectification, RecordReview

__all__ = ["Inputs", "decide", "handle", "next_due"]

RECTIFY_WITHIN = timedelta(days=30)
"""Deadline of a rectification task when the plan names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What stays the same in a run."""

    city: City
    fields: FieldStore
    relief: Relief
    roles: Mapping[str, str]
    """Duty → accountable role at city level."""


def decide(state: State, inputs: Inputs, now: datetime) -> list[Draft]:
    """Assess every incident whose response has ended and which is not assessed yet."""
    drafts: list[Draft] = []
    for recovery in state.recoveries.values():
        if recovery.ended is not None and recovery.assessed is None:
            assessed = _assess(recovery, inputs, now)
            drafts += [assessed, *_rectifications(recovery, inputs, now, assessed.id, state)]
    return drafts


def next_due(state: State, inputs: Inputs) -> datetime | None:  # noqa: ARG001 — the contract of a stage
    """Recovery waits for facts and orders, never for the clock."""
    return None


def handle(state: State, order: object, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:  # noqa: ARG001 — contract
    """Answer an order with facts.

    Raises
    ------
    OrderRefused
        If there is no such incident or rectification, or it is done already.
    """
    if isinstance(order, RecordReview):
        recovery = state.recoveries.get(order.incident_id)
        if recovery is None or recovery.assessed is None:
            raise OrderRefused(f"incident {order.incident_id!r} is not assessed yet", mend="End the response first")
        if not order.findings:
            raise OrderRefused("a review needs at least one finding")
        body = ReviewRecorded(incident_id=order.incident_id, findings=order.findings)
        cause = (recovery.assessed,)
        return [Draft(stream=f"incident/{order.incident_id}", body=body, occurred_at=now, actor=actor, cause=cause)]
    if isinstance(order, CompleteRectification):
        task = state.rectifications.get(order.rectification_id)
        if task is None or task.completed_at is not None:
            raise OrderRefused(f"rectification {order.rectification_id!r} is not open")
        if not order.receipt.strip():
            raise OrderRefused("a rectification is closed with proof", mend="Say how it was checked")
        done = RectificationCompleted(rectification_id=order.rectification_id, receipt=order.receipt)
        return [Draft(stream=f"rectification/{order.rectification_id}", body=done, occurred_at=now, actor=actor)]
    raise OrderRefused(f"recovery knows no order {type(order).__name__}")


def peak_depth_m(recovery: Recovery, fields: FieldStore) -> dict[int, float]:
    """Greatest likely depth of each cell: intensity at lead 0 wherever water was more likely than not."""
    peak: dict[int, float] = {}
    for name in dict.fromkeys(recovery.fields):
        table = fields.get(name)
        columns = ("cell", "lead_h", "probability", "intensity")
        for cell, lead, probability, depth in zip(*(table.column(c).to_pylist() for c in columns), strict=True):
            if lead == 0.0 and probability >= 0.5 and depth > peak.get(cell, 0.0):
                peak[cell] = depth
    return peak


def _assess(recovery: Recovery, inputs: Inputs, now: datetime) -> Draft:
    depth = peak_depth_m(recovery, inputs.fields)
    result = damage(inputs.city, depth)
    body = DamageAssessed(
        incident_id=recovery.incident_id,
        method=result.method,
        buildings_field=inputs.fields.put(result.buildings),
        cells_field=inputs.fields.put(result.cells),
        buildings_damaged=result.buildings_damaged,
        residents_affected=result.residents_affected,
        loss_cny=result.loss_cny,
        gaps=relief_gaps(inputs.city, depth, inputs.relief),
    )
    assert recovery.ended is not None
    return Draft(
        stream=f"incident/{recovery.incident_id}",
        body=body,
        occurred_at=now,
        actor="model:hazus-flood-6.1",
        cause=(recovery.ended,),
    )


def _rectifications(recovery: Recovery, inputs: Inputs, now: datetime, cause: FactId, state: State) -> list[Draft]:
    """One for every place where a road had to be closed; both directions of a road are one place."""
    places: dict[tuple[float, float], float] = {}
    for lon, lat, depth in recovery.closures.values():
        key = (round(lon, 4), round(lat, 4))
        places[key] = max(depth, places.get(key, 0.0))
    drafts = []
    for (lon, lat), depth in sorted(places.items()):
        name = derived_id("rectification", inputs.city.manifest.id, lon, lat)
        known = state.rectifications.get(name)
        if known is not None and known.completed_at is None:
            continue
        by = f"{depth:.2f} m" if depth > 0 else "?"
        body = RectificationOpened(
            rectification_id=name,
            incident_id=recovery.incident_id,
            title=Bilingual(zh=f"低洼路段积水治理(最大水深 {by})", en=f"Put right the low road that filled to {by}"),
            role_id=inputs.roles.get("water_lead", ""),
            lon=lon,
            lat=lat,
            due_at=now + RECTIFY_WITHIN,
        )
        stream = f"rectification/{name}"
        drafts.append(Draft(stream=stream, body=body, occurred_at=now, actor="rule:closed-road", cause=(cause,)))
    return drafts
