"""The outlook: signals that stand, the last forecast of every gauge, the last risk assessment of every hazard."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rencheng.assess import facts as assess
from rencheng.ledger import Entry
from rencheng.web.picture.base import EvidenceView, View
from rencheng.web.picture.warnings import evidence_view

__all__ = ["ForecastView", "HorizonView", "OutlookBoard", "RiskView", "SignalView", "TotalView"]

_EVIDENCE_SHOWN = 12


class SignalView(View):
    """A level that means something was crossed and still is."""

    signal_id: str
    hazard: str
    name: str
    colour: str
    sensor_id: str
    lon: float
    lat: float
    in_city: bool
    since: datetime
    evidence: list[EvidenceView]


class HorizonView(View):
    """Forecast value at one lead time with its central 80 % interval."""

    lead_h: float
    median: float
    low: float
    high: float
    exceed_prob: dict[str, float]


class ForecastView(View):
    """The last forecast for a gauge."""

    forecast_id: str
    model: str
    sensor_id: str
    quantity: str
    observed: float
    observed_at: datetime
    rate_per_h: float
    horizons: list[HorizonView]


class TotalView(View):
    """City totals at one horizon."""

    lead_h: float
    colour: str
    cells_at_risk: int
    residents_exposed: float
    vulnerable_exposed: float
    facilities_exposed: dict[str, int]


class RiskView(View):
    """The last risk assessment of a hazard; its cells: GET /api/risk/{hazard}."""

    hazard: str
    model: str
    assessed_at: datetime
    seq: int
    field: str = Field(description="Content hash of the risk table")
    totals: list[TotalView]
    evidence: list[EvidenceView]


class OutlookBoard:
    """Signals by id, forecasts by gauge and quantity, risk by hazard."""

    def __init__(self) -> None:
        self.signals: dict[str, SignalView] = {}
        self.forecasts: dict[tuple[str, str], ForecastView] = {}
        self.risks: dict[str, RiskView] = {}

    def take(self, entry: Entry) -> None:
        """Let one assessment fact change the board."""
        match entry.body:
            case assess.SignalRaised() as body:
                self._signal(body, entry.occurred_at)
            case assess.SignalCleared(signal_id=signal_id):
                self.signals.pop(signal_id, None)
            case assess.ForecastPublished() as body:
                self._forecast(body)
            case assess.RiskAssessed() as body:
                self._risk(body, entry)
            case _:
                pass

    def _signal(self, body: assess.SignalRaised, at: datetime) -> None:
        known = self.signals.get(body.signal_id)
        self.signals[body.signal_id] = SignalView(
            signal_id=body.signal_id,
            hazard=body.hazard,
            name=body.name,
            colour=body.colour,
            sensor_id=body.sensor_id,
            lon=body.lon,
            lat=body.lat,
            in_city=body.in_city,
            since=known.since if known else at,
            evidence=[evidence_view(e) for e in body.evidence],
        )

    def _forecast(self, body: assess.ForecastPublished) -> None:
        self.forecasts[body.sensor_id, body.quantity] = ForecastView(
            forecast_id=body.forecast_id,
            model=body.model,
            sensor_id=body.sensor_id,
            quantity=body.quantity,
            observed=body.observed,
            observed_at=body.observed_at,
            rate_per_h=body.rate_per_h,
            horizons=[
                HorizonView(lead_h=h.lead_h, median=h.median, low=h.low, high=h.high, exceed_prob=dict(h.exceed_prob))
                for h in body.horizons
            ],
        )

    def _risk(self, body: assess.RiskAssessed, entry: Entry) -> None:
        self.risks[body.hazard] = RiskView(
            hazard=body.hazard,
            model=body.model,
            assessed_at=entry.occurred_at,
            seq=entry.seq,
            field=body.field,
            totals=[
                TotalView(
                    lead_h=t.lead_h,
                    colour=t.colour,
                    cells_at_risk=t.cells_at_risk,
                    residents_exposed=t.residents_exposed,
                    vulnerable_exposed=t.vulnerable_exposed,
                    facilities_exposed=dict(t.facilities_exposed),
                )
                for t in body.totals
            ],
            evidence=[evidence_view(e) for e in body.evidence[:_EVIDENCE_SHOWN]],
        )
