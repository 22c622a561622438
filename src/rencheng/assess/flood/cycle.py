"""One cycle of the flood forecast: rain of the members, the engine, depths and chances, whom it touches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtri

from rencheng.assess.facts import FloodTotal
from rencheng.assess.flood.domain import FloodDomain
from rencheng.assess.flood.ensemble import EnsembleRun, MemberPool, MemberTask, Plan, run_ensemble
from rencheng.assess.flood.exposure import objects_table
from rencheng.assess.flood.frames import FloodFrames
from rencheng.assess.flood.member_rain import MemberRain, member_rain
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.totals import flood_totals
from rencheng.assess.flood.watch import RainRecord
from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula
from rencheng.science.ensemble_summary import ensemble_summary

__all__ = ["CycleResult", "MemberTraits", "ensemble_cycle", "flood_cycle", "member_traits"]

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

_RAIN_SPREAD = 0.2
"""Of the logarithm of rain amounts: what gauges and radar leave open of hourly rain (Villarini et al. 2008)."""
_DRAIN_RANGE = (0.4, 1.2)
"""Of what inlets take: half-clogged to a little over design (ASCE 1992, Manual 77, §5: clogging of 0 … 50 %)."""

_INITIAL_LOSS_MM = 20.0
"""Most that dry open ground takes before it runs off (Australian Rainfall and Runoff 2019, book 5, §3.5: 10–30 mm)."""
_LOSS_MM_H = (2.0, 30.0)
"""Then at a rate: from loam at saturation (Rawls et al. 1983) to what a runoff ratio of 0.15 for lawns in design storms
says (GB 50014-2021, table 4.1.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberTraits:
    """What a member believes of the city for good, arrays of shape (members,).

    Parameters
    ----------
    rain_factor : float64 array
        Its rain over the measured.
    drain_ratio : float64 array
        What inlets take over their capacity.
    initial_loss_mm, loss_mm_h : float64 arrays
        What open ground takes at first, and then at a rate.
    """

    rain_factor: F64
    drain_ratio: F64
    initial_loss_mm: F64
    loss_mm_h: F64


def member_traits(members: int) -> MemberTraits:
    """Traits of the members, the same in every cycle, so that a weight earned in one means something in the next.

    Quantiles at equal steps, paired at random once and for all (Latin hypercube: McKay et al. 1979).

    Examples
    --------
    >>> traits = member_traits(20)
    >>> round(float(np.exp(np.log(traits.rain_factor).mean())), 6)
    1.0
    """
    share = (np.arange(members) + 0.5) / members
    mix = np.random.default_rng([members, 50014])
    low, high = _DRAIN_RANGE
    rain_factor = np.exp(_RAIN_SPREAD * ndtri(mix.permutation(share)))
    drain_ratio = low + (high - low) * mix.permutation(share)
    soil = mix.permutation(share)
    return MemberTraits(
        rain_factor=rain_factor,
        drain_ratio=drain_ratio,
        initial_loss_mm=_INITIAL_LOSS_MM * soil,
        loss_mm_h=np.exp(np.log(_LOSS_MM_H[0]) + np.log(_LOSS_MM_H[1] / _LOSS_MM_H[0]) * soil),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleResult:
    """What a cycle computed.

    Parameters
    ----------
    lead_min : tuple of int
        Lead times.
    frames : FloodFrames
        Median depth and exceedance percentages.
    objects : pyarrow.Table
        In ``OBJECT_SCHEMA``.
    totals : tuple of FloodTotal
        Per lead time.
    point_depth_m : float32 array, shape (sensors, leads, members)
        Depths at the domain's street sensors.
    analysis_mm : uint16 array, shape (members, ny, nx)
        Water of every member at the instant the forecast stands on.
    weights : float64 array, shape (members,)
        Weight of each member.
    rain : MemberRain
        Rain of the members.
    volume_error_ratio : float
        Largest of the members.
    scheme : str
        Of the engine.
    """

    lead_min: tuple[int, ...]
    frames: FloodFrames
    objects: pa.Table
    totals: tuple[FloodTotal, ...]
    point_depth_m: F32
    analysis_mm: NDArray[np.uint16]
    weights: F64
    rain: MemberRain
    volume_error_ratio: float
    scheme: str


def flood_cycle(
    pool: MemberPool,
    record: RainRecord,
    *,
    members: int,
    rng: np.random.Generator,
    weights: F64 | None = None,
    analysis_mm: NDArray[np.uint16] | None = None,
    horizon_min: int = 120,
    every_min: int = 10,
    scheme: str = "local_inertial",
    formula: IntensityFormula = SHANGHAI_2017,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> CycleResult | None:
    """Forecast the water of the next two hours from measured rain.

    Parameters
    ----------
    pool : MemberPool
        Holds the domain; see :func:`~rencheng.assess.flood.ensemble.member_pool`.
    record : RainRecord
        Rain since the computation's beginning, up to the instant that lead times count from.
    members : int
        Members of the ensemble.
    rng : numpy.random.Generator
        Source of chance.
    weights : float64 array, shape (members,), optional
        Weight of each member; equal where absent.
    analysis_mm : uint16 array, shape (members, ny, nx), optional
        Water of each member at the beginning; dry ground where absent.
    horizon_min, every_min : int
        Last lead time, and how far lead times are apart.
    scheme : str
        Of the engine.
    formula : IntensityFormula
        The city's storm intensity formula.
    stop : callable, optional
        True gives the cycle up.
    progress : callable, optional
        Told the share done.

    Returns
    -------
    CycleResult or None
        None when ``stop`` said so.

    Raises
    ------
    InvalidInput
        If nothing tells of rain, the water to go on from does not fit, or a member diverges.
    """
    traits = member_traits(members)
    rain = member_rain(
        record,
        pool.domain.grid,
        members=members,
        horizon_s=horizon_min * 60.0,
        rng=rng,
        factor=traits.rain_factor,
        formula=formula,
    )
    leads = tuple(range(0, horizon_min + 1, every_min))
    return ensemble_cycle(
        pool,
        rain,
        lead_min=leads,
        traits=traits,
        weights=weights,
        analysis_mm=analysis_mm,
        scheme=scheme,
        stop=stop,
        progress=progress,
    )


def ensemble_cycle(
    pool: MemberPool,
    rain: MemberRain,
    *,
    lead_min: tuple[int, ...],
    traits: MemberTraits,
    weights: F64 | None = None,
    analysis_mm: NDArray[np.uint16] | None = None,
    scheme: str = "local_inertial",
    looks: int = 1,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> CycleResult | None:
    """Run given rain of the members through the engine and sum the members up.

    Parameters
    ----------
    rain : MemberRain
        Rain of the members from the computation's beginning to the last lead time.
    lead_min : tuple of int
        Lead times, evenly spaced from 0.
    traits : MemberTraits
        Drains and soil of each member; its rain has its factor already. Soil that goes on from earlier water is wet.
    looks : int
        How often to look between two lead times; the deepest water up to a lead time stands for it.
    pool, weights, analysis_mm, scheme, stop, progress
        As of :func:`flood_cycle`.
    """
    members = len(rain.rate_mm_h)
    share = np.full(members, 1.0 / members) if weights is None else np.asarray(weights, np.float64)
    share = share / share.sum()
    _require_fit(pool.domain, members, analysis_mm, share)
    tasks = [
        MemberTask(
            rate_mm_h=rain.rate_mm_h[m],
            drain_ratio=float(traits.drain_ratio[m]),
            initial_loss_mm=float(traits.initial_loss_mm[m]) if analysis_mm is None else 0.0,
            loss_mm_h=float(traits.loss_mm_h[m]),
            start_m=None if analysis_mm is None else (analysis_mm[m] * np.float32(0.001)),
        )
        for m in range(members)
    ]
    plan = Plan(
        begin_s=min(float(rain.edges_s[0]), 0.0),
        lead_s=tuple(60.0 * m for m in lead_min),
        rain_edges_s=rain.edges_s,
        scheme=scheme,
        looks=looks,
    )
    run = run_ensemble(pool, plan, tasks, stop=stop, progress=progress)
    return None if run is None else _summed_up(pool.domain, run, rain, lead_min, share, scheme)


def _require_fit(domain: FloodDomain, members: int, analysis_mm: NDArray[np.uint16] | None, share: F64) -> None:
    wanted = (members, domain.grid.ny, domain.grid.nx)
    if analysis_mm is not None and analysis_mm.shape != wanted:
        raise InvalidInput(
            f"water of shape {analysis_mm.shape} to go on from, the ensemble is {wanted}",
            where="analysis",
            mend="Begin on dry ground after a change of members or cells",
        )
    if share.shape != (members,) or not np.isfinite(share).all() or (share < 0).any():
        raise InvalidInput(f"{share.shape} weights for {members} members", where="weights", mend="Give one for each")


def _summed_up(
    domain: FloodDomain, run: EnsembleRun, rain: MemberRain, lead_min: tuple[int, ...], share: F64, scheme: str
) -> CycleResult:
    grid = domain.grid
    leads, members = len(lead_min), len(run.depth_mm)
    thresholds = np.array([round(t * 1000) for t in THRESHOLDS_M], np.int64)
    counted = (domain.active & ~domain.water & ~domain.blocked).ravel()
    depth = np.zeros((leads, grid.ny, grid.nx), np.float32)
    percent = {t: np.zeros((leads, grid.ny, grid.nx), np.uint8) for t in THRESHOLDS_M}
    area_km2 = np.zeros(leads)
    for k in range(leads):
        flat = np.where(counted, run.depth_mm[:, k].reshape(members, -1), np.uint16(0))
        median, share_above = ensemble_summary(flat, share, thresholds)
        depth[k] = (median * np.float32(0.001)).reshape(grid.ny, grid.nx)
        for t, raster in zip(THRESHOLDS_M, share_above, strict=True):
            percent[t][k] = raster.reshape(grid.ny, grid.nx)
        wet = (flat >= thresholds[0]).sum(axis=1)
        area_km2[k] = float((wet * share).sum()) * grid.cell_m**2 / 1e6
    by_lead = np.ascontiguousarray(run.object_depth_m.transpose(1, 0, 2))
    points = run.depth_mm.reshape(members, leads, -1)[:, :, domain.sensor_places]
    return CycleResult(
        lead_min=lead_min,
        frames=FloodFrames(grid=grid, lead_min=lead_min, depth_m=depth, exceed_prob=percent),
        objects=objects_table(domain.objects, by_lead, lead_min, weights=share),
        totals=flood_totals(domain.objects, domain.links, by_lead, share, lead_min, area_km2),
        point_depth_m=(points.transpose(2, 1, 0) * np.float32(0.001)).astype(np.float32),
        analysis_mm=run.depth_mm[:, 0],
        weights=share,
        rain=rain,
        volume_error_ratio=run.volume_error_ratio,
        scheme=scheme,
    )
