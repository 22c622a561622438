"""``rencheng detect leaks``: thin over :mod:`rencheng.app.detect_leaks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["leaks"]


def leaks(
    network: Annotated[Path, typer.Option("--network", help="EPANET model of the network (.inp)")],
    scada: Annotated[Path, typer.Option("--scada", help="Folder of Pressures.csv, Flows.csv, Levels.csv, Demands.csv")],
    out: Annotated[Path, typer.Option("--out", help="CSV to write: start_time, pipe, confidence and more")],
) -> None:
    """Find leaks of a water network from what its sensors read beyond the hydraulic model.

    The first seven days teach how the model is wrong here; leaks that run already are looked for in them too.
    """
    from rencheng.app.detect_leaks import detect_leaks
    from rencheng.cli.progress import progress

    with progress("Leaks") as tell:
        line = detect_leaks(network, scada, out, tell=tell)
    typer.echo(line, err=True)
