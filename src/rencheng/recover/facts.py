"""What recovery publishes: damage, gaps of resources, hazards to be put right, reviews."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import Bilingual, fact

__all__ = [
    "DamageAssessed",
    "RectificationCompleted",
    "RectificationOpened",
    "RemediationRevised",
    "ResourceGap",
    "ReviewRecorded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceGap:
    """What an area needs and what the city has within reach."""

    area_id: str
    item: str
    needed: float
    available: float
    unit: str


@fact("DamageAssessed")
@dataclass(frozen=True, slots=True, kw_only=True)
class DamageAssessed:
    """Loss by building and cell of one incident; the rows are fields named by content hash.

    ``buildings_field`` has ``building_id``, ``cell``, ``depth_m``, ``loss_ratio``, ``loss_cny``, ``state`` (none,
    slight, moderate, substantial); ``cells_field`` has ``cell``, ``depth_m``, ``loss_cny``, ``buildings``
    (damaged), ``residents`` (affected).
    """

    incident_id: str
    method: str
    buildings_field: str
    cells_field: str
    buildings_damaged: int
    residents_affected: float
    loss_cny: float | None
    """None where the city has no buildings with a value."""
    gaps: tuple[ResourceGap, ...]


@fact("RectificationOpened")
@dataclass(frozen=True, slots=True, kw_only=True)
class RectificationOpened:
    """A latent hazard 隐患 that the event showed must be put right by somebody until a date."""

    rectification_id: str
    incident_id: str
    title: Bilingual
    role_id: str
    lon: float
    lat: float
    due_at: datetime


@fact("RectificationCompleted")
@dataclass(frozen=True, slots=True, kw_only=True)
class RectificationCompleted:
    """The hazard is put right, with proof."""

    rectification_id: str
    receipt: str


@fact("ReviewRecorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRecorded:
    """The review of an incident: what went well, what did not, what changes."""

    incident_id: str
    findings: tuple[Bilingual, ...]


@fact("RemediationRevised")
@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationRevised:
    """A flood-prone point 易涝点 got another remediation status or other days; the last one stands."""

    point_id: str
    name: Bilingual
    before: str
    """Status that stood until now: planned, in_work, done or verified."""
    status: str
    planned_on: str
    """Day by which it is to be done, YYYY-MM-DD; empty for none."""
    done_on: str
    """Day on which it was done, YYYY-MM-DD; empty while it is not."""
    why: str
