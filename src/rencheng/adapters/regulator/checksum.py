"""Checksums of the regulators' frames: both share the polynomial x¹⁶ + x¹⁵ + x² + 1, reflected, and start at FFFF."""

from __future__ import annotations

__all__ = ["crc16_hj212", "crc16_modbus"]


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_TABLE = _table()


def crc16_modbus(data: bytes) -> int:
    """Checksum of SL 651-2014 (section 6.2.3.8), known as CRC-16/MODBUS.

    Examples
    --------
    >>> f"{crc16_modbus(b'123456789'):04X}"
    '4B37'
    """
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value


def crc16_hj212(data: bytes) -> int:
    """Checksum of HJ 212-2017 (appendix A): the register's high byte, not its low one, meets the next byte.

    Examples
    --------
    >>> head = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
    >>> f"{crc16_hj212(head + b'CP=&&RtdInterval=30&&'):04X}"
    '1C80'
    """
    value = 0xFFFF
    for byte in data:
        value = _TABLE[value >> 8 ^ byte]
    return value
