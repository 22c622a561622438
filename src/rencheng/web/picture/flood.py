"""The flood's part of the picture: forecasts of the engine, how they came true, and what was advised."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from pydantic import Field

from rencheng.assess import facts as assess
from rencheng.ledger import Entry
from rencheng.respond.facts import FloodNeedsMapped
from rencheng.web.picture.base import EvidenceView, View
from rencheng.web.picture.warnings import evidence_view

__all__ = [
    "FloodAdviceView",
    "FloodBoard",
    "FloodForecastView",
    "FloodGlance",
    "FloodNeedsView",
    "FloodOptionView",
    "FloodScoreView",
    "FloodSkillView",
    "FloodTotalView",
    "SupersededView",
]

_FORECASTS_KEPT = 144
"""A day of ten-minute cycles."""
_SUPERSEDED_KEPT = 50
_EVIDENCE_SHOWN = 20


class FloodTotalView(View):
    """What the forecast water touches at one lead time; objects count where 0.15 m is more likely than not."""

    lead_min: int
    area_km2: float = Field(description="Expected area under at least 0.15 m, outside standing water")
    residents: float
    buildings: int
    road_km: float
    underpasses: int
    facilities: dict[str, int]


class FloodForecastView(View):
    """A published forecast of the flood engine, without its rasters."""

    forecast_id: str
    seq: int = Field(description="Ledger position at which it was published")
    model: str
    based_at: datetime = Field(description="Lead times count from here")
    published_at: datetime
    rain_source: str = Field(description="radar, gauges, design, forecast or river")
    scheme: str
    members: int
    cell_m: float
    lead_min: list[int]
    thresholds_m: list[float]
    totals: list[FloodTotalView]
    effective_members: float = Field(description="1 / Σ weight², members that still count after assimilation")
    volume_error_ratio: float
    evidence: list[EvidenceView]
    frames: str = Field(description="Content hash of the rasters")
    objects: str = Field(description="Content hash of the table of objects")
    product: str = Field(description="nowcast (the next two hours) or day_ahead (the next day, from a rain forecast)")
    window_min: int = Field(description="Frames show the deepest water of so many minutes before; 0: of the instant")
    rain_forecast_id: str = Field(description="Rain forecast that it stands on; empty for measured rain")


class FloodGlance(View):
    """The newest flood forecast in one line: its worst lead time."""

    forecast_id: str
    based_at: datetime
    worst_at: datetime
    residents: float
    area_km2: float
    underpasses: int


class FloodScoreView(View):
    """How forecasts of one threshold and lead time came true so far."""

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
    reliability: list[tuple[float, float, int]] = Field(description="Mean forecast, observed frequency, count")


class FloodSkillView(View):
    """Forecasts of a model compared with what sensors and people then saw, over the run so far."""

    model: str
    pairs: int
    crps_m: float | None
    persistence_crps_m: float | None
    scores: list[FloodScoreView]
    at: datetime


class FloodOptionView(View):
    """One alternative for pumps or gates tried in the model."""

    option_id: str
    kind: str = Field(description="mobile_pump, clear_inlets, shut_gate, open_gate or start_pumps")
    detail: str = Field(description="Where or how, as the model names it: the kind of a place and its id")
    name: str = Field(default="", description="What the city calls the place; empty where it has no name")
    lon: float
    lat: float
    avoided_residents: float
    avoided_underpasses: int
    avoided_area_km2: float
    lowered_m: float


class FloodAdviceView(View):
    """Alternatives tried for a forecast, best first. Advice: nothing moves without an order."""

    advice_id: str
    forecast_id: str
    at: datetime
    options: list[FloodOptionView]


class FloodNeedsView(View):
    """What the forecast water asks for over the city beside what there is, by item."""

    forecast_id: str
    at: datetime
    wanted: dict[str, float] = Field(description="sandbag (bags), pump (mobile pumps), boat, shelter_place (people)")
    stock: dict[str, float]
    short: dict[str, float]
    field: str = Field(description="Content hash of the map: GET /api/flood/forecasts/{id}/needs")


class SupersededView(View):
    """A cycle that was given up."""

    based_at: datetime
    superseded_by: datetime | None
    reason: str
    product: str


class FloodBoard:
    """Flood forecasts by id in the order of publication, skill by model, advice and needs by forecast."""

    def __init__(self) -> None:
        self.forecasts: dict[str, FloodForecastView] = {}
        self.skill: dict[str, FloodSkillView] = {}
        self.advice: dict[str, FloodAdviceView] = {}
        self.needs: dict[str, FloodNeedsView] = {}
        self._last_needs: dict[str, FloodNeedsView] = {}
        self.superseded: deque[SupersededView] = deque(maxlen=_SUPERSEDED_KEPT)

    def take(self, entry: Entry) -> None:
        """Let one fact about forecast water change the board."""
        match entry.body:
            case assess.FloodForecastPublished() as body:
                self._published(body, entry)
            case assess.FloodForecastScored() as body:
                self.skill[body.model] = _skill(body, entry.occurred_at)
            case assess.FloodAdviceGiven() as body:
                self.advice[body.forecast_id] = _advice(body, entry.occurred_at)
            case FloodNeedsMapped() as body:
                view = FloodNeedsView(
                    forecast_id=body.forecast_id,
                    at=entry.occurred_at,
                    wanted=dict(body.wanted),
                    stock=dict(body.stock),
                    short=dict(body.short),
                    field=body.field,
                )
                of = self.forecasts.get(body.forecast_id)
                self.needs[body.forecast_id] = view
                self._last_needs[of.product if of else assess.NOWCAST] = view
            case assess.FloodForecastSuperseded() as body:
                self.superseded.append(
                    SupersededView(
                        based_at=body.based_at,
                        superseded_by=body.superseded_by,
                        reason=body.reason,
                        product=body.product,
                    )
                )
            case _:
                pass

    def glance(self) -> FloodGlance | None:
        """The newest forecast of two hours at its worst lead time: most residents, then most area, then soonest."""
        newest = next((f for f in reversed(self.forecasts.values()) if f.product == assess.NOWCAST), None)
        if newest is None or not newest.totals:
            return None
        worst = max(newest.totals, key=lambda t: (t.residents, t.area_km2, -t.lead_min))
        return FloodGlance(
            forecast_id=newest.forecast_id,
            based_at=newest.based_at,
            worst_at=newest.based_at + timedelta(minutes=worst.lead_min),
            residents=worst.residents,
            area_km2=worst.area_km2,
            underpasses=worst.underpasses,
        )

    def _published(self, body: assess.FloodForecastPublished, entry: Entry) -> None:
        self.forecasts.pop(body.forecast_id, None)
        self.forecasts[body.forecast_id] = _forecast(body, entry)
        if body.product in self._last_needs:  # needs are told again only when they change
            self.needs[body.forecast_id] = self._last_needs[body.product]
        while len(self.forecasts) > _FORECASTS_KEPT:
            oldest = next(iter(self.forecasts))
            del self.forecasts[oldest]
            self.advice.pop(oldest, None)
            self.needs.pop(oldest, None)


def _forecast(body: assess.FloodForecastPublished, entry: Entry) -> FloodForecastView:
    squares = sum(w * w for w in body.weights)
    return FloodForecastView(
        forecast_id=body.forecast_id,
        seq=entry.seq,
        model=body.model,
        based_at=body.based_at,
        published_at=entry.occurred_at,
        rain_source=body.rain_source,
        scheme=body.scheme,
        members=body.members,
        cell_m=body.cell_m,
        lead_min=list(body.lead_min),
        thresholds_m=list(body.thresholds_m),
        totals=[_total(t) for t in body.totals],
        effective_members=round(1 / squares, 2) if squares > 0 else float(body.members),
        volume_error_ratio=body.volume_error_ratio,
        evidence=[evidence_view(e) for e in body.evidence[:_EVIDENCE_SHOWN]],
        frames=body.frames,
        objects=body.objects,
        product=body.product,
        window_min=body.window_min,
        rain_forecast_id=body.rain_forecast_id,
    )


def _total(total: assess.FloodTotal) -> FloodTotalView:
    return FloodTotalView(
        lead_min=total.lead_min,
        area_km2=total.area_km2,
        residents=total.residents,
        buildings=total.buildings,
        road_km=total.road_km,
        underpasses=total.underpasses,
        facilities=dict(total.facilities),
    )


def _skill(body: assess.FloodForecastScored, at: datetime) -> FloodSkillView:
    return FloodSkillView(
        model=body.model,
        pairs=body.pairs,
        crps_m=body.crps_m,
        persistence_crps_m=body.persistence_crps_m,
        scores=[
            FloodScoreView(
                lead_min=s.lead_min,
                threshold_m=s.threshold_m,
                hits=s.hits,
                misses=s.misses,
                false_alarms=s.false_alarms,
                correct_negatives=s.correct_negatives,
                pod=s.pod,
                far=s.far,
                csi=s.csi,
                brier=s.brier,
                reliability=list(s.reliability),
            )
            for s in body.scores
        ],
        at=at,
    )


def _advice(body: assess.FloodAdviceGiven, at: datetime) -> FloodAdviceView:
    return FloodAdviceView(
        advice_id=body.advice_id,
        forecast_id=body.forecast_id,
        at=at,
        options=[
            FloodOptionView(
                option_id=o.option_id,
                kind=o.kind,
                detail=o.detail,
                lon=o.lon,
                lat=o.lat,
                avoided_residents=o.avoided_residents,
                avoided_underpasses=o.avoided_underpasses,
                avoided_area_km2=o.avoided_area_km2,
                lowered_m=o.lowered_m,
            )
            for o in body.options
        ],
    )
