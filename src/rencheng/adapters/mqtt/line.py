"""A line to an MQTT broker as a subscriber: nothing is acknowledged by itself, and whoever stores says when."""

from __future__ import annotations

import os
import selectors
import socket
import ssl
import time
import zlib
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rencheng.adapters.mqtt.packets import (
    Control,
    PacketKind,
    PacketReader,
    Publish,
    connect_bytes,
    disconnect_bytes,
    ids_bytes,
    ping_bytes,
    publish_bytes,
    server_keepalive_s,
    subscribe_bytes,
)
from rencheng.adapters.mqtt.reasons import refusal_of_connection, refusal_of_subscription
from rencheng.kernel import InvalidConfig, InvalidInput, RenchengError

if TYPE_CHECKING:  # an edge agent speaks MQTT too, and must not load what the room of the source loads
    from rencheng.sense.source import MqttSource

__all__ = ["MqttLine", "message_mark"]

_READ = 1 << 18
_MOST_READ = 1 << 22
"""Bytes after which :meth:`MqttLine.receive` answers although more is there."""
_CONNECT_S = 10.0
SESSION_S = 7 * 86_400
"""How long the broker keeps what it could not deliver: a week's end and a repair."""


class MqttLine:
    """One connection with a session that outlives it.

    Parameters
    ----------
    source : MqttSource
        Broker, topics, quality of service.
    client_id : str
        Name of the session.
    largest : int
        Longest payload taken whole.
    window : int
        Messages of quality 1 and 2 under way at a time (MQTT 5; with 3.1.1 the broker's own setting holds).
    unreleased : dict of int to int
        Messages of quality 2 that are stored and not released yet, packet identifier → :func:`message_mark`, as the
        last line left them; changed in place.
    no_local : bool
        Whether what this line publishes stays away from it (MQTT 5).

    Notes
    -----
    :meth:`acknowledge`, :meth:`fail` and :meth:`wake` may be called from any thread, the rest from one.
    """

    def __init__(
        self,
        source: MqttSource,
        client_id: str,
        *,
        largest: int,
        window: int = 65_535,
        unreleased: dict[int, int] | None = None,
        no_local: bool = False,
    ) -> None:
        self._source, self._client_id, self._window = source, client_id, window
        self._no_local = no_local
        self._is_5 = source.version == "5"
        self._reader = PacketReader(version=source.version, largest=largest)
        self._unreleased = {} if unreleased is None else unreleased
        self.storing: dict[int, int] = {}
        """Messages of quality 2 handed out and not acknowledged yet."""
        self._socket: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._done: deque[tuple[list[int], list[int]]] = deque()
        self._failure: RenchengError | None = None
        self._out = bytearray()
        self._keepalive_s = float(source.keepalive_s)
        self._heard_at = self._sent_at = self._pinged_at = time.monotonic()
        self._early: list[Publish] = []
        self.takes_up = False
        """Whether the broker had kept the session."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect, take the session up and subscribe.

        Raises
        ------
        InvalidConfig
            If the broker refuses the client or a topic filter.
        InvalidInput
            If the other end does not speak MQTT.
        OSError
            If it cannot be reached.
        """
        source = self._source
        self._socket = self._connected()
        self._socket.setblocking(False)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._send(
            connect_bytes(
                version=source.version,
                client_id=self._client_id,
                keepalive_s=source.keepalive_s,
                username=source.username,
                password=os.environ.get(source.password_env, "") if source.password_env else "",
                session_s=SESSION_S,
                receive_maximum=self._window,
            )
        )
        answer = self._await(PacketKind.CONNACK).body
        if refused := refusal_of_connection(answer, version=source.version):
            raise InvalidConfig(refused, where=self.name, mend="See [feed.source] and the broker's own log")
        self.takes_up = bool(answer[0] & 1)
        if self._is_5:
            self._keepalive_s = float(server_keepalive_s(answer) or self._keepalive_s)
        if not self.takes_up:
            self._unreleased.clear()
        subscribe = subscribe_bytes(1, source.topics, source.qos, version=source.version, no_local=self._no_local)
        self._send(subscribe)
        codes = self._await(PacketKind.SUBACK).body[-len(source.topics) :]
        for topic, code in zip(source.topics, codes, strict=True):
            if code >= 0x80:
                raise InvalidConfig(
                    f"topic {topic!r}: {refusal_of_subscription(code)}",
                    where=self.name,
                    mend="See the broker's access list",
                )

    @property
    def name(self) -> str:
        """The broker, as people write it."""
        return f"mqtt{'s' if self._source.tls else ''}://{self._source.host}:{self._source.port}"

    def _connected(self) -> socket.socket:
        source = self._source
        try:
            plain = socket.create_connection((source.host, source.port), timeout=_CONNECT_S)
        except OSError as error:
            raise OSError(f"{self.name}: {error}") from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._encrypted(plain) if source.tls else plain
        except BaseException:
            plain.close()
            raise

    def _encrypted(self, plain: socket.socket) -> socket.socket:
        source = self._source
        try:
            context = ssl.create_default_context(cafile=source.ca_file or None)
        except OSError as error:
            raise InvalidConfig(
                f"the certificates of {source.ca_file!r} cannot be read: {error}", where=self.name, mend="See ca_file"
            ) from error
        try:
            return context.wrap_socket(plain, server_hostname=source.host)
        except ssl.SSLCertVerificationError as error:
            raise InvalidConfig(
                f"the broker's certificate is not trusted: {error.verify_message}",
                where=self.name,
                mend="Name in ca_file who signed it, and in host the name that it is made out to",
            ) from error
        except ssl.SSLError as error:
            raise InvalidConfig(
                f"the broker does not speak TLS as we do: {error.reason}", where=self.name, mend="See port and tls"
            ) from error
        except OSError as error:
            raise OSError(f"{self.name}: the broker hung up at the greeting of TLS: {error}") from error

    def receive(self, timeout_s: float, *, reading: bool = True) -> list[Publish]:
        """Wait for messages; send meanwhile what was acknowledged.

        Parameters
        ----------
        timeout_s : float
            Longest wait.
        reading : bool
            False leaves the messages with the broker: only acknowledgements and pings go out.

        Returns
        -------
        list of Publish
            In the order in which the broker sent them; each once, unless the line was cut. Empty after the wait, or
            when an acknowledgement went out.

        Raises
        ------
        OSError
            If the line is cut, or the broker is silent for longer than it may be.
        RenchengError
            What :meth:`fail` was told, or what the broker said when it hung up.
        """
        if self._failure is not None:
            raise self._failure
        messages, self._early = self._early, []
        events = selectors.EVENT_READ if reading else 0
        waited = 0.0 if messages else timeout_s
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        for key, mask in self._ready(events, 0.0 if pending and reading else waited):
            if key.fileobj is self._wake_out:
                self._drain_wake()
            elif mask & selectors.EVENT_WRITE:
                self._flush()
        if reading:
            messages += self._read()
        self._send_done()
        self._keep_alive(reading=reading)
        return messages

    def _ready(self, events: int, timeout_s: float) -> list[tuple[selectors.SelectorKey, int]]:
        assert self._socket is not None
        wanted = events | (selectors.EVENT_WRITE if self._out else 0)
        known = self._selector.get_map().get(self._socket)
        if wanted and known is None:
            self._selector.register(self._socket, wanted)
        elif not wanted and known is not None:
            self._selector.unregister(self._socket)
        elif known is not None and known.events != wanted:
            self._selector.modify(self._socket, wanted)
        return self._selector.select(min(timeout_s, self._keepalive_s / 4))

    def _read(self) -> list[Publish]:
        """Read what is there, up to a bound."""
        messages: list[Publish] = []
        taken = 0
        while taken < _MOST_READ:
            data = self._received()
            if data is None:
                break
            taken += len(data)
            self._take(self._reader.feed(data), messages)
        if taken:
            self._heard_at = time.monotonic()
        return messages

    def _received(self) -> bytes | None:
        """Bytes of the line; None if there are none now."""
        assert self._socket is not None
        try:
            data = self._socket.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        if not data:
            raise ConnectionResetError(f"{self.name}: the broker hung up")
        return data

    def _take(self, packets: Iterable[Publish | Control], messages: list[Publish]) -> None:
        released: list[int] = []
        again: list[int] = []
        for packet in packets:
            if isinstance(packet, Publish):
                if packet.qos != 2:
                    messages.append(packet)
                    continue
                mark = message_mark(packet)
                if packet.dup and self._unreleased.get(packet.packet_id) == mark:
                    again.append(packet.packet_id)
                elif packet.packet_id not in self.storing:
                    self._unreleased.pop(packet.packet_id, None)
                    self.storing[packet.packet_id] = mark
                    messages.append(packet)
            elif packet.kind == PacketKind.PUBREL and len(packet[1]) >= 2:
                packet_id = int.from_bytes(packet[1][:2], "big")
                self._unreleased.pop(packet_id, None)
                released.append(packet_id)
            elif packet.kind == PacketKind.DISCONNECT:
                code = packet[1][0] if packet[1] else 0
                raise ConnectionResetError(f"{self.name}: the broker hung up: {refusal_of_subscription(code)}")
        if again:
            self._send(ids_bytes(PacketKind.PUBREC, again))
        if released:
            self._send(ids_bytes(PacketKind.PUBCOMP, released))

    def acknowledge(self, messages: Iterable[Publish]) -> None:
        """Tell the broker that messages are on the disk; it is sent by the thread that receives."""
        once: list[int] = []
        twice: list[int] = []
        for message in messages:
            if message.qos == 1:
                once.append(message.packet_id)
            elif message.qos == 2:
                twice.append(message.packet_id)
        self._done.append((once, twice))
        self.wake()

    def fail(self, error: RenchengError) -> None:
        """Let the next :meth:`receive` raise: what was not acknowledged comes again on the next line."""
        self._failure = error
        self.wake()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish a message of quality 0, from the thread that receives."""
        self._send(publish_bytes(topic, payload, version=self._source.version))

    @property
    def unsent_bytes(self) -> int:
        """What waits for the broker to take it."""
        return len(self._out)

    def close(self) -> None:
        """Send what was acknowledged and hang up; the broker keeps the session."""
        if self._socket is not None:
            with suppress(OSError):  # it may be cut already; what was not acknowledged comes again
                self._send_done()
                self._socket.settimeout(1.0)
                self._socket.sendall(bytes(self._out) + disconnect_bytes())
            self._socket.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _await(self, kind: PacketKind) -> Control:
        """Wait for the answer of a type; messages that come before it are kept."""
        until = time.monotonic() + _CONNECT_S
        while (left := until - time.monotonic()) > 0:
            self._ready(selectors.EVENT_READ, left)
            data = self._received()
            found = None
            rest: list[Publish | Control] = []
            for packet in self._reader.feed(data) if data else ():
                if found is None and isinstance(packet, Control) and packet.kind == kind:
                    found = packet
                else:
                    rest.append(packet)
            self._take(rest, self._early)
            if found is not None:
                if len(found.body) < 2:
                    raise InvalidInput(f"a {kind.name} of {len(found.body)} bytes", where=self.name)
                return found
        raise TimeoutError(f"{self.name}: no {kind.name} within {_CONNECT_S:g} s")

    def _send_done(self) -> None:
        once: list[int] = []
        twice: list[int] = []
        while self._done:
            a, b = self._done.popleft()
            once += a
            twice += b
        if once:
            self._send(ids_bytes(PacketKind.PUBACK, once))
        if twice:
            self._unreleased.update((packet_id, self.storing.pop(packet_id, 0)) for packet_id in twice)
            self._send(ids_bytes(PacketKind.PUBREC, twice))

    def _keep_alive(self, *, reading: bool) -> None:
        now = time.monotonic()
        if not reading:
            self._heard_at = now  # the broker may speak: it is not listened to
        if now - self._heard_at > 1.5 * self._keepalive_s:
            raise TimeoutError(f"{self.name}: the broker has been silent for {now - self._heard_at:.0f} s")
        quiet = now - min(self._heard_at, self._sent_at)
        if quiet > self._keepalive_s / 2 and now - self._pinged_at > self._keepalive_s / 4:
            self._pinged_at = now
            self._send(ping_bytes())

    def _send(self, data: bytes) -> None:
        self._out += data
        self._flush()

    def _flush(self) -> None:
        assert self._socket is not None
        while self._out:
            try:
                sent = self._socket.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._out[:sent]
            self._sent_at = time.monotonic()

    def wake(self) -> None:
        """Let :meth:`receive` answer now, for there is something else to do."""
        with suppress(OSError):  # full: it wakes anyway; closed: nobody waits any more
            self._wake_in.send(b"\0")

    def _drain_wake(self) -> None:
        with suppress(BlockingIOError):
            while self._wake_out.recv(4096):
                pass


def message_mark(message: Publish) -> int:
    """What tells a message sent again from a new one with the same packet identifier."""
    return zlib.crc32(message.payload, zlib.crc32(message.topic.encode()))
