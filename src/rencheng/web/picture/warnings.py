"""The warnings' part of the picture: what is in force, why, for whom, and what became of its messages."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rencheng.assess.facts import Evidence
from rencheng.kernel import format_instant
from rencheng.ledger import Entry
from rencheng.warn import facts as warn
from rencheng.web.picture.base import EvidenceView, Text, View, text

__all__ = ["MessageCount", "ReasonView", "WarningBoard", "WarningStep", "WarningView", "evidence_view"]


class ReasonView(View):
    """Why a warning stands: the rule in words and the evidence behind it."""

    text: Text
    evidence: list[EvidenceView]


class WarningStep(View):
    """One notice in the life of a warning."""

    seq: int
    kind: str = Field(examples=["WarningUpgraded"])
    at: datetime
    colour: str
    notice_id: str


class MessageCount(View):
    """Messages of a warning by what became of them."""

    queued: int = 0
    delivered: int = 0
    failed: int = 0
    abandoned: int = 0


class WarningView(View):
    """A warning as it stands now."""

    warning_id: str
    state: str = Field(description="in_force, cancelled or expired")
    hazard: str
    rule: str
    colour: str = Field(description="blue, yellow, orange or red")
    notice_id: str = Field(description="Identifier of its last CAP message: GET /api/cap/{notice_id}.xml")
    headline: Text
    description: Text
    advice: Text
    impact: Text
    reasons: list[ReasonView]
    area_text: Text
    area_ids: list[str]
    polygon: list[list[tuple[float, float]]]
    cells: int
    audience: list[str]
    residents: float
    vulnerable_residents: float
    issued_at: datetime
    sent_at: datetime
    onset_at: datetime
    expires_at: datetime
    certainty: str
    cap_status: str = Field(description="CAP status: Actual, Exercise or Test")
    history: list[WarningStep]
    messages: MessageCount


def evidence_view(evidence: Evidence) -> EvidenceView:
    """Give the view of one piece of evidence."""
    return EvidenceView(
        kind=evidence.kind,
        sensor_id=evidence.sensor_id,
        quantity=evidence.quantity,
        value=evidence.value,
        unit=evidence.unit,
        at=format_instant(evidence.at) if evidence.at else None,
        threshold=evidence.threshold,
        note=evidence.note,
    )


class WarningBoard:
    """All warnings of the run by id, in the order in which they were issued."""

    def __init__(self) -> None:
        self.warnings: dict[str, WarningView] = {}
        self._of_message: dict[str, str] = {}

    def take(self, entry: Entry) -> None:
        """Let one warning or message fact change the board."""
        match entry.body:
            case (
                warn.WarningIssued() | warn.WarningUpdated() | warn.WarningUpgraded() | warn.WarningDowngraded()
            ) as body:
                self._noticed(entry, body.warning_id, body.notice, "in_force")
            case warn.WarningCancelled(warning_id=warning_id, notice=notice):
                self._noticed(entry, warning_id, notice, "cancelled")
            case warn.WarningExpired(warning_id=warning_id, notice_id=notice_id):
                self._expired(entry, warning_id, notice_id)
            case warn.MessageQueued(message_id=message_id, warning_id=warning_id):
                self._of_message[message_id] = warning_id
                self._count(message_id, "queued", 1)
            case warn.MessageDelivered(message_id=message_id):
                self._count(message_id, "delivered", 1)
                self._count(message_id, "queued", -1)
            case warn.MessageFailed(message_id=message_id):
                self._count(message_id, "failed", 1)
            case warn.MessageAbandoned(message_id=message_id):
                self._count(message_id, "abandoned", 1)
                self._count(message_id, "queued", -1)
            case _:
                pass

    def _noticed(self, entry: Entry, warning_id: str, notice: warn.Notice, state: str) -> None:
        known = self.warnings.get(warning_id)
        step = WarningStep(
            seq=entry.seq, kind=entry.kind, at=entry.occurred_at, colour=notice.colour, notice_id=notice.notice_id
        )
        self.warnings[warning_id] = WarningView(
            warning_id=warning_id,
            state=state,
            hazard=notice.hazard,
            rule=notice.rule,
            colour=notice.colour,
            notice_id=notice.notice_id,
            headline=text(notice.headline),
            description=text(notice.description),
            advice=text(notice.advice),
            impact=text(notice.impact),
            reasons=[
                ReasonView(text=text(r.text), evidence=[evidence_view(e) for e in r.evidence]) for r in notice.reasons
            ],
            area_text=text(notice.area_text),
            area_ids=list(notice.area_ids),
            polygon=[list(ring) for ring in notice.polygon],
            cells=len(notice.cells),
            audience=list(notice.audience),
            residents=notice.residents,
            vulnerable_residents=notice.vulnerable_residents,
            issued_at=known.issued_at if known else entry.occurred_at,
            sent_at=notice.sent_at,
            onset_at=notice.onset_at,
            expires_at=notice.expires_at,
            certainty=notice.certainty,
            cap_status=notice.mode,
            history=[*(known.history if known else []), step],
            messages=known.messages if known else MessageCount(),
        )

    def _expired(self, entry: Entry, warning_id: str, notice_id: str) -> None:
        known = self.warnings.get(warning_id)
        if known is None:
            return
        known.state = "expired"
        known.history.append(
            WarningStep(seq=entry.seq, kind=entry.kind, at=entry.occurred_at, colour=known.colour, notice_id=notice_id)
        )

    def _count(self, message_id: str, name: str, change: int) -> None:
        warning = self.warnings.get(self._of_message.get(message_id, ""))
        if warning is not None:
            setattr(warning.messages, name, getattr(warning.messages, name) + change)
