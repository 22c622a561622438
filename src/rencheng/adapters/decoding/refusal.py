"""Why a value or a message is not taken, thrown where it is found and kept aside where the message is known."""

from __future__ import annotations

__all__ = ["Refusal"]


class Refusal(Exception):
    """A value, a record or a message that cannot be taken.

    Parameters
    ----------
    reason : str
        One of :class:`rencheng.sense.batch.RefusalReason`.
    detail : str
        Device, field and what is wrong with it.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")
