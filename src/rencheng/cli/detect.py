"""``rencheng detect``: anomalies of one series (``detect FILE.csv …``) and, by name, of whole networks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rencheng.cli.detect_leaks import leaks

__all__ = ["app"]

_SERIES = "series"


class _FileFirst(TyperGroup):
    """A group whose first word may be a file: what names no command of the group goes to ``series``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``series`` in front of arguments that name no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_SERIES, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FileFirst, no_args_is_help=True, help="Anomalies: of one series (detect FILE.csv …), leaks of a network."
)


@app.command(_SERIES)
def series(
    file: Annotated[Path, typer.Argument(help="CSV with a header, also .gz, or - for standard input")],
    time: Annotated[str, typer.Option("--time", help="Column of the time: ISO 8601 or epoch s, ms, µs, ns")],
    value: Annotated[str, typer.Option("--value", help="Column of the value")],
    out: Annotated[Path, typer.Option("--out", help="CSV to write: timestamp,value,score,alarm; - for the pipe")],
) -> None:
    """Score a series row by row as a stream would be: 0 … 1 and an alarm, no look-ahead, one fixed setting.

    ``rencheng detect FILE.csv --time COLUMN --value COLUMN --out OUT.csv`` is the same command.
    """
    from rencheng.app.detect_file import detect_file
    from rencheng.cli.progress import progress

    with progress("detect") as tell:
        line = detect_file(file, time, value, out, tell=tell)
    typer.echo(line, err=True)


app.command("leaks")(leaks)
