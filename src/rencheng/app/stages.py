"""The stages of the loop in their order, and the states they are in together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rencheng import assess, community, evaluate, recover, respond, sense, warn
from rencheng.kernel import Draft
from rencheng.ledger import Entry

__all__ = ["STAGES", "Inputs", "Stage", "States", "evolve_all", "initial_states"]


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """State of every stage after the first ``seq`` facts; a snapshot that nobody changes."""

    seq: int
    sense: sense.State
    assess: assess.State
    warn: warn.State
    respond: respond.State
    recover: recover.State
    community: community.State
    evaluate: evaluate.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What stays the same in a run, stage by stage: city, rules, stores."""

    sense: sense.Inputs
    assess: assess.Inputs
    warn: warn.Inputs
    respond: respond.Inputs
    recover: recover.Inputs
    community: community.Inputs
    evaluate: evaluate.Inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage as the runner sees it."""

    name: str
    decide: Callable[[Any, Any, datetime], list[Draft]] | None
    """None for a stage that the runner asks in its own way."""
    evolve: Callable[[Any, Entry], Any]
    next_due: Callable[[Any, Any], datetime | None] | None
    handle: Callable[[Any, Any, Any, datetime, str], list[Draft]] | None
    on_timer: bool
    """Whether it is asked on timer turns, when no new reading came."""


def _stage(name: str, room: Any) -> Stage:
    """A stage that follows the contract whole."""
    return Stage(
        name=name,
        decide=room.decide,
        evolve=room.evolve,
        next_due=room.next_due,
        handle=room.handle,
        on_timer=True,
    )


STAGES: tuple[Stage, ...] = (
    Stage(name="sense", decide=None, evolve=sense.evolve, next_due=None, handle=sense.handle, on_timer=False),
    Stage(name="assess", decide=assess.decide, evolve=assess.evolve, next_due=None, handle=None, on_timer=False),
    _stage("warn", warn),
    _stage("respond", respond),
    _stage("recover", recover),
    _stage("community", community),
    _stage("evaluate", evaluate),
)


def initial_states() -> States:
    """States before the first fact."""
    return States(
        seq=0,
        sense=sense.initial_state(),
        assess=assess.initial_state(),
        warn=warn.initial_state(),
        respond=respond.initial_state(),
        recover=recover.initial_state(),
        community=community.initial_state(),
        evaluate=evaluate.initial_state(),
    )


def evolve_all(states: States, entry: Entry) -> States:
    """Let every stage learn of one fact."""
    changed = {stage.name: stage.evolve(getattr(states, stage.name), entry) for stage in STAGES}
    return replace(states, seq=entry.seq, **changed)
