"""What protocols of feeds remember in the DuckDB file of the readings store: the largest numbers of each subject."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from rencheng.adapters.duckdb.database import Database, registered
from rencheng.sense.batch import REMEMBERED_MOST, REMEMBERED_SCHEMA

__all__ = ["Remembering"]

_PRUNE_ROWS = 200_000
"""Rows written after which those beyond the largest of each subject are thrown away."""


class Remembering:
    """Writes and reads what protocols remember.

    Parameters
    ----------
    db : Database
        The store's file.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._written = 0

    def write(self, con: duckdb.DuckDBPyConnection, feed_id: str, rows: pa.Table) -> None:
        """Add what came of a batch, within its transaction."""
        if not rows.num_rows:
            return
        with registered(con, "remembered_now", rows):
            con.execute("INSERT INTO remembered SELECT ?, subject, number, mark FROM remembered_now", [feed_id])
        self._written += rows.num_rows
        if self._written >= _PRUNE_ROWS:
            con.execute(
                "DELETE FROM remembered WHERE rowid IN (SELECT rowid FROM remembered QUALIFY row_number() OVER"
                " (PARTITION BY feed_id, subject ORDER BY number DESC, rowid DESC) > ?)",
                [REMEMBERED_MOST],
            )
            self._written = 0

    def read(self, feed_id: str) -> pa.Table:
        """The largest numbers of each subject of a feed, ascending."""
        found = self._db.table(
            "SELECT subject, number, mark FROM remembered WHERE feed_id = ? QUALIFY row_number() OVER"
            " (PARTITION BY subject ORDER BY number DESC, rowid DESC) <= ? ORDER BY subject, number, mark",
            [feed_id, REMEMBERED_MOST],
        )
        return found.cast(REMEMBERED_SCHEMA)
