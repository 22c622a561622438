"""What foretells a river's stage: its own course, rises and water upstream, and rain over the basin.

Every term can only push the stage one way, see :mod:`rencheng.science.stage_forecast`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Basin", "Upstream", "correction_terms", "ordinary_stage_m", "rise_m", "spread_terms"]

Floats = NDArray[np.float64]

OWN_SPANS_H = (1, 3, 6, 12, 24)
UPSTREAM_SPANS_H = (6, 24)
RAIN_SPANS_H = (6, 24, 72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A gauge whose past tells of this one's future, and how many hours its news is old."""

    column: int
    lag_h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basin:
    """What a gauge's forecast reads.

    Parameters
    ----------
    target : int
        Column of the gauge in the stage grid.
    upstream : tuple of Upstream
        Gauges read besides, most telling first.
    rain_columns : tuple of int
        Columns of the rain grid whose mean is the basin's rain.
    level_m : float64 array, shape (1 + upstream,)
        Ordinary stage of the target and of each upstream gauge.
    """

    target: int
    upstream: tuple[Upstream, ...]
    rain_columns: tuple[int, ...]
    level_m: Floats


def ordinary_stage_m(stage: Floats) -> float:
    """Lower quartile of the known stages: the river in ordinary flow; 0 where none is known."""
    known = np.sort(stage[np.isfinite(stage)])
    return float(known[len(known) // 4]) if len(known) else 0.0


def rise_m(stage: Floats, span: int, lag: int = 0) -> Floats:
    """Rise over ``span`` hours that ended ``lag`` hours ago; shape as ``stage``, NaN where unknown."""
    out = np.full_like(stage, np.nan)
    far = span + lag
    if far < len(stage):
        out[far:] = stage[span : len(stage) - lag] - stage[: len(stage) - far]
    return out


def _running_sum(rain: Floats, span: int) -> Floats:
    total = np.cumsum(np.r_[np.zeros(1), rain])
    first = np.maximum(np.arange(1, len(rain) + 1) - span, 0)
    return np.asarray(total[1:] - total[first], dtype=np.float64)


def _basin_rain(rain: Floats, columns: tuple[int, ...]) -> Floats:
    """Mean hourly rain over the gauges that report, 0 where none does; shape (hours,)."""
    if not columns:
        return np.zeros(len(rain))
    part = rain[:, list(columns)]
    known = np.isfinite(part)
    count = known.sum(axis=1)
    return np.where(count > 0, np.where(known, part, 0.0).sum(axis=1) / np.maximum(count, 1), 0.0)


def correction_terms(stage: Floats, rain: Floats, basin: Basin) -> Floats:
    """Terms of the correction, shape (hours, terms); what is unknown adds nothing."""
    own = stage[:, basin.target]
    level = basin.level_m
    columns = [rise_m(own, span) for span in OWN_SPANS_H]
    columns.append(-(own - level[0]))
    for i, source in enumerate(basin.upstream):
        up = stage[:, source.column]
        columns.extend(rise_m(up, span, source.lag_h) for span in UPSTREAM_SPANS_H)
        lagged = np.full_like(up, np.nan)
        lagged[source.lag_h :] = up[: len(up) - source.lag_h]
        columns.append(np.maximum(lagged - level[1 + i], 0.0))
    fallen = _basin_rain(rain, basin.rain_columns)
    columns.extend(_running_sum(fallen, span) for span in RAIN_SPANS_H)
    return np.nan_to_num(np.column_stack(columns))


def spread_terms(stage: Floats, terms: Floats, basin: Basin) -> Floats:
    """Terms of the expected absolute error: a floor and everything that makes a river lively; shape (hours, 5)."""
    own = stage[:, basin.target]
    upstream = len(basin.upstream)
    up = terms[:, len(OWN_SPANS_H) + 1 : len(OWN_SPANS_H) + 1 + 3 * upstream]
    rises = np.abs(up[:, 0::3]).sum(axis=1) / max(upstream, 1) if upstream else np.zeros(len(terms))
    return np.column_stack(
        [
            np.ones(len(terms)),
            np.abs(np.nan_to_num(rise_m(own, 6))),
            np.abs(np.nan_to_num(rise_m(own, 24))),
            rises,
            terms[:, -2],
        ]
    )
