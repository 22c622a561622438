"""What stays the same in a run: the city, its organisation, plans and rules, its roads and its units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rencheng.assess.ports import FieldStore
from rencheng.city import City, Organisation, RoadGraph
from rencheng.respond.plans import PlanBook, check_duties, read_plans
from rencheng.respond.rules import Rules, read_rules

__all__ = ["Inputs", "Unit", "units_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A rescue unit as the city lists it."""

    unit_id: str
    name: str
    kind: str
    skills: tuple[str, ...]
    lon: float
    lat: float
    capacity: float | None = None


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the response needs besides its state.

    Parameters
    ----------
    roads : RoadGraph or None
        ``None`` where the city has no roads: travel is then reckoned in a straight line, and every assignment says so.
    simulate_units : bool
        True in rehearsal and replay: units arrive and finish by the clock. Live, people confirm.
    close_when_reviewed : bool
        Close an incident by itself when its twelve nodes are passed; else a commander's order does.
    fields : FieldStore, optional
        Where risk tables lie; without it no road is closed on risk alone.
    """

    city: City
    organisation: Organisation
    plans: PlanBook
    rules: Rules
    roads: RoadGraph | None
    units: Mapping[str, Unit]
    simulate_units: bool = False
    close_when_reviewed: bool = True
    fields: FieldStore | None = None
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """Results of pure functions kept between turns; never anything a result depends on."""

    @classmethod
    def of(
        cls,
        city: City,
        *,
        simulate_units: bool = False,
        close_when_reviewed: bool = True,
        fields: FieldStore | None = None,
    ) -> Inputs:
        """Read all from a city package and check that the plans' duties are known.

        Raises
        ------
        InvalidConfig
            If a plan or rule file is wrong.
        InvalidInput
            If organisation or roads are wrong.
        """
        organisation = Organisation.of(city)
        plans = read_plans(city.path)
        check_duties(plans.plans, organisation)
        return cls(
            city=city,
            organisation=organisation,
            plans=plans,
            rules=read_rules(city.path),
            roads=RoadGraph.of(city) if city.has("road_nodes") and city.has("road_links") else None,
            units=units_of(city),
            simulate_units=simulate_units,
            close_when_reviewed=close_when_reviewed,
            fields=fields,
        )

    @property
    def jurisdiction(self) -> str:
        """Whose rules hold."""
        return self.city.manifest.jurisdiction

    @cached_property
    def area_of_cell(self) -> Mapping[int, str]:
        """Smallest area that holds each cell; empty where the package does not say."""
        if not self.city.has("cells") or "area_id" not in self.city.table("cells").column_names:
            return {}
        table = self.city.table("cells")
        pairs = zip(table.column("cell").to_pylist(), table.column("area_id").to_pylist(), strict=True)
        return {cell: area for cell, area in pairs if area}


def units_of(city: City) -> dict[str, Unit]:
    """Units of a city by id; none where it has no such table."""
    return {
        row["unit_id"]: Unit(
            unit_id=row["unit_id"],
            name=row.get("name") or row["unit_id"],
            kind=row["kind"],
            skills=tuple(sorted(s.strip() for s in row["skills"].split(",") if s.strip())),
            lon=row["lon"],
            lat=row["lat"],
            capacity=row.get("capacity"),
        )
        for row in city.rows("units")
    }
