"""Frames of Chinese regulators' stations: SL 651-2014 for hydrology, HJ 212-2017 for the environment."""

from rencheng.adapters.regulator.checksum import crc16_hj212, crc16_modbus
from rencheng.adapters.regulator.decode import RegulatorDecoder, decode, session_of
from rencheng.adapters.regulator.exchange import Exchange
from rencheng.adapters.regulator.hj212_packet import Hj212Packet, hj212_packet_bytes, next_packet
from rencheng.adapters.regulator.hj212_session import Hj212Session
from rencheng.adapters.regulator.line import StationLine, stations_remembered
from rencheng.adapters.regulator.sl651_frame import Sl651Frame, next_frame, sl651_frame_bytes
from rencheng.adapters.regulator.sl651_message import ElementValue, Sl651Message, read_message
from rencheng.adapters.regulator.sl651_session import Sl651Session

__all__ = [
    "ElementValue",
    "Exchange",
    "Hj212Packet",
    "Hj212Session",
    "RegulatorDecoder",
    "Sl651Frame",
    "Sl651Message",
    "Sl651Session",
    "StationLine",
    "crc16_hj212",
    "crc16_modbus",
    "decode",
    "hj212_packet_bytes",
    "next_frame",
    "next_packet",
    "read_message",
    "session_of",
    "sl651_frame_bytes",
    "stations_remembered",
]
