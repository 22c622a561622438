"""What the city is: its manifest and the layers of its map."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rencheng.city import City
from rencheng.web.context import Served
from rencheng.web.layers import LAYERS, buildings_payload
from rencheng.web.problems import PROBLEMS

__all__ = ["CityView", "router"]

router = APIRouter(prefix="/api/city", tags=["city"], responses={k: PROBLEMS[k] for k in (404, 422)})

Degree = Annotated[float, Query(ge=-180, le=180, description="Degree, EPSG:4326")]


class CityView(BaseModel):
    """The city of the run."""

    id: str
    name: str
    name_en: str
    timezone: str = Field(examples=["Asia/Shanghai"])
    jurisdiction: str
    h3_resolution: int
    version: str
    digest: str = Field(description="SHA-256 over the package")
    bbox: tuple[float, float, float, float] = Field(description="West, south, east, north, degrees")
    residents: float
    layers: dict[str, str] = Field(description="Layer name → address")


def _bbox(city: City) -> tuple[float, float, float, float]:
    lon, lat = city.column("cells", "lon"), city.column("cells", "lat")
    west, south, east, north = (float(np.round(v, 5)) for v in (lon.min(), lat.min(), lon.max(), lat.max()))
    return west, south, east, north


@router.get("", summary="The city of the run")
def city(context: Served) -> CityView:
    """Give what ``city.toml`` says, the box of the city's cells, its residents, and where its layers are."""
    package = context.session.city
    manifest = package.manifest
    return CityView(
        id=manifest.id,
        name=manifest.name,
        name_en=manifest.name_en,
        timezone=manifest.timezone,
        jurisdiction=manifest.jurisdiction,
        h3_resolution=manifest.h3_resolution,
        version=manifest.version,
        digest=package.digest,
        bbox=_bbox(package),
        residents=float(np.nansum(package.column("cells", "residents"))),
        layers={name: f"/api/city/layers/{name}" for name in (*LAYERS, "buildings")},
    )


@router.get("/layers/buildings", summary="Buildings in a box", response_model=None)
def buildings(
    context: Served,
    west: Degree,
    south: Degree,
    east: Degree,
    north: Degree,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 5_000,
) -> Response:
    """Give footprints within a box. Outlines are integers of 1e-5 degree: first point, then differences."""
    payload = buildings_payload(context.session.city, west=west, south=south, east=east, north=north, limit=limit)
    return Response(msgspec.json.encode(payload), media_type="application/json")


@router.get(
    "/layers/{layer}",
    summary="A layer of the map",
    response_model=None,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        304: {"description": "As known"},
    },
)
def layer(
    context: Served,
    layer: str,
    if_none_match: Annotated[str | None, Header()] = None,
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """Give a layer: areas and waters as GeoJSON; roads and streets as integer lines by class; the others as columns.

    The entity tag changes only with the city package, so a browser asks once.
    """
    layers = context.layers
    gzipped = "gzip" in accept_encoding
    headers: dict[str, Any] = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    body = layers.payload(layer, gzipped=gzipped)
    headers["ETag"] = layers.etag(layer)
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if gzipped:
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)
