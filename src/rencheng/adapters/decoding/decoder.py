"""One decoder per feed: bytes and their circumstances in, one batch out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rencheng.adapters.bulk.body import opened_body
from rencheng.adapters.decoding.harvest import Harvest
from rencheng.adapters.decoding.refusal import Refusal
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import Decoded, Delivery, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["Decoder", "MessageDecoder", "opened_or_refused", "told_of"]


class Decoder(Protocol):
    """What reads the deliveries of one feed."""

    @property
    def config(self) -> FeedConfig:
        """The feed."""
        ...

    def decode(self, body: bytes, delivery: Delivery) -> Decoded:
        """Decode one delivery."""
        ...

    def decode_many(self, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
        """Decode deliveries that are stored together, in their order, as one batch."""
        ...

    def gather_all(self, harvest: Harvest, parts: Sequence[tuple[bytes, Delivery]]) -> None:
        """Add the readings and refusals of deliveries to a harvest."""
        ...


class MessageDecoder:
    """The frame of all decoders of messages: size and compression first, refusals instead of errors.

    A message never raises: what cannot be taken of it is kept aside with the reason, because a message that is
    refused to a broker comes back for ever.

    Parameters
    ----------
    config : FeedConfig
        The feed.
    """

    def __init__(self, config: FeedConfig) -> None:
        self.config = config

    def gather(self, harvest: Harvest, body: bytes, delivery: Delivery) -> None:
        """Add the readings of one opened message to the harvest; the subclasses say how.

        Raises
        ------
        Refusal
            If nothing more of the message can be taken.
        """
        raise NotImplementedError

    def decode(self, body: bytes, delivery: Delivery) -> Decoded:
        """Decode one message."""
        return self.decode_many([(body, delivery)])

    def decode_many(self, parts: Sequence[tuple[bytes, Delivery]]) -> Decoded:
        """Decode messages in their order into one batch."""
        harvest = Harvest(self.config.limits)
        self.gather_all(harvest, parts)
        return harvest.decoded()

    def gather_all(self, harvest: Harvest, parts: Sequence[tuple[bytes, Delivery]]) -> None:
        """Add the readings and refusals of messages to a harvest."""
        for body, delivery in parts:
            rows = harvest.rows
            harvest.begin(body, delivery)
            try:
                self.gather(harvest, opened_or_refused(self.config, body), delivery)
            except Refusal as refusal:
                harvest.rows = max(harvest.rows, rows + 1)
                harvest.refuse(body, refusal.reason, told_of(refusal, delivery))


def opened_or_refused(config: FeedConfig, body: bytes) -> bytes:
    """Give a body within its size, unfolded if it is compressed.

    Raises
    ------
    Refusal
        ``too_large`` or ``bad_row``.
    """
    if len(body) <= config.max_body_bytes and body[:2] != b"\x1f\x8b" and config.compression != "gzip":
        return body
    try:
        return opened_body(config, body)
    except InvalidReading as error:
        too_large = len(body) > config.max_body_bytes or "bytes or more" in error.what
        raise Refusal(RefusalReason.TOO_LARGE if too_large else RefusalReason.BAD_ROW, error.what) from error


def told_of(refusal: Refusal, delivery: Delivery) -> str:
    """The detail of a refusal with the device or topic it came from."""
    who = [f"device {delivery.device}"] if delivery.device else []
    who += [f"topic {delivery.topic}"] if delivery.topic else []
    return f"{', '.join(who)}: {refusal.detail}" if who else refusal.detail
