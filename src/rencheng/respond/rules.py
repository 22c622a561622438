"""The rules of response that are data: colours and levels, nodes, kinds of need, closing depths.

Shipped with the package under ``respond/data``; a file of the same name in ``CITY/rules/respond`` replaces one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec

from rencheng.kernel import Bilingual, Colour, EventGrade, InvalidConfig, ResponseLevel
from rencheng.respond.yaml_files import convert_yaml
from rencheng.science.flood.demand import DemandRates

__all__ = [
    "ClosureRule",
    "FloodClosure",
    "FloodNeedRule",
    "GradeRule",
    "LevelRule",
    "NeedKind",
    "NeedRules",
    "NodeRule",
    "Rules",
    "SignalCall",
    "jurisdiction_fit",
    "read_rules",
]

T = TypeVar("T")


class LevelRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which response level a warning colour calls for, in one jurisdiction."""

    jurisdiction: str
    valid_from: date
    source: str
    levels: dict[Colour, ResponseLevel]


class NodeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the twelve nodes and the condition that passes it."""

    node: str
    when: str
    title: Bilingual


class SignalCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal that calls for help by itself, such as the smoke of a fire.

    Parameters
    ----------
    name : str
        The signal's name: of an alarm, the id of its detection rule.
    from_colour : Colour
        It calls from this colour up.
    join_m : float
        While a need of the same kind and hazard is open within so many metres, it is the same event and calls nobody
        else.
    """

    name: str
    from_colour: Colour
    join_m: float


class NeedKind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a need of a kind asks for: skills, urgency 1 to 4, minutes on site, what raises it."""

    kind: str
    title: Bilingual
    skills: list[str]
    priority: int
    service_min: float
    reports: list[str] = []
    signals: list[SignalCall] = []
    min_depth_m: float | None = None


class NeedRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All kinds of need, and how units cover the last stretch where roads are closed."""

    source: str
    approach_m: float
    approach_speed_m_s: float
    kinds: list[NeedKind]


class RiskClosure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Underpasses in cells at such risk are closed before the water comes."""

    min_probability: float
    colours: list[Colour]
    max_lead_h: float


class FloodClosure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Links that the flood forecast closes, to each class of vehicle by the depth that it may still drive through."""

    min_prob: float = 0.5
    within_min: float = 30.0
    underpass_min_prob: float = 0.3
    underpass_within_min: float = 60.0
    reopen_ratio: float = 0.6
    """A link opens again when the probability falls below this share of what closed it."""
    hold_min: float = 40.0
    """A forecast closes roads for so long after the instant it stands on."""
    source: str = "Rencheng; depths by vehicle class as science/flood/vehicle_limits.py names them"


class FloodNeedRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What forecast water asks for, from which probability on."""

    source: str
    min_prob: float
    rates: dict[str, float]

    @property
    def demand(self) -> DemandRates:
        """The rates as the science takes them."""
        return DemandRates(**self.rates)


class ClosureRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Depths that close a road, how far around a reading, and how long an unrepeated report holds."""

    source: str
    depth_m: float
    underpass_depth_m: float
    radius_m: float
    underpass_radius_m: float
    report_hold_h: float
    risk: RiskClosure
    flood: FloodClosure = FloodClosure()


class GradeLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grade and the loss from which it holds."""

    grade: EventGrade
    loss_cny: float


class GradeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Event grade by consequence."""

    source: str
    grades: list[GradeLimit]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All response rules of a city."""

    levels: tuple[LevelRule, ...]
    nodes: tuple[NodeRule, ...]
    needs: NeedRules
    closures: ClosureRule
    grades: GradeRule
    flood_needs: FloodNeedRule

    def level_of(self, colour: str, jurisdiction: str) -> ResponseLevel:
        """Response level that a warning colour calls for in a jurisdiction."""
        fitting = [r for r in self.levels if jurisdiction_fit(r.jurisdiction, jurisdiction) >= 0]
        rule = max(fitting, key=lambda r: (jurisdiction_fit(r.jurisdiction, jurisdiction), r.valid_from))
        return rule.levels[Colour(colour)]

    def grade_of(self, loss_cny: float) -> EventGrade:
        """Event grade that a loss amounts to.

        Examples
        --------
        >>> read_rules().grade_of(12e6)
        <EventGrade.LARGER: 'larger'>
        """
        reached = [limit.grade for limit in self.grades.grades if loss_cny >= limit.loss_cny]
        return reached[-1] if reached else EventGrade.GENERAL

    @cached_property
    def need_kinds(self) -> Mapping[str, NeedKind]:
        """Kinds of need by name."""
        return {k.kind: k for k in self.needs.kinds}

    @cached_property
    def need_of_report(self) -> Mapping[str, NeedKind]:
        """Kind of need that each report category raises."""
        return {category: k for k in self.needs.kinds for category in k.reports}

    @cached_property
    def calls_of_signal(self) -> Mapping[str, tuple[tuple[SignalCall, NeedKind], ...]]:
        """What each signal calls for, by its name, in the order of the kinds."""
        calls: dict[str, tuple[tuple[SignalCall, NeedKind], ...]] = {}
        for kind in self.needs.kinds:
            for call in kind.signals:
                calls[call.name] = (*calls.get(call.name, ()), (call, kind))
        return calls


def jurisdiction_fit(rule: str, place: str) -> int:
    """How closely a rule's jurisdiction fits a place's: 0 for ``*``, more for a longer match, -1 for none.

    Examples
    --------
    >>> jurisdiction_fit("CN", "CN-41"), jurisdiction_fit("*", "CN"), jurisdiction_fit("BR", "CN")
    (2, 0, -1)
    """
    if rule == "*":
        return 0
    return len(rule) if place == rule or place.startswith(f"{rule}-") else -1


def read_rules(city_path: Path | None = None) -> Rules:
    """Read the shipped rules, each replaced by the city's own file where there is one.

    Raises
    ------
    InvalidConfig
        If a file is wrong; names file, line and key.
    """
    rules = Rules(
        levels=tuple(_read("levels.yaml", list[LevelRule], city_path)),
        nodes=tuple(_read("nodes.yaml", list[NodeRule], city_path)),
        needs=_read("needs.yaml", NeedRules, city_path),
        closures=_read("closures.yaml", ClosureRule, city_path),
        grades=_read("grades.yaml", GradeRule, city_path),
        flood_needs=_read("flood_needs.yaml", FloodNeedRule, city_path),
    )
    wanted = {f.name for f in fields(DemandRates)}
    if set(rules.flood_needs.rates) != wanted:
        odd = ", ".join(sorted(wanted ^ set(rules.flood_needs.rates)))
        raise InvalidConfig(
            f"missing or unknown rates: {odd}", where="flood_needs.yaml: rates", mend="Give all of them"
        )
    if not any(rule.jurisdiction == "*" for rule in rules.levels):
        raise InvalidConfig("no level rule holds everywhere", where="levels.yaml", mend='Add jurisdiction: "*"')
    return rules


def _read(name: str, kind: type[T], city_path: Path | None) -> T:
    own = city_path / "rules" / "respond" / name if city_path is not None else None
    if own is not None and own.is_file():
        return convert_yaml(own.read_text(encoding="utf-8"), kind, where=str(own))
    return convert_yaml(files("rencheng.respond").joinpath("data", name).read_text(encoding="utf-8"), kind, where=name)
