"""When the loop forecasts the river by routing, and what it then publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.assess.facts import ForecastHorizon, ForecastPublished
from rencheng.assess.frame import GaugeFrame, Threshold
from rencheng.assess.gauging import GaugesNow
from rencheng.assess.model import State
from rencheng.assess.river.card import LEADS_H
from rencheng.assess.river.forecaster import MODEL, RiverForecaster
from rencheng.assess.river.outlook import GaugeOutlook, exceed_prob
from rencheng.assess.river.river_file import find_river_file, read_river_file
from rencheng.city import City
from rencheng.kernel import Draft, Hazard, MissingData, derived_id, from_micros, hours, micros
from rencheng.sense.ports import Readings

__all__ = ["RiverDesk", "river_desk"]

CALM_H, TROUBLED_H = 6.0, 3.0
"""Time between two forecasts while no river signals, and while one does; the one before stands until then."""
LOOP_MEMBERS = 150
"""Enough for an 80 % interval at a third of a second of one core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverDesk:
    """Publishes the forecast of the target of a city's river file.

    Parameters
    ----------
    forecaster : RiverForecaster
        Who forecasts.
    """

    forecaster: RiverForecaster

    @property
    def target(self) -> str:
        """The gauge it speaks for."""
        return self.forecaster.file.ids[-1]

    def stands(self, state: State, now: datetime) -> bool:
        """Whether its last forecast still holds."""
        last = state.forecasts.get(self.target, ())
        troubled = any(s.body.hazard == Hazard.RIVER_FLOOD for s in state.signals.values())
        wait = hours(TROUBLED_H if troubled else CALM_H)
        return bool(last) and last[-1].body.model == MODEL and now - last[-1].at < wait

    def draft(self, state: State, gauges: GaugesNow, now: datetime) -> Draft | None:
        """Forecast now; None where the target or the past is silent, and another model must speak."""
        frame = self.forecaster.gauges
        row = frame.index.get(self.target, -1)
        if row < 0 or not gauges.fresh[row]:
            return None
        try:
            forecast = self.forecaster.forecast(now, horizon_h=LEADS_H[-1])
        except MissingData:
            return None
        told = forecast.gauge(self.target)
        thresholds = frame.thresholds.get((self.target, "stage_m"), ())
        body = ForecastPublished(
            forecast_id=derived_id("forecast", self.target, micros(now)),
            model=MODEL,
            sensor_id=self.target,
            quantity="stage_m",
            observed=round(float(gauges.stage_m[row]), 3),
            observed_at=from_micros(int(gauges.at_us[row])),
            rate_per_h=round(float(gauges.rate_m_h[row]), 3),
            horizons=tuple(_horizon(told, lead, thresholds) for lead in LEADS_H),
        )
        sources = set(self.forecaster.file.ids)
        cause = tuple(s.fact_id for s in state.signals.values() if s.body.sensor_id in sources)
        return Draft(stream=f"forecast/{self.target}", body=body, occurred_at=now, actor=f"model:{MODEL}", cause=cause)


def _horizon(told: GaugeOutlook, lead: int, thresholds: tuple[Threshold, ...]) -> ForecastHorizon:
    low, median, high = (round(float(told.stage_m[k, lead - 1]), 3) for k in (1, 3, 5))
    at = told.stage_m[:, lead - 1 : lead]
    chance = {str(t.colour): round(float(exceed_prob(at, t.value)[0]), 3) for t in thresholds}
    return ForecastHorizon(lead_h=float(lead), median=median, low=low, high=high, exceed_prob=chance)


def river_desk(city: City, readings: Readings, gauges: GaugeFrame) -> RiverDesk | None:
    """Give the desk of a city whose package carries a river file with a gauge of its own as target.

    Raises
    ------
    InvalidConfig
        If the file is not sound.
    """
    path = find_river_file(city)
    if path is None:
        return None
    file = read_river_file(path)
    if file.ids[-1] not in gauges.index:
        return None
    return RiverDesk(forecaster=RiverForecaster(readings=readings, gauges=gauges, file=file, members=LOOP_MEMBERS))
