"""``rencheng dispatch``: assign the units of a city to a list of needs, and say why a need gets none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["dispatch"]


def dispatch(
    city: Annotated[Path, typer.Option("--city", help="Folder of a city package")],
    needs: Annotated[Path, typer.Option("--needs", help="CSV: need_id, kind or skills, lon, lat; people, priority")],
    units: Annotated[
        Path | None, typer.Option("--units", help="CSV like the package's units; else the package's own")
    ] = None,
    closed: Annotated[Path | None, typer.Option("--closed", help="CSV with link_id of every closed road link")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print assignments and unmet needs as JSON")] = False,
) -> None:
    """Send units to needs jointly, over the roads that are open, at least priority-weighted travel time."""
    import msgspec

    from rencheng.city import read_city
    from rencheng.respond.dispatch_files import dispatch_from_files

    result = dispatch_from_files(read_city(city), needs=needs, units=units, closed=closed)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{len(result.assignments)} assignments 派遣")
    for name in ("need 需求", "unit 力量", "travel 用时"):
        table.add_column(name)
    for a in result.assignments:
        table.add_row(a.need_id, a.unit_id, f"{a.travel_s / 60:.1f} min")
    console.print(table)
    if result.unmet:
        unmet = Table(title=f"{len(result.unmet)} needs not met 未满足")
        for name in ("need 需求", "reason 原因", "detail 说明"):
            unmet.add_column(name)
        for u in result.unmet:
            unmet.add_row(u.need_id, u.reason, f"{u.detail.zh} / {u.detail.en}")
        console.print(unmet)
