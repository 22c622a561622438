"""A river basin as ranges of what is not known, and an ensemble of basins drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.science.pool_chain import PoolChain
from rencheng.science.river_routing import Catchments, Reaches

__all__ = ["Basin", "Members", "Pools", "Soil", "draw_members"]

Floats = NDArray[np.float64]

LAG_SHARE = (0.3, 0.8)
"""Share of a reach's travel time that is pure delay; the rest is storage."""
FLOOD_FACTOR = (2.0, 10.0)
"""How much more a reach stores per discharge once its floodplain fills: about the ratio of the flooded width to the
channel's, 2 to 10 on lowland rivers."""
BANK_GAIN = (0.6, 1.5)
BASE_GAIN = (0.7, 1.4)
FADING_H = (24.0, 120.0)
RAIN_SPREAD = 0.15
"""Spread of ln rain on a catchment: error of the areal mean of a few gauges (WMO-No. 168, ch. 3)."""
DRIFT_SPREAD = 0.3
"""Spread of ln of the computed discharge without a gauge to correct it."""
LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Soil:
    """Ranges of what turns rain into runoff, each pair (low, high), as in ``Catchments``.

    The defaults span what HBV-like models are given where nothing is known (Seibert 1999, Agric. For. Meteorol.
    98:279).
    """

    capacity_mm: tuple[float, float] = (80.0, 350.0)
    shape: tuple[float, float] = (1.0, 4.0)
    wet_ratio: tuple[float, float] = (0.3, 0.9)
    percolation_mm_h: tuple[float, float] = (0.03, 0.25)
    slow_h: tuple[float, float] = (700.0, 3000.0)
    inter_ratio: tuple[float, float] = (0.2, 0.7)
    inter_h: tuple[float, float] = (60.0, 240.0)
    loss_mm_h: tuple[float, float] = (0.05, 0.12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """Ranges of a chain of level pools, each pair (low, high); see :class:`rencheng.science.pool_chain.PoolChain`."""

    area_km2: tuple[tuple[float, float], ...]
    bank_m: tuple[tuple[float, float], ...]
    widening_km2_m: tuple[tuple[float, float], ...]
    most_km2: tuple[tuple[float, float], ...]
    depth_m: tuple[tuple[float, float], ...]
    loss_share: tuple[tuple[float, float], ...]
    """Per pool but the last: share of the remaining fall that is lost at its outlet in the anchoring flood."""
    recession_h: tuple[float, float]
    other_ratio: tuple[float, float]
    anchor_stage_m: float
    anchor_discharge_m3_s: float
    anchor_spread: float
    anchor_last_m: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Basin:
    """What is known of a river tree; nodes in an order in which the node below always comes later.

    Parameters
    ----------
    ids : tuple of str
        Gauge of every node; the last is where the forecast is wanted.
    below : int64 array, shape (nodes,)
        Index of the node below; -1 for the last.
    distance_km : float64 array, shape (nodes,)
        To the node below.
    area_km2 : float64 array, shape (nodes,)
        Each node's own catchment.
    celerity_m_s, response_h : float64 arrays, shape (nodes, 2)
        Ranges.
    bank_m3_s : float64 array, shape (nodes,)
        Bank-full discharge of the reach below; infinite where unknown.
    base_m3_s : float64 array, shape (nodes,)
        Flow of each node's own catchment when the record begins.
    pools : Pools or None
        Standing waters that the last node lies on.
    soil : Soil
        Ranges of the soils.
    """

    ids: tuple[str, ...]
    below: NDArray[np.int64]
    distance_km: Floats
    area_km2: Floats
    celerity_m_s: Floats
    response_h: Floats
    bank_m3_s: Floats
    base_m3_s: Floats
    pools: Pools | None
    soil: Soil = Soil()


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """An ensemble of basins.

    Parameters
    ----------
    catchments, reaches
        See :func:`rencheng.science.river_routing.route_basin`.
    fading_h : float64 array, shape (members,)
        How long a gauge's correction lasts.
    rating_score : float64 array, shape (nodes, members)
        Error of every gauge's rating in standard deviations: half of it common to all gauges of a member.
    drift : float64 array, shape (nodes, members)
        Error of the computed discharge at each gauge, as ln of a ratio.
    chain : PoolChain or None
        The pools; their rest is set by what is measured.
    """

    catchments: Catchments
    reaches: Reaches
    fading_h: Floats
    rating_score: Floats
    drift: Floats
    chain: PoolChain | None


def draw_members(basin: Basin, members: int, rng: np.random.Generator) -> Members:
    """Draw an ensemble: every unknown uniform in its range, ratings and rain lognormal.

    Parameters
    ----------
    basin : Basin
        Ranges.
    members : int
        How many to draw.
    rng : numpy.random.Generator
        Source of chance.
    """
    nodes = len(basin.ids)

    def within(low_high: tuple[float, float]) -> Floats:
        return rng.uniform(low_high[0], low_high[1], members)

    def each(ranges: Floats) -> Floats:
        draws = rng.uniform(size=(nodes, members))
        return np.asarray(ranges[:, :1] + draws * (ranges[:, 1:] - ranges[:, :1]), dtype=np.float64)

    share = within(LAG_SHARE)
    travel = basin.distance_km[:, None] / 3.6 / each(basin.celerity_m_s)
    rain = np.exp(rng.normal(0.0, RAIN_SPREAD, (nodes, members)))
    base = basin.base_m3_s[:, None] * rng.uniform(*BASE_GAIN, (nodes, members))
    common, own = rng.normal(size=(1, members)), rng.normal(size=(nodes, members))
    return Members(
        catchments=Catchments(
            area_km2=basin.area_km2,
            response_h=each(basin.response_h),
            capacity_mm=within(basin.soil.capacity_mm),
            shape=within(basin.soil.shape),
            wet_ratio=within(basin.soil.wet_ratio),
            percolation_mm_h=within(basin.soil.percolation_mm_h),
            slow_h=within(basin.soil.slow_h),
            inter_ratio=within(basin.soil.inter_ratio),
            inter_h=within(basin.soil.inter_h),
            loss_mm_h=within(basin.soil.loss_mm_h),
            base_m3_s=base,
            rain_gain=rain,
        ),
        reaches=Reaches(
            below=basin.below,
            lag_h=share * travel,
            storage_h=np.maximum((1.0 - share) * travel, 0.2),
            bank_m3_s=basin.bank_m3_s[:, None] * within(BANK_GAIN),
            flood_factor=np.exp(within((np.log(FLOOD_FACTOR[0]), np.log(FLOOD_FACTOR[1])))),
        ),
        fading_h=within(FADING_H),
        rating_score=np.sqrt(0.5) * (common + own),
        drift=rng.normal(0.0, DRIFT_SPREAD, (nodes, members)),
        chain=None if basin.pools is None else _draw_chain(basin.pools, members, rng),
    )


def _draw_chain(pools: Pools, members: int, rng: np.random.Generator) -> PoolChain:
    """Draw pools whose outlets pass the anchoring flood at its stage."""

    def stacked(ranges: tuple[tuple[float, float], ...]) -> Floats:
        return np.array([rng.uniform(low, high, members) for low, high in ranges])

    depth, loss = stacked(pools.depth_m), stacked(pools.loss_share)
    discharge = pools.anchor_discharge_m3_s * np.exp(rng.normal(0.0, pools.anchor_spread, members))
    stage = np.full(members, pools.anchor_stage_m)
    fall = stage - rng.uniform(*pools.anchor_last_m, members)
    conveyance = np.empty_like(depth)
    for k in range(len(depth)):
        lost = fall * (loss[k] if k < len(depth) - 1 else 1.0)
        conveyance[k] = discharge / ((depth[k] + stage) ** (5.0 / 3.0) * np.sqrt(np.maximum(lost, LEAST_SHARE)))
        stage, fall = stage - lost, fall - lost
    area = stacked(pools.area_km2)
    return PoolChain(
        area_km2=area,
        bank_m=stacked(pools.bank_m),
        widening_km2_m=stacked(pools.widening_km2_m),
        most_km2=np.maximum(stacked(pools.most_km2), area),
        conveyance=conveyance,
        depth_m=depth,
        recession_h=rng.uniform(*pools.recession_h, members),
        rest_m=np.zeros(members),
        rest_m3_s=np.zeros(members),
        other_ratio=rng.uniform(*pools.other_ratio, members),
    )
