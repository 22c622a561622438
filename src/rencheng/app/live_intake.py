"""What feeds deliver to a live run: decoded in their own threads, stored by the intake desk, told to the next turn."""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime

from rencheng import sense
from rencheng.app.connectors import Connector, FeedCondition, FeedInlet, FeedNotice, Supervisor, connector_of
from rencheng.app.intake_desk import DeskLoad, IntakeDesk, Part, by_feed
from rencheng.kernel import Draft, InvalidInput, NotFound, RenchengError, StorageFailed, micros
from rencheng.sense import Decoded, Delivery, FeedConfig, Intake, ReadingStore

__all__ = ["LiveIntake", "feed_notice", "spare_collections"]

Connecting = Callable[[FeedConfig], Callable[[Callable[[], None]], Connector] | None]
"""Gives what makes the connector of a configuration."""
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
    most_rows : int
        Rows that may wait to be stored; beyond that feeds wait.

    Raises
    ------
    InvalidConfig, NotFound
        If a feed cannot be decoded or connected as its file says.
    """

    def __init__(
        self,
        store: ReadingStore,
        feeds: Mapping[str, FeedConfig],
        *,
        clock: Callable[[], datetime],
        most_rows: int = 2_000_000,
    ) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._taken: list[Intake] = []
        self._notices: list[FeedNotice] = []
        self._connectors: dict[str, Connecting] = {}
        makers = {feed_id: connector_of(config) for feed_id, config in feeds.items()}
        self._desk = IntakeDesk(self._take_many, clock=clock, taken=self._remember, most_rows=most_rows)
        try:
            self._inlets = {
                feed_id: FeedInlet(config, self._desk, clock=clock, last_position=store.position(feed_id))
                for feed_id, config in feeds.items()
            }
            for feed_id, inlet in self._inlets.items():
                inlet.recall(store.remembered(feed_id))
        except RenchengError:
            self._desk.close()
            raise
        self._started = False
        self._connections = {
            feed_id: Supervisor(make, self._inlets[feed_id], tell=self._tell)
            for feed_id, make in makers.items()
            if make is not None
        }

    def connect(self, feed_id: str, connector: Connecting) -> None:
        """Have a feed connected by somebody who needs more than its configuration, now and whenever it is reloaded.

        Parameters
        ----------
        feed_id : str
            The feed.
        connector : callable
            Gives what makes the connector of a configuration; None where it is pushed to.

        Raises
        ------
        NotFound
            If there is no such feed.
        """
        self._connectors[feed_id] = connector
        inlet = self._inlet(feed_id)
        self._supervise(inlet, connector(inlet.config))

    def start(self) -> None:
        """Connect the feeds that are not pushed to us."""
        self._started = True
        for connection in self._connections.values():
            connection.start()

    def config(self, feed_id: str) -> FeedConfig:
        """The configuration of a feed that is in force.

        Raises
        ------
        NotFound
            If the city has no such feed.
        """
        return self._inlet(feed_id).config

    def reload(self, feed_id: str, config: FeedConfig) -> None:
        """Go by another configuration of a feed: from the next delivery on, and by a new connection where that differs.

        Raises
        ------
        NotFound
            If the city has no such feed.
        InvalidConfig
            If the feed cannot be decoded or connected by it; then the old one stays in force.
        """
        inlet = self._inlet(feed_id)
        make, before = self._connectors.get(feed_id, connector_of)(config), inlet.config
        inlet.reconfigure(config)
        inlet.recall(self._store.remembered(feed_id))
        if (
            config.source == before.source and config.source.kind != "tcp"
        ):  # lines of stations keep what they began with
            return
        old = self._connections.pop(feed_id, None)
        if old is not None:
            old.stop()
            old.join()
        inlet.last_position = self._store.position(feed_id)
        self._supervise(inlet, make)

    def _supervise(self, inlet: FeedInlet, make: Callable[[Callable[[], None]], Connector] | None) -> None:
        """Keep a connection up; without one the feed is pushed to, and stands."""
        if make is None:
            inlet.connected()
            return
        fresh = self._connections[inlet.config.id] = Supervisor(make, inlet, tell=self._tell)
        if self._started:
            fresh.start()

    def _inlet(self, feed_id: str) -> FeedInlet:
        inlet = self._inlets.get(feed_id)
        if inlet is None:
            known = ", ".join(sorted(self._inlets)) or "none"
            raise NotFound(f"the city has no feed {feed_id!r}", mend=f"Known feeds: {known}")
        return inlet

    def offer(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Intake:
        """Take a body that somebody pushes, as :meth:`hand_in` does; returns when it is on the disk.

        Raises
        ------
        StorageFailed
            If the store refuses it, or has no room for it in time; nothing of it was taken.
        """
        return self.hand_in(feed_id, data, content_encoding=content_encoding, delivery=delivery).result()

    def hand_in(
        self, feed_id: str, data: bytes, *, content_encoding: str = "", delivery: Delivery | None = None
    ) -> Future[Intake]:
        """Decode a body that somebody pushes and lay it on the desk; the same body again is the same batch.

        The future is done when it is on the disk, or refused; nobody needs to stand by until then.

        Parameters
        ----------
        feed_id : str
            The feed.
        data : bytes
            The body as received.
        content_encoding : str
            ``gzip``, or ``identity`` or empty.
        delivery : Delivery, optional
            What is known of it besides.

        Raises
        ------
        NotFound
            If the city has no such feed.
        InvalidInput
            If nothing of the body can be taken.
        StorageFailed
            If the store refuses it, or has no room for it in time; nothing of it was taken.
        """
        inlet = self._inlet(feed_id)
        if content_encoding not in {"", "identity", "gzip"}:
            raise InvalidInput(f"content encoding {content_encoding!r} is not supported", mend="Send gzip or plain")
        delivery = delivery or Delivery(arrived_at=self._clock())
        position = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if inlet.stamps_on_arrival:  # the same bytes later are other readings
            position += f"@{micros(delivery.arrived_at)}"
        batch = inlet.decode(data, delivery)
        try:
            return inlet.offer(position, batch, timeout_s=PATIENCE_S)
        except StorageFailed:  # also where there was no room for it
            inlet.forget(batch)
            raise

    def take(self, feed_id: str, position: str, batch: Decoded) -> Intake:
        """Take a batch that is decoded already; returns when it is on the disk.

        Raises
        ------
        NotFound
            If there is no such feed.
        StorageFailed
            If the store refuses it, or has no room for it in time; nothing of it was taken.
        """
        return self._inlet(feed_id).offer(position, batch, timeout_s=PATIENCE_S).result()

    def heard(self) -> list[Intake]:
        """What was stored since the last turn, summed up by feed; asked again it says nothing."""
        with self._lock:
            taken, self._taken = self._taken, []
        return by_feed(taken)

    def notices(self) -> list[FeedNotice]:
        """Feeds that broke or mended since it was last asked."""
        with self._lock:
            notices, self._notices = self._notices, []
        return notices

    def conditions(self) -> list[FeedCondition]:
        """How each feed is, by its id."""
        stored = {row["feed_id"]: row["accepted"] for row in self._store.feeds().to_pylist()}
        return [
            replace(self._inlets[feed_id].condition(), stored=stored.get(feed_id, 0))
            for feed_id in sorted(self._inlets)
        ]

    def load(self) -> DeskLoad:
        """How busy the desk is."""
        return self._desk.load()

    def close(self) -> None:
        """Disconnect the feeds, store what waits, and take no more."""
        connections = list(self._connections.values())
        for connection in connections:
            connection.stop()
        for connection in connections:
            connection.join()
        self._desk.close()

    def _take_many(self, parts: Sequence[Part], now: datetime) -> list[Intake]:
        return self._store.take_many(parts, now=now)

    def _remember(self, intakes: list[Intake]) -> None:
        with self._lock:
            self._taken += intakes
        feeds: dict[str, list[Intake]] = {}
        for intake in intakes:
            feeds.setdefault(intake.feed_id, []).append(intake)
        for feed_id, ones in feeds.items():
            self._inlets[feed_id].took(ones)

    def _tell(self, notice: FeedNotice) -> None:
        with self._lock:
            self._notices.append(notice)


def feed_notice(state: sense.State, notice: FeedNotice, now: datetime) -> list[Draft]:
    """Facts of a feed that broke or mended, each said once."""
    if notice.reason:
        return sense.feed_failed(state, notice.feed_id, notice.reason, now)
    return sense.feed_recovered(state, notice.feed_id, now)


def spare_collections() -> None:
    """Let the collector of cycles leave alone what stands when a live run starts, and look less often.

    Messages are many small objects without cycles; at the interpreter's own thresholds the collector takes two of
    seven microseconds that a message needs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
