"""The journal of an agent: readings that wait, the log, what rules remember, orders and messages, in one SQLite file.

What belongs together is committed together, and a commit is on the disk (``synchronous = FULL``) when it returns.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, Self

from rencheng.kernel import StorageFailed

__all__ = ["FIRST", "Body", "Change", "Journal", "LogEntry", "LogNote", "Parcel", "log_digest"]

FIRST = "0" * 64
"""What stands for the digest before the first entry."""
_FORMAT = 1
_APPLICATION = 0x52454447
_BUSY_S = 10.0
_CACHE_KIB = 8192


class Body(NamedTuple):
    """A body as it came."""

    feed: str
    body: bytes
    rows: int
    headers: str
    at: int


class LogNote(NamedTuple):
    """An entry of the log before it has its place."""

    kind: str
    at: int
    body: str


class LogEntry(NamedTuple):
    """An entry of the log."""

    seq: int
    at: int
    kind: str
    body: str
    previous: str
    digest: str
    handed: str = ""


class Parcel(NamedTuple):
    """Bodies of a feed that are offered together."""

    parcel: int
    feed: str
    first: int
    last: int
    rows: int
    size: int
    aside: str


@dataclass(slots=True, kw_only=True)
class Change:
    """What is committed together."""

    bodies: list[Body] = field(default_factory=list)
    notes: list[LogNote] = field(default_factory=list)
    memory: list[tuple[str, str, bytes]] = field(default_factory=list)
    orders: list[tuple[str, bool, bytes]] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not any(getattr(self, name) for name in self.__slots__)


def log_digest(edge_id: str, seq: int, at: int, kind: str, body: str, previous: str) -> str:
    """Digest of a log entry: SHA-256 over its fields, one a line, in hexadecimal."""
    return hashlib.sha256("\n".join((previous, edge_id, str(seq), str(at), kind, body)).encode()).hexdigest()


class Journal:
    """One connection to the journal; each thread has its own.

    Parameters
    ----------
    path : Path
        The file; made where there is none.
    edge_id : str
        The gateway, part of every digest.
    """

    def __init__(self, path: Path, edge_id: str) -> None:
        self._path, self._edge_id = path, edge_id
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", f"cache_size = -{_CACHE_KIB}"):
                self._db.execute(f"PRAGMA {pragma}")
            with self._transaction():
                self._make()

    def _make(self) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found == _FORMAT:
            return
        if found or self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise StorageFailed(
                f"the journal has layout {found}, and this version reads {_FORMAT}",
                where=str(self._path),
                mend="Name another folder, or upgrade",
            )
        for statement in (files("rencheng.edge") / "schema.sql").read_text(encoding="utf-8").split(";\n"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
        self._db.execute(f"PRAGMA user_version = {_FORMAT}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            mend = "Free space or mend the disk; what was acknowledged stays, and is handed over"
            raise StorageFailed(f"the journal was refused ({error})", where=str(self._path), mend=mend) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def commit(self, change: Change) -> None:
        """Put a change on the disk, whole or not at all.

        Raises
        ------
        StorageFailed
            If the disk or SQLite refuses.
        """
        db = self._db
        with self._told(), self._transaction():
            bodies = ((b.feed, len(b.body), b.rows, b.headers, b.at, b.body) for b in change.bodies)
            db.executemany("INSERT INTO kept (feed, size, rows, headers, at, body) VALUES (?, ?, ?, ?, ?, ?)", bodies)
            self._count("kept", sum(b.rows for b in change.bodies))
            self._count("waiting_bytes", sum(len(b.body) for b in change.bodies))
            self._note(change.notes)
            db.executemany("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", change.memory)
            db.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", change.orders)
            db.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?)", change.messages)
            db.executemany("DELETE FROM outbox WHERE message_id = ?", ((name,) for name in change.sent))
            db.executemany("UPDATE wishes SET answer = ? WHERE wish = ?", ((a, w) for w, a in change.answers))

    def _note(self, notes: Sequence[LogNote]) -> None:
        if not notes:
            return
        head = self._db.execute("SELECT seq, digest FROM log ORDER BY seq DESC LIMIT 1").fetchone()
        seq, previous = head or (0, FIRST)
        for kind, at, body in notes:
            seq += 1
            digest = log_digest(self._edge_id, seq, at, kind, body, previous)
            row = (seq, at, kind, body, previous, digest)
            self._db.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, '')", row)
            previous = digest

    def _count(self, name: str, n: int) -> None:
        if n:
            self._db.execute(
                "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n", (name, n)
            )

    def counts(self) -> dict[str, int]:
        """Rows kept and handed over since the beginning, bytes that wait, refused rows."""
        with self._told():
            return dict(self._db.execute("SELECT name, n FROM counts ORDER BY name").fetchall())

    def memory(self) -> dict[tuple[str, str], bytes]:
        """What rules remember, by sensor and quantity."""
        rows = self._db.execute("SELECT sensor, quantity, packed FROM memory ORDER BY sensor, quantity")
        return {(sensor, of): packed for sensor, of, packed in rows}

    def orders(self, *, standing: bool, most: int = 1000) -> list[bytes]:
        """Orders, packed."""
        rows = self._db.execute(
            "SELECT packed FROM orders WHERE standing = ? ORDER BY order_id LIMIT ?", (standing, most)
        )
        return [row[0] for row in rows]

    def messages(self) -> list[tuple[str, bytes]]:
        """Messages that have not gone out."""
        return list(self._db.execute("SELECT message_id, packed FROM outbox ORDER BY message_id"))

    def log(self, *, waiting: bool = False, most: int = -1) -> list[LogEntry]:
        """Entries of the log, oldest first; those that wait for the core, or all."""
        where = "WHERE handed = ''" if waiting else ""
        query = f"SELECT seq, at, kind, body, previous, digest, handed FROM log {where} ORDER BY seq LIMIT ?"  # noqa: S608 — no text from outside
        with self._told():
            return [LogEntry(*row) for row in self._db.execute(query, (most,))]

    def log_answered(self, seq: int, answer: str) -> None:
        """Note what the core said of an entry: ``yes``, or why not."""
        with self._told():
            self._db.execute("UPDATE log SET handed = ? WHERE seq = ?", (answer, seq))

    def wish(self, order_id: str, by: str, reason: str) -> int:
        """Ask the agent to cancel an order."""
        with self._told():
            row = self._db.execute(
                "INSERT INTO wishes (order_id, by, reason, answer) VALUES (?, ?, ?, '')", (order_id, by, reason)
            )
            return int(row.lastrowid or 0)

    def wishes(self) -> list[tuple[int, str, str, str]]:
        """Wishes that nobody looked at."""
        query = "SELECT wish, order_id, by, reason FROM wishes WHERE answer = '' ORDER BY wish"
        with self._told():
            return list(self._db.execute(query))

    def answer(self, wish: int) -> str:
        """What became of a wish; empty while nobody looked."""
        row = self._db.execute("SELECT answer FROM wishes WHERE wish = ?", (wish,)).fetchone()
        return str(row[0]) if row else ""

    def next_parcel(self, *, most_bytes: int, joined: Sequence[str]) -> Parcel | None:
        """Give the oldest bodies that wait, as one parcel that stays the same until it is handed over.

        Parameters
        ----------
        most_bytes : int
            A parcel ends before it grows larger, unless one body is.
        joined : sequence of str
            Feeds whose bodies may go together.
        """
        find = "SELECT parcel, feed, first, last, rows, size, aside FROM parcels WHERE aside = '' ORDER BY parcel"
        with self._told():
            known = self._db.execute(f"{find} LIMIT 1").fetchone()
            if known is None:
                with self._transaction():
                    self._freeze(most_bytes, joined)
                known = self._db.execute(f"{find} LIMIT 1").fetchone()
        return Parcel(*known) if known else None

    def _freeze(self, most_bytes: int, joined: Sequence[str]) -> None:
        oldest = self._db.execute(
            "SELECT seq, feed, headers FROM kept WHERE NOT EXISTS (SELECT 1 FROM parcels"
            " WHERE parcels.feed = kept.feed AND kept.seq BETWEEN first AND last) ORDER BY seq LIMIT 1"
        ).fetchone()
        if oldest is None:
            return
        first, feed, headers = oldest
        alone = bool(headers) or feed not in joined
        last, rows, size = first, 0, 0
        following = self._db.execute(
            "SELECT seq, rows, size, headers FROM kept WHERE feed = ? AND seq >= ? ORDER BY seq", (feed, first)
        )
        for seq, n, length, own in following:
            if seq != first and (alone or own or size + length > most_bytes):
                break
            last, rows, size = seq, rows + n, size + length
        following.close()
        self._db.execute(
            "INSERT INTO parcels (feed, first, last, rows, size, aside) VALUES (?, ?, ?, ?, ?, '')",
            (feed, first, last, rows, size),
        )

    def bodies(self, parcel: Parcel) -> list[tuple[bytes, str]]:
        """Bodies of a parcel, oldest first, with their headers."""
        with self._told():
            return list(
                self._db.execute(
                    "SELECT body, headers FROM kept WHERE feed = ? AND seq BETWEEN ? AND ? ORDER BY seq",
                    (parcel.feed, parcel.first, parcel.last),
                )
            )

    def handed_over(self, parcel: Parcel) -> None:
        """Forget what the core has acknowledged."""
        with self._told(), self._transaction():
            span = (parcel.feed, parcel.first, parcel.last)
            self._db.execute("DELETE FROM kept WHERE feed = ? AND seq BETWEEN ? AND ?", span)
            self._db.execute("DELETE FROM parcels WHERE parcel = ?", (parcel.parcel,))
            self._count("handed", parcel.rows)
            self._count("waiting_bytes", -parcel.size)

    def put_aside(self, parcel: Parcel, why: str) -> None:
        """Keep a parcel that the core refuses for good, so that the others go on."""
        with self._told():
            self._db.execute("UPDATE parcels SET aside = ? WHERE parcel = ?", (why or "refused", parcel.parcel))

    def aside(self) -> list[Parcel]:
        """Parcels that the core refused."""
        rows = self._db.execute(
            "SELECT parcel, feed, first, last, rows, size, aside FROM parcels WHERE aside != '' ORDER BY parcel"
        )
        return [Parcel(*row) for row in rows]

    def offer_again(self) -> int:
        """Let refused parcels and log entries be offered once more; gives how many."""
        with self._told(), self._transaction():
            n = self._db.execute("UPDATE parcels SET aside = '' WHERE aside != ''").rowcount
            return n + self._db.execute("UPDATE log SET handed = '' WHERE handed NOT IN ('', 'yes')").rowcount

    def oldest_waiting(self) -> int | None:
        """When the oldest body that waits came, microseconds since 1970."""
        row = self._db.execute("SELECT at FROM kept ORDER BY seq LIMIT 1").fetchone()
        return None if row is None else int(row[0])
