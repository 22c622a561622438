"""Grading: which rules hold now, where, and because of what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from rencheng.assess.facts import FloodForecastPublished, ForecastPublished, RiskAssessed, SignalRaised
from rencheng.kernel import Colour, FactId, Hazard, hours
from rencheng.sense.facts import ReportReceived
from rencheng.warn.facts import Reason
from rencheng.warn.model import Episode, State
from rencheng.warn.places import Places
from rencheng.warn.rules import Rule
from rencheng.warn.triggers import FORECAST_QUANTITY, Judgements, Support, ends_at, supports_of
from rencheng.warn.wording import upstream_text

__all__ = ["CERTAINTIES", "Grade", "grade_hazard", "judgements_of", "lapses_at", "upstream_reasons"]

_RANK = {c.value: c.rank for c in Colour}
CERTAINTIES = ("Possible", "Likely", "Observed")
"""CAP certainty from weak to strong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The highest rule that holds in a zone, and all that supports it."""

    rule: Rule
    zone: str
    supports: tuple[Support, ...]

    @property
    def colour(self) -> Colour:
        """Colour of the rule."""
        return self.rule.colour

    @property
    def certainty(self) -> str:
        """Strongest certainty of any support."""
        return max((s.certainty for s in self.supports), key=CERTAINTIES.index)

    @property
    def lead_h(self) -> float:
        """Shortest lead of any support."""
        return min(s.lead_h for s in self.supports)


def judgements_of(state: State, places: Places) -> Judgements:
    """Pick the judgements that concern the city."""
    by_hazard: dict[str, list[tuple[Episode, datetime | None]]] = {}
    forecasts: list[tuple[Episode, datetime | None]] = []
    upstream: dict[str, list[Episode]] = {}
    for episode in chain(state.live.values(), chain.from_iterable(state.past.values())):
        body = episode.body
        if isinstance(body, ForecastPublished):
            if body.sensor_id in places.gauges and body.quantity == FORECAST_QUANTITY:
                forecasts.append((episode, ends_at(episode)))
        elif isinstance(body, FloodForecastPublished):
            by_hazard.setdefault(Hazard.WATERLOGGING, []).append((episode, ends_at(episode)))
        elif (
            isinstance(body, RiskAssessed)
            or (isinstance(body, SignalRaised) and body.in_city)
            or (isinstance(body, ReportReceived) and places.holds(body.cell))
        ):
            by_hazard.setdefault(body.hazard, []).append((episode, ends_at(episode)))
        elif isinstance(body, SignalRaised):
            upstream.setdefault(body.hazard, []).append(episode)
    return Judgements(
        by_hazard={h: tuple(e) for h, e in by_hazard.items()},
        forecasts=tuple(forecasts),
        upstream={h: tuple(e) for h, e in upstream.items()},
    )


def grade_hazard(
    judgements: Judgements, places: Places, rules: tuple[Rule, ...], now: datetime, *, hold: bool
) -> dict[str, Grade]:
    """Grade one hazard in every zone where a rule holds.

    Parameters
    ----------
    judgements : Judgements
        What holds, and what held lately.
    places : Places
        The city.
    rules : tuple of Rule
        The hazard's rules, highest colour first.
    now : datetime
        Instant of grading.
    hold : bool
        False: what raises a colour now. True: what keeps one up — the lower thresholds, at any time within each
        rule's hysteresis. What raises always also holds, so a warning never falls below what would raise it.

    Returns
    -------
    dict of str to Grade
        Zone → highest grade.
    """
    found: dict[str, list[Support]] = {}
    for rule in rules:
        higher = [z for z, s in found.items() if s[0].rule.colour is not rule.colour]
        for support in supports_of(judgements, places, rule, now, hold=hold):
            if support.zone not in higher:
                found.setdefault(support.zone, []).append(support)
    return {
        zone: Grade(rule=supports[0].rule, zone=zone, supports=tuple(supports))
        for zone, supports in sorted(found.items())
    }


def lapses_at(supports: Iterable[Support]) -> datetime | None:
    """Give the instant at which the last of the supports no longer holds a warning up; None if one has no end."""
    last: datetime | None = None
    for support in supports:
        if support.until is None:
            return None
        end = support.until + hours(support.rule.life.hysteresis_h)
        last = end if last is None or end > last else last
    return last


def upstream_reasons(state: State, hazard: str, most: int = 5) -> list[tuple[FactId, Reason, SignalRaised]]:
    """Signals of the hazard outside the city that hold now, highest first: why a forecast expects what it does."""
    found = [
        (e.fact_id, e.body)
        for e in state.live.values()
        if isinstance(e.body, SignalRaised) and e.body.hazard == hazard and not e.body.in_city
    ]
    found.sort(key=lambda pair: (-_RANK.get(pair[1].colour, 0), pair[1].signal_id))
    return [(fid, Reason(text=upstream_text(s), evidence=s.evidence), s) for fid, s in found[:most]]
