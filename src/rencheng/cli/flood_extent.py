"""``rencheng flood extent``: thin over :mod:`rencheng.app.flood_extent`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["extent"]


def extent(
    city: Annotated[Path, typer.Argument(help="Folder of a city package")],
    stage: Annotated[float, typer.Option("--stage", help="Stage at the gauge, in metres")],
    out: Annotated[Path, typer.Option("--out", help="Folder for rasters, outlines, tables and pictures")],
    gauge: Annotated[
        str | None, typer.Option("--gauge", help="Sensor id of the gauge; may be left out where only one has a mark")
    ] = None,
    defences: Annotated[
        Path | None, typer.Option("--defences", help="GeoJSON of levees instead of the package's own")
    ] = None,
    members: Annotated[int, typer.Option("--members", help="Plausible terrains that are flooded")] = 200,
    hours: Annotated[
        float | None, typer.Option("--hours", help="Also run the flood engine: how far water gets in so many hours")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Start of the random numbers")] = 1,
) -> None:
    """Map the land that a river stage puts under water, with who and what stands in it."""
    from rencheng.app.flood_extent import extent_summary, flood_extent
    from rencheng.cli.progress import progress

    with progress("Flooding") as bar:
        found = flood_extent(
            city,
            stage,
            out,
            gauge_id=gauge,
            defences=defences,
            members=members,
            seed=seed,
            hours=hours,
            progress=lambda step, share: bar(share, step),
        )
    with reader_may_leave():
        for line in extent_summary(found):
            typer.echo(line)
        typer.echo(f"Files are in {out}")
