"""From a river basin and what its gauges said to stages ahead: an ensemble, weighed by the past, with its quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.science.pool_outlook import pools_ahead
from rencheng.science.river_basin import Basin, Members
from rencheng.science.river_rating import (
    Rating,
    StageCurve,
    curve_stage_m,
    discharge_spread,
    fit_rating,
    fit_stage_curve,
    rated_discharge_m3_s,
)
from rencheng.science.river_routing import Updating, route_basin

__all__ = ["QUANTILES", "BasinOutlook", "BasinRecord", "forecast_basin", "weighted_quantiles"]

Floats = NDArray[np.float64]

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""Quantiles of every outlook: median, halves, central 80 % and 95 %."""
RECENT_H = 24
"""A gauge silent for longer is not forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasinRecord:
    """What was measured, hourly and up to now; columns are the nodes of the basin.

    Parameters
    ----------
    stage_m, discharge_m3_s : float64 arrays, shape (hours, nodes)
        NaN where unknown.
    rain_mm : float64 array, shape (hours, nodes)
        Rain on each node's own catchment.
    pool_m : float64 array, shape (hours, pools)
        Stage of the gauge of every pool, NaN where there is none; zero columns without pools.
    """

    stage_m: Floats
    discharge_m3_s: Floats
    rain_mm: Floats
    pool_m: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BasinOutlook:
    """Stages ahead.

    Parameters
    ----------
    stage_m : float64 array, shape (quantiles, hours ahead, nodes)
        Quantiles of the stage, :data:`QUANTILES`; NaN where a gauge has no rating or fell silent.
    discharge_m3_s : float64 array, shape (quantiles, hours ahead, nodes)
        Quantiles of the discharge; at the last node, of all that reaches it.
    weight : float64 array, shape (members,)
        What the past made of the members; sums to 1.
    target_m : float64 array, shape (hours ahead, members)
        Stage of the last node by member.
    curves : tuple of (StageCurve or None)
        Of every node.
    """

    stage_m: Floats
    discharge_m3_s: Floats
    weight: Floats
    target_m: Floats
    curves: tuple[StageCurve | None, ...]


def forecast_basin(
    basin: Basin, members: Members, record: BasinRecord, rain_ahead_mm: Floats, rng: np.random.Generator
) -> BasinOutlook:
    """Forecast every gauge of a basin.

    Parameters
    ----------
    basin, members
        The basin and the ensemble drawn from it.
    record : BasinRecord
        What was measured up to now.
    rain_ahead_mm : float64 array, shape (hours ahead, nodes, members)
        Rain after now, see :func:`rencheng.science.rain_scenarios.rain_scenarios`.
    rng : numpy.random.Generator
        Source of chance for the wind.
    """
    ratings = [fit_rating(record.stage_m[:, n], record.discharge_m3_s[:, n]) for n in range(len(basin.ids))]
    observed = _completed(record, ratings)
    trusted = _trusted(observed)
    updating = Updating(
        observed_m3_s=observed,
        spread=discharge_spread(np.nan_to_num(observed), trusted),
        rating_score=members.rating_score,
        fading_h=members.fading_h,
        drift=members.drift,
    )
    flow = route_basin(record.rain_mm, rain_ahead_mm, updating, members.catchments, members.reaches)
    known = len(record.stage_m)
    if members.chain is None:
        weight = np.full(flow.shape[2], 1.0 / flow.shape[2])
        target = np.full((len(rain_ahead_mm), flow.shape[2]), np.nan)
    else:
        past = np.repeat(record.rain_mm[:, -1:], flow.shape[2], axis=1)
        rain = np.vstack([past, rain_ahead_mm[:, -1]])
        target, weight = pools_ahead(members.chain, flow[:, -1], rain, record.pool_m, rng)
    stage, curves = _node_stages(basin, members, record, updating, flow, ratings, weight)
    if members.chain is not None:
        stage[:, :, -1] = weighted_quantiles(target, weight)
    else:
        target = np.full_like(target, np.nan)
    discharge = np.stack([weighted_quantiles(flow[known:, n], weight) for n in range(len(basin.ids))], axis=2)
    return BasinOutlook(stage_m=stage, discharge_m3_s=discharge, weight=weight, target_m=target, curves=tuple(curves))


def weighted_quantiles(values: Floats, weight: Floats) -> Floats:
    """Quantiles over members, shape (quantiles, n), of values of shape (n, members).

    Examples
    --------
    >>> weighted_quantiles(np.array([[1.0, 2.0, 3.0]]), np.array([0.2, 0.6, 0.2]))[3].tolist()
    [2.0]
    """
    order = np.argsort(values, axis=1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=1)
    mass = np.cumsum(weight[order], axis=1) - 0.5 * weight[order]
    out = np.empty((len(QUANTILES), len(values)))
    for i in range(len(values)):
        out[:, i] = np.interp(QUANTILES, mass[i], ranked[i])
    return out


def _completed(record: BasinRecord, ratings: list[Rating | None]) -> Floats:
    """Discharges, completed by the rating where only the stage was told."""
    out = record.discharge_m3_s.copy()
    for n, rating in enumerate(ratings):
        if rating is not None:
            rated = rated_discharge_m3_s(rating, record.stage_m[:, n])
            low = np.nanmin(record.discharge_m3_s[:, n])
            gap = np.isnan(out[:, n]) & (rated >= low)
            out[gap, n] = rated[gap]
    return out


def _trusted(observed: Floats) -> Floats:
    """Discharge up to which each gauge's rating is taken as measured: twice its 90th percentile on record."""
    out = np.full(observed.shape[1], np.inf)
    for n in range(observed.shape[1]):
        known = observed[np.isfinite(observed[:, n]), n]
        if len(known):
            out[n] = 2.0 * float(np.percentile(known, 90.0))
    return out


def _node_stages(
    basin: Basin,
    members: Members,
    record: BasinRecord,
    updating: Updating,
    flow: Floats,
    ratings: list[Rating | None],
    weight: Floats,
) -> tuple[Floats, list[StageCurve | None]]:
    """Quantiles of stage at every node with a rating, told or learnt from the computed discharge."""
    known = len(record.stage_m)
    ahead = flow.shape[0] - known
    out = np.full((len(QUANTILES), ahead, len(basin.ids)), np.nan)
    curves: list[StageCurve | None] = []
    for n in range(len(basin.ids)):
        own = record.stage_m[:, n]
        told = updating.observed_m3_s[:, n]
        score = members.rating_score[n]
        if np.isfinite(told).sum() < 0.5 * np.isfinite(own).sum():
            told, score = flow[:known, n] @ weight, 0.0 * score
            told[: 2 * RECENT_H] = np.nan
        curve = fit_stage_curve(own, told, ratings[n])
        curves.append(curve)
        recent = np.flatnonzero(np.isfinite(own[-RECENT_H:]))
        if curve is None or len(recent) == 0:
            continue
        at = known - RECENT_H + int(recent[-1])
        read = np.exp(-score * updating.spread[at, n])
        off = own[at] - curve_stage_m(curve, flow[at, n] * read)
        lead = np.arange(known - at, known - at + ahead)[:, None]
        stage = curve_stage_m(curve, flow[known:, n] * read) + off * np.exp(-lead / members.fading_h)
        out[:, :, n] = weighted_quantiles(stage, weight)
    return out, curves
