"""Frames of SL 651-2014 水文监测数据通信规约 in both codings: hexadecimal (7E7E) and ASCII (01)."""

from __future__ import annotations

from dataclasses import dataclass

from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.regulator.checksum import crc16_modbus
from rencheng.sense.batch import RefusalReason

__all__ = [
    "ACK",
    "ENQ",
    "EOT",
    "ESC",
    "ETB",
    "ETX",
    "LARGEST_FRAME",
    "NAK",
    "DamagedFrame",
    "Sl651Frame",
    "next_frame",
    "sl651_frame_bytes",
]

STX, ETX, EOT, ENQ, ACK, NAK, SYN, ETB, ESC = 0x02, 0x03, 0x04, 0x05, 0x06, 0x15, 0x16, 0x17, 0x1B
"""Control characters, section 6.2.2. ESC keeps the line open, EOT ends the transmission."""
_ENDS_UP = {ETX, ETB}
_ENDS_DOWN = {ENQ, ACK, NAK, EOT, ESC, ETX}
LARGEST_FRAME = 2 * (0xFFF + 32)
"""Bytes of the largest frame there can be: twelve bits of length, in ASCII two characters a byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sl651Frame:
    """A frame.

    Parameters
    ----------
    is_ascii : bool
        Coding; the reply uses the same.
    upward : bool
        From the station to the centre.
    centre : int
        Address of the centre, 1 to 255.
    station : str
        Address of the station, ten hexadecimal digits.
    password : str
        Four hexadecimal digits.
    function : int
        Function code, e.g. 0x34 for the hourly report.
    total, number : int
        Packets of the message and number of this one; 1 and 1 for a single packet.
    body : bytes
        The text between the control characters, without the packet numbers.
    end : int
        Control character at its end.
    """

    is_ascii: bool = False
    upward: bool = True
    centre: int
    station: str
    password: str
    function: int
    total: int = 1
    number: int = 1
    body: bytes
    end: int = ETX


class DamagedFrame(Refusal):
    """A frame whose checksum is wrong.

    Parameters
    ----------
    reason, detail : str
        As of every refusal.
    frame : Sl651Frame
        What stands in it, none of it to be believed; enough to ask for it again.
    """

    def __init__(self, reason: str, detail: str, frame: Sl651Frame) -> None:
        super().__init__(reason, detail)
        self.frame = frame


def sl651_frame_bytes(frame: Sl651Frame) -> bytes:
    """Write a frame with its checksum."""
    packets = b"" if frame.total == 1 else (frame.total << 12 | frame.number).to_bytes(3, "big")
    address = bytes([frame.centre]), bytes.fromhex(frame.station)
    head = b"".join(address if frame.upward else reversed(address)) + bytes.fromhex(frame.password)
    head += bytes([frame.function])
    if frame.is_ascii:
        numbers = packets.hex().upper().encode()
        length = len(numbers) + len(frame.body) | (0 if frame.upward else 0x8000)
        text = b"\x01" + (head + length.to_bytes(2, "big")).hex().upper().encode()
        text += bytes([SYN if packets else STX]) + numbers + frame.body + bytes([frame.end])
        return text + f"{crc16_modbus(text):04X}".encode()
    length = len(packets) + len(frame.body) | (0 if frame.upward else 0x8000)
    text = b"\x7e\x7e" + head + length.to_bytes(2, "big")
    text += bytes([SYN if packets else STX]) + packets + frame.body + bytes([frame.end])
    return text + crc16_modbus(text).to_bytes(2, "big")


def next_frame(data: bytes, at: int) -> tuple[Sl651Frame | Refusal | None, int]:
    """Look for a frame in a stream of bytes.

    Parameters
    ----------
    data : bytes
        What has come so far.
    at : int
        Where to begin.

    Returns
    -------
    frame : Sl651Frame or Refusal or None
        A frame; what was wrong with one that has the shape but not the checksum; None if more bytes are needed.
    behind : int
        Where to go on; what stands before it is done with.
    """
    while at < len(data):
        is_hex = data.startswith(b"\x7e\x7e", at)
        if not is_hex and data[at] != 0x01:
            if data[at] == 0x7E and at + 1 == len(data):
                return None, at
            found = [place for place in (data.find(b"\x7e", at + 1), data.find(b"\x01", at + 1)) if place >= 0]
            at = min(found, default=len(data))
            continue
        frame, behind = _hex_frame(data, at) if is_hex else _ascii_frame(data, at)
        if frame is not None:
            return frame, behind
        if behind > len(data):
            return None, at
        at += 1
    return None, at


def _hex_frame(data: bytes, at: int) -> tuple[Sl651Frame | Refusal | None, int]:
    """The frame that begins here; None with a place beyond the bytes if more are needed, else it is none."""
    if len(data) < at + 14:
        return None, len(data) + 1
    direction, length = data[at + 11] >> 4, int.from_bytes(data[at + 11 : at + 13], "big") & 0xFFF
    start = data[at + 13]
    if direction not in {0, 8} or start not in {STX, SYN}:
        return None, at
    for extra in (0, 3) if start == SYN else (0,):  # some stations do not count the packet numbers
        end = at + 14 + length + extra
        if len(data) < end + 3:
            return None, len(data) + 1
        if data[end] in (_ENDS_UP if direction == 0 else _ENDS_DOWN):
            told = int.from_bytes(data[end + 1 : end + 3], "big")
            text, body = data[at + 2 : at + 11], data[at + 14 : end]
            return _checked(data[at : end + 1], told, text, direction, start, body, data[end]), end + 3
    return None, at


def _ascii_frame(data: bytes, at: int) -> tuple[Sl651Frame | Refusal | None, int]:
    if len(data) < at + 24:
        return None, len(data) + 1
    try:
        head = bytes.fromhex(data[at + 1 : at + 23].decode("ascii"))
    except ValueError:
        return None, at
    start = data[at + 23]
    if len(head) != 11 or start not in {STX, SYN}:
        return None, at
    direction, length = head[9] >> 4, int.from_bytes(head[9:11], "big") & 0xFFF
    if direction not in {0, 8}:
        return None, at
    end = at + 24 + length
    if len(data) < end + 5:
        return None, len(data) + 1
    if data[end] not in (_ENDS_UP if direction == 0 else _ENDS_DOWN):
        return None, at
    try:
        told = int(data[end + 1 : end + 5].decode("ascii"), 16)
        body = data[at + 24 : end]
        numbers = bytes.fromhex(body[:6].decode("ascii")) if start == SYN else b""
    except ValueError:
        return None, at
    body = numbers + body[6:] if start == SYN else body
    frame = _checked(data[at : end + 1], told, head[:9], direction, start, body, data[end], is_ascii=True)
    return frame, end + 5


def _checked(
    covered: bytes, told: int, head: bytes, direction: int, start: int, body: bytes, end: int, *, is_ascii: bool = False
) -> Sl651Frame | Refusal:
    address = head[:6]
    station = (address[1:] if direction == 0 else address[:5]).hex().upper()
    total = number = 1
    if start == SYN:
        packets, body = int.from_bytes(body[:3], "big"), body[3:]
        total, number = packets >> 12, packets & 0xFFF
    frame = Sl651Frame(
        is_ascii=is_ascii,
        upward=direction == 0,
        centre=address[0] if direction == 0 else address[5],
        station=station,
        password=head[6:8].hex().upper(),
        function=head[8],
        total=total,
        number=number,
        body=body,
        end=end,
    )
    counted = crc16_modbus(covered)
    if counted != told:
        detail = f"station {station}: the checksum is {told:04X}, the bytes give {counted:04X}"
        return DamagedFrame(RefusalReason.BAD_CHECKSUM, detail, frame)
    if not 1 <= number <= total:
        return Refusal(RefusalReason.BAD_ROW, f"station {station}: packet {number} of {total}")
    return frame
