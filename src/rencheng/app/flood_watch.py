"""The flood cycle beside the loop: asked for after a turn, computed elsewhere, published in a later turn."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rencheng.app.flood_desk import FloodDesk, FloodDeskFailed
from rencheng.app.loop import Loop
from rencheng.assess.facts import DAY_AHEAD
from rencheng.assess.flood.day_ahead import DayAheadRequest, day_ahead_wanted
from rencheng.assess.flood.publish import FloodRequest, forecast_drafts, superseded_drafts
from rencheng.assess.flood.watch import CycleRequest, cycle_wanted
from rencheng.kernel import Draft

__all__ = ["FloodWatch"]


@dataclass(slots=True, kw_only=True)
class FloodWatch:
    """Keeps the flood forecast up to date without ever holding the loop up.

    Parameters
    ----------
    loop : Loop
        Whose readings are watched and whose turns publish.
    desk : FloodDesk
        Who computes.
    seed : int
        Of the run.
    wall : bool
        Whether the clock is the wall's. Then a cycle is published when it is done, and one that is late is given up
        for newer rain. A simulated clock gives every cycle the time that the rules allow it, and waits for it then.
    """

    loop: Loop
    desk: FloodDesk
    seed: int
    wall: bool
    _running: FloodRequest | None = field(default=None, init=False)
    _begun_s: float = field(default=0.0, init=False)
    _looked: int = field(default=-1, init=False)
    """Turns of the loop at the last look: without a turn nothing new can be wanted."""

    def look(self, now: datetime) -> list[Draft]:
        """Begin a cycle if one is wanted; gives what is to be said of one that was given up for it.

        A cycle of the next two hours takes the desk from one of the next day at once, and from one of its own kind
        that is late. One of the next day waits until the desk is free and nothing urgent is wanted.
        """
        if self.loop.turns == self._looked or not (self._running is None or self._late() or self._of_the_day()):
            return []
        self._looked = self.loop.turns
        urgent = self._urgent(now)
        if urgent is None:
            if self._running is None and (day := self._day_ahead(now)) is not None:
                self._begin(day)
            return []
        drafts: list[Draft] = []
        if self._running is not None:
            if not self._of_the_day() and urgent.based_at <= self._running.based_at:
                return drafts
            drafts = self._give_up(urgent.based_at, now)
        self._begin(urgent)
        return drafts

    def next_due(self) -> datetime | None:
        """Instant at which a simulated clock is to take the running cycle's outcome."""
        if self._running is None or self.wall:
            return None
        rules = self.loop.inputs.assess.rules.flood
        budget_s = rules.day_budget_s if self._of_the_day() else rules.budget_s
        return self._running.based_at + timedelta(seconds=budget_s)

    def ready(self) -> bool:
        """Whether an outcome can be taken without waiting."""
        return self._running is not None and self.desk.poll()

    def take(self, now: datetime) -> list[Draft]:
        """Take the running cycle's outcome, waiting for it if need be, and say what it is."""
        request, self._running = self._running, None
        if request is None:
            return []
        try:
            outcome = self.desk.wait()
        except FloodDeskFailed as failure:
            return superseded_drafts(request, None, str(failure), now)
        return [] if outcome is None else forecast_drafts(request, outcome, now)

    def close(self) -> None:
        """End the desk."""
        self.desk.close()

    def _begin(self, request: FloodRequest) -> None:
        self.desk.start(request)
        self._running, self._begun_s = request, time.monotonic()

    def _of_the_day(self) -> bool:
        return self._running is not None and self._running.product == DAY_AHEAD

    def _urgent(self, now: datetime) -> CycleRequest | None:
        inputs = self.loop.inputs.assess
        memory, rules = self.loop.states.assess.flood, inputs.rules.flood
        return cycle_wanted(memory, inputs.frame, inputs.readings, inputs.fields, rules, now, seed=self.seed)

    def _day_ahead(self, now: datetime) -> DayAheadRequest | None:
        inputs = self.loop.inputs.assess
        memory, rules = self.loop.states.assess.flood, inputs.rules.flood
        return day_ahead_wanted(memory, inputs.frame, inputs.readings, inputs.fields, rules, now, seed=self.seed)

    def _late(self) -> bool:
        return self.wall and time.monotonic() - self._begun_s > self.loop.inputs.assess.rules.flood.budget_s

    def _give_up(self, by: datetime, now: datetime) -> list[Draft]:
        request, self._running = self._running, None
        assert request is not None
        try:
            self.desk.cancel()
        except FloodDeskFailed as failure:
            return superseded_drafts(request, by, str(failure), now)
        reason = "newer rain came before it was done"
        if request.product == DAY_AHEAD:
            reason = "the next two hours were asked for before it was done"
        return superseded_drafts(request, by, reason, now)
