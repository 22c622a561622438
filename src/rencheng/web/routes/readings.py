"""Readings by the bulk."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["IntakeView", "router"]

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


@router.post("/{feed_id}", summary="Hand readings in", openapi_extra=_BODY)
async def offer(
    context: Served, request: Request, feed_id: str, content_encoding: Annotated[str, Header()] = ""
) -> IntakeView:
    """Hand in NDJSON or CSV as the feed's configuration says, plain or gzipped; it is stored before the answer."""
    if content_encoding.lower() not in _ENCODINGS:
        raise HTTPException(415, f"content encoding {content_encoding!r} is not taken: send plain or gzip")
    body = await request.body()
    encoding = "gzip" if content_encoding.lower() == "gzip" else ""
    intake = await run_in_threadpool(context.session.offer, feed_id, body, content_encoding=encoding)
    return IntakeView(
        feed_id=feed_id,
        accepted=intake.accepted,
        repeated=intake.repeated,
        refused=intake.refused,
        flagged=dict(intake.flagged),
        reasons=dict(getattr(intake, "reasons", {})),
    )
