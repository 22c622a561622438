"""The leak watch: asks day by day whether there is one more leak, where, and whether known ones grew or went."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rencheng.app.leak_events import ALARM, LeakEvent, changed_leak, new_leak
from rencheng.app.leak_filter import FoundLeak, LeakFilter, Sizes, Snapshot
from rencheng.app.leak_onset import leak_onset
from rencheng.app.leak_states import LinearModel
from rencheng.science.detection.leaks import Belief, marginal_evidence, sum_evidence

__all__ = ["RENEW_D", "WINDOWS_D", "LeakWatch", "Renewal"]

WINDOWS_D = (1, 2, 4, 8, 16, 32)
PLAIN = 150.0
SURE = 0.85
PATIENCE_D = 12
LEAST_M3_H = 2.0
KNOWN_FIRST = 0.5  # a known leak's change that explains this share of what a new leak would is believed
ECHO = 0.01  # share of a great change's evidence that its own misfit may make elsewhere, day by day
ECHO_D, ECHO_WINDOW_D = 20, 4
MENDED = 0.6
REVIEW_D, MOVE_SURE, ALIKE = 8, 0.9, 2.5
RENEW_M3_H, RENEW_D = 10.0, 40
GONE_D = 10
KEPT = 0.4  # a leak that shrinks below this share of its first guess when the days are filtered again was none
ROUNDS = 3
CHANGE_D = 8  # longer windows hold a growing leak anyway
AT_FIRST = 12  # leaks that may run already
FIRST_GUESS_M3_H = 15.0

Renewal = Callable[[int, Sizes, Callable[[int], Sizes]], LinearModel]


class LeakWatch:
    """State of the watch; :meth:`begin` takes the reference days, :meth:`day` one day at a time."""

    def __init__(
        self, kept: LeakFilter, *, renew: Renewal | None = None, say: Callable[[str], None] | None = None
    ) -> None:
        self.kept, self.renew, self.renewed = kept, renew, 0
        self.listener = say
        self.active: list[FoundLeak] = []
        self.alarm_since: int | None = None
        self.echoes: list[tuple[int, float]] = []

    @property
    def found(self) -> list[FoundLeak]:
        """All that was told, in order."""
        return self.kept.found

    def say(self, text: str) -> None:
        """Tell what was just decided to who listens."""
        if self.listener is not None:
            self.listener(text)

    def begin(self, days: range) -> None:
        """Take the reference days at once: leaks that run already stand out from the doubted model."""
        kept = self.kept
        for day in days:
            kept.evidence[day] = kept.take_day(day)
        total = sum_evidence([kept.evidence[day] for day in days])
        for _ in range(AT_FIRST):
            belief = Belief(mean=np.zeros(kept.n_fixed), cov=np.diag(kept.prior))
            for _ in self.active:
                belief = kept.born(belief, FIRST_GUESS_M3_H)
            left = marginal_evidence(belief, kept.design(self.active), total)
            event = new_leak(kept, left, window=len(days), scale=1.0, beside=self.active)
            if event is None or event.size < LEAST_M3_H:
                break
            leak = self._take(event, days.stop - 1, days.start * 24, days.start * 24)
            assert leak is not None  # nothing is filtered again before the first day
            leak.carried = True
        kept.snapshots[days.start - 1] = Snapshot(kept.belief, [])
        for day in days:
            kept.step(day)

    def day(self, day: int) -> None:
        """Take one more day: learn from it, then ask whether something new explains the last days better."""
        self._renew(day)
        self.kept.evidence[day] = self.kept.take_day(day)
        self.kept.step(day)
        self._close(day)
        self._review(day)
        for _ in range(ROUNDS):
            if not self._ask(day):
                break

    def _renew(self, day: int) -> None:
        """Linearise again where leaks have come, gone or grown by much, and filter the last weeks anew."""
        known: dict[int, float] = {}
        for leak in self.active:
            if self.kept.size_of(leak) > 0.5:
                known[leak.node] = known.get(leak.node, 0.0) + self.kept.size_of(leak)
        held = dict(self.kept.linear.leaks)
        moved = sum(abs(known.get(node, 0.0) - held.get(node, 0.0)) for node in {*known, *held})
        if self.renew is None or (moved < RENEW_M3_H and day - self.renewed < RENEW_D):
            return
        self.renewed = day
        first = max(day - WINDOWS_D[-1] - 1, min(self.kept.snapshots) + 1)
        linear = self.renew(day, sorted(known.items()), self.kept.ran)
        self.kept.relinearise(linear, first, day, known)

    def _ask(self, day: int) -> bool:
        event = self._event(day)
        if event is None:
            self.alarm_since = None
            return False
        if event.leak is not None:
            self._change(day, event)
            return True
        self.alarm_since = day if self.alarm_since is None else self.alarm_since
        if day == self.alarm_since:  # a day that began without the leak misleads about its place: wait for a whole one
            return False
        onset_h, sure_h = leak_onset(self.kept, day, event, WINDOWS_D[-1])
        placed = self._placed(event, onset_h, day)
        if placed is None or (placed.confidence < SURE and day - self.alarm_since < PATIENCE_D):
            return False
        if self._take(placed, day, onset_h, sure_h) is None:
            return False
        self.alarm_since = None
        return True

    def _drop(self, leak: FoundLeak, since: int) -> None:
        """Forget a leak that was never told, as if it had not been."""
        self.kept.found.remove(leak)
        self.active.remove(leak)
        if since not in self.kept.jumps and all(known.onset_h // 24 != since for known in self.kept.found):
            self.kept.evidence[since] = self.kept.take_day(since)
        self.kept.again(since)

    def _event(self, day: int) -> LeakEvent | None:
        """What the last days speak of: the shortest window in which something is plain, or else the strongest."""
        best: LeakEvent | None = None
        recent = max((rate for d, rate in self.echoes if day - ECHO_D <= d <= day), default=0.0)
        for window in WINDOWS_D:
            if day - window not in self.kept.snapshots:
                continue
            event = self._in_window(day, window, ALARM + ECHO * recent * min(window, ECHO_WINDOW_D))
            if event is not None and event.ratio > PLAIN:
                return event
            if event is not None and (best is None or event.ratio > best.ratio):
                best = event
        return best

    def _in_window(self, day: int, window: int, least: float) -> LeakEvent | None:
        """A new leak or a change of a known one, where it is more than noise, the change first."""
        since, scale = day - window + 1, self.kept.scale(day)
        belief, leaks, total = self.kept.window(since, day)
        left = marginal_evidence(belief, self.kept.design(leaks), total)
        beside = [leak for leak in leaks if leak in self.active]
        new = new_leak(self.kept, left, window=window, scale=scale, beside=beside)
        if new is not None and (new.size < LEAST_M3_H or new.ratio < least):
            new = None
        if window > CHANGE_D:
            return new
        moved = changed_leak(
            self.kept, left, belief, leaks, window=window, scale=scale, since=since, active=self.active
        )
        if moved is None or moved.ratio < (ALARM if self._mended(moved, since) else least):
            return new
        if new is None or moved.ratio > KNOWN_FIRST * new.ratio or self._same(moved, new):
            return moved
        return new

    def _mended(self, change: LeakEvent, since: int) -> bool:
        """Whether a change takes most of a leak away, which is no echo of anything."""
        return change.leak is not None and -change.size > MENDED * change.leak.size_on(since - 1)

    def _same(self, change: LeakEvent, new: LeakEvent) -> bool:
        near = bool(self.kept.places.near[change.pipe, new.pipe])
        return change.size > 0 and near and change.ratio > 0.25 * new.ratio

    def _placed(self, event: LeakEvent, onset_h: int, day: int) -> LeakEvent | None:
        """The place by the hours since the onset alone."""
        since = onset_h // 24
        if since - 1 not in self.kept.snapshots:
            return event
        belief, leaks, total = self.kept.window(since, day, self.kept.since(onset_h))
        beside = [leak for leak in leaks if leak in self.active]
        left = marginal_evidence(belief, self.kept.design(leaks), total)
        found = new_leak(self.kept, left, window=day - since + 1, scale=self.kept.scale(day), beside=beside)
        return found if found is not None and found.size >= LEAST_M3_H else None

    def _take(self, event: LeakEvent, day: int, onset_h: int, sure_h: int) -> FoundLeak | None:
        kept = self.kept
        leak = FoundLeak(
            node=event.node,
            pipe=event.pipe,
            confidence=event.confidence,
            onset_h=onset_h,
            sure_h=sure_h,
            told_day=day,
            size_m3_h=event.size,
            columns=kept.columns(event.node, event.pipe, event.size),
            rate=event.ratio / event.window,
        )
        self.active.append(leak)
        kept.found.append(leak)
        since = onset_h // 24
        if since - 1 in kept.snapshots:
            kept.evidence[since] = kept.since(onset_h)
            kept.again(since)
            if day - since >= 1 and kept.size_of(leak) < max(KEPT * event.size, LEAST_M3_H / 2):
                self._drop(leak, since)
                return None
        self.echoes.append((since, leak.rate))
        self.say(
            f"day {day}: leak at node {event.node} pipe {event.pipe} size {event.size:.1f} onset {onset_h / 24:.2f} "
            f"sure {sure_h / 24:.2f} window {event.window} ratio {event.ratio:.0f} place {event.confidence:.2f} "
            f"noise {kept.scale(day):.2f}"
        )
        return leak

    def _review(self, day: int) -> None:
        """Ask of leaks told without being sure whether the last calm weeks speak for another place, and move them."""
        for leak in list(self.active):
            told = day - leak.told_day
            if leak.confidence >= SURE or told <= 0 or told % REVIEW_D or leak not in self.kept.filtered:
                continue
            calm = max((d for d, _ in self.echoes), default=0) + 2  # what was just found or mended misleads
            since = max(day - WINDOWS_D[-1] + 1, leak.onset_h // 24 + 1, calm)
            base = self.kept.snapshots.get(since - 1)
            if day - since + 1 < REVIEW_D or base is None or leak not in base.leaks:
                continue
            event = self._elsewhere(day, leak, since)
            size = self.kept.size_of(leak)
            alike = event is not None and event.size >= LEAST_M3_H and size / ALIKE < event.size < size * ALIKE
            if event is not None and alike and event.confidence >= MOVE_SURE:
                self._move(day, leak, event, since)

    def _elsewhere(self, day: int, leak: FoundLeak, since: int) -> LeakEvent | None:
        """The place where a known leak more probably is, by the days since ``since`` alone."""
        belief, leaks, total = self.kept.window(since, day)
        without = self.kept.without(belief, leaks.index(leak))
        others = [known for known in leaks if known is not leak]
        return new_leak(
            self.kept,
            marginal_evidence(without, self.kept.design(others), total),
            window=day - since + 1,
            scale=self.kept.scale(day),
            beside=[known for known in others if known in self.active],
            instead=leak,
        )

    def _move(self, day: int, leak: FoundLeak, event: LeakEvent, since: int) -> None:
        new = FoundLeak(
            node=event.node,
            pipe=event.pipe,
            confidence=event.confidence,
            onset_h=leak.onset_h,
            sure_h=leak.sure_h,
            told_day=day,
            size_m3_h=event.size,
            columns=self.kept.columns(event.node, event.pipe, event.size),
            rate=leak.rate,
            carried=leak.carried,
        )
        leak.moved_day = day
        self.active = [new if known is leak else known for known in self.active]
        self.kept.replace(leak, new, since)
        self.say(
            f"day {day}: leak at {leak.node} is rather at node {event.node} pipe {event.pipe} size {event.size:.1f} "
            f"place {event.confidence:.2f} ratio {event.ratio:.0f}"
        )

    def _change(self, day: int, event: LeakEvent) -> None:
        leak = event.leak
        assert leak is not None
        since = day - event.window + 1
        before = leak.size_on(since - 1)
        self.kept.jumps.setdefault(since, []).append((leak, event.size))
        rate = event.ratio / event.window
        self.echoes.append((since, max(rate, leak.rate if abs(event.size) > 0.5 * before else 0.0)))
        self.kept.silence(since)
        self.kept.again(since)
        left = self.kept.size_of(leak)
        self.say(f"day {day}: leak at {leak.node} went from {before:.1f} to {left:.1f} ({event.ratio:.0f})")

    def _close(self, day: int) -> None:
        """Forget leaks that no longer lose anything worth the name."""
        kept = self.kept
        for leak in list(self.active):
            if leak not in kept.filtered or day - leak.onset_h // 24 < 3:
                continue
            part = kept.at(kept.filtered.index(leak)).start
            size, doubt = float(kept.belief.mean[part]), float(np.sqrt(kept.belief.cov[part, part]))
            peak = max(leak.peak_m3_h, leak.size_m3_h)
            low = size < max(0.25 * peak, 0.6) and size + 2 * doubt < 0.6 * peak
            leak.low_days = leak.low_days + 1 if low else 0
            fell = any(k is leak and change < 0 for d in range(day - 4, day + 1) for k, change in kept.jumps.get(d, []))
            if low and (fell or leak.low_days >= GONE_D):
                moved = [d for d, items in kept.jumps.items() if any(known is leak for known, _ in items)]
                leak.ended_day, leak.forgotten_day = max(moved, default=day), day
                self.active = [known for known in self.active if known is not leak]
                self.echoes.append((leak.ended_day, leak.rate))
                self.say(f"day {day}: leak at {leak.node} is gone since day {leak.ended_day}")
                kept.again(day)
