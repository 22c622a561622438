"""Frames of stations that arrive as a body: a recorded line, a file, a message of a gateway."""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime

from rencheng.adapters.decoding.decoder import MessageDecoder
from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.adapters.regulator.hj212_session import Hj212Session
from rencheng.adapters.regulator.sl651_session import Sl651Session
from rencheng.sense.batch import Decoded, Delivery, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["RegulatorDecoder", "decode", "session_of"]


def session_of(
    config: FeedConfig, last_heard: MutableMapping[str, datetime] | None = None
) -> Sl651Session | Hj212Session:
    """Make the session of a line, by the feed's format; ``last_heard`` is shared by the lines of a feed."""
    return Sl651Session(config, last_heard) if config.format == "sl651" else Hj212Session(config, last_heard)


class RegulatorDecoder(MessageDecoder):
    """Decodes bodies of whole frames; each body is a line of its own, and nobody is answered.

    Parameters
    ----------
    config : FeedConfig
        A feed of the format ``sl651`` or ``hj212``.
    """

    def gather(self, harvest: Harvest, body: bytes, delivery: Delivery) -> None:
        """Add the readings of a body."""
        exchange = session_of(self.config).feed(body, delivery.arrived_at, harvest)
        if not exchange.frames:
            raise Refusal(RefusalReason.BAD_ROW, "there is no frame")


def decode(config: FeedConfig, body: bytes, delivery: Delivery) -> Decoded:
    """Decode one body of frames."""
    return RegulatorDecoder(config).decode(body, delivery)
