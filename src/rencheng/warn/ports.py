"""What warning needs from outside: channels that carry notices to people and systems."""

from __future__ import annotations

from typing import Protocol

from rencheng.warn.facts import Notice

__all__ = ["Channel"]


class Channel(Protocol):
    """A way out: a folder, a feed, a message gateway.

    The outbox delivers *at least once*: a sender that died after sending but before recording will send again under
    the same ``message_id``. A channel makes the effect happen once by using ``message_id`` as its idempotency key
    (a file name, a gateway's client reference).
    """

    def send(self, message_id: str, notice: Notice) -> str:
        """Hand a notice over and give the receipt.

        Raises
        ------
        StorageFailed
            The channel cannot take it now; it is tried again later.
        """
        ...
