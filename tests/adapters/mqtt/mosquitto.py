"""A real Mosquitto for as long as a test needs it, and a plain publisher."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from rencheng.adapters.mqtt.packets import (
    Control,
    PacketKind,
    PacketReader,
    connect_bytes,
    disconnect_bytes,
    ids_bytes,
    publish_bytes,
)

__all__ = ["Broker", "Publisher", "free_port", "mosquitto"]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Broker:
    """One Mosquitto with its own folder; it keeps sessions over a restart."""

    def __init__(self, folder: Path, extra: Sequence[str] = ()) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.skip("Mosquitto is not installed: scripts/system.sh broker")
        self.port = free_port()
        self._program, self._config = program, folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "persistence true",
            f"persistence_location {folder}/",
            "log_dest none",
            "user root",
            *extra,
        ]
        self._config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, "Mosquitto does not start"
                assert time.monotonic() < until, "Mosquitto does not answer"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Let it end in an orderly way."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


@contextmanager
def mosquitto(folder: Path, extra: Sequence[str] = ()) -> Iterator[Broker]:
    """A broker that runs."""
    folder.mkdir(parents=True, exist_ok=True)
    broker = Broker(folder, extra)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Publisher:
    """Publishes and counts the broker's answers."""

    def __init__(self, port: int, client_id: str = "publisher", *, username: str = "", password: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._reader = PacketReader(version="5", largest=1 << 20)
        self._next = 1
        self._answered = 0
        hello = connect_bytes(version="5", client_id=client_id, keepalive_s=600, username=username, password=password)
        self._socket.sendall(hello)
        self._until(lambda packet: packet.kind == PacketKind.CONNACK)

    def _until(self, wanted: object) -> None:
        while True:
            for packet in self._reader.feed(self._socket.recv(65536)):
                if isinstance(packet, Control) and callable(wanted) and wanted(packet):
                    return

    def publish(
        self,
        messages: Sequence[tuple[str, bytes]],
        *,
        qos: int = 1,
        retain: bool = False,
        user: Mapping[str, str] | None = None,
    ) -> None:
        """Publish messages and wait until the broker has them all."""
        for first in range(0, len(messages), 1000):
            self._publish(messages[first : first + 1000], qos, retain, user or {})

    def _publish(self, messages: Sequence[tuple[str, bytes]], qos: int, retain: bool, user: Mapping[str, str]) -> None:
        ids = [(self._next + n) % 65_535 + 1 for n in range(len(messages))]
        self._next += len(messages)
        out = [
            publish_bytes(topic, payload, version="5", qos=qos, packet_id=number, retain=retain, properties=user)
            for number, (topic, payload) in zip(ids, messages, strict=True)
        ]
        self._socket.sendall(b"".join(out))
        if qos:
            self._wait_for(PacketKind.PUBACK if qos == 1 else PacketKind.PUBREC, len(messages))
        if qos == 2:
            self._socket.sendall(ids_bytes(PacketKind.PUBREL, ids))
            self._wait_for(PacketKind.PUBCOMP, len(messages))

    def _wait_for(self, kind: PacketKind, count: int) -> None:
        while count:
            found = self._reader.feed(self._socket.recv(1 << 16))
            count -= sum(isinstance(packet, Control) and packet.kind == kind for packet in found)

    def close(self) -> None:
        """Hang up."""
        self._socket.sendall(disconnect_bytes())
        self._socket.close()
