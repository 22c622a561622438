"""Fusion of reports: what several people, cameras and satellites see of one event is one event.

Two reports are of one event if they are of the same hazard, within 300 m, and within 30 minutes (single linkage in
space and time, the density rule of ST-DBSCAN, Birant and Kut 2007, with a minimum of one neighbour, done one by one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rencheng.kernel import derived_id, distance_m, neighbours

__all__ = ["FUSION_AGE", "FUSION_RADIUS_M", "Recent", "RecentReport", "event_of", "with_report"]

FUSION_RADIUS_M = 300.0
FUSION_AGE = timedelta(minutes=30)
_KEEP = timedelta(hours=2)
_RINGS = 2
"""Rings of resolution-9 cells (edge 0.2 km) that hold every point within 300 m of a point of the cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentReport:
    """A report that later ones may join."""

    event_id: str
    hazard: str
    lon: float
    lat: float
    at: datetime


Recent = Mapping[int, tuple[RecentReport, ...]]
"""Recent reports by resolution-9 cell."""


def event_of(recent: Recent, *, cell: int, hazard: str, lon: float, lat: float, at: datetime, report_id: str) -> str:
    """Give the event that a report belongs to: that of the nearest report it can join, else a new one."""
    near = [
        (float(distance_m(lon, lat, other.lon, other.lat)), other.event_id)
        for neighbour in neighbours(cell, _RINGS)
        for other in recent.get(neighbour, ())
        if other.hazard == hazard and abs(other.at - at) <= FUSION_AGE
    ]
    distance, event_id = min(near, default=(float("inf"), ""))
    return event_id if distance <= FUSION_RADIUS_M else derived_id("event", hazard, report_id)


def with_report(recent: Recent, cell: int, report: RecentReport) -> dict[int, tuple[RecentReport, ...]]:
    """Add a report; those that nothing new can join any more are dropped from its cell, and empty cells with them."""
    oldest = report.at - _KEEP
    kept = {
        place: reports for place, reports in recent.items() if place == cell or any(r.at >= oldest for r in reports)
    }
    kept[cell] = (*(r for r in kept.get(cell, ()) if r.at >= oldest), report)
    return kept
