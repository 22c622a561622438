"""Ways to people on the spot: a folder, a webhook, a topic of the local broker (sirens, screens, door panels)."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec

from rencheng.edge.broker import publish_once
from rencheng.edge.desk import OrderMessage
from rencheng.edge.journal import LogNote
from rencheng.edge.settings import ChannelSettings
from rencheng.kernel import RenchengError, canonical_json, format_instant, from_micros

__all__ = ["Sender", "message_document", "send_message", "unpacked_message"]

_LOG = logging.getLogger(__name__)
_FIRST_S, _MOST_S = 0.5, 30.0
_FAST_TRIES = 20
"""Tries within half a minute or so; a message that then has not gone out is noted in the log, and tried on."""


def message_document(message: OrderMessage) -> dict[str, Any]:
    """What a channel is told: the message in both languages, with who, when and why."""
    order = message.order
    text = order.cancel_text if message.what == "cancel" else order.text
    return {
        "message_id": message.message_id,
        "edge_id": message.edge_id,
        "order_id": order.order_id,
        "what": message.what,
        "action": order.action,
        "hazard": order.hazard,
        "severity": order.severity,
        "sensor_id": order.sensor_id,
        "alarm_ids": order.alarm_ids,
        "at": format_instant(from_micros(message.at)),
        "by": message.by,
        "text": {"zh": text.zh, "en": text.en},
    }


def send_message(channel: ChannelSettings, message: OrderMessage, folder: Path) -> None:
    """Send one message.

    Raises
    ------
    OSError
        If it did not go out.
    RenchengError
        If the broker refuses.
    """
    plain = channel.payloads.get(message.what)
    payload = plain.encode() if plain is not None else canonical_json(message_document(message))
    if channel.kind == "folder":
        _write(folder / channel.path, message, payload)
    elif channel.kind == "webhook":
        _post(channel, message, payload)
    else:
        assert channel.mqtt is not None
        client_id = f"rencheng-edge-{message.edge_id}-{channel.id}"
        publish_once(channel.mqtt, client_id, channel.topic, payload, timeout_s=channel.timeout_s)


def _write(folder: Path, message: OrderMessage, payload: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = message.message_id.replace("/", "--") + ".json"
    aside = folder / f".{name}.part"
    with aside.open("wb") as file:
        file.write(payload + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / name)


def _post(channel: ChannelSettings, message: OrderMessage, payload: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.message_id}
    request = Request(channel.url, data=payload, headers=headers, method="POST")  # noqa: S310 — http(s) is checked
    try:
        with urlopen(request, timeout=channel.timeout_s) as answer:  # noqa: S310 — as above
            answer.read(1024)
    except (URLError, HTTPException, ValueError) as error:
        raise OSError(f"{channel.url}: {error}") from error


class Sender:
    """Sends messages, each channel in a thread of its own so that a dead one delays no other.

    Parameters
    ----------
    channels : sequence of ChannelSettings
        The ways.
    folder : Path
        Paths of channels count from here.
    note : callable
        Takes a note for the log, and the message that it ends.
    clock : callable
        Microseconds since 1970.
    """

    def __init__(
        self,
        channels: Sequence[ChannelSettings],
        folder: Path,
        *,
        note: Callable[[LogNote, str], None],
        clock: Callable[[], int],
    ) -> None:
        self._folder, self._note, self._clock = folder, note, clock
        self._changed = threading.Condition()
        self._stopped = False
        self._waiting: Mapping[str, dict[str, OrderMessage]] = {channel.id: {} for channel in channels}
        self._threads = [
            threading.Thread(target=self._run, args=(channel,), name=f"edge-channel-{channel.id}", daemon=True)
            for channel in channels
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End; what has not gone out is sent after the next start."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(10)

    def send(self, messages: Sequence[OrderMessage]) -> None:
        """Take messages to be sent."""
        with self._changed:
            for message in messages:
                if message.channel in self._waiting:
                    self._waiting[message.channel].setdefault(message.message_id, message)
            self._changed.notify_all()

    def _run(self, channel: ChannelSettings) -> None:
        tries = 0
        waiting = self._waiting[channel.id]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or waiting)
                if self._stopped:
                    return
                message = next(iter(waiting.values()))
            begun = time.monotonic()
            try:
                send_message(channel, message, self._folder)
            except (OSError, RenchengError) as error:
                tries += 1
                self._failed(channel, message, tries, str(error))
                with self._changed:
                    pause_s = _FIRST_S if tries < _FAST_TRIES else _MOST_S
                    self._changed.wait_for(lambda: self._stopped, max(0.0, pause_s - time.monotonic() + begun))
                continue
            self._said(channel, message, tries + 1, "")
            tries = 0
            with self._changed:
                del self._waiting[channel.id][message.message_id]

    def _failed(self, channel: ChannelSettings, message: OrderMessage, tries: int, why: str) -> None:
        if tries == 1:
            _LOG.error("channel %s: %s", channel.id, why)
        if tries == _FAST_TRIES:
            self._said(channel, message, tries, why)

    def _said(self, channel: ChannelSettings, message: OrderMessage, tries: int, error: str) -> None:
        body = {
            "order_id": message.order.order_id,
            "what": message.what,
            "channel": channel.id,
            "tries": tries,
            "error": error[:500],
        }
        note = LogNote("unsent" if error else "sent", self._clock(), canonical_json(body).decode())
        self._note(note, "" if error else message.message_id)


def unpacked_message(packed: bytes) -> OrderMessage:
    """Read a message as the journal keeps it."""
    return msgspec.msgpack.decode(packed, type=OrderMessage)
