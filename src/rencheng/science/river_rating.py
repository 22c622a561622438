r"""Stage and discharge of a river gauge: the rating :math:`Q = a\,(h - h_0)^b` and what it is worth beyond them.

A power law follows from uniform flow in a wide channel (Manning: :math:`b = 5/3` for a rectangle, up to 8/3 for a
triangle), which is why it may be carried beyond the highest measurement, and why its error grows there
(Herschy 2009, *Streamflow Measurement*, 3rd ed., ch. 5; ISO 1100-2:2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Rating",
    "StageCurve",
    "curve_stage_m",
    "discharge_spread",
    "fit_rating",
    "fit_stage_curve",
    "rated_discharge_m3_s",
    "rated_stage_m",
]

Floats = NDArray[np.float64]

EXPONENTS = np.linspace(1.0, 3.0, 9)
"""Slopes tried: a wide weir has 1.5, a wide channel 1.67, a V-shaped valley 2.67."""
LEAST_PAIRS = 24
CLASSES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A fitted power law.

    Parameters
    ----------
    zero_m : float
        Stage of no flow, m.
    scale : float
        Discharge one metre above it, m³/s.
    exponent : float
        Slope on logarithmic paper.
    spread_log : float
        Standard deviation of ln Q about the curve.
    top_m : float
        Highest stage it was fitted to, m.
    """

    zero_m: float
    scale: float
    exponent: float
    spread_log: float
    top_m: float


def fit_rating(stage_m: Floats, discharge_m3_s: Floats) -> Rating | None:
    """Fit a rating to pairs of stage and discharge.

    For every exponent tried, :math:`Q^{1/b}` is linear in the stage, so the zero comes from a straight line; the
    exponent with the least error of ln Q is kept.

    Parameters
    ----------
    stage_m, discharge_m3_s : float64 arrays, shape (n,)
        Pairs, NaN where unknown.

    Returns
    -------
    Rating or None
        None for fewer than 24 pairs, or where discharge does not rise with the stage.

    Examples
    --------
    >>> h = np.linspace(1.0, 5.0, 40)
    >>> found = fit_rating(h, 50.0 * (h - 0.5) ** 2)
    >>> round(found.zero_m, 3), round(found.scale, 1), found.exponent
    (0.5, 50.0, 2.0)
    """
    good = np.isfinite(stage_m) & np.isfinite(discharge_m3_s) & (discharge_m3_s > 0.0)
    h, q = stage_m[good], discharge_m3_s[good]
    if len(h) < LEAST_PAIRS or float(np.ptp(h)) < 0.05:
        return None
    best: Rating | None = None
    for b in EXPONENTS:
        root = q ** (1.0 / b)
        slope, start = np.polyfit(h, root, 1)
        if slope <= 0.0:
            continue
        zero = -start / slope
        above = h > zero
        if above.mean() < 0.9:
            continue
        miss = np.log(q[above]) - np.log(slope**b * (h[above] - zero) ** b)
        spread = float(np.sqrt(np.mean(miss**2)))
        if best is None or spread < best.spread_log:
            best = Rating(
                zero_m=float(zero), scale=float(slope**b), exponent=float(b), spread_log=spread, top_m=float(h.max())
            )
    return best


def rated_discharge_m3_s(rating: Rating, stage_m: Floats) -> Floats:
    """Discharge of a stage; zero below the stage of no flow. NaN stays NaN."""
    return np.asarray(rating.scale * np.maximum(stage_m - rating.zero_m, 0.0) ** rating.exponent, dtype=np.float64)


def rated_stage_m(rating: Rating, discharge_m3_s: Floats) -> Floats:
    """Stage of a discharge.

    Examples
    --------
    >>> curve = Rating(zero_m=0.5, scale=50.0, exponent=2.0, spread_log=0.0, top_m=5.0)
    >>> float(rated_stage_m(curve, np.array(200.0)))
    2.5
    """
    return np.asarray(
        rating.zero_m + (np.maximum(discharge_m3_s, 0.0) / rating.scale) ** (1.0 / rating.exponent), dtype=np.float64
    )


def discharge_spread(
    discharge_m3_s: Floats, trusted_m3_s: Floats, *, within: float = 0.08, beyond: float = 0.15
) -> Floats:
    """Standard deviation of ln Q of a published rating, growing with the logarithm of how far it is carried.

    Parameters
    ----------
    discharge_m3_s, trusted_m3_s : float64 arrays, broadcast
        Discharge read off the rating, and the one up to which it is taken as measured.
    within, beyond : float
        Spread inside the measured range (8 %: ISO 1100-2 calls 5 to 10 % usual), and what is added per factor *e*
        beyond it.

    Examples
    --------
    >>> discharge_spread(np.array([500.0, 2718.28]), np.array(1000.0)).round(3).tolist()
    [0.08, 0.23]
    """
    past = np.log(np.maximum(discharge_m3_s / np.maximum(trusted_m3_s, 1e-9), 1.0))
    return np.asarray(within + beyond * past, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCurve:
    r"""Stage by discharge as it was seen, carried on by a power law; holds where weirs, tides or a lake make the foot.

    Parameters
    ----------
    discharge_m3_s, stage_m : float64 arrays, shape (k,)
        Points, both ascending.
    zero_m, exponent : float
        Above the last point, :math:`h - h_0 \propto Q^{1/b}`.
    """

    discharge_m3_s: Floats
    stage_m: Floats
    zero_m: float
    exponent: float


def fit_stage_curve(stage_m: Floats, discharge_m3_s: Floats, rating: Rating | None = None) -> StageCurve | None:
    """Median stage by classes of discharge, made monotone; carried on by the rating, or as a wide channel.

    Parameters
    ----------
    stage_m, discharge_m3_s : float64 arrays, shape (n,)
        Pairs, NaN where unknown; the discharge may be a computed one.
    rating : Rating, optional
        Power law for what lies above; without it Q ∝ (h - lowest stage)^(5/3).

    Examples
    --------
    >>> q = np.linspace(10.0, 100.0, 200)
    >>> curve = fit_stage_curve(1.0 + (q / 50.0) ** 0.6, q)
    >>> round(float(curve_stage_m(curve, np.array(50.0))), 2)
    2.0
    """
    good = np.isfinite(stage_m) & np.isfinite(discharge_m3_s) & (discharge_m3_s > 0.0)
    h, q = stage_m[good], discharge_m3_s[good]
    if len(h) < LEAST_PAIRS:
        return None
    edge = np.exp(np.linspace(np.log(q.min()), np.log(q.max()), CLASSES + 1))
    place = np.clip(np.searchsorted(edge, q, side="right") - 1, 0, CLASSES - 1)
    rows = [(float(np.median(q[place == k])), float(np.median(h[place == k]))) for k in np.unique(place).tolist()]
    points = np.array(rows)
    return StageCurve(
        discharge_m3_s=points[:, 0],
        stage_m=np.maximum.accumulate(points[:, 1]),
        zero_m=min(rating.zero_m, points[0, 1]) if rating else float(points[0, 1]),
        exponent=rating.exponent if rating else 5.0 / 3.0,
    )


def curve_stage_m(curve: StageCurve, discharge_m3_s: Floats) -> Floats:
    """Stage of a discharge: between the points by straight lines, above them by the power law."""
    top_q, top_h = curve.discharge_m3_s[-1], curve.stage_m[-1]
    inside = np.interp(discharge_m3_s, curve.discharge_m3_s, curve.stage_m)
    over = np.maximum(discharge_m3_s / top_q, 1.0) ** (1.0 / curve.exponent) - 1.0
    return np.asarray(inside + (top_h - curve.zero_m) * over, dtype=np.float64)
