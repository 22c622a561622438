"""What a rehearsal publishes about itself: scenario begun, things the director injected, scenario over."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import Bilingual, fact

__all__ = ["InjectPlayed", "ScenarioEnded", "ScenarioStarted"]


@fact("ScenarioStarted")
@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioStarted:
    """A scenario begins in the simulated world."""

    scenario: str
    seed: int
    title: Bilingual
    parameters: dict[str, float]


@fact("InjectPlayed")
@dataclass(frozen=True, slots=True, kw_only=True)
class InjectPlayed:
    """The director put something into the simulated world (a sensor fault, a call for help)."""

    inject: str
    target: str
    note: str


@fact("ScenarioEnded")
@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioEnded:
    """The scenario is over; ``truth_field`` names what really happened in the simulated world."""

    scenario: str
    truth_field: str
