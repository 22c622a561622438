"""Flood-prone points 易涝点: the places a city knows to fill, who watches them, and how far their remediation is."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from rencheng.city.package import City
from rencheng.kernel import cell_of

__all__ = [
    "SENSOR_REACH_M",
    "WATCHING",
    "AssignedSensor",
    "DepthRule",
    "FloodPronePoint",
    "RemediationStatus",
    "day_of",
    "depth_rule",
    "flood_prone_points",
    "is_overdue",
]

SENSOR_REACH_M = 50.0
"""A street-depth sensor farther away than this does not watch a point (this project's proposal: the water of an
underpass or a hollow stands level over some tens of metres, and not farther)."""
WATCHING = ("street_depth", "water_depth_m")
"""Kind of sensor and quantity that tell the water on a street."""


class RemediationStatus(StrEnum):
    """How far the remediation of a point is."""

    PLANNED = "planned"
    """On the list, nothing done yet."""
    IN_WORK = "in_work"
    """Works have begun."""
    DONE = "done"
    """Works have ended; whether they help is not shown yet."""
    VERIFIED = "verified"
    """Checked: it stood no longer in water in a rain that would have filled it."""

    @property
    def open(self) -> bool:
        """Whether something is still to be done by the planned day."""
        return self in {RemediationStatus.PLANNED, RemediationStatus.IN_WORK}


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRule:
    """Depths that hold for points of a kind which state none of their own, and who says so."""

    kind: str
    warning_m: float
    closure_m: float
    valid_from: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedSensor:
    """The sensor that watches a point."""

    sensor_id: str
    distance_m: float
    named: bool
    """Whether the city names it; else it is the nearest within :data:`SENSOR_REACH_M`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodPronePoint:
    """One point of the register, as the city package says; what people revised since stands in the ledger."""

    point_id: str
    name: str
    name_en: str
    kind: str
    lon: float
    lat: float
    cell: int
    link_id: int | None
    org_id: str
    warning_m: float
    closure_m: float
    own_closure: bool
    """Whether the city states the closure depth; else it is that of :func:`depth_rule`."""
    depth_source: str
    listed_year: int | None
    status: RemediationStatus
    planned_on: date | None
    done_on: date | None
    measure: str
    measure_en: str
    baseline_year: int | None
    baseline_ponding_s: float | None
    sensor: AssignedSensor | None
    """None where no street-depth sensor is within reach: a gap."""


@cache
def _depth_rules() -> Mapping[str, DepthRule]:
    with files("rencheng.city").joinpath("flood_point_depths.csv").open(encoding="utf-8") as lines:
        rows = [
            DepthRule(
                kind=row["kind"],
                warning_m=float(row["warning_m"]),
                closure_m=float(row["closure_m"]),
                valid_from=row["valid_from"],
                source=row["source"],
            )
            for row in csv.DictReader(lines)
        ]
    return MappingProxyType({rule.kind: rule for rule in rows})


def depth_rule(kind: str) -> DepthRule:
    """Depths for a kind of point.

    Examples
    --------
    >>> depth_rule("underpass").closure_m
    0.27
    """
    return _depth_rules().get(kind, _depth_rules()["*"])


def day_of(text: str | None) -> date | None:
    """Read a day ``YYYY-MM-DD``; None where there is none or it is no day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def is_overdue(status: RemediationStatus, planned_on: date | None, now: datetime, city: City) -> bool:
    """Whether the planned day has passed on the city's calendar and the works have not ended."""
    return status.open and planned_on is not None and planned_on < now.astimezone(city.zone).date()


def flood_prone_points(city: City) -> tuple[FloodPronePoint, ...]:
    """Points of the city's register in the order of their ids, each with the sensor that watches it.

    A city without the table has none.
    """
    rows = sorted(city.rows("flood_prone_points"), key=lambda row: str(row["point_id"]))
    sensors = _assigned(city, rows)
    return tuple(_point(row, sensor, city) for row, sensor in zip(rows, sensors, strict=True))


def _point(row: Mapping[str, Any], sensor: AssignedSensor | None, city: City) -> FloodPronePoint:
    rule = depth_rule(row["kind"])
    warning, closure = row.get("warning_m"), row.get("closure_m")
    given = [name for name, value in (("warning", warning), ("closure", closure)) if value is not None]
    source = "stated by the city" if len(given) == 2 else rule.source
    return FloodPronePoint(
        point_id=row["point_id"],
        name=row["name"],
        name_en=row.get("name_en") or "",
        kind=row["kind"],
        lon=row["lon"],
        lat=row["lat"],
        cell=row.get("cell") or cell_of(row["lon"], row["lat"], city.manifest.h3_resolution),
        link_id=row.get("link_id"),
        org_id=row.get("org_id") or "",
        warning_m=rule.warning_m if warning is None else warning,
        closure_m=rule.closure_m if closure is None else closure,
        own_closure=closure is not None,
        depth_source=source if len(given) != 1 else f"{given[0]} stated by the city; else {source}",
        listed_year=row.get("listed_year"),
        status=RemediationStatus(row["status"]),
        planned_on=day_of(row.get("planned_on")),
        done_on=day_of(row.get("done_on")),
        measure=row.get("measure") or "",
        measure_en=row.get("measure_en") or "",
        baseline_year=row.get("baseline_year"),
        baseline_ponding_s=row.get("baseline_ponding_s"),
        sensor=sensor,
    )


def _assigned(city: City, rows: list[dict[str, Any]]) -> list[AssignedSensor | None]:
    """Sensor of each point: the named one, else the nearest within reach."""
    kind, quantity = WATCHING
    measured = {row["sensor_id"] for row in city.rows_where("channels", "quantity", [quantity])}
    sensors = [s for s in city.rows_where("sensors", "kind", [kind]) if s["sensor_id"] in measured]
    sensors = sorted(sensors, key=lambda row: str(row["sensor_id"]))
    place = {row["sensor_id"]: k for k, row in enumerate(sensors)}
    if not sensors or not rows:
        return [None] * len(rows)
    here = np.column_stack(city.to_metric.transform([r["lon"] for r in rows], [r["lat"] for r in rows]))
    there = np.column_stack(city.to_metric.transform([r["lon"] for r in sensors], [r["lat"] for r in sensors]))
    away, nearest = (np.asarray(found) for found in cKDTree(there).query(here))
    found: list[AssignedSensor | None] = []
    for k, row in enumerate(rows):
        named = place.get(row.get("sensor_id") or "")
        at = int(nearest[k]) if named is None else named
        distance = float(away[k]) if named is None else float(np.hypot(*(there[named] - here[k])))
        near = named is not None or distance <= SENSOR_REACH_M
        assigned = AssignedSensor(
            sensor_id=sensors[at]["sensor_id"], distance_m=round(distance, 1), named=named is not None
        )
        found.append(assigned if near else None)
    return found
