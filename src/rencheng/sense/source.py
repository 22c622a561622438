"""Where a feed comes from: the ``[feed.source]`` table, one kind of connection each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from rencheng.kernel import InvalidConfig

__all__ = [
    "SOURCES",
    "FolderSource",
    "HttpSource",
    "MqttSource",
    "PollSource",
    "SensorThingsSource",
    "Source",
    "TcpSource",
    "source_from_dict",
]

_MEND = "See docs/reference/feeds.md"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of connection; the subclasses say which."""

    kind: ClassVar[str] = ""

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with the values: (key, what) pairs."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSource(Source):
    """Pushed to ``POST /api/readings/{feed}``; the default."""

    kind: ClassVar[str] = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSource(Source):
    """Subscribed to at an MQTT broker.

    Parameters
    ----------
    host, port : str, int
        The broker; 1883 is MQTT's registered port, 8883 with TLS.
    topics : tuple of str
        Topic filters; ``+`` for one level, a last ``#`` for all below.
    qos : int
        0, 1 or 2. Messages of 1 and 2 are acknowledged once they are on the disk.
    version : str
        ``3.1.1`` or ``5``.
    client_id : str
        Name of the session that the broker keeps while the line is cut; empty for ``rencheng-FEED``.
    username : str
        Empty for none.
    password_env : str
        Environment variable with the password: secrets do not belong in a feed file.
    tls : bool
        Encrypt and check the broker's certificate.
    ca_file : str
        Certificates to trust in place of the system's.
    keepalive_s : int
        Longest silence before a ping.
    """

    kind: ClassVar[str] = "mqtt"
    host: str
    topics: tuple[str, ...]
    port: int = 1883
    qos: int = 1
    version: str = "5"
    client_id: str = ""
    username: str = ""
    password_env: str = ""
    tls: bool = False
    ca_file: str = ""
    keepalive_s: int = 60

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with the values."""
        found = [*_port_faults(self.port), *_variable_faults("password_env", self.password_env)]
        if not self.host:
            found.append(("host", "is empty"))
        if not self.topics:
            found.append(("topics", "is empty: name at least one topic filter"))
        found += [("topics", fault) for topic in self.topics if (fault := _topic_fault(topic))]
        if self.qos not in (0, 1, 2):
            found.append(("qos", f"is {self.qos}; use 0, 1 or 2"))
        if self.version not in ("3.1.1", "5"):
            found.append(("version", f"is {self.version!r}; use 3.1.1 or 5"))
        if not 5 <= self.keepalive_s <= 65535:
            found.append(("keepalive_s", f"is {self.keepalive_s}; use 5 to 65535"))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSource(Source):
    """Stations connect to a port of ours (SL 651, HJ 212).

    Parameters
    ----------
    port : int
        Port to listen on.
    host : str
        Address to listen on; the default takes local connections only.
    max_connections : int
        Stations at a time; one more is turned away.
    idle_s : float
        A connection silent for so long is closed.
    """

    kind: ClassVar[str] = "tcp"
    port: int
    host: str = "127.0.0.1"
    max_connections: int = 1000
    idle_s: float = 900.0

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with the values."""
        found = _port_faults(self.port)
        if self.max_connections < 1:
            found.append(("max_connections", f"is {self.max_connections}; use at least 1"))
        if not self.idle_s > 0:
            found.append(("idle_s", f"is {self.idle_s}; use seconds above 0"))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSource(Source):
    """Files that appear in a folder, each one delivery, in order of their names.

    Parameters
    ----------
    path : str
        The folder, or a single file.
    pattern : str
        Which files, as a shell would match.
    poll_s : float
        How often to look.
    settle_s : float
        A file that has not changed for so long is complete.
    """

    kind: ClassVar[str] = "folder"
    path: str
    pattern: str = "*"
    poll_s: float = 5.0
    settle_s: float = 2.0

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with the values."""
        found = [] if self.path else [("path", "is empty")]
        if not self.poll_s > 0:
            found.append(("poll_s", f"is {self.poll_s}; use seconds above 0"))
        if self.settle_s < 0:
            found.append(("settle_s", f"is {self.settle_s}; use 0 or more seconds"))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSource(Source):
    """Asked for by HTTP again and again.

    Parameters
    ----------
    url : str
        What to get; ``{since}`` stands for the instant of the last good answer (ISO 8601, UTC).
    every_s : float
        Seconds between two requests.
    timeout_s : float
        Longest wait for an answer.
    headers : mapping of str to str
        Sent with every request.
    token_env : str
        Environment variable with a bearer token.
    """

    kind: ClassVar[str] = "poll"
    url: str
    every_s: float = 60.0
    timeout_s: float = 20.0
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    token_env: str = ""

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with the values."""
        found = _variable_faults("token_env", self.token_env)
        if not self.url.startswith(("http://", "https://")):
            found.append(("url", f"is {self.url!r}; it must begin with http:// or https://"))
        found += [
            (key, f"is {value}; use seconds above 0")
            for key, value in (("every_s", self.every_s), ("timeout_s", self.timeout_s))
            if not value > 0
        ]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorThingsSource(Source):
    """Observations created through our own OGC SensorThings service.

    Parameters
    ----------
    root : str
        Path of the service on the web server.
    mqtt : bool
        Whether the service speaks MQTT 5 too, at the broker that the other keys name: Observations may be created
        there, and what is created or changed is published.
    base : str
        Address of the HTTP service as clients know it, for the links in messages.
    inbox : str
        Begin of the topics under which clients create, before ``v1.1/``; empty as the standard has it. Where it is
        set, who subscribes to ``v1.1/…/Observations`` hears entities only, not also what other clients sent.
    selects : tuple of str
        Addresses with ``?$select=…`` that are published besides; ``(+)`` stands for any id.
    host, port, qos, client_id, username, password_env, tls, ca_file, keepalive_s
        As in :class:`MqttSource`.
    """

    kind: ClassVar[str] = "sensorthings"
    root: str = "/sensorthings/v1.1"
    mqtt: bool = False
    base: str = "http://localhost:8000/sensorthings/v1.1"
    inbox: str = ""
    selects: tuple[str, ...] = ()
    host: str = ""
    port: int = 1883
    qos: int = 1
    client_id: str = ""
    username: str = ""
    password_env: str = ""
    tls: bool = False
    ca_file: str = ""
    keepalive_s: int = 60

    @property
    def broker(self) -> MqttSource:
        """Where Observations are created by MQTT, and with which topic filters."""
        filters = ("v1.1/Observations", "v1.1/+/Observations")
        shared = {key: getattr(self, key) for key in _OF_BROKER}
        return MqttSource(topics=tuple(self.inbox + topic for topic in filters), version="5", **shared)

    def faults(self) -> list[tuple[str, str]]:
        """What is wrong with the values."""
        found = [] if self.root.startswith("/") else [("root", f"is {self.root!r}; it must begin with /")]
        wrong = [one for one in self.selects if not _SELECT.fullmatch(one)]
        found += [("selects", f"has {one!r}; write e.g. Observations?$select=result") for one in wrong]
        if any(sign in self.inbox for sign in "+#\0"):
            found.append(("inbox", f"is {self.inbox!r}; it is the begin of a topic, without + and #"))
        return found + (self.broker.faults() if self.mqtt else [])


_SELECT = re.compile(r"[A-Za-z]+(?:\((?:\+|[^()+#]+)\)(?:/Observations)?)?\?\$select=[A-Za-z.@]+(?:,[A-Za-z.@]+)*")
_OF_BROKER = ("host", "port", "qos", "client_id", "username", "password_env", "tls", "ca_file", "keepalive_s")


SOURCES: Mapping[str, type[Source]] = MappingProxyType(
    {cls.kind: cls for cls in (HttpSource, MqttSource, TcpSource, FolderSource, PollSource, SensorThingsSource)}
)
"""Every kind of source by its name in the configuration."""


def source_from_dict(section: Any, *, where: str) -> Source:
    """Make a source of a ``[feed.source]`` table.

    Raises
    ------
    InvalidConfig
        If the kind is unknown, or a key is unknown, missing or out of range; all faults of values at once.
    """
    where = f"{where} [feed.source]"
    if not isinstance(section, Mapping):
        raise InvalidConfig("must be a table", where=where, mend=_MEND)
    kind = section.get("kind", "http")
    cls = SOURCES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise InvalidConfig(f"unknown kind {kind!r}", where=where, mend=f"Use one of: {', '.join(SOURCES)}")
    values = {key: value for key, value in section.items() if key != "kind"}
    legal = [field.name for field in fields(cls)]
    for key in values:
        if key not in legal:
            raise InvalidConfig(
                f"unknown key {key!r} for kind {kind!r}", where=where, mend=f"Use: {', '.join(['kind', *legal])}"
            )
    try:
        source: Source = msgspec.convert(values, cls)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend=_MEND) from error
    if faults := source.faults():
        raise InvalidConfig("; ".join(f"{key} {what}" for key, what in faults), where=where, mend=_MEND)
    return source


def _port_faults(port: int) -> list[tuple[str, str]]:
    return [] if 1 <= port <= 65535 else [("port", f"is {port}; use 1 to 65535")]


def _variable_faults(key: str, name: str) -> list[tuple[str, str]]:
    if not name or _VARIABLE.fullmatch(name):
        return []
    return [(key, "must be the name of an environment variable, not the secret itself")]


def _topic_fault(topic: str) -> str:
    """What MQTT 5 section 4.7.1 forbids of a topic filter."""
    levels = topic.split("/")
    if not topic:
        return "has an empty filter"
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return f"filter {topic!r}: # stands alone as the last level"
    if any("+" in level and level != "+" for level in levels):
        return f"filter {topic!r}: + stands alone in its level"
    return f"filter {topic!r} has a null character" if "\0" in topic else ""
