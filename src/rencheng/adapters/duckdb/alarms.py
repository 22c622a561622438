"""Alarms and what detectors remember, in the DuckDB file of the readings store."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from rencheng.adapters.duckdb.database import UTC_STAMP, Database, registered
from rencheng.sense.detection import ALARM_SCHEMA, DetectionDesk

__all__ = ["end_of_changed", "read_alarms", "write_alarms"]

_COLUMNS = ", ".join(f'a."{name}"' for name in ALARM_SCHEMA.names)
_NO_ROWS = ALARM_SCHEMA.insert(0, pa.field("seq", pa.int64())).empty_table()
_STAMPS = [name for name in ALARM_SCHEMA.names if pa.types.is_timestamp(ALARM_SCHEMA.field(name).type)]


def write_alarms(con: duckdb.DuckDBPyConnection, rows: pa.Table, first: int, txn: int) -> None:
    """Write alarm rows, numbered from ``first``."""
    if not rows.num_rows:
        return
    plain = _with_stamps(rows, pa.timestamp("us")).add_column(
        0, "seq", pa.array(range(first, first + rows.num_rows), pa.int64())
    )
    with registered(con, "new_alarms", plain):
        con.execute(f"INSERT INTO alarms SELECT seq, ?::INTEGER, {_COLUMNS} FROM new_alarms a", [txn])  # noqa: S608 — constants


def read_alarms(
    db: Database, *, since: int, limit: int, sensor_id: str, kinds: Sequence[str] = (), rules: Sequence[str] = ()
) -> pa.Table:
    """Alarm rows after a number, in their order: ``seq`` and :data:`ALARM_SCHEMA`."""
    if limit <= 0:  # nothing new, as at nearly every turn: spares the question
        return _NO_ROWS
    found = db.table(
        f"SELECT a.seq, {_COLUMNS} FROM alarms a WHERE a.seq > ? AND (? = '' OR a.sensor_id = ?)"  # noqa: S608 — constants
        " AND (len(?::VARCHAR[]) = 0 OR list_contains(?::VARCHAR[], a.kind))"
        " AND (len(?::VARCHAR[]) = 0 OR list_contains(?::VARCHAR[], a.rule)) ORDER BY a.seq LIMIT ?",
        [since, sensor_id, sensor_id, *[list(kinds)] * 2, *[list(rules)] * 2, limit],
    )
    return _with_stamps(found, UTC_STAMP)


def _with_stamps(table: pa.Table, kind: pa.DataType) -> pa.Table:
    for name in _STAMPS:
        column = table[name].cast(pa.int64()) if table[name].type != pa.timestamp("us") else table[name]
        table = table.set_column(table.column_names.index(name), name, column.cast(pa.int64()).cast(kind))
    return table


def end_of_changed(con: duckdb.DuckDBPyConnection, desk: DetectionDesk) -> pa.Table:
    """Rows that end alarms which stand in the store but in no detector."""
    standing = (
        con.sql(
            f"SELECT {_COLUMNS} FROM alarms a SEMI JOIN (SELECT max(seq) AS seq FROM alarms GROUP BY alarm_id) l"  # noqa: S608 — constants
            " ON l.seq = a.seq WHERE a.state <> 'cleared' ORDER BY a.seq"
        )
        .to_arrow_table()
        .cast(
            pa.schema(
                [field.with_type(pa.timestamp("us")) if field.name in _STAMPS else field for field in ALARM_SCHEMA]
            )
        )
    )
    alive = desk.standing()
    gone = [n for n, alarm in enumerate(standing["alarm_id"].to_pylist()) if alarm not in alive]
    ended = _with_stamps(standing.take(pa.array(gone, pa.int64())), UTC_STAMP)
    n = ended.num_rows
    at = pa.array([desk.clock_us] * n, pa.int64()).cast(UTC_STAMP)
    for name, column in (
        ("severity", pa.repeat("", n)),
        ("state", pa.repeat("cleared", n)),
        ("at", at),
        ("ended_at", at),
        ("cause", pa.repeat("rule_changed", n)),
    ):
        ended = ended.set_column(ended.column_names.index(name), name, column)
    return ended
