"""Views of sensing for people: sensors by state, feeds, events reported, and how much of the city is covered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from scipy.spatial import cKDTree

from rencheng.city import City
from rencheng.kernel import QUANTITIES
from rencheng.sense.model import EventState, FeedState, State
from rencheng.sense.ports import QualityFlag, Readings

__all__ = ["Coverage", "SectorCoverage", "SensorRow", "coverage", "event_rows", "feed_rows", "sensor_rows"]

KEY_SECTORS = (
    "hospital",
    "school",
    "kindergarten",
    "shelter",
    "metro_entrance",
    "substation",
    "waterworks",
    "care_home",
)
"""Facility kinds whose surroundings are to be watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRow:
    """The latest of one channel with its condition.

    Parameters
    ----------
    state : str
        ``ok``, ``suspect`` (readings not to be believed), ``silent``, or ``unheard`` (never reported).
    reasons : tuple of str
        Flags the channel is suspected for.
    flags : tuple of str
        Flags of the latest reading itself.
    """

    sensor_id: str
    name: str
    kind: str
    lon: float | None
    lat: float | None
    quantity: str
    unit: str
    at: datetime | None
    value: float | None
    flags: tuple[str, ...]
    state: str
    reasons: tuple[str, ...]


def sensor_rows(state: State, readings: Readings, *, now: datetime, city: City | None = None) -> list[SensorRow]:
    """Latest reading per channel with its state, sorted by sensor and quantity; sensors never heard come too."""
    registry: Mapping[str, dict[str, Any]] = {row["sensor_id"]: row for row in city.rows("sensors")} if city else {}
    latest = readings.latest(at=now).to_pylist()
    rows = [_heard(state, row, registry.get(row["sensor_id"], {})) for row in latest]
    heard = {row["sensor_id"] for row in latest}
    rows += [_unheard(row) for sensor_id, row in registry.items() if sensor_id not in heard]
    return sorted(rows, key=lambda row: (row.sensor_id, row.quantity))


def _heard(state: State, reading: dict[str, Any], sensor: Mapping[str, Any]) -> SensorRow:
    key = (reading["sensor_id"], reading["quantity"])
    reasons = tuple(sorted(state.suspected.get(key, {})))
    condition = "silent" if key in state.silent else "suspect" if reasons else "ok"
    return SensorRow(
        sensor_id=key[0],
        name=sensor.get("name") or "",
        kind=sensor.get("kind") or "",
        lon=sensor.get("lon"),
        lat=sensor.get("lat"),
        quantity=key[1],
        unit=QUANTITIES[key[1]].unit,
        at=reading["at"],
        value=reading["value"],
        flags=tuple(str(flag.name).lower() for flag in QualityFlag if reading["flags"] & flag),
        state=condition,
        reasons=reasons,
    )


def _unheard(sensor: Mapping[str, Any]) -> SensorRow:
    return SensorRow(
        sensor_id=sensor["sensor_id"],
        name=sensor.get("name") or "",
        kind=sensor.get("kind") or "",
        lon=sensor.get("lon"),
        lat=sensor.get("lat"),
        quantity="",
        unit="",
        at=None,
        value=None,
        flags=(),
        state="unheard",
        reasons=(),
    )


def feed_rows(state: State) -> list[FeedState]:
    """Feeds by name, with position, totals and what is wrong with them."""
    return [state.feeds[name] for name in sorted(state.feeds)]


def event_rows(state: State) -> list[EventState]:
    """Events that reports tell of, newest first."""
    return sorted(state.events.values(), key=lambda event: (event.last_at, event.event_id), reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorCoverage:
    """Facilities of one kind with a sensor near."""

    kind: str
    facilities: int
    covered: int
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the city its sensors watch.

    Parameters
    ----------
    area_kind : str
        Smallest kind of area that the city has polygons for, at best ``community``.
    areas, covered : int
        Areas of that kind, and those with at least one sensor inside.
    ratio : float
        ``covered / areas``; NaN without areas.
    residents_ratio : float
        Residents living in a cell of a covered area, of all; NaN where the city does not tell.
    sectors : tuple of SectorCoverage
        Facilities of key sectors with a sensor within the radius.
    """

    area_kind: str
    areas: int
    covered: int
    ratio: float
    residents_ratio: float
    sectors: tuple[SectorCoverage, ...]


def coverage(city: City, *, radius_m: float = 500.0, kinds: Sequence[str] = KEY_SECTORS) -> Coverage:
    """Count how many communities have at least one sensor, and how many key facilities have one near.

    Parameters
    ----------
    city : City
        Its registry of sensors, areas, cells and facilities.
    radius_m : float
        A facility is watched by a sensor no further than this.
    kinds : sequence of str
        Facility kinds of the key sectors.
    """
    sensors = city.rows("sensors")
    lon = np.array([row["lon"] for row in sensors], dtype=np.float64)
    lat = np.array([row["lat"] for row in sensors], dtype=np.float64)
    areas = [row for row in city.rows("areas") if row.get("geometry") is not None]
    kind = next((k for k in ("community", "street", "district", "city") if any(a["kind"] == k for a in areas)), "")
    shapes = shapely.from_wkb([row["geometry"] for row in areas if row["kind"] == kind])
    inside = np.zeros(len(shapes), dtype=bool)
    if len(shapes) and len(lon):
        hit = shapely.STRtree(shapes).query(shapely.points(lon, lat), predicate="intersects")
        inside[hit[1]] = True
    return Coverage(
        area_kind=kind,
        areas=len(shapes),
        covered=int(inside.sum()),
        ratio=float(inside.mean()) if len(inside) else float("nan"),
        residents_ratio=_residents_ratio(city, shapes[inside]),
        sectors=_sectors(city, lon, lat, radius_m, kinds),
    )


def _residents_ratio(city: City, covered: Any) -> float:
    if not city.has("cells") or "residents" not in city.table("cells").column_names:
        return float("nan")
    residents = np.nan_to_num(city.column("cells", "residents").astype(np.float64))
    if not residents.sum():
        return float("nan")
    centre = shapely.points(city.column("cells", "lon"), city.column("cells", "lat"))
    inside = np.zeros(len(residents), dtype=bool)
    if len(covered):
        inside[shapely.STRtree(covered).query(centre, predicate="intersects")[0]] = True
    return float(residents[inside].sum() / residents.sum())


def _sectors(city: City, lon: Any, lat: Any, radius_m: float, kinds: Sequence[str]) -> tuple[SectorCoverage, ...]:
    facilities = city.rows("facilities")
    watch = cKDTree(np.column_stack(city.to_metric.transform(lon, lat))) if len(lon) else None
    sectors = []
    for kind in kinds:
        of = [row for row in facilities if row["kind"] == kind]
        if not of:
            continue
        near = 0
        if watch is not None:
            at = np.column_stack(city.to_metric.transform([r["lon"] for r in of], [r["lat"] for r in of]))
            near = int(np.count_nonzero(watch.query(at)[0] <= radius_m))
        sectors.append(SectorCoverage(kind=kind, facilities=len(of), covered=near, ratio=near / len(of)))
    return tuple(sectors)
