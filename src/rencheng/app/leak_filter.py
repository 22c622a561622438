"""What a leak watch believes: the model's errors and the sizes and growth of known leaks, filtered day by day.

Each known leak holds five numbers: its size, three ways in which its place may differ from the best guess, and how fast
it grows (a local linear trend: Harvey 1989, *Forecasting, Structural Time Series Models and the Kalman Filter*, section
2.3). An incipient leak grows for weeks; without its trend what it grew by would be taken for a new leak beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.app.leak_places import Places
from rencheng.app.leak_states import OFFSET_M, SIZES_M3_H, LinearModel
from rencheng.science.detection.leaks import Belief, Evidence, learn, sum_evidence

__all__ = ["KEEP_D", "FoundLeak", "LeakFilter", "Sizes", "Snapshot"]

Floats = NDArray[np.float64]

KEEP_D = 45
NOISE_D = 40
DRIFT_PER_D = 0.002  # share of the model's doubt that is new each day
BALANCE_DRIFT = 0.02
GROWTH_M3_H = 0.45  # a day, beside the trend
TREND_DRIFT = 0.1  # m³/h a day, each day: a diameter that grows evenly makes a flow that grows by its square
TREND_SHARE = 0.15  # of its size that a leak may grow by in a day when it is found
SHAPES = 4  # columns of a leak: its size, and how the place and size may differ from the best guess
PARTS = SHAPES + 1
SHAPE_DRIFT = 0.05

Sizes = list[tuple[int, float]]


@dataclass(slots=True, kw_only=True, eq=False)
class FoundLeak:
    """A leak that was reported: ``node`` where the model holds it, days counted from the first.

    ``onset_h`` is the likeliest first hour, from which it is filtered; ``sure_h`` the hour by which it had begun almost
    surely.
    """

    node: int
    pipe: int
    confidence: float
    onset_h: int
    sure_h: int
    told_day: int
    size_m3_h: float
    columns: Floats
    peak_m3_h: float = 0.0
    ended_day: int | None = None
    forgotten_day: int | None = None
    low_days: int = 0
    rate: float = 0.0  # evidence a day when it was found
    carried: bool = False
    moved_day: int | None = None  # when another place was found to be likelier
    history: list[tuple[int, float]] = field(default_factory=list)

    def size_on(self, day: int) -> float:
        """Size on a day as filtered; before its first filtered day the first, after the last the last."""
        if not self.history:
            return self.size_m3_h
        return next((size for d, size in reversed(self.history) if d <= day), self.history[0][1])


@dataclass(slots=True)
class Snapshot:
    """The belief at the end of a day, and the leaks in it."""

    belief: Belief
    leaks: list[FoundLeak]


class LeakFilter:
    """Belief over the fixed part (model errors, sensor offsets, balances) and the leaks in ``filtered``, in order."""

    def __init__(
        self,
        linear: LinearModel,
        places: Places,
        *,
        balance: Floats,
        balance_var: Floats,
        balance_doubt: Floats,
        n_doubts: int,
        n_pressures: int,
    ) -> None:
        self.linear, self.places = linear, places
        self.balance, self.balance_var = balance, balance_var
        self.n_fixed = linear.design.shape[1]
        offsets, balances = slice(n_doubts, n_doubts + n_pressures), slice(n_doubts + n_pressures, None)
        self.prior = np.ones(self.n_fixed)
        self.prior[offsets], self.prior[balances] = OFFSET_M**2, balance_doubt**2
        self.drift = self.prior * DRIFT_PER_D
        self.drift[offsets], self.drift[balances] = 0.0, balance_var * BALANCE_DRIFT
        self.belief = Belief(mean=np.zeros(self.n_fixed), cov=np.diag(self.prior))
        self.filtered: list[FoundLeak] = []
        self.found: list[FoundLeak] = []
        self.evidence: dict[int, Evidence] = {}
        self.snapshots: dict[int, Snapshot] = {}
        self.noise: dict[int, float] = {}
        self.jumps: dict[int, list[tuple[FoundLeak, float]]] = {}

    def scale(self, day: int) -> float:
        """How many times the noise of the last weeks stands above what it should be, at least 1."""
        recent = [value for d, value in self.noise.items() if day - NOISE_D <= d < day]
        return max(1.0, float(np.median(recent))) if recent else 1.0

    def design(self, leaks: list[FoundLeak]) -> Floats:
        """What each number of the belief adds to the departures."""
        return np.column_stack([self.linear.design, *(leak.columns for leak in leaks)])

    def columns(self, node: int, pipe: int, size: float) -> Floats:
        """A leak's own response per m³/h, and the main ways in which those of its neighbourhood and sizes differ."""
        own = self.linear.response_of(node, size)
        unit = self.linear.response[self.places.nodes_near(pipe)] / np.array(SIZES_M3_H)[None, :, None]
        off = unit.reshape(-1, unit.shape[-1]) - own
        _, spread, ways = np.linalg.svd(off, full_matrices=False)
        out = np.zeros((len(own), PARTS))
        out[:, 0] = own
        extra = (spread[: SHAPES - 1, None] / np.sqrt(len(off)) * ways[: SHAPES - 1]).T
        out[:, 1 : 1 + extra.shape[1]] = extra
        return out

    def at(self, k: int) -> slice:
        """Where the numbers of the k-th filtered leak stand."""
        return slice(self.n_fixed + PARTS * k, self.n_fixed + PARTS * (k + 1))

    def ahead(self, belief: Belief, leaks: list[FoundLeak], day: int) -> Belief:
        """The belief at the begin of a day from that of the day before."""
        mean, cov = belief.mean.copy(), belief.cov.copy()
        noise = np.concatenate([self.drift, np.zeros(PARTS * len(leaks))])
        jumped = self.jumps.get(day, [])
        size = self.n_fixed + PARTS * np.arange(len(leaks))
        trend = size + PARTS - 1
        for k, leak in enumerate(leaks):
            part = noise[self.at(k)]
            part[0] += GROWTH_M3_H**2
            part[1:SHAPES] += (SHAPE_DRIFT * leak.size_m3_h) ** 2
            part[SHAPES] += TREND_DRIFT**2
            for known, change in jumped:
                if known is leak:
                    part[:SHAPES] += change**2
                    part[SHAPES] += (TREND_SHARE * change) ** 2
                    mean[trend[k]], cov[trend[k], :], cov[:, trend[k]] = 0.0, 0.0, 0.0
        mean[size] += mean[trend]
        cov[size, :] += cov[trend, :]
        cov[:, size] += cov[:, trend]
        cov[np.diag_indices(len(cov))] += noise
        return Belief(mean=mean, cov=cov)

    def born(self, belief: Belief, size: float) -> Belief:
        """The belief with one more leak of unknown size, about ``size``."""
        k = len(belief.mean)
        cov = np.zeros((k + PARTS, k + PARTS))
        cov[:k, :k] = belief.cov
        new = range(k, k + PARTS)
        cov[new, new] = [size**2 + 4.0, *([size**2] * (SHAPES - 1)), (TREND_SHARE * size) ** 2]
        return Belief(mean=np.concatenate([belief.mean, np.zeros(PARTS)]), cov=cov)

    def lives(self, leak: FoundLeak, day: int) -> bool:
        """Whether a leak is still in the filter on a day."""
        return leak.forgotten_day is None or day < leak.forgotten_day

    def step(self, day: int) -> None:
        """Learn from a day whose evidence is there."""
        for leak in list(self.filtered):
            if not self.lives(leak, day):
                self.forget(leak)
        for leak in self.found:
            if leak.onset_h // 24 == day and leak not in self.filtered and self.lives(leak, day):
                self.belief = self.born(self.belief, leak.size_m3_h)
                self.filtered.append(leak)
        belief = self.ahead(self.belief, self.filtered, day)
        self.belief, self.noise[day] = learn(belief, self.design(self.filtered), self.evidence[day])
        for k, leak in enumerate(self.filtered):
            size = float(self.belief.mean[self.at(k)][0])
            leak.history = [item for item in leak.history if item[0] < day]
            leak.history.append((day, size))
            leak.peak_m3_h = max(leak.peak_m3_h, size)
        self.snapshots[day] = Snapshot(self.belief, list(self.filtered))
        for old in (self.snapshots, self.evidence, self.noise):
            old.pop(day - KEEP_D - 1, None)

    def again(self, since: int) -> None:
        """Filter the days from ``since`` on again from the snapshot before."""
        last = max(self.snapshots)
        before = self.snapshots[since - 1]
        self.belief, self.filtered = before.belief, list(before.leaks)
        for day in range(since, last + 1):
            self.step(day)

    def window(self, since: int, day: int, first: Evidence | None = None) -> tuple[Belief, list[FoundLeak], Evidence]:
        """What was known before ``since``, as doubtful as it is by ``day``, the leaks, and the days' evidence.

        The evidence is moved to the belief's last day: what known leaks grow by on the way, as foreseen, is taken off.
        ``first`` stands in for that of the first day.
        """
        base = self.snapshots[since - 1]
        belief, leaks = base.belief, list(base.leaks)
        foreseen, parts = [], []
        for later in range(since, day + 1):
            for leak in self.found:
                if leak not in leaks and leak.onset_h // 24 == later and self.lives(leak, later):
                    belief, leaks = self.born(belief, leak.size_m3_h), [*leaks, leak]
            belief = self.ahead(belief, leaks, later)
            foreseen.append(self.design(leaks) @ belief.mean)
            parts.append(first if first is not None and later == since else self.evidence[later])
        total = sum_evidence(parts)
        pull = total.pull.copy()
        for part, z in zip(parts[:-1], foreseen[:-1], strict=True):
            pull -= part.precision @ (z - foreseen[-1])
        return belief, leaks, Evidence(pull=pull, precision=total.precision, square=total.square, count=total.count)

    def take_day(self, day: int) -> Evidence:
        """Evidence of one whole day."""
        return self.linear.evidence(slice(24 * day, 24 * day + 24), self.balance[day], self.balance_var)

    def since(self, onset_h: int) -> Evidence:
        """Evidence of the onset's day from the onset on."""
        day = onset_h // 24
        if not onset_h % 24:
            return self.evidence[day]
        silent = np.full(len(self.balance_var), np.nan)
        return self.linear.evidence(slice(onset_h, 24 * day + 24), silent, self.balance_var)

    def silence(self, day: int) -> None:
        """Let a day say nothing: a day of two states is of none."""
        self.evidence[day] = _nothing(self.evidence[day])

    def size_of(self, leak: FoundLeak) -> float:
        """Present size of a leak, 0 where it is not filtered."""
        return float(self.belief.mean[self.at(self.filtered.index(leak))][0]) if leak in self.filtered else 0.0

    def forget(self, leak: FoundLeak) -> None:
        """Take a leak out of the belief."""
        self.belief = self.without(self.belief, self.filtered.index(leak))
        self.filtered = [known for known in self.filtered if known is not leak]

    def without(self, belief: Belief, k: int) -> Belief:
        """A belief that does not know the k-th leak."""
        part = self.at(k)
        keep = np.r_[0 : part.start, part.stop : len(belief.mean)]
        return Belief(mean=belief.mean[keep], cov=belief.cov[np.ix_(keep, keep)])

    def replace(self, old: FoundLeak, new: FoundLeak, since: int) -> None:
        """Hold ``new`` in place of a leak that was known before ``since``, and filter the days from then on again."""
        base = self.snapshots[since - 1]
        k = base.leaks.index(old)
        belief = self.born(self.without(base.belief, k), new.size_m3_h)
        belief.mean[-PARTS] = new.size_m3_h
        self.snapshots = {d: kept for d, kept in self.snapshots.items() if d >= since}
        self.snapshots[since - 1] = Snapshot(belief, [*(leak for leak in base.leaks if leak is not old), new])
        old.forgotten_day = since
        self.found.append(new)
        self.again(since)

    def ran(self, day: int) -> Sizes:
        """Leaks that ran on a day, by what is known now; days to come are as today."""
        sizes: dict[int, float] = {}
        for leak in self.found:
            running = leak.onset_h // 24 <= day and (leak.ended_day is None or day < leak.ended_day)
            running = running and leak.moved_day is None
            size = leak.size_on(day) if running else 0.0
            if size > 0.5:
                sizes[leak.node] = sizes.get(leak.node, 0.0) + size
        return sorted(sizes.items())

    def relinearise(self, linear: LinearModel, first: int, day: int, known: dict[int, float]) -> None:
        """Go on with another linear model, the days from ``first`` on filtered anew."""
        base = self.snapshots[first - 1]
        self.linear = linear
        for d in range(first, day):
            self.evidence[d] = self.take_day(d)
            if d in self.jumps:
                self.silence(d)
        for leak in self.found:
            leak.columns = self.columns(leak.node, leak.pipe, known.get(leak.node, leak.size_m3_h))
            if first <= leak.onset_h // 24 and leak.onset_h // 24 in self.evidence:
                self.evidence[leak.onset_h // 24] = self.since(leak.onset_h)
        n = self.n_fixed
        belief = Belief(mean=base.belief.mean[:n], cov=base.belief.cov[:n, :n])
        for k, leak in enumerate(base.leaks):
            before = [size for d, size in leak.history if d < first]
            size = before[-1] if before else leak.size_m3_h
            belief = self.born(belief, max(0.5 * size, 1.0))
            belief.mean[-PARTS], belief.mean[-1] = size, base.belief.mean[self.at(k)][-1]
        self.snapshots = {first - 1: Snapshot(belief, list(base.leaks))}
        self.belief, self.filtered = belief, list(base.leaks)
        for d in range(first, day):
            self.step(d)


def _nothing(item: Evidence) -> Evidence:
    return Evidence(pull=0 * item.pull, precision=0 * item.precision, square=0.0, count=0.0)
