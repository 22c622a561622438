"""Answering a duty officer's orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rencheng.assess.facts import Evidence
from rencheng.kernel import Bilingual, Colour, Draft, OrderRefused, derived_id, require_utc
from rencheng.warn.area import COVERED, Area, area_of_zone, covered_ratio
from rencheng.warn.facts import Notice, Reason
from rencheng.warn.grading import CERTAINTIES
from rencheng.warn.inputs import Inputs
from rencheng.warn.life_cycle import step_fact
from rencheng.warn.model import Standing, State
from rencheng.warn.notice import cancellation, extension, notice_of_person
from rencheng.warn.orders import CancelWarning, ExtendWarning, IssueWarning
from rencheng.warn.outbox import queue

__all__ = ["handle"]


def handle(state: State, order: Any, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:
    """Carry out an order.

    Raises
    ------
    OrderRefused
        If the order does not fit: unknown hazard, colour or area, a warning that does not stand, an end in the past,
        or a danger of which a standing warning already tells.
    """
    match order:
        case IssueWarning():
            return _issue(state, order, inputs, now, actor)
        case CancelWarning():
            standing = _standing(state, order.warning_id)
            why = Bilingual(zh=order.reason, en=order.reason)
            notice = cancellation(standing, inputs, now, why)
            return _publish(standing.warning_id, standing, "cancel", notice, inputs, now, actor, reason=order.reason)
        case ExtendWarning():
            return _extend(state, order, inputs, now, actor)
        case _:
            raise OrderRefused(f"warning does not know the order {type(order).__name__}")


def _issue(state: State, order: IssueWarning, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:
    places, terms = inputs.places, inputs.rules.terms
    zone = order.area_id or places.city_id
    _refuse_unknown("hazard", order.hazard, tuple(terms.hazards))
    _refuse_unknown("colour", order.colour, tuple(c.value for c in Colour))
    _refuse_unknown("certainty", order.certainty, CERTAINTIES)
    if zone != places.city_id and zone not in places.kinds:
        raise OrderRefused(f"the city has no area {zone!r}", mend="Name an area_id of the areas table, or none")
    expires_at = require_utc(order.expires_at, name="expires_at")
    if expires_at <= now:
        raise OrderRefused("the warning would run out before it is issued", mend="Give a later expires_at")
    area = area_of_zone(places, zone)
    before = _covering(state, order, area)
    number = len(state.closed) + len(state.standing)
    warning_id = (
        before.warning_id
        if before is not None
        else derived_id("warning", places.city_id, order.hazard, zone, actor, now.isoformat(), number)
    )
    notice = notice_of_person(
        inputs,
        now,
        warning_id=warning_id,
        hazard=order.hazard,
        colour=Colour(order.colour),
        zone=zone,
        area=area,
        reason=Reason(text=order.reason, evidence=(Evidence(kind="report", note=actor, at=now),)),
        certainty=order.certainty,
        expires_at=expires_at,
        before=before,
    )
    return _publish(warning_id, before, "issue" if before is None else "upgrade", notice, inputs, now, actor)


def _covering(state: State, order: IssueWarning, area: Area) -> Standing | None:
    """Give the standing warning that the order would raise; refuse the order if it says as much already."""
    covering = [
        s
        for s in state.standing.values()
        if s.notice.hazard == order.hazard and covered_ratio(area.cells, s.notice.cells) >= COVERED
    ]
    for one in covering:
        if Colour(one.notice.colour).rank >= Colour(order.colour).rank:
            raise OrderRefused(
                f"warning {one.warning_id} ({one.notice.colour}) already covers it", mend="Extend or cancel that one"
            )
    return covering[0] if covering else None


def _extend(state: State, order: ExtendWarning, inputs: Inputs, now: datetime, actor: str) -> list[Draft]:
    standing = _standing(state, order.warning_id)
    expires_at = require_utc(order.expires_at, name="expires_at")
    if expires_at <= standing.notice.expires_at:
        raise OrderRefused(
            "the new end is not later than the old one", where=order.warning_id, mend="Give a later expires_at"
        )
    why = Bilingual(zh=order.reason, en=order.reason)
    notice = extension(standing, inputs, now, expires_at, why)
    return _publish(standing.warning_id, standing, "extend", notice, inputs, now, actor)


def _standing(state: State, warning_id: str) -> Standing:
    standing = state.standing.get(warning_id)
    if standing is None:
        over = any(c.warning_id == warning_id for c in state.closed)
        what = "is over" if over else "does not exist"
        raise OrderRefused(f"warning {warning_id!r} {what}", mend="Choose one of the standing warnings")
    return standing


def _refuse_unknown(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise OrderRefused(f"unknown {name} {value!r}", where=name, mend=f"Use one of: {', '.join(known)}")


def _publish(
    warning_id: str,
    standing: Standing | None,
    step: str,
    notice: Notice,
    inputs: Inputs,
    now: datetime,
    actor: str,
    *,
    reason: str = "",
) -> list[Draft]:
    body = step_fact(warning_id, standing, step, notice, reason=reason)
    cause = standing.fact_ids[-1:] if standing is not None else ()
    draft = Draft(stream=f"warning/{warning_id}", body=body, occurred_at=now, actor=actor, cause=cause)
    return [draft, *queue(draft, warning_id, notice.notice_id, inputs.channels, now)]
