"""The root of the command line, and how errors are told: one line that names the place and the mend, exit status 1."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rencheng import __version__
from rencheng.cli import (
    bench,
    city,
    detect,
    devices,
    dispatch,
    edge,
    feed,
    feeds,
    flood,
    ledger,
    rehearse,
    runs,
    scale_out,
)
from rencheng.kernel import RenchengError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # usage errors as one plain line, and help without loading a Markdown renderer
    help="Rencheng 韧城",
)
ledger_app = typer.Typer(no_args_is_help=True, help="The ledger of a run.")

app.add_typer(bench.app, name="bench", help="What this machine can carry, measured here and now.")
app.add_typer(city.app, name="city", help="Import, make and check city packages.")
app.add_typer(detect.app, name="detect", help="Anomalies: of one series (detect FILE.csv …), leaks of a network.")
app.add_typer(devices.app, name="devices", help="Devices: their life, what falls due, how often they fail.")
app.add_typer(edge.app, name="edge", help="The agent at a gateway: keeps readings, orders people out, hands over.")
app.add_typer(feed.app, name="feed", help="Feeds of readings.")
app.add_typer(feeds.app, name="feeds")
app.add_typer(flood.app, name="flood", help="Water over the ground: runs, extents, forecasts.")
app.add_typer(ledger_app, name="ledger")
app.add_typer(rehearse.app, name="rehearse", help="Play a scenario, or study measures over many storms.")
app.add_typer(scale_out.app, name="scale-out", help="Detection on many machines, through Spark.")
ledger_app.command("verify")(ledger.verify_run)
app.command("replay")(runs.replay)
app.command("run")(runs.run)
app.command("facts")(ledger.facts)
app.command("warnings")(runs.warnings)
app.command("report")(runs.report)
app.command("dispatch")(dispatch.dispatch)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rencheng {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version")
    ] = False,
) -> None:
    """Run a city's safety as one loop: sense, assess, warn, respond, recover."""


def main() -> None:
    """Run the command line; a refusal is one line on stderr and exit status 1."""
    try:
        app()
    except RenchengError as error:
        typer.echo(f"rencheng: {' '.join(str(error).split())}", err=True)  # one line, whatever a parser said
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
