"""The run itself: its clock, its report, its health and its measures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from rencheng.kernel import OrderRefused
from rencheng.web.clock import clock_view
from rencheng.web.context import Served
from rencheng.web.metrics import exposition
from rencheng.web.picture import ClockView
from rencheng.web.problems import PROBLEMS

__all__ = ["ClockOrder", "Health", "router"]

router = APIRouter(tags=["run"], responses={k: PROBLEMS[k] for k in (409, 422, 503)})


class ClockOrder(BaseModel):
    """What to do with the clock of a replay or rehearsal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"phase": "paused"}})
    phase: Literal["running", "paused"] | None = Field(default=None, description="Run or pause")
    speed: Annotated[float, Field(ge=0, le=100_000)] | None = Field(
        default=None, description="Seconds of the run per second of the wall; 0 for as fast as possible"
    )
    restart: bool = Field(default=False, description="Begin the run again")


class Health(BaseModel):
    """Whether the application answers, and how far its ledger is."""

    status: Literal["ok", "failed"]
    seq: int
    phase: str


@router.get("/api/clock", summary="What the run's clock says")
def clock(context: Served) -> ClockView:
    """Give the run's clock: its mode, instant, speed and phase."""
    return clock_view(context.session)


@router.post("/api/clock", summary="Pause, resume, hurry or begin again")
def set_clock(context: Served, order: ClockOrder) -> ClockView:
    """Change the clock of a replay or rehearsal; a live clock is the wall's and is refused."""
    if context.session.clock().mode == "live":
        raise OrderRefused("the live clock is the wall's", mend="Replay or rehearse to control time")
    reading = context.session.control(phase=order.phase, speed=order.speed, restart=order.restart)
    return clock_view(context.session, reading)


@router.get("/api/report.json", summary="After-action report as data")
@router.get("/api/report", summary="After-action report as data", include_in_schema=False)
def report_data(context: Served) -> dict[str, Any]:
    """Give the after-action report up to now."""
    return context.session.report()[1]


@router.get("/api/report.html", summary="After-action report to read", response_class=HTMLResponse)
def report_page(context: Served) -> HTMLResponse:
    """Give the after-action report up to now as a page."""
    return HTMLResponse(context.session.report()[0])


@router.get("/healthz", summary="Whether the application answers")
def healthz(context: Served) -> Health:
    """Give ok, unless the run failed."""
    reading = context.session.clock()
    return Health(
        status="failed" if reading.phase == "failed" else "ok",
        seq=context.session.ledger.head,
        phase=reading.phase,
    )


@router.get("/metrics", summary="Measures for Prometheus", response_class=PlainTextResponse)
def metrics(context: Served) -> PlainTextResponse:
    """Give counters and gauges in the Prometheus text format 0.0.4."""
    return PlainTextResponse(exposition(context), media_type="text/plain; version=0.0.4")
