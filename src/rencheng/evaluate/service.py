"""Service levels of a stretch of the ledger as step curves, and their resilience (Bruneau et al. 2003)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from rencheng.kernel import Bilingual
from rencheng.ledger import Entry
from rencheng.science.resilience import Resilience, resilience

__all__ = ["Capacity", "ServiceCurve", "service_curves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What full service is: counts of the whole city."""

    road_links: int
    residents: float
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCurve:
    """Level of one service over time, 0 … 1; a level holds until the next point."""

    service: str
    title: Bilingual
    at: tuple[datetime, ...]
    level_ratio: tuple[float, ...]
    measure: Resilience


_TITLES = {
    "mobility": Bilingual(zh="道路通行(开放路段比例)", en="Mobility (share of road links open)"),
    "safety": Bilingual(zh="居民安全(未暴露居民比例)", en="Safety (share of residents not exposed)"),
    "sensing": Bilingual(zh="感知(健康通道比例)", en="Sensing (share of channels healthy)"),
}


def service_curves(entries: Iterable[Entry], capacity: Capacity, start: datetime, end: datetime) -> list[ServiceCurve]:
    """Follow road closures, exposure and sensor health through the facts.

    Parameters
    ----------
    entries : iterable of Entry
        Facts in order.
    capacity : Capacity
        Full service; a service whose capacity is zero is left out.
    start, end : datetime
        The window.
    """
    closed: set[int] = set()
    faulty: set[tuple[str, str, str]] = set()
    exposed: dict[str, float] = {}
    points: dict[str, list[tuple[datetime, float]]] = {name: [(start, 1.0)] for name in _TITLES}

    def mark(service: str, at: datetime, lost: float, whole: float) -> None:
        if whole > 0:
            points[service].append((max(at, points[service][-1][0]), max(0.0, 1.0 - lost / whole)))

    for entry in entries:
        body, at = entry.body, entry.occurred_at
        if entry.kind in {"RoadClosed", "RoadReopened"}:
            (closed.add if entry.kind == "RoadClosed" else closed.discard)(body.link_id)
            mark("mobility", at, len(closed), capacity.road_links)
        elif entry.kind in {"SensorSilent", "SensorSuspected", "SensorRecovered", "SensorTrusted"}:
            broken = entry.kind in {"SensorSilent", "SensorSuspected"}
            name = (body.sensor_id, body.quantity, getattr(body, "flag", "silent"))
            (faulty.add if broken else faulty.discard)(name)
            mark("sensing", at, len({channel[:2] for channel in faulty}), capacity.channels)
        elif entry.kind in {"SensorsSilent", "SensorsRecovered"}:
            names = {(sensor, body.quantity, "silent") for sensor in body.sensor_ids}
            (faulty.update if entry.kind == "SensorsSilent" else faulty.difference_update)(names)
            mark("sensing", at, len({channel[:2] for channel in faulty}), capacity.channels)
        elif entry.kind == "RiskAssessed":
            now = [t.residents_exposed for t in body.totals if t.lead_h == 0.0]
            exposed[body.hazard] = max(now, default=0.0)
            mark("safety", at, max(exposed.values()), capacity.residents)
    whole = {"mobility": capacity.road_links, "safety": capacity.residents, "sensing": capacity.channels}
    return [_curve(name, points[name], start, end) for name in _TITLES if whole[name] > 0]


def _curve(name: str, points: list[tuple[datetime, float]], start: datetime, end: datetime) -> ServiceCurve:
    kept = [point for point in points if point[0] <= end]
    kept.append((end, kept[-1][1]))
    time_h = np.array([(at - start).total_seconds() / 3600.0 for at, _ in kept])
    level = np.array([value for _, value in kept])
    return ServiceCurve(
        service=name,
        title=_TITLES[name],
        at=tuple(at for at, _ in kept),
        level_ratio=tuple(value for _, value in kept),
        measure=resilience(time_h, level),
    )
