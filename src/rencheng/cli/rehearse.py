"""``rencheng rehearse``: a scenario played through the loop, or a study of measures over many storms."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

__all__ = ["app", "scenario", "study"]

CityOption = Annotated[Path, typer.Option("--city", help="Folder of the city package")]


class ScenarioFirst(TyperGroup):
    """Commands of which one may go unnamed: whatever begins with no other command's name is a scenario."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the unnamed command's name before its words."""
        named = not args or args[0] in self.commands or args[0] == "--help"
        return super().parse_args(ctx, args if named else ["scenario", *args])


app = typer.Typer(cls=ScenarioFirst, no_args_is_help=True)


@app.command("scenario")
def scenario(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario (rainstorm), or a YAML file")],
    city: CityOption,
    out: Annotated[Path, typer.Option("--out", help="Folder of the run to make, or to go on with")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same rehearsal")] = 1,
    speed: Annotated[
        float, typer.Option("--speed", min=0.0, help="Simulated seconds per second; 0 is as fast as it goes")
    ] = 0.0,
) -> None:
    """Play a scenario in a simulated world through the very same stages; nothing can leave the house.

    The word ``scenario`` may be left out: ``rencheng rehearse rainstorm``.
    """
    from rencheng.app.rehearsal import rehearse as rehearse_run
    from rencheng.app.settings import read_settings
    from rencheng.cli.progress import progress

    with progress("rehearsal") as tell:
        summary = rehearse_run(
            scenario, city, out, seed=seed, speed=speed, settings=read_settings(os.environ), tell=tell
        )
    typer.echo(summary)


@app.command("study")
def study(
    study: Annotated[Path, typer.Argument(help="Study file, YAML")],
    city: CityOption,
    out: Annotated[Path, typer.Option("--out", help="Folder of the study to make, or to go on with")],
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Processes; else one per core")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same storms")] = 1,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Stop after so many runs; go on later")] = None,
) -> None:
    """Try measures in many storms and rank them by what they save for their cost."""
    from rencheng.app.study import run_study
    from rencheng.cli.progress import progress

    with progress("study") as tell:
        line = run_study(study, city, out, seed=seed, workers=workers, limit=limit, tell=tell)
    typer.echo(line)
