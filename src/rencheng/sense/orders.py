"""What people ask of sensing: take my report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import order

__all__ = ["CATEGORIES", "SOURCES", "SubmitReport"]

SOURCES = ("citizen", "hotline", "grid_officer", "camera", "drone", "satellite", "social_media")
"""Kinds of source a report may come from."""

CATEGORIES = (
    "water_on_road",
    "water_in_building",
    "person_trapped",
    "road_blocked",
    "medical",
    "power_out",
    "other",
)
"""What a report may be about."""


@order("SubmitReport")
@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitReport:
    """Report what is seen at a place.

    Parameters
    ----------
    source : str
        One of :data:`SOURCES`.
    hazard : str
        A hazard of the house, e.g. ``waterlogging``.
    category : str
        One of :data:`CATEGORIES`.
    lon, lat : float
        Where, degrees.
    text : str
        What was said or recognised.
    depth_m : float, optional
        Depth of water, if stated.
    people : int
        People concerned.
    seen_at : datetime, optional
        When it was seen; the arrival where absent.
    """

    source: str
    hazard: str
    category: str
    lon: float
    lat: float
    text: str = ""
    depth_m: float | None = None
    people: int = 0
    seen_at: datetime | None = None
