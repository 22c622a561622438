"""Levels of a chain of pools ahead: what the past says of each member, where the waters stand now, and the wind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rencheng.science.pool_chain import PoolChain, run_pools

__all__ = ["pools_ahead"]

Floats = NDArray[np.float64]

MISFIT_M = 0.03
"""What the level of a pool may miss its gauge by, besides wind, m."""
INDEPENDENT_H = 12
"""Hours after which a misfit of a pool counts as a new one."""
LEAST_EFFECTIVE = 0.1
"""Share of the members that must keep weight: the likelihood is tempered until they do."""
RECENT_H = 24
"""A gauge silent for longer does not say where a pool stands."""
SMOOTH_H = 72
"""Mean of so many hours takes the wind out of a level: weather passes in three days or so."""
MISS_FADING_H = 24.0
"""Time over which the first pool forgets what its level misses its gauge by now."""
REST_H = 240
"""Mean inflow of so many hours is what the last pool is at rest under."""


def pools_ahead(
    chain: PoolChain, inflow: Floats, rain: Floats, observed: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Stage of the first pool ahead by member, and the weights of the members.

    Over the past, gauged pools below the first are held at their gauges, wind and all; what the first then misses its
    own gauge by judges outlet, storage and inflow of a member, since wind lifts neighbouring waters together. Its
    gauge's zero over the next one's is learnt from quiet hours.

    Parameters
    ----------
    chain : PoolChain
        The pools.
    inflow, rain : float64 arrays, shape (hours + ahead, members)
        Discharge into the first, and rain on the waters, mm per hour.
    observed : float64 array, shape (hours, pools)
        Gauges; NaN where unknown. The first pool must have one.
    rng : numpy.random.Generator
        Source of chance for the wind.

    Returns
    -------
    stage_m : float64 array, shape (ahead, members)
    weight : float64 array, shape (members,)
    """
    known, pools = observed.shape
    heard = [k for k in range(1, pools) if np.isfinite(observed[-RECENT_H:, k]).any()]
    first = _filled(observed[:, 0])
    past, passed, offset = _pools_past(chain, inflow[:known], rain[:known], observed, heard)
    miss = first[:, None] - offset - past[:, 0]
    weight = _weights(miss) if heard else np.full(inflow.shape[1], 1.0 / inflow.shape[1])
    start = past[-1].copy()
    last = heard[-1] if heard else 0
    level = _filled(observed[:, last]) if heard else first
    start[last] = level[-1] if last else start[0]
    start[last + 1 :] = _levels_below(chain, passed, level, last)
    chain = _at_rest(chain, inflow[:known], start[-1])
    free = np.full((len(inflow) - known, pools), np.nan)
    ahead, _ = run_pools(chain, inflow[known:], start, free, rain_mm=rain[known:])
    lead = np.arange(1, len(free) + 1)[:, None]
    gust = _wind(level, len(free))[:, None] * rng.normal(size=(1, inflow.shape[1]))
    fading = np.exp(-lead / MISS_FADING_H)
    return ahead[:, 0] + offset + miss[-1] * fading + gust, weight


def _pools_past(
    chain: PoolChain, inflow: Floats, rain: Floats, observed: Floats, heard: list[int]
) -> tuple[Floats, Floats, Floats]:
    """Levels with every gauged pool but the first held at its gauge, what passed, and the first gauge's zero."""
    first = _filled(observed[:, 0])
    held = np.full(observed.shape, np.nan)
    for k in heard:
        held[:, k] = _filled(observed[:, k])
    deepest = heard[-1] if heard else 0
    below = _moving_mean(held[:, deepest] if heard else first, SMOOTH_H)
    for k in range(deepest + 1, observed.shape[1]):
        held[:, k] = below  # what lies beyond the last gauge is not felt before it
    start = np.tile(np.where(np.isfinite(held[0]), held[0], first[0])[:, None], (1, inflow.shape[1]))
    stage, passed = run_pools(_at_rest(chain, inflow, first[0]), inflow, start, held, rain_mm=rain)
    settled = min(SMOOTH_H, len(first) // 2)  # the first days still forget how they began
    quiet = inflow[settled:] <= np.median(inflow[settled:], axis=0)
    apart = np.where(quiet, (first[:, None] - stage[:, 0])[settled:], np.nan)
    return stage, passed, np.asarray(np.nanmedian(apart, axis=0), dtype=np.float64)


def _at_rest(chain: PoolChain, inflow: Floats, level: Floats | float) -> PoolChain:
    """Let the last pool rest where it stands, under the mean inflow of the last ten days."""
    return replace(
        chain,
        rest_m=np.zeros(inflow.shape[1]) + level,
        rest_m3_s=inflow[-REST_H:].mean(axis=0),
    )


def _levels_below(chain: PoolChain, passed: Floats, level: Floats, last: int) -> Floats:
    """Levels beyond the last gauged pool: down by what friction takes of the mean outflow of the last day."""
    pools = passed.shape[1]
    flow = passed[-SMOOTH_H:, max(last - 1, 0)].mean(axis=0)
    if last:
        span = min(SMOOTH_H, len(level) - 1)
        filling = chain.area_km2[last] * 1e6 * (level[-1] - level[-1 - span]) / (3600.0 * span)
        flow = np.maximum(flow - filling, 0.0)
    out = np.empty((pools - 1 - last, passed.shape[2]))
    stage = np.full(passed.shape[2], level[-SMOOTH_H:].mean())
    for k in range(last, pools - 1):
        full = chain.conveyance[k] * np.maximum(chain.depth_m[k] + stage, 0.1) ** (5.0 / 3.0)
        stage = stage - (flow / full) ** 2
        out[k - last] = stage
    return out


def _weights(miss: Floats) -> Floats:
    """Tempered Gaussian likelihood of the members' misfit, shape (hours, members), by six-hour means."""
    blocks = miss[len(miss) % 6 :].reshape(-1, 6, miss.shape[1]).mean(axis=1)
    cost = 0.5 * np.sum((blocks / MISFIT_M) ** 2, axis=0) * 6.0 / INDEPENDENT_H
    cost -= cost.min()
    power = 1.0
    while True:
        weight = np.exp(-power * cost)
        weight /= weight.sum()
        if 1.0 / np.sum(weight**2) >= LEAST_EFFECTIVE * len(cost):
            return np.asarray(weight, dtype=np.float64)
        power *= 0.8


def _wind(level: Floats, hours: int) -> Floats:
    """Spread of a level's changes over every lead time, robust to a flood in the record: wind and tide."""
    lead = np.arange(1, hours + 1)
    return np.array([1.48 * float(np.median(np.abs(level[k:] - level[:-k]))) if k < len(level) else 0.0 for k in lead])


def _moving_mean(values: Floats, hours: int) -> Floats:
    """Mean of the last hours."""
    total = np.cumsum(np.r_[np.full(hours, values[0]), values])
    return np.asarray((total[hours:] - total[:-hours]) / hours, dtype=np.float64)


def _filled(values: Floats) -> Floats:
    """Gaps closed by straight lines, ends by the nearest value."""
    known = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(len(values)), known, values[known])
