"""The ledger in one SQLite file.

Durability: write-ahead log with ``synchronous=FULL``. ``append`` returns after the log is fsynced, so what it
acknowledged survives the killing of the process and, as far as disk and kernel keep the promise of fsync, the loss
of power. Positions are given inside ``BEGIN IMMEDIATE``, so they have no gaps and become visible in order.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rencheng.adapters.sqlite.connection import create, open_reader, open_writer
from rencheng.adapters.sqlite.errors import storage_errors
from rencheng.adapters.sqlite.queries import QUERIES
from rencheng.kernel import Draft, StorageFailed, canonical_json
from rencheng.ledger import Entry, StoredEntry
from rencheng.ledger.recording import rows_to_record
from rencheng.ledger.stored import entries_from_stored

__all__ = ["SqliteLedger"]

_PIECE = 2000
"""Rows read at once: enough to amortise the query, few enough that a reader never holds the log for long."""


class SqliteLedger:
    """A :class:`rencheng.ledger.Ledger` in one SQLite file; threads may share one, processes open one each.

    Parameters
    ----------
    path : Path
        The file; made when it does not exist (unless ``read_only``).
    read_only : bool
        Open for reading; ``append`` refuses.

    Raises
    ------
    StorageFailed
        If the file cannot be opened or is not a ledger.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        with storage_errors(self.path), _disk_errors(self.path):
            if not read_only:
                create(self.path)
                self._writer = open_writer(self.path)
            self._reader = open_reader(self.path)

    def append(
        self, drafts: Sequence[Draft], *, now: datetime, expected: Mapping[str, int] | None = None
    ) -> list[Entry]:
        """Record all drafts in one durable transaction or none; see :meth:`rencheng.ledger.Ledger.append`."""
        if self._writer is None:
            raise StorageFailed("the ledger was opened read-only", where=str(self.path), mend="Open it for writing")
        with self._writing, storage_errors(self.path), _transaction(self._writer) as run:
            streams = {d.stream: None for d in drafts} | dict.fromkeys(expected or {})
            rows = rows_to_record(
                drafts,
                recorded_ids={i for (i,) in run.execute(QUERIES["recorded_ids"], {"ids": _json(d.id for d in drafts)})},
                versions={s: v or 0 for s, v in run.execute(QUERIES["versions"], {"streams": _json(streams)})},
                head=run.execute(QUERIES["head"]).fetchone()[0],
                now=now,
                expected=expected,
            )
            run.executemany(QUERIES["insert"], rows)
        return list(entries_from_stored(rows))

    def since(self, seq: int = 0, *, limit: int | None = None, kinds: Collection[str] | None = None) -> Iterator[Entry]:
        """Entries after a position in order, read in pieces; see :meth:`rencheng.ledger.Ledger.since`."""
        if kinds is None:
            return entries_from_stored(self._pieces("since", after=seq, limit=limit))
        # Positions come from the index on kind alone, so rare facts of a long ledger are found without reading it.
        found = self._fetch(
            "positions_of_kinds",
            kinds=_json(sorted(kinds)),
            after=seq,
            until=self.head,
            count=-1 if limit is None else limit,
        )
        return entries_from_stored(self._at([position for (position,) in found]))

    def stream(self, name: str) -> list[Entry]:
        """Entries of one stream in order."""
        return list(entries_from_stored(self._fetch("stream", stream=name)))

    def stored(self, seq: int = 0) -> Iterator[StoredEntry]:
        """Rows after a position exactly as stored; bytes that are no text come as lone surrogates."""
        return map(_stored_row, self._pieces("stored", after=seq, limit=None))

    def storage_defects(self) -> list[str]:
        """What SQLite's own integrity check finds: torn pages, indexes that disagree with the table."""
        found = [str(line) for (line,) in self._fetch("integrity")]
        return [] if found == ["ok"] else found

    @property
    def head(self) -> int:
        """Position of the last entry, 0 when empty."""
        return int(self._fetch("head")[0][0])

    def close(self) -> None:
        """Release the file; what was acknowledged is in it."""
        with self._writing, self._reading, storage_errors(self.path):
            self._reader.close()
            if self._writer is not None:
                self._writer.close()

    def _pieces(self, query: str, *, after: int, limit: int | None) -> Iterator[tuple[Any, ...]]:
        until = self.head
        return self._rows(query, after, until, until if limit is None else limit)

    def _rows(self, query: str, after: int, until: int, left: int) -> Iterator[tuple[Any, ...]]:
        while left > 0 and after < until:
            count = min(left, _PIECE)
            rows = self._fetch(query, after=after, until=until, count=count)
            yield from rows
            if len(rows) < count:
                return
            left -= count
            after = rows[-1][0]

    def _at(self, positions: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        for first in range(0, len(positions), _PIECE):
            piece = canonical_json(positions[first : first + _PIECE]).decode()
            yield from self._fetch("at_positions", positions=piece)

    def _fetch(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        with self._reading, storage_errors(self.path):
            return self._reader.execute(QUERIES[query], values).fetchall()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _json(names: Iterable[str]) -> str:
    return canonical_json(list(names)).decode()


def _stored_row(columns: tuple[Any, ...]) -> StoredEntry:
    seq, id_, stream, version, kind, schema, occurred_us, recorded_us, actor, cause, body, leaf = columns
    return StoredEntry(
        seq,
        id_.decode("utf-8", "surrogateescape"),
        stream.decode("utf-8", "surrogateescape"),
        version,
        kind.decode("utf-8", "surrogateescape"),
        schema,
        occurred_us,
        recorded_us,
        actor.decode("utf-8", "surrogateescape"),
        cause.decode("utf-8", "surrogateescape"),
        body.decode("utf-8", "surrogateescape"),
        leaf,
    )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Hold the write lock from the first read to the commit; roll back on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    finally:
        # SQLite rolls back by itself after some failures (full disk, I/O), and not after others.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"the file cannot be made: {error.strerror or error}",
            where=str(path),
            mend="Check the folder",
        ) from error
