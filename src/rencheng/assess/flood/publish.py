"""From a computed cycle to facts: the forecast, or that it was given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rencheng.assess.facts import (
    Evidence,
    FloodAdviceGiven,
    FloodForecastPublished,
    FloodForecastSuperseded,
    FloodOption,
    FloodPlace,
    FloodTotal,
)
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.watch import CycleRequest
from rencheng.kernel import Draft, derived_id, format_instant

__all__ = ["MODEL", "CycleOutcome", "forecast_drafts", "superseded_drafts"]

MODEL = "urban-flood"
"""Name of the ensemble of the flood engine."""
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
    options: tuple[FloodOption, ...]


def forecast_drafts(request: CycleRequest, outcome: CycleOutcome, now: datetime) -> list[Draft]:
    """Publish what was computed, and what it would help to do: advice, and nobody's order."""
    body = FloodForecastPublished(
        forecast_id=derived_id("flood", MODEL, format_instant(outcome.based_at)),
        model=MODEL,
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
    )
    stream, actor = f"flood/{MODEL}", f"model:{MODEL}/{_VERSION}"
    forecast = Draft(stream=stream, body=body, occurred_at=now, actor=actor, cause=request.cause)
    if not outcome.options:
        return [forecast]
    advice = FloodAdviceGiven(
        advice_id=derived_id("flood-advice", body.forecast_id),
        forecast_id=body.forecast_id,
        options=outcome.options,
    )
    return [forecast, Draft(stream=stream, body=advice, occurred_at=now, actor=actor, cause=(forecast.id,))]


def superseded_drafts(request: CycleRequest, by: datetime | None, reason: str, now: datetime) -> list[Draft]:
    """Say that a cycle was given up: newer rain came before it was done, or it failed."""
    body = FloodForecastSuperseded(based_at=request.based_at, superseded_by=by, reason=reason)
    actor = f"model:{MODEL}/{_VERSION}"
    return [Draft(stream=f"flood/{MODEL}", body=body, occurred_at=now, actor=actor, cause=request.cause)]
