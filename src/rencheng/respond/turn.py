"""One turn being decided: facts are proposed one by one, and each sees what the ones before it changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rencheng.kernel import Draft, FactId, fact_type_of
from rencheng.respond.evolve import Happening, apply
from rencheng.respond.inputs import Inputs
from rencheng.respond.model import State

__all__ = ["Turn"]


class Turn:
    """Collects drafts and keeps the state as it will be after them.

    Parameters
    ----------
    state : State
        Where the turn begins; not changed.
    actor : str
        Who decides, e.g. ``"rule:respond"`` or ``"person:zhang"``.
    """

    def __init__(self, state: State, inputs: Inputs, now: datetime, actor: str = "rule:respond") -> None:
        self.state = state
        self.inputs = inputs
        self.now = now
        self.actor = actor
        self.drafts: list[Draft] = []

    def say(self, stream: str, body: Any, *cause: FactId | None) -> FactId:
        """Propose a fact because of others and give its id."""
        known = tuple(dict.fromkeys(c for c in cause if c is not None))
        draft = Draft(stream=stream, body=body, occurred_at=self.now, actor=self.actor, cause=known)
        self.drafts.append(draft)
        self.state = apply(self.state, Happening(fact_type_of(body).kind, body, draft.id, self.now))
        return draft.id
