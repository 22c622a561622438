"""``rencheng replay``, ``run``, ``warnings`` and ``report``: thin over :mod:`rencheng.app`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rencheng.cli.output import reader_may_leave

__all__ = ["replay", "report", "run", "warnings"]

CityOption = Annotated[Path, typer.Option("--city", help="Folder of the city package")]
RunArgument = Annotated[Path, typer.Argument(help="Folder of a run")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the run to make, or to go on with")]


def replay(
    city: CityOption,
    readings: Annotated[Path, typer.Option("--readings", help="Recorded readings, e.g. telemetry.csv.gz")],
    out: OutOption,
    until: Annotated[str | None, typer.Option("--until", help="Stop at this instant, RFC 3339")] = None,
    feed: Annotated[Path | None, typer.Option("--feed", help="Feed configuration; else the city package's own")] = None,
    history: Annotated[
        list[Path] | None, typer.Option("--history", help="Readings of the time before, to learn from; may be repeated")
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=0.0, help="Recorded seconds per second; 0 is as fast as it goes")
    ] = 0.0,
) -> None:
    """Run a recorded feed through the loop, by the record's own clock."""
    from rencheng.app.replay import replay as replay_run
    from rencheng.app.settings import read_settings
    from rencheng.cli.progress import progress
    from rencheng.kernel import parse_instant

    stop: datetime | None = parse_instant(until, name="--until") if until else None
    with progress("replay") as tell:
        summary = replay_run(
            city,
            readings,
            out,
            feed=feed,
            history=tuple(history or ()),
            until=stop,
            speed=speed,
            settings=read_settings(os.environ),
            tell=tell,
        )
    typer.echo(summary)


def run(
    city: Annotated[
        Path | None, typer.Option("--city", help="Folder of the city package; else the sandbox city")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Play a rainstorm rehearsal for a visitor")] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port of the page; else the setting")
    ] = None,
) -> None:
    """Run live with the API and the page; with ``--demo`` play a rainstorm rehearsal instead."""
    from rencheng.app.settings import read_settings
    from rencheng.cli.serve import serve

    serve(city, demo=demo, port=port, settings=read_settings(os.environ))


def warnings(
    run: RunArgument,
    cap: Annotated[Path | None, typer.Option("--cap", help="Write every notice as a CAP 1.2 file here")] = None,
) -> None:
    """List the warnings of a run, and write them as CAP 1.2 files."""
    from rencheng.app.open_run import run_warnings

    with reader_may_leave():
        for line in run_warnings(run, cap):
            typer.echo(line)


def report(run: RunArgument, out: Annotated[Path, typer.Option("--out", help="Folder for the report")]) -> None:
    """Write the after-action report of a run: ``report.html`` and ``report.json``."""
    from rencheng.app.open_run import write_report

    for path in write_report(run, out):
        typer.echo(str(path))
