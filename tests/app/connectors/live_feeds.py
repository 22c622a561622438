"""A store with its intake for a few feeds, as a live run has them, without the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.connectors import FeedCondition
from rencheng.app.live_intake import LiveIntake
from rencheng.sense import FeedConfig, feed_config_from_dict

__all__ = ["T0_MS", "Feeds", "eventually", "gauge_feed", "live_feeds"]

T0_MS = 1_780_000_000_000


def gauge_feed(source: dict[str, Any], **keys: Any) -> FeedConfig:
    """A feed of river gauges in JSON, the gauge in the topic."""
    section: dict[str, Any] = {
        "id": "gauges",
        "format": "json",
        "sensor": "{2}",
        "time": {"column": "t", "format": "epoch_ms"},
        "columns": [{"column": "v", "quantity": "stage_m", "unit": "m"}],
        "limits": {"allowance_late_s": 1e12},
        "source": source,
    }
    return feed_config_from_dict(section | keys, where="test")


def eventually(true: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
    """Wait until something becomes true."""
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.01)


@dataclass
class Feeds:
    """What is looked at."""

    store: DuckDbReadings
    intake: LiveIntake

    def count(self, readings: int) -> None:
        """Wait until so many readings are stored, and see that no more come."""
        eventually(lambda: self.store.count() >= readings, f"{readings} readings")
        assert self.store.count() == readings

    @property
    def condition(self) -> FeedCondition:
        """Of the only feed."""
        return self.intake.conditions()[0]


@contextmanager
def live_feeds(path: Path | str, *configs: FeedConfig, connected: bool = True) -> Iterator[Feeds]:
    """Feeds that run."""
    store = DuckDbReadings(path)
    intake = LiveIntake(store, {config.id: config for config in configs}, clock=lambda: datetime.now(UTC))
    intake.start()
    try:
        if connected:
            eventually(lambda: {of.state for of in intake.conditions()} == {"connected"}, "all connected")
        yield Feeds(store, intake)
    finally:
        intake.close()
        store.close()
