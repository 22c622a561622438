"""What people ask of recovery."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import Bilingual, order

__all__ = ["CompleteRectification", "RecordReview", "ReviseRemediation"]


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


@order("ReviseRemediation")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseRemediation:
    """Say how far the remediation of a flood-prone point is, and why; the reason is kept for ever."""

    point_id: str
    status: str
    """planned, in_work, done or verified"""
    why: str
    """What was done or decided; for verified, how and in which rain it was checked."""
    planned_on: str = ""
    """Another day by which it is to be done, YYYY-MM-DD; empty leaves it."""
    done_on: str = ""
    """Day on which it was done, YYYY-MM-DD; empty for today, or for the one that stands."""
