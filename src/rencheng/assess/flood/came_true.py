"""Looking back: which lead times of which forecasts have come, and what sensors and people saw then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.assess.facts import NOWCAST, FloodForecastScored
from rencheng.assess.flood.frames import FloodFrames, frames_from_table
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.skill import Pairs, members_at, running_score
from rencheng.assess.frame import GaugeFrame
from rencheng.assess.model import FloodMemory, PublishedFlood, ReceivedReport
from rencheng.assess.ports import FieldStore
from rencheng.assess.rules import FloodRules
from rencheng.assess.windows import Series, series_window
from rencheng.kernel import Draft, micros
from rencheng.sense.ports import Readings

__all__ = ["score_drafts"]

_NEAR_REPORT_M = 50.0
"""A report says where its sender stood, not where the water is: the likeliest cell within this counts."""


def score_drafts(
    memory: FloodMemory,
    reports: tuple[ReceivedReport, ...],
    gauges: GaugeFrame,
    readings: Readings,
    fields: FieldStore,
    rules: FloodRules,
    now: datetime,
) -> list[Draft]:
    """Score what has come true since the last score; one fact per product, none where nothing was observed."""
    drafts = []
    for record in (
        _Record(memory.forecasts, memory.score, memory.scored_at),
        _Record(memory.day.forecasts, memory.day.score, memory.day.scored_at),
    ):
        drafts += _scored(record, reports, gauges, readings, fields, rules, now)
    return drafts


@dataclass(frozen=True, slots=True)
class _Record:
    """Forecasts of one product and how they came true so far."""

    forecasts: tuple[PublishedFlood, ...]
    score: FloodForecastScored | None
    scored_at: datetime | None


def _scored(
    record: _Record,
    reports: tuple[ReceivedReport, ...],
    gauges: GaugeFrame,
    readings: Readings,
    fields: FieldStore,
    rules: FloodRules,
    now: datetime,
) -> list[Draft]:
    due = list(_due(record, rules, now))
    if not due:
        return []
    pairs = Pairs()
    within = timedelta(minutes=rules.pair_within_min)
    first = min(f.body.based_at for f, _ in due) - within
    depth = series_window(readings, gauges, "water_depth_m", start=first, end=now)
    for forecast in {f.fact_id: f for f, _ in due}.values():
        leads = [lead for f, lead in due if f.fact_id == forecast.fact_id]
        _pair_sensors(pairs, forecast, leads, depth, gauges, fields, rules)
    since = record.scored_at or first
    _pair_reports(pairs, record, [r for r in reports if since < r.at <= now], fields)
    if not pairs:
        return []
    last = due[-1][0].body
    body = running_score(last.model, pairs, record.score, product=last.product)
    cause = tuple(dict.fromkeys(f.fact_id for f, _ in due))
    stream = "flood/score" if last.product == NOWCAST else f"flood/score/{last.product}"
    return [Draft(stream=stream, body=body, occurred_at=now, actor="rule:flood-skill", cause=cause)]


def _due(record: _Record, rules: FloodRules, now: datetime) -> Iterator[tuple[PublishedFlood, int]]:
    """(forecast, lead) whose readings are all in by ``now`` and were not by the last score."""
    within = timedelta(minutes=rules.pair_within_min)
    for forecast in record.forecasts:
        for lead in forecast.body.lead_min:
            closed = forecast.body.based_at + timedelta(minutes=lead) + within
            if lead > 0 and closed <= now and (record.scored_at is None or closed > record.scored_at):
                yield forecast, lead


def _pair_sensors(
    pairs: Pairs,
    forecast: PublishedFlood,
    leads: list[int],
    depth: Series,
    gauges: GaugeFrame,
    fields: FieldStore,
    rules: FloodRules,
) -> None:
    said = members_at(fields.get(forecast.body.points))
    weights = np.asarray(forecast.body.weights, dtype=np.float64)
    within_us = int(rules.pair_within_min * 60e6)
    for sensor in dict.fromkeys(s for s, _ in said):
        row = gauges.index.get(sensor, -1)
        mine = depth.row == row
        at, value = depth.at_us[mine], depth.value[mine]
        before = _nearest(at, value, micros(forecast.body.based_at), within_us)
        for lead in leads:
            valid = micros(forecast.body.based_at + timedelta(minutes=lead))
            seen = (
                _deepest(at, value, valid, forecast.body.window_min)
                if forecast.body.window_min
                else _nearest(at, value, valid, within_us)
            )
            if (sensor, lead) in said and np.isfinite(seen):
                pairs.add(lead, said[sensor, lead], weights, seen, before)


def _nearest(at_us: NDArray[np.int64], value: NDArray[np.float64], wanted_us: int, within_us: int) -> float:
    if not len(at_us):
        return float("nan")
    k = int(np.abs(at_us - wanted_us).argmin())
    return float(value[k]) if abs(int(at_us[k]) - wanted_us) <= within_us else float("nan")


def _deepest(at_us: NDArray[np.int64], value: NDArray[np.float64], end_us: int, window_min: int) -> float:
    """Deepest reading of a window; NaN where the sensor was not heard in each of its quarters."""
    mine = (at_us > end_us - window_min * 60_000_000) & (at_us <= end_us)
    quarter = (at_us[mine] - (end_us - window_min * 60_000_000) - 1) // max(window_min * 15_000_000, 1)
    return float(value[mine].max()) if len(np.unique(quarter)) == 4 else float("nan")


def _pair_reports(pairs: Pairs, record: _Record, reports: list[ReceivedReport], fields: FieldStore) -> None:
    """A report of so much water asks every forecast made before it what it had said for that place and time."""
    wet = [r for r in reports if (r.body.depth_m or 0.0) >= THRESHOLDS_M[0]]
    if not wet:
        return
    for forecast in record.forecasts:
        heard = [(r, _lead(forecast, r)) for r in wet]
        asked = [(r, lead) for r, lead in heard if lead is not None]
        if asked:
            frames = frames_from_table(fields.get(forecast.body.frames))
            for report, lead in asked:
                for threshold in THRESHOLDS_M:
                    if (report.body.depth_m or 0.0) >= threshold:
                        chance = _chance(frames, lead, threshold, report.body.lon, report.body.lat)
                        if chance is not None:
                            pairs.reported.append((lead, threshold, chance))


def _lead(forecast: PublishedFlood, report: ReceivedReport) -> int | None:
    """The lead time of the forecast that is nearest to the report, None where it reaches not so far."""
    minutes = (report.at - forecast.body.based_at).total_seconds() / 60.0
    if not 0.0 < minutes <= forecast.body.lead_min[-1]:
        return None
    ahead = (lead for lead in forecast.body.lead_min if lead > 0)
    if forecast.body.window_min:
        return next(lead for lead in ahead if lead >= minutes)
    return min(ahead, key=lambda lead: (abs(lead - minutes), lead))


def _chance(frames: FloodFrames, lead: int, threshold: float, lon: float, lat: float) -> float | None:
    grid = frames.grid
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(lon, lat)
    row, column = int((y - grid.south_m) // grid.cell_m), int((x - grid.west_m) // grid.cell_m)
    if not (0 <= row < grid.ny and 0 <= column < grid.nx):
        return None
    reach = int(np.ceil(_NEAR_REPORT_M / grid.cell_m))
    raster = frames.exceed_prob[threshold][frames.lead_min.index(lead)]
    about = raster[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    return float(about.max()) / 100.0
