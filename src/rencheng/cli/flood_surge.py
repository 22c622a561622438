"""``rencheng flood surge``: thin over :mod:`rencheng.app.flood_surge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["surge"]


def surge(
    city: Annotated[Path, typer.Argument(help="Folder of a city package by the sea")],
    track: Annotated[Path, typer.Option("--track", help="CSV of the cyclone's forecast track")],
    bathymetry: Annotated[Path, typer.Option("--bathymetry", help="Raster of heights, negative in the sea (GEBCO)")],
    out: Annotated[Path, typer.Option("--out", help="Folder for rasters, edges, levels and tables")],
    issued: Annotated[
        str | None, typer.Option("--issued", help="When the forecast was issued, RFC 3339; else the track's first row")
    ] = None,
    tide: Annotated[Path | None, typer.Option("--tide", help="CSV of the astronomical tide: time, level_m")] = None,
    sea_level: Annotated[float, typer.Option("--sea-level", help="Mean sea level in the terrain's heights, m")] = 0.0,
    defences: Annotated[
        Path | None, typer.Option("--defences", help="GeoJSON of dikes instead of the package's own")
    ] = None,
    wind_minutes: Annotated[
        int, typer.Option("--wind-minutes", help="Averaging time of the track's winds: 10 or 1")
    ] = 10,
    members: Annotated[int, typer.Option("--members", help="Storms drawn around the forecast")] = 40,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fill all land joined to the sea below its highest level, for a screening")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Start of the random numbers")] = 1,
) -> None:
    """Foretell a cyclone's storm surge before a city, and the land at high risk of it."""
    from rencheng.app.flood_surge import flood_surge, surge_summary
    from rencheng.cli.progress import progress
    from rencheng.kernel import parse_instant

    when = parse_instant(issued, name="--issued") if issued else None
    with progress("Surge") as bar:
        found = flood_surge(
            city,
            track,
            bathymetry,
            out,
            issued=when,
            tide=tide,
            sea_level_m=sea_level,
            defences=defences,
            wind_minutes=wind_minutes,
            members=members,
            seed=seed,
            engine=not quick,
            progress=lambda step, share: bar(share, step),
        )
    with reader_may_leave():
        for line in surge_summary(found):
            typer.echo(line)
        typer.echo(f"Files are in {out}")
