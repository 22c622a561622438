"""The governance indicators: each a number read off the counts, and its colour by a rule that is data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from statistics import median

import msgspec
import yaml

from rencheng.evaluate.model import NeedClock, State
from rencheng.kernel import Bilingual

__all__ = ["Indicator", "Measured", "indicator_colour", "indicators", "measure"]

REVIEW_WITHIN = timedelta(hours=72)
"""An ended incident that is not assessed and reviewed by then is an open loop (this project's proposal)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One indicator of the tree."""

    id: str
    unit: str
    better: str
    """higher or lower"""
    yellow: float
    red: float
    title: Bilingual
    meaning: Bilingual
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An indicator's value now; ``None`` where there is nothing to measure."""

    indicator: Indicator
    value: float | None
    colour: str


@cache
def indicators() -> tuple[Indicator, ...]:
    """The shipped indicator tree."""
    text = (files("rencheng.evaluate") / "data" / "indicators.yaml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(yaml.safe_load(text)["indicators"], list[Indicator]))


def indicator_colour(indicator: Indicator, value: float | None) -> str:
    """Red, yellow or blue of a value; empty where there is none.

    Examples
    --------
    A ratio of 0.9 where below 0.95 is yellow and below 0.8 red is yellow.
    """
    if value is None:
        return ""
    sign = 1.0 if indicator.better == "lower" else -1.0
    if sign * value > sign * indicator.red:
        return "red"
    return "yellow" if sign * value > sign * indicator.yellow else "blue"


def measure(state: State, now: datetime) -> list[Measured]:
    """All indicators at an instant."""
    found = []
    for indicator in indicators():
        value = _COLLECTORS[indicator.id](state, now, indicator)
        found.append(Measured(indicator=indicator, value=value, colour=indicator_colour(indicator, value)))
    return found


def _share(flags: Iterable[bool]) -> float | None:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else None


def _median_min(clocks: Iterable[tuple[datetime, datetime | None, bool]], now: datetime, target: float) -> float | None:
    """Median length of clocks in minutes: (begun, stopped, still running).

    A clock that still runs counts with its length so far once that is past the target: what nobody answers must not be
    better than what is answered late.
    """
    spans = [((stop or now) - begun).total_seconds() / 60.0 for begun, stop, runs in clocks if stop or runs]
    stopped = [stop is not None for _, stop, runs in clocks if stop or runs]
    counted = [span for span, over in zip(spans, stopped, strict=True) if over or span > target]
    return median(counted) if counted else None


def _coordination(state: State, now: datetime, _: Indicator) -> float | None:
    due = [t for t in state.tasks.values() if t.acknowledged_at is not None or t.acknowledge_by < now]
    return _share(t.acknowledged_at is not None and t.acknowledged_at <= t.acknowledge_by for t in due)


def _timeliness(state: State, now: datetime, _: Indicator) -> float | None:
    due = [t for t in state.tasks.values() if t.completed_at is not None or t.due_at < now]
    return _share(t.completed_at is not None and t.completed_at <= t.due_at for t in due)


def _warning_response(state: State, now: datetime, of: Indicator) -> float | None:
    answered = state.answered_at
    clocks = [(at, answered.get(name), name not in state.warned_over) for name, at in state.warned_at.items()]
    return _median_min(clocks, now, of.yellow)


def _dispatch(state: State, now: datetime, of: Indicator) -> float | None:
    return _median_min([(n.raised_at, n.assigned_at, _waits(n)) for n in state.needs.values()], now, of.yellow)


def _arrival(state: State, now: datetime, of: Indicator) -> float | None:
    return _median_min([(n.raised_at, n.arrived_at, _waits(n)) for n in state.needs.values()], now, of.yellow)


def _waits(need: NeedClock) -> bool:
    return need.met_at is None and need.withdrawn_at is None


def _needs_met(state: State, now: datetime, _: Indicator) -> float | None:  # noqa: ARG001 — one signature for all
    asked = [n for n in state.needs.values() if n.withdrawn_at is None]
    return _share(n.met_at is not None for n in asked if n.met_at is not None or n.unmet_reason)


def _sensor_fault(state: State, now: datetime, _: Indicator) -> float | None:  # noqa: ARG001 — one signature for all
    return len(state.faults) / state.channels_known if state.channels_known else None


def _feed_health(state: State, now: datetime, _: Indicator) -> float | None:  # noqa: ARG001 — one signature for all
    return _share(state.feeds.values())


def _delivery(state: State, now: datetime, _: Indicator) -> float | None:
    """A message of this very instant is not late yet."""
    return _share(m.received for m in state.messages.values() if m.received or m.queued_at < now)


def _unanswered(state: State, now: datetime, _: Indicator) -> float | None:  # noqa: ARG001 — one signature for all
    return _share(event not in state.answered_events for event in state.reports.values())


def _visits(state: State, now: datetime, _: Indicator) -> float | None:
    due = [made for deadline, made in state.visits.values() if made is not None or deadline < now]
    return _share(made is not None for made in due)


def _closed_loop(state: State, now: datetime, _: Indicator) -> float | None:
    loops = [(c.assessed and c.reviewed, c.ended_at) for c in state.ended.values()]
    return _share(done for done, ended_at in loops if done or ended_at + REVIEW_WITHIN < now)


_COLLECTORS: dict[str, Callable[[State, datetime, Indicator], float | None]] = {
    "coordination_efficiency": _coordination,
    "task_timeliness": _timeliness,
    "warning_response_min": _warning_response,
    "dispatch_min": _dispatch,
    "arrival_min": _arrival,
    "needs_met": _needs_met,
    "sensor_fault": _sensor_fault,
    "feed_health": _feed_health,
    "warning_delivery": _delivery,
    "reports_unanswered": _unanswered,
    "visit_coverage": _visits,
    "closed_loop": _closed_loop,
}
