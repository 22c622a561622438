"""Packets of HJ 212-2017 污染物在线监控(监测)系统数据传输标准: framing, fields, and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.regulator.checksum import crc16_hj212
from rencheng.sense.batch import RefusalReason

__all__ = ["LARGEST_PACKET", "Hj212Packet", "hj212_packet_bytes", "next_packet"]

LARGEST_PACKET = 2 + 4 + 9999 + 4 + 2
"""Four decimal digits of length; the standard stops at 1024, stations do not."""

_HEAD = re.compile(rb"##(\d{4})")
_PARTIAL = re.compile(rb"#(?:#\d{0,3})?\Z")
_VERSION_2017 = 0b000001_00
"""Flag bits V5…V0 = 1, section 6.3.3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hj212Packet:
    """The data segment of a packet.

    Parameters
    ----------
    qn : str
        Number of the request, a time to the millisecond.
    st : str
        Code of the system, e.g. 22 for air quality.
    cn : str
        Code of the command: 2011 data in real time, 2051 by minutes, 2061 by hours, 2031 by days.
    pw, mn : str
        Password and identity of the device.
    flag : int
        Bit 0: an answer is wanted; bit 1: packet numbers follow; above: version.
    pnum, pno : int
        Packets of the message, and number of this one.
    cp : tuple of mapping of str to str
        Groups of the data area, separated by semicolons; fields by commas.
    """

    qn: str = ""
    st: str = ""
    cn: str
    pw: str = ""
    mn: str = ""
    flag: int = _VERSION_2017
    pnum: int = 1
    pno: int = 1
    cp: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def answer_wanted(self) -> bool:
        """Whether the device waits for an answer."""
        return bool(self.flag & 1)


def hj212_packet_bytes(packet: Hj212Packet) -> bytes:
    """Write a packet with length and checksum."""
    fields = [f"{key}={value}" for key, value in (("QN", packet.qn), ("ST", packet.st), ("CN", packet.cn)) if value]
    fields += [f"{key}={value}" for key, value in (("PW", packet.pw), ("MN", packet.mn)) if value]
    fields.append(f"Flag={packet.flag}")
    if packet.flag & 2:
        fields += [f"PNUM={packet.pnum}", f"PNO={packet.pno}"]
    area = ";".join(",".join(f"{key}={value}" for key, value in group.items()) for group in packet.cp)
    segment = f"{';'.join(fields)};CP=&&{area}&&".encode("gb18030")
    return b"##%04d%b%04X\r\n" % (len(segment), segment, crc16_hj212(segment))


def next_packet(data: bytes, at: int) -> tuple[Hj212Packet | Refusal | None, int]:
    """Look for a packet in a stream of bytes.

    Returns
    -------
    packet : Hj212Packet or Refusal or None
        A packet; what is wrong with one that has the shape; None if more bytes are needed.
    behind : int
        Where to go on; what stands before it is done with.
    """
    while (match := _HEAD.search(data, at)) is not None:
        end = match.end() + int(match[1])
        if len(data) < end + 4:
            return None, match.start()
        digits = data[end : end + 4]
        if re.fullmatch(rb"[0-9A-Fa-f]{4}", digits) is None:
            at = match.start() + 1
            continue
        behind = end + 6 if data.startswith(b"\r\n", end + 4) else end + 4
        segment = data[match.end() : end]
        counted, told = crc16_hj212(segment), int(digits, 16)
        if counted != told:
            who = re.search(rb"MN=([\w-]{1,40})", segment)
            said = f"device {who[1].decode()}: " if who else ""
            what = f"{said}the checksum is {told:04X}, the bytes give {counted:04X}"
            return Refusal(RefusalReason.BAD_CHECKSUM, what), behind
        return _segment(segment), behind
    partial = _PARTIAL.search(data, max(at, len(data) - 5))
    return None, partial.start() if partial else len(data)


def _segment(segment: bytes) -> Hj212Packet | Refusal:
    try:
        text = segment.decode("gb18030")
    except UnicodeDecodeError:
        return Refusal(RefusalReason.BAD_ENCODING, "the data segment is not GB 18030")
    head, mark, area = text.partition("CP=&&")
    fields = dict(part.partition("=")[::2] for part in head.split(";") if part)
    if not mark or not fields.get("CN", "").isdigit():
        return Refusal(RefusalReason.BAD_ROW, "the data segment has no command (CN) or no data area (CP)")
    numbers: dict[str, int] = {}
    for key, default in (("Flag", 0), ("PNUM", 1), ("PNO", 1)):
        said = fields.get(key) or str(default)
        if not (said.isascii() and said.isdigit() and len(said) <= 4):
            return Refusal(RefusalReason.BAD_ROW, f"field {key}: {said[:20]!r} is no number")
        numbers[key] = int(said)
    groups = [
        MappingProxyType(dict(entry.partition("=")[::2] for entry in group.split(",") if "=" in entry))
        for group in area.removesuffix("&&").split(";")
    ]
    return Hj212Packet(
        qn=fields.get("QN", ""),
        st=fields.get("ST", ""),
        cn=fields["CN"],
        pw=fields.get("PW", ""),
        mn=fields.get("MN", ""),
        flag=numbers["Flag"],
        pnum=numbers["PNUM"],
        pno=numbers["PNO"],
        cp=tuple(group for group in groups if group),
    )
