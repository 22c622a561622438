"""``rencheng city``: import a package from public files, check one, and make a sandbox city."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rencheng.cli.city_make import make
from rencheng.cli.city_risk_sources import risk_sources

if TYPE_CHECKING:
    from rencheng.city.check import Defect
    from rencheng.city.source_report import ImportReport

__all__ = ["app", "check_package", "import_package"]

app = typer.Typer(no_args_is_help=True, help="Import, make and check city packages.")
app.command("make")(make)
app.command("risk-sources")(risk_sources)


@app.command("import")
def import_package(
    config: Annotated[Path, typer.Argument(help="TOML file that names the sources and what they become")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the package; replaced whole")],
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Folder in which relative sources are looked up; repeatable")
    ] = None,
) -> None:
    """Build a city package; exit status 1 if a source had to be refused whole (the rest is still taken)."""
    from rencheng.app.city_import import import_city
    from rencheng.cli.progress import progress

    watched = sys.stderr.isatty()
    with progress(f"Importing {config.name}") as bar:

        def tell(step: str, share: float) -> None:
            bar(share, step)
            if not watched:
                typer.echo(f"{share:4.0%} {step}", err=True)

        imported = import_city(config, out, data_dirs=data or [], progress=tell)
    _print_report(imported.report)
    typer.echo(f"City package {imported.city.manifest.id} is in {out}")
    if imported.report.failures:
        raise typer.Exit(1)


@app.command("check")
def check_package(
    city: Annotated[Path, typer.Argument(help="Folder of a city package")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the defects as JSON")] = False,
    every: Annotated[bool, typer.Option("--all", help="Name every row instead of the first of each kind")] = False,
) -> None:
    """List every defect of a package with table, row, field and mend; exit status 1 if any is an error."""
    import msgspec

    from rencheng.city import check_city, read_city

    defects = check_city(read_city(city), examples=sys.maxsize if every else 10)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(defects), indent=2) + b"\n")
    else:
        _print_defects(defects)
    if any(defect.severity == "error" for defect in defects):
        raise typer.Exit(1)


def _print_report(report: ImportReport) -> None:
    for source in report.sources:
        taken = ", ".join(f"{count:,} {what}" for what, count in source.taken.items() if count)
        typer.echo(f"{source.source}: {taken or 'nothing taken'}")
        if source.failure:
            typer.echo(f"  REFUSED: {source.failure}")
        for reason, refusal in source.refused.items():
            more = ", …" if refusal.count > len(refusal.examples) else ""
            typer.echo(f"  refused {refusal.count:,}: {reason} ({', '.join(refusal.examples)}{more})")
        for note in source.notes:
            typer.echo(f"  {note}")


def _print_defects(defects: list[Defect]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not defects:
        typer.echo("No defects.")
        return
    table = Table("severity", "table", "row", "field", "what", "mend", show_lines=False)
    for d in defects:
        table.add_row(d.severity, d.table, "" if d.row is None else str(d.row), d.field, d.what, d.mend)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    errors = sum(d.count for d in defects if d.severity == "error")
    typer.echo(f"{errors} errors, {sum(d.count for d in defects) - errors} warnings")
