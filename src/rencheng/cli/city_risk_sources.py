"""``rencheng city risk-sources``: thin over :mod:`rencheng.app.risk_sources`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["risk_sources"]


def risk_sources(city: Annotated[Path, typer.Argument(help="Folder of a city package")]) -> None:
    """List the classes of lifeline risk sources with the rules and the sensors of the city that watch each."""
    from datetime import UTC, datetime

    from rencheng.app.risk_sources import risk_source_lines
    from rencheng.city import read_city

    with reader_may_leave():
        for line in risk_source_lines(read_city(city), datetime.now(UTC)):
            typer.echo(line)
