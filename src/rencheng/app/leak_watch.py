"""The leak watch: asks day by day whether there is one more leak, where, and whether known ones grew or went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.app.leak_states import OFFSET_M, SIZES_M3_H, LinearModel
from rencheng.science.detection.leaks import Belief, Evidence, best_place, leak_scan, learn, sum_evidence

__all__ = ["RENEW_D", "WINDOWS_D", "FoundLeak", "LeakWatch", "Renewal", "Sizes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOWS_D = (1, 2, 4, 8, 16, 32)
KEEP_D = 45
ALARM = 40.0  # twice the log likelihood ratio, noise already scaled to what is seen
SURE = 0.85
PATIENCE_D = 12
LEAST_M3_H = 2.0
DRIFT_PER_D = 0.002  # share of the model's doubt that is new each day
BALANCE_DRIFT = 0.02
GROWTH_M3_H = 0.45  # a day: an incipient leak of 15 m³/h grows for weeks
TEMPER = 4.0
MISFIT = 0.01  # share of a leak's evidence that its response may be wrong by
KNOWN_FIRST = 0.5  # a known leak's change that explains this share of what a new leak would is believed
ECHO = 0.01  # share of a great change's evidence that its own misfit may make elsewhere, day by day
ECHO_D, ECHO_WINDOW_D = 20, 4
RENEW_M3_H, RENEW_D = 24.0, 60  # a new linearisation costs as much as two weeks of watching
GONE_D = 10
KEPT = 0.4  # a leak that shrinks below this share of its first guess when the days are filtered again was none
SHAPES = 4  # columns of a leak: its size, and how the place and size may differ from the best guess
SHAPE_DRIFT = 0.05
ROUNDS = 3
PLAIN = 150.0
CHANGE_D = 8  # longer windows hold a growing leak anyway
NEIGHBOUR = 0.2  # a second leak beside a known one is rarer than a first guess that was not exact


@dataclass(slots=True, kw_only=True, eq=False)
class FoundLeak:
    """A leak that was reported: ``node`` where the model holds it, days counted from the first."""

    node: int
    pipe: int
    confidence: float
    onset_h: int
    told_day: int
    size_m3_h: float
    columns: Floats
    peak_m3_h: float = 0.0
    ended_day: int | None = None
    forgotten_day: int | None = None
    low_days: int = 0
    rate: float = 0.0  # evidence a day when it was found
    carried: bool = False
    history: list[tuple[int, float]] = field(default_factory=list)


Sizes = list[tuple[int, float]]
Renewal = Callable[[int, Sizes, Callable[[int], Sizes]], LinearModel]


@dataclass(slots=True)
class _Snapshot:
    belief: Belief
    leaks: list[FoundLeak]


@dataclass(slots=True)
class _Event:
    """What would explain a window best: a new leak, or a known one that changed by ``size``."""

    ratio: float
    window: int
    pipe: int
    node: int
    size: float
    confidence: float
    leak: FoundLeak | None = None


class LeakWatch:
    """State of the watch; :meth:`begin` takes the reference days, :meth:`day` one day at a time."""

    def __init__(
        self,
        linear: LinearModel,
        *,
        balance: Floats,
        balance_var: Floats,
        balance_doubt: Floats,
        near: NDArray[np.bool_],
        nearer: NDArray[np.bool_],
        pipe_nodes: Ints,
        pipe_weight: Floats,
        n_doubts: int,
        n_pressures: int,
        renew: Renewal | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.linear, self.balance, self.balance_var = linear, balance, balance_var
        self.nearer = nearer
        self.near, self.pipe_nodes, self.pipe_weight = near, pipe_nodes, pipe_weight
        self.n_fixed = linear.design.shape[1]
        self.say, self.renew, self.renewed = say, renew, 0
        prior = np.ones(self.n_fixed)
        prior[n_doubts : n_doubts + n_pressures] = OFFSET_M**2
        prior[n_doubts + n_pressures :] = balance_doubt**2
        self.prior = prior
        self.drift = prior * DRIFT_PER_D
        self.drift[n_doubts : n_doubts + n_pressures] = 0.0
        self.drift[n_doubts + n_pressures :] = balance_var * BALANCE_DRIFT
        self.belief = Belief(mean=np.zeros(self.n_fixed), cov=np.diag(prior))
        self.filtered: list[FoundLeak] = []
        self.active: list[FoundLeak] = []
        self.found: list[FoundLeak] = []
        self.evidence: dict[int, Evidence] = {}
        self.snapshots: dict[int, _Snapshot] = {}
        self.noise: dict[int, float] = {}
        self.alarm_since: int | None = None
        self.jumps: dict[int, list[tuple[FoundLeak, float]]] = {}
        self.echoes: list[tuple[int, float]] = []

    def _scale(self, day: int) -> float:
        recent = [value for d, value in self.noise.items() if day - 40 <= d < day]
        return max(1.0, float(np.median(recent))) if recent else 1.0

    def _design(self, leaks: list[FoundLeak]) -> Floats:
        return np.column_stack([self.linear.design, *(leak.columns for leak in leaks)])

    def _columns(self, node: int, pipe: int, size: float) -> Floats:
        """A leak's own response per m³/h, and the main ways in which those of its neighbourhood and sizes differ."""
        own = self.linear.response_of(node, size)
        pipes = np.flatnonzero(self.near[pipe])
        nodes = np.unique(self.pipe_nodes[pipes])
        nodes = nodes[nodes >= 0]
        unit = self.linear.response[nodes] / np.array(SIZES_M3_H)[None, :, None]
        off = unit.reshape(-1, unit.shape[-1]) - own
        _, spread, ways = np.linalg.svd(off, full_matrices=False)
        extra = (spread[: SHAPES - 1, None] / np.sqrt(len(off)) * ways[: SHAPES - 1]).T
        return np.column_stack([own, extra])

    def _at(self, k: int) -> slice:
        return slice(self.n_fixed + SHAPES * k, self.n_fixed + SHAPES * (k + 1))

    def _ahead(self, belief: Belief, leaks: list[FoundLeak], day: int) -> Belief:
        noise = np.concatenate([self.drift, np.zeros(SHAPES * len(leaks))])
        for k, leak in enumerate(leaks):
            part = noise[self._at(k)]
            part[0] += GROWTH_M3_H**2
            part[1:] += (SHAPE_DRIFT * leak.size_m3_h) ** 2
            for known, size in self.jumps.get(day, []):
                if known is leak:
                    part += size**2
        return Belief(mean=belief.mean, cov=belief.cov + np.diag(noise))

    def _born(self, belief: Belief, size: float) -> Belief:
        """The belief with one more leak of unknown size, about ``size``."""
        k = len(belief.mean)
        cov = np.zeros((k + SHAPES, k + SHAPES))
        cov[:k, :k] = belief.cov
        cov[range(k, k + SHAPES), range(k, k + SHAPES)] = [size**2 + 4.0, *([size**2] * (SHAPES - 1))]
        return Belief(mean=np.concatenate([belief.mean, np.zeros(SHAPES)]), cov=cov)

    def _lives(self, leak: FoundLeak, day: int) -> bool:
        return leak.forgotten_day is None or day < leak.forgotten_day

    def _step(self, day: int) -> None:
        for leak in list(self.filtered):
            if not self._lives(leak, day):
                self._forget(leak)
        for leak in self.found:
            if leak.onset_h // 24 == day and leak not in self.filtered and self._lives(leak, day):
                self.belief = self._born(self.belief, leak.size_m3_h)
                self.filtered.append(leak)
        belief = self._ahead(self.belief, self.filtered, day)
        self.belief, self.noise[day] = learn(belief, self._design(self.filtered), self.evidence[day])
        for k, leak in enumerate(self.filtered):
            size = float(self.belief.mean[self._at(k)][0])
            leak.history = [item for item in leak.history if item[0] < day]
            leak.history.append((day, size))
            leak.peak_m3_h = max(leak.peak_m3_h, size)
        self.snapshots[day] = _Snapshot(self.belief, list(self.filtered))
        for old in (self.snapshots, self.evidence):
            old.pop(day - KEEP_D - 1, None)

    def _before(self, since: int, day: int) -> tuple[Belief, list[FoundLeak]]:
        """What was known before ``since``, grown as doubtful as it is by ``day``, with the leaks born since."""
        base = self.snapshots[since - 1]
        belief, leaks = base.belief, list(base.leaks)
        for later in range(since, day + 1):
            for leak in self.found:
                if leak not in leaks and leak.onset_h // 24 == later:
                    belief, leaks = self._born(belief, leak.size_m3_h), [*leaks, leak]
            belief = self._ahead(belief, leaks, later)
        return belief, leaks

    def _again(self, since: int) -> None:
        """Filter the days from ``since`` on again from the snapshot before."""
        last = max(self.snapshots)
        before = self.snapshots[since - 1]
        self.belief, self.filtered = before.belief, list(before.leaks)
        for day in range(since, last + 1):
            self._step(day)

    def begin(self, days: range) -> None:
        """Take the reference days at once: leaks that run already stand out from the doubted model."""
        for day in days:
            self.evidence[day] = self._evidence(day)
        total = sum_evidence([self.evidence[day] for day in days])
        for _ in range(12):
            belief = Belief(mean=np.zeros(self.n_fixed), cov=np.diag(self.prior))
            for _ in self.active:
                belief = self._born(belief, 15.0)
            event = self._new(belief, self.active, total, len(days), 1.0)
            if event is None or event.ratio < ALARM or event.size < LEAST_M3_H:
                break
            leak = self._take(event, days.stop - 1, days.start * 24)
            assert leak is not None  # nothing is filtered again before the first day
            leak.carried = True
        self.snapshots[days.start - 1] = _Snapshot(self.belief, [])
        for day in days:
            self._step(day)

    def _evidence(self, day: int) -> Evidence:
        return self.linear.evidence(slice(24 * day, 24 * day + 24), self.balance[day], self.balance_var)

    @staticmethod
    def _nothing(item: Evidence) -> Evidence:
        return Evidence(pull=0 * item.pull, precision=0 * item.precision, square=0.0, count=0.0)

    def _known(self) -> list[tuple[int, float]]:
        """Leaks that the base of the model should hold."""
        sizes: dict[int, float] = {}
        for leak in self.active:
            if self._size_of(leak) > 0.5:
                sizes[leak.node] = sizes.get(leak.node, 0.0) + self._size_of(leak)
        return sorted(sizes.items())

    def _ran(self, day: int) -> Sizes:
        """Leaks that ran on a day, by what is known now; days to come are as today."""
        sizes: dict[int, float] = {}
        for leak in self.found:
            running = leak.onset_h // 24 <= day and (leak.ended_day is None or day < leak.ended_day)
            size = _size_on(leak, day) if running else 0.0
            if size > 0.5:
                sizes[leak.node] = sizes.get(leak.node, 0.0) + size
        return sorted(sizes.items())

    def _renew(self, day: int) -> None:
        """Linearise again where leaks have come, gone or grown by much, and filter the last weeks anew."""
        known, held = dict(self._known()), dict(self.linear.leaks)
        moved = sum(abs(known.get(node, 0.0) - held.get(node, 0.0)) for node in {*known, *held})
        if self.renew is None or (moved < RENEW_M3_H and day - self.renewed < RENEW_D):
            return
        self.renewed = day
        first = max(day - WINDOWS_D[-1] - 1, min(self.snapshots) + 1)
        base = self.snapshots[first - 1]
        self.linear = self.renew(day, sorted(known.items()), self._ran)
        for d in range(first, day):
            silent = any(d == since and d >= first for since in self.jumps)
            self.evidence[d] = self._nothing(self._evidence(d)) if silent else self._evidence(d)
        for leak in self.found:
            leak.columns = self._columns(leak.node, leak.pipe, known.get(leak.node, leak.size_m3_h))
            if leak.onset_h // 24 in self.evidence and leak.onset_h // 24 >= first:
                self.evidence[leak.onset_h // 24] = self._since(leak.onset_h)
        n = self.n_fixed
        belief = Belief(mean=base.belief.mean[:n], cov=base.belief.cov[:n, :n])
        for leak in base.leaks:
            size = next((size for d, size in reversed(leak.history) if d < first), leak.size_m3_h)
            belief = self._born(belief, max(0.5 * size, 1.0))
            belief.mean[-SHAPES] = size
        self.snapshots = {first - 1: _Snapshot(belief, list(base.leaks))}
        self.belief, self.filtered = belief, list(base.leaks)
        for d in range(first, day):
            self._step(d)

    def day(self, day: int) -> None:
        """Take one more day: learn from it, then ask whether something new explains the last days better."""
        self._renew(day)
        self.evidence[day] = self._evidence(day)
        self._step(day)
        self._close(day)
        for _ in range(ROUNDS):
            if not self._ask(day):
                break

    def _new(
        self, belief: Belief, leaks: list[FoundLeak], evidence: Evidence, window: int, scale: float
    ) -> _Event | None:
        scan = leak_scan(belief, self._design(leaks), evidence, self.linear.response)
        by_node = scan.ratio.max(axis=1) / scale
        ends = self.pipe_nodes
        for leak in leaks:
            if leak in self.active:
                by_node[np.unique(ends[self.near[leak.pipe]])] *= NEIGHBOUR
        if by_node.max() <= 0:
            return None
        both = np.where(ends >= 0, by_node[np.maximum(ends, 0)], np.nan)
        pipe_ratio = np.nanmean(both, axis=1)
        pipe, confidence = best_place(
            pipe_ratio, self.near, self.nearer, self.pipe_weight, temper=TEMPER + MISFIT * float(by_node.max())
        )
        node = int(ends[pipe][np.nanargmax(both[pipe])])
        level = int(np.argmax(scan.ratio[node]))
        size = float(scan.size_ratio[node, level] * SIZES_M3_H[level])
        return _Event(float(by_node.max()), window, pipe, node, size, confidence)

    def _changed(
        self, belief: Belief, leaks: list[FoundLeak], evidence: Evidence, window: int, scale: float, since: int
    ) -> _Event | None:
        """The known leak whose sudden growth or fall would explain the window best."""
        if not leaks:
            return None
        ways = []
        for k, leak in enumerate(leaks):
            x = belief.mean[self._at(k)]
            ways.append(leak.columns @ (x / x[0]) if x[0] > 1.0 else leak.columns[:, 0])
        response = np.stack(ways)[:, None, :]
        best: _Event | None = None
        for sign in (1.0, -1.0):
            scan = leak_scan(belief, self._design(leaks), evidence, sign * response)
            for k, leak in enumerate(leaks):
                ratio, change = float(scan.ratio[k, 0]) / scale, sign * float(scan.size_ratio[k, 0])
                told = any(known is leak for d in range(since, since + window) for known, _ in self.jumps.get(d, []))
                if told or leak not in self.active or leak.onset_h // 24 >= since or abs(change) < 1.0:
                    continue
                if best is None or ratio > best.ratio:
                    best = _Event(ratio, window, leak.pipe, leak.node, change, 1.0, leak)
        return best

    def _ask(self, day: int) -> bool:
        event = self._event(day)
        if event is None:
            self.alarm_since = None
            return False
        if event.leak is not None:
            self._change(day, event)
            return True
        new = event
        self.alarm_since = day if self.alarm_since is None else self.alarm_since
        if day == self.alarm_since:  # a day that began without the leak misleads about its place: wait for a whole one
            return False
        onset_h = self._onset(day, new)
        placed = self._placed(new, onset_h, day)
        if placed is None or (placed.confidence < SURE and day - self.alarm_since < PATIENCE_D):
            return False
        if self._take(placed, day, onset_h) is None:
            return False
        self.alarm_since = None
        return True

    def _placed(self, event: _Event, onset_h: int, day: int) -> _Event | None:
        """The place by the hours since the onset alone."""
        since = onset_h // 24
        if since - 1 not in self.snapshots:
            return event
        belief, leaks = self._before(since, day)
        parts = [self._since(onset_h), *(self.evidence[d] for d in range(since + 1, day + 1))]
        found = self._new(belief, leaks, sum_evidence(parts), day - since + 1, self._scale(day))
        return found if found is not None and found.ratio > ALARM and found.size >= LEAST_M3_H else None

    def _since(self, onset_h: int) -> Evidence:
        """Evidence of the onset's day from the onset on."""
        day = onset_h // 24
        if not onset_h % 24:
            return self.evidence[day]
        silent = np.full(len(self.balance_var), np.nan)
        return self.linear.evidence(slice(onset_h, 24 * day + 24), silent, self.balance_var)

    def _close(self, day: int) -> None:
        """Forget leaks that no longer lose anything worth the name."""
        for leak in list(self.active):
            if leak not in self.filtered or day - leak.onset_h // 24 < 3:
                continue
            part = self._at(self.filtered.index(leak)).start
            size, doubt = float(self.belief.mean[part]), float(np.sqrt(self.belief.cov[part, part]))
            peak = max(leak.peak_m3_h, leak.size_m3_h)
            low = size < max(0.25 * peak, 0.6) and size + 2 * doubt < 0.6 * peak
            leak.low_days = leak.low_days + 1 if low else 0
            fell = any(k is leak and change < 0 for d in range(day - 4, day + 1) for k, change in self.jumps.get(d, []))
            if low and (fell or leak.low_days >= GONE_D):
                moved = [d for d, items in self.jumps.items() if any(known is leak for known, _ in items)]
                leak.ended_day, leak.forgotten_day = max(moved, default=day), day
                self.active = [known for known in self.active if known is not leak]
                self.echoes.append((leak.ended_day, leak.rate))
                self.say(f"day {day}: leak at {leak.node} is gone since day {leak.ended_day}")
                self._again(day)

    def _event(self, day: int) -> _Event | None:
        """What the last days speak of: the shortest window in which something is plain, or else the strongest."""
        best: _Event | None = None
        scale = self._scale(day)
        for window in WINDOWS_D:
            since = day - window + 1
            if since - 1 not in self.snapshots:
                continue
            belief, leaks = self._before(since, day)
            total = sum_evidence([self.evidence[d] for d in range(since, day + 1)])
            recent = max((rate for d, rate in self.echoes if day - ECHO_D <= d <= day), default=0.0)
            least = ALARM + ECHO * recent * min(window, ECHO_WINDOW_D)
            new = self._new(belief, leaks, total, window, scale)
            if new is not None and (new.size < LEAST_M3_H or new.ratio < least):
                new = None
            moved = self._changed(belief, leaks, total, window, scale, since) if window <= CHANGE_D else None
            if moved is not None and moved.ratio < least:
                moved = None
            event = moved
            if new is not None and not (
                moved is not None and (moved.ratio > KNOWN_FIRST * new.ratio or self._same(moved, new))
            ):
                event = new
            if event is not None and event.ratio > PLAIN:
                return event
            if event is not None and (best is None or event.ratio > best.ratio):
                best = event
        return best

    def _same(self, change: _Event, new: _Event) -> bool:
        return change.size > 0 and bool(self.near[change.pipe, new.pipe]) and change.ratio > 0.25 * new.ratio

    def _change(self, day: int, event: _Event) -> None:
        leak = event.leak
        assert leak is not None
        since = day - event.window + 1
        before = self._size_of(leak) if not leak.history else leak.history[-1][1]
        before = next((size for d, size in reversed(leak.history) if d < since), before)
        self.jumps.setdefault(since, []).append((leak, event.size))
        self.echoes.append(
            (since, max(event.ratio / event.window, leak.rate if abs(event.size) > 0.5 * before else 0.0))
        )
        self.evidence[since] = self._nothing(self.evidence[since])  # a day of two states is of none
        self._again(since)
        left = self._size_of(leak)
        self.say(f"day {day}: leak at {leak.node} went from {before:.1f} to {left:.1f} ({event.ratio:.0f})")

    def _size_of(self, leak: FoundLeak) -> float:
        return float(self.belief.mean[self._at(self.filtered.index(leak))][0]) if leak in self.filtered else 0.0

    def _forget(self, leak: FoundLeak) -> None:
        part = self._at(self.filtered.index(leak))
        keep = np.r_[0 : part.start, part.stop : len(self.belief.mean)]
        self.belief = Belief(mean=self.belief.mean[keep], cov=self.belief.cov[np.ix_(keep, keep)])
        self.filtered = [known for known in self.filtered if known is not leak]

    def _take(self, event: _Event, day: int, onset_h: int) -> FoundLeak | None:
        leak = FoundLeak(
            node=event.node,
            pipe=event.pipe,
            confidence=event.confidence,
            onset_h=onset_h,
            told_day=day,
            size_m3_h=event.size,
            columns=self._columns(event.node, event.pipe, event.size),
            rate=event.ratio / event.window,
        )
        self.active.append(leak)
        self.found.append(leak)
        since = onset_h // 24
        if since - 1 in self.snapshots:
            self.evidence[since] = self._since(onset_h)
            self._again(since)
            if day - since >= 1 and self._size_of(leak) < max(KEPT * event.size, LEAST_M3_H / 2):
                self.found.remove(leak)
                self.active.remove(leak)
                self._again(since)
                return None
        self.echoes.append((since, leak.rate))
        self.say(
            f"day {day}: leak at node {event.node} pipe {event.pipe} size {event.size:.1f} onset {onset_h / 24:.2f} "
            f"window {event.window} ratio {event.ratio:.0f} sure {event.confidence:.2f} noise {self._scale(day):.2f}"
        )
        return leak

    def _onset(self, day: int, event: _Event) -> int:
        """Hour from which a leak of this place explains the readings best (at most 32 days back)."""
        response = self.linear.response_of(event.node, event.size)[None, None, :]
        best, begin = -1.0, day
        for since in range(max(day - WINDOWS_D[-1], min(self.snapshots)) + 1, day + 1):
            belief, leaks = self._before(since, day)
            total = sum_evidence([self.evidence[d] for d in range(since, day + 1)])
            ratio = float(leak_scan(belief, self._design(leaks), total, response).ratio[0, 0])
            if ratio > best:
                best, begin = ratio, since
        return self._onset_hour(begin, event)

    def _onset_hour(self, begin: int, event: _Event) -> int:
        """The hour of the onset's day: where hourly evidence of the leak turns positive for good."""
        base = self.snapshots[begin - 1]
        mean = self._design(base.leaks) @ base.belief.mean
        direction = self.linear.response_of(event.node, event.size)
        hours = np.arange(24 * begin, 24 * begin + 24)
        gains = np.zeros(24)
        for k, hour in enumerate(hours):
            item = self.linear.evidence(slice(hour, hour + 1), np.full(len(self.balance_var), np.nan), self.balance_var)
            off = float(direction @ (item.pull - item.precision @ mean))
            gains[k] = event.size * off - 0.5 * event.size**2 * float(direction @ item.precision @ direction)
        gain = np.cumsum(gains[::-1])[::-1]
        return int(hours[int(np.argmax(gain))])


def _size_on(leak: FoundLeak, day: int) -> float:
    """Size of a leak on a day as filtered; before its first filtered day the first, after the last the last."""
    if not leak.history:
        return leak.size_m3_h
    return next((size for d, size in reversed(leak.history) if d <= day), leak.history[0][1])
