"""What assessment knows: standing signals, recent forecasts, the last risk of every model, recent reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rencheng.assess.facts import (
    DAY_AHEAD,
    FloodForecastPublished,
    FloodForecastScored,
    FloodForecastSuperseded,
    ForecastPublished,
    RiskAssessed,
    SignalCleared,
    SignalRaised,
)
from rencheng.kernel import FactId, hours
from rencheng.ledger import Entry
from rencheng.sense.facts import RainForecastTaken, RainPictureTaken, ReportReceived

__all__ = [
    "DayAheadMemory",
    "FloodMemory",
    "PublishedFlood",
    "PublishedForecast",
    "ReceivedReport",
    "StandingRisk",
    "StandingSignal",
    "State",
    "evolve",
    "initial_state",
    "learn",
]

FORECASTS_KEPT = 72
"""Forecasts kept per gauge: three days of hourly ones, for their verification against what came."""
REPORTS_KEPT_H = 24.0
"""Hours that a report stays in the state."""
FLOODS_KEPT = 24
"""Flood forecasts kept for their verification: the last hours of cycles."""
RAIN_FORECASTS_KEPT = 8
"""Forecasts of the rain kept: two days of six-hourly ones."""
PICTURES_KEPT_H = 3.0
"""Hours that a picture of the rain stays in the state: as long as a cycle looks back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSignal:
    """A signal that has not been cleared."""

    fact_id: FactId
    raised_at: datetime
    body: SignalRaised


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedForecast:
    """A forecast and the fact that published it."""

    fact_id: FactId
    at: datetime
    body: ForecastPublished


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRisk:
    """The last risk assessment of a model."""

    fact_id: FactId
    at: datetime
    body: RiskAssessed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedReport:
    """A report of the last hours."""

    fact_id: FactId
    at: datetime
    body: ReportReceived


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFlood:
    """A flood forecast and the fact that published it."""

    fact_id: FactId
    at: datetime
    body: FloodForecastPublished


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadMemory:
    """What is known of the water of the next day: forecasts of the rain, and of the water from them."""

    rain: tuple[tuple[FactId, RainForecastTaken], ...] = ()
    """Recent forecasts of the rain, the newest issue last."""
    forecasts: tuple[PublishedFlood, ...] = ()
    """Oldest first."""
    tried: tuple[str, int] = ("", 0)
    """Rain forecast whose cycle was given up last, and how often."""
    score: FloodForecastScored | None = None
    scored_at: datetime | None = None

    @property
    def last(self) -> PublishedFlood | None:
        """The forecast that stands."""
        return self.forecasts[-1] if self.forecasts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodMemory:
    """What is known of the water over the ground: forecasts, rain pictures, and how forecasts came true."""

    forecasts: tuple[PublishedFlood, ...] = ()
    """Oldest first."""
    pictures: tuple[tuple[FactId, RainPictureTaken], ...] = ()
    """Recent pictures of the rain, oldest first."""
    tried_at: datetime | None = None
    """Instant on which the last cycle stood, done or given up."""
    given_up: int = 0
    """Cycles given up since the last one that was published."""
    score: FloodForecastScored | None = None
    scored_at: datetime | None = None
    day: DayAheadMemory = field(default_factory=DayAheadMemory)
    """The same of the next day; the fields above are of the next two hours."""

    @property
    def last(self) -> PublishedFlood | None:
        """The forecast that stands."""
        return self.forecasts[-1] if self.forecasts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Assessment's memory: a fold of its own facts and of reports."""

    signals: Mapping[str, StandingSignal] = field(default_factory=dict)
    """Standing signals by id, in the order they were first raised."""
    forecasts: Mapping[str, tuple[PublishedForecast, ...]] = field(default_factory=dict)
    """Recent forecasts by gauge, oldest first."""
    risks: Mapping[str, StandingRisk] = field(default_factory=dict)
    """Last assessment by model."""
    reports: tuple[ReceivedReport, ...] = ()
    flood: FloodMemory = field(default_factory=FloodMemory)
    alarm_seq: int = 0
    """Last row of the readings store's alarms that a fact tells of."""


def initial_state() -> State:
    """Nothing known yet."""
    return State()


def evolve(state: State, entry: Entry) -> State:
    """Learn from one fact; facts that do not concern assessment leave the state as it is."""
    return learn(state, entry.body, fact_id=entry.id, at=entry.occurred_at)


def learn(state: State, body: object, *, fact_id: FactId, at: datetime) -> State:
    """Learn from the body of a fact, recorded or only proposed."""
    match body:
        case SignalRaised():
            signal = StandingSignal(fact_id=fact_id, raised_at=at, body=body)
            seq = max(state.alarm_seq, body.alarm_seq)
            return replace(state, signals={**state.signals, body.signal_id: signal}, alarm_seq=seq)
        case SignalCleared():
            others = {k: v for k, v in state.signals.items() if k != body.signal_id}
            return replace(state, signals=others, alarm_seq=max(state.alarm_seq, body.alarm_seq))
        case ForecastPublished():
            published = PublishedForecast(fact_id=fact_id, at=at, body=body)
            kept = (*state.forecasts.get(body.sensor_id, ()), published)[-FORECASTS_KEPT:]
            return replace(state, forecasts={**state.forecasts, body.sensor_id: kept})
        case RiskAssessed():
            return replace(state, risks={**state.risks, body.model: StandingRisk(fact_id=fact_id, at=at, body=body)})
        case ReportReceived():
            report = ReceivedReport(fact_id=fact_id, at=at, body=body)
            return replace(state, reports=(*(r for r in state.reports if r.at > at - hours(REPORTS_KEPT_H)), report))
        case (
            FloodForecastPublished()
            | FloodForecastSuperseded()
            | FloodForecastScored()
            | RainPictureTaken()
            | RainForecastTaken()
        ):
            return replace(state, flood=_flooded(state.flood, body, fact_id, at))
        case _:
            return state


def _flooded(
    memory: FloodMemory,
    body: FloodForecastPublished | FloodForecastSuperseded | FloodForecastScored | RainPictureTaken | RainForecastTaken,
    fact_id: FactId,
    at: datetime,
) -> FloodMemory:
    if isinstance(body, RainForecastTaken):
        return replace(memory, day=_forecast_rain(memory.day, body, fact_id))
    if not isinstance(body, RainPictureTaken) and body.product == DAY_AHEAD:
        return replace(memory, day=_day_ahead(memory.day, body, fact_id, at))
    match body:
        case FloodForecastPublished():
            kept = (*memory.forecasts, PublishedFlood(fact_id=fact_id, at=at, body=body))[-FLOODS_KEPT:]
            return replace(memory, forecasts=kept, tried_at=_later(memory.tried_at, body.based_at), given_up=0)
        case FloodForecastSuperseded():
            return replace(memory, tried_at=_later(memory.tried_at, body.based_at), given_up=memory.given_up + 1)
        case FloodForecastScored():
            return replace(memory, score=body, scored_at=at)
        case RainPictureTaken():
            kept_pictures = (p for p in memory.pictures if p[1].at > body.at - hours(PICTURES_KEPT_H))
            pictures = sorted((*kept_pictures, (fact_id, body)), key=lambda p: p[1].at)
            return replace(memory, pictures=tuple(pictures))


def _forecast_rain(memory: DayAheadMemory, body: RainForecastTaken, fact_id: FactId) -> DayAheadMemory:
    """Keep what is still ahead; of two forecasts of one issue the one that came later stands."""
    kept = (r for r in memory.rain if r[1].issued_at + hours(r[1].horizon_h) > body.issued_at)
    rain = sorted((*kept, (fact_id, body)), key=lambda r: r[1].issued_at)
    return replace(memory, rain=tuple(rain[-RAIN_FORECASTS_KEPT:]))


def _day_ahead(
    memory: DayAheadMemory,
    body: FloodForecastPublished | FloodForecastSuperseded | FloodForecastScored,
    fact_id: FactId,
    at: datetime,
) -> DayAheadMemory:
    if isinstance(body, FloodForecastScored):
        return replace(memory, score=body, scored_at=at)
    if isinstance(body, FloodForecastPublished):
        kept = (*memory.forecasts, PublishedFlood(fact_id=fact_id, at=at, body=body))[-FLOODS_KEPT:]
        return replace(memory, forecasts=kept, tried=("", 0))
    of, times = memory.tried
    return replace(memory, tried=(body.rain_forecast_id, times + 1 if of == body.rain_forecast_id else 1))


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
