"""Warning rules as data: what raises a colour, over what area, for how long, by whose rule and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec

from rencheng.kernel import Bilingual, Colour, NotFound

__all__ = [
    "AdviceLine",
    "AreaPolicy",
    "Condition",
    "Criteria",
    "ForecastTrigger",
    "HazardTerm",
    "ImpactTrigger",
    "Life",
    "ReportTrigger",
    "RiskTrigger",
    "Rule",
    "RuleBook",
    "RuleFile",
    "RuleLine",
    "RuleSet",
    "SignalTrigger",
    "Terms",
    "UpstreamTrigger",
]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a rule file. A msgspec structure, because a key that the format does not know must be refused."""


class Condition(_Part, frozen=True, kw_only=True):
    """One comparison of a quantity: exactly one of ``at_least``, ``above``, ``at_most``, ``below`` is given."""

    quantity: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    days: int = 1
    """Consecutive days on which it must hold."""

    def holds(self, value: float, *, ratio: float = 1.0) -> bool:
        """Whether a value meets the condition; ``ratio`` below 1 loosens an "at least" bound (hysteresis).

        Examples
        --------
        >>> Condition(quantity="rain_mm", at_least=50.0).holds(46.0, ratio=0.9)
        True
        """
        if self.at_least is not None:
            return value >= self.at_least * ratio
        if self.above is not None:
            return value > self.above * ratio
        if self.at_most is not None:
            return value <= self.at_most
        return self.below is not None and value < self.below

    @property
    def bound(self) -> float:
        """The number compared with."""
        given = (self.at_least, self.above, self.at_most, self.below)
        return next(value for value in given if value is not None)


class Criteria(_Part, frozen=True, kw_only=True):
    """Conditions on measured quantities within the rule's window."""

    any: tuple[Condition, ...] = ()
    all: tuple[Condition, ...] = ()
    continuing: bool = False
    """What was reached counts only while it may go on (rain has not stopped)."""
    agent: str = ""
    """What must be behind it where the quantity alone does not tell, e.g. sand or fog for low visibility."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions of either kind."""
        return self.any + self.all


class SignalTrigger(_Part, frozen=True, kw_only=True):
    """A signal of one of these names, in the city, at the rule's colour or above."""

    names: tuple[str, ...]
    any_colour: bool = False
    """Whether a signal without a colour of its own counts too."""


class ForecastTrigger(_Part, frozen=True, kw_only=True):
    """A forecast for a gauge of the city that gives the threshold colour at least this probability."""

    exceed_prob: float
    hold_prob: float
    """A standing warning is kept while the probability is at least this."""
    max_lead_h: float
    rising: bool = False
    """Only where the level rises or is forecast to rise: a gauge at rest below its threshold warns nobody."""
    of_colour: str = ""
    """Threshold whose probability counts, where that is not the rule's own colour."""


class UpstreamTrigger(_Part, frozen=True, kw_only=True):
    """So many gauges outside the city in flood or unusually high, while a gauge of the city is forecast to rise.

    Travel time from far upstream is longer than any forecast of the city's own gauge reaches; this says so early.
    """

    names: tuple[str, ...]
    """Signals that count."""
    min_gauges: int
    hold_gauges: int
    """A standing warning is kept while so many of them stand."""


class RiskTrigger(_Part, frozen=True, kw_only=True):
    """So many cells at the rule's risk colour or above within a lead time."""

    max_lead_h: float
    min_cells: int = 1


class ReportTrigger(_Part, frozen=True, kw_only=True):
    """So many reported events in the city within a window."""

    min_events: int
    window_h: float
    min_depth_m: float = 0.0


class ImpactTrigger(_Part, frozen=True, kw_only=True):
    """What forecast water does to people and places within a lead time: any one of these counts is enough.

    Impact-based warning: WMO-No. 1150, *Guidelines on Multi-hazard Impact-based Forecast and Warning Services*.
    """

    max_lead_min: float
    product: str = "nowcast"
    """``nowcast``: the next two hours from measured rain; ``day_ahead``: the next day from a rain forecast."""
    residents: float | None = None
    """Expected residents of buildings with 0.15 m at the wall."""
    underpasses: int | None = None
    facilities: dict[str, int] = {}
    """Facility kind → how many."""
    hold_ratio: float = 0.5
    """A standing warning is kept while there is so much of what raises it."""


class AreaPolicy(_Part, frozen=True, kw_only=True):
    """Where a warning holds."""

    per: str = "city"
    """``city``: one warning for the whole; else the kind of area (district, street …) that is warned on its own."""
    risk_at_least: str = ""
    """Take the cells whose risk is at least this colour (``own``: the warning's colour); empty: the whole zone."""
    reach_km: float = 5.0
    """Without risk cells: cells within this distance of the gauges that led to it."""


class Life(_Part, frozen=True, kw_only=True):
    """How long a warning lives and how slowly it lets go."""

    hysteresis_h: float = 2.0
    """Time for which the lower colour must hold before a warning is lowered or cancelled."""
    expires_h: float = 12.0
    extend_before_h: float = 2.0
    """A warning still needed is extended when so little time is left."""
    grow_ratio: float = 0.25
    """Share by which the area must grow to be worth an update."""
    update_h: float = 1.0
    """Least time between two updates of the area."""
    hold_ratio: float = 0.9
    """A measured amount keeps a warning up while it is at least this share of the threshold."""


class RuleLine(_Part, frozen=True, kw_only=True):
    """One rule as written in a file."""

    code: str
    hazard: str
    colour: str
    text: Bilingual
    window_h: float = 0.0
    criteria: Criteria | None = None
    signal: SignalTrigger | None = None
    forecast: ForecastTrigger | None = None
    upstream: UpstreamTrigger | None = None
    risk: RiskTrigger | None = None
    report: ReportTrigger | None = None
    impact: ImpactTrigger | None = None
    life: Life | None = None
    area: AreaPolicy | None = None
    audience: tuple[str, ...] = ()
    unconfirmed: bool = False


class RuleFile(_Part, frozen=True, kw_only=True):
    """A rule file: a book of rules with whose they are, since when, and where they are written."""

    rulebook: str
    jurisdiction: str
    valid_from: date
    source: Bilingual
    rules: tuple[RuleLine, ...]
    version: str = "1"
    valid_to: date | None = None
    """First day on which the book no longer holds."""
    signals: int | None = None
    """How many rules the source has; a file with another number is refused."""
    note: Bilingual = Bilingual(zh="", en="")
    life: Life = Life()
    area: AreaPolicy = AreaPolicy()
    audience: tuple[str, ...] = ("public",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with what it has from its book."""

    book: str
    code: str
    hazard: str
    colour: Colour
    text: Bilingual
    window_h: float
    criteria: Criteria | None
    signal: SignalTrigger | None
    forecast: ForecastTrigger | None
    upstream: UpstreamTrigger | None
    risk: RiskTrigger | None
    report: ReportTrigger | None
    impact: ImpactTrigger | None
    life: Life
    area: AreaPolicy
    audience: tuple[str, ...]
    source: Bilingual
    unconfirmed: bool

    @property
    def id(self) -> str:
        """Name that notices carry, e.g. ``CN-2007/0203``."""
        return f"{self.book}/{self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """The rules of one file."""

    name: str
    jurisdiction: str
    version: str
    valid_from: date
    valid_to: date | None
    source: Bilingual
    rules: tuple[Rule, ...]
    from_city: bool = False
    """Whether the city package brought it; such a book goes before the jurisdiction's."""

    def holds_on(self, day: date) -> bool:
        """Whether the book is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardTerm:
    """A hazard's name and its CAP category."""

    name: Bilingual
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceLine:
    """One line of advice and the colour from which it holds."""

    colour: Colour
    text: Bilingual


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Words of warnings: hazards, colours, facility kinds, and advice by hazard."""

    hazards: Mapping[str, HazardTerm]
    colours: Mapping[str, Bilingual]
    facilities: Mapping[str, Bilingual]
    advice: Mapping[str, tuple[AdviceLine, ...]]

    def advice_for(self, hazard: str, colour: Colour) -> Bilingual:
        """Advice for a hazard at a colour, the most urgent first."""
        lines = [line.text for line in reversed(self.advice[hazard]) if line.colour.rank <= colour.rank]
        return Bilingual(zh="；".join(t.zh for t in lines) + "。", en=". ".join(t.en for t in lines) + ".")


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """All rule books at hand, the city's own first; which of them hold depends on the day and the jurisdiction."""

    books: tuple[RuleBook, ...]
    terms: Terms

    def in_force(self, jurisdiction: str, now: datetime, zone: ZoneInfo) -> Mapping[str, tuple[Rule, ...]]:
        """Rules by hazard on the city's calendar day, highest colour first.

        For each hazard the first of these that has rules for it is taken whole: the city's own book, its region's
        (``CN-44``), its country's (``CN``), the general one (``*``). Of two books of equal standing the later
        ``valid_from`` holds, so that an old decision is replayed under the rule of its day.
        """
        return self._by_day(jurisdiction, now.astimezone(zone).date())

    def _by_day(self, jurisdiction: str, day: date) -> Mapping[str, tuple[Rule, ...]]:
        key = (jurisdiction, day)
        if key not in self._chosen:
            self._chosen[key] = self._choose(jurisdiction, day)
        return self._chosen[key]

    @cached_property
    def _chosen(self) -> dict[tuple[str, date], Mapping[str, tuple[Rule, ...]]]:
        return {}

    def _choose(self, jurisdiction: str, day: date) -> Mapping[str, tuple[Rule, ...]]:
        ranks = {jurisdiction: 2, jurisdiction.split("-", maxsplit=1)[0]: 1, "*": 0}
        ranks[jurisdiction] = 2
        best: dict[str, tuple[tuple[int, date], RuleBook]] = {}
        for book in self.books:
            if book.jurisdiction not in ranks or not book.holds_on(day):
                continue
            standing = (3 if book.from_city else ranks[book.jurisdiction], book.valid_from)
            for hazard in sorted({rule.hazard for rule in book.rules}):
                if hazard not in best or standing > best[hazard][0]:
                    best[hazard] = (standing, book)
        return {
            hazard: tuple(sorted((r for r in book.rules if r.hazard == hazard), key=lambda r: -r.colour.rank))
            for hazard, (_, book) in sorted(best.items())
        }

    def rule(self, rule_id: str) -> Rule:
        """Look a rule up by its id.

        Raises
        ------
        NotFound
            If no book has it.
        """
        for book in self.books:
            for rule in book.rules:
                if rule.id == rule_id:
                    return rule
        raise NotFound(f"unknown warning rule {rule_id!r}", mend="Name it as BOOK/CODE, e.g. CN-2007/0203")

    @property
    def versions(self) -> dict[str, str]:
        """Book → version, as a run's first fact states it."""
        return {book.name: book.version for book in self.books}
