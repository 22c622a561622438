"""What SQLite says, in the words of the house."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rencheng.kernel import StorageFailed

__all__ = ["storage_errors"]

_SAFE = "nothing of this call was recorded, and all that was acknowledged before stays"

_WORDS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("the disk is full", f"Free space and try again; {_SAFE}"),
    sqlite3.SQLITE_IOERR: ("the disk refused to read or write", f"Check space, quota and disk; {_SAFE}"),
    sqlite3.SQLITE_READONLY: ("the ledger is read-only", "Check the permissions of the file and its folder"),
    sqlite3.SQLITE_PERM: ("access is denied", "Check the permissions of the file and its folder"),
    sqlite3.SQLITE_AUTH: ("access is denied", "Check the permissions of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "Check that it exists and the permissions of its folder"),
    sqlite3.SQLITE_NOTADB: ("the file is not a ledger", "Name the ledger file of a run, or a path that does not exist"),
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged",
        "Copy it aside, run `rencheng ledger verify`, and restore from a backup",
    ),
    sqlite3.SQLITE_BUSY: (
        "another process has held the ledger for too long",
        f"Find the process that writes without end, then try again; {_SAFE}",
    ),
    sqlite3.SQLITE_TOOBIG: ("a fact is larger than SQLite takes (1 GB)", "Put large tables into the field store"),
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn driver errors inside the block into :class:`StorageFailed`, chained."""
    try:
        yield
    except sqlite3.Error as error:
        raise _failed(error, path) from error


def _failed(error: sqlite3.Error, path: Path) -> StorageFailed:
    # Extended codes carry the primary code in their low byte (https://www.sqlite.org/rescode.html).
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    what, mend = _WORDS.get(code, ("SQLite refused", "See the message of SQLite above"))
    if isinstance(error, sqlite3.OperationalError) and "decode to UTF-8" in str(error):
        what, mend = _WORDS[sqlite3.SQLITE_CORRUPT]
    return StorageFailed(f"{what} ({error})", where=str(path), mend=mend)
