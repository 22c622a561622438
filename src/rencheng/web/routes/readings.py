"""Readings by the bulk."""

from __future__ import annotations

from asyncio import shield, wrap_future
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from rencheng.app.connectors import FeedCondition
from rencheng.sense import Delivery
from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["FeedView", "IntakeView", "router"]

router = APIRouter(
    prefix="/api/readings", tags=["readings"], responses={k: PROBLEMS[k] for k in (400, 404, 409, 413, 415, 422, 503)}
)

_ENCODINGS = ("", "identity", "gzip")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"sensor_id":"g1","quantity":"stage_m","at":"2024-05-01T12:00:00Z","value":3.2,"unit":"m"}',
            },
            "text/csv": {
                "schema": {"type": "string"},
                "example": "sensor_id,quantity,at,value,unit\ng-1,stage_m,2024-05-01T12:00:00Z,3.21,m\n",
            },
        },
    }
}


class IntakeView(BaseModel):
    """What became of a bulk of readings; refused rows are kept aside with their reason."""

    feed_id: str
    accepted: int = Field(description="Rows stored")
    repeated: int = Field(description="Rows that were already stored")
    refused: int = Field(description="Rows kept aside")
    flagged: dict[str, int] = Field(description="Quality flag → stored rows that carry it")
    reasons: dict[str, int] = Field(default={}, description="Why rows were refused → how many")


class ClockView(BaseModel):
    """A device whose clock is wrong, judged by how late its readings come compared with the others' of its feed."""

    sensor_id: str
    ahead_s: float = Field(description="How far it is ahead, seconds; negative if behind")


class FeedView(BaseModel):
    """How a feed of a live run is; counts since the start but for ``stored``."""

    feed_id: str
    name: str
    kind: str = Field(description="http, mqtt, tcp, folder, poll or sensorthings")
    state: str = Field(description="waiting (not connected yet), connected or failed")
    since: datetime
    error: str = Field(description="What broke it last; stays after it has mended")
    failed_at: datetime | None
    breaks: int = Field(description="How often it broke")
    rows: int
    accepted: int
    repeated: int
    refused: int
    rate_per_s: float = Field(description="Rows a second, over about the last minute")
    taken_at: datetime | None = Field(description="Last acknowledgement")
    lag_s: float | None = Field(description="Age of the newest reading of the last batch when it was acknowledged")
    stored: int = Field(description="Readings ever stored")
    course: list[float] = Field(description="Rows a second in each ten seconds of the last ten minutes, oldest first")
    usual_gap_s: float | None = Field(description="Usual time between two deliveries; None before the second")
    is_silent: bool = Field(description="Heard before, and not for six usual gaps and two minutes")
    wrong_clocks: list[ClockView] = Field(description="Clocks that are wrong by more than the feed allows, worst first")
    health: str = Field(description="connected, waiting (not connected, or nothing yet), silent or broken")


@router.get("", summary="Feeds and how they are")
def feeds(context: Served) -> list[FeedView]:
    """Every feed of a live run: connection, rate, lag, what was refused, what broke it last."""
    return [FeedView(**asdict(of), health=_health(of)) for of in context.session.feeds()]


def _health(of: FeedCondition) -> str:
    if of.state == "failed":
        return "broken"
    if of.state == "waiting" or (of.taken_at is None and not of.stored):
        return "waiting"
    return "silent" if of.is_silent else "connected"


@router.post("/{feed_id}", summary="Hand readings in", openapi_extra=_BODY)
async def offer(
    context: Served,
    request: Request,
    feed_id: str,
    content_encoding: Annotated[str, Header()] = "",
    rencheng_device: Annotated[str, Header(max_length=200)] = "",
    rencheng_counter: Annotated[int | None, Header(ge=0, le=2**53)] = None,
    rencheng_signature: Annotated[str, Header(max_length=200)] = "",
    rencheng_topic: Annotated[str, Header(max_length=1000)] = "",
) -> IntakeView:
    """Hand in a body as the feed's configuration says, plain or gzipped; it is stored before the answer.

    The same body again is the same batch and gets the same answer. A full store answers 503: nothing of it was taken.
    """
    if content_encoding.lower() not in _ENCODINGS:
        raise HTTPException(415, f"content encoding {content_encoding!r} is not taken: send plain or gzip")
    body = await request.body()
    encoding = "gzip" if content_encoding.lower() == "gzip" else ""
    delivery = Delivery(
        arrived_at=context.session.clock().now,
        topic=rencheng_topic,
        device=rencheng_device,
        peer=request.client.host if request.client else "",
        counter=rencheng_counter,
        signature=rencheng_signature,
    )
    handing = partial(context.session.hand_in, feed_id, body, content_encoding=encoding, delivery=delivery)
    handed = await shield(wrap_future(context.workers.submit(handing)))
    intake = await shield(wrap_future(handed))  # nobody stands by while it is stored
    return IntakeView(
        feed_id=feed_id,
        accepted=intake.accepted,
        repeated=intake.repeated,
        refused=intake.refused,
        flagged=dict(intake.flagged),
        reasons=dict(getattr(intake, "reasons", {})),
    )
