"""``rencheng flood``: the flood engine from the command line."""

from __future__ import annotations

import typer

from rencheng.cli import flood_day, flood_extent, flood_forecast, flood_points, flood_run, flood_surge

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Water over the ground: runs, extents, forecasts, prone points, surges.")
app.command("day")(flood_day.day)
app.command("extent")(flood_extent.extent)
app.command("forecast")(flood_forecast.forecast)
app.command("points")(flood_points.points)
app.command("run")(flood_run.run)
app.command("surge")(flood_surge.surge)
