"""Flood-prone points 易涝点: the register as people read it, as a table and on a map."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rencheng.app.flood_points import PointRow, Register, points_csv, register_of
from rencheng.assess.facts import NOWCAST
from rencheng.city import SENSOR_REACH_M, RemediationStatus
from rencheng.web.context import Context, Served
from rencheng.web.picture.flood import FloodForecastView
from rencheng.web.problems import PROBLEMS
from rencheng.web.routes.flood_lookup import flood_forecast

__all__ = ["PondingView", "PronePointView", "RegisterView", "RevisionView", "router"]

router = APIRouter(prefix="/api/flood", tags=["flood"], responses={k: PROBLEMS[k] for k in (404, 422)})


class PondingView(BaseModel):
    """One time that a point stood in water."""

    start_at: datetime
    end_at: datetime
    peak_m: float
    duration_s: float
    above_s: float = Field(description="Time at the warning depth or above")
    closed: bool = Field(description="Whether the closure depth was reached")
    open: bool = Field(description="Still standing at the last reading")
    cut: bool = Field(description="The sensor fell silent while the water stood")


class RevisionView(BaseModel):
    """A change of the remediation."""

    at: datetime
    actor: str
    before: str
    status: str
    planned_on: str
    done_on: str
    why: str


class PronePointView(BaseModel):
    """A flood-prone point as it stands."""

    point_id: str
    name: str
    name_en: str
    kind: str = Field(description="underpass, road, community, other")
    lon: float
    lat: float
    link_id: int | None
    org_id: str = Field(description="Department that answers for it")
    org: str = Field(description="Its name")
    org_en: str
    warning_m: float
    closure_m: float
    depth_source: str = Field(description="Who says these depths")
    listed_year: int | None
    status: RemediationStatus
    planned_on: str | None = Field(description="YYYY-MM-DD")
    done_on: str | None
    overdue: bool
    measure: str
    measure_en: str
    sensor_id: str | None = Field(description=f"Sensor named, or nearest within {SENSOR_REACH_M:g} m; null is a gap")
    sensor_distance_m: float | None
    depth_m: float | None = Field(description="Its last good reading")
    depth_at: datetime | None
    warning_prob: float | None = Field(description="Forecast chance of the warning depth; null without a forecast")
    closure_prob: float | None
    first_min: int | None = Field(description="First lead time at which the warning depth is likelier than not")
    measured: bool = Field(description="False: nothing was measured in the round, which is unknown and not dry")
    events: list[PondingView]
    above_s: float
    mean_s: float | None = Field(description="Mean duration of the events that count")
    baseline_year: int | None
    baseline_s: float | None
    change_ratio: float | None = Field(description="Mean over baseline less one")
    revisions: list[RevisionView] = Field(description="The last one stands")


class KpiView(BaseModel):
    """Ponding duration of the round against the baseline."""

    points: int
    watched: int
    measured: int
    ponded: int
    events: int
    counted: int
    mean_s: float | None
    baseline_s: float | None
    change_ratio: float | None
    target_ratio: float
    met: bool | None


class RegisterView(BaseModel):
    """The register of flood-prone points."""

    now: datetime
    since: datetime = Field(description="Begin of the round that pondings are counted in")
    forecast_id: str | None = Field(description="Flood forecast that the chances are of")
    overdue: int
    kpi: KpiView
    points: list[PronePointView] = Field(description="In the order of their ids")


Overdue = Annotated[bool, Query(description="Only points whose planned day has passed, the longest overdue first")]
Forecast = Annotated[
    str | None, Query(description="Flood forecast that the chances are of; else the newest of two hours")
]
Since = Annotated[datetime | None, Query(description="Begin of the round; else 30 days before")]


@router.get("/points", summary="Flood-prone points")
def points(
    context: Served, overdue: Overdue = False, since: Since = None, forecast_id: Forecast = None
) -> RegisterView:
    """Give every point with remediation, sensor, water now, forecast chance, ponding and what was revised."""
    register = _register(context, since, forecast_id)
    names = {row["org_id"]: row for row in context.session.city.rows("organisations")}
    rows = register.overdue if overdue else register.rows
    standing = _forecast(context, forecast_id)
    return RegisterView(
        now=register.now,
        since=register.since,
        forecast_id=standing.forecast_id if standing else None,
        overdue=len(register.overdue),
        kpi=KpiView.model_validate(msgspec.to_builtins(register.kpi)),
        points=[PronePointView.model_validate(_plain(row, names)) for row in rows],
    )


@router.get(
    "/points.csv",
    summary="Flood-prone points, as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def table(context: Served, overdue: Overdue = False, since: Since = None, forecast_id: Forecast = None) -> Response:
    """Give the register with every column, for a spreadsheet."""
    register = _register(context, since, forecast_id)
    body = points_csv(register.overdue if overdue else register.rows)
    return Response(body, media_type="text/csv; charset=utf-8", headers=_attached(context, "csv"))


@router.get(
    "/points.geojson",
    summary="Flood-prone points, as GeoJSON",
    response_class=Response,
    responses={200: {"content": {"application/geo+json": {"schema": {"type": "object"}}}}},
)
def geojson(context: Served, overdue: Overdue = False, since: Since = None, forecast_id: Forecast = None) -> Response:
    """Give the register as points (RFC 7946) with every column."""
    register = _register(context, since, forecast_id)
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row.standing.point.lon, row.standing.point.lat]},
            "properties": row.record(),
        }
        for row in (register.overdue if overdue else register.rows)
    ]
    body = msgspec.json.encode({"type": "FeatureCollection", "features": features})
    return Response(body, media_type="application/geo+json", headers=_attached(context, "geojson"))


def _forecast(context: Context, forecast_id: str | None) -> FloodForecastView | None:
    """Forecast that is asked for, else the newest of the next two hours, else the newest of all."""
    if forecast_id:
        return flood_forecast(context, forecast_id)
    every = context.keeper.flood_forecasts()
    return next((f for f in every if f.product == NOWCAST), every[0] if every else None)


def _register(context: Context, since: datetime | None, forecast_id: str | None) -> Register:
    session, keeper = context.session, context.keeper
    standing = _forecast(context, forecast_id)
    objects = session.fields.get(standing.objects) if standing else None
    begin = since.astimezone(session.clock().now.tzinfo) if since else None
    return register_of(
        session.city,
        keeper.remediation(),
        session.clock().now,
        readings=session.readings,
        objects=objects,
        since=begin,
    )


def _plain(row: PointRow, names: dict[str, dict[str, Any]]) -> dict[str, Any]:
    org = names.get(row.standing.point.org_id, {})
    return {
        **row.record(),
        "org": org.get("name") or "",
        "org_en": org.get("name_en") or org.get("name") or "",
        "events": msgspec.to_builtins(row.ponding.events),
        "revisions": msgspec.to_builtins(row.standing.revisions),
    }


def _attached(context: Context, ending: str) -> dict[str, str]:
    now = context.session.clock().now.astimezone(context.session.city.zone)
    name = f"{context.session.city.manifest.id}-flood-points-{now:%Y%m%d-%H%M}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-cache"}
