"""``rencheng bench``: what this machine can carry, measured here and now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rencheng.app.bench_sense import Figure

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure this machine."""


@app.command("sense")
def sense(
    sensors: Annotated[int, typer.Option("--sensors", min=1, max=5_000_000, help="Sensors, one reading a minute")] = (
        100_000
    ),
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, max=3600, help="About how long to measure")] = 20.0,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Where to write, on the disk that is asked about; a new folder in it"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON")] = False,
) -> None:
    """Measure decoding, storing with the shipped rules, lag and questions, beside the limits of memory, disk and JSON.

    Writes about half a gigabyte to a temporary folder and removes it.
    """
    import tempfile

    import msgspec

    from rencheng.app.bench_sense import bench_sense
    from rencheng.cli.output import reader_may_leave
    from rencheng.cli.progress import progress

    with tempfile.TemporaryDirectory(dir=folder) as name, progress("bench sense") as tell:
        figures = list(bench_sense(Path(name), sensors=sensors, seconds=seconds, tell=tell))
    with reader_may_leave():
        if as_json:
            told = [{"id": f.id, "name": f.name.en, "value": f.value, "unit": f.unit} for f in figures]
            sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
        else:
            _print(figures)


def _print(figures: list[Figure]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = 160  # a pipe or a file has no edge
    table = Table(box=None, pad_edge=False)
    table.add_column("what 项目")
    table.add_column("measured 实测", justify="right", no_wrap=True)
    table.add_column("bound by 受限于")
    for figure in figures:
        bound = f"{figure.bound.zh} {figure.bound.en}".strip()
        table.add_row(f"{figure.name.zh} {figure.name.en}", f"{_figure(figure.value)} {figure.unit}", bound)
    console.print(table)


def _figure(value: float) -> str:
    """A number with as many digits as mean something.

    Examples
    --------
    >>> _figure(1234567.8), _figure(3.21)
    ('1,234,568', '3.2')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
