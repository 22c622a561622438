"""``rencheng flood forecast``: thin over :mod:`rencheng.app.flood_forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["forecast"]


def forecast(
    run: Annotated[Path, typer.Argument(help="Folder of a run, made by replay")],
    gauge: Annotated[str, typer.Option("--gauge", help="Sensor id of the river gauge")],
    horizon: Annotated[str, typer.Option("--horizon", help="How far ahead: 72h, 3d")] = "72h",
    at: Annotated[
        str | None, typer.Option("--at", help="Forecast as of this instant, RFC 3339; else the run's last")
    ] = None,
    river: Annotated[Path | None, typer.Option("--river", help="River file; else the city package's own")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write forecast.json, .csv and .svg here")] = None,
) -> None:
    """Forecast a river's stage from the rivers above it, with intervals."""
    from rencheng.app.flood_forecast import flood_forecast, horizon_hours
    from rencheng.kernel import parse_instant

    when = parse_instant(at, name="--at") if at else None
    with reader_may_leave():
        for line in flood_forecast(run, gauge, horizon_h=horizon_hours(horizon), at=when, out=out, river=river):
            typer.echo(line)
