"""Stage forecasts: which gauges, learnt from what, published when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import Evidence, ForecastHorizon, ForecastPublished
from rencheng.assess.frame import CityFrame, GaugeFrame, Threshold
from rencheng.assess.gauging import GaugesNow, LearntLevels, learn_levels
from rencheng.assess.hazard_model import StageForecast
from rencheng.assess.model import State
from rencheng.assess.river.publish import RiverDesk
from rencheng.assess.rules import AssessRules, ForecastRules
from rencheng.assess.signals import at_gauge, signal_cleared, signal_raised
from rencheng.assess.stage_card import LEADS_H
from rencheng.assess.windows import series_window
from rencheng.kernel import Draft, Hazard, derived_id, from_micros, hours, micros
from rencheng.science.interpolation import pairwise_distance_m
from rencheng.science.inundation import exceedance_probability
from rencheng.science.regular_series import regular_grid, regular_totals
from rencheng.science.stage_forecast import StageModel, fit_stage_model
from rencheng.science.stage_outlook import MEMORY_H, StageOutlook, persistence_outlook, predict_stage
from rencheng.science.tide import tide_outlook
from rencheng.science.upstream_gauges import select_upstream
from rencheng.sense.ports import Readings

__all__ = ["StageForecaster", "forecast_inputs", "forecast_signals"]

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MODEL = "stage-nnridge/1"
PERSISTENCE = "persistence/1"
TIDE = "tide-kalman/1"
TIDE_GAUGE = "tide_gauge"
"""Kind of sensor whose level follows the tide."""
RAIN_NEAR_M = 40_000.0
"""Rain gauges so near to a gauge or one upstream of it count as its basin."""
FARTHEST_M = 300_000.0
RIVER_M, OTHER_M = 300_000.0, 100_000.0
"""Distances over which a connection loses plausibility, on the same river and off it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What was measured before a day, on the hour."""

    day: int
    stage_m: NDArray[np.float64]
    rain_mm: NDArray[np.float64]
    levels: LearntLevels


@dataclass(slots=True, kw_only=True)
class StageForecaster:
    """Learns once a day from what was measured before that day, and forecasts from what is measured now.

    What it keeps is a memory of pure functions of the readings before a day: dropping it changes no result.
    """

    readings: Readings
    gauges: GaugeFrame
    rules: AssessRules
    river: RiverDesk | None = None
    _past: _Past | None = field(default=None, init=False)
    _models: dict[int, StageModel | None] = field(default_factory=dict, init=False)

    def levels(self, now: datetime) -> LearntLevels:
        """What each gauge's past before today calls unusual."""
        return self._before(now).levels

    def publish(self, state: State, gauges: GaugesNow, now: datetime) -> list[Draft]:
        """Forecasts, if they are due."""
        rules = self.rules.forecast
        last = max((f[-1].at for f in state.forecasts.values()), default=None)
        if last is not None and now - last < hours(rules.cadence_h):
            return []
        wanted = self.wanted(state, gauges)
        if not wanted:
            return []
        routed: list[Draft] = []
        if self.river is not None:
            standing = self.river.stands(state, now)
            draft = None if standing else self.river.draft(state, gauges, now)
            routed = [] if draft is None else [draft]
            if standing or routed:
                wanted = [row for row in wanted if self.gauges.ids[row] != self.river.target]
        learnt = self.outlooks(wanted, gauges, now).items()
        return [*routed, *(self._draft(state, gauges, row, model, outlook, now) for row, (model, outlook) in learnt)]

    def outlooks(
        self, rows: Sequence[int], gauges: GaugesNow, now: datetime
    ) -> dict[int, tuple[StageModel | None, StageOutlook]]:
        """Outlook of some gauges and the model behind it (None is persistence), by row; silent gauges are left out."""
        past = self._before(now)
        stage, rain = self._grids(past, gauges, now)
        found = {}
        for row in rows:
            tidal = self.gauges.kind[row] == TIDE_GAUGE
            model = None if tidal else self._model(past, row)
            outlook = tide_outlook(_month(past, stage, row, now), LEADS_H) if tidal else None
            if model is None:
                outlook = outlook or persistence_outlook(stage[-24:, row], LEADS_H)
            else:
                outlook = predict_stage(model, stage, rain)
            if outlook is not None:
                found[row] = (model, outlook)
        return found

    def wanted(self, state: State, gauges: GaugesNow) -> list[int]:
        """Rows to forecast: gauges with thresholds, then those near the city, then those that signal; nearest first."""
        frame = self.gauges
        published = {frame.index[s] for s, q in frame.thresholds if q == "stage_m" and s in frame.index}
        signalling = {s.body.sensor_id for s in state.signals.values() if s.body.hazard == Hazard.RIVER_FLOOD}
        near = frame.near_city_m <= self.rules.forecast.near_city_m
        ranked = []
        for row in np.flatnonzero(gauges.fresh).tolist():
            if row in published or near[row] or frame.ids[row] in signalling:
                first = 0 if row in published else 1 if near[row] else 2
                ranked.append((first, float(frame.near_city_m[row]), row))
        return [row for _, _, row in sorted(ranked)[: self.rules.forecast.most_gauges]]

    def _before(self, now: datetime) -> _Past:
        day = micros(now) // DAY_US
        if self._past is None or self._past.day != day:
            self._past = self._learn(day)
            self._models = {}
        return self._past

    def _learn(self, day: int) -> _Past:
        end = from_micros(day * DAY_US)
        days = max(self.rules.stage.learn_days, self.rules.forecast.history_days)
        grid = {"count": len(self.gauges), "end_us": micros(end), "steps": int(24 * days)}
        start = end - hours(24 * days)
        stage = series_window(self.readings, self.gauges, "stage_m", start=start, end=end)
        rain = series_window(self.readings, self.gauges, "rain_mm", start=start, end=end)
        stage_m = regular_grid(stage.row, stage.at_us, stage.value, **grid)
        return _Past(
            day=day,
            stage_m=stage_m,
            rain_mm=regular_totals(rain.row, rain.at_us, rain.value, **grid),
            levels=learn_levels(stage_m[-int(24 * self.rules.stage.learn_days) :], self.rules.stage),
        )

    def _grids(self, past: _Past, gauges: GaugesNow, now: datetime) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Hourly grids up to now: the past, the whole hours of today, and in the last row what is known this moment."""
        start = from_micros(past.day * DAY_US)
        today = _hours_into(past.day, now)
        if today == 0:
            stage, rain = past.stage_m[-MEMORY_H:].copy(), past.rain_mm[-MEMORY_H:]
        else:
            end = past.day * DAY_US + today * HOUR_US
            grid = {"count": len(self.gauges), "end_us": end, "steps": today}
            level = series_window(self.readings, self.gauges, "stage_m", start=start - hours(2), end=from_micros(end))
            fall = series_window(self.readings, self.gauges, "rain_mm", start=start, end=from_micros(end))
            keep = MEMORY_H - today
            stage = np.vstack([past.stage_m[-keep:], regular_grid(level.row, level.at_us, level.value, **grid)])
            rain = np.vstack([past.rain_mm[-keep:], regular_totals(fall.row, fall.at_us, fall.value, **grid)])
        stage[-1] = np.where(gauges.fresh, gauges.stage_m, stage[-1])
        return stage, rain

    def _model(self, past: _Past, row: int) -> StageModel | None:
        """Model of a gauge learnt from before today; None where its past is too short."""
        if row not in self._models:
            known = np.isfinite(past.stage_m[:, row]).sum()
            enough = known >= 24 * self.rules.forecast.min_history_days
            self._models[row] = self._fit(past, row) if enough else None
        return self._models[row]

    def _fit(self, past: _Past, row: int) -> StageModel | None:
        frame = self.gauges
        stage, rain = _trimmed(past.stage_m, past.rain_mm)
        upstream = select_upstream(stage, row, lead_h=LEADS_H[1], plausible=self._plausible(row))
        places = frame.xy_m[[row, *(u.column for u in upstream)]]
        near = pairwise_distance_m(frame.xy_m, places).min(axis=1) <= RAIN_NEAR_M
        columns = np.flatnonzero(near & np.isfinite(rain).any(axis=0))
        return fit_stage_model(
            stage, rain, row, upstream=upstream, rain_columns=tuple(columns.tolist()), leads_h=LEADS_H
        )

    def _plausible(self, row: int) -> NDArray[np.float64]:
        frame = self.gauges
        far = pairwise_distance_m(frame.xy_m, frame.xy_m[[row]])[:, 0]
        same = np.array([bool(r) and r == frame.river[row] for r in frame.river])
        weight = np.exp(-far / np.where(same, RIVER_M, OTHER_M))
        return np.where((far <= FARTHEST_M) & (np.arange(len(far)) != row), weight, 0.0)

    def _draft(
        self,
        state: State,
        gauges: GaugesNow,
        row: int,
        model: StageModel | None,
        outlook: StageOutlook,
        now: datetime,
    ) -> Draft:
        sensor = self.gauges.ids[row]
        thresholds = self.gauges.thresholds.get((sensor, "stage_m"), ())
        learnt = TIDE if self.gauges.kind[row] == TIDE_GAUGE else MODEL
        name = learnt if outlook.trust.any() else PERSISTENCE
        body = ForecastPublished(
            forecast_id=derived_id("forecast", sensor, micros(now)),
            model=name,
            sensor_id=sensor,
            quantity="stage_m",
            observed=round(float(gauges.stage_m[row]), 3),
            observed_at=from_micros(int(gauges.at_us[row])),
            rate_per_h=round(float(gauges.rate_m_h[row]), 3),
            horizons=tuple(_horizon(outlook, i, thresholds) for i in range(len(LEADS_H))),
        )
        sources = {sensor, *(() if model is None else (self.gauges.ids[u.column] for u in model.basin.upstream))}
        cause = tuple(s.fact_id for s in state.signals.values() if s.body.sensor_id in sources)
        return Draft(stream=f"forecast/{sensor}", body=body, occurred_at=now, actor=f"model:{name}", cause=cause)


def _trimmed(stage: NDArray[np.float64], rain: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cut off the hours before the first reading of any gauge."""
    known = np.flatnonzero(np.isfinite(stage).any(axis=1))
    first = int(known[0]) if len(known) else 0
    return stage[first:], rain[first:]


def _month(past: _Past, stage: NDArray[np.float64], row: int, now: datetime) -> NDArray[np.float64]:
    """Levels of a gauge on the hour, from the first known of its past up to now."""
    today = max(_hours_into(past.day, now), 1)
    before = past.stage_m if _hours_into(past.day, now) else past.stage_m[:-1]
    level = np.concatenate([before[:, row], stage[-today:, row]])
    known = np.flatnonzero(np.isfinite(level))
    return level[known[0] :] if len(known) else level


def _hours_into(day: int, now: datetime) -> int:
    return int((micros(now) - day * DAY_US) // HOUR_US)


def _horizon(outlook: StageOutlook, i: int, thresholds: Sequence[Threshold]) -> ForecastHorizon:
    median, low, high = (float(v[i]) for v in (outlook.median_m, outlook.low_m, outlook.high_m))
    chance = {str(t.colour): round(exceedance_probability(t.value, median, low=low, high=high), 3) for t in thresholds}
    return ForecastHorizon(
        lead_h=float(LEADS_H[i]), median=round(median, 3), low=round(low, 3), high=round(high, 3), exceed_prob=chance
    )


def forecast_inputs(state: State, gauges: GaugeFrame, now: datetime) -> tuple[StageForecast, ...]:
    """Give the latest forecasts in the form hazard models read."""
    found = []
    for sensor, published in state.forecasts.items():
        last = published[-1]
        if sensor in gauges.index and now - last.at <= hours(6.0):
            leads = last.body.horizons
            found.append(
                StageForecast(
                    row=gauges.index[sensor],
                    lead_h=np.array([h.lead_h for h in leads]),
                    median_m=np.array([h.median for h in leads]),
                    low_m=np.array([h.low for h in leads]),
                    high_m=np.array([h.high for h in leads]),
                    fact_id=last.fact_id,
                )
            )
    return tuple(found)


def forecast_signals(
    state: State, frame: CityFrame, rules: ForecastRules, forecasts: Sequence[Draft], now: datetime
) -> Iterator[Draft]:
    """Signals of forecasts likely to reach a threshold within one of their lead times."""
    for draft in forecasts:
        body: ForecastPublished = draft.body
        thresholds = frame.gauges.thresholds.get((body.sensor_id, "stage_m"), ())
        standing = state.signals.get(derived_id("signal", "forecast_exceedance", body.sensor_id))
        chance = {t: max(h.exceed_prob.get(str(t.colour), 0.0) for h in body.horizons) for t in thresholds}
        likely = [t for t in thresholds if chance[t] >= rules.exceed_prob and body.observed < t.value]
        best = likely[-1] if likely else None
        if standing is not None and best is None:
            held = [t for t in thresholds if t.colour == standing.body.colour]
            if held and chance[held[0]] >= rules.exceed_clear_prob and body.observed < held[0].value:
                continue
            yield signal_cleared(
                standing, "the threshold is reached or no longer likely", now=now, actor="rule:forecast"
            )
        elif best is not None and (standing is None or standing.body.colour != best.colour):
            evidence = [
                Evidence(
                    kind="forecast",
                    sensor_id=body.sensor_id,
                    quantity=body.quantity,
                    value=h.median,
                    unit="m",
                    threshold=best.value,
                    note=f"{h.lead_h:g} h, 80 %: {h.low:.2f} to {h.high:.2f}; "
                    f"{h.exceed_prob.get(str(best.colour), 0.0):.0%} to reach it",
                )
                for h in body.horizons
            ]
            raised = at_gauge(
                frame.gauges,
                frame.gauges.index[body.sensor_id],
                hazard=Hazard.RIVER_FLOOD,
                name="forecast_exceedance",
                colour=str(best.colour),
                evidence=evidence,
            )
            yield signal_raised(raised, now=now, actor="rule:forecast", cause=(draft.id,))
