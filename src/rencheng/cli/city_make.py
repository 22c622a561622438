"""``rencheng city make``: grow a sandbox city."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["make"]


def make(
    out: Annotated[Path, typer.Option("--out", help="Folder of the package; replaced whole")],
    residents: Annotated[int, typer.Option("--residents", help="How many people live in it")] = 100_000,
    seed: Annotated[int, typer.Option("--seed", help="The same residents and seed give the same bytes")] = 1,
) -> None:
    """Grow a sandbox city: a consistent river city of any size, for drills, tests and visitors."""
    from rencheng.city.sandbox import make_city
    from rencheng.cli.progress import progress

    with progress(f"Growing a city of {residents:,}") as bar:
        city = make_city(residents, seed, out, progress=lambda step, share: bar(share, step))
    typer.echo(f"City package {city.manifest.id} with {residents:,} residents is in {out}")
