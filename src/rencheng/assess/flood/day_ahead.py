"""The flood forecast of the next day: when it is wanted, what it is given, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from rencheng.assess.facts import DAY_AHEAD
from rencheng.assess.flood.cycle import CycleResult, ensemble_cycle, member_traits
from rencheng.assess.flood.day_rain import day_rain
from rencheng.assess.flood.ensemble import MemberPool
from rencheng.assess.flood.watch import RainRecord, measured_rain
from rencheng.assess.frame import CityFrame
from rencheng.assess.model import DayAheadMemory, FloodMemory
from rencheng.assess.ports import FieldStore
from rencheng.assess.rules import FloodRules
from rencheng.kernel import FactId, InvalidInput, NotFound, hours
from rencheng.sense.facts import RainForecastTaken
from rencheng.sense.ports import Readings
from rencheng.sense.rain_forecast import RainForecast, rain_forecast_from_table

__all__ = ["LOOK_MIN", "DayAheadRequest", "day_ahead_cycle", "day_ahead_wanted"]

LOOK_MIN = 10.0
"""Between two lead times the water is looked at so often: a cloudburst floods an underpass in half an hour."""
_RECENT_CYCLES = 2.0
_LEAST_HORIZON_H = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadRequest:
    """Everything a day-ahead cycle needs beside the city; plain arrays, so that another process can compute it.

    Parameters
    ----------
    based_at : datetime
        Instant that lead times count from.
    record : RainRecord
        Rain measured in the hours before, from which the streets' water begins.
    forecast : RainForecast
        The rain to come, its steps counted from ``issued_at``.
    issued_at : datetime
        Issue of the rain forecast.
    rain_forecast_id : str
        Its id.
    horizon_h, step_h : float
        How far to look ahead, and how far frames are apart.
    members, seed : int
        How many members, and the seed of the cycle's chance.
    cause : tuple of FactId
        The rain forecast.
    """

    based_at: datetime
    record: RainRecord
    forecast: RainForecast
    issued_at: datetime
    rain_forecast_id: str
    horizon_h: float
    step_h: float
    members: int
    seed: int
    cause: tuple[FactId, ...]
    product: str = DAY_AHEAD


def day_ahead_wanted(
    memory: FloodMemory,
    frame: CityFrame,
    readings: Readings,
    fields: FieldStore,
    rules: FloodRules,
    now: datetime,
    *,
    seed: int,
) -> DayAheadRequest | None:
    """Ask whether a cycle of the next day is to run, and put together what it needs; None when it is not.

    It is wanted when a forecast of the rain stands from which none was computed yet, unless that is dry and so was the
    last one. While cycles of the next two hours are running it waits for the time between two of them.
    """
    if rules.day_horizon_h <= 0.0 or not len(frame.cells) or _in_the_way(memory, rules, now):
        return None
    standing = _newest(memory.day, now)
    if standing is None or not _new(memory.day, standing[1], rules):
        return None
    fact_id, rain = standing
    forecast = _stored(fields, rain.field)
    if forecast is None:
        return None
    tried, times = memory.day.tried
    halved = times if tried == rain.forecast_id else 0
    since = now - hours(rules.look_back_h)
    return DayAheadRequest(
        based_at=now,
        record=measured_rain(frame, readings, fields, memory.pictures, since, now),
        forecast=forecast,
        issued_at=rain.issued_at,
        rain_forecast_id=rain.forecast_id,
        horizon_h=rules.day_horizon_h,
        step_h=rules.day_step_h,
        members=max(rules.least_members, rules.day_members // 2**halved),
        seed=seed,
        cause=(fact_id,),
    )


def _in_the_way(memory: FloodMemory, rules: FloodRules, now: datetime) -> bool:
    """Whether the next cycle of the next two hours may be due before this one could be done."""
    if memory.tried_at is None or rules.day_budget_s >= 60.0 * rules.every_min:
        return False
    since_s = (now - memory.tried_at).total_seconds()
    if since_s > 60.0 * _RECENT_CYCLES * rules.every_min:
        return False  # none has run for a while
    return since_s + rules.day_budget_s > 60.0 * rules.every_min


def _newest(memory: DayAheadMemory, now: datetime) -> tuple[FactId, RainForecastTaken] | None:
    """The newest forecast of the rain that still has hours ahead."""
    ahead = now + hours(_LEAST_HORIZON_H)
    usable = (r for r in reversed(memory.rain) if r[1].issued_at + hours(r[1].horizon_h) >= ahead)
    return next(usable, None)


def _new(memory: DayAheadMemory, rain: RainForecastTaken, rules: FloodRules) -> bool:
    last = memory.last
    if last is not None and last.body.rain_forecast_id == rain.forecast_id:
        return False
    if memory.tried[0] == rain.forecast_id and memory.tried[1] >= rules.day_tries:
        return False
    wet_before = last is not None and any(t.area_km2 > 0.0 for t in last.body.totals)
    return wet_before or rain.total_mm >= rules.day_least_mm


def _stored(fields: FieldStore, name: str) -> RainForecast | None:
    """A stored forecast; None where an order named one that nobody stored, which must not stop the loop."""
    try:
        return rain_forecast_from_table(fields.get(name))
    except (NotFound, InvalidInput):
        return None


def day_ahead_cycle(
    pool: MemberPool,
    record: RainRecord,
    forecast: RainForecast,
    *,
    members: int,
    rng: np.random.Generator,
    age_s: float = 0.0,
    horizon_h: float = 24.0,
    step_h: float = 3.0,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> CycleResult | None:
    """Forecast the water of the next day from a forecast of the rain.

    Use a pool over a coarser domain (30 to 50 m): a day of a city at 20 m takes minutes.

    Parameters
    ----------
    pool : MemberPool
        Holds the domain.
    record : RainRecord
        Rain measured in the hours before.
    forecast : RainForecast
        Rain to come.
    members : int
        Members of the ensemble.
    rng : numpy.random.Generator
        Source of chance.
    age_s : float
        Time since the forecast was issued.
    horizon_h, step_h : float
        How far to look ahead, as far as the forecast reaches, and how far lead times are apart; each shows the deepest
        water since the one before it.
    stop, progress : callable, optional
        As of :func:`~rencheng.assess.flood.cycle.flood_cycle`.

    Returns
    -------
    CycleResult or None
        Its first lead time is now; None when ``stop`` said so.

    Raises
    ------
    InvalidInput
        If nothing of the forecast lies ahead, or a member diverges.
    """
    reach_s = forecast.horizon_h * 3600.0 - age_s
    steps = int(min(horizon_h, reach_s / 3600.0) / step_h + 1e-9)
    if steps < 1:
        raise InvalidInput("less than one step of it lies ahead", where="rain forecast", mend="Give a newer one")
    traits = member_traits(members)
    grid = pool.domain.grid
    horizon_s = steps * step_h * 3600.0
    rain = day_rain(record, forecast, grid, age_s=age_s, horizon_s=horizon_s, traits=traits, rng=rng)
    leads = tuple(round(k * step_h * 60.0) for k in range(steps + 1))
    return ensemble_cycle(
        pool,
        rain,
        lead_min=leads,
        traits=traits,
        looks=max(1, round(step_h * 60.0 / LOOK_MIN)),
        stop=stop,
        progress=progress,
    )
