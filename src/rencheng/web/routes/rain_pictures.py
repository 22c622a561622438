"""Pictures of the rain: rasters of rain rates from a radar, a satellite or a model."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rencheng.sense.facts import RainPictureTaken
from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["RainPictureView", "router"]

router = APIRouter(
    prefix="/api/rain-pictures", tags=["readings"], responses={k: PROBLEMS[k] for k in (400, 409, 413, 422, 503)}
)

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/tiff": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class RainPictureView(BaseModel):
    """What a picture shows over the city."""

    picture_id: str
    at: datetime
    cell_m: float
    mean_mm_h: float
    highest_mm_h: float
    missing_ratio: float = Field(description="Share of the grid of which the picture knows nothing")


@router.post("/{source}", summary="Hand a rain picture in", openapi_extra=_BODY)
async def offer(
    context: Served,
    request: Request,
    source: Literal["radar", "satellite", "model"],
    at: Annotated[AwareDatetime, Query(description="Instant that the picture shows, with its offset from UTC")],
) -> RainPictureView:
    """Hand in a GeoTIFF of rain rates in mm/h; a cycle of the flood forecast follows where it rains."""
    body = await request.body()
    entries = await run_in_threadpool(context.session.offer_rain_picture, source, at, body)
    taken = next(e.body for e in entries if isinstance(e.body, RainPictureTaken))
    return RainPictureView(
        picture_id=taken.picture_id,
        at=taken.at,
        cell_m=taken.cell_m,
        mean_mm_h=taken.mean_mm_h,
        highest_mm_h=taken.highest_mm_h,
        missing_ratio=taken.missing_ratio,
    )
