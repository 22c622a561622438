"""Remediation of flood-prone points 易涝点整治: how far each is, revised by order and kept with its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from rencheng.city import City, FloodPronePoint, RemediationStatus, day_of, flood_prone_points, is_overdue
from rencheng.kernel import Bilingual, Draft, OrderRefused
from rencheng.recover.facts import RemediationRevised
from rencheng.recover.model import Revision, State
from rencheng.recover.orders import ReviseRemediation

__all__ = ["PointStanding", "revised", "standing_points"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointStanding:
    """A flood-prone point as it stands: what the city package says, and what was revised since."""

    point: FloodPronePoint
    status: RemediationStatus
    planned_on: date | None
    done_on: date | None
    overdue: bool
    """The planned day has passed and the works have not ended."""
    revisions: tuple[Revision, ...]


def standing_points(city: City, state: State, now: datetime) -> list[PointStanding]:
    """All points of the register in the order of their ids, as they stand at an instant."""
    return [_standing(point, state, now, city) for point in flood_prone_points(city)]


def _standing(point: FloodPronePoint, state: State, now: datetime, city: City) -> PointStanding:
    revisions = state.remediations.get(point.point_id, ())
    status, planned, done = point.status, point.planned_on, point.done_on
    if revisions:
        last = revisions[-1]
        status, planned, done = RemediationStatus(last.status), day_of(last.planned_on), day_of(last.done_on)
    return PointStanding(
        point=point,
        status=status,
        planned_on=planned,
        done_on=done,
        overdue=is_overdue(status, planned, now, city),
        revisions=revisions,
    )


def revised(state: State, order: ReviseRemediation, city: City, now: datetime, actor: str) -> Draft:
    """Answer the order to revise a point.

    A point may go back (it stood in water again although it was verified); then its day of completion falls away.

    Raises
    ------
    OrderRefused
        If there is no such point or status, a day is none or lies ahead, nothing changes, a point that is not done
        would be verified, or there is no reason.
    """
    found = [p for p in standing_points(city, state, now) if p.point.point_id == order.point_id]
    if not found:
        mend = "List them with: rencheng flood points"
        raise OrderRefused(f"the city has no flood-prone point {order.point_id!r}", where="point_id", mend=mend)
    before, status = found[0], _status(order.status)
    if not order.why.strip():
        raise OrderRefused("remediation is not revised without a reason", where="why", mend="Say what was done")
    if status is RemediationStatus.VERIFIED and before.status.open:
        raise OrderRefused(
            f"point {order.point_id!r} is {before.status}: only what is done can be verified",
            where="status",
            mend="Report it done first",
        )
    planned = _day(order.planned_on, "planned_on") or before.planned_on
    done = None if status.open else _day(order.done_on, "done_on") or before.done_on or _today(now, city)
    if done is not None and done > _today(now, city):
        raise OrderRefused(f"{done} is still to come", where="done_on", mend="Report it done when it is")
    if (status, planned, done) == (before.status, before.planned_on, before.done_on):
        raise OrderRefused(f"point {order.point_id!r} stands like this already", where="status")
    body = RemediationRevised(
        point_id=order.point_id,
        name=Bilingual(zh=before.point.name, en=before.point.name_en or before.point.name),
        before=before.status.value,
        status=status.value,
        planned_on=planned.isoformat() if planned else "",
        done_on=done.isoformat() if done else "",
        why=order.why.strip(),
    )
    return Draft(stream=f"flood-point/{order.point_id}", body=body, occurred_at=now, actor=actor)


def _status(text: str) -> RemediationStatus:
    try:
        return RemediationStatus(text)
    except ValueError:
        mend = f"Use one of: {', '.join(RemediationStatus)}"
        raise OrderRefused(f"no remediation status {text!r}", where="status", mend=mend) from None


def _day(text: str, where: str) -> date | None:
    if not text:
        return None
    day = day_of(text)
    if day is None:
        raise OrderRefused(f"{text!r} is no day", where=where, mend="Write YYYY-MM-DD")
    return day


def _today(now: datetime, city: City) -> date:
    return now.astimezone(city.zone).date()
