"""Views for people: standing signals, rain at gauges, forecasts with their card, risk at a horizon with its card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rencheng.assess.decide import Inputs
from rencheng.assess.facts import Evidence, ForecastHorizon, RiskTotal
from rencheng.assess.hazard_model import Card
from rencheng.assess.model import State
from rencheng.assess.river.card import RIVER_CARD
from rencheng.assess.river.forecaster import MODEL as RIVER_MODEL
from rencheng.assess.stage_card import STAGE_CARD
from rencheng.assess.windows import rain_state
from rencheng.kernel import NotFound

__all__ = [
    "ForecastView",
    "RainView",
    "RiskView",
    "SignalView",
    "forecast_view",
    "rain_view",
    "risk_view",
    "signal_views",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalView:
    """A standing signal with the name of its sensor."""

    signal_id: str
    hazard: str
    name: str
    colour: str
    sensor_id: str
    sensor_name: str
    lon: float
    lat: float
    in_city: bool
    raised_at: datetime
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RainView:
    """Rain at a gauge: window in hours → millimetres, and the share of the window that was observed."""

    sensor_id: str
    name: str
    lon: float
    lat: float
    amount_mm: dict[str, float]
    completeness_ratio: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastView:
    """The last forecast of a gauge, beside the card of the method."""

    sensor_id: str
    name: str
    model: str
    published_at: datetime
    observed: float
    observed_at: datetime
    rate_per_h: float
    horizons: tuple[ForecastHorizon, ...]
    card: Card


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskView:
    """The last risk of a model at one horizon: its rows, totals, evidence and card."""

    model: str
    assessed_at: datetime
    lead_h: float
    total: RiskTotal
    rows: pa.Table
    evidence: tuple[Evidence, ...]
    card: Card


def signal_views(state: State, inputs: Inputs) -> list[SignalView]:
    """Standing signals, the latest first."""
    places = inputs.frame.places
    views = [
        SignalView(
            signal_id=s.body.signal_id,
            hazard=s.body.hazard,
            name=s.body.name,
            colour=s.body.colour,
            sensor_id=s.body.sensor_id,
            sensor_name=places.name.get(s.body.sensor_id, ""),
            lon=s.body.lon,
            lat=s.body.lat,
            in_city=s.body.in_city,
            raised_at=s.raised_at,
            evidence=s.body.evidence,
        )
        for s in state.signals.values()
    ]
    return sorted(views, key=lambda v: (v.raised_at, v.signal_id), reverse=True)


def rain_view(inputs: Inputs, now: datetime) -> list[RainView]:
    """Accumulations of every gauge that observed any rain window up to ``now``."""
    rain = rain_state(inputs.readings, inputs.frame, now, reach_m=inputs.rules.rain.reach_m)
    gauges = inputs.frame.gauges
    windows = [f"{w:g}" for w in rain.windows_h]
    return [
        RainView(
            sensor_id=gauges.ids[row],
            name=gauges.name[row],
            lon=float(gauges.lon[row]),
            lat=float(gauges.lat[row]),
            amount_mm={
                w: round(mm, 1) for w, mm in zip(windows, rain.gauge_mm[row].tolist(), strict=True) if np.isfinite(mm)
            },
            completeness_ratio={
                w: round(share, 3) for w, share in zip(windows, rain.completeness_ratio[row].tolist(), strict=True)
            },
        )
        for row in range(len(gauges))
        if rain.completeness_ratio[row].any()
    ]


def forecast_view(state: State, inputs: Inputs, sensor_id: str) -> ForecastView:
    """Last forecast of a gauge.

    Raises
    ------
    NotFound
        If the gauge has never been forecast.
    """
    published = state.forecasts.get(sensor_id)
    if not published:
        known = ", ".join(sorted(state.forecasts))
        raise NotFound(f"no forecast of gauge {sensor_id!r}", mend=f"Forecast are: {known}")
    last, gauges = published[-1], inputs.frame.gauges
    return ForecastView(
        sensor_id=sensor_id,
        name=gauges.name[gauges.index[sensor_id]] if sensor_id in gauges.index else sensor_id,
        model=last.body.model,
        published_at=last.at,
        observed=last.body.observed,
        observed_at=last.body.observed_at,
        rate_per_h=last.body.rate_per_h,
        horizons=last.body.horizons,
        card=RIVER_CARD if last.body.model == RIVER_MODEL else STAGE_CARD,
    )


def risk_view(state: State, inputs: Inputs, model: str, lead_h: float) -> RiskView:
    """Last risk of a model at a horizon.

    Raises
    ------
    NotFound
        If the model has judged nothing yet or has no such horizon.
    """
    standing = state.risks.get(model)
    if standing is None:
        raise NotFound(f"no risk by model {model!r}", mend=f"Use one of: {', '.join(sorted(state.risks))}")
    totals = {t.lead_h: t for t in standing.body.totals}
    if lead_h not in totals:
        known = ", ".join(f"{h:g}" for h in sorted(totals))
        raise NotFound(f"model {model!r} has no horizon of {lead_h:g} h", mend=f"Use one of: {known}")
    table = inputs.fields.get(standing.body.field)
    return RiskView(
        model=model,
        assessed_at=standing.at,
        lead_h=lead_h,
        total=totals[lead_h],
        rows=table.filter(pc.equal(table.column("lead_h"), lead_h)),
        evidence=standing.body.evidence,
        card=inputs.models[model].card,
    )
