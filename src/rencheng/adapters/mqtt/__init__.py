"""MQTT 3.1.1 and 5 as a subscriber that acknowledges when it is told to."""

from rencheng.adapters.mqtt.line import MqttLine, message_mark
from rencheng.adapters.mqtt.packets import Control, PacketKind, PacketReader, Publish, user_properties

__all__ = ["Control", "MqttLine", "PacketKind", "PacketReader", "Publish", "message_mark", "user_properties"]
