"""How flood forecasts come true: pairs with street sensors and reports, and the running score they add to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.facts import NOWCAST, FloodForecastScored, FloodScore
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.science.ensemble_verification import crps_ensemble, reliability_bins
from rencheng.science.verification import ContingencyTable

__all__ = ["LEAD_BUCKETS_MIN", "POINT_SCHEMA", "Pairs", "members_at", "points_table", "running_score"]

LEAD_BUCKETS_MIN = (30, 60, 120, 360, 720, 1440)
"""Lead times are judged together up to each of these."""
WET_M = 0.01
"""CRPS is taken where the forecast or the sensor shows at least this; dry pairs would flatter it."""
_EDGES = np.linspace(0.0, 1.0, 6)

F64 = NDArray[np.float64]

POINT_SCHEMA = pa.schema(
    [
        pa.field("sensor_id", pa.string(), nullable=False),
        pa.field("lead_min", pa.int32(), nullable=False),
        pa.field("member", pa.int32(), nullable=False),
        pa.field("depth_m", pa.float32(), nullable=False),
    ]
)
"""Depth of every member at every street sensor: ordered by sensor (as the city lists them), lead, member."""


def points_table(sensor_ids: tuple[str, ...], lead_min: tuple[int, ...], depth_m: NDArray[np.float32]) -> pa.Table:
    """Lay out depths at sensors, shape (sensors, leads, members), as a table."""
    sensors, leads, members = depth_m.shape
    return pa.table(
        [
            pa.array(np.repeat(np.array(sensor_ids, dtype=object), leads * members), pa.string()),
            pa.array(np.tile(np.repeat(np.array(lead_min, np.int32), members), sensors)),
            pa.array(np.tile(np.arange(members, dtype=np.int32), sensors * leads)),
            pa.array(depth_m.reshape(-1)),
        ],
        schema=POINT_SCHEMA,
    )


def members_at(points: pa.Table) -> Mapping[tuple[str, int], F64]:
    """Depths of the members by (sensor, lead in minutes)."""
    if not points.num_rows:
        return {}
    members = int(points["member"].to_numpy().max()) + 1
    depth = points["depth_m"].to_numpy().astype(np.float64).reshape(-1, members)
    first = points.take(pa.array(np.arange(0, points.num_rows, members)))
    keys = zip(first["sensor_id"].to_pylist(), first["lead_min"].to_pylist(), strict=True)
    return dict(zip(keys, depth, strict=True))


@dataclass(slots=True, kw_only=True)
class Pairs:
    """Forecasts beside what came, gathered before they are scored."""

    lead_min: list[int] = field(default_factory=list)
    members: list[F64] = field(default_factory=list)
    weights: list[F64] = field(default_factory=list)
    observed: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    """What the sensor showed when the forecast was made: the persistence forecast. NaN if unknown."""
    reported: list[tuple[int, float, float]] = field(default_factory=list)
    """(lead, threshold, probability forecast) where somebody reported at least the threshold."""

    def add(self, lead: int, members: F64, weights: F64, observed: float, before: float) -> None:
        """One sensor at one valid time."""
        self.lead_min.append(lead)
        self.members.append(members)
        self.weights.append(weights)
        self.observed.append(observed)
        self.before.append(before)

    def __bool__(self) -> bool:
        return bool(self.lead_min or self.reported)


def running_score(
    model: str, pairs: Pairs, before: FloodForecastScored | None, *, product: str = NOWCAST
) -> FloodForecastScored:
    """Add pairs to the score so far.

    A yes/no forecast is a probability of at least one half. Reports count as hits or misses only: nobody reports that a
    street is dry. Means are kept with their counts, so the running score is that of all pairs together.
    """
    observed, persisted = np.array(pairs.observed), np.array(pairs.before)
    crps = np.array(
        [
            crps_ensemble(m[None, :], np.array([o]), w)[0]
            for m, o, w in zip(pairs.members, pairs.observed, pairs.weights, strict=True)
        ]
    )
    wet = np.array(
        [max(o, float(m.max())) >= WET_M for m, o in zip(pairs.members, pairs.observed, strict=True)], np.bool_
    )
    wet &= np.isfinite(persisted) if len(persisted) else wet
    old_pairs = before.pairs if before else 0
    count = old_pairs + int(wet.sum())

    def mean(old: float | None, new: F64) -> float | None:
        return ((old or 0.0) * old_pairs + float(new.sum())) / count if count else None

    known = {(s.lead_min, s.threshold_m): s for s in before.scores} if before else {}
    scores = []
    for bucket in LEAD_BUCKETS_MIN:
        for threshold in THRESHOLDS_M:
            score = _bucket_score(bucket, threshold, pairs, observed, known.get((bucket, threshold)))
            if score is not None:
                scores.append(score)
    return FloodForecastScored(
        model=model,
        pairs=count,
        crps_m=_rounded(mean(before.crps_m if before else None, crps[wet] if len(crps) else crps)),
        persistence_crps_m=_rounded(
            mean(
                before.persistence_crps_m if before else None,
                np.abs(observed - persisted)[wet] if len(observed) else observed,
            )
        ),
        scores=tuple(scores),
        product=product,
    )


def _bucket_of(lead: int) -> int:
    return next((b for b in LEAD_BUCKETS_MIN if lead <= b), LEAD_BUCKETS_MIN[-1])


def _bucket_score(
    bucket: int, threshold: float, pairs: Pairs, observed: F64, old: FloodScore | None
) -> FloodScore | None:
    held = [k for k, lead in enumerate(pairs.lead_min) if _bucket_of(lead) == bucket]
    prob = np.array([float(pairs.weights[k][pairs.members[k] >= threshold].sum()) for k in held])
    seen = observed[held] >= threshold if held else np.zeros(0, np.bool_)
    said = prob >= 0.5
    reported = np.array([p for lead, t, p in pairs.reported if t == threshold and _bucket_of(lead) == bucket])
    hits = int((said & seen).sum()) + int((reported >= 0.5).sum()) + (old.hits if old else 0)
    misses = int((~said & seen).sum()) + int((reported < 0.5).sum()) + (old.misses if old else 0)
    false_alarms = int((said & ~seen).sum()) + (old.false_alarms if old else 0)
    negatives = int((~said & ~seen).sum()) + (old.correct_negatives if old else 0)
    if not hits + misses + false_alarms + negatives:
        return None
    bins = _merged(old.reliability if old else (), reliability_bins(np.clip(prob, 0, 1), seen, _EDGES))
    sensed = sum(n for _, _, n in bins)
    old_sensed = sum(n for _, _, n in old.reliability) if old else 0
    new_brier = float(((prob - seen) ** 2).sum())
    table = ContingencyTable(hits=hits, misses=misses, false_alarms=false_alarms, correct_negatives=negatives)
    return FloodScore(
        lead_min=bucket,
        threshold_m=threshold,
        hits=hits,
        misses=misses,
        false_alarms=false_alarms,
        correct_negatives=negatives,
        pod=_rounded(table.pod),
        far=_rounded(table.far),
        csi=_rounded(table.csi),
        brier=_rounded(_per(((old.brier or 0.0) if old else 0.0) * old_sensed + new_brier, sensed)),
        reliability=bins,
    )


def _per(total: float, count: int) -> float | None:
    return total / count if count else None


def _merged(
    old: Iterable[tuple[float, float, int]], new: Iterable[tuple[float, float, int]]
) -> tuple[tuple[float, float, int], ...]:
    bins: dict[int, tuple[float, float, int]] = {}
    for forecast, happened, count in (*old, *new):
        place = min(int(np.searchsorted(_EDGES, forecast, side="right")) - 1, len(_EDGES) - 2)
        f, h, n = bins.get(place, (0.0, 0.0, 0))
        total = n + count
        bins[place] = ((f * n + forecast * count) / total, (h * n + happened * count) / total, total)
    return tuple((round(f, 4), round(h, 4), n) for _, (f, h, n) in sorted(bins.items()))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
