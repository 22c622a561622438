"""How long the flood-prone points 易涝点 stand in water, by point and round, beside a baseline year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from rencheng.city import City, FloodPronePoint
from rencheng.kernel import from_micros
from rencheng.science.ponding import pondings
from rencheng.sense.ports import Readings

__all__ = ["CLEAR_RATIO", "TARGET_RATIO", "PointPonding", "PondingEvent", "PondingKpi", "point_ponding", "ponding_kpi"]

CLEAR_RATIO = 2.0 / 3.0
"""An event ends below this part of the point's warning depth (10 cm of 15 cm; this project's proposal)."""
TARGET_RATIO = -0.40
"""Change of the ponding duration that the city aims at (requirement SEN-43: 積水時間 −40 %)."""
_QUANTITY = "water_depth_m"
_LEAST_GAP = timedelta(minutes=30)
_MISSED = 3.5
"""Readings missed in a row, in intervals of the channel, after which a sensor is silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PondingEvent:
    """One time that a point stood in water."""

    start_at: datetime
    end_at: datetime
    peak_m: float
    duration_s: float
    above_s: float
    """Time at the warning depth or above, straight lines drawn between readings."""
    closed: bool
    """Whether the closure depth was reached."""
    open: bool
    """Still standing at the last reading."""
    cut: bool
    """The sensor fell silent while the water stood: it lasted at least so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPonding:
    """A point's ponding in a round."""

    point_id: str
    measured: bool
    """False where no sensor watches the point or it told nothing: unknown, not dry."""
    events: tuple[PondingEvent, ...]
    above_s: float
    """Whole time at the warning depth or above."""
    mean_s: float | None
    """Mean duration of the events that count; None where none does."""
    baseline_s: float | None
    change_ratio: float | None
    """Mean over baseline less one; None without either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PondingKpi:
    """Ponding duration of all points of a round against their baseline."""

    points: int
    watched: int
    measured: int
    ponded: int
    """Points with an event."""
    events: int
    counted: int
    """Events that the change is reckoned from."""
    mean_s: float | None
    baseline_s: float | None
    """Mean baseline of the points of the counted events, each as often as it stood in water."""
    change_ratio: float | None
    target_ratio: float
    met: bool | None


def point_ponding(
    city: City, points: Sequence[FloodPronePoint], readings: Readings | None, start: datetime, end: datetime
) -> dict[str, PointPonding]:
    """Ponding of every point in a window, from its street sensor's good readings; without a store nothing is measured.

    An event begins at the point's warning depth and ends below two thirds of it. One that still goes on, or that was
    cut off by a silent sensor, lasted at least so long: it counts towards means only once it is longer than the target,
    so that what is not over cannot look better than what was pumped out late.
    """
    sensors = sorted({point.sensor.sensor_id for point in points if point.sensor})
    table = readings.window(_QUANTITY, start=start, end=end, sensors=sensors) if readings and sensors else None
    gaps = _gaps(city)
    return {point.point_id: _ponding(point, table, gaps) for point in points}


def ponding_kpi(points: Sequence[FloodPronePoint], found: dict[str, PointPonding]) -> PondingKpi:
    """Sum the ponding of points up; the change is that of the counted events' duration over their own baselines."""
    spans = [(_counted(p.events, p.baseline_s), p.baseline_s) for p in found.values()]
    durations = [d for counted, base in spans if base for d in counted]
    baselines = [base for counted, base in spans if base for _ in counted]
    mean = float(np.mean(durations)) if durations else None
    baseline = float(np.mean(baselines)) if baselines else None
    change = mean / baseline - 1.0 if mean is not None and baseline else None
    return PondingKpi(
        points=len(points),
        watched=sum(point.sensor is not None for point in points),
        measured=sum(p.measured for p in found.values()),
        ponded=sum(bool(p.events) for p in found.values()),
        events=sum(len(p.events) for p in found.values()),
        counted=len(durations),
        mean_s=mean,
        baseline_s=baseline,
        change_ratio=change,
        target_ratio=TARGET_RATIO,
        met=None if change is None else change <= TARGET_RATIO,
    )


def _gaps(city: City) -> dict[str, float]:
    """Silence of a sensor after which nothing is known, seconds."""
    rows = city.rows_where("channels", "quantity", [_QUANTITY])
    return {row["sensor_id"]: _MISSED * (row.get("interval_s") or 0.0) for row in rows}


def _ponding(point: FloodPronePoint, table: pa.Table | None, gaps: dict[str, float]) -> PointPonding:
    base = point.baseline_ponding_s
    if table is None or point.sensor is None:
        return _unmeasured(point)
    mine = np.asarray(table["sensor_id"].to_numpy(zero_copy_only=False) == point.sensor.sensor_id, dtype=bool)
    rows = table.filter(pa.array(mine))
    if not len(rows):
        return _unmeasured(point)
    micros = rows["at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    first, at = from_micros(int(micros[0])), (micros - micros[0]) / 1e6
    gap = max(gaps.get(point.sensor.sensor_id, 0.0), _LEAST_GAP.total_seconds())
    depth = rows["value"].to_numpy().astype(np.float64)
    made = pondings(at, depth, rise_m=point.warning_m, clear_m=CLEAR_RATIO * point.warning_m, gap_s=gap)
    events = tuple(
        PondingEvent(
            start_at=first + timedelta(seconds=float(made.start_s[k])),
            end_at=first + timedelta(seconds=float(made.end_s[k])),
            peak_m=round(float(made.peak_m[k]), 3),
            duration_s=float(made.duration_s[k]),
            above_s=round(float(made.above_s[k]), 1),
            closed=bool(made.peak_m[k] >= point.closure_m),
            open=bool(made.open[k]),
            cut=bool(made.cut[k]),
        )
        for k in range(len(made))
    )
    counted = _counted(events, base)
    mean = float(np.mean(counted)) if counted else None
    return PointPonding(
        point_id=point.point_id,
        measured=True,
        events=events,
        above_s=float(made.above_s.sum()),
        mean_s=mean,
        baseline_s=base,
        change_ratio=mean / base - 1.0 if mean is not None and base else None,
    )


def _unmeasured(point: FloodPronePoint) -> PointPonding:
    return PointPonding(
        point_id=point.point_id,
        measured=False,
        events=(),
        above_s=0.0,
        mean_s=None,
        baseline_s=point.baseline_ponding_s,
        change_ratio=None,
    )


def _counted(events: Sequence[PondingEvent], baseline_s: float | None) -> list[float]:
    """Durations that count: of events that are over, and of those that are not once they miss the target."""
    target = (1.0 + TARGET_RATIO) * baseline_s if baseline_s else 0.0
    return [e.duration_s for e in events if not (e.open or e.cut) or e.duration_s > target]
