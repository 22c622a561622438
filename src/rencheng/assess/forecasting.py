"""Stage forecasts: which gauges, learnt from what, published when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.facts import Evidence, ForecastPublished
from rencheng.assess.frame import CityFrame, GaugeFrame
from rencheng.assess.gauging import GaugesNow, LearntLevels, learn_levels
from rencheng.assess.hazard_model import StageForecast
from rencheng.assess.model import State
from rencheng.assess.rules import AssessRules, ForecastRules
from rencheng.assess.signals import at_gauge, signal_cleared, signal_raised
from rencheng.assess.windows import series_window
from rencheng.kernel import Draft, Hazard, derived_id, from_micros, hours, micros
from rencheng.science.regular_series import regular_grid
from rencheng.sense.ports import Readings

__all__ = ["StageForecaster", "forecast_inputs", "forecast_signals"]

DAY_US = 86_400_000_000


@dataclass(slots=True, kw_only=True)
class StageForecaster:
    """Learns once a day from what was measured before that day, and forecasts from what is measured now.

    What it keeps is a memory of pure functions of the readings before a day: dropping it changes no result.
    """

    readings: Readings
    gauges: GaugeFrame
    rules: AssessRules
    _day: int = field(default=-1, init=False)
    _grid: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)), init=False)
    _levels: LearntLevels | None = field(default=None, init=False)

    def levels(self, now: datetime) -> LearntLevels:
        """What each gauge's past before today calls unusual."""
        self._learn(now)
        assert self._levels is not None
        return self._levels

    def _learn(self, now: datetime) -> None:
        day = micros(now) // DAY_US
        if day == self._day:
            return
        end = from_micros(day * DAY_US)
        steps = int(24 * self.rules.stage.learn_days)
        stage = series_window(self.readings, self.gauges, "stage_m", start=end - hours(steps), end=end)
        self._grid = regular_grid(
            stage.row, stage.at_us, stage.value, count=len(self.gauges), end_us=micros(end), steps=steps
        )
        self._levels = learn_levels(self._grid, self.rules.stage)
        self._day = day

    def publish(self, state: State, gauges: GaugesNow, now: datetime) -> list[Draft]:
        """Forecasts that are due."""
        return []


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
            yield signal_cleared(standing, "the threshold is reached or no longer likely", now=now, actor="rule:forecast")
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
