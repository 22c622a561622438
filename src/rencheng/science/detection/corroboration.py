r"""Neighbours: whether an alarm is an event that others see too, or a sensor that disagrees with all about it.

Water, rain, air and pressure are alike at places near each other, so a neighbour of a place where something happens
will as a rule notice something, and a neighbour of a broken sensor will not. Every neighbour that was heard gives a
likelihood ratio, as in the tests of faulty sensors of Krishnamachari and Iyengar (2004, IEEE Trans. Computers 53,
241–250), with the naive independence of neighbours given the event:

.. math:: \frac{P(E)}{P(F)} = \frac{p}{1-p} \left(\frac{q_1}{q_0}\right)^{a} \left(\frac{1-q_1}{1-q_0}\right)^{h-a}

with :math:`p` the rule's own confidence, :math:`h` neighbours heard, :math:`a` of them agreeing, :math:`q_1` and
:math:`q_0` the chance that one agrees in an event and by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.detection.arrays import EVENT_DTYPE, FOREVER, NEVER, Cause, Change
from rencheng.science.detection.state import DetectorState

__all__ = ["AGREE_BY_ACCIDENT", "AGREE_IN_EVENT", "Corroborator", "Open", "event_probability"]

AGREE_IN_EVENT = 0.6
"""Chance that a neighbour within reach notices a real event while it settles."""
AGREE_BY_ACCIDENT = 0.03
"""Chance that it notices something of its own in that time."""
LEAST_NEIGHBOURS = 2
"""With fewer that were heard nobody can tell, and the alarm stands as it is."""


def event_probability(own: float, heard: int, agreeing: int) -> float:
    """Probability that an alarm is an event, after asking neighbours.

    Examples
    --------
    A sensor believed to 0.8 whose five neighbours all saw nothing is most likely broken; two that saw it settle it:

    >>> round(event_probability(0.8, 5, 0), 2), round(event_probability(0.8, 5, 2), 2)
    (0.04, 0.99)
    """
    for_it = (AGREE_IN_EVENT / AGREE_BY_ACCIDENT) ** agreeing
    against = ((1 - AGREE_IN_EVENT) / (1 - AGREE_BY_ACCIDENT)) ** (heard - agreeing)
    odds = min(own, 0.999) / (1 - min(own, 0.999)) * for_it * against
    return odds / (1 + odds)


@dataclass(slots=True)
class Open:
    """An alarm that waits for its verdict, or that neighbours did not confirm."""

    event: Any
    """The row that raised it, moved on by what came while it waited."""
    decide_at: int
    fault: bool = False


@dataclass(slots=True)
class Corroborator:
    """Holds alarms of rules that ask neighbours until those had time to see it too.

    Events are looked at in the order of their event time once the clock of detection has passed them, so the verdicts
    do not depend on how readings came in.

    Parameters
    ----------
    reach : array of bool
        Which rules ask neighbours; shape (rules,).
    settle_us : array of int
        How long they wait.
    prior : array of float
        Each rule's own confidence; how far a limit was passed does not count here, a broken sensor passes it as far.
    neighbours : callable
        Gives the channels that speak for or against a rule's alarm of a channel.
    """

    reach: NDArray[np.bool_]
    settle_us: NDArray[np.int64]
    prior: NDArray[np.float64]
    neighbours: Callable[[int, int], Sequence[int]]
    queue: list[NDArray[Any]] = field(default_factory=list)
    noticed: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """Channel and rule → since when it notices something, and until when (:data:`FOREVER` while it does)."""
    open: dict[tuple[int, int], Open] = field(default_factory=dict)
    passed: set[tuple[int, int]] = field(default_factory=set)

    def sift(self, events: NDArray[Any], state: DetectorState, clock_us: int) -> NDArray[Any]:
        """Give the events that stand: those of rules that ask nobody at once, others as neighbours confirm them."""
        asks = self.reach[events["rule"]] if len(events) else np.zeros(0, dtype=bool)
        plain = events[~asks & (events["change"] <= Change.CLEARED)]
        if asks.any():
            self.queue.append(events[asks])
        if not self.queue and not self.open:
            return plain
        return np.concatenate([plain, self._settled(state, clock_us)])

    def _settled(self, state: DetectorState, clock_us: int) -> NDArray[Any]:
        waiting = np.concatenate(self.queue) if self.queue else np.zeros(0, dtype=EVENT_DTYPE)
        ripe = waiting["at"] <= clock_us
        self.queue = [waiting[~ripe]] if (~ripe).any() else []
        told: list[Any] = []
        due = waiting[ripe]
        for event in due[np.lexsort((due["rule"], due["channel"], due["at"]))]:
            self._decide(state, int(event["at"]) - 1, told)
            self._hear(event.copy(), state, told)
        self._decide(state, clock_us, told)
        self._forget(clock_us)
        return np.array(told, dtype=EVENT_DTYPE) if told else np.zeros(0, dtype=EVENT_DTYPE)

    def _hear(self, event: Any, state: DetectorState, told: list[Any]) -> None:
        key = (int(event["channel"]), int(event["rule"]))
        change, at = int(event["change"]), int(event["at"])
        known = self.open.get(key)
        if change == Change.NOTICED:
            self.noticed[key] = (at, int(FOREVER))
            self._reconsider(state, at, told)
        elif change == Change.UNNOTICED:
            self.noticed[key] = (self.noticed.get(key, (at, at))[0], at)
        elif key in self.passed:
            told.append(event)
            if change == Change.CLEARED:
                self.passed.discard(key)
        elif change == Change.RAISED:
            self.open[key] = Open(event, at + int(self.settle_us[key[1]]))
        elif change == Change.CLEARED and known is not None:
            if known.fault:
                told.append(_as_fault(known.event, Change.CLEARED, at, 1.0 - float(known.event["confidence"])))
            del self.open[key]
        elif known is not None and not known.fault:
            for name in ("severity", "value", "x", "limit"):
                known.event[name] = event[name]

    def _decide(self, state: DetectorState, until: int, told: list[Any]) -> None:
        ripe = sorted((o.decide_at, key) for key, o in self.open.items() if not o.fault and o.decide_at <= until)
        for at, key in ripe:
            self._judge(key, self.open[key], state, at, told)

    def _reconsider(self, state: DetectorState, at: int, told: list[Any]) -> None:
        """A neighbour that notices something later may yet clear the name of a sensor."""
        for key in sorted(key for key, o in self.open.items() if o.fault):
            self._judge(key, self.open[key], state, at, told)

    def _judge(self, key: tuple[int, int], known: Open, state: DetectorState, at: int, told: list[Any]) -> None:
        heard, agreeing = self._ask(key, int(known.event["at"]), at, state)
        own = float(known.event["confidence"])
        asked = heard >= LEAST_NEIGHBOURS
        probability = event_probability(float(self.prior[key[1]]), heard, agreeing) if asked else own
        if probability >= 0.5:
            if known.fault:
                told.append(_as_fault(known.event, Change.CLEARED, at, 1.0 - probability))
            event = known.event.copy()
            event["at"], event["confidence"] = at, probability
            told.append(event)
            self.passed.add(key)
            del self.open[key]
        elif not known.fault:
            known.fault = True
            told.append(_as_fault(known.event, Change.RAISED, at, 1.0 - probability))

    def _ask(self, key: tuple[int, int], raised_at: int, at: int, state: DetectorState) -> tuple[int, int]:
        channel, rule = key
        since = raised_at - int(self.settle_us[rule])
        heard = agreeing = 0
        for other in self.neighbours(channel, rule):
            slot = _slot_of(state, other, rule)
            if slot is None or not _was_heard(slot, since, at):
                continue
            heard += 1
            begun, ended = self.noticed.get((other, rule), (int(FOREVER), int(FOREVER)))
            agreeing += begun <= at and ended >= since
        return heard, agreeing

    def _forget(self, clock_us: int) -> None:
        old = clock_us - 2 * int(self.settle_us.max(initial=0))
        oldest = min((int(o.event["at"]) for o in self.open.values()), default=clock_us)
        old = min(old, oldest - 2 * int(self.settle_us.max(initial=0)))
        for key in [key for key, (_, ended) in self.noticed.items() if ended < old]:
            del self.noticed[key]


def _as_fault(event: Any, change: Change, at: int, confidence: float) -> Any:
    row = event.copy()
    row["change"], row["at"], row["confidence"] = change, at, confidence
    row["severity"] = 1 if change == Change.RAISED else 0
    row["before"] = 0 if change == Change.RAISED else 1
    row["cause"] = Cause.ALONE
    return row


def _slot_of(state: DetectorState, channel: int, rule: int) -> Any | None:
    if channel >= state.channels:
        return None
    for k in range(int(state.first[channel]), int(state.first[channel] + state.count[channel])):
        if state.slot_rule[k] == rule:
            return state.slots[k]
    return None


def _was_heard(slot: Any, since: int, until: int) -> bool:
    """Whether a channel reported about the time of an alarm, as its record tells it."""
    begun = slot["first_at"] != NEVER and slot["first_at"] <= since
    paused = slot["pause_from"] != NEVER and slot["pause_from"] < since and slot["pause_to"] > until
    return bool(begun and not paused and slot["last_at"] >= since)
