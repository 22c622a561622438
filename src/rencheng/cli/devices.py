"""``rencheng devices``: thin over :mod:`rencheng.app.devices_run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rencheng.cli.output import reader_may_leave

__all__ = ["app"]

_LIST = "list"


class _PlaceFirst(TyperGroup):
    """A group whose first word may be a folder: what names no command of the group goes to ``list``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``list`` in front of arguments that name no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_LIST, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_PlaceFirst, no_args_is_help=True, help="Devices: their life, what falls due, how often they fail."
)
Place = Annotated[Path, typer.Argument(help="Folder of a run, or of a city package")]


@app.command(_LIST)
def list_devices(
    place: Place,
    due: Annotated[
        int | None, typer.Option("--due", min=0, help="Only what falls due within so many days, overdue work included")
    ] = None,
    state: Annotated[str, typer.Option("--state", help="Only devices in this state")] = "",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the same devices with every column here")] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="As of this instant, RFC 3339; else the run's last, or now")
    ] = None,
) -> None:
    """List devices with their state and open maintenance; ``rencheng devices PLACE [--due DAYS]`` is the same."""
    from datetime import UTC, datetime

    from rencheng.app.devices_run import device_lines
    from rencheng.kernel import parse_instant

    instant = parse_instant(at, name="--at") if at else None
    with reader_may_leave():
        for line in device_lines(place, datetime.now(UTC), at=instant, due=due, state=state, out=csv):
            typer.echo(line)


@app.command("faults")
def faults(
    run: Annotated[Path, typer.Argument(help="Folder of a run")],
    since: Annotated[str | None, typer.Option("--since", help="Begin of the window, RFC 3339; else of the run")] = None,
    until: Annotated[str | None, typer.Option("--until", help="End of the window, RFC 3339; else of the run")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, times in seconds")] = False,
) -> None:
    """Tell MTBF, MTTR, availability and failure rate of sensors, devices and feeds (IEC 60050-192)."""
    from rencheng.app.devices_run import fault_lines
    from rencheng.kernel import parse_instant

    begin = parse_instant(since, name="--since") if since else None
    end = parse_instant(until, name="--until") if until else None
    with reader_may_leave():
        for line in fault_lines(run, since=begin, until=end, as_json=as_json):
            typer.echo(line)


@app.command("import")
def import_devices(
    file: Annotated[Path, typer.Argument(help="CSV with a header; its columns: docs/reference/devices.md")],
    reason: Annotated[str, typer.Option("--reason", help="Why they are listed")],
    url: Annotated[str, typer.Option("--url", help="Address of the run; by default as the settings say")] = "",
    role: Annotated[str, typer.Option("--role", help="Role of the city on whose behalf they are listed")] = "",
) -> None:
    """List the devices of a CSV in the live run on this machine: all of them, or none."""
    from rencheng.app.devices_import import import_devices

    typer.echo(import_devices(file, reason, url=url, role=role))
