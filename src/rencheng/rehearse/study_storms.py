"""Storms of a study: drawn by kind of year, a few to be computed and very many to be read off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.rehearse.study import Storms, Study
from rencheng.science.design_storm import IntensityFormula, chicago_hyetograph
from rencheng.science.loss_surrogate import greatest_rain_mm

__all__ = [
    "STEP_MIN",
    "ManyStorms",
    "StormDraw",
    "draw_many",
    "draw_storms",
    "draw_tracks",
    "greatest_hour_mm",
    "stratum_weights",
]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

STEP_MIN = 5
"""Rain is constant over so many minutes."""
_RARE = 1e-4
"""Nothing rarer than once in 10,000 years is drawn: no formula says anything beyond."""
_RATIOS = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class StormDraw:
    """One storm of a study."""

    number: int
    stratum: int
    return_period_a: float
    duration_min: int
    peak_ratio: float
    speed_m_s: float = 0.0
    """0 for a storm that falls evenly everywhere."""
    heading_deg: float = 0.0
    """Where it goes to, clockwise from north."""
    cross_ratio: float = 0.0
    """How far to the right of the city's centre its track passes, in radii of a disc of the city's area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyStorms:
    """Storms as columns, shape (n,)."""

    stratum: I64
    return_period_a: F64
    duration_min: I64
    peak_ratio: F64


def stratum_weights(storms: Storms) -> F64:
    """Annual probability of each stratum, shape (strata,): ``1/T_k − 1/T_{k+1}``, the last open above.

    Examples
    --------
    >>> stratum_weights(Storms(formula="shanghai_2017", per_stratum=2, return_periods_a=(1.0, 10.0))).tolist()
    [0.9, 0.1]
    """
    edges = _edges(storms)
    return edges[:-1] - edges[1:]


def draw_storms(study: Study, seed: int, *, per_stratum: int | None = None, stream: int = 31) -> list[StormDraw]:
    """Draw the storms of a study, ordered by stratum.

    Parameters
    ----------
    study : Study
        Whose storms.
    seed : int
        Seed of the study.
    per_stratum : int, optional
        How many of each kind of year, where it is not the study's own number.
    stream : int
        Another stream gives other storms of the same seed.

    Notes
    -----
    Annual maxima: a storm of return period T is exceeded in a year with probability 1/T. Within a stratum the
    probabilities are spread evenly, one in each of ``per_stratum`` equal parts (Latin hypercube: McKay et al. 1979).
    """
    storms = study.storms
    weight = stratum_weights(storms)
    per = per_stratum or storms.per_stratum
    rng = np.random.default_rng([seed, stream])
    part = np.concatenate([rng.permutation(per) for _ in weight])
    stratum = np.repeat(np.arange(len(weight)), per)
    drawn = _drawn(storms, stratum, (part + rng.random(len(part))) / per, rng)
    tracks = draw_tracks(storms, len(part), np.random.default_rng([seed, stream, 1]))
    columns = zip(
        stratum.tolist(),
        drawn.return_period_a.tolist(),
        drawn.duration_min.tolist(),
        drawn.peak_ratio.tolist(),
        *(column.tolist() for column in tracks),
        strict=True,
    )
    return [
        StormDraw(
            number=i,
            stratum=k,
            return_period_a=t,
            duration_min=d,
            peak_ratio=r,
            speed_m_s=v,
            heading_deg=h,
            cross_ratio=c,
        )
        for i, (k, t, d, r, v, h, c) in enumerate(columns)
    ]


def draw_tracks(storms: Storms, count: int, rng: np.random.Generator) -> tuple[F64, F64, F64]:
    """Speeds, headings and crossings of storms; all 0 for storms that fall evenly everywhere.

    A storm is strongest somewhere in the city, every place alike: its track passes through a point drawn evenly on a
    disc of the city's area. Speeds are drawn evenly in their logarithm (measured ones are lognormal: Niemczynowicz &
    Dahlblom 1984, Nordic Hydrol. 15:9).
    """
    if storms.field != "moving":
        return np.zeros(count), np.zeros(count), np.zeros(count)
    slow, fast = (math.log(v) for v in storms.speeds_m_s)
    speed = np.exp(rng.uniform(slow, fast, size=count))
    heading = rng.uniform(*storms.headings_deg, size=count)
    return speed, heading, np.sqrt(rng.random(count)) * np.cos(rng.uniform(0.0, 2.0 * np.pi, size=count))


def draw_many(study: Study, count: int, rng: np.random.Generator) -> ManyStorms:
    """Draw ``count`` years' greatest storms as they come, each year one.

    A year whose storm is below the first return period has stratum -1 (and no loss, as the study sees it).
    """
    storms = study.storms
    exceeded = rng.random(count)
    edges = _edges(storms)
    stratum = len(edges) - np.searchsorted(edges[::-1], exceeded, side="left") - 1
    return _columns(storms, stratum.astype(np.int64), exceeded, rng)


def greatest_hour_mm(formula: IntensityFormula, storms: ManyStorms) -> F64:
    """Greatest rain of 60 minutes in each storm, mm, shape (n,).

    Notes
    -----
    The Chicago storm's pattern does not depend on the return period, only its scale ``1 + c lg T`` does; the pattern's
    greatest hour is worked out at 65 peak ratios for each duration and interpolated between.
    """
    out = np.zeros(len(storms.stratum))
    scale = 1.0 + formula.c_ratio * np.log10(storms.return_period_a)
    for duration in np.unique(storms.duration_min).tolist():
        rows = np.flatnonzero(storms.duration_min == duration)
        ratio = storms.peak_ratio[rows]
        grid = np.linspace(ratio.min(), ratio.max(), _RATIOS)
        hour = [_greatest_hour(formula, 1.0, duration, r) for r in grid.tolist()]
        out[rows] = np.interp(ratio, grid, hour) * scale[rows]
    return out


def _greatest_hour(formula: IntensityFormula, return_period_a: float, duration_min: int, peak_ratio: float) -> float:
    mm = chicago_hyetograph(
        formula,
        return_period_a=return_period_a,
        duration_min=duration_min,
        peak_ratio=peak_ratio,
        step_min=STEP_MIN,
    )
    return float(greatest_rain_mm(np.append(0.0, np.cumsum(mm)), 60 // STEP_MIN))


def _edges(storms: Storms) -> F64:
    return np.asarray(1.0 / np.array([*storms.return_periods_a, np.inf]))


def _drawn(storms: Storms, stratum: I64, within: F64, rng: np.random.Generator) -> ManyStorms:
    edges = _edges(storms)
    return _columns(storms, stratum, edges[stratum + 1] + within * (edges[stratum] - edges[stratum + 1]), rng)


def _columns(storms: Storms, stratum: I64, exceeded: F64, rng: np.random.Generator) -> ManyStorms:
    return ManyStorms(
        stratum=stratum,
        return_period_a=np.maximum(1.0 / np.maximum(exceeded, _RARE), 1.0),
        duration_min=rng.choice(np.array(storms.durations_min, np.int64), size=len(stratum)),
        peak_ratio=rng.uniform(*storms.peak_ratios, size=len(stratum)),
    )
