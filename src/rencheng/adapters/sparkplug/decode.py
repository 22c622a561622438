"""Sparkplug B messages as readings: aliases resolved, sequence watched, rebirths asked for."""

from __future__ import annotations

from rencheng.adapters.decoding.decoder import MessageDecoder, told_of
from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.instants import epoch_us
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.decoding.words import Words, number_of, sensor_namer
from rencheng.adapters.sparkplug.payload import Metric, Payload, read_payload
from rencheng.adapters.sparkplug.session import EdgeNode, SparkplugState, SparkplugTopic, read_topic
from rencheng.kernel import QUANTITIES, micros
from rencheng.sense.batch import Decoded, Delivery, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["SparkplugDecoder", "decode"]

_UNITS = {"°C": "degC", "℃": "degC", "C": "degC", "°F": "degF", "m³/s": "m3/s", "%RH": "%", "μg/m³": "ug/m3"}
"""How gateways write units beside our own names for them."""
_WITH_VALUES = ("NBIRTH", "DBIRTH", "NDATA", "DDATA")


class SparkplugDecoder(MessageDecoder):
    """Decodes Sparkplug B messages in the order in which the broker sent them.

    Parameters
    ----------
    config : FeedConfig
        A feed of the format ``sparkplug``.
    state : SparkplugState, optional
        What is remembered of edge nodes; it is changed as messages are decoded.
    """

    def __init__(self, config: FeedConfig, state: SparkplugState | None = None) -> None:
        super().__init__(config)
        self.state = state or SparkplugState()
        self._words = Words(config.columns, _UNITS)
        self._namer = sensor_namer(config.sensor or "{device}")

    def gather(self, harvest: Harvest, body: bytes, delivery: Delivery) -> None:
        """Add the readings of a message."""
        harvest.rows += 1
        topic = read_topic(delivery.topic)
        if topic is None:
            return
        now_ms = micros(delivery.arrived_at) // 1000
        payload = read_payload(body, largest=self.config.max_decoded_bytes)
        node = self.state.follow(topic, payload, now_ms)
        if topic.kind not in _WITH_VALUES:
            return
        for metric in payload.metrics:
            try:
                self._gather_metric(harvest, topic, node, payload, metric, now_ms)
            except Refusal as refusal:
                named = metric.name or f"alias {metric.alias}"
                told = Refusal(refusal.reason, f"field {named[:80]}: {refusal.detail}")
                harvest.refuse(body, told.reason, told_of(told, delivery))

    def _gather_metric(
        self,
        harvest: Harvest,
        topic: SparkplugTopic,
        node: EdgeNode,
        payload: Payload,
        metric: Metric,
        now_ms: int,
    ) -> None:
        if metric.transient or metric.name == "bdSeq" or metric.name.startswith("Node Control/"):
            return
        name, datatype, unit = self._defined(topic, node, metric, now_ms)
        # nodes tell much of themselves; only quantities are readings
        scale = self._words.scale(name, unit) if self.config.columns or name in QUANTITIES else None
        if scale is None:
            harvest.pass_over(name)
            return
        value = number_of(metric.number(datatype), ())
        if value is None:
            return
        at_ms = metric.at_ms if metric.at_ms is not None else payload.at_ms if payload.at_ms is not None else now_ms
        fields = {"device": topic.device or topic.node, "node": topic.node, "group": topic.group}
        sensor = self._namer("", fields)
        harvest.take(sensor, epoch_us(at_ms, 1000), name, value, scale)

    def _defined(self, topic: SparkplugTopic, node: EdgeNode, metric: Metric, now_ms: int) -> tuple[str, int, str]:
        """Name, data type and unit of a metric; one that says both itself needs no birth."""
        born = node.born and (not topic.device or node.devices.get(topic.device, False))
        if not born and topic.kind in {"NDATA", "DDATA", "DBIRTH"}:
            self.state.ask_rebirth(topic, now_ms)
        if metric.name:
            known = node.names.get((topic.device, metric.name)) if born else None
            if known is not None:
                return metric.name, metric.datatype or known.datatype, metric.unit or known.unit
            if metric.datatype:
                return metric.name, metric.datatype, metric.unit
            raise Refusal(RefusalReason.NO_BIRTH, "its data type is in a birth that was not seen")
        if not born:
            raise Refusal(RefusalReason.NO_BIRTH, "its name is in a birth that was not seen")
        definition = None if metric.alias is None else node.aliases.get(metric.alias)
        if definition is None or definition.device != topic.device:
            self.state.ask_rebirth(topic, now_ms)
            raise Refusal(RefusalReason.UNKNOWN_ALIAS, "no birth names this alias")
        if node.stale:
            raise Refusal(RefusalReason.UNKNOWN_ALIAS, "a message is missing: aliases are not believed until a rebirth")
        return definition.name, metric.datatype or definition.datatype, metric.unit or definition.unit


def decode(
    config: FeedConfig, body: bytes, delivery: Delivery, state: SparkplugState
) -> tuple[Decoded, SparkplugState]:
    """Decode one message, with what is remembered of edge nodes; gives the batch and the memory after it."""
    return SparkplugDecoder(config, state).decode(body, delivery), state
