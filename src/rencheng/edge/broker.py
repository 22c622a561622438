"""The local MQTT broker, by the client of the core's feeds."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from rencheng.edge.settings import MqttSettings

if TYPE_CHECKING:
    from rencheng.adapters.mqtt import MqttLine
    from rencheng.sense.source import MqttSource

__all__ = ["open_line", "publish_once"]

_LARGEST = 8 * 1024 * 1024
_ID = 1


def open_line(settings: MqttSettings, client_id: str) -> MqttLine:
    """Make a line that subscribes; it is opened as a context."""
    from rencheng.adapters.mqtt import MqttLine  # where it is used: many gateways have no broker

    source = cast("MqttSource", settings)  # the same keys; its own room brings the numerical half of the house
    return MqttLine(source, settings.client_id or client_id, largest=_LARGEST)


def publish_once(settings: MqttSettings, client_id: str, topic: str, payload: bytes, *, timeout_s: float) -> None:
    """Publish one message of quality 1; when this returns the broker has it.

    Raises
    ------
    OSError
        If the broker cannot be reached, refuses, or does not acknowledge in time.
    """
    from rencheng.adapters.mqtt import PacketKind, PacketReader
    from rencheng.adapters.mqtt.packets import connect_bytes, disconnect_bytes, publish_bytes

    password = os.environ.get(settings.password_env, "") if settings.password_env else ""
    with _connected(settings, timeout_s) as line:
        reader = PacketReader(version=settings.version, largest=65_536)

        def answer(kind: PacketKind) -> bytes:
            return _answer(line, reader.feed, kind)

        line.sendall(
            connect_bytes(
                version=settings.version,
                client_id=client_id,
                keepalive_s=settings.keepalive_s,
                username=settings.username,
                password=password,
            )
        )
        if (code := answer(PacketKind.CONNACK)[1]) != 0:
            raise ConnectionRefusedError(f"{settings.host}:{settings.port}: the broker refuses us, code {code:#04x}")
        line.sendall(publish_bytes(topic, payload, version=settings.version, qos=1, packet_id=_ID))
        acknowledged = answer(PacketKind.PUBACK)
        if len(acknowledged) > 2 and acknowledged[2] >= 0x80:
            raise ConnectionRefusedError(f"topic {topic!r} is refused by the broker, code {acknowledged[2]:#04x}")
        line.sendall(disconnect_bytes())


def _connected(settings: MqttSettings, timeout_s: float) -> socket.socket:
    plain = socket.create_connection((settings.host, settings.port), timeout=timeout_s)
    if not settings.tls:
        return plain
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    return context.wrap_socket(plain, server_hostname=settings.host)


def _answer(line: socket.socket, feed: Callable[[bytes], Sequence[object]], kind: int) -> bytes:
    while True:
        data = line.recv(4096)
        if not data:
            raise ConnectionResetError("the broker hung up")
        for packet in feed(data):
            if getattr(packet, "kind", None) == kind:
                return bytes(packet.body)  # type: ignore[attr-defined]  # a control packet, as its kind says
