"""The rules of :mod:`rencheng.science.detection.step` for one reading at a time, without compiled code.

A gateway has little memory and must be up within seconds, so it cannot load a compiler. Thresholds, rates and silence
give the same events here as there, instant by instant (a test holds them to each other); what learns from weeks of
readings stays with the city's core.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from numpy.typing import NDArray

from rencheng.science.detection.arrays import FOREVER, LEVELS, NEVER, Cause, Change, Kind

__all__ = ["SCALAR_KINDS", "ScalarDetector", "ScalarEvent", "ScalarRule", "ScalarState"]

SCALAR_KINDS = ("threshold", "rate", "no_data")
"""Kinds of rule that are followed here."""
NO_TRACE = 8 | 64
"""Second values for a stamp, and stamps ahead of the clock."""
BUCKETS = 8
_FOREVER, _NEVER = int(FOREVER), int(NEVER)


class ScalarEvent(NamedTuple):
    """One change of one alarm; fields as in ``EVENT_DTYPE``, instants in microseconds of event time."""

    change: int
    severity: int
    before: int
    cause: int
    begun_at: int
    at: int
    window_start: int
    window_end: int
    value: float
    x: float
    limit: float
    confidence: float


class ScalarRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's numbers as plain ones; fields as in ``RULE_DTYPE``."""

    kind: int
    sign: float
    limit: tuple[float, ...]
    clear: tuple[float, ...]
    raise_after: int
    raise_count: int
    clear_after: int
    silent_clear: int
    gap: int
    ignore: int
    window: int
    warm_count: int
    p: tuple[float, ...]
    confidence: float

    @classmethod
    def from_record(cls, record: NDArray[Any]) -> ScalarRule:
        """Take the numbers of :meth:`rencheng.science.detection.rules.DetectionRule.record`."""
        one = record[0]
        plain: dict[str, Any] = {name: one[name].tolist() for name in cls.__struct_fields__}
        known: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in plain.items()}
        return cls(**known)


class ScalarState(msgspec.Struct, kw_only=True, array_like=True):
    """What one rule remembers of one channel; fields as in ``SLOT_DTYPE``. Changed in place."""

    last_at: int = _NEVER
    begun_at: int = _NEVER
    clear_since: int = _NEVER
    since: list[int] = msgspec.field(default_factory=lambda: [_NEVER] * LEVELS)
    ready: list[int] = msgspec.field(default_factory=lambda: [_NEVER] * LEVELS)
    count: list[int] = msgspec.field(default_factory=lambda: [0] * LEVELS)
    severity: int = 0
    hold: int = 0
    hold_max: int = 0
    pending: int = 0
    seen: int = 0
    last_x: float = math.nan
    last_value: float = math.nan
    onset: int = _NEVER
    bucket: int = _NEVER
    aux: list[float] = msgspec.field(default_factory=lambda: [0.0] * BUCKETS)


class ScalarDetector:
    """One rule on one channel.

    Parameters
    ----------
    rule : ScalarRule
        Its numbers; ``kind`` must be one of :data:`SCALAR_KINDS`.
    state : ScalarState, optional
        What was remembered; fresh where absent.

    Examples
    --------
    >>> from rencheng.science.detection.rules import DetectionRule
    >>> rule = DetectionRule(id="smoke", kind="threshold", levels={"red": 2.0}, raise_count=2)
    >>> detector = ScalarDetector(ScalarRule.from_record(rule.record()))
    >>> [e.at for t in (10, 20) for e in detector.take(t, 2.5)]
    [20]
    """

    def __init__(self, rule: ScalarRule, state: ScalarState | None = None) -> None:
        self.rule = rule
        self.state = ScalarState() if state is None else state

    def take(self, at: int, value: float, flags: int = 0) -> list[ScalarEvent]:
        """Give what a reading changes; one that is not newer than the last, or not finite, changes nothing."""
        s, r = self.state, self.rule
        if flags & NO_TRACE or not math.isfinite(value) or at <= s.last_at:
            return []
        events = list(self._fire(at))
        if flags & r.ignore:
            return events
        if r.kind == Kind.NO_DATA:
            return events + self._heard(at, value)
        if r.gap > 0 and s.last_at != _NEVER and at - s.last_at > r.gap:
            s.since, s.count, s.pending = [_NEVER] * LEVELS, [0] * LEVELS, 0
        x = value * r.sign if r.kind == Kind.THRESHOLD else self._rise(at, value)
        s.seen += 1
        s.last_at, s.last_value, s.last_x = at, value, x
        if s.severity == 0 and s.pending == 0 and not x >= r.p[3]:
            return events
        self._levels(x, at)
        return [*events, *self._fire(at)]

    def advance(self, until: int) -> list[ScalarEvent]:
        """Let timers run out up to an instant though no reading came."""
        return list(self._fire(until))

    def due(self) -> int:
        """Earliest instant at which a timer runs out."""
        return self._due()[0]

    def _due(self) -> tuple[int, int, int]:
        """When, what (1 raise, 2 step down, 3 give up), and the level."""
        s, r = self.state, self.rule
        due, what, level = _FOREVER, 0, 0
        if s.last_at == _NEVER:
            return due, what, level
        if r.kind == Kind.NO_DATA:
            return self._silent_due()
        heard = s.last_at + r.gap if r.gap > 0 else _FOREVER
        if s.pending > 0:
            for k in range(s.severity, LEVELS):
                if s.since[k] != _NEVER and s.count[k] >= r.raise_count:
                    d = max(s.since[k] + r.raise_after, s.ready[k])
                    if d <= heard and d <= due:
                        due, what, level = d, 1, k
        if s.severity > 0:
            if s.clear_since != _NEVER:
                d = s.clear_since + r.clear_after
                if d <= heard and d < due:
                    due, what, level = d, 2, 0
            if r.silent_clear > 0 and s.last_at + r.silent_clear < due:
                due, what, level = s.last_at + r.silent_clear, 3, 0
        return due, what, level

    def _silent_due(self) -> tuple[int, int, int]:
        s, r = self.state, self.rule
        due, what, level = _FOREVER, 0, 0
        for k in range(s.severity, LEVELS):
            if r.limit[k] >= 0.0 and s.aux[0] > 0.0:
                d = s.last_at + int(max(r.limit[k] * s.aux[0], r.p[0] * r.limit[k] / r.p[1]))
                if d <= due:
                    due, what, level = d, 1, k
        return due, what, level

    def _fire(self, until: int) -> Iterator[ScalarEvent]:
        s, r = self.state, self.rule
        due, what, level = self._due()
        while due <= until:
            if what == 1:
                if r.kind == Kind.NO_DATA:
                    s.last_x, s.onset = r.limit[level], s.last_at
                else:
                    s.onset = s.since[level]
                yield from self._move(level + 1, due, self._cause())
                s.clear_since = _NEVER
            elif what == 2:
                yield from self._move(s.hold_max, due, Cause.BACK)
                s.clear_since = due if s.hold < s.severity else _NEVER
                s.hold_max = s.hold
            else:
                yield from self._move(0, due, Cause.UNHEARD)
                s.clear_since, s.hold, s.pending = _NEVER, 0, 0
                s.since, s.count = [_NEVER] * LEVELS, [0] * LEVELS
            due, what, level = self._due()

    def _cause(self) -> Cause:
        high = self.rule.sign > 0
        if self.rule.kind == Kind.THRESHOLD:
            return Cause.ABOVE if high else Cause.BELOW
        if self.rule.kind == Kind.RATE:
            return Cause.RISING if high else Cause.FALLING
        return Cause.SILENT

    def _move(self, new: int, at: int, cause: Cause) -> Iterator[ScalarEvent]:
        s, r = self.state, self.rule
        before, s.severity = s.severity, new
        limit = r.limit[max(new, before) - 1]
        sure = r.confidence
        if new > before:
            over = (s.last_x - limit) / max(abs(limit), 1e-9)
            sure += (1.0 - sure) * (1.0 - math.exp(-max(over, 0.0)))
        notice = r.limit[0]
        if before == 0 and new >= 1 and not math.isnan(notice):
            yield self._say(Change.NOTICED, before, cause, at, notice, sure)
        if new >= 2:
            change = Change.UPDATED if before >= 2 else Change.RAISED
            s.begun_at = at if before < 2 else s.begun_at
            yield self._say(change, before, cause, at, limit, sure)
        elif before >= 2:
            yield self._say(Change.CLEARED, before, cause, at, limit, sure)
            s.begun_at = _NEVER
        if new == 0 and not math.isnan(notice):
            yield self._say(Change.UNNOTICED, before, cause, at, notice, sure)

    def _say(self, change: Change, before: int, cause: Cause, at: int, limit: float, sure: float) -> ScalarEvent:
        s = self.state
        return ScalarEvent(
            change=int(change),
            severity=s.severity,
            before=before,
            cause=int(cause),
            begun_at=s.begun_at,
            at=at,
            window_start=s.onset if s.onset != _NEVER else at,
            window_end=at,
            value=s.last_value,
            x=s.last_x,
            limit=limit,
            confidence=sure,
        )

    def _rise(self, at: int, value: float) -> float:
        """Rise within the window (fall, for a negative sign), as in ``step``."""
        s, r = self.state, self.rule
        v = value * r.sign
        bucket = at // (r.window // BUCKETS)
        if s.bucket == _NEVER or bucket - s.bucket >= BUCKETS:
            s.aux = [math.inf] * BUCKETS
        else:
            for b in range(s.bucket + 1, bucket + 1):
                s.aux[b % BUCKETS] = math.inf
        s.bucket = bucket
        lowest = min(s.aux)
        s.aux[bucket % BUCKETS] = min(s.aux[bucket % BUCKETS], v)
        return v - lowest if lowest < math.inf else 0.0

    def _levels(self, x: float, at: int) -> None:
        """Note which levels are reached and for how long, and which are still held."""
        s, r = self.state, self.rule
        s.hold = s.pending = 0
        for k in range(LEVELS):
            if x >= r.clear[k]:
                s.hold = k + 1
            if x >= r.limit[k]:
                if s.since[k] == _NEVER:
                    s.since[k], s.count[k] = at, 0
                s.count[k] += 1
                if s.count[k] == r.raise_count:
                    s.ready[k] = at
                s.pending = k + 1
            else:
                s.since[k], s.count[k] = _NEVER, 0
        if s.severity > 0:
            if s.hold >= s.severity:
                s.clear_since = _NEVER
            elif s.clear_since == _NEVER:
                s.clear_since, s.hold_max = at, s.hold
            else:
                s.hold_max = max(s.hold_max, s.hold)

    def _heard(self, at: int, value: float) -> list[ScalarEvent]:
        """A reading, for a rule that waits for readings: the interval is learnt, the silence over."""
        s, r = self.state, self.rule
        gap = float(at - s.last_at) if s.last_at != _NEVER else 0.0
        s.last_at, s.last_value = at, value
        if s.severity > 0:
            return list(self._move(0, at, Cause.HEARD))
        if gap > 0.0:
            s.seen += 1
            if s.seen >= r.warm_count:
                known = s.aux[0] if s.aux[0] > 0.0 else s.aux[1]
                s.aux[0] = known + 0.1 * min(max(gap - known, -0.5 * known), 0.5 * known)
            s.aux[1] = gap if s.seen == 1 else min(max(gap, 0.5 * s.aux[1]), 1.5 * s.aux[1])
        return []
