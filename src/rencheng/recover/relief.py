"""What affected residents need for the first days, and what of it the city does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import msgspec
import yaml

from rencheng.city import City
from rencheng.recover.facts import ResourceGap

__all__ = ["Relief", "ReliefItem", "read_relief", "relief_gaps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliefItem:
    """What one affected resident needs of an item."""

    unit: str
    per_resident: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """The table of relief items, with its source."""

    version: str
    jurisdiction: str
    valid_from: str
    source: str
    items: dict[str, ReliefItem]


def read_relief() -> Relief:
    """Read the shipped relief table."""
    text = (files("rencheng.recover") / "data" / "relief.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Relief)


def relief_gaps(city: City, affected: Mapping[int, float], relief: Relief) -> tuple[ResourceGap, ...]:
    """What the affected residents of each area need beyond what the city has in stock.

    Parameters
    ----------
    city : City
        Its ``stocks`` are shared between areas in proportion to need; an area is the smallest one its cells name.
    affected : mapping of int to float
        H3 cell → residents affected there.
    relief : Relief
        What a resident needs.
    """
    people = _people_by_area(city, affected)
    total = sum(people.values())
    stock: dict[str, float] = {}
    for row in city.rows("stocks"):
        stock[row["item"]] = stock.get(row["item"], 0.0) + float(row["quantity"])
    gaps = []
    for area, count in sorted(people.items()):
        for item, rule in relief.items.items():
            needed = count * rule.per_resident
            available = stock.get(item, 0.0) * count / total
            if needed > available:
                gaps.append(ResourceGap(area_id=area, item=item, needed=needed, available=available, unit=rule.unit))
    return tuple(gaps)


def _people_by_area(city: City, affected: Mapping[int, float]) -> dict[str, float]:
    table = city.table("cells")
    columns = [c for c in ("cell", "area_id") if c in table.column_names]
    people: dict[str, float] = {}
    for row in table.select(columns).to_pylist():
        count = affected.get(row["cell"], 0.0)
        if count > 0.0:
            area = row.get("area_id") or city.manifest.id
            people[area] = people.get(area, 0.0) + count
    return people
