r"""A flood wave down a river tree: soil, slopes and reaches, for many members at once, mass kept to rounding.

Every gauge is a node with a catchment of its own and a reach to the node below. Rain wets a soil bucket and what runs
off passes linear reservoirs (Bergström 1976, the HBV response; Nash 1957). A reach delays its inflow and passes it
through two equal reservoirs (lag-and-route; Meyer 1941; Kalinin & Milyukov 1957) whose storage per discharge grows once
the river leaves its banks, for the floodplain holds the water back. Where a gauge speaks, its discharge replaces the
computed one, and the ratio of the two fades out ahead (updating of the output: Refsgaard 1997, Nord. Hydrol. 28:65).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Catchments", "Reaches", "Updating", "route_basin"]

Floats = NDArray[np.float64]

RATIO_LIMIT = 4.0
"""Bound of the ratio of observed to computed discharge that is carried ahead."""


DRIFT_H = 12.0
"""Time over which a computed discharge drifts from its gauge: dams are operated by the half day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catchments:
    """What turns rain into runoff at every node.

    Parameters
    ----------
    area_km2 : float64 array, shape (nodes,)
        Catchment of the node's own, without what drains to nodes above.
    response_h : float64 array, shape (nodes, members)
        Mean time of the fast runoff from rain to the node, h.
    capacity_mm, shape, wet_ratio, loss_mm_h : float64 arrays, shape (members,)
        Soil capacity, exponent of the share that runs off, soil filling at the start, evapotranspiration from a full
        soil.
    percolation_mm_h, slow_h : float64 arrays, shape (members,)
        Most that seeps to the slow store, and the residence time of that store.
    inter_ratio, inter_h : float64 arrays, shape (members,)
        Share of the rest that comes as interflow, and its residence time.
    base_m3_s : float64 array, shape (nodes, members)
        Slow flow of each node's own catchment at the start.
    rain_gain : float64 array, shape (nodes, members)
        What each member multiplies the rain by: the error of an areal mean.
    """

    area_km2: Floats
    response_h: Floats
    capacity_mm: Floats
    shape: Floats
    wet_ratio: Floats
    percolation_mm_h: Floats
    slow_h: Floats
    inter_ratio: Floats
    inter_h: Floats
    loss_mm_h: Floats
    base_m3_s: Floats
    rain_gain: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Updating:
    """How gauges correct the computed discharge.

    Parameters
    ----------
    observed_m3_s : float64 array, shape (hours, nodes)
        Hourly discharge at gauges, NaN where none is known.
    spread : float64 array, shape (hours, nodes)
        Standard deviation of the logarithm of each, see :func:`rencheng.science.river_rating.discharge_spread`.
    rating_score : float64 array, shape (nodes, members)
        Error of each gauge's rating in standard deviations.
    fading_h : float64 array, shape (members,)
        Time over which the ratio of observed to computed fades; half of it where less came than was computed, for a
        wave that is late is no smaller one.
    drift : float64 array, shape (nodes, members)
        What is added to ln of the computed discharge after now, within :data:`DRIFT_H`: its own error.
    """

    observed_m3_s: Floats
    spread: Floats
    rating_score: Floats
    fading_h: Floats
    drift: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaches:
    """What carries a node's discharge to the node below.

    Parameters
    ----------
    below : int64 array, shape (nodes,)
        Index of the node below, greater than the node's own; -1 for the last.
    lag_h, storage_h : float64 arrays, shape (nodes, members)
        Pure delay, and mean time in storage below the bank-full discharge, h; storage at least 0.1 h.
    bank_m3_s : float64 array, shape (nodes, members)
        Discharge at which the river leaves its banks; infinite where it has none.
    flood_factor : float64 array, shape (members,)
        How much more storage a discharge above that needs.
    """

    below: NDArray[np.int64]
    lag_h: Floats
    storage_h: Floats
    bank_m3_s: Floats
    flood_factor: Floats


def route_basin(
    rain_mm: Floats,
    rain_ahead_mm: Floats,
    updating: Updating,
    catchments: Catchments,
    reaches: Reaches,
) -> Floats:
    """Discharge of every node, hour and member.

    Parameters
    ----------
    rain_mm : float64 array, shape (hours, nodes)
        Hourly rain on each catchment up to now.
    rain_ahead_mm : float64 array, shape (ahead, nodes, members)
        Hourly rain after now, as each member has it.
    updating : Updating
        What the gauges said.
    catchments, reaches
        The tree; a node's index must be less than that of the node below.

    Returns
    -------
    float64 array, shape (hours + ahead, nodes, members)
        Discharge at each node, m³/s; of the last node, all that reaches it.
    """
    soil = np.stack(
        [
            catchments.capacity_mm,
            catchments.shape,
            catchments.wet_ratio,
            catchments.loss_mm_h,
            catchments.percolation_mm_h,
            catchments.inter_ratio,
            _kept(catchments.slow_h),
            _kept(catchments.inter_h),
        ],
        axis=-1,
    )
    slow = catchments.base_m3_s * 3.6 / catchments.area_km2[:, None] * catchments.slow_h
    land = np.stack([_kept(0.5 * catchments.response_h), slow, catchments.rain_gain])
    each, over = 0.5 * reaches.storage_h, 0.5 * reaches.storage_h * reaches.flood_factor
    bank = np.broadcast_to(reaches.bank_m3_s, each.shape)
    course = np.stack([reaches.lag_h, _kept(each), _kept(over), bank, each * bank, over], axis=-1)
    gauge = np.stack([updating.rating_score, updating.drift])
    fade = np.exp(-1.0 / updating.fading_h)
    told = np.stack([updating.observed_m3_s, updating.spread])
    arrays = (rain_mm, rain_ahead_mm, told, gauge, fade, catchments.area_km2, soil, land, reaches.below, course)
    flow = _route(*(np.ascontiguousarray(a) for a in arrays))  # one layout, one compilation
    return np.asarray(flow, dtype=np.float64)


def _kept(time_h: Floats) -> Floats:
    """Share of what a linear reservoir holds and gets that is still in it after an implicit hour."""
    return np.asarray(time_h / (time_h + 1.0), dtype=np.float64)


@njit(cache=True)
def _runoff(ground, n, m, fall, soil, kept):  # type: ignore[no-untyped-def]  # numba types it
    """One hour of a catchment, mm: soil bucket, slow and interflow store, two fast ones; ``ground`` is moved on."""
    capacity = soil[m, 0]
    wet = ground[n, m, 0]
    full = wet / capacity
    wet -= min(soil[m, 3] * full, wet)
    surplus = 0.0
    if fall > 0.0:
        surplus = fall * min(full, 1.0) ** soil[m, 1]
        wet += fall - surplus
        surplus += max(wet - capacity, 0.0)
        wet = min(wet, capacity)
    deep = min(surplus, soil[m, 4])
    between = soil[m, 5] * (surplus - deep)
    ground[n, m, 0] = wet
    slow = ground[n, m, 1] + deep
    ground[n, m, 1] = slow * soil[m, 6]
    inter = ground[n, m, 2] + between
    ground[n, m, 2] = inter * soil[m, 7]
    first = ground[n, m, 3] + surplus - deep - between
    ground[n, m, 3] = first * kept
    second = ground[n, m, 4] + first - ground[n, m, 3]
    ground[n, m, 4] = second * kept
    return slow - ground[n, m, 1] + inter - ground[n, m, 2] + second - ground[n, m, 4]


@njit(cache=True)
def _reach(flow, t, n, m, water, course):  # type: ignore[no-untyped-def]  # numba types it
    """One hour of a reach: what its lower end lets go, m³/s; before the first hour the river ran as in it."""
    lag, kept, kept_over, bank, full, over = course[n, m]
    whole = int(lag)
    part = lag - whole
    out = (1.0 - part) * flow[max(t - whole, 0), n, m] + part * flow[max(t - whole - 1, 0), n, m]
    for k in range(2):
        if t == 0:
            water[n, m, k] = out * kept / (1.0 - kept) if out <= bank else full + over * (out - bank)
        held = water[n, m, k] + out
        after = held * kept
        if after > full:  # over the banks: (S - full) / over + bank flows out
            after = (held - bank + full / over) * kept_over
        water[n, m, k] = after
        out = held - after
    return out


@njit(cache=True)
def _route(  # type: ignore[no-untyped-def]
    rain, ahead, told, gauge, fade, area, soil, land, below, course
):
    known, nodes = rain.shape
    members = gauge.shape[2]
    flow = np.zeros((known + ahead.shape[0], nodes, members))
    ground = np.zeros((nodes, members, 5))
    ground[:, :, 0] = soil[:, 2] * soil[:, 0]
    ground[:, :, 1] = land[1]
    water = np.zeros((nodes, members, 2))
    gain = np.exp(gauge[0] * told[1, 0].reshape(-1, 1))
    ratio = np.ones((nodes, members))
    heard = np.zeros(nodes, np.bool_)
    inflow = np.zeros((nodes, members))
    for t in range(len(flow)):
        inflow[:, :] = 0.0
        drifted = 1.0 - np.exp(-max(t - known + 1, 0) / DRIFT_H)
        for n in range(nodes):
            now = t < known and not np.isnan(told[0, t, n])
            heard[n] |= now
            if now and told[1, t, n] != told[1, max(t - 1, 0), n]:
                gain[n] = np.exp(gauge[0, n] * told[1, t, n])
            for m in range(members):
                fall = land[2, n, m] * (rain[t, n] if t < known else ahead[t - known, n, m])
                q = inflow[n, m] + _runoff(ground, n, m, fall, soil, land[0, n, m]) * area[n] / 3.6
                if now:
                    seen = told[0, t, n] * gain[n, m]
                    ratio[n, m] = min(max(seen / max(q, 1e-6), 1.0 / RATIO_LIMIT), RATIO_LIMIT)
                    q = seen
                elif heard[n]:
                    ratio[n, m] **= fade[m] if ratio[n, m] > 1.0 else fade[m] * fade[m]
                    q *= ratio[n, m] * np.exp(gauge[1, n, m] * drifted)
                flow[t, n, m] = q
                if below[n] >= 0:
                    inflow[below[n], m] += _reach(flow, t, n, m, water, course)
    return flow
