"""Feeds of the local broker at a gateway: messages that wait together become one body, acknowledged once it is kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from rencheng.edge.broker import open_line
from rencheng.edge.settings import MqttSettings
from rencheng.kernel import RenchengError

__all__ = ["MqttIntake"]

_LOG = logging.getLogger(__name__)
_WAIT_S = 0.5
_FIRST_S, _MOST_S = 1.0, 30.0


class MqttIntake:
    """Subscribes to topics whose messages are lines of NDJSON.

    Parameters
    ----------
    edge_id, feed : str
        The gateway, and the feed.
    settings : MqttSettings
        Broker and topics.
    take : callable
        Takes feed, body, content encoding and headers; returns once the body is kept.
    """

    def __init__(
        self, edge_id: str, feed: str, settings: MqttSettings, take: Callable[[str, bytes, str, str], Any]
    ) -> None:
        self._edge_id, self._feed, self._settings, self._take = edge_id, feed, settings, take
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"edge-mqtt-{feed}", daemon=True)

    def start(self) -> None:
        """Connect and go on connecting."""
        self._thread.start()

    def close(self) -> None:
        """Hang up; the broker keeps what was not acknowledged."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        pause_s, told = _FIRST_S, False
        while not self._stop.is_set():
            try:
                with open_line(self._settings, f"rencheng-edge-{self._edge_id}-{self._feed}") as line:
                    pause_s, told = _FIRST_S, False
                    while not self._stop.is_set():
                        messages = line.receive(_WAIT_S)
                        if not messages:
                            continue
                        payloads = [bytes(message.payload).rstrip(b"\n") for message in messages]
                        body = b"\n".join(payload for payload in payloads if payload)
                        if body:
                            self._take(self._feed, body + b"\n", "", "")
                        line.acknowledge(messages)
            except (OSError, RenchengError, TimeoutError) as error:
                if not told:
                    _LOG.warning("feed %s: %s", self._feed, error)
                told = True
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, _MOST_S)
