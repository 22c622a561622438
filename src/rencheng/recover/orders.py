"""What people ask of recovery."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import Bilingual, order

__all__ = ["CompleteRectification", "RecordReview"]


@order("CompleteRectification")
@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRectification:
    """The latent hazard is put right; the receipt says how it was checked."""

    rectification_id: str
    receipt: str


@order("RecordReview")
@dataclass(frozen=True, slots=True, kw_only=True)
class RecordReview:
    """The review of an incident was held and found this."""

    incident_id: str
    findings: tuple[Bilingual, ...]
