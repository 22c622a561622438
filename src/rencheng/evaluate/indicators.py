"""The governance indicators: each a number read off the counts, and its colour by a rule that is data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from statistics import median

import msgspec
import yaml

from rencheng.evaluate.model import State
from rencheng.kernel import Bilingual

__all__ = ["Indicator", "Measured", "indicator_colour", "indicators", "measure"]


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
    values = {name: collector(state, now) for name, collector in _COLLECTORS.items()}
    return [Measured(indicator=i, value=values[i.id], colour=indicator_colour(i, values[i.id])) for i in indicators()]


def _share(flags: Iterable[bool]) -> float | None:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else None


def _median_min(pairs: Iterable[tuple[datetime, datetime | None]]) -> float | None:
    spans = [(end - start).total_seconds() / 60.0 for start, end in pairs if end is not None]
    return median(spans) if spans else None


def _coordination(state: State, now: datetime) -> float | None:
    due = [t for t in state.tasks.values() if t.acknowledged_at is not None or t.acknowledge_by < now]
    return _share(t.acknowledged_at is not None and t.acknowledged_at <= t.acknowledge_by for t in due)


def _timeliness(state: State, now: datetime) -> float | None:
    due = [t for t in state.tasks.values() if t.completed_at is not None or t.due_at < now]
    return _share(t.completed_at is not None and t.completed_at <= t.due_at for t in due)


def _warning_response(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _median_min((at, state.answered_at.get(name)) for name, at in state.warned_at.items())


def _dispatch(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _median_min((n.raised_at, n.assigned_at) for n in state.needs.values())


def _arrival(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _median_min((n.raised_at, n.arrived_at) for n in state.needs.values())


def _needs_met(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    settled = [n for n in state.needs.values() if n.met_at is not None or n.unmet_reason]
    return _share(n.met_at is not None for n in settled)


def _sensor_fault(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return len(state.channels_faulty) / state.channels_known if state.channels_known else None


def _feed_health(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _share(state.feeds.values())


def _delivery(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _share(state.messages.values())


def _unanswered(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _share(event not in state.answered_events for event in state.reports.values())


def _visits(state: State, now: datetime) -> float | None:
    due = [made for deadline, made in state.visits.values() if made is not None or deadline < now]
    return _share(made is not None for made in due)


def _closed_loop(state: State, now: datetime) -> float | None:  # noqa: ARG001 — one signature for all
    return _share(done >= 2 for done in state.ended.values())


_COLLECTORS: dict[str, Callable[[State, datetime], float | None]] = {
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
