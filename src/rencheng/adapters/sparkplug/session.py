"""What a host remembers of edge nodes: who is born, what aliases mean, which sequence number comes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.sparkplug.payload import Metric, Payload, payload_bytes
from rencheng.sense.batch import RefusalReason

__all__ = ["EdgeNode", "NodeEvent", "RebirthRequest", "SparkplugState", "SparkplugTopic", "read_topic"]

NAMESPACE = "spBv1.0"
_NODE_KINDS = ("NBIRTH", "NDEATH", "NDATA", "NCMD")
_DEVICE_KINDS = ("DBIRTH", "DDEATH", "DDATA", "DCMD")
_MOST_NODES = 20_000
_MOST_ALIASES = 100_000
_MOST_DEVICES = 10_000
_MOST_EVENTS = 10_000
_AGAIN_MS = 30_000
"""A node is asked for its rebirth at most so often."""


class SparkplugTopic(NamedTuple):
    """Levels of a topic, section 4.1: ``spBv1.0/group/KIND/node[/device]``."""

    group: str
    kind: str
    node: str
    device: str


def read_topic(topic: str) -> SparkplugTopic | None:
    """Read a topic; None for the topics of host applications' states, which carry no metrics.

    Raises
    ------
    Refusal
        If it is no topic of Sparkplug B.
    """
    levels = topic.split("/")
    if levels[:2] == [NAMESPACE, "STATE"]:
        return None
    is_node = len(levels) == 4 and levels[2] in _NODE_KINDS
    is_device = len(levels) == 5 and levels[2] in _DEVICE_KINDS
    if levels[0] != NAMESPACE or not (is_node or is_device) or not all(levels):
        raise Refusal(RefusalReason.BAD_ROW, f"{topic[:200]!r} is no Sparkplug B topic")
    return SparkplugTopic(levels[1], levels[2], levels[3], levels[4] if is_device else "")


class Definition(NamedTuple):
    """What a birth says of a metric."""

    device: str
    name: str
    datatype: int
    unit: str


@dataclass(slots=True, kw_only=True)
class EdgeNode:
    """One edge node.

    Parameters
    ----------
    born : bool
        Its birth was seen and no death since.
    stale : bool
        A message is missing: nothing that depends on the birth is believed until the next one.
    bd_seq : int or None
        Number of the session, which its death must name.
    seq : int or None
        Sequence number of the last message.
    aliases : dict
        Alias → definition, of the node and all its devices (section 6.4.6: unique within the node).
    names : dict
        (device, name) → definition.
    devices : dict of str to bool
        Device → whether it is born.
    asked_ms : int or None
        When its rebirth was last asked for.
    """

    born: bool = False
    stale: bool = False
    bd_seq: int | None = None
    seq: int | None = None
    aliases: dict[int, Definition] = field(default_factory=dict)
    names: dict[tuple[str, str], Definition] = field(default_factory=dict)
    devices: dict[str, bool] = field(default_factory=dict)
    asked_ms: int | None = None


class NodeEvent(NamedTuple):
    """A change of a node or device: ``born``, ``dead`` or ``stale``."""

    kind: str
    group: str
    node: str
    device: str
    at_ms: int


class RebirthRequest(NamedTuple):
    """A command to publish: topic and payload of an NCMD ``Node Control/Rebirth`` (section 6.4.8)."""

    topic: str
    payload: bytes


@dataclass(slots=True, kw_only=True)
class SparkplugState:
    """All edge nodes of a feed, what is to be asked of them, and what became of them."""

    nodes: dict[tuple[str, str], EdgeNode] = field(default_factory=dict)
    requests: list[RebirthRequest] = field(default_factory=list)
    events: list[NodeEvent] = field(default_factory=list)

    def node(self, topic: SparkplugTopic) -> EdgeNode:
        """The node of a topic, made where it is new.

        Raises
        ------
        Refusal
            ``too_large`` if there are too many.
        """
        key = (topic.group, topic.node)
        found = self.nodes.get(key)
        if found is None:
            if len(self.nodes) >= _MOST_NODES:
                raise Refusal(RefusalReason.TOO_LARGE, f"more than {_MOST_NODES} edge nodes")
            found = self.nodes[key] = EdgeNode()
        return found

    def tell(self, kind: str, topic: SparkplugTopic, device: str, at_ms: int) -> None:
        """Note a change, to be asked for later; the oldest is forgotten where nobody asks."""
        if len(self.events) >= _MOST_EVENTS:
            del self.events[0]
        self.events.append(NodeEvent(kind, topic.group, topic.node, device, at_ms))

    def ask_rebirth(self, topic: SparkplugTopic, now_ms: int) -> None:
        """Ask for a rebirth, unless that was done a moment ago."""
        node = self.nodes[topic.group, topic.node]
        if node.asked_ms is not None and 0 <= now_ms - node.asked_ms < _AGAIN_MS:
            return
        node.asked_ms = now_ms
        command = Metric(name="Node Control/Rebirth", at_ms=now_ms, datatype=11, value=True)
        body = payload_bytes(Payload(at_ms=now_ms, metrics=[command]))
        self.requests.append(RebirthRequest(f"{NAMESPACE}/{topic.group}/NCMD/{topic.node}", body))

    def take_requests(self) -> list[RebirthRequest]:
        """Hand out what is to be published, once."""
        taken, self.requests = self.requests, []
        return taken

    def take_events(self) -> list[NodeEvent]:
        """Hand out what became of nodes and devices, once."""
        taken, self.events = self.events, []
        return taken

    def follow(self, topic: SparkplugTopic, payload: Payload, now_ms: int) -> EdgeNode:
        """Follow a message: sequence, births, deaths. What it measures is read by the caller afterwards.

        Raises
        ------
        Refusal
            If the message breaks the protocol.
        """
        node = self.node(topic)
        if topic.kind == "NDEATH":
            self._death(node, topic, payload, now_ms)
        elif topic.kind == "NBIRTH":
            self._birth(node, topic, payload, now_ms)
        elif topic.kind not in {"NCMD", "DCMD"}:
            self._sequence(node, topic, payload, now_ms)
            if topic.kind == "DBIRTH" and node.born:
                self._define(node, topic.device, payload)
                node.devices[topic.device] = True
                self.tell("born", topic, topic.device, now_ms)
            elif topic.kind == "DDEATH" and topic.device in node.devices:
                node.devices[topic.device] = False
                self.tell("dead", topic, topic.device, now_ms)
        return node

    def _birth(self, node: EdgeNode, topic: SparkplugTopic, payload: Payload, now_ms: int) -> None:
        if payload.seq is None or not 0 <= payload.seq <= 255:
            raise Refusal(RefusalReason.BAD_ROW, f"field seq: an NBIRTH has one from 0 to 255, this has {payload.seq}")
        node.born, node.stale, node.seq = True, False, payload.seq
        node.bd_seq = _bd_seq(payload)
        node.aliases, node.names, node.devices = {}, {}, {}
        self._define(node, "", payload)
        self.tell("born", topic, "", now_ms)

    def _death(self, node: EdgeNode, topic: SparkplugTopic, payload: Payload, now_ms: int) -> None:
        if node.born and _bd_seq(payload) == node.bd_seq:  # the will of an earlier session comes late
            node.born, node.seq = False, None
            node.devices = dict.fromkeys(node.devices, False)
            self.tell("dead", topic, "", now_ms)

    def _sequence(self, node: EdgeNode, topic: SparkplugTopic, payload: Payload, now_ms: int) -> None:
        if payload.seq is None or not 0 <= payload.seq <= 255:
            raise Refusal(RefusalReason.BAD_ROW, f"field seq: {payload.seq} is not from 0 to 255")
        if node.seq is None or not node.born:
            self.ask_rebirth(topic, now_ms)
            return
        if payload.seq == node.seq:
            return  # delivered again
        if payload.seq != (node.seq + 1) % 256:
            if not node.stale:
                self.tell("stale", topic, "", now_ms)
            node.stale = True
        node.seq = payload.seq
        if node.stale:
            self.ask_rebirth(topic, now_ms)

    def _define(self, node: EdgeNode, device: str, payload: Payload) -> None:
        if device in node.devices:  # what its last birth said does not hold any more
            node.names = {key: of for key, of in node.names.items() if of.device != device}
            node.aliases = {alias: of for alias, of in node.aliases.items() if of.device != device}
        elif len(node.devices) >= _MOST_DEVICES:
            raise Refusal(RefusalReason.TOO_LARGE, f"more than {_MOST_DEVICES} devices in one node")
        if len(node.names) + len(payload.metrics) > _MOST_ALIASES:
            raise Refusal(RefusalReason.TOO_LARGE, f"more than {_MOST_ALIASES} metrics in one node")
        for metric in payload.metrics:
            if not metric.name:
                continue
            definition = Definition(device, metric.name, metric.datatype, metric.unit)
            node.names[device, metric.name] = definition
            if metric.alias is not None:
                node.aliases[metric.alias] = definition


def _bd_seq(payload: Payload) -> int | None:
    found = next((metric.value for metric in payload.metrics if metric.name == "bdSeq"), None)
    return found if isinstance(found, int) else None
