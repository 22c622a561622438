"""MQTT control packets as bytes: what a subscriber sends, and a reader of what a broker sends.

Sources: MQTT 3.1.1 and MQTT 5.0, OASIS standards; section numbers below are those of MQTT 5.0.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from rencheng.kernel import InvalidInput

__all__ = [
    "Control",
    "PacketKind",
    "PacketReader",
    "Publish",
    "connect_bytes",
    "disconnect_bytes",
    "ids_bytes",
    "ping_bytes",
    "publish_bytes",
    "server_keepalive_s",
    "subscribe_bytes",
    "user_properties",
    "variable_byte_integer",
]

_LARGEST_CONTROL = 65_536
"""Packets other than PUBLISH carry a few codes and a reason in words; nothing longer is read."""
_HEAD = 5 + 2 + 65_535 + 2
"""Fixed header, longest topic name and packet identifier."""


class PacketKind(IntEnum):
    """Control packet types, section 2.1.2."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class Publish(NamedTuple):
    """An application message, section 3.3."""

    topic: str
    payload: bytes
    packet_id: int
    """0 for quality of service 0."""
    qos: int
    retain: bool
    dup: bool
    properties: bytes = b""
    """As they came, without their length (MQTT 5)."""


class Control(NamedTuple):
    """Any other packet: its type and what follows the fixed header."""

    kind: int
    body: bytes


def variable_byte_integer(value: int) -> bytes:
    r"""Encode a length, section 1.5.5.

    Examples
    --------
    >>> variable_byte_integer(321)
    b'\xc1\x02'
    """
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


def _packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + variable_byte_integer(len(body)) + body


def connect_bytes(
    *,
    version: str,
    client_id: str,
    keepalive_s: int,
    username: str = "",
    password: str = "",
    session_s: int = 0,
    receive_maximum: int = 65_535,
) -> bytes:
    """CONNECT that takes up the session that the broker keeps, section 3.1.

    Parameters
    ----------
    version : str
        ``3.1.1`` or ``5``.
    session_s : int
        How long the broker keeps the session after the line is cut (MQTT 5; 3.1.1 leaves it to the broker).
    receive_maximum : int
        Messages of quality 1 and 2 that the broker may send before one is acknowledged (MQTT 5).
    """
    flags = (0x80 if username else 0) | (0x40 if password else 0)
    body = _text("MQTT") + bytes([5 if version == "5" else 4, flags]) + keepalive_s.to_bytes(2, "big")
    if version == "5":
        properties = b"\x11" + session_s.to_bytes(4, "big") + b"\x21" + receive_maximum.to_bytes(2, "big")
        body += variable_byte_integer(len(properties)) + properties
    body += _text(client_id)
    body += _text(username) if username else b""
    body += _text(password) if password else b""
    return _packet(PacketKind.CONNECT << 4, body)


def subscribe_bytes(packet_id: int, topics: Sequence[str], qos: int, *, version: str, no_local: bool = False) -> bytes:
    """SUBSCRIBE; with MQTT 5 retained messages come only where the subscription is new, section 3.8.3.1.

    ``no_local`` (MQTT 5) spares a client what it published itself.
    """
    options = qos | (0x10 if version == "5" else 0) | (0x04 if no_local else 0)
    body = packet_id.to_bytes(2, "big") + (b"\x00" if version == "5" else b"")
    body += b"".join(_text(topic) + bytes([options]) for topic in topics)
    return _packet(PacketKind.SUBSCRIBE << 4 | 2, body)


def publish_bytes(
    topic: str,
    payload: bytes,
    *,
    version: str,
    qos: int = 0,
    packet_id: int = 0,
    retain: bool = False,
    properties: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """PUBLISH, section 3.3; a packet identifier goes with quality 1 and 2, user properties with MQTT 5."""
    body = _text(topic) + (packet_id.to_bytes(2, "big") if qos else b"")
    if version == "5":
        pairs = b"".join(bytes([_USER]) + _text(name) + _text(value) for name, value in properties.items())
        body += variable_byte_integer(len(pairs)) + pairs
    return _packet(PacketKind.PUBLISH << 4 | qos << 1 | int(retain), body + payload)


def ids_bytes(kind: PacketKind, packet_ids: Iterable[int]) -> bytes:
    r"""Acknowledgements of one type, one after the other, sections 3.4 to 3.7.

    Examples
    --------
    >>> ids_bytes(PacketKind.PUBACK, [1, 258])
    b'@\x02\x00\x01@\x02\x01\x02'
    """
    ids = array("H", packet_ids)
    out = array("H", [(kind << 4 | (2 if kind is PacketKind.PUBREL else 0)) << 8 | 2]) * (2 * len(ids))
    out[1::2] = ids
    if sys.byteorder == "little":
        out.byteswap()
    return out.tobytes()


def ping_bytes() -> bytes:
    """PINGREQ, section 3.12."""
    return b"\xc0\x00"


def disconnect_bytes() -> bytes:
    """DISCONNECT without a reason: a normal end; the session stays with the broker, section 3.14."""
    return b"\xe0\x00"


class PacketReader:
    """Cuts the bytes of a broker into packets.

    Parameters
    ----------
    version : str
        ``3.1.1`` or ``5``.
    largest : int
        Longest payload. A longer one is cut to one byte more, so that whoever decodes it sees that it is too long;
        the rest is read and thrown away.

    Notes
    -----
    What is held of the line is bounded by ``largest`` plus one read.
    """

    def __init__(self, *, version: str, largest: int) -> None:
        self._is_5 = version == "5"
        self._largest = largest
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 2
        self._skip = 0

    def feed(self, data: bytes) -> list[Publish | Control]:
        """Take bytes in pieces of any size; gives the packets that are complete.

        Raises
        ------
        InvalidInput
            If it is not MQTT; the connection cannot be used after that.
        """
        if self._skip:
            gone = min(self._skip, len(data))
            self._skip -= gone
            data = data[gone:]
        if not data:
            return []
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need:
            return []
        buffer = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        packets: list[Publish | Control] = []
        at = self._cut(buffer, packets)
        rest = buffer[at:]
        self._parts, self._have = ([rest] if rest else []), len(rest)
        return packets

    def _cut(self, buffer: bytes, packets: list[Publish | Control]) -> int:
        """Cut whole packets off the beginning; tells where the next one begins and notes how much it needs."""
        at, end = 0, len(buffer)
        while end - at >= 2:
            size = buffer[at + 1]
            body = at + 2
            if size & 0x80:
                found = _length(buffer, at + 1)
                if found is None:
                    break
                size, body = found
            head = buffer[at]
            behind = body + size
            if head >> 4 == PacketKind.PUBLISH:
                if behind > end:
                    if size <= self._largest + _HEAD:
                        self._need = behind - at
                        return at
                    if end - body < self._largest + _HEAD:
                        self._need = body - at + self._largest + _HEAD
                        return at
                    packets.append(self._publish(buffer, head, body, end))
                    self._skip = behind - end
                    self._need = 2
                    return end
                packets.append(self._publish(buffer, head, body, behind))
            else:
                if size > _LARGEST_CONTROL:
                    raise _malformed(f"a packet of type {head >> 4} has {size} bytes")
                if behind > end:
                    self._need = behind - at
                    return at
                packets.append(Control(head >> 4, buffer[body:behind]))
            at = behind
        self._need = 2 if end - at < 2 else end - at + 1
        return at

    def _publish(self, buffer: bytes, head: int, at: int, behind: int) -> Publish:
        qos = head >> 1 & 3
        named = at + 2 + (buffer[at] << 8 | buffer[at + 1]) if behind - at >= 2 else behind + 1
        rest = named + (2 if qos else 0)
        if qos == 3 or rest > behind:
            raise _malformed("a PUBLISH does not hold together")
        packet_id = buffer[named] << 8 | buffer[named + 1] if qos else 0
        if qos and not packet_id:
            raise _malformed("a PUBLISH has packet identifier 0")
        properties = b""
        if self._is_5:
            if rest < behind and not buffer[rest]:
                rest += 1
            else:
                rest, properties = _properties(buffer, rest, behind)
        try:
            topic = buffer[at + 2 : named].decode()
        except UnicodeDecodeError:
            raise _malformed("a topic is not UTF-8") from None
        payload = buffer[rest : min(behind, rest + self._largest + 1)]
        return Publish(topic, payload, packet_id, qos, bool(head & 1), bool(head & 8), properties)


def _length(buffer: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None while it is not complete."""
    value = 0
    for place in range(4):
        if at + place >= len(buffer):
            return None
        digit = buffer[at + place]
        value |= (digit & 0x7F) << 7 * place
        if not digit & 0x80:
            return value, at + place + 1
    raise _malformed("a length has more than four bytes")


def _properties(buffer: bytes, at: int, behind: int) -> tuple[int, bytes]:
    """Where the properties of a PUBLISH end, and what they are."""
    found = _length(buffer, at)
    if found is None or sum(found) > behind:
        raise _malformed("the properties of a PUBLISH do not hold together")
    return sum(found), buffer[found[1] : sum(found)]


_SIZES = {0x01: 1, 0x02: 4, 0x11: 4, 0x13: 2, 0x17: 1, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x24: 1, 0x25: 1}
_SIZES |= {0x27: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
"""Properties of a fixed length, section 2.2.2.2."""
_STRINGS = (0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F)
_USER = 0x26


def user_properties(properties: bytes) -> dict[str, str]:
    r"""User properties by name; of two with one name the last.

    Raises
    ------
    InvalidInput
        If the properties do not hold together.

    Examples
    --------
    >>> user_properties(b"\x26\x00\x01a\x00\x02bc")
    {'a': 'bc'}
    """
    found: dict[str, str] = {}
    for kind, value in _each_property(properties):
        if kind == _USER:
            middle = 2 + int.from_bytes(value[:2], "big")
            try:
                found[value[2:middle].decode()] = value[middle + 2 :].decode()
            except UnicodeDecodeError:
                raise _malformed("a user property is not UTF-8") from None
    return found


def server_keepalive_s(connack: bytes) -> int | None:
    """Keep-alive that the broker's CONNACK sets in place of ours, section 3.2.2.3.14."""
    found = _length(connack, 2)
    if found is None:
        return None
    properties = connack[found[1] : sum(found)]
    return next((int.from_bytes(value, "big") for kind, value in _each_property(properties) if kind == 0x13), None)


def _each_property(properties: bytes) -> Iterator[tuple[int, bytes]]:
    """Properties one by one: identifier and value; strings with their lengths."""
    at = 0
    while at < len(properties):
        kind = properties[at]
        at += 1
        behind = at + _SIZES.get(kind, 0)
        if kind in _STRINGS or kind == _USER:
            behind = at
            for _ in range(2 if kind == _USER else 1):
                behind += 2 + int.from_bytes(properties[behind : behind + 2], "big")
        elif kind == 0x0B:
            found = _length(properties, at)
            behind = found[1] if found else len(properties) + 1
        elif kind not in _SIZES:
            raise _malformed(f"there is no property 0x{kind:02x}")
        if behind > len(properties):
            raise _malformed("a property is cut short")
        yield kind, properties[at:behind]
        at = behind


def _malformed(what: str) -> InvalidInput:
    return InvalidInput(what, where="MQTT", mend="Is the other end an MQTT broker of the version configured?")
