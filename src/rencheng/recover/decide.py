"""What recovery decides: when a response has ended, assess the damage and open what must be put right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from rencheng.assess.ports import FieldStore
from rencheng.city import City
from rencheng.kernel import Bilingual, Draft, FactId, OrderRefused, derived_id
from rencheng.recover.damage import Damage, damage, damage_at_walls, exposure
from rencheng.recover.facts import DamageAssessed, RectificationCompleted, RectificationOpened, ReviewRecorded
from rencheng.recover.model import Recovery, State
from rencheng.recover.orders import CompleteRectification, RecordReview, ReviseRemediation
from rencheng.recover.relief import Relief, relief_gaps
from rencheng.recover.remediation import revised
from rencheng.recover.water import deepest_at_walls, deepest_water, is_water

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
    taken: set[str] = set()
    for recovery in state.recoveries.values():
        if recovery.ended is not None and recovery.assessed is None:
            result = _damage(recovery, inputs)
            assessed = _assessed(recovery, result, inputs, now)
            drafts += [assessed, *_rectifications(recovery, result, inputs, now, assessed.id, state, taken)]
    return drafts


def next_due(state: State, inputs: Inputs) -> datetime | None:  # noqa: ARG001 — the contract of a stage
    """Recovery waits for facts and orders, never for the clock."""
    return None


def handle(state: State, order: object, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:
    """Answer an order with facts.

    Raises
    ------
    OrderRefused
        If there is no such incident, rectification or flood-prone point, or it is done already.
    """
    if isinstance(order, RecordReview):
        recovery = state.recoveries.get(order.incident_id)
        if recovery is None or recovery.assessed is None:
            raise OrderRefused(f"incident {order.incident_id!r} is not assessed yet", mend="End the response first")
        if recovery.reviewed is not None:
            raise OrderRefused(f"incident {order.incident_id!r} is reviewed already")
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
    if isinstance(order, ReviseRemediation):
        return [revised(state, order, inputs.city, now, actor)]
    raise OrderRefused(f"recovery knows no order {type(order).__name__}")


def _damage(recovery: Recovery, inputs: Inputs) -> Damage:
    """Damage by the water of the incident's own hazard in its own cells; rain alone only exposes people."""
    cells = np.array(sorted(recovery.cells), dtype=np.uint64)
    if recovery.floods and inputs.city.has("buildings") and len(inputs.city.table("buildings")):
        return damage_at_walls(inputs.city, deepest_at_walls(recovery.floods, inputs.fields), within=cells)
    if is_water(recovery.hazard):
        return damage(inputs.city, deepest_water(recovery.hazard, recovery.fields, inputs.fields, within=cells))
    method = (
        f"exposure only: {recovery.hazard} is no depth of water; floods and waterlogging are incidents of their own"
    )
    return exposure(inputs.city, cells, np.ones(len(cells)), method)


def _assessed(recovery: Recovery, result: Damage, inputs: Inputs, now: datetime) -> Draft:
    gaps = relief_gaps(inputs.city, _affected(result.cells), inputs.relief) if is_water(recovery.hazard) else ()
    body = DamageAssessed(
        incident_id=recovery.incident_id,
        method=result.method,
        buildings_field=inputs.fields.put(result.buildings),
        cells_field=inputs.fields.put(result.cells),
        buildings_damaged=result.buildings_damaged,
        residents_affected=result.residents_affected,
        loss_cny=result.loss_cny,
        gaps=gaps,
    )
    assert recovery.ended is not None
    return Draft(
        stream=f"incident/{recovery.incident_id}",
        body=body,
        occurred_at=now,
        actor="model:hazus-flood-6.1",
        cause=(recovery.ended,),
    )


def _affected(cells: pa.Table) -> dict[int, float]:
    return dict(zip(cells["cell"].to_pylist(), cells["residents"].to_pylist(), strict=True))


def _rectifications(
    recovery: Recovery, result: Damage, inputs: Inputs, now: datetime, cause: FactId, state: State, taken: set[str]
) -> list[Draft]:
    """One for the buildings that the event damaged, and one for every place where a road had to be closed.

    Both directions of a road are one place, and a place that is on somebody's desk already is not opened again.
    """
    wanted = [*_of_buildings(recovery, result, inputs), *_of_roads(recovery, inputs)]
    drafts = []
    for name, title, lon, lat in wanted:
        known = state.rectifications.get(name)
        if name in taken or (known is not None and known.completed_at is None):
            continue
        taken.add(name)
        body = RectificationOpened(
            rectification_id=name,
            incident_id=recovery.incident_id,
            title=title,
            role_id=inputs.roles.get("water_lead", ""),
            lon=lon,
            lat=lat,
            due_at=now + RECTIFY_WITHIN,
        )
        stream = f"rectification/{name}"
        drafts.append(Draft(stream=stream, body=body, occurred_at=now, actor="rule:rectify", cause=(cause,)))
    return drafts


def _of_buildings(recovery: Recovery, result: Damage, inputs: Inputs) -> list[tuple[str, Bilingual, float, float]]:
    if not result.buildings_damaged:
        return []
    worst = result.cells["cell"][int(np.argmax(result.cells["buildings"].to_numpy()))].as_py()
    at = int(np.flatnonzero(inputs.city.column("cells", "cell") == worst)[0])
    lon, lat = (round(float(inputs.city.column("cells", axis)[at]), 6) for axis in ("lon", "lat"))
    number = result.buildings_damaged
    title = Bilingual(zh=f"受淹建筑防洪整改({number} 栋)", en=f"Keep water out of the {number} buildings it damaged")
    name = derived_id("rectification", inputs.city.manifest.id, "buildings", recovery.incident_id)
    return [(name, title, lon, lat)]


def _of_roads(recovery: Recovery, inputs: Inputs) -> list[tuple[str, Bilingual, float, float]]:
    places: dict[tuple[float, float], float] = {}
    for lon, lat, depth in recovery.closures.values():
        key = (round(lon, 4), round(lat, 4))
        places[key] = max(depth, places.get(key, 0.0))
    wanted = []
    for (lon, lat), depth in sorted(places.items()):
        zh, en = (
            (f"(最大水深 {depth:.2f} m)", f" that filled to {depth:.2f} m") if depth > 0 else ("", " that was closed")
        )
        title = Bilingual(zh=f"低洼路段积水治理{zh}", en=f"Put right the low road{en}")
        wanted.append((derived_id("rectification", inputs.city.manifest.id, lon, lat), title, lon, lat))
    return wanted
