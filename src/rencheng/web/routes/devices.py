"""Devices: their life, what falls due on them, who is asked to mend them, and how often they fail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from rencheng.app.devices import DeviceRow, devices_csv, register_order, register_rows
from rencheng.app.risk_sources import city_risk_sources
from rencheng.city import DeviceState
from rencheng.evaluate.faults import FAULT_FACTS, fault_figures
from rencheng.kernel import InvalidInput
from rencheng.web.context import Context, Served
from rencheng.web.problems import PROBLEMS
from rencheng.web.routes.orders import role_of

__all__ = ["DeviceFaultsView", "DevicesTaken", "DevicesView", "router"]

router = APIRouter(prefix="/api/devices", tags=["devices"], responses={k: PROBLEMS[k] for k in (404, 422)})

_ANYONE = "duty_officer"


class DueView(BaseModel):
    """Something that falls due."""

    work: str = Field(description="end_of_life, calibration or battery")
    on: str = Field(description="Last day, YYYY-MM-DD")
    days_left: int = Field(description="Negative once it is overdue")


class DeviceView(BaseModel):
    """A device as it is now."""

    device_id: str
    kind: str = Field(description="sensor, gateway, edge_agent, camera, actuator, power_supply, other")
    state: DeviceState
    name: str
    model: str
    maker: str
    org_id: str = Field(description="Organisation that maintains it")
    gateway_id: str = Field(description="Device through which it speaks")
    sensor_ids: list[str]
    installed_on: str | None = Field(description="YYYY-MM-DD")
    design_life_months: int | None
    calibrated_on: str | None
    calibration_months: int | None
    battery_on: str | None
    battery_months: int | None
    end_of_life: str | None
    calibration_due: str | None
    battery_due: str | None
    task_id: str | None = Field(description="Open maintenance task")
    task_opened_at: datetime | None
    fault: str | None = Field(description="silent, reported, or the flag that its sensor is suspected for")
    detail: str | None
    due: list[DueView] = Field(description="Due within the days asked for, the earliest first")


class DevicesView(BaseModel):
    """A page of the register."""

    now: datetime
    today: str = Field(description="Day in the city")
    by_state: dict[str, int] = Field(description="Devices of the choice in each state")
    total: int = Field(description="Devices of the choice")
    devices: list[DeviceView]


class FaultsView(BaseModel):
    """Dependability of a group; times in seconds, null where nothing was seen to reckon from."""

    of: str = Field(description="sensor, device or feed")
    group: str = Field(description="Kind of sensor, kind and model of device, or feed")
    items: int
    failures: int
    restorations: int
    up_s: float
    down_s: float
    mtbf_s: float | None
    mtbf_low_s: float | None = Field(description="Lower limit of it, two-sided 90 %")
    mtbf_high_s: float | None
    mttr_s: float | None
    availability_ratio: float | None
    failure_rate_per_h: float | None = Field(description="Failures per hour of operating time")


class DeviceFaultsView(BaseModel):
    """Dependability over a window."""

    since: datetime
    until: datetime
    groups: list[FaultsView]


class RiskSourceView(BaseModel):
    """A class of lifeline risk sources and what watches it."""

    id: str
    zh: str
    en: str
    sensor_kinds: list[str]
    rules: list[str] = Field(description="Rules of detection, and hazards with rules of warning, that hold here")
    sensors: int = Field(description="Sensors of its kinds in the city")
    channels: int = Field(description="Their channels that one of its rules follows")


class DevicesTaken(BaseModel):
    """What became of a list of devices."""

    listed: int


State = Annotated[DeviceState | None, Query(description="Only devices in this state")]
DueDays = Annotated[
    int | None, Query(ge=0, le=36_500, description="Only what falls due within so many days; overdue work counts")
]


@router.get("", summary="Devices")
def devices(
    context: Served,
    state: State = None,
    due_days: DueDays = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 500,
) -> DevicesView:
    """Give the register in the order of the ids, or what falls due, the earliest first; a page at a time."""
    rows, now, today = _rows(context, state, due_days)
    counts = {s.value: sum(row.device.state == s for row in rows) for s in DeviceState}
    page = [DeviceView.model_validate(_record(row)) for row in rows[offset : offset + limit]]
    return DevicesView(now=now, today=today, by_state=counts, total=len(rows), devices=page)


@router.get(
    ".csv",
    summary="Devices, as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def table(context: Served, state: State = None, due_days: DueDays = None) -> Response:
    """Give the register with every column, for a spreadsheet; the same columns are taken in again."""
    rows, _, _ = _rows(context, state, due_days)
    return Response(devices_csv(rows), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.get("/faults", summary="How often sensors, devices and feeds fail")
def faults(
    context: Served,
    since: Annotated[AwareDatetime | None, Query(description="Begin of the window; else of the run")] = None,
    until: Annotated[AwareDatetime | None, Query(description="End of the window; else now")] = None,
) -> DeviceFaultsView:
    """Give MTBF, MTTR, availability and failure rate by group over a window (IEC 60050-192)."""
    session = context.session
    first = next(iter(session.ledger.since(0, limit=1)), None)
    stop = (until or session.clock().now).astimezone(UTC)
    start = since.astimezone(UTC) if since else (first.occurred_at if first else stop)
    if start > stop:
        raise InvalidInput("the window ends before it begins", where="until", mend="Give since before until")
    found = fault_figures(session.ledger.since(0, kinds=FAULT_FACTS), session.city, start, stop)
    groups = [{"of": g.of, "group": g.group, **msgspec.to_builtins(g.figures)} for g in found]
    return DeviceFaultsView(since=start, until=stop, groups=[FaultsView.model_validate(g) for g in groups])


@router.get("/risk-sources", summary="Lifeline risk sources and what watches them")
def watched_sources(context: Served) -> list[RiskSourceView]:
    """Give every class of risk sources with the rules and the sensors of this city that watch it."""
    rows = city_risk_sources(context.session.city, context.session.clock().now)
    return [
        RiskSourceView(
            id=row.source.id,
            zh=row.source.name.zh,
            en=row.source.name.en,
            sensor_kinds=list(row.source.sensor_kinds),
            rules=list(row.rules),
            sensors=row.sensors,
            channels=row.channels,
        )
        for row in rows
    ]


@router.post(
    "",
    summary="List devices",
    responses={k: PROBLEMS[k] for k in (400, 409, 413, 503)},
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def register(
    context: Served,
    request: Request,
    reason: Annotated[str, Query(min_length=1, max_length=1000, description="Why they are listed")],
    x_role: Annotated[str, Header(description="Role of the city on whose behalf they are listed")] = _ANYONE,
) -> DevicesTaken:
    """List the devices of a CSV that the city package does not know: all of them, or none."""
    body = await request.body()
    return DevicesTaken(listed=await run_in_threadpool(_register, context, body, reason, x_role))


def _register(context: Context, body: bytes, reason: str, role: str) -> int:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"not UTF-8: {error}", where="body", mend="Save the file as UTF-8") from error
    order = register_order(text, reason)
    context.session.order(order, actor=role_of(context, role))
    return len(order.devices)


def _rows(context: Context, state: DeviceState | None, due_days: int | None) -> tuple[list[DeviceRow], datetime, str]:
    session = context.session
    registry = session.inputs().sense.devices
    now = session.clock().now
    today = registry.today(now)
    rows = register_rows(session.states().sense.devices, registry, today, due_days=due_days)
    return [row for row in rows if state is None or row.device.state == state], now, today.isoformat()


def _record(row: DeviceRow) -> dict[str, Any]:
    due = [{"work": w.work.value, "on": w.on.isoformat(), "days_left": w.days_left} for w in row.due]
    return {**row.record(), "due": due}
