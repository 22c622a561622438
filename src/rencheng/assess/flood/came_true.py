"""Looking back: which lead times of which forecasts have come, and what sensors and people saw then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

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
    """Score what has come true since the last score; one fact, or none where nothing was observed."""
    due = list(_due(memory, rules, now))
    if not due:
        return []
    pairs = Pairs()
    within = timedelta(minutes=rules.pair_within_min)
    first = min(f.body.based_at for f, _ in due) - within
    depth = series_window(readings, gauges, "water_depth_m", start=first, end=now)
    for forecast in {f.fact_id: f for f, _ in due}.values():
        leads = [lead for f, lead in due if f.fact_id == forecast.fact_id]
        _pair_sensors(pairs, forecast, leads, depth, gauges, fields, rules)
    since = memory.scored_at or first
    _pair_reports(pairs, memory, [r for r in reports if since < r.at <= now], fields)
    if not pairs:
        return []
    last = due[-1][0]
    body = running_score(last.body.model, pairs, memory.score)
    cause = tuple(dict.fromkeys(f.fact_id for f, _ in due))
    return [Draft(stream="flood/score", body=body, occurred_at=now, actor="rule:flood-skill", cause=cause)]


def _due(memory: FloodMemory, rules: FloodRules, now: datetime) -> Iterator[tuple[PublishedFlood, int]]:
    """(forecast, lead) whose readings are all in by ``now`` and were not by the last score."""
    within = timedelta(minutes=rules.pair_within_min)
    for forecast in memory.forecasts:
        for lead in forecast.body.lead_min:
            closed = forecast.body.based_at + timedelta(minutes=lead) + within
            if lead > 0 and closed <= now and (memory.scored_at is None or closed > memory.scored_at):
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
            seen = _nearest(at, value, valid, within_us)
            if (sensor, lead) in said and np.isfinite(seen):
                pairs.add(lead, said[sensor, lead], weights, seen, before)


def _nearest(at_us: NDArray[np.int64], value: NDArray[np.float64], wanted_us: int, within_us: int) -> float:
    if not len(at_us):
        return float("nan")
    k = int(np.abs(at_us - wanted_us).argmin())
    return float(value[k]) if abs(int(at_us[k]) - wanted_us) <= within_us else float("nan")


def _pair_reports(pairs: Pairs, memory: FloodMemory, reports: list[ReceivedReport], fields: FieldStore) -> None:
    """A report of so much water asks every forecast made before it what it had said for that place and time."""
    wet = [r for r in reports if (r.body.depth_m or 0.0) >= THRESHOLDS_M[0]]
    if not wet:
        return
    for forecast in memory.forecasts:
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
    return min((lead for lead in forecast.body.lead_min if lead > 0), key=lambda lead: (abs(lead - minutes), lead))


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
