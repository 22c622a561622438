"""Which lifeline risk sources 城市生命线风险源 a city watches, by which rules and with how many sensors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rencheng.city import City
from rencheng.sense import detection_rules_of
from rencheng.sense.risk_sources import RiskSourceRow, risk_source_rows
from rencheng.warn import load_rules

__all__ = ["city_risk_sources", "risk_source_lines"]


def city_risk_sources(city: City, now: datetime) -> list[RiskSourceRow]:
    """How every class is watched in a city, under the rules that hold there now."""
    in_force = load_rules(city.path).in_force(city.manifest.jurisdiction, now, city.zone)
    return risk_source_rows(city, detection_rules_of(city.path), tuple(in_force))


def risk_source_lines(city: City, now: datetime) -> Iterator[str]:
    """Tell it line by line."""
    rows = city_risk_sources(city, now)
    for row in rows:
        name = f"{row.source.name.zh} {row.source.name.en}"
        yield f"{row.source.id:<22} {row.sensors:>7} sensors {row.channels:>7} channels  {', '.join(row.rules)}  {name}"
    watched = sum(bool(row.rules) for row in rows)
    yield f"{len(rows)} classes, {watched} with a rule, {sum(r.sensors > 0 for r in rows)} with a sensor here"
