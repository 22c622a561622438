"""Opening and making the ledger file: WAL, FULL, application id and format number."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

from rencheng.adapters.sqlite.queries import SCHEMA
from rencheng.kernel import StorageFailed

__all__ = ["APPLICATION_ID", "BUSY_S", "FORMAT", "create", "open_reader", "open_writer"]

APPLICATION_ID = 0x52454E43
"""``RENC``: tells `file` and us that this SQLite file is a ledger."""
FORMAT = 1
"""Number of the table layout (``user_version``)."""
BUSY_S = 30.0
"""How long a writer waits for another."""


def create(path: Path) -> None:
    """Make an empty ledger unless the file exists; it appears under its name only when it is whole and on disk."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        aside = Path(folder) / "ledger"
        _write_empty(aside)
        try:
            # A link, unlike a rename, never replaces: of two processes that start together one wins, both go on.
            os.link(aside, path)
        except FileExistsError:
            return
    _sync(path.parent)


def _write_empty(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.executescript(f"BEGIN;\n{SCHEMA}\nCOMMIT;")
    finally:
        connection.close()
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_writer(path: Path) -> sqlite3.Connection:
    """Connect for appending."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    # FULL makes every commit wait for fsync of the write-ahead log; fullfsync asks macOS to mean it.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    return _checked(connection, path)


def open_reader(path: Path) -> sqlite3.Connection:
    """Connect for reading only."""
    if not path.exists():
        raise StorageFailed("there is no ledger", where=str(path), mend="Name the ledger file of a run")
    uri = path.absolute().as_uri()
    try:
        return _checked(_connect(f"{uri}?mode=ro"), path)
    except sqlite3.OperationalError as error:
        log = path.with_name(f"{path.name}-wal")
        unreachable = error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
        if not unreachable or log.exists():
            raise
        # On a read-only medium SQLite cannot make its shared index; a ledger without a log is whole without it.
        return _checked(_connect(f"{uri}?mode=ro&immutable=1"), path)


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)


def _checked(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        layout = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    if application == APPLICATION_ID and layout == FORMAT:
        return connection
    connection.close()
    if application != APPLICATION_ID:
        raise StorageFailed(
            "the file is not a ledger", where=str(path), mend="Name the ledger file of a run, or a path that is free"
        )
    raise StorageFailed(
        f"the ledger has layout {layout}, and this version reads {FORMAT}", where=str(path), mend="Upgrade Rencheng"
    )
