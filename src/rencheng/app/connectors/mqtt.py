"""Feeds over MQTT: many messages become one batch, and a message is acknowledged when its batch is committed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime

from rencheng.adapters.mqtt import MqttLine, Publish, message_mark, user_properties
from rencheng.adapters.signing import SignedDecoder
from rencheng.adapters.sparkplug import SparkplugDecoder
from rencheng.app.connectors.inlet import FeedInlet
from rencheng.kernel import InvalidInput, RenchengError, StorageFailed, micros
from rencheng.sense import Decoded, Delivery, Intake
from rencheng.sense.source import MqttSource

__all__ = ["MqttConnector", "held_in_position"]

_PATIENCE_S = 0.1
"""How long a batch waits for room at the desk before the line is looked after again."""
_FAREWELL_S = 5.0
"""How long a line that is closed waits for the commits under way."""
_WINDOW = 65_535
_NAMED_WINDOW = 256
"""Where each message under way is named in the position of every batch."""
_COMMAND = re.compile(r"^[^/]*/[^/]*/[ND]CMD(?:/|$)")
_MOST_JOINED = 20_000
"""Messages decoded together."""


class MqttConnector:
    """Subscribes to a broker.

    Parameters
    ----------
    source : MqttSource
        Where and what.
    ready : callable
        Called once the subscription stands.

    Notes
    -----
    Readings with a time of their own are known again by the store. Where messages get theirs on arrival, the position
    of a batch of quality 2 names the messages that are stored and that the broker has not released yet, so that one
    sent again after a kill is not taken for a new one.
    """

    def __init__(self, source: MqttSource, ready: Callable[[], None]) -> None:
        self._source, self._ready = source, ready
        self._unreleased: dict[int, int] | None = None
        self._offered: dict[int, int] = {}
        self._names_held = False
        self._started = ""
        self._number = 0

    def run(self, inlet: FeedInlet, stop: threading.Event) -> None:
        """Deliver until ``stop``; see :class:`rencheng.app.connectors.Connector`."""
        self._offered = {}
        if self._unreleased is None:
            self._names_held = inlet.stamps_on_arrival and self._source.qos == 2
            self._unreleased = held_in_position(inlet.last_position or "") if self._names_held else {}
            self._started = str(micros(inlet.clock()))
        line = MqttLine(
            self._source,
            self._source.client_id or f"rencheng-{inlet.config.id}",
            largest=inlet.config.max_body_bytes,
            window=_NAMED_WINDOW if self._names_held else _WINDOW,
            unreleased=self._unreleased,
        )
        waiting: set[Future[Intake]] = set()
        try:
            line.open()
            self._ready()
            while not stop.is_set():
                messages = line.receive(0.2)
                for first in range(0, len(messages), _MOST_JOINED):
                    self._deliver(line, inlet, messages[first : first + _MOST_JOINED], waiting, stop)
            _say_farewell(line, waiting)
        finally:
            line.close()

    def _deliver(
        self,
        line: MqttLine,
        inlet: FeedInlet,
        messages: Sequence[Publish],
        waiting: set[Future[Intake]],
        stop: threading.Event,
    ) -> None:
        batch = self._decoded(inlet, messages)
        for command in _commands(inlet):
            line.publish(*command)
        if not batch.rows and not batch.good.num_rows and not batch.refused.num_rows:
            line.acknowledge(messages)
            return
        position = self._position(line, messages)
        while not stop.is_set():
            try:
                done = inlet.offer(position, batch, timeout_s=_PATIENCE_S)
            except StorageFailed:  # no room: the broker keeps its messages meanwhile
                line.receive(0.0, reading=False)
                continue
            waiting.add(done)
            done.add_done_callback(lambda future: _committed(future, line, messages, waiting))
            return

    def _position(self, line: MqttLine, messages: Sequence[Publish]) -> str:
        self._number += 1
        position = f"mqtt:{self._started}:{self._number}"
        if not self._names_held:
            return position
        assert self._unreleased is not None
        under_way = {number: mark for number, mark in self._offered.items() if number in line.storing}
        self._offered = under_way | {m.packet_id: message_mark(m) for m in messages if m.qos == 2}
        held = self._unreleased | self._offered
        return ":".join([position, ",".join(f"{number}.{mark:x}" for number, mark in sorted(held.items()))])

    def _decoded(self, inlet: FeedInlet, messages: Sequence[Publish]) -> Decoded:
        now = inlet.clock()
        if inlet.stamps_on_arrival:  # a retained message is of long ago, and does not say of when
            messages = [message for message in messages if not message.retain]
        config = inlet.config
        if config.format == "sparkplug":  # commands, our own among them, are no data
            messages = [message for message in messages if not _COMMAND.search(message.topic)]
        if config.format == "ndjson" and config.signature is None and not any(map(_is_packed, messages)):
            joined = b"\n".join([message.payload for message in messages])
            if len(joined) <= config.max_body_bytes:
                return inlet.decode_many([(joined, Delivery(arrived_at=now))])
        known: dict[str, Delivery] = {}
        parts = []
        for message in messages:
            if message.properties and config.signature is not None:
                parts.append((message.payload, _signed_delivery(now, message)))
                continue
            delivery = known.get(message.topic)
            if delivery is None:
                delivery = known[message.topic] = _delivery(now, message.topic)
            parts.append((message.payload, delivery))
        return inlet.decode_many(parts)


def _say_farewell(line: MqttLine, waiting: set[Future[Intake]]) -> None:
    """Acknowledge what is committed within a moment; the rest comes again."""
    until = time.monotonic() + _FAREWELL_S
    while waiting and time.monotonic() < until:
        line.receive(0.05, reading=False)


def _committed(
    future: Future[Intake], line: MqttLine, messages: Sequence[Publish], waiting: set[Future[Intake]]
) -> None:
    """Called by the writer after each commit: acknowledge, or break the line so that the messages come again."""
    error = future.exception()
    if error is None:
        line.acknowledge(messages)
    elif isinstance(error, RenchengError):
        line.fail(error)
    else:
        line.fail(StorageFailed(f"{type(error).__name__}: {error}", where="intake"))
    waiting.discard(future)


def _delivery(now: datetime, topic: str) -> Delivery:
    return Delivery(arrived_at=now, topic=topic)


def _signed_delivery(now: datetime, message: Publish) -> Delivery:
    """A signature that stands beside the payload, as docs/reference/feeds.md says."""
    try:
        said = user_properties(message.properties)
    except InvalidInput:
        said = {}
    counter = said.get("Rencheng-Counter", "")
    return Delivery(
        arrived_at=now,
        topic=message.topic,
        device=said.get("Rencheng-Device", ""),
        counter=int(counter) if counter.isdecimal() and len(counter) < 17 else None,
        signature=said.get("Rencheng-Signature", ""),
    )


def _is_packed(message: Publish) -> bool:
    return message.payload[:2] == b"\x1f\x8b"


def _commands(inlet: FeedInlet) -> list[tuple[str, bytes]]:
    """What the decoder wants to ask of edge nodes."""
    decoder = inlet.decoder
    if isinstance(decoder, SignedDecoder):
        decoder = decoder.inner
    if not isinstance(decoder, SparkplugDecoder):
        return []
    return [(request.topic, request.payload) for request in decoder.state.take_requests()]


def held_in_position(position: str) -> dict[int, int]:
    """Messages that a position names: packet identifier → mark.

    Examples
    --------
    >>> held_in_position("mqtt:1700000000000000:9:7.1f,8.2a")
    {7: 31, 8: 42}
    """
    parts = position.split(":")
    if parts[0] != "mqtt" or len(parts) != 4 or not parts[3]:
        return {}
    pairs = (one.split(".") for one in parts[3].split(","))
    return {int(number): int(mark, 16) for number, mark in pairs}
