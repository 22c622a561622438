"""SensorThings over MQTT: clients publish Observations to create, and hear what was created or changed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import pyarrow as pa

from rencheng.adapters.mqtt import MqttLine, Publish
from rencheng.adapters.sensorthings import MqttFace, Outcome, Post, Refusal, SensorThings
from rencheng.app.connectors.inlet import FeedInlet
from rencheng.kernel import RenchengError, StorageFailed, micros
from rencheng.sense import Decoded, Intake, RefusalReason
from rencheng.sense.batch import GOOD_SCHEMA, REFUSED_SCHEMA
from rencheng.sense.source import SensorThingsSource

__all__ = ["SensorThingsConnector"]

_LARGEST = 1 << 20
"""Longest message: as long as one Observation may be over HTTP."""
_MOST_UNDER_WAY = 20_000
"""Messages that wait for their commits; beyond that the broker keeps the rest."""
_MOST_UNSENT = 8 << 20
"""Bytes that wait for the broker; beyond that publications are dropped, as MQTT's quality 0 allows."""
_MOST_TO_PUBLISH = 100_000
_FAREWELL_S = 5.0
_Kept = tuple[Publish, RenchengError]


@dataclass(slots=True, eq=False)
class _Connection:
    """A line, and what of it waits for commits. Its methods may be called from any thread."""

    line: MqttLine
    refused: deque[list[_Kept]] = field(default_factory=deque)
    """What is to be kept aside."""
    under_way: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def count(self, more: int) -> None:
        """Note that so many messages more, or less, wait."""
        with self._counting:
            self.under_way += more

    def settle(self, sent: Sequence[Publish], outcomes: Sequence[Outcome]) -> None:
        """Acknowledge what was created; the line's own thread keeps aside what was refused."""
        refused: list[_Kept] = []
        created: list[Publish] = []
        for message, outcome in zip(sent, outcomes, strict=True):
            if isinstance(outcome, StorageFailed):  # it comes again on the next line; what was stored is known again
                self.line.fail(outcome)
                return
            if isinstance(outcome, RenchengError):
                refused.append((message, outcome))
            else:
                created.append(message)
        if refused:
            self.refused.append(refused)
        self.count(-len(created))
        self.line.acknowledge(created)

    def kept(self, future: Future[Intake], refused: Sequence[_Kept]) -> None:
        """Acknowledge what was kept aside."""
        error = future.exception()
        if error is None:
            self.count(-len(refused))
            self.line.acknowledge([message for message, _ in refused])
        else:
            self.line.fail(error if isinstance(error, RenchengError) else StorageFailed(str(error), where="intake"))


class SensorThingsConnector:
    """Lets clients of a broker create Observations, and tells them what was created and changed.

    Parameters
    ----------
    source : SensorThingsSource
        Which broker.
    service : SensorThings
        The service.
    ready : callable
        Called once the subscription stands.

    Notes
    -----
    A message is acknowledged when its Observation is committed; one that is refused is kept aside in the feed and
    acknowledged then, for it would come back for ever. What is published has quality 0 and is not kept while the line
    is cut.
    """

    def __init__(self, source: SensorThingsSource, service: SensorThings, ready: Callable[[], None]) -> None:
        self._source, self._service, self._ready = source, service, ready
        self._line: MqttLine | None = None
        self._news: deque[tuple[str, bytes]] = deque(maxlen=_MOST_TO_PUBLISH)
        self._face = MqttFace(
            service,
            self._publish,
            base=source.base,
            endpoint=f"mqtt{'s' if source.tls else ''}://{source.host}:{source.port}",
            inbox=source.inbox,
            selects=source.selects,
        )
        self._started = ""
        self._number = 0

    def run(self, inlet: FeedInlet, stop: threading.Event) -> None:
        """Deliver until ``stop``; see :class:`rencheng.app.connectors.Connector`."""
        self._started = self._started or str(micros(inlet.clock()))
        client_id = self._source.client_id or f"rencheng-{inlet.config.id}"
        line = self._line = MqttLine(self._source.broker, client_id, largest=_LARGEST, no_local=True)
        connection = _Connection(line)
        try:
            line.open()
            self._ready()
            while not stop.is_set():
                self._turn(connection, inlet)
            until = time.monotonic() + _FAREWELL_S
            while connection.under_way and time.monotonic() < until:
                self._turn(connection, inlet, reading=False)
        finally:
            self._line = None
            line.close()

    def close(self) -> None:
        """Publish no more."""
        self._face.close()

    def _turn(self, connection: _Connection, inlet: FeedInlet, *, reading: bool = True) -> None:
        line = connection.line
        reading = reading and connection.under_way < _MOST_UNDER_WAY
        messages = line.receive(0.2 if reading else 0.02, reading=reading)
        if messages:
            self._create(connection, messages)
        while connection.refused:
            self._keep_aside(connection, inlet, connection.refused.popleft())
        while self._news:
            news = self._news.popleft()
            if line.unsent_bytes < _MOST_UNSENT:
                line.publish(*news)

    def _publish(self, topic: str, payload: bytes) -> None:
        """Called by whoever created or changed something."""
        line = self._line
        if line is not None:
            self._news.append((topic, payload))
            line.wake()

    def _create(self, connection: _Connection, messages: Sequence[Publish]) -> None:
        posts: list[Post] = []
        sent: list[Publish] = []
        refused: list[_Kept] = []
        passed: list[Publish] = []
        for message in messages:
            try:
                post = self._post(message)
            except Refusal as error:
                refused.append((message, error))
                continue
            if message.retain and "phenomenonTime" not in post.body:
                passed.append(message)  # it is of long ago and does not say of when
                continue
            posts.append(post)
            sent.append(message)
        connection.count(len(sent) + len(refused))
        connection.line.acknowledge(passed)
        if refused:
            connection.refused.append(refused)
        if posts:
            done = self._service.offer(posts)
            done.add_done_callback(lambda future: connection.settle(sent, future.result()))

    def _post(self, message: Publish) -> Post:
        if len(message.payload) > _LARGEST:
            raise Refusal(f"the message has more than {_LARGEST:,} bytes", status=413, where="message")
        post = self._face.post(message.topic, message.payload)
        if not isinstance(post.body, dict):
            raise Refusal("must be a JSON object", where="Observation")
        return post

    def _keep_aside(self, connection: _Connection, inlet: FeedInlet, refused: Sequence[_Kept]) -> None:
        self._number += 1
        done = inlet.offer(f"mqtt:{self._started}:{self._number}", _aside(refused, inlet))
        done.add_done_callback(lambda future: connection.kept(future, refused))


def _aside(refused: Sequence[_Kept], inlet: FeedInlet) -> Decoded:
    rows = [
        {
            "row": number,
            "raw": message.payload[:1000].decode("utf-8", errors="backslashreplace").replace("\0", "\\x00"),
            "reason": _reason(error),
            "detail": f"topic {message.topic[:200]}: {error}"[:500],
        }
        for number, (message, error) in enumerate(refused, 1)
    ]
    table = pa.Table.from_pylist(rows, schema=REFUSED_SCHEMA)
    return Decoded(good=GOOD_SCHEMA.empty_table(), refused=table, rows=len(rows), limits=inlet.config.limits)


def _reason(error: RenchengError) -> str:
    if isinstance(error, Refusal) and error.status == 413:
        return RefusalReason.TOO_LARGE
    if (isinstance(error, Refusal) and error.status == 404) or "Datastream" in error.where:
        return RefusalReason.UNKNOWN_SENSOR
    if "phenomenonTime" in error.where:
        return RefusalReason.BAD_TIME
    return RefusalReason.BAD_NUMBER if "result" in error.where else RefusalReason.BAD_ROW
