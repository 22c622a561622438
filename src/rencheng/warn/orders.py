"""What a duty officer can order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import Bilingual, order

__all__ = ["CancelWarning", "ExtendWarning", "IssueWarning"]


@order("IssueWarning")
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueWarning:
    """Warn on a person's judgement.

    The warning stands until it is cancelled, extended or runs out; the rules may raise its colour but not lower it.
    """

    hazard: str
    colour: str
    area_id: str
    """Area of the city package; empty for the whole city."""
    reason: Bilingual
    expires_at: datetime
    certainty: str = "Likely"


@order("CancelWarning")
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWarning:
    """Withdraw a standing warning."""

    warning_id: str
    reason: str


@order("ExtendWarning")
@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendWarning:
    """Let a standing warning run longer."""

    warning_id: str
    expires_at: datetime
    reason: str
