r"""Change points: cumulative sums, and Bayesian inference on the time since the level last changed.

* CUSUM — Page (1954, Biometrika 41, 100–115) in the two-sided tabular form of Montgomery (2009, *Introduction to
  statistical quality control*, §9.1): :math:`C^+ = \max(0, C^+ + z - k)`, with mean and deviation learnt on the way
  and :math:`z` limited, so that one spike cannot make a change. After a change the mean of the readings since its onset
  is the new level.
* Bayesian online change point — Adams and MacKay (2007, arXiv:0710.3742) with a normal model of unknown mean and
  variance (normal–inverse-gamma prior, Student's t predictive), on means of equal blocks of time. A fixed number of run
  lengths is kept, the least likely being dropped, so memory does not grow.
"""

from __future__ import annotations

import math

import numpy as np

from rencheng.science.detection.arrays import HYPOTHESES, NEVER
from rencheng.science.detection.compiled import inner

__all__ = ["cumulative_sum", "recent_change", "recentre"]

MEAN, VARIANCE, HIGH, LOW, HIGH_SUM, HIGH_COUNT, LOW_SUM, LOW_COUNT = range(8)
BLOCK_SUM, BLOCK_COUNT, LAST, CENTRE, SPREAD = range(5)
Z_LIMIT = 4.0
"""A single reading counts at most so many standard deviations."""
KAPPA0, ALPHA0, BETA0 = 0.05, 1.0, 1.0
"""Prior of a new level in units of the spread: a mean known to about four and a half spreads, variance of order one."""


@inner
def cumulative_sum(s, r, at, value):  # type: ignore[no-untyped-def]
    """Larger of the two sums after a reading, or the one of the rule's sign; NaN while mean and spread are learnt."""
    a = s.aux
    scale = max(math.sqrt(a[VARIANCE]), r.scale_floor)
    gap = value - a[MEAN]
    ready = s.seen >= r.warm_count and at - s.first_at >= r.warm_us
    held = min(max(gap, -Z_LIMIT * scale), Z_LIMIT * scale) if ready else gap
    z = held / scale
    if s.severity < 2 or not ready:
        weight = max(1.0 / (s.seen + 1.0), r.p[1])
        a[MEAN] += weight * held
        a[VARIANCE] += weight * ((1.0 - weight) * held * held - a[VARIANCE])
    if not ready:
        return math.nan
    if a[HIGH] == 0.0:
        s.mark[0] = at
        a[HIGH_SUM] = a[HIGH_COUNT] = 0.0
    if a[LOW] == 0.0:
        s.mark[1] = at
        a[LOW_SUM] = a[LOW_COUNT] = 0.0
    a[HIGH] = max(0.0, a[HIGH] + z - r.p[0])
    a[LOW] = max(0.0, a[LOW] - z - r.p[0])
    a[HIGH_SUM] += value
    a[HIGH_COUNT] += 1.0
    a[LOW_SUM] += value
    a[LOW_COUNT] += 1.0
    higher = r.sign > 0 or (r.sign == 0 and a[HIGH] >= a[LOW])
    s.onset = s.mark[0] if higher else s.mark[1]
    return a[HIGH] if higher else a[LOW]


@inner
def recentre(s):  # type: ignore[no-untyped-def]
    """Make the level since the onset the level of the sums."""
    a = s.aux
    if a[HIGH] >= a[LOW] and a[HIGH_COUNT] > 0:
        a[MEAN] = a[HIGH_SUM] / a[HIGH_COUNT]
    elif a[LOW_COUNT] > 0:
        a[MEAN] = a[LOW_SUM] / a[LOW_COUNT]
    a[HIGH] = a[LOW] = 0.0


@inner
def _log_t(y, mean, kappa, alpha, beta):  # type: ignore[no-untyped-def]
    """Log density of Student's t, the predictive of a normal–inverse-gamma posterior."""
    df = 2.0 * alpha
    scale2 = beta * (kappa + 1.0) / (alpha * kappa)
    t2 = (y - mean) ** 2 / (df * scale2)
    return (
        math.lgamma(0.5 * (df + 1.0))
        - math.lgamma(0.5 * df)
        - 0.5 * math.log(df * math.pi * scale2)
        - 0.5 * (df + 1.0) * math.log1p(t2)
    )


@inner
def _put(h, k, log_p, mean, kappa, alpha, beta, start):  # type: ignore[no-untyped-def]
    h.log_p[k] = log_p
    h.mean[k] = mean
    h.kappa[k] = kappa
    h.alpha[k] = alpha
    h.beta[k] = beta
    h.start[k] = start


@inner
def _learn(h, y, hazard):  # type: ignore[no-untyped-def]
    """Take one block mean: every run grows, and a new one may begin with the next block."""
    total = -np.inf
    for k in range(h.n):
        joint = h.log_p[k] + _log_t(y, h.mean[k], h.kappa[k], h.alpha[k], h.beta[k])
        total = max(total, joint) + math.log1p(math.exp(-abs(total - joint))) if total > -np.inf else joint
        kappa = h.kappa[k] + 1.0
        gap = y - h.mean[k]
        beta = h.beta[k] + 0.5 * h.kappa[k] * gap * gap / kappa
        mean = h.mean[k] + gap / kappa
        _put(h, k, joint + math.log1p(-hazard), mean, kappa, h.alpha[k] + 0.5, beta, h.start[k])
    new = h.n
    if new == HYPOTHESES:
        new = 0
        for k in range(1, HYPOTHESES):
            if h.log_p[k] < h.log_p[new]:
                new = k
    else:
        h.n += 1
    _put(h, new, total + math.log(hazard), 0.0, KAPPA0, ALPHA0, BETA0, h.blocks)
    top = h.log_p[: h.n].max()
    norm = top + math.log(np.exp(h.log_p[: h.n] - top).sum())
    h.log_p[: h.n] -= norm


@inner
def recent_change(s, r, h, at, value):  # type: ignore[no-untyped-def]
    """Probability that the level changed within the last few blocks; NaN while the spread is learnt.

    Judged when a block is complete, that is at the first reading of the next one; between, the last answer holds.
    """
    block = at // r.window
    if s.mark[0] == NEVER:
        s.mark[0] = block
        s.last_x = math.nan
    if block != s.mark[0] and s.aux[BLOCK_COUNT] > 0:
        mean = s.aux[BLOCK_SUM] / s.aux[BLOCK_COUNT]
        s.aux[BLOCK_SUM] = s.aux[BLOCK_COUNT] = 0.0
        s.mark[0] = block
        s.last_x = _block_done(s, r, h, mean, at)
    s.aux[BLOCK_SUM] += value
    s.aux[BLOCK_COUNT] += 1.0
    return s.last_x


@inner
def _block_done(s, r, h, mean, at):  # type: ignore[no-untyped-def]
    h.blocks += 1
    if h.blocks <= r.warm_count:
        weight = 1.0 / h.blocks
        gap = mean - s.aux[CENTRE]
        s.aux[CENTRE] += weight * gap
        s.aux[SPREAD] += weight * ((1.0 - weight) * gap * gap - s.aux[SPREAD])
        return math.nan
    if h.n == 0:
        h.n = 1
        _put(h, 0, 0.0, 0.0, KAPPA0, ALPHA0, BETA0, h.blocks)
    y = (mean - s.aux[CENTRE]) / max(math.sqrt(s.aux[SPREAD]), r.scale_floor)
    _learn(h, y, r.p[0])
    if h.blocks < r.warm_count + 2 * r.p[2]:
        return math.nan
    recent = 0.0
    best = 0
    for k in range(h.n):
        age = h.blocks - h.start[k]
        if 1 <= age <= r.p[2]:
            recent += math.exp(h.log_p[k])
        if h.log_p[k] > h.log_p[best]:
            best = k
    s.onset = at - (h.blocks - h.start[best] + 1) * r.window
    return recent
