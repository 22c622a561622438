"""What the house needs of a ledger store; the memory and SQLite adapters give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rencheng.kernel import Draft
from rencheng.ledger.entry import Entry

__all__ = ["Ledger"]


class Ledger(Protocol):
    """Append-only facts with per-stream optimistic concurrency."""

    def append(
        self, drafts: Sequence[Draft], *, now: datetime, expected: Mapping[str, int] | None = None
    ) -> list[Entry]:
        """Record all drafts in one transaction, in order, or none of them.

        Parameters
        ----------
        drafts : sequence of Draft
            What to record. A draft whose id is already recorded is skipped, so redelivery is harmless.
        now : datetime
            ``recorded_at`` of every entry (aware).
        expected : mapping, optional
            Stream → version it must still have (0 for a new stream).

        Returns
        -------
        list of Entry
            The entries newly recorded.

        Raises
        ------
        Conflict
            A stream moved on since it was read.
        StorageFailed
            The store refused; nothing of this call was recorded.
        """
        ...

    def since(self, seq: int = 0, *, limit: int | None = None) -> Iterator[Entry]:
        """Entries after a position in order; a follower that keeps the last ``seq`` misses none and sees none twice."""
        ...

    def stream(self, name: str) -> list[Entry]:
        """Entries of one stream in order."""
        ...

    @property
    def head(self) -> int:
        """Position of the last entry, 0 when empty."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
