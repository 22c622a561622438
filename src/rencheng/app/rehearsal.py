"""Rehearsal: a scenario in a simulated world through the very same stages; nothing can leave the house."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rencheng import assess
from rencheng.app.clocks import rehearsal_moments
from rencheng.app.compose import Run, compose
from rencheng.app.pace import Pace
from rencheng.app.settings import Settings
from rencheng.city import read_city
from rencheng.kernel import Conflict, format_instant
from rencheng.rehearse.people import Agenda
from rencheng.rehearse.scenario import read_scenario
from rencheng.rehearse.world import World

__all__ = ["open_rehearsal", "rehearse"]

FEED = "rehearsal"
"""Name of the feed that the simulated sensors deliver on."""


def open_rehearsal(scenario: str, city_path: Path, out: Path, *, seed: int, settings: Settings) -> tuple[Run, World]:
    """Put a rehearsal together.

    Raises
    ------
    Conflict
        If the folder already holds a rehearsal: a rehearsal is played whole, from its beginning.
    """
    plot = read_scenario(scenario)
    city = read_city(city_path)
    flood = replace(
        assess.default_rules().flood,
        every_min=plot.flood.every_min,
        members=plot.flood.members,
        raster_cells=plot.flood.raster_cells,
        day_members=plot.flood.day_members,
        day_raster_cells=plot.flood.day_raster_cells,
    )
    run = compose(
        city,
        out,
        mode="rehearsal",
        source=plot.name,
        seed=seed,
        feed_id=FEED,
        settings=settings,
        flood_rules=flood,
    )
    if run.ledger.head:
        run.close()
        raise Conflict(f"{out} already holds this rehearsal", mend="Choose another folder, or delete it")
    world = World(city, plot, seed)
    run.begin(world.now)
    return run, world


def rehearse(
    scenario: str,
    city_path: Path,
    out: Path,
    *,
    seed: int = 1,
    speed: float = 0.0,
    settings: Settings,
    tell: Callable[[float, str], None] = lambda _share, _text: None,
) -> str:
    """Play a scenario from beginning to end.

    Parameters
    ----------
    scenario : str
        Name of a shipped scenario, or path of a YAML file.
    city_path, out : Path
        City package and folder of the run.
    seed : int
        Same city, scenario and seed: same ledger, byte for byte.
    speed : float
        Simulated seconds per second of the wall; 0 is as fast as it goes.

    Returns
    -------
    str
        One line of what was done.
    """
    run, world = open_rehearsal(scenario, city_path, out, seed=seed, settings=settings)
    try:
        pace = Pace(speed)
        agenda = Agenda(seed=seed, manner=world.scenario.people)
        for moment in rehearsal_moments(run, world, agenda):
            tell(moment.progress_ratio, format_instant(moment.at))
            pace.wait(moment.at)
        return (
            f"{run.city.manifest.id}: {scenario}, {run.readings.count()} readings, {run.loop.turns} turns, "
            f"{run.ledger.head} facts in {out}"
        )
    finally:
        run.close()
