"""What assessment publishes: signals detected, levels forecast, risk by cell, hazard and horizon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rencheng.kernel import Bilingual, fact
from rencheng.ledger import upcaster

__all__ = [
    "DAY_AHEAD",
    "NOWCAST",
    "Evidence",
    "FloodAdviceGiven",
    "FloodForecastPublished",
    "FloodForecastScored",
    "FloodForecastSuperseded",
    "FloodOption",
    "FloodPlace",
    "FloodScore",
    "FloodTotal",
    "ForecastHorizon",
    "ForecastPublished",
    "RiskAssessed",
    "RiskTotal",
    "SignalCleared",
    "SignalRaised",
]

NOWCAST, DAY_AHEAD = "nowcast", "day_ahead"
"""The two products of the flood engine. Each stands, is replaced and is scored by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that led to a judgement: a reading, a forecast, a report, or the ground itself."""

    kind: str
    """reading, accumulation, rate, forecast, report, terrain"""
    sensor_id: str = ""
    quantity: str = ""
    value: float | None = None
    unit: str = ""
    at: datetime | None = None
    threshold: float | None = None
    note: str = ""


@fact("SignalRaised", schema=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRaised:
    """A sensor (or group) crossed a level that means something: a gauge above its flood stage, rain above a grade."""

    signal_id: str
    hazard: str
    name: str
    """stage_above_threshold, rapid_rise, rain_accumulation, forecast_exceedance, reported_water"""
    colour: str
    """Colour of the threshold crossed; empty where the rule has none."""
    sensor_id: str
    lon: float
    lat: float
    in_city: bool
    """Whether the place lies in the city (else upstream or beside it)."""
    evidence: tuple[Evidence, ...]
    confidence_prob: float | None = None
    """Probability that it is what it says, where the detector gives one."""
    cause: str = ""
    """What the detector saw: above, below, rising, falling, silent, unusual_high, unusual_low, shifted."""
    window_start: datetime | None = None
    """Readings from here …"""
    window_end: datetime | None = None
    """… to here led to it."""
    title: Bilingual | None = None
    """How people call it, where ``name`` is a rule of the city's own."""
    alarm_seq: int = 0
    """Row of the alarm in the readings store; 0 for a signal that is no alarm of detection."""


@upcaster("SignalRaised", from_schema=1)
def no_alarm_raised_it(body: dict[str, Any]) -> dict[str, Any]:
    """A signal of schema 1 is no alarm of detection; what schema 2 adds stays empty."""
    return body


@fact("SignalCleared", schema=2)
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCleared:
    """What a signal said no longer holds."""

    signal_id: str
    hazard: str
    reason: str
    alarm_seq: int = 0


@upcaster("SignalCleared", from_schema=1)
def no_alarm_cleared_it(body: dict[str, Any]) -> dict[str, Any]:
    """A signal of schema 1 is no alarm of detection."""
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastHorizon:
    """Forecast value at a lead time with its central 80 % interval (SI unit of the quantity)."""

    lead_h: float
    median: float
    low: float
    high: float
    exceed_prob: dict[str, float]
    """Threshold colour → probability of being at or above it at this lead."""


@fact("ForecastPublished")
@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPublished:
    """A model's forecast for one gauge, with the last observation it stands on."""

    forecast_id: str
    model: str
    sensor_id: str
    quantity: str
    observed: float
    observed_at: datetime
    rate_per_h: float
    horizons: tuple[ForecastHorizon, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskTotal:
    """City totals of one horizon."""

    lead_h: float
    colour: str
    """Highest risk colour of any cell; empty when none."""
    cells_at_risk: int
    residents_exposed: float
    vulnerable_exposed: float
    facilities_exposed: dict[str, int]
    """Facility kind → count in cells at risk."""


@fact("RiskAssessed")
@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAssessed:
    """Risk per cell of one hazard at all horizons; the rows are a field named by content hash.

    The field is a table with the columns ``cell`` (uint64), ``lead_h`` (float64), ``probability`` (float64, of
    ``intensity`` reaching the model's damaging level), ``intensity`` (float64, unit in the card), ``residents``,
    ``vulnerable_residents``, ``facilities`` (float64, exposed), ``risk`` (float64, expected people affected) and
    ``colour`` (string, empty below blue); only cells with probability above the card's floor are listed.
    """

    assessment_id: str
    hazard: str
    model: str
    field: str
    """Content hash of the risk table in the field store."""
    totals: tuple[RiskTotal, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodTotal:
    """What the forecast water touches at one lead time; objects count where 0.15 m is more likely than not."""

    lead_min: int
    area_km2: float
    """Expected area under at least 0.15 m, outside standing water."""
    residents: float
    """Expected residents of buildings with at least 0.15 m at the wall."""
    buildings: int
    road_km: float
    underpasses: int
    facilities: dict[str, int]
    """Facility kind → count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodPlace:
    """A place that must not stand in water and is expected to, such as an underpass, a hospital or a substation."""

    kind: str
    """``underpass`` or the kind of the facility."""
    object_id: str
    name: str
    """As the city calls it; empty where it has no name for it."""
    lon: float
    lat: float
    lead_min: int
    """When water of 0.15 m (0.3 m in an underpass) is first more likely than not."""
    depth_m: float
    """Deepest median depth."""


@fact("FloodForecastPublished")
@dataclass(frozen=True, slots=True, kw_only=True)
class FloodForecastPublished:
    """An ensemble of the flood engine ran: depths and exceedance probabilities for the next hours.

    ``frames`` names the rasters (see ``assess/flood/frames.py``), ``objects`` the table of roads, buildings and
    facilities (``assess/flood/objects.py``), ``points`` the depths of every member at street sensors, ``analysis`` the
    water of every member at ``based_at``, from which the next cycle goes on; all by content hash in the field store.
    """

    forecast_id: str
    model: str
    based_at: datetime
    """Instant of the rain picture or river forecast it stands on; lead times count from here."""
    rain_source: str
    """radar, gauges, design, forecast or river"""
    scheme: str
    members: int
    cell_m: float
    lead_min: tuple[int, ...]
    thresholds_m: tuple[float, ...]
    frames: str
    objects: str
    points: str
    analysis: str
    totals: tuple[FloodTotal, ...]
    places: tuple[FloodPlace, ...] = ()
    """Soonest first, at most some dozens."""
    weights: tuple[float, ...]
    """Weight of each member after assimilation of street sensors; they sum to 1."""
    volume_error_ratio: float
    evidence: tuple[Evidence, ...]
    product: str = NOWCAST
    """``nowcast``: the next two hours from measured rain; ``day_ahead``: the next day from a forecast of the rain."""
    window_min: int = 0
    """Every frame shows the deepest water of so many minutes before its lead time; 0: that of the instant."""
    rain_forecast_id: str = ""
    """Forecast of the rain that it stands on; empty for measured rain."""


@fact("FloodForecastSuperseded")
@dataclass(frozen=True, slots=True, kw_only=True)
class FloodForecastSuperseded:
    """A cycle was given up because newer rain came before it was done, or because it failed."""

    based_at: datetime
    superseded_by: datetime | None
    reason: str
    product: str = NOWCAST
    rain_forecast_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodScore:
    """How forecasts of one threshold and lead time came true at sensors and reports so far."""

    lead_min: int
    threshold_m: float
    hits: int
    misses: int
    false_alarms: int
    correct_negatives: int
    pod: float | None
    far: float | None
    csi: float | None
    brier: float | None
    reliability: tuple[tuple[float, float, int], ...]
    """Per probability bin: mean forecast, observed frequency, count."""


@fact("FloodForecastScored")
@dataclass(frozen=True, slots=True, kw_only=True)
class FloodForecastScored:
    """Forecasts compared with what sensors and people then saw; cumulative over the run."""

    model: str
    pairs: int
    crps_m: float | None
    """Mean continuous ranked probability score of depth at street sensors."""
    persistence_crps_m: float | None
    """The same for 'it stays as it is', the forecast to beat."""
    scores: tuple[FloodScore, ...]
    product: str = NOWCAST


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodOption:
    """One alternative tried in the model: a mobile pump, inlets cleared, a gate in its other position, a station."""

    option_id: str
    kind: str
    """mobile_pump, clear_inlets, shut_gate, open_gate or start_pumps"""
    detail: str
    lon: float
    lat: float
    avoided_residents: float
    avoided_underpasses: int
    avoided_area_km2: float
    lowered_m: float
    """How much lower the water stands at the place, mean of the next hour."""


@fact("FloodAdviceGiven")
@dataclass(frozen=True, slots=True, kw_only=True)
class FloodAdviceGiven:
    """Alternatives tried in the model, best first. Advice: nothing moves without an order."""

    advice_id: str
    forecast_id: str
    options: tuple[FloodOption, ...]
