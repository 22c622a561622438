"""What people see and report."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from rencheng.kernel import Hazard
from rencheng.sense.facts import ReportReceived
from rencheng.sense.orders import SubmitReport
from rencheng.web.context import Served
from rencheng.web.problems import PROBLEMS

__all__ = ["ReportAnswer", "ReportForm", "router"]

router = APIRouter(prefix="/api/reports", tags=["readings"], responses={k: PROBLEMS[k] for k in (409, 413, 422, 503)})


class ReportForm(BaseModel):
    """Something seen at a place."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(default="citizen", examples=["citizen", "hotline", "grid_officer"])
    hazard: Hazard = Hazard.WATERLOGGING
    category: str = Field(examples=["water_on_road"])
    lon: Annotated[float, Field(ge=-180, le=180)]
    lat: Annotated[float, Field(ge=-90, le=90)]
    text: str = Field(default="", max_length=2000, examples=["路面积水及膝"])
    depth_m: Annotated[float, Field(ge=0, le=20)] | None = None
    people: Annotated[int, Field(ge=0, le=100_000)] = 0
    seen_at: AwareDatetime | None = Field(default=None, description="When it was seen; the arrival where absent")


class ReportAnswer(BaseModel):
    """The report as it was taken."""

    report_id: str
    event_id: str = Field(description="Shared by reports of the same thing")
    recorded_at: datetime


@router.post("", status_code=201, summary="Report what is seen")
def report(context: Served, form: ReportForm) -> ReportAnswer:
    """Take a report from a person; the loop turns on it at once, so a person trapped becomes a need."""
    order = SubmitReport(
        source=form.source,
        hazard=form.hazard.value,
        category=form.category,
        lon=form.lon,
        lat=form.lat,
        text=form.text,
        depth_m=form.depth_m,
        people=form.people,
        seen_at=form.seen_at,
    )
    entries = context.session.order(order, actor=f"person:{form.source}")
    taken = next(entry for entry in entries if isinstance(entry.body, ReportReceived))
    return ReportAnswer(report_id=taken.body.report_id, event_id=taken.body.event_id, recorded_at=taken.recorded_at)
