"""The organisation of a city as data: who commands whom, who answers for what, and who hears when nobody answers.

A plan names a *duty* and a level; the organisation names the one role that is accountable for it at a place. The
search begins at the smallest area and goes up until somebody has the duty (市—区—街道—社区: city, district, street,
community).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rencheng.city.package import City
from rencheng.kernel import Bilingual, InvalidInput, NotFound

__all__ = ["AREA_LEVELS", "DUTIES", "AreaTree", "Office", "Organisation", "Role"]

AREA_LEVELS = ("city", "district", "street", "community", "grid")
"""Levels of area from the largest to the smallest."""

DUTIES: Mapping[str, Bilingual] = {
    "commander": Bilingual(zh="指挥长", en="Incident commander"),
    "duty_officer": Bilingual(zh="值班员", en="Duty officer"),
    "emergency_lead": Bilingual(zh="应急管理负责人", en="Emergency management lead"),
    "warning_editor": Bilingual(zh="预警发布员", en="Warning editor"),
    "water_lead": Bilingual(zh="水务负责人", en="Water lead"),
    "traffic_lead": Bilingual(zh="交通负责人", en="Traffic lead"),
    "fire_lead": Bilingual(zh="消防救援负责人", en="Fire and rescue lead"),
    "health_lead": Bilingual(zh="卫生健康负责人", en="Health lead"),
    "power_lead": Bilingual(zh="电力负责人", en="Power lead"),
    "education_lead": Bilingual(zh="教育负责人", en="Education lead"),
    "police_lead": Bilingual(zh="公安负责人", en="Police lead"),
    "housing_lead": Bilingual(zh="住建负责人", en="Housing lead"),
    "civil_affairs_lead": Bilingual(zh="民政负责人", en="Civil affairs lead"),
    "transport_lead": Bilingual(zh="交通运输（轨道、公交）负责人", en="Metro and bus lead"),
    "grid_officer": Bilingual(zh="网格员", en="Grid officer"),
}
"""Duties that plans may name in any city; a city's roles may add its own."""

_STAND_IN = ("commander", "duty_officer")
_KIND_ORDER = {"command": 0, "department": 1, "team": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A command, department or team."""

    org_id: str
    parent_id: str
    level: str
    kind: str
    department: str
    name: Bilingual
    area_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A post: the duty it has, in which office, and who hears when it does not answer."""

    role_id: str
    org_id: str
    duty: str
    name: Bilingual
    escalate_to: str


@dataclass(frozen=True, kw_only=True)
class AreaTree:
    """Areas of a city: what lies in what.

    Parameters
    ----------
    parent : mapping of str to str
        Area id → area one level up, empty for the city.
    kind : mapping of str to str
        Area id → city, district, street, community or grid.
    """

    parent: Mapping[str, str]
    kind: Mapping[str, str]
    name: Mapping[str, Bilingual] = field(default_factory=dict)

    @classmethod
    def of(cls, city: City) -> AreaTree:
        """Read the areas of a city; refuses a parent that is not there and areas that lie in themselves."""
        rows = city.rows("areas")
        parent = {r["area_id"]: r.get("parent_id") or "" for r in rows}
        _refuse_loops(parent, table="areas", column="parent_id", noun="area")
        return cls(
            parent=parent,
            kind={r["area_id"]: r["kind"] for r in rows},
            name={r["area_id"]: _name(r, r["area_id"]) for r in rows},
        )

    def upward(self, area_id: str) -> list[str]:
        """An area and all that hold it, smallest first; nothing for an unknown one."""
        chain: list[str] = []
        while area_id in self.parent:
            chain.append(area_id)
            area_id = self.parent[area_id]
        return chain

    @cached_property
    def root(self) -> str:
        """The city's own area; empty when the package has no areas."""
        return next((a for a, p in self.parent.items() if not p), "")

    def at_level(self, area_ids: Iterable[str], level: str) -> tuple[str, ...]:
        """Areas of a level that hold the given ones, or lie in them; where the level is not there, the next one up."""
        wanted = AREA_LEVELS.index(level)
        found: dict[str, None] = {}
        for area_id in area_ids:
            chain = self.upward(area_id)
            holding = [a for a in chain if AREA_LEVELS.index(self.kind[a]) <= wanted]
            inside = self._inside(area_id, level) if chain and self.kind[chain[0]] != level else ()
            if inside and AREA_LEVELS.index(self.kind[area_id]) < wanted:
                found.update(dict.fromkeys(inside))
            elif holding:
                found.setdefault(holding[0])
        return tuple(sorted(found)) or ((self.root,) if self.root else ())

    def _inside(self, area_id: str, level: str) -> tuple[str, ...]:
        return tuple(a for a in self._of_level.get(level, ()) if area_id in self.upward(a))

    @cached_property
    def _of_level(self) -> dict[str, tuple[str, ...]]:
        return {k: tuple(sorted(a for a, kind in self.kind.items() if kind == k)) for k in AREA_LEVELS}

    def smallest_common(self, area_ids: Sequence[str]) -> str:
        """Smallest area that holds all of the given ones; the city for none."""
        chains = [self.upward(a) for a in area_ids if a in self.parent]
        if not chains:
            return self.root
        return next((a for a in chains[0] if all(a in c for c in chains[1:])), self.root)


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """Offices and roles of a city, checked.

    Parameters
    ----------
    offices, roles : mapping
        By id, in the order of the tables.
    areas : AreaTree
        What the offices answer for.
    stands_in : bool
        True when the package has no organisation and one city command answers every duty.
    """

    offices: Mapping[str, Office]
    roles: Mapping[str, Role]
    areas: AreaTree
    stands_in: bool = False

    @classmethod
    def of(cls, city: City) -> Organisation:
        """Read ``organisations`` and ``roles``; a city without them gets one command that answers every duty.

        Raises
        ------
        InvalidInput
            If an office, role or escalation names one that is not there, or runs in a circle; names it.
        """
        areas = AreaTree.of(city)
        if not (city.has("organisations") and city.has("roles")):
            return _stand_in(city, areas)
        offices = {r["org_id"]: _office(r) for r in city.rows("organisations")}
        roles = {r["role_id"]: _role(r) for r in city.rows("roles")}
        _refuse_loops(
            {k: o.parent_id for k, o in offices.items()}, table="organisations", column="parent_id", noun="organisation"
        )
        _refuse_loops(
            {k: r.escalate_to for k, r in roles.items()}, table="roles", column="escalate_to", noun="escalation"
        )
        for role in roles.values():
            if role.org_id not in offices:
                raise InvalidInput(
                    f"organisation {role.org_id!r} is not in organisations",
                    where=f"roles, role_id {role.role_id!r}, org_id",
                    mend="Add the organisation or mend the role",
                )
        return cls(offices=offices, roles=roles, areas=areas)

    @cached_property
    def _by_duty(self) -> Mapping[str, Mapping[str, str]]:
        """Duty → area → role; a command goes before a department before a team, then the lower id."""
        ranked = sorted(self.roles.values(), key=lambda r: (_KIND_ORDER.get(self.offices[r.org_id].kind, 3), r.role_id))
        table: dict[str, dict[str, str]] = {}
        for role in ranked:
            table.setdefault(role.duty, {}).setdefault(self.area_of(role.role_id), role.role_id)
        return table

    @property
    def duties(self) -> frozenset[str]:
        """Every duty a plan may name here: the common ones and the city's own."""
        return frozenset(DUTIES) | {r.duty for r in self.roles.values()}

    def area_of(self, role_id: str) -> str:
        """Area that a role answers for: its office's, or that of the office above it; the city where none says."""
        office = self.offices[self.role(role_id).org_id]
        while not office.area_id and office.parent_id:
            office = self.offices[office.parent_id]
        return office.area_id or self.areas.root

    def role(self, role_id: str) -> Role:
        """Look a role up; refuses an unknown one."""
        try:
            return self.roles[role_id]
        except KeyError:
            raise NotFound(f"the city has no role {role_id!r}", mend="Take a role_id of the roles table") from None

    def holder(self, duty: str, area_id: str) -> str | None:
        """Role that has the duty at the area or at the nearest one above it; ``None`` where the city has none."""
        if self.stands_in:
            return next(iter(self.roles))
        by_area = self._by_duty.get(duty, {})
        return next((by_area[a] for a in [*self.areas.upward(area_id), self.areas.root] if a in by_area), None)

    def resolve(self, duty: str, area_id: str) -> str:
        """The one role that is accountable for a duty at an area.

        The nearest level up that has the duty answers. Where the city fills a known duty nowhere, the commander and
        then the duty officer of the nearest level stands in, so that nothing is left to nobody.

        Raises
        ------
        NotFound
            If the duty is unknown, or the city has neither it nor a commander or duty officer.
        """
        if duty not in self.duties:
            raise NotFound(f"unknown duty {duty!r}", mend=f"Use one of: {', '.join(sorted(self.duties))}")
        for candidate in (duty, *_STAND_IN):
            found = self.holder(candidate, area_id)
            if found is not None:
                return found
        raise NotFound(f"nobody in the city has the duty {duty!r}", mend="Add a role with it, or a commander")

    def escalation(self, role_id: str) -> str | None:
        """Role that hears when a role does not answer; ``None`` at the top.

        The role's own ``escalate_to``; else the same duty one area up; else the commander of the same area and then of
        the ones above.
        """
        role = self.role(role_id)
        if role.escalate_to:
            return role.escalate_to
        above = self.areas.upward(self.area_of(role_id))[1:]
        same = next((self._by_duty[role.duty][a] for a in above if a in self._by_duty[role.duty]), None)
        if same is not None:
            return same
        if role.duty == "commander":
            return None
        commander = self.holder("commander", self.area_of(role_id))
        return commander if commander != role_id else None

    def escalation_chain(self, role_id: str) -> tuple[str, ...]:
        """Roles that hear one after the other, the given one first; ends at the top and never comes back."""
        chain = [role_id]
        while (above := self.escalation(chain[-1])) is not None and above not in chain:
            chain.append(above)
        return tuple(chain)


def _name(row: Mapping[str, Any], fallback: str) -> Bilingual:
    name = row.get("name") or fallback
    return Bilingual(zh=name, en=row.get("name_en") or name)


def _office(row: Mapping[str, Any]) -> Office:
    return Office(
        org_id=row["org_id"],
        parent_id=row.get("parent_id") or "",
        level=row["level"],
        kind=row["kind"],
        department=row.get("department") or "",
        name=_name(row, row["org_id"]),
        area_id=row.get("area_id") or "",
    )


def _role(row: Mapping[str, Any]) -> Role:
    return Role(
        role_id=row["role_id"],
        org_id=row["org_id"],
        duty=row["duty"],
        name=_name(row, row["role_id"]),
        escalate_to=row.get("escalate_to") or "",
    )


def _stand_in(city: City, areas: AreaTree) -> Organisation:
    command = Office(
        org_id="city-command",
        parent_id="",
        level="city",
        kind="command",
        department="",
        name=Bilingual(zh=f"{city.manifest.name}指挥部", en=f"{city.manifest.name_en} command"),
        area_id=areas.root,
    )
    officer = Role(
        role_id="city-duty-officer", org_id="city-command", duty="duty_officer", name=DUTIES["duty_officer"],
        escalate_to="",
    )  # fmt: skip
    return Organisation(
        offices={command.org_id: command}, roles={officer.role_id: officer}, areas=areas, stands_in=True
    )


def _refuse_loops(parent: Mapping[str, str], *, table: str, column: str, noun: str) -> None:
    safe: set[str] = set()
    for start in parent:
        path: list[str] = []
        at = start
        while at and at not in safe:
            if at not in parent:
                raise InvalidInput(
                    f"{at!r} is not in {table}",
                    where=f"{table}, {path[-1]!r}, {column}",
                    mend="Add it or mend this row",
                )
            if at in path:
                circle = " → ".join([*path[path.index(at) :], at])
                raise InvalidInput(
                    f"{noun} runs in a circle: {circle}", where=f"{table}, {column}", mend=f"Break it at one {column}"
                )
            path.append(at)
            at = parent[at]
        safe.update(path)
