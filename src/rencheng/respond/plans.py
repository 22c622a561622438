"""Plans 预案 as versioned files, and the resolver that picks the most specific one for hazard, level and place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from rencheng.city import AreaTree, Organisation
from rencheng.kernel import Bilingual, Colour, Hazard, InvalidConfig, NotFound, ResponseLevel
from rencheng.respond.rules import jurisdiction_fit
from rencheng.respond.yaml_files import convert_yaml, line_of

__all__ = ["Plan", "PlanBook", "Resolution", "Step", "Trigger", "check_duties", "read_plans"]

Level = Literal["city", "district", "street", "community", "grid"]


class AreaTrigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a plan holds: only in these areas, or only for events that one area of such a kind holds."""

    ids: list[str] = []
    kinds: list[Level] = []


class Trigger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What puts a plan in force; an empty list means any."""

    hazard: str
    """A hazard of the house, or ``any``."""
    levels: list[ResponseLevel] = []
    colours: list[Colour] = []
    area: AreaTrigger = AreaTrigger()


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody has to do, until when after activation, and what shows that it is done."""

    id: str
    title: Bilingual
    duty: str
    measure: str
    deadline_min: float
    level: Level = "city"
    acknowledge_min: float = 5.0
    receipt: Literal["none", "text", "photo", "count"] = "none"
    depends_on: list[str] = []


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plan as its file says it; after reading, ``steps`` holds those of the included plan too."""

    id: str
    version: str
    title: Bilingual
    jurisdiction: str
    valid_from: date
    source: str
    trigger: Trigger
    steps: list[Step]
    valid_until: date | None = None
    includes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """The plan chosen and, in words, why it and not another."""

    plan: Plan
    why: str


@dataclass(frozen=True, kw_only=True)
class PlanBook:
    """All plans that may hold in a city, includes resolved and checked."""

    plans: tuple[Plan, ...]

    def plan(self, plan_id: str, version: str) -> Plan:
        """Look a plan up; refuses an unknown one."""
        for plan in self.plans:
            if plan.id == plan_id and plan.version == version:
                return plan
        raise NotFound(f"no plan {plan_id!r} of version {version!r}", mend="Keep old versions of plans beside new ones")

    def resolve(
        self,
        *,
        hazard: str,
        level: ResponseLevel,
        colour: str,
        area_ids: Sequence[str],
        areas: AreaTree,
        jurisdiction: str,
        at: datetime,
    ) -> Resolution:
        """The most specific plan in force (PLN-02).

        Specificity, first difference decides: the very hazard before any hazard; a named area before a kind of area
        before anywhere, a smaller named area before a larger; the closer jurisdiction; the very level before any level;
        the very colour before any; the later ``valid_from``; the higher version.

        Raises
        ------
        NotFound
            If no plan fits.
        """
        place = areas.smallest_common(area_ids)
        holding = areas.upward(place)
        fitting = [
            (key, plan)
            for plan in self.plans
            if (key := _specificity(plan, hazard, level, colour, holding, areas, jurisdiction, at.date())) is not None
        ]
        if not fitting:
            raise NotFound(
                f"no plan holds for {hazard}, level {level}", mend="Add a plan with hazard: any to CITY/plans"
            )
        _, best = max(fitting, key=lambda pair: (pair[0], pair[1].version, pair[1].id))
        return Resolution(plan=best, why=_why(best, len(fitting) - 1))


def _specificity(
    plan: Plan,
    hazard: str,
    level: ResponseLevel,
    colour: str,
    holding: Sequence[str],
    areas: AreaTree,
    jurisdiction: str,
    day: date,
) -> tuple[int, int, int, int, int, date] | None:
    trigger = plan.trigger
    fit = jurisdiction_fit(plan.jurisdiction, jurisdiction)
    place = _place_fit(trigger.area, holding, areas)
    out = (
        fit < 0
        or place < 0
        or trigger.hazard not in ("any", hazard)
        or (trigger.levels and level not in trigger.levels)
        or (trigger.colours and colour not in trigger.colours)
        or day < plan.valid_from
        or (plan.valid_until is not None and day > plan.valid_until)
    )
    if out:
        return None
    return (trigger.hazard != "any", place, fit, bool(trigger.levels), bool(trigger.colours), plan.valid_from)


def _place_fit(area: AreaTrigger, holding: Sequence[str], areas: AreaTree) -> int:
    if area.ids:
        inside = [a for a in holding if a in area.ids]
        return 10 + len(areas.upward(inside[0])) if inside else -1
    if area.kinds:
        return 1 if holding and areas.kind[holding[0]] in area.kinds else -1
    return 0


def _why(plan: Plan, others: int) -> str:
    t = plan.trigger
    place = ", ".join(t.area.ids or t.area.kinds) or "anywhere"
    grade = ", ".join([*t.levels, *t.colours]) or "any level"
    beaten = f"; most specific of {others + 1} that fit" if others else "; the only one that fits"
    return f"{t.hazard}, {grade}, {place}, jurisdiction {plan.jurisdiction}, from {plan.valid_from}{beaten}"


def read_plans(city_path: Path | None = None) -> PlanBook:
    """Read the shipped plans and the city's own in ``CITY/plans/*.yaml``, which replace shipped ones of the same id.

    Raises
    ------
    InvalidConfig
        If a file is wrong: names file, line, key and mend. Also for an unknown include, a doubled step, a dependency on
        a step that is not there, and dependencies that run in a circle, which is named.
    """
    shipped = sorted(files("rencheng.respond").joinpath("data", "plans").iterdir(), key=lambda f: f.name)
    found = {f.name: f.read_text(encoding="utf-8") for f in shipped if f.name.endswith(".yaml")}
    own = sorted((city_path / "plans").glob("*.yaml")) if city_path is not None else []
    read = [(_parse(text, name), text, name) for name, text in found.items()]
    mine = [(_parse(text, str(p)), text, str(p)) for p in own if (text := p.read_text(encoding="utf-8"))]
    replaced = {plan.id for plan, _, _ in mine}
    sources = [entry for entry in read if entry[0].id not in replaced] + mine
    return PlanBook(plans=tuple(_complete(plan, text, name, sources) for plan, text, name in sources))


def _parse(text: str, name: str) -> Plan:
    plan = convert_yaml(text, Plan, where=name)
    hazards = ["any", *Hazard]
    if plan.trigger.hazard not in hazards:
        raise InvalidConfig(
            f"plan {plan.id!r} is for unknown hazard {plan.trigger.hazard!r}",
            where=f"{name} line {line_of(text, 'trigger.hazard')}, trigger.hazard",
            mend=f"Use one of: {', '.join(hazards)}",
        )
    return plan


def _complete(plan: Plan, text: str, name: str, sources: Sequence[tuple[Plan, str, str]]) -> Plan:
    by_id = {p.id: p for p, _, _ in sources}
    chain = [plan]
    while chain[-1].includes:
        wanted = chain[-1].includes
        if wanted not in by_id:
            raise InvalidConfig(
                f"plan {chain[-1].id!r} includes unknown plan {wanted!r}",
                where=f"{name} line {line_of(text, 'includes')}, includes",
                mend=f"Use one of: {', '.join(sorted(by_id))}",
            )
        if by_id[wanted] in chain:
            circle = " → ".join([*(p.id for p in chain), wanted])
            raise InvalidConfig(f"plans include one another: {circle}", where=name, mend="Remove one includes")
        chain.append(by_id[wanted])
    steps = {s.id: s for p in reversed(chain) for s in p.steps}
    _check_steps(plan, steps, text, name)
    return msgspec.structs.replace(plan, steps=list(steps.values()))


def _check_steps(plan: Plan, steps: dict[str, Step], text: str, name: str) -> None:
    def where(k: int) -> str:
        return f"{name} line {line_of(text, f'steps[{k}]')}, steps[{k}] {plan.steps[k].id!r}"

    seen: set[str] = set()
    for k, step in enumerate(plan.steps):
        if step.id in seen:
            raise InvalidConfig(f"plan {plan.id!r} has step {step.id!r} twice", where=where(k), mend="Rename one")
        seen.add(step.id)
        for other in step.depends_on:
            if other not in steps:
                raise InvalidConfig(
                    f"step {step.id!r} depends on {other!r}, which plan {plan.id!r} does not have",
                    where=f"{where(k)}, depends_on",
                    mend=f"Use one of: {', '.join(steps)}",
                )
    if (circle := _circle(steps)) is not None:
        raise InvalidConfig(
            f"steps of plan {plan.id!r} wait for one another: {' → '.join(circle)}",
            where=f"{name} line {line_of(text, 'steps')}, depends_on",
            mend="Remove one of these dependencies",
        )


def _circle(steps: dict[str, Step]) -> list[str] | None:
    done: set[str] = set()

    def visit(step_id: str, path: list[str]) -> list[str] | None:
        if step_id in path:
            return [*path[path.index(step_id) :], step_id]
        if step_id in done:
            return None
        for other in steps[step_id].depends_on:
            if (circle := visit(other, [*path, step_id])) is not None:
                return circle
        done.add(step_id)
        return None

    return next((c for s in steps if (c := visit(s, [])) is not None), None)


def check_duties(plans: Iterable[Plan], organisation: Organisation) -> None:
    """Refuse a plan that names a duty which neither the common list nor the city's roles know.

    Raises
    ------
    InvalidConfig
        Names the plan, the step and the duty.
    """
    known = organisation.duties
    for plan in plans:
        for step in plan.steps:
            if step.duty not in known:
                raise InvalidConfig(
                    f"plan {plan.id!r}, step {step.id!r} names unknown duty {step.duty!r}",
                    where=f"plan {plan.id} {plan.version}",
                    mend=f"Use one of: {', '.join(sorted(known))}; or add a role with that duty to the city",
                )
