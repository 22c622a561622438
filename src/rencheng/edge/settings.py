"""The file of an edge agent: ``edge.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from rencheng.kernel import Bilingual, InvalidConfig, NotFound

__all__ = [
    "ChannelSettings",
    "CoreSettings",
    "EdgeSettings",
    "FeedSettings",
    "ListenSettings",
    "MqttSettings",
    "OrderSettings",
    "SensorSettings",
    "read_edge_settings",
]

T = TypeVar("T")
_PAGE = "See docs/how-to/run-an-edge-agent.md"
_COLOURS = ("blue", "yellow", "orange", "red")
_FIELDS = ("place", "sensor", "name", "value", "time")
_CHANNELS = ("folder", "webhook", "mqtt")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """A local MQTT broker; keys as in ``[feed.source]`` of kind ``mqtt``."""

    host: str
    topics: tuple[str, ...] = ()
    port: int = 1883
    qos: int = 1
    version: str = "5"
    client_id: str = ""
    username: str = ""
    password_env: str = ""
    tls: bool = False
    ca_file: str = ""
    keepalive_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """The city's core.

    Parameters
    ----------
    url : str
        Root of its API, ``http://`` or ``https://``.
    timeout_s : float
        A core that says nothing for so long is taken for gone.
    retry_s, retry_most_s : float
        First and longest pause after a failure; pauses double.
    parcel_mb : float
        Readings are handed over in parcels up to this size.
    role : str
        Role of the city in whose name records are handed over; empty for the core's default.
    gzip : bool
        Compress parcels on the line.
    """

    url: str
    timeout_s: float = 20.0
    retry_s: float = 1.0
    retry_most_s: float = 60.0
    parcel_mb: float = 2.0
    role: str = ""
    gzip: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where devices hand readings in; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 8701
    most_connections: int = 64
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """A feed: its file, the same as at the core, and where else than by HTTP it comes from."""

    config: str
    folder: str = ""
    pattern: str = "*"
    mqtt: MqttSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSettings:
    """What is known of a sensor: its kind, for rules that ask, and its place in people's words."""

    kind: str = ""
    place: Bilingual = field(default_factory=lambda: Bilingual(zh="", en=""))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """A way to people on the spot.

    Parameters
    ----------
    id : str
        Its name.
    kind : str
        ``folder`` (a file per message), ``webhook`` (POST) or ``mqtt`` (a topic, such as that of sirens).
    path, url, topic : str
        Folder, address or topic, by kind.
    mqtt : MqttSettings, optional
        The broker.
    payloads : dict of str to str
        Message → text sent in place of the JSON document: for a siren that knows only ``ON`` and ``OFF``. Messages are
        the order's action and ``cancel``.
    timeout_s : float
        Longest wait for a webhook or broker.
    """

    id: str
    kind: str
    path: str = ""
    url: str = ""
    topic: str = ""
    mqtt: MqttSettings | None = None
    payloads: dict[str, str] = field(default_factory=dict)
    timeout_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSettings:
    """When an order is given here, without the core.

    Parameters
    ----------
    id : str
        Name of the rule.
    hazards : tuple of str
        Of the alarms that lead to it.
    severity : str
        Least colour of such an alarm.
    action : str
        What is ordered, e.g. ``evacuate``.
    text, cancel_text : Bilingual
        What people are told; ``{place}``, ``{sensor}``, ``{name}``, ``{value}``, ``{time}`` are filled in.
    channels : tuple of str
        Names of channels.
    sensors : tuple of str
        Only alarms of these sensors; empty for all. One order of a rule stands at a time: further alarms join it.
    stands_s : float
        An order lapses so long after its last alarm cleared, unless an officer cancelled it before.
    source : str
        Whose rule it is.
    """

    id: str
    hazards: tuple[str, ...]
    severity: str
    action: str
    text: Bilingual
    channels: tuple[str, ...]
    cancel_text: Bilingual = field(
        default_factory=lambda: Bilingual(zh="警报解除。", en="All clear: the order is cancelled.")
    )
    sensors: tuple[str, ...] = ()
    stands_s: float = 7200.0
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSettings:
    """All an agent is told.

    Parameters
    ----------
    id : str
        Name of the gateway, unique in the city.
    store : Path
        Folder of what is kept.
    max_backlog_mb : float
        Bodies that wait for the core; beyond it new ones are refused, and nothing acknowledged is dropped.
    max_body_mb : float
        Largest body.
    rules : tuple of Path
        Files of detection rules; those that ship where empty.
    clock_ahead_s : float
        Readings stamped further ahead than this move no rule.
    """

    id: str
    store: Path
    core: CoreSettings
    listen: ListenSettings = field(default_factory=ListenSettings)
    max_backlog_mb: float = 4096.0
    max_body_mb: float = 8.0
    rules: tuple[Path, ...] = ()
    clock_ahead_s: float = 300.0
    folder: Path = Path()
    feeds: tuple[FeedSettings, ...] = ()
    sensors: dict[str, SensorSettings] = field(default_factory=dict)
    channels: tuple[ChannelSettings, ...] = ()
    orders: tuple[OrderSettings, ...] = ()


def read_edge_settings(path: Path) -> EdgeSettings:
    """Read the file of an agent; paths in it count from its folder.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If a key is unknown, missing or wrong; names the table, the key and the mend.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no edge configuration {path}", mend=_PAGE) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not TOML: {error}", where=str(path)) from error
    tables = ("edge", "core", "listen", "feeds", "sensors", "channels", "orders")
    _known(data, tables, str(path))
    folder = path.absolute().parent
    edge = dict(_part(data, "edge", {}, dict, path))
    own = ("id", "store", "max_backlog_mb", "max_body_mb", "rules", "clock_ahead_s")
    _known(edge, own, f"{path} [edge]")
    for key in ("id", "store"):
        if not isinstance(edge.get(key), str) or not edge[key]:
            raise InvalidConfig(f"{key} is missing", where=f"{path} [edge]", mend=_PAGE)
    edge["store"] = str(folder / edge["store"])
    edge["rules"] = [str(folder / str(name)) for name in edge.get("rules", [])]
    raw = {
        **edge,
        "folder": str(folder),
        "core": _table(CoreSettings, _part(data, "core", None, dict, path), f"{path} [core]"),
        "listen": _table(ListenSettings, _part(data, "listen", {}, dict, path), f"{path} [listen]"),
        "feeds": _rows(FeedSettings, data, "feeds", path),
        "channels": _rows(ChannelSettings, data, "channels", path),
        "orders": _rows(OrderSettings, data, "orders", path),
        "sensors": {
            name: _table(SensorSettings, row, f"{path} [sensors.{name}]")
            for name, row in _part(data, "sensors", {}, dict, path).items()
        },
    }
    simple = {key: raw[key] for key in ("id", "max_backlog_mb", "max_body_mb", "clock_ahead_s") if key in raw}
    numbers = _table(_Simple, simple, f"{path} [edge]")
    settings = EdgeSettings(
        id=numbers.id,
        store=Path(raw["store"]),
        max_backlog_mb=numbers.max_backlog_mb,
        max_body_mb=numbers.max_body_mb,
        clock_ahead_s=numbers.clock_ahead_s,
        rules=tuple(Path(name) for name in raw["rules"]),
        folder=folder,
        **{key: raw[key] for key in tables[1:]},
    )
    _check(settings, path)
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Simple:
    id: str
    max_backlog_mb: float = 4096.0
    max_body_mb: float = 8.0
    clock_ahead_s: float = 300.0


def _part(data: dict[str, Any], key: str, default: Any, kind: type, path: Path) -> Any:
    value = data.get(key, default)
    if not isinstance(value, kind):
        raise InvalidConfig(f"[{key}] is missing" if value is None else f"[{key}] must be a table", where=str(path))
    return value


def _rows(kind: type[T], data: dict[str, Any], key: str, path: Path) -> tuple[T, ...]:
    rows = _part(data, key, [], list, path)
    return tuple(_table(kind, row, f"{path} [[{key}]] {n}") for n, row in enumerate(rows, 1))


def _table(kind: type[T], row: Any, where: str) -> T:
    if not isinstance(row, dict):
        raise InvalidConfig("must be a table", where=where, mend=_PAGE)
    _known(row, [f.name for f in fields(kind)], where)  # type: ignore[arg-type]  # the kinds above are dataclasses
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=where, mend=_PAGE) from error


def _known(row: dict[str, Any], keys: Iterable[str], where: str) -> None:
    for key in row:
        if key not in keys:
            raise InvalidConfig(f"unknown key {key!r}", where=where, mend=f"Use: {', '.join(keys)}")


def _check(settings: EdgeSettings, path: Path) -> None:
    url = urlsplit(settings.core.url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise InvalidConfig(f"url {settings.core.url!r} is no address", where=f"{path} [core]", mend="http://HOST:PORT")
    if not settings.feeds:
        raise InvalidConfig("there is no [[feeds]]", where=str(path), mend=_PAGE)
    names = [channel.id for channel in settings.channels]
    for channel in settings.channels:
        _check_channel(channel, f"{path} [[channels]] {channel.id!r}")
    for order in settings.orders:
        _check_order(order, names, f"{path} [[orders]] {order.id!r}")
    for kind, ids in (("channels", names), ("orders", [o.id for o in settings.orders])):
        for name in ids:
            if ids.count(name) > 1:
                raise InvalidConfig(f"{name!r} is there more than once", where=f"{path} [[{kind}]]")


def _check_channel(channel: ChannelSettings, where: str) -> None:
    if channel.kind not in _CHANNELS:
        raise InvalidConfig(f"kind {channel.kind!r} is not known", where=where, mend=f"Use: {', '.join(_CHANNELS)}")
    for kind, key in (("folder", "path"), ("webhook", "url"), ("mqtt", "topic"), ("mqtt", "mqtt")):
        if channel.kind == kind and not getattr(channel, key):
            raise InvalidConfig(f"{key} is missing", where=where, mend=_PAGE)
    if channel.kind == "webhook" and urlsplit(channel.url).scheme not in {"http", "https"}:
        raise InvalidConfig(f"url {channel.url!r} is no web address", where=where, mend="http://HOST:PORT/PATH")


def _check_order(order: OrderSettings, channels: list[str], where: str) -> None:
    if order.severity not in _COLOURS:
        mend = f"Use: {', '.join(_COLOURS)}"
        raise InvalidConfig(f"severity {order.severity!r} is not known", where=where, mend=mend)
    if order.action == "cancel":
        raise InvalidConfig("action 'cancel' is what ends an order", where=where, mend="Name what is to be done")
    for text in (order.text, order.cancel_text):
        try:
            text.format(**dict.fromkeys(_FIELDS, ""))
        except (KeyError, IndexError, ValueError) as error:
            mend = f"Use: {', '.join(f'{{{name}}}' for name in _FIELDS)}"
            raise InvalidConfig(f"text: field {error} is not known", where=where, mend=mend) from error
    if not order.channels:
        raise InvalidConfig("channels is empty", where=where, mend="Name a channel: an order must reach somebody")
    for name in order.channels:
        if name not in channels:
            mend = f"Known channels: {', '.join(channels) or 'none'}"
            raise InvalidConfig(f"there is no channel {name!r}", where=where, mend=mend)
