"""The loop: one turn takes what came in, asks every stage in order, and records all facts together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rencheng import sense, warn
from rencheng.app.stages import STAGES, Inputs, Stage, States, evolve_all
from rencheng.kernel import Draft, NotFound, fact_type_of
from rencheng.ledger import Entry, Ledger, fold

__all__ = ["Loop"]

_MOST_PASSES = 6
"""Stages answer one another within a turn; more rounds than this mean two of them argue."""


@dataclass(slots=True, kw_only=True)
class Loop:
    """The stages, their states, and the ledger they write to. Not thread-safe: one owner turns it.

    Parameters
    ----------
    ledger : Ledger
        Where facts are recorded.
    inputs : Inputs
        City, rules and stores, per stage.
    channels : mapping of str to warn.Channel
        Where warnings are sent, by name.
    states : States
        After the last recorded fact.
    """

    ledger: Ledger
    inputs: Inputs
    channels: Mapping[str, warn.Channel]
    states: States
    turns: int = field(default=0, init=False)
    now: datetime | None = field(default=None, init=False)
    """Instant of the last turn; the loop's clock never runs back."""
    _dues: dict[str, tuple[object, datetime | None]] = field(default_factory=dict, init=False, repr=False)

    def turn(
        self,
        now: datetime,
        *,
        intakes: Sequence[sense.Intake] = (),
        drafts: Iterable[Draft] = (),
        sensed: bool = True,
    ) -> list[Entry]:
        """Turn the loop once.

        Parameters
        ----------
        now : datetime
            The run's clock.
        intakes : sequence of Intake
            What feeds delivered since the last turn, already stored.
        drafts : iterable of Draft
            Facts from outside the stages (orders' answers, the rehearsal's director).
        sensed : bool
            False on a timer turn: sensing and assessment are not asked.

        Returns
        -------
        list of Entry
            What was recorded.

        Notes
        -----
        The states change only after the ledger took all facts; if it refuses, the loop stands where it stood.
        """
        self.now = now if self.now is None else max(self.now, now)
        turn = _Turn(states=self.states)
        turn.take(drafts)
        if sensed:
            self.inputs.sense.readings.advance(now)
            for intake in intakes:
                turn.take(sense.decide(turn.states.sense, self.inputs.sense, now, intake))
            turn.take(sense.decide(turn.states.sense, self.inputs.sense, now, None))
        for number in range(_MOST_PASSES):
            before = len(turn.drafts)
            for stage in STAGES:
                if stage.decide is not None and (stage.on_timer or (sensed and number == 0)):
                    turn.take(stage.decide(getattr(turn.states, stage.name), getattr(self.inputs, stage.name), now))
            if len(turn.drafts) == before:
                break
        recorded = self._record(turn, now)
        self.turns += 1
        return [*recorded, *self._deliver(now)]

    def order(self, order: object, *, actor: str, now: datetime) -> list[Entry]:
        """Carry a person's order out: the stage that knows it answers with facts, and the turn follows.

        Raises
        ------
        NotFound
            If no stage knows the order.
        OrderRefused
            If the state of the world does not allow it; nothing is recorded.
        """
        room = type(order).__module__.removeprefix("rencheng.").partition(".")[0]
        for stage in STAGES:
            if stage.name == room and stage.handle is not None:
                answer = stage.handle(getattr(self.states, room), order, getattr(self.inputs, room), now, actor)
                return self.turn(now, drafts=answer, sensed=False)
        raise NotFound(f"no stage handles the order {type(order).__name__}")

    def resume(self) -> None:
        """Take up a run that stopped: the clock stands at its last fact, and messages left unsent then are sent."""
        if self.now is None and self.states.seq:
            self.now = next(iter(self.ledger.since(self.states.seq - 1))).recorded_at
            self._deliver(self.now)

    def next_due(self) -> datetime | None:
        """The earliest instant at which a stage has something to say without new input."""
        dues = [self._due_of(stage) for stage in STAGES if stage.next_due is not None]
        return min((due for due in dues if due is not None), default=None)

    def _due_of(self, stage: Stage) -> datetime | None:
        """A stage's next instant, worked out again only when its state is another one."""
        state = getattr(self.states, stage.name)
        known = self._dues.get(stage.name)
        if known is None or known[0] is not state:
            assert stage.next_due is not None
            known = (state, stage.next_due(state, getattr(self.inputs, stage.name)))
            self._dues[stage.name] = known
        return known[1]

    def _record(self, turn: _Turn, now: datetime) -> list[Entry]:
        if not turn.drafts:
            return []
        recorded = self.ledger.append(turn.drafts, now=now)
        if recorded and len(recorded) == len(turn.drafts) and recorded[0].seq == self.states.seq + 1:
            self.states = turn.states
        else:  # something was known already, or somebody else wrote: learn what the ledger says
            self.states = fold(self.ledger.since(self.states.seq), evolve_all, self.states)
        return recorded

    def _deliver(self, now: datetime) -> list[Entry]:
        pending = warn.pending(self.states.warn, now)
        if not pending:
            return []
        turn = _Turn(states=self.states)
        turn.take(warn.deliver(pending, self.channels, now))
        return self._record(turn, now)


@dataclass(slots=True, kw_only=True)
class _Turn:
    """A turn in the making: drafts so far and the states as they would be."""

    states: States
    drafts: list[Draft] = field(default_factory=list)

    def take(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            registered = fact_type_of(draft.body)
            entry = Entry(
                seq=self.states.seq + 1,
                id=draft.id,
                stream=draft.stream,
                version=0,
                kind=registered.kind,
                schema=registered.schema,
                occurred_at=draft.occurred_at,
                recorded_at=draft.occurred_at,
                actor=draft.actor,
                cause=draft.cause,
                body=draft.body,
                leaf=b"",
            )
            self.states = evolve_all(self.states, entry)
            self.drafts.append(draft)
