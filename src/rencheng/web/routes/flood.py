"""The water before it comes: forecasts of the flood engine, their rasters, objects and papers."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
import pyarrow.compute as pc
from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.kernel import InvalidInput, NotFound
from rencheng.web.context import Context, Served
from rencheng.web.flood import GROUPS, FloodObjects, FloodRasters, ObjectChoice
from rencheng.web.flood.brief import Brief, brief_pdf
from rencheng.web.flood.objects import SORTS
from rencheng.web.flood.picture import Caption, animation_gif, caption_of, marks_of, picture_png
from rencheng.web.flood.rasters import DEPTH_LAYER
from rencheng.web.picture.flood import (
    FloodAdviceView,
    FloodForecastView,
    FloodNeedsView,
    FloodSkillView,
    SupersededView,
)
from rencheng.web.problems import PROBLEMS

__all__ = ["FloodDetail", "FloodList", "GridView", "ObjectPage", "PointView", "router"]

router = APIRouter(prefix="/api/flood", tags=["flood"], responses={k: PROBLEMS[k] for k in (404, 422)})

Language = Annotated[Literal["zh", "en"], Query(description="Language of the words")]
LeadMinutes = Annotated[int | None, Query(ge=0, le=100_000, description="Lead time in minutes")]


class FloodList(BaseModel):
    """The forecasts of the run, newest first."""

    forecasts: list[FloodForecastView]
    skill: list[FloodSkillView] = Field(description="How they came true so far, by model")
    superseded: list[SupersededView] = Field(description="Cycles given up for newer rain, or failed; the last first")


class GridView(BaseModel):
    """Where the rasters lie."""

    ny: int = Field(description="Rows of the stored rasters, row 0 southernmost")
    nx: int
    cell_m: float
    crs: str
    west_m: float
    south_m: float
    corners: list[tuple[float, float]] = Field(description="Lon/lat: south-west, south-east, north-east, north-west")
    mesh_rows: int = Field(description="Rows of the evenly spaced points below, row 0 south")
    mesh_columns: int
    mesh_lon: list[float] = Field(description="Longitude of each point, row by row")
    mesh_lat: list[float]
    reduce: int = Field(description="Ask for frames in blocks of so many cells a side")
    frame_rows: int = Field(description="Rows of a frame so asked for")
    frame_columns: int


class FloodDetail(BaseModel):
    """One forecast with its grid, its skill and what was advised."""

    forecast: FloodForecastView
    grid: GridView
    layers: list[str] = Field(description="depth_mm (uint16 little-endian) and percent_<mm> (uint8)")
    deepest_m: float = Field(description="Greatest median depth of any cell and lead time")
    skill: FloodSkillView | None = Field(description="None while nothing has come true yet")
    advice: FloodAdviceView | None
    needs: FloodNeedsView | None = Field(description="What the water asks for; its map: GET …/needs")


class PointView(BaseModel):
    """What the forecast says of one cell at every lead time."""

    lon: float
    lat: float
    lead_min: list[int]
    depth_m: list[float] = Field(description="Median of the members")
    exceed_prob: dict[str, list[float]] = Field(description="Depth in metres → probability of at least so much")


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


class NeedCells(BaseModel):
    """Where something is needed against the water, in columns."""

    item: str
    h3: list[str] = Field(description="H3 cells, hexadecimal")
    quantity: list[float]


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


def _forecast(context: Context, forecast_id: str) -> FloodForecastView:
    found = context.keeper.flood_forecast(forecast_id)
    if found is None:
        raise NotFound(f"no flood forecast {forecast_id!r}", mend="List them with GET /api/flood/forecasts")
    return found


def _rasters(context: Context, forecast_id: str) -> FloodRasters:
    return context.floods.rasters(_forecast(context, forecast_id).frames)


def _objects(context: Context, forecast_id: str) -> FloodObjects:
    return context.floods.objects(_forecast(context, forecast_id).objects)


@router.get("/forecasts", summary="Flood forecasts of the run")
def forecasts(context: Served, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> FloodList:
    """Give the forecasts, newest first, how they came true so far, and the cycles that were given up."""
    keeper = context.keeper
    return FloodList(
        forecasts=keeper.flood_forecasts()[:limit],
        skill=list(keeper.flood_skill().values()),
        superseded=keeper.flood_superseded(),
    )


@router.get("/forecasts/{forecast_id}", summary="One flood forecast")
def forecast(context: Served, forecast_id: str) -> FloodDetail:
    """Give one forecast with where its rasters lie, the skill of its model, and the advice that goes with it."""
    view = _forecast(context, forecast_id)
    rasters = context.floods.rasters(view.frames)
    return FloodDetail(
        forecast=view,
        grid=_grid(rasters),
        layers=list(rasters.layers),
        deepest_m=round(rasters.deepest_m, 3),
        skill=context.keeper.flood_skill().get(view.model),
        advice=_advice(context, forecast_id),
        needs=context.keeper.flood_needs(forecast_id),
    )


def _advice(context: Context, forecast_id: str) -> FloodAdviceView | None:
    advice = context.keeper.flood_advice(forecast_id)
    return context.floods.named(advice) if advice else None


def _grid(rasters: FloodRasters) -> GridView:
    grid, mesh = rasters.grid, rasters.mesh
    rows, columns = rasters.shape(rasters.reduce)
    return GridView(
        ny=grid.ny,
        nx=grid.nx,
        cell_m=grid.cell_m,
        crs=grid.crs,
        west_m=grid.west_m,
        south_m=grid.south_m,
        corners=list(grid.corners),
        mesh_rows=mesh.rows,
        mesh_columns=mesh.columns,
        mesh_lon=np.round(mesh.lon, 7).ravel().tolist(),
        mesh_lat=np.round(mesh.lat, 7).ravel().tolist(),
        reduce=rasters.reduce,
        frame_rows=rows,
        frame_columns=columns,
    )


@router.get(
    "/forecasts/{forecast_id}/frames/{lead_min}/{layer}",
    summary="One raster of a flood forecast",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "As known"},
    },
)
def frame(
    context: Served,
    forecast_id: str,
    lead_min: int,
    layer: str,
    reduce: Annotated[int, Query(ge=1, le=64, description="Highest value of blocks of so many cells a side")] = 1,
    if_none_match: Annotated[str | None, Header()] = None,
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """Give a raster as raw bytes, row 0 south: ``depth_mm`` as little-endian uint16, ``percent_<mm>`` as uint8.

    The entity tag is that of the content, so a browser asks once. Rows and columns: ``grid`` of the forecast.
    """
    view = _forecast(context, forecast_id)
    headers = {
        "ETag": f'"{view.frames[:24]}-{lead_min}-{layer}-{reduce}"',
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
    }
    body = context.floods.rasters(view.frames).packed(lead_min, layer, reduce=reduce)
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "deflate" in accept_encoding:
        headers["Content-Encoding"] = "deflate"
    else:
        body = zlib.decompress(body)
    return Response(body, media_type="application/octet-stream", headers=headers)


@router.get("/forecasts/{forecast_id}/point", summary="The forecast at a place")
def point(
    context: Served,
    forecast_id: str,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> PointView:
    """Give depth and probabilities of the cell that holds a place, at every lead time."""
    rasters = _rasters(context, forecast_id)
    series = rasters.point(lon, lat)
    return PointView(
        lon=lon,
        lat=lat,
        lead_min=list(rasters.lead_min),
        depth_m=np.round(series.depth_m, 3).tolist(),
        exceed_prob={f"{t:g}": np.round(p, 2).tolist() for t, p in series.exceed_prob.items()},
    )


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
    table = _objects(context, forecast_id)
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


@router.get("/forecasts/{forecast_id}/needs", summary="What the water asks for, by cell")
def needs(
    context: Served,
    forecast_id: str,
    item: Annotated[str, Query(max_length=40, description="sandbag, pump, boat or shelter_place")] = "sandbag",
) -> NeedCells:
    """Give how much of an item each H3 cell needs against the forecast water."""
    _forecast(context, forecast_id)
    mapped = context.keeper.flood_needs(forecast_id)
    if mapped is None:
        raise NotFound(f"no needs of forecast {forecast_id!r} were mapped", mend="Ask for a forecast that has needs")
    if item not in mapped.wanted:
        raise NotFound(f"no item {item!r} is needed", mend=f"Use one of: {', '.join(mapped.wanted)}")
    table = context.session.fields.get(mapped.field)
    rows = table.filter(pc.equal(table.column("item"), item))
    return NeedCells(
        item=item,
        h3=[f"{cell:x}" for cell in rows.column("cell").to_pylist()],
        quantity=np.round(rows.column("quantity").to_numpy(), 2).tolist(),
    )


@router.get(
    "/forecasts/{forecast_id}/objects.csv",
    summary="Who stands in the water, as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def objects_csv(context: Served, forecast_id: str, wanted: Wanted) -> Response:
    """Give all chosen objects, the deepest first; both directions of a street have their own row."""
    table = _objects(context, forecast_id)
    body = table.csv(table.sorted(table.chosen(wanted), "depth"))
    return Response(body, media_type="text/csv; charset=utf-8", headers=_attached(context, forecast_id, "csv"))


@router.get(
    "/forecasts/{forecast_id}/objects.geojson",
    summary="Who stands in the water, as GeoJSON",
    response_class=Response,
    responses={200: {"content": {"application/geo+json": {"schema": {"type": "object"}}}}},
)
def objects_geojson(context: Served, forecast_id: str, wanted: Wanted) -> Response:
    """Give all chosen objects with their lines, outlines or points, and their depth at every lead time."""
    table = _objects(context, forecast_id)
    body = table.geojson(table.sorted(table.chosen(wanted), "depth"))
    return Response(body, media_type="application/geo+json", headers=_attached(context, forecast_id, "geojson"))


def _caption(context: Context, forecast_id: str, lang: Literal["zh", "en"]) -> Caption:
    return caption_of(context.session.city, context.session.clock().mode, lang, _forecast(context, forecast_id))


@router.get(
    "/forecasts/{forecast_id}/picture.png",
    summary="A picture of the water",
    response_class=Response,
    responses={200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}},
)
def picture(
    context: Served,
    forecast_id: str,
    lead_min: Annotated[int, Query(ge=0, le=100_000, description="Lead time in minutes")],
    layer: str = DEPTH_LAYER,
    lang: Language = "zh",
) -> Response:
    """Draw one lead time of a layer over the city with title, clock, legend and scale."""
    caption = _caption(context, forecast_id, lang)
    rasters, marks = _rasters(context, forecast_id), marks_of(_objects(context, forecast_id), lang, lead_min)
    body = picture_png(context.session.city, rasters, caption, lead_min, layer, marks=marks)
    return Response(body, media_type="image/png", headers=_attached(context, forecast_id, "png"))


@router.get(
    "/forecasts/{forecast_id}/animation.gif",
    summary="The water as a moving picture",
    response_class=Response,
    responses={200: {"content": {"image/gif": {"schema": {"type": "string", "format": "binary"}}}}},
)
def animation(context: Served, forecast_id: str, layer: str = DEPTH_LAYER, lang: Language = "zh") -> Response:
    """Draw all lead times of a layer as an endless animation."""
    caption = _caption(context, forecast_id, lang)
    body = animation_gif(context.session.city, _rasters(context, forecast_id), caption, layer)
    return Response(body, media_type="image/gif", headers=_attached(context, forecast_id, "gif"))


@router.get(
    "/forecasts/{forecast_id}/brief.pdf",
    summary="The duty officer's brief",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}},
)
def brief(context: Served, forecast_id: str, lang: Language = "zh") -> Response:
    """Set two pages: what, where, when, who is affected, what to do, what is closed, and how good forecasts were."""
    view, keeper = _forecast(context, forecast_id), context.keeper
    body = brief_pdf(
        Brief(
            city=context.session.city,
            caption=_caption(context, forecast_id, lang),
            rasters=_rasters(context, forecast_id),
            objects=_objects(context, forecast_id),
            skill=keeper.flood_skill().get(view.model),
            advice=_advice(context, forecast_id),
            closures=keeper.closures(),
        )
    )
    return Response(body, media_type="application/pdf", headers=_attached(context, forecast_id, "pdf"))


def _attached(context: Context, forecast_id: str, ending: str) -> dict[str, str]:
    stamp = _stamp(context, _forecast(context, forecast_id).based_at)
    name = f"{context.session.city.manifest.id}-flood-{stamp}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-cache"}


def _stamp(context: Context, at: datetime) -> str:
    return at.astimezone(context.session.city.zone).strftime("%Y%m%d-%H%M")
