"""``rencheng flood run``: a city's water under a rain that a file describes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["run"]


def run(
    city: Annotated[Path, typer.Argument(help="Folder of the city package")],
    rain: Annotated[Path, typer.Option("--rain", help="Configuration of rain and run, TOML or YAML")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; an earlier run there is replaced")],
) -> None:
    """Run a rain over a city: depths, velocities, arrival, duration, hazard, and whom the water touches."""
    from rencheng.app.flood_run import flood_run
    from rencheng.cli.progress import progress

    with progress("flood run") as tell:
        line = flood_run(city, rain, out, tell=tell)
    typer.echo(line)
