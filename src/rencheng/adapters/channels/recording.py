"""A channel that reaches nobody: it keeps what it was given."""

from __future__ import annotations

from rencheng.warn import Notice

__all__ = ["RecordingChannel"]


class RecordingChannel:
    """Keep every notice by message id, in order; for rehearsals, replays and tests.

    Attributes
    ----------
    sent : dict of str to Notice
        What was sent; a message sent twice stands once.
    """

    def __init__(self) -> None:
        self.sent: dict[str, Notice] = {}

    def send(self, message_id: str, notice: Notice) -> str:
        """Keep the notice and say that it was recorded, not sent."""
        self.sent.setdefault(message_id, notice)
        return f"recorded {message_id}"
