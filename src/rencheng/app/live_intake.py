"""What feeds deliver to a live run: decoded in their own threads, stored by the intake desk, told to the next turn."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from rencheng.adapters.bulk import decode
from rencheng.app.intake_desk import DeskLoad, IntakeDesk, Part, by_feed
from rencheng.kernel import InvalidInput, NotFound
from rencheng.sense import FeedConfig, Intake, ReadingStore

__all__ = ["LiveIntake"]

PATIENCE_S = 30.0
"""How long a delivery waits for room at a desk that is full before it is refused."""


class LiveIntake:
    """The feeds of a live run.

    Parameters
    ----------
    store : ReadingStore
        Where readings are kept.
    feeds : mapping of str to FeedConfig
        Feeds of the city by their id.
    clock : callable
        Tells the run's now.
    """

    def __init__(self, store: ReadingStore, feeds: Mapping[str, FeedConfig], *, clock: Callable[[], datetime]) -> None:
        self._store, self._feeds = store, dict(feeds)
        self._lock = threading.Lock()
        self._taken: list[Intake] = []
        self._desk = IntakeDesk(self._take_many, clock=clock, taken=self._remember)

    def offer(self, feed_id: str, data: bytes, *, content_encoding: str = "") -> Intake:
        """Take a body that somebody pushes; the same body again is the same batch.

        Raises
        ------
        NotFound
            If the city has no such feed.
        InvalidInput
            If nothing of the body can be taken.
        StorageFailed
            If the store refuses it, or has no room for it in time; nothing of it was taken.
        """
        config = self._feeds.get(feed_id)
        if config is None:
            known = ", ".join(sorted(self._feeds)) or "none"
            raise NotFound(f"the city has no feed {feed_id!r}", mend=f"Known feeds: {known}")
        if content_encoding not in {"", "identity", "gzip"}:
            raise InvalidInput(f"content encoding {content_encoding!r} is not supported", mend="Send gzip or plain")
        position = f"sha256:{hashlib.sha256(data).hexdigest()}"
        return self._desk.offer(feed_id, position, decode(config, data), timeout_s=PATIENCE_S).result()

    def heard(self) -> list[Intake]:
        """What was stored since the last turn, summed up by feed; asked again it says nothing."""
        with self._lock:
            taken, self._taken = self._taken, []
        return by_feed(taken)

    def load(self) -> DeskLoad:
        """How busy the desk is."""
        return self._desk.load()

    def close(self) -> None:
        """Store what waits, and take no more."""
        self._desk.close()

    def _take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        return [self._store.take(feed_id, position, batch, now=now) for feed_id, position, batch in parts]

    def _remember(self, intakes: list[Intake]) -> None:
        with self._lock:
            self._taken += intakes
