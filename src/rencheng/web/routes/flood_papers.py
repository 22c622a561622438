"""Papers of a flood forecast at one address each: picture, animation, brief."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from rencheng.web.context import Context, Served
from rencheng.web.flood.brief import Brief, brief_pdf
from rencheng.web.flood.picture import Caption, animation_gif, caption_of, marks_of, picture_png
from rencheng.web.flood.rasters import DEPTH_LAYER
from rencheng.web.problems import PROBLEMS
from rencheng.web.routes.flood_lookup import attached, flood_advice, flood_forecast, flood_objects, flood_rasters

__all__ = ["router"]

router = APIRouter(prefix="/api/flood", tags=["flood"], responses={k: PROBLEMS[k] for k in (404, 422)})

Language = Annotated[Literal["zh", "en"], Query(description="Language of the words")]


def _caption(context: Context, forecast_id: str, lang: Literal["zh", "en"]) -> Caption:
    return caption_of(context.session.city, context.session.clock().mode, lang, flood_forecast(context, forecast_id))


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
    rasters, marks = flood_rasters(context, forecast_id), marks_of(flood_objects(context, forecast_id), lang, lead_min)
    body = picture_png(context.session.city, rasters, caption, lead_min, layer, marks=marks)
    return Response(body, media_type="image/png", headers=attached(context, forecast_id, "png"))


@router.get(
    "/forecasts/{forecast_id}/animation.gif",
    summary="The water as a moving picture",
    response_class=Response,
    responses={200: {"content": {"image/gif": {"schema": {"type": "string", "format": "binary"}}}}},
)
def animation(context: Served, forecast_id: str, layer: str = DEPTH_LAYER, lang: Language = "zh") -> Response:
    """Draw all lead times of a layer as an endless animation."""
    caption = _caption(context, forecast_id, lang)
    body = animation_gif(context.session.city, flood_rasters(context, forecast_id), caption, layer)
    return Response(body, media_type="image/gif", headers=attached(context, forecast_id, "gif"))


@router.get(
    "/forecasts/{forecast_id}/brief.pdf",
    summary="The duty officer's brief",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}},
)
def brief(context: Served, forecast_id: str, lang: Language = "zh") -> Response:
    """Set two pages: what, where, when, who is affected, what to do, what is closed, and how good forecasts were."""
    view, keeper = flood_forecast(context, forecast_id), context.keeper
    body = brief_pdf(
        Brief(
            city=context.session.city,
            caption=_caption(context, forecast_id, lang),
            rasters=flood_rasters(context, forecast_id),
            objects=flood_objects(context, forecast_id),
            skill=keeper.flood_skill().get(view.model),
            advice=flood_advice(context, forecast_id),
            closures=keeper.closures(),
        )
    )
    return Response(body, media_type="application/pdf", headers=attached(context, forecast_id, "pdf"))
