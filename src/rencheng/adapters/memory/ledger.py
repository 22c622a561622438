"""A ledger in memory."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Self

from rencheng.kernel import Draft
from rencheng.ledger import Entry, StoredEntry
from rencheng.ledger.recording import rows_to_record
from rencheng.ledger.stored import entries_from_stored

__all__ = ["MemoryLedger"]


class MemoryLedger:
    """A :class:`rencheng.ledger.Ledger` that forgets when the process ends; many threads may share one.

    Rows are kept in the same form as on disk and bodies are read back from it, so what works here works there.
    """

    def __init__(self) -> None:
        self._rows: list[StoredEntry] = []
        self._ids: set[str] = set()
        self._streams: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    def append(
        self, drafts: Sequence[Draft], *, now: datetime, expected: Mapping[str, int] | None = None
    ) -> list[Entry]:
        """Record all drafts or none; see :meth:`rencheng.ledger.Ledger.append`."""
        with self._lock:
            named = [*(d.stream for d in drafts), *(expected or {})]
            rows = rows_to_record(
                drafts,
                recorded_ids=self._ids,
                versions={s: len(self._streams.get(s, ())) for s in named},
                head=len(self._rows),
                now=now,
                expected=expected,
            )
            entries = list(entries_from_stored(rows))
            self._rows.extend(rows)
            for row in rows:
                self._ids.add(row.id)
                self._streams.setdefault(row.stream, []).append(row.seq)
        return entries

    def since(self, seq: int = 0, *, limit: int | None = None, kinds: Collection[str] | None = None) -> Iterator[Entry]:
        """Entries after a position in order; see :meth:`rencheng.ledger.Ledger.since`."""
        rows: Iterator[StoredEntry] = self.stored(seq)
        if kinds is not None:
            wanted = frozenset(kinds)
            rows = (row for row in rows if row.kind in wanted)
        return entries_from_stored(islice(rows, limit))

    def stream(self, name: str) -> list[Entry]:
        """Entries of one stream in order."""
        return list(entries_from_stored(self._rows[seq - 1] for seq in tuple(self._streams.get(name, ()))))

    def stored(self, seq: int = 0) -> Iterator[StoredEntry]:
        """Rows after a position exactly as stored."""
        return (self._rows[at] for at in range(seq, len(self._rows)))

    def storage_defects(self) -> list[str]:
        """Nothing: memory has no pages that could tear."""
        return []

    @property
    def head(self) -> int:
        """Position of the last entry, 0 when empty."""
        return len(self._rows)

    def close(self) -> None:
        """Keep all; there is nothing to release."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
