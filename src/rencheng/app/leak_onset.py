"""Since when: the hour in which a leak most probably began, and the hour by which it had begun almost surely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.app.leak_events import LeakEvent, misfit_temper
from rencheng.app.leak_filter import LeakFilter
from rencheng.science.detection.leaks import leak_scan, marginal_evidence

__all__ = ["leak_onset"]

Floats = NDArray[np.float64]

SURE_BEGUN = 0.9


def leak_onset(kept: LeakFilter, day: int, event: LeakEvent, longest_d: int) -> tuple[int, int]:
    """Hours of the likeliest onset and of the one by which it had begun by probability 0.9.

    The onset's day is that from which a leak at the event's place explains the readings best; all days of the last
    ``longest_d`` are weighed by how well they do.
    """
    response = kept.linear.response_of(event.node, event.size)[None, None, :]
    days = np.arange(max(day - longest_d, min(kept.snapshots)) + 1, day + 1)
    ratio = np.zeros(len(days))
    for k, since in enumerate(days.tolist()):
        belief, leaks, total = kept.window(since, day)
        ratio[k] = leak_scan(marginal_evidence(belief, kept.design(leaks), total), response).ratio[0, 0]
    best = int(days[int(np.argmax(ratio))])
    gain = _hourly_gain(kept, best, event)
    likeliest = 24 * best + int(np.argmax(gain))
    sure = int(days[_by_then(ratio / 2, misfit_temper(float(ratio.max())))])
    if sure > best:
        return likeliest, 24 * sure
    return likeliest, max(likeliest, 24 * best + _by_then(gain, misfit_temper(2 * float(gain.max() - gain[-1]))))


def _by_then(log_likelihood: Floats, temper: float) -> int:
    """The first place at which the probability of all up to it is enough."""
    weight = np.exp((log_likelihood - log_likelihood.max()) / temper)
    return int(np.searchsorted(np.cumsum(weight) / weight.sum(), SURE_BEGUN))


def _hourly_gain(kept: LeakFilter, begin: int, event: LeakEvent) -> Floats:
    """Log likelihood that the leak ran from each hour of a day on, against none on that day (24,)."""
    base = kept.snapshots[begin - 1]
    mean = kept.design(base.leaks) @ base.belief.mean
    direction = kept.linear.response_of(event.node, event.size)
    silent = np.full(len(kept.balance_var), np.nan)
    gains = np.zeros(24)
    for k in range(24):
        item = kept.linear.evidence(slice(24 * begin + k, 24 * begin + k + 1), silent, kept.balance_var)
        off = float(direction @ (item.pull - item.precision @ mean))
        gains[k] = event.size * off - 0.5 * event.size**2 * float(direction @ item.precision @ direction)
    out: Floats = np.cumsum(gains[::-1])[::-1]
    return out
