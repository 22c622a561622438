"""What the house needs of a ledger store; the memory and SQLite adapters give it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rencheng.kernel import Draft
from rencheng.ledger.entry import Entry
from rencheng.ledger.stored import StoredEntry

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
            What to record. A draft whose id is already recorded is skipped, so redelivery is harmless (also with the
            ``expected`` of the first delivery).
        now : datetime
            ``recorded_at`` of every entry (aware).
        expected : mapping, optional
            Stream → version it must still have (0 for a new stream).

        Returns
        -------
        list of Entry
            The entries newly recorded, their bodies as they will be read back.

        Raises
        ------
        Conflict
            A stream moved on since it was read.
        InvalidInput
            ``now`` is naive, or a body could not be read back.
        StorageFailed
            The store refused; nothing of this call was recorded.
        """
        ...

    def since(self, seq: int = 0, *, limit: int | None = None, kinds: Collection[str] | None = None) -> Iterator[Entry]:
        """Entries after a position, in order, up to the last one there was when reading began.

        A follower that keeps the last ``seq`` it saw and asks again misses none and sees none twice, whoever writes
        meanwhile. Entries are read in pieces, so a ledger of any length can be folded.

        Parameters
        ----------
        seq : int
            Position after which to read; 0 for all.
        limit : int, optional
            At most so many entries.
        kinds : collection of str, optional
            Only facts of these registered names.
        """
        ...

    def stream(self, name: str) -> list[Entry]:
        """Entries of one stream in order."""
        ...

    def stored(self, seq: int = 0) -> Iterator[StoredEntry]:
        """Rows after a position exactly as stored, for verification and export."""
        ...

    def storage_defects(self) -> list[str]:
        """What the store itself knows to be damaged (pages, indexes); empty when sound."""
        ...

    @property
    def head(self) -> int:
        """Position of the last entry, 0 when empty."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
