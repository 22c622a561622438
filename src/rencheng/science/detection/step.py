"""One pass of all rules over a batch: ``step(state, rules, readings) -> events``, in event time throughout.

A rule follows one channel with a record of fixed size. Limits must be kept for a time and a number of readings before
an alarm is raised, an alarm steps down when the value has stayed below the level's clear limit, and both delays are
timers in event time: they run out at an instant that the readings fix, whoever notices. They are noticed by the next
reading of the channel or, when it stays away, by the clock of detection (:func:`advance`), which follows the stamps of
all channels. So the events of a stream do not depend on how it is cut into batches.

Readings out of turn (not newer than the last of their channel), second values for a stamp and stamps ahead of the clock
move no detector; within a batch the caller puts readings in order first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.science.detection.arrays import EVENT_DTYPE, FOREVER, LEVELS, NEVER
from rencheng.science.detection.baseline import deviation
from rencheng.science.detection.change_point import cumulative_sum, recent_change, recentre
from rencheng.science.detection.compiled import inner, kernel

__all__ = ["NO_TRACE", "advance", "earliest_due", "reckon_due", "step"]

THRESHOLD, RATE, NO_DATA, BASELINE, CUSUM, BAYES = range(6)
RAISED, UPDATED, CLEARED, NOTICED, UNNOTICED = range(1, 6)
ABOVE, BELOW, RISING, FALLING, SILENT, UNUSUAL_HIGH, UNUSUAL_LOW, SHIFTED, BACK, HEARD, UNHEARD = range(1, 12)
NO_TRACE = 8 | 64
"""Second values for a stamp, and stamps ahead of the clock."""
BUCKETS = 8
"""Parts of the window of a rate, each kept by its lowest (or highest) value."""
GAP = 0
"""Place of the learnt interval in the record of a no-data rule."""
MOST_EVENTS = 32
"""More than one reading of one rule can bring about."""


@inner
def _silent_at(s, r):  # type: ignore[no-untyped-def]
    """When the lowest level of silence is reached."""
    return s.last_at + int(max(r.p[1] * s.aux[GAP], r.p[0])) if s.aux[GAP] > 0.0 else FOREVER


@inner
def _due(s, r):  # type: ignore[no-untyped-def]
    """Earliest instant at which a timer runs out, what it does (1 raise, 2 step down, 3 give up), and the level."""
    due = FOREVER
    what = 0
    level = 0
    if s.last_at == NEVER:
        return due, what, level
    if r.kind == NO_DATA:
        for k in range(s.severity, LEVELS):
            if r.limit[k] >= 0.0 and s.aux[GAP] > 0.0:
                d = s.last_at + int(max(r.limit[k] * s.aux[GAP], r.p[0] * r.limit[k] / r.p[1]))
                if d <= due:
                    due, what, level = d, 1, k
        return due, what, level
    heard = s.last_at + r.gap if r.gap > 0 else FOREVER
    if s.pending > 0:
        for k in range(s.severity, LEVELS):
            if s.since[k] != NEVER and s.count[k] >= r.raise_count:
                d = max(s.since[k] + r.raise_after, s.ready[k])
                if d <= heard and d <= due:
                    due, what, level = d, 1, k
    if s.severity > 0:
        if s.clear_since != NEVER:
            d = s.clear_since + r.clear_after
            if d <= heard and d < due:
                due, what, level = d, 2, 0
        if r.silent_clear > 0 and s.last_at + r.silent_clear < due:
            due, what, level = s.last_at + r.silent_clear, 3, 0
    return due, what, level


@inner
def _cause_up(s, r):  # type: ignore[no-untyped-def]
    high = r.sign > 0 or (r.sign == 0 and s.aux[7] >= 0)
    if r.kind == THRESHOLD:
        return ABOVE if high else BELOW
    if r.kind == RATE:
        return RISING if high else FALLING
    if r.kind == NO_DATA:
        return SILENT
    if r.kind == BASELINE:
        return UNUSUAL_HIGH if high else UNUSUAL_LOW
    return SHIFTED


@inner
def _belief(x, limit, least):  # type: ignore[no-untyped-def]
    """Confidence: the rule's own, and more the further the limit is passed."""
    over = (x - limit) / max(abs(limit), 1e-9)
    return least + (1.0 - least) * (1.0 - math.exp(-max(over, 0.0)))


@inner
def _say(out, n, s, channel, rule, change, before, cause, at, limit, sure):  # type: ignore[no-untyped-def]
    e = out[n]
    e.channel = channel
    e.rule = rule
    e.change = change
    e.severity = s.severity
    e.before = before
    e.cause = cause
    e.begun_at = s.begun_at
    e.at = at
    e.window_start = s.onset if s.onset != NEVER else at
    e.window_end = at
    e.value = s.last_value
    e.x = s.last_x
    e.limit = limit
    e.confidence = sure
    return n + 1


@inner
def _move(out, n, s, r, channel, rule, new, at, cause):  # type: ignore[no-untyped-def]
    """Go from one severity to another and say so."""
    before = s.severity
    s.severity = new
    up = new > before
    limit = r.limit[max(new, before) - 1]
    sure = _belief(s.last_x, limit, r.confidence) if up else r.confidence
    if before == 0 and new >= 1 and not math.isnan(r.limit[0]):
        n = _say(out, n, s, channel, rule, NOTICED, before, cause, at, r.limit[0], sure)
    if new >= 2:
        if before < 2:
            s.begun_at = at
            n = _say(out, n, s, channel, rule, RAISED, before, cause, at, limit, sure)
        else:
            n = _say(out, n, s, channel, rule, UPDATED, before, cause, at, limit, sure)
    elif before >= 2:
        n = _say(out, n, s, channel, rule, CLEARED, before, cause, at, limit, sure)
        s.begun_at = NEVER
    if new == 0 and not math.isnan(r.limit[0]):
        n = _say(out, n, s, channel, rule, UNNOTICED, before, cause, at, r.limit[0], sure)
    return n


@inner
def _fire(out, n, s, r, channel, rule, until):  # type: ignore[no-untyped-def]
    """Let every timer that runs out up to an instant do its work, in their order."""
    due, what, level = _due(s, r)
    while due <= until:
        if what == 1:
            if r.kind == NO_DATA:
                s.last_x = r.limit[level]
                s.onset = s.last_at
            elif r.kind in (THRESHOLD, RATE, BASELINE):
                s.onset = s.since[level]
            n = _move(out, n, s, r, channel, rule, level + 1, due, _cause_up(s, r))
            s.clear_since = NEVER
        elif what == 2:
            n = _move(out, n, s, r, channel, rule, s.hold_max, due, BACK)
            s.clear_since = due if s.hold < s.severity else NEVER
            s.hold_max = s.hold
        else:
            n = _move(out, n, s, r, channel, rule, 0, due, UNHEARD)
            s.clear_since = NEVER
            s.hold = 0
            s.pending = 0
            s.since[:] = NEVER
            s.count[:] = 0
        due, what, level = _due(s, r)
    return n


@inner
def _rise(s, r, at, value):  # type: ignore[no-untyped-def]
    """Rise within the window (fall, for a negative sign): against the lowest value of each of its parts."""
    v = value * r.sign
    bucket = at // (r.window // BUCKETS)
    if s.mark[0] == NEVER or bucket - s.mark[0] >= BUCKETS:
        for k in range(BUCKETS):
            s.aux[k] = math.inf
    else:
        for b in range(s.mark[0] + 1, bucket + 1):
            s.aux[b % BUCKETS] = math.inf
    s.mark[0] = bucket
    lowest = math.inf
    for k in range(BUCKETS):
        lowest = min(lowest, s.aux[k])
    s.aux[bucket % BUCKETS] = min(s.aux[bucket % BUCKETS], v)
    return v - lowest if lowest < math.inf else 0.0


@inner
def _look(s, r, season, run, at, value):  # type: ignore[no-untyped-def]
    """What the rule compares with its limits; NaN where it cannot say yet."""
    if r.kind == THRESHOLD:
        return value * r.sign
    if r.kind == RATE:
        return _rise(s, r, at, value)
    if r.kind == BASELINE:
        z = deviation(s, r, season, at, value)
        s.aux[7] = z
        if s.seen < r.warm_count or at - s.first_at < r.warm_us:
            return math.nan
        return abs(z) if r.sign == 0 else z * r.sign
    if r.kind == CUSUM:
        return cumulative_sum(s, r, at, value)
    return recent_change(s, r, run, at, value)


@inner
def _levels(s, r, x, at):  # type: ignore[no-untyped-def]
    """Note which levels are reached and for how long, and which are still held."""
    s.hold = 0
    s.pending = 0
    for k in range(LEVELS):
        if x >= r.clear[k]:
            s.hold = k + 1
        if x >= r.limit[k]:
            if s.since[k] == NEVER:
                s.since[k] = at
                s.count[k] = 0
            s.count[k] += 1
            if s.count[k] == r.raise_count:
                s.ready[k] = at
            s.pending = k + 1
        else:
            s.since[k] = NEVER
            s.count[k] = 0
    if s.severity > 0:
        if s.hold >= s.severity:
            s.clear_since = NEVER
        elif s.clear_since == NEVER:
            s.clear_since = at
            s.hold_max = s.hold
        else:
            s.hold_max = max(s.hold_max, s.hold)


@inner
def _heard(out, n, s, r, channel, rule, at, value):  # type: ignore[no-untyped-def]
    """A reading, for a rule that waits for readings: the interval is learnt, the silence over."""
    gap = float(at - s.last_at) if s.last_at != NEVER else 0.0
    s.last_at = at
    s.last_value = value
    if s.severity > 0:
        n = _move(out, n, s, r, channel, rule, 0, at, HEARD)
    elif gap > 0.0:
        s.seen += 1
        if s.seen >= r.warm_count:
            known = s.aux[GAP] if s.aux[GAP] > 0.0 else s.aux[1]
            s.aux[GAP] = known + 0.1 * min(max(gap - known, -0.5 * known), 0.5 * known)
        s.aux[1] = gap if s.seen == 1 else min(max(gap, 0.5 * s.aux[1]), 1.5 * s.aux[1])
    return n


@inner
def _take(out, n, s, r, season, run, channel, rule, at, value):  # type: ignore[no-untyped-def]
    """One reading of one channel for one rule; timers up to it have run out already. Tells whether any may be set."""
    if r.gap > 0 and s.last_at != NEVER and at - s.last_at > r.gap:
        s.since[:] = NEVER
        s.count[:] = 0
        s.pending = 0
    if s.first_at == NEVER:
        s.first_at = at
    elif at - s.last_at > r.hear:
        s.pause_from = s.last_at
        s.pause_to = at
    x = _look(s, r, season, run, at, value)
    s.seen += 1
    s.last_at = at
    s.last_value = value
    s.last_x = x
    if s.severity == 0 and s.pending == 0 and not x >= r.p[3]:
        return n, False
    _levels(s, r, x, at)
    n = _fire(out, n, s, r, channel, rule, at)
    if r.kind == CUSUM and s.severity >= 2 and x >= r.limit[s.severity - 1]:
        recentre(s)
    return n, True


@kernel
def _step(  # type: ignore[no-untyped-def]  # noqa: PLR0917 — compiled, so one array each
    first, count, slots, slot_rule, season_of, seasons, run_of, runs, due, rules, channel, at, value, flags, out
):
    n = 0
    for i in range(len(channel)):
        if flags[i] & NO_TRACE or not math.isfinite(value[i]):
            continue
        c = channel[i]
        if n + MOST_EVENTS * count[c] > len(out):
            wider = np.empty(2 * len(out) + MOST_EVENTS * count[c], out.dtype)
            wider[:n] = out[:n]
            out = wider
        for k in range(first[c], first[c] + count[c]):
            s = slots[k]
            if at[i] <= s.last_at:
                continue
            rule = slot_rule[k]
            r = rules[rule]
            if due[k] <= at[i]:
                n = _fire(out, n, s, r, c, rule, at[i])
                due[k] = _due(s, r)[0]
            if flags[i] & r.ignore:
                continue
            if r.kind == NO_DATA:
                n = _heard(out, n, s, r, c, rule, at[i], value[i])
                due[k] = _silent_at(s, r)
                continue
            n, timed = _take(out, n, s, r, seasons[season_of[k]], runs[run_of[k]], c, rule, at[i], value[i])
            due[k] = _due(s, r)[0] if timed else FOREVER
    return out[:n]


@kernel
def _advance(which, slots, slot_rule, slot_channel, due, rules, until, out):  # type: ignore[no-untyped-def]
    n = 0
    for k in which:
        if n + MOST_EVENTS > len(out):
            wider = np.empty(2 * len(out) + MOST_EVENTS, out.dtype)
            wider[:n] = out[:n]
            out = wider
        n = _fire(out, n, slots[k], rules[slot_rule[k]], slot_channel[k], slot_rule[k], until)
        due[k] = _due(slots[k], rules[slot_rule[k]])[0]
    return out[:n]


@kernel
def _all_due(slots, slot_rule, rules, due, used):  # type: ignore[no-untyped-def]
    for k in range(used):
        due[k] = _due(slots[k], rules[slot_rule[k]])[0]


def reckon_due(state: Any) -> None:
    """Work out anew when timers run out, after records were read back."""
    _all_due(state.slots, state.slot_rule, state.rules, state.due, state.used)


def step(
    state: Any,
    channel: NDArray[np.int64],
    at: NDArray[np.int64],
    value: NDArray[np.float64],
    flags: NDArray[np.uint16],
) -> NDArray[Any]:
    """Let every rule of every channel see its readings.

    Parameters
    ----------
    state : DetectorState
        Changed in place; it knows its rules.
    channel : array of int
        Number of each reading's channel in the state; shape (n,).
    at : array of int
        Microseconds since 1970, ascending within a channel.
    value : array of float
        SI unit.
    flags : array of uint16
        Quality flags; second values and stamps ahead of the clock (8, 64) are passed over.

    Returns
    -------
    structured array
        :data:`EVENT_DTYPE`, shape (m,), by channel in the order of the readings.
    """
    out = np.empty(1024, dtype=EVENT_DTYPE)
    s = state
    return np.asarray(
        _step(
            s.first,
            s.count,
            s.slots,
            s.slot_rule,
            s.season_of,
            s.seasons,
            s.run_of,
            s.runs,
            s.due,
            s.rules,
            channel,
            at,
            value,
            flags,
            out,
        )
    )


def advance(state: Any, until_us: int) -> NDArray[Any]:
    """Let timers run out up to an instant though no reading came; gives the events, :data:`EVENT_DTYPE`."""
    which = np.flatnonzero(state.due[: state.used] <= until_us)
    out = np.empty(MOST_EVENTS + len(which), dtype=EVENT_DTYPE)
    if not len(which):
        return out[:0]
    return np.asarray(
        _advance(which, state.slots, state.slot_rule, state.slot_channel, state.due, state.rules, until_us, out)
    )


def earliest_due(state: Any) -> int:
    """Earliest instant at which a timer runs out, in microseconds; :data:`FOREVER` if none is set."""
    due = state.due[: state.used]
    return int(due.min()) if len(due) else int(FOREVER)
