"""Finding a flood forecast and what belongs to it, for the routes that show, list and print it."""

from __future__ import annotations

from datetime import datetime

from rencheng.kernel import NotFound
from rencheng.web.context import Context
from rencheng.web.flood import FloodObjects, FloodRasters
from rencheng.web.picture.flood import FloodAdviceView, FloodForecastView

__all__ = ["attached", "flood_advice", "flood_forecast", "flood_objects", "flood_rasters"]


def flood_forecast(context: Context, forecast_id: str) -> FloodForecastView:
    """The forecast of an id; ``NotFound`` where the run has none."""
    found = context.keeper.flood_forecast(forecast_id)
    if found is None:
        raise NotFound(f"no flood forecast {forecast_id!r}", mend="List them with GET /api/flood/forecasts")
    return found


def flood_rasters(context: Context, forecast_id: str) -> FloodRasters:
    """Rasters of a forecast."""
    return context.floods.rasters(flood_forecast(context, forecast_id).frames)


def flood_objects(context: Context, forecast_id: str) -> FloodObjects:
    """Table of who stands in the water of a forecast."""
    return context.floods.objects(flood_forecast(context, forecast_id).objects)


def flood_advice(context: Context, forecast_id: str) -> FloodAdviceView | None:
    """Advice that goes with a forecast, its places by their names; None where none was given."""
    advice = context.keeper.flood_advice(forecast_id)
    return context.floods.named(advice) if advice else None


def attached(context: Context, forecast_id: str, ending: str) -> dict[str, str]:
    """Headers by which a browser saves an answer as a file named for city, forecast and kind."""
    stamp = _stamp(context, flood_forecast(context, forecast_id).based_at)
    name = f"{context.session.city.manifest.id}-flood-{stamp}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-cache"}


def _stamp(context: Context, at: datetime) -> str:
    return at.astimezone(context.session.city.zone).strftime("%Y%m%d-%H%M")
