"""What evaluation publishes: indicators, service levels, the after-action report, lessons."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import Bilingual, fact

__all__ = ["IndicatorMeasured", "LessonRecorded", "WeightsRevised"]


@fact("IndicatorMeasured")
@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorMeasured:
    """A governance indicator was computed from the ledger; colour by its rule."""

    indicator: str
    value: float | None
    """None where the collector has no data: a missing collector is said, never guessed."""
    unit: str
    colour: str
    """red, yellow, blue, or empty when there is no value"""


@fact("LessonRecorded")
@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRecorded:
    """What the round taught; the next turn reads it."""

    lesson_id: str
    incident_id: str
    text: Bilingual
    changes: str
    """Rule, plan or threshold that should change, or empty."""


@fact("WeightsRevised")
@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsRevised:
    """The dimensions of an index were weighed anew; who and when stand in the entry, as for every fact."""

    index: str
    version: str
    """Version of the indicator tree that is weighed."""
    before: dict[str, float]
    after: dict[str, float]
    why: str
