"""Sparkplug B (Eclipse Sparkplug 3.0.0): births, deaths, data by alias, sequence and rebirth, from the host's side."""

from rencheng.adapters.sparkplug.decode import SparkplugDecoder, decode
from rencheng.adapters.sparkplug.payload import Metric, Payload, payload_bytes, read_payload
from rencheng.adapters.sparkplug.session import (
    EdgeNode,
    NodeEvent,
    RebirthRequest,
    SparkplugState,
    SparkplugTopic,
    read_topic,
)

__all__ = [
    "EdgeNode",
    "Metric",
    "NodeEvent",
    "Payload",
    "RebirthRequest",
    "SparkplugDecoder",
    "SparkplugState",
    "SparkplugTopic",
    "decode",
    "payload_bytes",
    "read_payload",
    "read_topic",
]
