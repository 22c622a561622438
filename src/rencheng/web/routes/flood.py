"""The water before it comes: forecasts of the flood engine, their rasters, places and needs."""

from __future__ import annotations

import zlib
from typing import Annotated, Literal

import numpy as np
import pyarrow.compute as pc
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rencheng.kernel import NotFound
from rencheng.web.context import Served
from rencheng.web.flood import FloodRasters
from rencheng.web.picture.flood import (
    FloodAdviceView,
    FloodForecastView,
    FloodNeedsView,
    FloodSkillView,
    SupersededView,
)
from rencheng.web.problems import PROBLEMS
from rencheng.web.routes.flood_lookup import flood_advice, flood_forecast, flood_rasters

__all__ = ["FloodDetail", "FloodList", "GridView", "NeedCells", "PointView", "router"]

router = APIRouter(prefix="/api/flood", tags=["flood"], responses={k: PROBLEMS[k] for k in (404, 422)})


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


class NeedCells(BaseModel):
    """Where something is needed against the water, in columns."""

    item: str
    h3: list[str] = Field(description="H3 cells, hexadecimal")
    quantity: list[float]


@router.get("/forecasts", summary="Flood forecasts of the run")
def forecasts(
    context: Served,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    product: Annotated[
        Literal["nowcast", "day_ahead"] | None, Query(description="Only of the next two hours, or of the next day")
    ] = None,
) -> FloodList:
    """Give the forecasts, newest first, how they came true so far, and the cycles that were given up."""
    keeper = context.keeper
    wanted = [f for f in keeper.flood_forecasts() if product is None or f.product == product]
    return FloodList(
        forecasts=wanted[:limit],
        skill=list(keeper.flood_skill().values()),
        superseded=keeper.flood_superseded(),
    )


@router.get("/forecasts/{forecast_id}", summary="One flood forecast")
def forecast(context: Served, forecast_id: str) -> FloodDetail:
    """Give one forecast with where its rasters lie, the skill of its model, and the advice that goes with it."""
    view = flood_forecast(context, forecast_id)
    rasters = context.floods.rasters(view.frames)
    return FloodDetail(
        forecast=view,
        grid=_grid(rasters),
        layers=list(rasters.layers),
        deepest_m=round(rasters.deepest_m, 3),
        skill=context.keeper.flood_skill().get(view.model),
        advice=flood_advice(context, forecast_id),
        needs=context.keeper.flood_needs(forecast_id),
    )


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
    view = flood_forecast(context, forecast_id)
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
    rasters = flood_rasters(context, forecast_id)
    series = rasters.point(lon, lat)
    return PointView(
        lon=lon,
        lat=lat,
        lead_min=list(rasters.lead_min),
        depth_m=np.round(series.depth_m, 3).tolist(),
        exceed_prob={f"{t:g}": np.round(p, 2).tolist() for t, p in series.exceed_prob.items()},
    )


@router.get("/forecasts/{forecast_id}/needs", summary="What the water asks for, by cell")
def needs(
    context: Served,
    forecast_id: str,
    item: Annotated[str, Query(max_length=40, description="sandbag, pump, boat or shelter_place")] = "sandbag",
) -> NeedCells:
    """Give how much of an item each H3 cell needs against the forecast water."""
    flood_forecast(context, forecast_id)
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
