"""Forecasts of the rain: series or grids of the hours and days ahead, as a weather service gives them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rencheng.sense.facts import RainForecastTaken
from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["RainForecastView", "router"]

router = APIRouter(
    prefix="/api/rain-forecasts", tags=["readings"], responses={k: PROBLEMS[k] for k in (400, 409, 413, 422, 503)}
)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
            "image/tiff": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class RainForecastView(BaseModel):
    """What a forecast of the rain says over the city."""

    forecast_id: str
    issued_at: datetime
    kind: str = Field(description="best, members or quantiles")
    layers: int = Field(description="Members or quantiles; 1 for a best estimate")
    steps: int
    horizon_h: float
    total_mm: float = Field(description="Over the horizon, mean of the area and the members (or the middle quantile)")
    highest_mm_h: float


@router.post("/{source}", summary="Hand a rain forecast in", openapi_extra=_BODY)
async def offer(
    context: Served,
    request: Request,
    source: Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,39}$", description="Who made it")],
    issued_at: Annotated[AwareDatetime, Query(description="Instant that its steps count from, with offset from UTC")],
    step_min: Annotated[float, Query(gt=0, le=1440, description="Minutes of each band of a raster")] = 60.0,
    members: Annotated[int, Query(ge=1, le=200, description="Members in the bands of a raster")] = 1,
    content_type: Annotated[str, Header()] = "",
) -> RainForecastView:
    """Hand in a forecast as JSON, CSV or GeoTIFF (docs/reference/rain-forecast.md); a flood forecast follows.

    The day-ahead cycle runs as soon as no cycle of the next two hours is wanted.
    """
    body = await request.body()
    offered = partial(
        context.session.offer_rain_forecast,
        source,
        issued_at,
        body,
        media_type=content_type,
        step_min=step_min,
        members=members,
    )
    entries = await run_in_threadpool(offered)
    taken = next(e.body for e in entries if isinstance(e.body, RainForecastTaken))
    return RainForecastView(
        forecast_id=taken.forecast_id,
        issued_at=taken.issued_at,
        kind=taken.kind,
        layers=taken.layers,
        steps=taken.steps,
        horizon_h=taken.horizon_h,
        total_mm=taken.total_mm,
        highest_mm_h=taken.highest_mm_h,
    )
