"""The DuckDB file of the readings store: opening it, asking it, and saying plainly when it refuses."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.kernel import StorageFailed

__all__ = ["UTC_STAMP", "Database", "registered"]

FORMAT_VERSION = 3
MEMORY_LIMIT = "1GB"
"""Blocks of the file that stay in memory; the database's own limit is four fifths of the machine, which a store that
only ever grows fills. What a question needs beyond it goes to the disk."""
UTC_STAMP = pa.timestamp("us", tz="UTC")


class Database:
    """One DuckDB file, written through one connection and read through cursors of it.

    Raises
    ------
    StorageFailed
        If the file cannot be opened, is open in another process, or is of another format.
    """

    def __init__(self, path: Path | str, *, threads: int) -> None:
        self.path = str(path)
        try:
            self.con = duckdb.connect(self.path, config={"threads": threads, "memory_limit": MEMORY_LIMIT})
            self.con.execute("SET parquet_metadata_cache = true")
            self._bring_up_to_date()
            self.con.execute(files("rencheng.adapters.duckdb").joinpath("schema.sql").read_text(encoding="utf-8"))
            self._check_format()
            for more in ("schema_refused.sql", "schema_remembered.sql"):
                self.con.execute(files("rencheng.adapters.duckdb").joinpath(more).read_text(encoding="utf-8"))
            self._door, self._door_lock = self.con.cursor(), threading.Lock()
        except duckdb.Error as error:
            raise self.failed("cannot be opened", error) from error

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Give a connection of one's own, from any thread, whatever the writer's is doing."""
        with self._door_lock:
            return self._door.cursor()

    def _bring_up_to_date(self) -> None:
        """Give a store of format 1 the columns of format 2; its readings count as taken before the checkpoint.

        Format 3 has tables besides, which are made where absent.
        """
        tables = self.con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        if ("store_format",) not in tables:
            return
        ((version,),) = self.con.execute("SELECT max(version) FROM store_format").fetchall()
        if version not in {1, 2}:
            return
        self.con.begin()
        if version == 1:
            self.con.execute("ALTER TABLE readings DROP COLUMN received_at")
            self.con.execute("ALTER TABLE readings ADD COLUMN txn INTEGER DEFAULT 0")
        self.con.execute("UPDATE store_format SET version = 3")
        self.con.commit()

    def _check_format(self) -> None:
        row = self.con.execute("SELECT max(version) FROM store_format").fetchone()
        version = row[0] if row else None
        if version is None:
            self.con.execute("INSERT INTO store_format VALUES (?)", [FORMAT_VERSION])
        elif version != FORMAT_VERSION:
            self.con.close()
            raise StorageFailed(
                f"readings store has format {version}, this program reads {FORMAT_VERSION}",
                where=self.path,
                mend="Use the program that wrote it, or take the readings again from the recorded feeds",
            )

    def failed(self, what: str, error: Exception) -> StorageFailed:
        """Make the refusal of an error of the driver."""
        return StorageFailed(
            f"readings store {what}: {str(error).splitlines()[0]}",
            where=self.path,
            mend="Check disk space and rights, and that no other process has it open; what was acknowledged is kept",
        )

    def numpy(self, sql: str, values: list[Any]) -> dict[str, NDArray[Any]]:
        """Ask on a cursor of its own, so from any thread; columns as arrays."""
        try:
            return cast("dict[str, NDArray[Any]]", self.cursor().execute(sql, values).fetchnumpy())
        except duckdb.Error as error:
            raise self.failed("cannot be read", error) from error

    def table(self, sql: str, values: list[Any]) -> pa.Table:
        """Ask on a cursor of its own, so from any thread."""
        try:
            return self.cursor().sql(sql, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise self.failed("cannot be read", error) from error

    def arrow(self, sql: str, values: list[Any]) -> pa.Table:
        """Ask on a cursor of its own; ``taken_at`` becomes an aware instant."""
        table = self.table(sql, values)
        at = table.column_names.index("taken_at")
        return table.set_column(at, "taken_at", table["taken_at"].cast(pa.timestamp("us")).cast(UTC_STAMP))

    def rollback(self) -> None:
        """End a transaction that failed; the driver may have ended it already."""
        with suppress(duckdb.Error):
            self.con.rollback()

    def close(self) -> None:
        """Release the file."""
        with self._door_lock:  # somebody may be making a cursor of it
            self._door.close()
        self.con.close()


class registered:  # noqa: N801 — reads as a statement: with registered(...)
    """A table visible to SQL under a name for as long as the block lasts."""

    def __init__(self, con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
        self._con, self._name, self._table = con, name, table

    def __enter__(self) -> None:
        self._con.register(self._name, self._table)

    def __exit__(self, *_: object) -> None:
        with suppress(duckdb.Error):
            self._con.unregister(self._name)
