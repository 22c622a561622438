"""The sessions that the command line starts: a live run of a city, and the demonstration for a visitor."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from rencheng.app.clocks import rehearsal_moments
from rencheng.app.compose import compose
from rencheng.app.rehearsal import open_rehearsal
from rencheng.app.session import Score, Session
from rencheng.app.settings import Settings
from rencheng.city import City, read_city
from rencheng.kernel import Bilingual
from rencheng.rehearse.people import Agenda
from rencheng.sense import FeedConfig, read_feed_config

__all__ = ["live_session", "rehearsal_session"]


def live_session(city_path: Path, settings: Settings) -> Session:
    """A live run of a city: wall clock, real channels, feeds of the city package; goes on where it stopped."""
    city = read_city(city_path)

    def score() -> Score:
        out = settings.home / "live" / city.manifest.id
        run = compose(city, out, mode="live", source="", seed=0, feed_id="", settings=settings)
        title = Bilingual(zh=f"{city.manifest.name} 实况", en=f"{city.manifest.name_en} live")
        feeds = _feeds(city)
        return Score(
            run=run,
            moments=None,
            title=title,
            feeds={feed_id: config for feed_id, (config, _) in feeds.items()},
            feed_files={feed_id: path for feed_id, (_, path) in feeds.items()},
        )

    return Session(score, live_turn_s=float(settings.turn_s), told_every_s=float(settings.told_s))


def rehearsal_session(scenario: str, city_path: Path, seed: int, settings: Settings) -> Session:
    """A rehearsal that people may watch, pause, hurry and begin anew; each beginning is a run of its own."""
    numbers = count(1)
    begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")

    def score() -> Score:
        out = settings.home / "rehearsals" / f"{Path(scenario).stem}-{begun}-{next(numbers)}"
        run, world = open_rehearsal(scenario, city_path, out, seed=seed, settings=settings)
        agenda = Agenda(seed=seed, manner=world.scenario.people)
        return Score(run=run, moments=rehearsal_moments(run, world, agenda), title=world.scenario.title, feeds={})

    return Session(score, speed=settings.demo_speed)


def _feeds(city: City) -> dict[str, tuple[FeedConfig, Path]]:
    """Feeds of a city by their id, each with its file."""
    found = [(read_feed_config(path), path) for path in sorted((city.path / "feeds").glob("*.toml"))]
    return {config.id: (config, path) for config, path in found}
