"""What a run publishes about itself."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.kernel import fact

__all__ = ["RunEnded", "RunStarted"]


@fact("RunStarted")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The loop begins to turn: on which city, under which rules, by which clock."""

    mode: str
    """live, replay or rehearsal"""
    city_id: str
    city_digest: str
    seed: int
    rules: dict[str, str]
    """Rule file → version."""
    version: str


@fact("RunEnded")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The recorded feed or the scenario is over."""

    turns: int
    """Deliveries of the run's feed that the loop turned on."""
    readings: int
