"""What a line to a station gives at each step: readings to store, and what to send once they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field

from rencheng.sense.batch import Decoded

__all__ = ["Exchange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One step of a conversation with a station.

    Parameters
    ----------
    decoded : Decoded
        Readings and refusals of the frames that were complete; may be empty.
    frames : int
        Frames that were complete.
    replies : bytes
        Acknowledgements, to be sent after the batch is committed and not before.
    requests : bytes
        Queries for periods that are missing, to be sent after the replies.
    devices : tuple of str
        Stations that spoke, in order.
    close : bool
        The line carries nothing sensible: close it.
    """

    decoded: Decoded
    frames: int = 0
    replies: bytes = b""
    requests: bytes = b""
    devices: tuple[str, ...] = field(default=())
    close: bool = False
