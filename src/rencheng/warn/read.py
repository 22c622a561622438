"""Views of warning for people: what stands and why, what is over, and whether it got out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import Bilingual
from rencheng.warn.facts import Notice
from rencheng.warn.model import Standing, State
from rencheng.warn.rule_files import load_terms

__all__ = ["MessageView", "WarningView", "messages", "standing_warnings", "warning_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message and how far it got."""

    message_id: str
    warning_id: str
    notice_id: str
    channel: str
    status: str
    """waiting, retrying, delivered or abandoned"""
    attempts: int
    queued_at: datetime
    at: datetime
    """When it was closed; for one on its way, when it is tried next."""
    detail: str
    """Receipt, or why it was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningView:
    """A warning as a list shows it."""

    warning_id: str
    hazard: str
    hazard_name: Bilingual
    colour: str
    colours: tuple[str, ...]
    """Colours through which it went."""
    status: str
    """standing, cancelled or expired"""
    headline: Bilingual
    description: Bilingual
    impact: Bilingual
    advice: Bilingual
    area_text: Bilingual
    area_ids: tuple[str, ...]
    reasons: tuple[Bilingual, ...]
    rule: str
    certainty: str
    origin: str
    mode: str
    residents: float
    vulnerable_residents: float
    polygon: tuple[tuple[tuple[float, float], ...], ...]
    issued_at: datetime
    updated_at: datetime
    onset_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    notices: int
    """Notices so far."""
    messages: tuple[MessageView, ...]


def standing_warnings(state: State) -> list[WarningView]:
    """Warnings that stand, most severe first, then oldest first."""
    views = [_standing(state, s) for s in state.standing.values()]
    return sorted(views, key=lambda v: (-_severity(v.colour), v.issued_at, v.warning_id))


def warning_history(state: State) -> list[WarningView]:
    """Warnings that are over, newest first."""
    return [
        _view(
            state,
            c.warning_id,
            c.notice,
            colours=c.colours,
            issued_at=c.issued_at,
            status=c.how,
            closed_at=c.closed_at,
        )
        for c in reversed(state.closed)
    ]


def messages(state: State, warning_id: str | None = None) -> list[MessageView]:
    """Messages (of one warning, or all) in the order they were queued, with their receipts."""
    done = [
        MessageView(
            message_id=r.message_id,
            warning_id=r.warning_id,
            notice_id=r.notice_id,
            channel=r.channel,
            status="delivered" if r.delivered else "abandoned",
            attempts=r.attempts,
            queued_at=r.queued_at,
            at=r.closed_at,
            detail=r.text,
        )
        for r in state.receipts.values()
        if warning_id in (None, r.warning_id)
    ]
    waiting = [
        MessageView(
            message_id=m.message_id,
            warning_id=m.warning_id,
            notice_id=m.notice.notice_id,
            channel=m.channel,
            status="retrying" if m.attempts else "waiting",
            attempts=m.attempts,
            queued_at=m.queued_at,
            at=m.due_at,
            detail="",
        )
        for m in state.outbox.values()
        if warning_id in (None, m.warning_id)
    ]
    return sorted([*done, *waiting], key=lambda v: (v.queued_at, v.channel, v.message_id))


def _standing(state: State, standing: Standing) -> WarningView:
    return _view(
        state,
        standing.warning_id,
        standing.notice,
        colours=standing.colours,
        issued_at=standing.issued_at,
        status="standing",
        closed_at=None,
    )


def _view(
    state: State,
    warning_id: str,
    notice: Notice,
    *,
    colours: tuple[str, ...],
    issued_at: datetime,
    status: str,
    closed_at: datetime | None,
) -> WarningView:
    return WarningView(
        warning_id=warning_id,
        hazard=notice.hazard,
        hazard_name=load_terms().hazards[notice.hazard].name,
        colour=notice.colour,
        colours=colours,
        status=status,
        headline=notice.headline,
        description=notice.description,
        impact=notice.impact,
        advice=notice.advice,
        area_text=notice.area_text,
        area_ids=notice.area_ids,
        reasons=tuple(r.text for r in notice.reasons),
        rule=notice.rule,
        certainty=notice.certainty,
        origin=notice.origin,
        mode=notice.mode,
        residents=notice.residents,
        vulnerable_residents=notice.vulnerable_residents,
        polygon=notice.polygon,
        issued_at=issued_at,
        updated_at=notice.sent_at,
        onset_at=notice.onset_at,
        expires_at=notice.expires_at,
        closed_at=closed_at,
        notices=len(notice.references) + 1,
        messages=tuple(messages(state, warning_id)),
    )


def _severity(colour: str) -> int:
    return ("blue", "yellow", "orange", "red").index(colour)
