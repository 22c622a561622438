"""Replay: a recorded feed through the loop, by the record's own clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from rencheng.adapters.bulk import FeedBatch, RecordedFeed
from rencheng.app.clocks import replay_moments
from rencheng.app.compose import Run, compose
from rencheng.app.pace import Pace
from rencheng.app.settings import Settings
from rencheng.city import City, read_city
from rencheng.kernel import InvalidInput, NotFound, format_instant
from rencheng.sense import FeedConfig, read_feed_config

__all__ = ["feed_of", "open_replay", "replay"]


def feed_of(city: City, feed: Path | None) -> FeedConfig:
    """Give the configuration of a recorded feed: the one named, or the only one of the city package.

    Raises
    ------
    NotFound
        If none is named and the package has none.
    InvalidInput
        If none is named and the package has several.
    """
    if feed is not None:
        return read_feed_config(feed)
    found = sorted((city.path / "feeds").glob("*.toml"))
    if not found:
        raise NotFound(f"city {city.manifest.id!r} has no feed configuration", mend="Name one with --feed CONFIG")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InvalidInput(f"city {city.manifest.id!r} has several feeds: {names}", mend="Name one with --feed CONFIG")
    return read_feed_config(found[0])


def open_replay(
    city_path: Path, readings: Path, out: Path, *, feed: Path | None, history: Sequence[Path], settings: Settings
) -> tuple[Run, RecordedFeed]:
    """Put a replay together; history, if any, is stored before the clock starts.

    Raises
    ------
    NotFound
        If city, feed configuration or readings are not there.
    """
    for path in (readings, *history):
        if not path.is_file():
            raise NotFound(f"no readings file {path}")
    city = read_city(city_path)
    config = feed_of(city, feed)
    recorded = RecordedFeed(config, readings, step_s=float(settings.replay_turn_s))
    source = "+".join(path.name for path in (*history, readings))
    run = compose(
        city,
        out,
        mode="replay",
        source=source,
        seed=0,
        feed_id=config.id,
        settings=settings,
        source_digest=_digest([*history, readings], config, settings),
    )
    for path in history:
        _learn(run, RecordedFeed(config, path, step_s=float(settings.replay_turn_s)), path)
    return run, recorded


def _digest(files: Sequence[Path], config: FeedConfig, settings: Settings) -> str:
    """Digest of the recorded files, how they are read, and the length of a turn: all that shapes a replay's facts."""
    sha = hashlib.sha256(f"{config!r} {settings.replay_turn_s}".encode())
    for path in files:
        with path.open("rb") as data:
            sha.update(hashlib.file_digest(data, "sha256").digest())
    return sha.hexdigest()


def _learn(run: Run, past: RecordedFeed, path: Path) -> None:
    """Store the time before, so that models have something to learn from; the loop does not turn on it."""
    if past.span is not None:
        run.readings.take(f"{run.feed_id}:history", path.name, past.decoded, now=past.span[1])


def _ahead(run: Run, recorded: RecordedFeed, until: datetime | None) -> tuple[list[FeedBatch], bool]:
    """Deliveries that the ledger has not heard of, up to an instant, and whether these are all of them.

    The ledger says where to go on and not the readings store: if the run was killed between the two, the store is one
    delivery ahead, and what followed from that delivery was never recorded.
    """
    feed = run.loop.states.sense.feeds.get(run.feed_id)
    ahead = list(recorded.batches(after=feed.position if feed else None))
    wanted = [batch for batch in ahead if until is None or batch.now <= until]
    return wanted, len(wanted) == len(ahead)


def replay(
    city_path: Path,
    readings: Path,
    out: Path,
    *,
    feed: Path | None = None,
    history: Sequence[Path] = (),
    until: datetime | None = None,
    speed: float = 0.0,
    settings: Settings,
    tell: Callable[[float, str], None] = lambda _share, _text: None,
) -> str:
    """Play a recorded feed to its end, or to an instant; a second time changes nothing.

    Parameters
    ----------
    city_path, readings, out : Path
        City package, recorded file, folder of the run.
    feed : Path, optional
        Feed configuration; else the only one of the city package.
    history : sequence of Path
        Recorded files of the time before.
    until : datetime, optional
        Stop at this instant; a later call goes on from there.
    speed : float
        Recorded seconds per second of the wall; 0 is as fast as it goes.

    Returns
    -------
    str
        One line of what was done.
    """
    run, recorded = open_replay(city_path, readings, out, feed=feed, history=history, settings=settings)
    try:
        batches, whole = _ahead(run, recorded, until)
        if batches:
            run.begin(batches[0].now)
        pace = Pace(speed)
        for moment in replay_moments(run, batches, whole=whole):
            tell(moment.progress_ratio, format_instant(moment.at))
            pace.wait(moment.at)
        return (
            f"{run.city.manifest.id}: {recorded.rows} rows, {run.readings.count()} readings stored, "
            f"{run.loop.turns} turns, {run.ledger.head} facts in {out}"
        )
    finally:
        run.close()
