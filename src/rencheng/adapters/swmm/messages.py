"""What the flood side and the SWMM worker say to one another: msgpack in frames of four bytes of length."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

__all__ = [
    "Advance",
    "AskTotals",
    "Broken",
    "Coupled",
    "Done",
    "Finish",
    "Open",
    "Reply",
    "Request",
    "Validate",
    "WorkerTotals",
    "receive",
    "send",
]


class Validate(msgspec.Struct, tag="validate", frozen=True):
    """Open a file as it is, and close it, to see whether SWMM takes it."""

    inp: str
    report: str


class Open(msgspec.Struct, tag="open", frozen=True):
    """Open a file and start it; ``nodes`` are coupled, each with a ponded area in m²."""

    inp: str
    report: str
    nodes: tuple[str, ...]
    ponded_area_m2: tuple[float, ...]
    outfalls: tuple[str, ...]


class Advance(msgspec.Struct, tag="advance", frozen=True):
    """Run for whole seconds with an inflow per coupled node (float64, m³/s)."""

    inflow_m3_s: bytes
    step_s: int


class AskTotals(msgspec.Struct, tag="ask_totals", frozen=True):
    """Give the account so far."""


class Finish(msgspec.Struct, tag="finish", frozen=True):
    """End the simulation, write SWMM's report, say its continuity error, and go."""


class Done(msgspec.Struct, tag="done", frozen=True):
    """Nothing to say but that it worked; after ``Finish`` SWMM's continuity error in percent."""

    continuity_percent: float = 0.0


class Coupled(msgspec.Struct, tag="coupled", frozen=True):
    """Coupled nodes now (float64 each): depth over the invert and full depth, m."""

    depth_m: bytes
    full_depth_m: bytes


class WorkerTotals(msgspec.Struct, tag="totals", frozen=True):
    """Account of the network, m³."""

    external_inflow: float
    other_inflow: float
    outfall: float
    flooded: float
    stored: float


class Broken(msgspec.Struct, tag="broken", frozen=True):
    """SWMM refused; what it said."""

    said: str


Request = Validate | Open | Advance | AskTotals | Finish
Reply = Done | Coupled | WorkerTotals | Broken

_LENGTH = struct.Struct(">I")


def send(stream: BinaryIO, message: msgspec.Struct) -> None:
    """Write one message."""
    body = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> bytes | None:
    """Read the body of one message; ``None`` at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = stream.read(_LENGTH.unpack(head)[0])
    return body if len(body) == _LENGTH.unpack(head)[0] else None
