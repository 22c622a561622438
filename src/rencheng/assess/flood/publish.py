"""From a computed cycle to facts: the forecast, or that it was given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.assess.facts import (
    DAY_AHEAD,
    NOWCAST,
    Evidence,
    FloodAdviceGiven,
    FloodForecastPublished,
    FloodForecastSuperseded,
    FloodOption,
    FloodPlace,
    FloodTotal,
)
from rencheng.assess.flood.day_ahead import DayAheadRequest
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.watch import CycleRequest
from rencheng.kernel import Draft, derived_id, format_instant

__all__ = ["MODELS", "CycleOutcome", "FloodRequest", "forecast_drafts", "superseded_drafts"]

MODELS = {NOWCAST: "urban-flood", DAY_AHEAD: "urban-flood-day"}
"""Product → name of the ensemble of the flood engine that makes it."""
FloodRequest = CycleRequest | DayAheadRequest
"""What the desk can be asked for."""
_VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleOutcome:
    """What a cycle computed; tables are in the field store already, named by their hash."""

    based_at: datetime
    rain_source: str
    scheme: str
    members: int
    cell_m: float
    lead_min: tuple[int, ...]
    frames: str
    objects: str
    points: str
    analysis: str
    totals: tuple[FloodTotal, ...]
    places: tuple[FloodPlace, ...]
    weights: tuple[float, ...]
    volume_error_ratio: float
    evidence: tuple[Evidence, ...]
    options: tuple[FloodOption, ...] = ()
    window_min: int = 0


def forecast_drafts(request: FloodRequest, outcome: CycleOutcome, now: datetime) -> list[Draft]:
    """Publish what was computed, and what it would help to do: advice, and nobody's order."""
    model = MODELS[request.product]
    body = FloodForecastPublished(
        forecast_id=derived_id("flood", model, format_instant(outcome.based_at)),
        model=model,
        based_at=outcome.based_at,
        rain_source=outcome.rain_source,
        scheme=outcome.scheme,
        members=outcome.members,
        cell_m=outcome.cell_m,
        lead_min=outcome.lead_min,
        thresholds_m=THRESHOLDS_M,
        frames=outcome.frames,
        objects=outcome.objects,
        points=outcome.points,
        analysis=outcome.analysis,
        totals=outcome.totals,
        places=outcome.places,
        weights=outcome.weights,
        volume_error_ratio=outcome.volume_error_ratio,
        evidence=outcome.evidence,
        product=request.product,
        window_min=outcome.window_min,
        rain_forecast_id=request.rain_forecast_id,
    )
    stream, actor = f"flood/{model}", f"model:{model}/{_VERSION}"
    forecast = Draft(stream=stream, body=body, occurred_at=now, actor=actor, cause=request.cause)
    if not outcome.options:
        return [forecast]
    advice = FloodAdviceGiven(
        advice_id=derived_id("flood-advice", body.forecast_id),
        forecast_id=body.forecast_id,
        options=outcome.options,
    )
    return [forecast, Draft(stream=stream, body=advice, occurred_at=now, actor=actor, cause=(forecast.id,))]


def superseded_drafts(request: FloodRequest, by: datetime | None, reason: str, now: datetime) -> list[Draft]:
    """Say that a cycle was given up: newer rain came before it was done, or it failed."""
    body = FloodForecastSuperseded(
        based_at=request.based_at,
        superseded_by=by,
        reason=reason,
        product=request.product,
        rain_forecast_id=request.rain_forecast_id,
    )
    model = MODELS[request.product]
    actor = f"model:{model}/{_VERSION}"
    return [Draft(stream=f"flood/{model}", body=body, occurred_at=now, actor=actor, cause=request.cause)]
