"""``rencheng flood day``: the water of the next day from a file of forecast rain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["day"]


def day(
    city: Annotated[Path, typer.Argument(help="Folder of the city package")],
    rain: Annotated[
        Path, typer.Option("--rain-forecast", help="CSV, JSON or GeoTIFF of forecast rain, or a folder of them")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; an earlier forecast there is replaced")],
    horizon_h: Annotated[float, typer.Option("--horizon-h", min=3.0, max=72.0, help="Hours to look ahead")] = 24.0,
    members: Annotated[int, typer.Option("--members", min=1, max=200, help="Members of the ensemble")] = 12,
    step_min: Annotated[float, typer.Option("--step-min", help="Minutes of each band of a raster")] = 60.0,
    rain_members: Annotated[int, typer.Option("--rain-members", min=1, help="Members in a raster's bands")] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Of the ensemble's chance")] = 1,
) -> None:
    """Forecast the water of the next day: chances by cell, and road links, buildings and facilities at risk."""
    from rencheng.app.flood_day import flood_day
    from rencheng.cli.progress import progress

    with progress("flood day") as tell:
        line = flood_day(
            city,
            rain,
            out,
            step_min=step_min,
            rain_members=rain_members,
            members=members,
            horizon_h=horizon_h,
            seed=seed,
            tell=tell,
        )
    typer.echo(line)
