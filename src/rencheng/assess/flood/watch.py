"""When the flood engine is to run, and what it is given: measured rain, the water it goes on from, whom it believes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import NOWCAST
from rencheng.assess.flood.skill import members_at
from rencheng.assess.frame import CityFrame
from rencheng.assess.model import FloodMemory, PublishedFlood
from rencheng.assess.ports import FieldStore
from rencheng.assess.rules import FloodRules
from rencheng.assess.windows import series_window
from rencheng.kernel import FactId, InvalidInput, NotFound, hours, micros
from rencheng.science.ensemble_verification import member_weights
from rencheng.science.rainfall import rates_in_bins
from rencheng.sense.facts import RainPictureTaken
from rencheng.sense.ports import Readings
from rencheng.sense.rain_picture import RainPicture, rain_picture_from_table

__all__ = ["STEP_MIN", "CycleRequest", "RainRecord", "cycle_wanted", "measured_rain"]

STEP_MIN = 5
"""Rain is given in steps of so many minutes."""
_GAUGE_REACH_M = 30_000.0
_STAGE_HOLDS_H = 2.0
"""A river stands about as it did so long ago; a gauge silent for longer says nothing."""
_PICTURE_AGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class RainRecord:
    """Rain as it was measured, up to the instant that a cycle stands on.

    Parameters
    ----------
    xy_m : float64 array, shape (gauges, 2)
        Gauges in the city's metric reference system.
    edges_s : float64 array, shape (steps + 1,)
        Step edges, seconds before (negative) the instant the cycle stands on; the last is 0.
    rate_mm_h : float64 array, shape (steps, gauges)
        NaN where a gauge was not heard.
    pictures : tuple of (float, RainPicture)
        Radar pictures with their time in the same seconds, oldest first.
    """

    xy_m: NDArray[np.float64]
    edges_s: NDArray[np.float64]
    rate_mm_h: NDArray[np.float64]
    pictures: tuple[tuple[float, RainPicture], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleRequest:
    """Everything a cycle needs beside the city; plain arrays, so that another process can compute it.

    Parameters
    ----------
    based_at : datetime
        Instant that lead times count from.
    rain : RainRecord
        From ``since`` up to ``based_at``.
    since : datetime
        Where the computation begins: the last cycle's instant, or some hours back on dry ground.
    analysis : str
        Field of every member's water at ``since``; empty for dry ground.
    weights : tuple of float
        Weight of each member after the sensors were heard.
    members : int
        How many.
    seed : int
        Of the cycle's chance.
    advice_places : int
        Worst places to try alternatives at.
    cause : tuple of FactId
        Pictures and the forecast it goes on from.
    river : tuple of (x_m, y_m, level_m)
        Height of the water at the river gauges near the city, in the terrain's datum.
    """

    based_at: datetime
    rain: RainRecord
    since: datetime
    analysis: str
    weights: tuple[float, ...]
    members: int
    seed: int
    advice_places: int
    cause: tuple[FactId, ...]
    river: tuple[tuple[float, float, float], ...] = ()
    product: str = NOWCAST
    rain_forecast_id: str = ""


def cycle_wanted(
    memory: FloodMemory,
    frame: CityFrame,
    readings: Readings,
    fields: FieldStore,
    rules: FloodRules,
    now: datetime,
    *,
    seed: int,
) -> CycleRequest | None:
    """Ask whether it is time for a cycle, and put together what it needs; None when it is not.

    A cycle is wanted every ``every_min`` while it rains at a gauge near the city or in a picture, while a street
    sensor stands in water, or while the last forecast still shows any.
    """
    if rules.every_min <= 0 or not len(frame.cells) or not _due(memory, rules, now):
        return None
    near = _near(frame)
    newest = _newest_picture(memory, now)
    last = _usable(memory, rules, now)
    if not (
        newest >= rules.begin_mm_h
        or _gauge_rate(frame, readings, near, now) >= rules.begin_mm_h
        or _street_depth(frame, readings, now) >= rules.wet_depth_m
        or _still_wet(last)
    ):
        return None
    members = max(rules.least_members, rules.members // 2**memory.given_up)
    if last is not None and len(last.body.weights) != members:
        last = None  # fewer members cannot go on from more: begin anew
    since = last.body.based_at if last else _to_step(now - hours(rules.look_back_h))
    used = _used(memory.pictures, since, now)
    return CycleRequest(
        based_at=now,
        rain=_rain_record(frame, readings, fields, near, used, since, now),
        since=since,
        analysis=last.body.analysis if last else "",
        weights=_believed(frame, readings, fields, rules, now, last, members),
        members=members,
        seed=seed,
        advice_places=rules.advice_places,
        cause=(*(fact for fact, _ in used[-1:]), *((last.fact_id,) if last else ())),
        river=_river(frame, readings, now),
    )


def _due(memory: FloodMemory, rules: FloodRules, now: datetime) -> bool:
    return memory.tried_at is None or now - memory.tried_at >= timedelta(minutes=rules.every_min)


def _usable(memory: FloodMemory, rules: FloodRules, now: datetime) -> PublishedFlood | None:
    """The last forecast, if it is young enough to go on from."""
    last = memory.last
    return last if last is not None and now - last.body.based_at <= hours(rules.look_back_h) else None


def _newest_picture(memory: FloodMemory, now: datetime) -> float:
    return max((p.highest_mm_h for _, p in memory.pictures if now - _PICTURE_AGE < p.at <= now), default=0.0)


def _gauge_rate(frame: CityFrame, readings: Readings, near: NDArray[np.int64], now: datetime) -> float:
    rain = series_window(readings, frame.gauges, "rain_mm", start=now - hours(1.5), end=now)
    edges = np.array([micros(now - timedelta(minutes=30)), micros(now)], dtype=np.int64)
    rate = rates_in_bins(rain.row, rain.at_us, rain.value, gauges=len(frame.gauges), edges_us=edges)[0, near]
    return float(np.nanmax(rate)) if np.isfinite(rate).any() else 0.0


def _street_depth(frame: CityFrame, readings: Readings, now: datetime) -> float:
    depth = series_window(readings, frame.gauges, "water_depth_m", start=now - timedelta(minutes=15), end=now)
    return float(depth.value.max(initial=0.0))


def _still_wet(last: PublishedFlood | None) -> bool:
    """Whether the last forecast ends with water at somebody's wall or in an underpass."""
    if last is None or not last.body.totals:
        return False
    end = last.body.totals[-1]
    return end.buildings > 0 or end.underpasses > 0


def measured_rain(
    frame: CityFrame,
    readings: Readings,
    fields: FieldStore,
    pictures: tuple[tuple[FactId, RainPictureTaken], ...],
    since: datetime,
    now: datetime,
) -> RainRecord:
    """Rain at the gauges near the city and in pictures from ``since``, brought to a whole step, up to ``now``."""
    begin = _to_step(since)
    return _rain_record(frame, readings, fields, _near(frame), _used(pictures, begin, now), begin, now)


def _near(frame: CityFrame) -> NDArray[np.int64]:
    return np.flatnonzero(frame.gauges.near_city_m <= _GAUGE_REACH_M)


def _used(
    pictures: tuple[tuple[FactId, RainPictureTaken], ...], since: datetime, now: datetime
) -> tuple[tuple[FactId, RainPictureTaken], ...]:
    return tuple(p for p in pictures if since - _PICTURE_AGE < p[1].at <= now)


def _to_step(at: datetime) -> datetime:
    return at - timedelta(minutes=at.minute % STEP_MIN, seconds=at.second, microseconds=at.microsecond)


def _rain_record(
    frame: CityFrame,
    readings: Readings,
    fields: FieldStore,
    near: NDArray[np.int64],
    pictures: tuple[tuple[FactId, RainPictureTaken], ...],
    since: datetime,
    now: datetime,
) -> RainRecord:
    steps = max(1, int(np.ceil((now - since).total_seconds() / 60.0 / STEP_MIN)))
    edges_s = -np.arange(steps, -1, -1, dtype=np.float64) * STEP_MIN * 60.0
    edges_s[0] = -(now - since).total_seconds()
    edges_us = micros(now) + np.rint(edges_s * 1e6).astype(np.int64)
    rain = series_window(readings, frame.gauges, "rain_mm", start=since - hours(1.5), end=now)
    rate = rates_in_bins(rain.row, rain.at_us, rain.value, gauges=len(frame.gauges), edges_us=edges_us)
    shown = tuple(
        ((body.at - now).total_seconds(), picture)
        for _, body in pictures
        if (picture := _picture(fields, body.field)) is not None
    )
    return RainRecord(xy_m=frame.gauges.xy_m[near], edges_s=edges_s, rate_mm_h=rate[:, near], pictures=shown)


def _river(frame: CityFrame, readings: Readings, now: datetime) -> tuple[tuple[float, float, float], ...]:
    """Level at every river gauge near the city whose zero is known and that was heard in the last hours."""
    gauges = frame.gauges
    stage = series_window(readings, gauges, "stage_m", start=now - hours(_STAGE_HOLDS_H), end=now)
    last = {int(row): float(value) for row, value in zip(stage.row, stage.value, strict=True)}
    return tuple(
        (float(gauges.xy_m[row, 0]), float(gauges.xy_m[row, 1]), round(gauges.stage_zero_m[row] + value, 3))
        for row, value in sorted(last.items())
        if row in gauges.stage_zero_m and gauges.near_city_m[row] <= _GAUGE_REACH_M
    )


def _picture(fields: FieldStore, name: str) -> RainPicture | None:
    """A stored picture; None where an order named one that nobody stored, which must not stop the loop."""
    try:
        return rain_picture_from_table(fields.get(name))
    except (NotFound, InvalidInput):
        return None


def _believed(
    frame: CityFrame,
    readings: Readings,
    fields: FieldStore,
    rules: FloodRules,
    now: datetime,
    last: PublishedFlood | None,
    members: int,
) -> tuple[float, ...]:
    """Weights after hearing street sensors since the last cycle; equal for a fresh start."""
    even = np.full(members, 1.0 / members)
    if last is None:
        return tuple(even.tolist())
    prior = 0.9 * np.asarray(last.body.weights) + 0.1 * even  # what was believed is forgotten slowly
    said = members_at(fields.get(last.body.points))
    depth = series_window(readings, frame.gauges, "water_depth_m", start=last.body.based_at, end=now)
    within_us = int(rules.pair_within_min * 60e6)
    rows, seen = [], []
    for (sensor, lead), water in said.items():
        valid = micros(last.body.based_at + timedelta(minutes=lead))
        mine = depth.row == frame.gauges.index.get(sensor, -1)
        if lead > 0 and valid <= micros(now) and mine.any():
            k = int(np.abs(depth.at_us[mine] - valid).argmin())
            value = float(depth.value[mine][k])
            if abs(int(depth.at_us[mine][k]) - valid) <= within_us and max(value, float(water.max())) >= 0.01:
                rows.append(water)
                seen.append(value)
    if not rows:
        return tuple(prior.tolist())
    sigma = rules.sensor_sigma_m
    weights = member_weights(np.array(rows), np.array(seen), prior=prior, sigma=sigma)
    return tuple((weights / weights.sum()).tolist())
