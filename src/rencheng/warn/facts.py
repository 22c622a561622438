"""What warning publishes: the life of every warning, and of every message that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rencheng.assess.facts import Evidence
from rencheng.kernel import Bilingual, fact

__all__ = [
    "MessageAbandoned",
    "MessageDelivered",
    "MessageFailed",
    "MessageQueued",
    "Notice",
    "Reason",
    "WarningCancelled",
    "WarningDowngraded",
    "WarningExpired",
    "WarningIssued",
    "WarningUpdated",
    "WarningUpgraded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: the rule that fired and the readings or forecasts behind it."""

    text: Bilingual
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The full content of a warning at one moment of its life; every life-cycle fact carries one.

    Each notice is one CAP message: ``notice_id`` is its identifier and ``references`` the notices it follows.
    """

    notice_id: str
    hazard: str
    rule: str
    """Rule or signal code that graded it, e.g. ``"CN-2007/0201"`` or ``"river-stage/1"``."""
    colour: str
    headline: Bilingual
    description: Bilingual
    advice: Bilingual
    impact: Bilingual
    reasons: tuple[Reason, ...]
    cells: tuple[int, ...]
    polygon: tuple[tuple[tuple[float, float], ...], ...]
    """Rings of lon/lat, closed."""
    area_ids: tuple[str, ...]
    area_text: Bilingual
    audience: tuple[str, ...]
    residents: float
    vulnerable_residents: float
    sent_at: datetime
    onset_at: datetime
    expires_at: datetime
    certainty: str
    """CAP certainty: Observed, Likely, Possible."""
    references: tuple[str, ...]
    """Earlier notices of this warning, oldest first, each ``sender,identifier,sent`` as CAP writes them."""
    mode: str
    """CAP status: Actual, Exercise (rehearsal) or Test (replay)."""
    action: str = "Alert"
    """CAP msgType: Alert for the first notice of a warning, then Update, Cancel for the last."""
    sender: str = ""
    """CAP sender, e.g. ``"rencheng@city-1"``."""
    sender_name: Bilingual = field(default_factory=lambda: Bilingual(zh="", en=""))
    warning_id: str = ""
    zone: str = ""
    """Area that the warning is for: an area id, or the city's id."""
    origin: str = "rule"
    """Who keeps it up: ``rule`` (graded every turn) or ``person`` (stands until withdrawn or run out)."""


@fact("WarningIssued")
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningIssued:
    """A new warning for a hazard and area that no standing warning covers."""

    warning_id: str
    notice: Notice


@fact("WarningUpgraded")
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningUpgraded:
    """The colour rose."""

    warning_id: str
    from_colour: str
    notice: Notice


@fact("WarningDowngraded")
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningDowngraded:
    """The colour fell, after the hysteresis time."""

    warning_id: str
    from_colour: str
    notice: Notice


@fact("WarningUpdated")
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningUpdated:
    """Same colour, but area, time or reasons changed enough to say so."""

    warning_id: str
    notice: Notice


@fact("WarningCancelled")
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningCancelled:
    """The danger is over before the warning ran out, or a person withdrew it."""

    warning_id: str
    reason: str
    notice: Notice


@fact("WarningExpired")
@dataclass(frozen=True, slots=True, kw_only=True)
class WarningExpired:
    """The warning ran out."""

    warning_id: str
    notice_id: str
    hazard: str


@fact("MessageQueued")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQueued:
    """A notice is to be sent on a channel; committed together with the warning it carries."""

    message_id: str
    warning_id: str
    notice_id: str
    channel: str


@fact("MessageDelivered")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelivered:
    """The channel took the message; ``receipt`` is what it answered."""

    message_id: str
    channel: str
    attempt: int
    receipt: str


@fact("MessageFailed")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFailed:
    """One try did not go through; the next is due at ``retry_at``."""

    message_id: str
    channel: str
    attempt: int
    reason: str
    retry_at: datetime


@fact("MessageAbandoned")
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAbandoned:
    """All tries failed: somebody must act by hand."""

    message_id: str
    channel: str
    attempts: int
    reason: str
