r"""A chain of level pools: a lake fed by rivers, the waters it empties into, and at the end the sea.

Each pool keeps its volume, :math:`A(h)\,\dot h = Q_{in} - Q_{out}`, and passes water to the next by friction,
:math:`Q = C\,(d + h)^{5/3}\sqrt{\Delta h}` (Manning, over a controlling section of effective depth *d* at stage zero).
The last pool drains to the sea over a recession time. Implicit in the outflow, so that a small difference of levels
between wide waters does not swing (level-pool routing: Chow, Maidment & Mays 1988, *Applied Hydrology*, §8.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["PoolChain", "pool_outflow_m3_s", "run_pools"]

Floats = NDArray[np.float64]

SUB_STEPS = 6
SMOOTH_M = 0.01
"""Below this difference of levels outflow is taken as linear in it, or its slope would be infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolChain:
    """Pools from the first, which the rivers enter, to the last; all levels over one datum.

    Parameters
    ----------
    area_km2, bank_m, widening_km2_m, most_km2 : float64 arrays, shape (pools, members)
        Surface up to the bank's stage, growth per metre above it, and largest surface.
    conveyance : float64 array, shape (pools - 1, members)
        *C* of the outflow of every pool but the last, m³/s at one metre of depth and one metre of difference.
    depth_m : float64 array, shape (pools - 1, members)
        Effective depth *d* of the controlling section at stage zero.
    recession_h : float64 array, shape (members,)
        Time over which the last pool falls to its rest.
    rest_m, rest_m3_s : float64 arrays, shape (members,)
        Stage of the last pool and its throughflow there.
    other_ratio : float64 array, shape (members,)
        What other rivers bring to the last pool, as a share of what comes from the chain.
    """

    area_km2: Floats
    bank_m: Floats
    widening_km2_m: Floats
    most_km2: Floats
    conveyance: Floats
    depth_m: Floats
    recession_h: Floats
    rest_m: Floats
    rest_m3_s: Floats
    other_ratio: Floats


def pool_outflow_m3_s(conveyance: Floats, depth_m: Floats, stage_m: Floats, below_m: Floats) -> Floats:
    """Discharge from a pool to the next.

    Examples
    --------
    >>> one = np.array(1.0)
    >>> round(float(pool_outflow_m3_s(100.0 * one, 7.0 * one, one, 0.75 * one)), 1)  # 100 · 8^(5/3) · 0.5
    1600.0
    """
    step = stage_m - below_m
    root = np.where(np.abs(step) < SMOOTH_M, step / np.sqrt(SMOOTH_M), np.sign(step) * np.sqrt(np.abs(step)))
    return np.asarray(conveyance * np.maximum(depth_m + stage_m, 0.1) ** (5.0 / 3.0) * root, dtype=np.float64)


def run_pools(
    chain: PoolChain, inflow_m3_s: Floats, start_m: Floats, held_m: Floats, *, rain_mm: Floats | None = None
) -> tuple[Floats, Floats]:
    """Levels of every pool at the end of every hour, and the mean discharge out of it.

    Parameters
    ----------
    chain : PoolChain
        The pools.
    inflow_m3_s : float64 array, shape (hours, members)
        Into the first.
    start_m : float64 array, shape (pools, members)
        Levels at the beginning.
    held_m : float64 array, shape (hours, pools)
        Level that a pool is held at by observation; NaN where it is free.
    rain_mm : float64 array, shape (hours, members), optional
        Rain on the waters themselves.

    Returns
    -------
    stage_m, outflow_m3_s : float64 arrays, shape (hours, pools, members)
        Inflow less outflow is what the volume below the stage grew by, to rounding, where a pool is free.
    """
    rain = np.zeros_like(inflow_m3_s) if rain_mm is None else rain_mm
    arrays = (
        inflow_m3_s,
        rain,
        start_m,
        held_m,
        chain.area_km2 * 1e6,
        chain.bank_m,
        chain.widening_km2_m * 1e6,
        chain.most_km2 * 1e6,
        chain.conveyance,
        chain.depth_m,
        chain.recession_h * 3600.0,
        chain.rest_m,
        chain.rest_m3_s,
        chain.other_ratio,
    )
    stage, outflow = _run(*(np.ascontiguousarray(a) for a in arrays))  # one layout, one compilation
    return stage, outflow


@njit(cache=True)
def _volume(stage, area, bank, widening, most):  # type: ignore[no-untyped-def]  # numba types it
    """Water above the bank's stage (negative below it)."""
    above = stage - bank
    if above <= 0.0 or widening <= 0.0:
        return above * area
    wide = min(above, (most - area) / widening)
    return area * wide + 0.5 * widening * wide * wide + (above - wide) * most


@njit(cache=True)
def _stage(volume, area, bank, widening, most):  # type: ignore[no-untyped-def]  # numba types it
    """Inverse of the volume."""
    if volume <= 0.0 or widening <= 0.0:
        return bank + volume / area
    wide = (most - area) / widening
    full = area * wide + 0.5 * widening * wide * wide
    if volume >= full:
        return bank + wide + (volume - full) / most
    return bank + (np.sqrt(area * area + 2.0 * widening * volume) - area) / widening


@njit(cache=True)
def _run(  # type: ignore[no-untyped-def]  # noqa: PLR0917  numba types it, and knows neither keywords nor dataclasses
    inflow, rain, start, held, area, bank, widening, most, conveyance, depth, recession, rest, rest_flow, other
):
    hours, members = inflow.shape
    pools = start.shape[0]
    dt = 3600.0 / SUB_STEPS
    stage = np.empty((hours, pools, members))
    passed = np.zeros((hours, pools, members))
    for m in range(members):
        h = start[:, m].copy()
        v = np.array([_volume(h[k], area[k, m], bank[k, m], widening[k, m], most[k, m]) for k in range(pools)])
        for t in range(hours):
            for _ in range(SUB_STEPS):
                gain = inflow[t, m]
                for k in range(pools):
                    surface = min(area[k, m] + widening[k, m] * max(h[k] - bank[k, m], 0.0), most[k, m])
                    gain += rain[t, m] / 3.6e6 * area[k, m]
                    if k < pools - 1:
                        step = h[k] - h[k + 1]
                        full = conveyance[k, m] * max(depth[k, m] + h[k], 0.1) ** (5.0 / 3.0)
                        slope = full / np.sqrt(max(abs(step), SMOOTH_M))
                        out = slope * step
                        slope *= 0.5 if abs(step) > SMOOTH_M else 1.0
                    else:
                        gain += other[m] * gain
                        slope = surface / recession[m]
                        out = rest_flow[m] * (1.0 + other[m]) + slope * (h[k] - rest[m])
                    moved = (gain - out) / (1.0 + slope * dt / surface) * dt
                    gain = gain - moved / dt
                    v[k] += moved
                    h[k] = _stage(v[k], area[k, m], bank[k, m], widening[k, m], most[k, m])
                    passed[t, k, m] += gain / SUB_STEPS
            for k in range(pools):
                if not np.isnan(held[t, k]):
                    h[k] = held[t, k]
                    v[k] = _volume(h[k], area[k, m], bank[k, m], widening[k, m], most[k, m])
                stage[t, k, m] = h[k]
    return stage, passed
