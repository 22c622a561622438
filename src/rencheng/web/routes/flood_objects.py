"""Who stands in the forecast water: lists and exports."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.kernel import InvalidInput
from rencheng.web.context import Served
from rencheng.web.flood import GROUPS, ObjectChoice, exports
from rencheng.web.flood.objects import SORTS
from rencheng.web.problems import PROBLEMS
from rencheng.web.routes.flood_lookup import attached, flood_objects

__all__ = ["ObjectPage", "ObjectView", "router"]

router = APIRouter(prefix="/api/flood", tags=["flood"], responses={k: PROBLEMS[k] for k in (404, 422)})


class ObjectView(BaseModel):
    """A building, road link or facility with its water."""

    kind: str
    group: str = Field(description=f"One of {', '.join(GROUPS)}")
    object_id: str
    name: str
    detail: str = Field(description="Road class, use of the building or kind of facility")
    lon: float
    lat: float
    people: float
    depth_m: float = Field(description="Median depth: at the lead time asked for, else the greatest of all")
    depth_high_m: float = Field(description="90 % quantile of the members")
    prob: float = Field(description="Probability of at least the threshold")
    first_min: int | None = Field(description="First lead time at which it is as probable as asked for")
    worst_min: int = Field(description="Lead time of the greatest depth")
    depth_by_lead_m: list[float]


class ObjectPage(BaseModel):
    """Some of the objects in the water."""

    total: int = Field(description="Objects that fit the question, over all pages")
    groups: dict[str, int] = Field(description="Group → objects that fit, whatever group was asked for")
    lead_min: list[int]
    objects: list[ObjectView]


LeadMinutes = Annotated[int | None, Query(ge=0, le=100_000, description="Lead time in minutes")]


def _wanted(
    threshold_m: Annotated[float, Query(description="0.15, 0.3, 0.6 or 1.2")] = THRESHOLDS_M[0],
    min_prob: Annotated[float, Query(ge=0, le=1, description="Least probability of the threshold")] = 0.5,
    lead_min: LeadMinutes = None,
    group: Annotated[list[str] | None, Query(description=f"Only of these: {', '.join(GROUPS)}")] = None,
    text: Annotated[str, Query(max_length=100, description="Part of name, id or detail")] = "",
) -> ObjectChoice:
    if threshold_m not in THRESHOLDS_M:
        known = ", ".join(f"{t:g}" for t in THRESHOLDS_M)
        raise InvalidInput(f"no threshold of {threshold_m:g} m is forecast", where="threshold_m", mend=f"Use: {known}")
    for name in group or ():
        if name not in GROUPS:
            raise InvalidInput(f"no group {name!r}", where="group", mend=f"Use: {', '.join(GROUPS)}")
    return ObjectChoice(
        threshold_m=threshold_m, min_prob=min_prob, lead_min=lead_min, groups=tuple(group or ()), text=text
    )


Wanted = Annotated[ObjectChoice, Depends(_wanted)]


@router.get("/forecasts/{forecast_id}/objects", summary="Who stands in the water")
def objects(
    context: Served,
    forecast_id: str,
    wanted: Wanted,
    sort: Annotated[str, Query(pattern=f"^({'|'.join(SORTS)})$")] = "urgency",
    reverse: bool = False,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> ObjectPage:
    """Give underpasses, facilities, streets and buildings in the water, chosen and sorted; a street counts once."""
    table = flood_objects(context, forecast_id)
    every = table.streets_once(table.chosen(_all_groups(wanted)))
    groups = wanted.groups or GROUPS
    rows = every.take(np.flatnonzero(np.isin(table.group[every.at], groups)))
    page = table.sorted(rows, sort, reverse=reverse).take(np.arange(offset, min(offset + limit, len(rows.at))))
    leads, depths = table.depth_by_lead(page)
    return ObjectPage(
        total=len(rows.at),
        groups=table.counts(every),
        lead_min=leads,
        objects=[
            ObjectView(**record, depth_by_lead_m=depth)
            for record, depth in zip(table.records(page), depths, strict=True)
        ],
    )


def _all_groups(wanted: ObjectChoice) -> ObjectChoice:
    return ObjectChoice(
        threshold_m=wanted.threshold_m, min_prob=wanted.min_prob, lead_min=wanted.lead_min, text=wanted.text
    )


@router.get(
    "/forecasts/{forecast_id}/objects.csv",
    summary="Who stands in the water, as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def objects_csv(context: Served, forecast_id: str, wanted: Wanted) -> Response:
    """Give all chosen objects, the deepest first; both directions of a street have their own row."""
    table = flood_objects(context, forecast_id)
    body = exports.objects_csv(table, table.sorted(table.chosen(wanted), "depth"))
    return Response(body, media_type="text/csv; charset=utf-8", headers=attached(context, forecast_id, "csv"))


@router.get(
    "/forecasts/{forecast_id}/objects.geojson",
    summary="Who stands in the water, as GeoJSON",
    response_class=Response,
    responses={200: {"content": {"application/geo+json": {"schema": {"type": "object"}}}}},
)
def objects_geojson(context: Served, forecast_id: str, wanted: Wanted) -> Response:
    """Give all chosen objects with their lines, outlines or points, and their depth at every lead time."""
    table = flood_objects(context, forecast_id)
    body = exports.objects_geojson(table, table.sorted(table.chosen(wanted), "depth"))
    return Response(body, media_type="application/geo+json", headers=attached(context, forecast_id, "geojson"))
