"""What assessment knows: standing signals, recent forecasts, the last risk of every model, recent reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from rencheng.assess.facts import ForecastPublished, RiskAssessed, SignalCleared, SignalRaised
from rencheng.kernel import FactId, hours
from rencheng.ledger import Entry
from rencheng.sense.facts import ReportReceived

__all__ = [
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
class State:
    """Assessment's memory: a fold of its own facts and of reports."""

    signals: Mapping[str, StandingSignal] = field(default_factory=dict)
    """Standing signals by id, in the order they were first raised."""
    forecasts: Mapping[str, tuple[PublishedForecast, ...]] = field(default_factory=dict)
    """Recent forecasts by gauge, oldest first."""
    risks: Mapping[str, StandingRisk] = field(default_factory=dict)
    """Last assessment by model."""
    reports: tuple[ReceivedReport, ...] = ()


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
            return replace(state, signals={**state.signals, body.signal_id: signal})
        case SignalCleared():
            return replace(state, signals={k: v for k, v in state.signals.items() if k != body.signal_id})
        case ForecastPublished():
            published = PublishedForecast(fact_id=fact_id, at=at, body=body)
            kept = (*state.forecasts.get(body.sensor_id, ()), published)[-FORECASTS_KEPT:]
            return replace(state, forecasts={**state.forecasts, body.sensor_id: kept})
        case RiskAssessed():
            return replace(state, risks={**state.risks, body.model: StandingRisk(fact_id=fact_id, at=at, body=body)})
        case ReportReceived():
            report = ReceivedReport(fact_id=fact_id, at=at, body=body)
            return replace(state, reports=(*(r for r in state.reports if r.at > at - hours(REPORTS_KEPT_H)), report))
        case _:
            return state
