"""``rencheng flood points``: thin over :mod:`rencheng.app.flood_points_run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["points"]


def points(
    place: Annotated[Path, typer.Argument(help="Folder of a run, or of a city package")],
    overdue: Annotated[bool, typer.Option("--overdue", help="Only points whose planned day has passed")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the same rows with every column here")] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="As of this instant, RFC 3339; else the run's last, or now")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Count pondings from this instant; else the 30 days before")
    ] = None,
) -> None:
    """List flood-prone points: remediation, sensor, water now, forecast chance, ponding against the baseline."""
    from datetime import UTC, datetime

    from rencheng.app.flood_points_run import flood_points
    from rencheng.kernel import parse_instant

    instant = parse_instant(at, name="--at") if at else None
    begin = parse_instant(since, name="--since") if since else None
    with reader_may_leave():
        for line in flood_points(place, datetime.now(UTC), at=instant, since=begin, overdue=overdue, out=csv):
            typer.echo(line)
