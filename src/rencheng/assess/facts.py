"""What assessment publishes: signals detected, levels forecast, risk by cell, hazard and horizon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.kernel import fact

__all__ = [
    "Evidence",
    "ForecastHorizon",
    "ForecastPublished",
    "RiskAssessed",
    "RiskTotal",
    "SignalCleared",
    "SignalRaised",
]


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


@fact("SignalRaised")
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


@fact("SignalCleared")
@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCleared:
    """What a signal said no longer holds."""

    signal_id: str
    hazard: str
    reason: str


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
