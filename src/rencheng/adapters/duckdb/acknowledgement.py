"""Acknowledgements: what was said of a batch is said again, word for word, when it is offered again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.database import Database, registered
from rencheng.adapters.duckdb.gathering import Gathered
from rencheng.adapters.duckdb.sorting import Sorted
from rencheng.kernel import from_micros, micros
from rencheng.sense.batch import Decoded, Intake
from rencheng.sense.ports import QualityFlag
from rencheng.sense.refused import REOFFER

__all__ = [
    "KEPT_BATCHES",
    "KEPT_DAYS",
    "Part",
    "feed_totals",
    "fold_old",
    "intakes_after",
    "intakes_of",
    "known_intakes",
    "last_position",
    "write_intakes",
]

Part = tuple[str, str, Decoded]
"""Feed, position, and what was decoded."""

_FLAG_BITS = 1 << len(QualityFlag)


def intakes_of(
    parts: Sequence[Part], gathered: Gathered, new: Sorted, flags: NDArray[np.uint16], now: datetime
) -> list[Intake]:
    """Count what becomes of each part of a batch."""
    n = len(parts)
    offered = np.bincount(gathered.part, minlength=n)
    accepted = np.bincount(new.part, minlength=n)
    spans = _spans(new, n)
    counts = _flag_counts(new.part, flags, n)
    intakes = []
    for k, (feed_id, position, batch) in enumerate(parts):
        refused = gathered.refused[k]
        reasons = {entry["values"]: entry["counts"] for entry in refused["reason"].value_counts().to_pylist()}
        intakes.append(
            Intake(
                feed_id=feed_id,
                position=position,
                rows=batch.rows,
                accepted=int(accepted[k]),
                repeated=int(offered[k] - accepted[k]),
                refused=refused.num_rows,
                flagged=counts[k],
                reasons=dict(sorted(reasons.items())),
                first_at=spans[k][0],
                last_at=spans[k][1],
                taken_at=now,
            )
        )
    return intakes


def _spans(new: Sorted, parts: int) -> list[tuple[datetime | None, datetime | None]]:
    if not len(new.at):
        return [(None, None)] * parts
    if parts == 1:
        return [(from_micros(int(new.at.min())), from_micros(int(new.at.max())))]
    first = np.full(parts, np.iinfo(np.int64).max)
    last = np.full(parts, np.iinfo(np.int64).min)
    np.minimum.at(first, new.part, new.at)
    np.maximum.at(last, new.part, new.at)
    return [
        (from_micros(a), from_micros(b)) if a <= b else (None, None)
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]


def _flag_counts(part: NDArray[np.int32], flags: NDArray[np.uint16], parts: int) -> list[dict[str, int]]:
    """Per part, quality flag name → readings that carry it."""
    counts: list[dict[str, int]] = [{} for _ in range(parts)]
    marked = np.flatnonzero(flags)
    if len(marked):
        pair, times = np.unique(part[marked].astype(np.int64) * _FLAG_BITS + flags[marked], return_counts=True)
        for flag in QualityFlag:
            for code, n in zip(pair.tolist(), times.tolist(), strict=True):
                if code % _FLAG_BITS & flag:
                    of = counts[code // _FLAG_BITS]
                    of[str(flag.name).lower()] = of.get(str(flag.name).lower(), 0) + n
    return counts


_COLUMNS = (
    "b.feed_id, b.position, rows, accepted, repeated, refused, flagged, reasons, epoch_us(first_at),"
    " epoch_us(last_at), epoch_us(taken_at)"
)
_IN_FEED = f"b.position NOT LIKE '{REOFFER}%'"
"""Of batches that stand somewhere in their feed, which rows offered again do not."""
KEPT_DAYS = 7
"""So long an acknowledgement is given again word for word: as long as a broker keeps a session of MQTT for us."""
KEPT_BATCHES = 100_000
"""Acknowledgements kept of each feed however old they are."""


def known_intakes(con: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> dict[tuple[str, str], Intake]:
    """Give the acknowledgements of positions that were given before."""
    if len(parts) == 1:
        sql = f"SELECT {_COLUMNS} FROM batches b WHERE feed_id = ? AND position = ?"  # noqa: S608 — a constant
        found = con.execute(sql, [parts[0][0], parts[0][1]]).fetchall()
    else:
        asked = pa.table({"feed_id": [feed for feed, _, _ in parts], "position": [at for _, at, _ in parts]})
        with registered(con, "asked", asked):
            sql = f"SELECT {_COLUMNS} FROM batches b SEMI JOIN asked a"  # noqa: S608 — a constant
            found = con.execute(f"{sql} ON a.feed_id = b.feed_id AND a.position = b.position").fetchall()
    return {(row[0], row[1]): _read(row) for row in found}


def intakes_after(con: duckdb.DuckDBPyConnection, feed_id: str, position: str) -> list[Intake]:
    """Acknowledgements of a feed after one of its positions, in their order; all that are kept for an unknown one."""
    found = con.execute(
        f"SELECT {_COLUMNS} FROM batches b WHERE b.feed_id = ? AND {_IN_FEED} AND b.seq > coalesce("  # noqa: S608 — constants
        "(SELECT max(seq) FROM batches WHERE feed_id = ? AND position = ?), 0) ORDER BY b.seq",
        [feed_id, feed_id, position],
    ).fetchall()
    return [replace(_read(row), again=False) for row in found]


def last_position(db: Database, feed_id: str) -> str | None:
    """Position of a feed's last acknowledged batch; None if it never delivered."""
    sql = f"SELECT arg_max(b.position, b.seq) AS position FROM batches b WHERE feed_id = ? AND {_IN_FEED}"  # noqa: S608 — a constant
    position = db.numpy(sql, [feed_id])["position"][0]
    return position if isinstance(position, str) else None


def feed_totals(db: Database) -> pa.Table:
    """Totals per feed, by feed, with those of acknowledgements that are not kept any more."""
    return db.arrow(
        "SELECT feed_id, max(position) AS position, max(taken_at) AS taken_at, sum(batches)::BIGINT AS batches,"  # noqa: S608 — constants
        " sum(rows)::BIGINT AS rows, sum(accepted)::BIGINT AS accepted, sum(repeated)::BIGINT AS repeated,"
        " sum(refused)::BIGINT AS refused FROM (SELECT feed_id,"
        f" arg_max(b.position, b.seq) FILTER ({_IN_FEED}) AS position, max(taken_at) AS taken_at,"
        " count(*) AS batches, sum(rows) AS rows, sum(accepted) AS accepted, sum(repeated) AS repeated,"
        " sum(refused) AS refused FROM batches b GROUP BY feed_id"
        " UNION ALL SELECT feed_id, NULL, taken_at, batches, rows, accepted, repeated, refused FROM feed_totals)"
        " GROUP BY feed_id ORDER BY feed_id",
        [],
    )


def fold_old(con: duckdb.DuckDBPyConnection, now_us: int, *, days: float, batches: int) -> int:
    """Add acknowledgements that are old, and not among the last of their feed, to its totals; tells how many."""
    old = (
        "SELECT seq FROM (SELECT seq, taken_at, row_number() OVER (PARTITION BY feed_id ORDER BY seq DESC) AS age"
        " FROM batches) WHERE age > ? AND taken_at < make_timestamp(?)"
    )
    values = [batches, now_us - round(days * 86_400e6)]
    (found,) = con.execute(f"SELECT count(*) FROM ({old})", values).fetchall()[0]  # noqa: S608 — constants
    if found:
        con.execute(f"CREATE TEMP TABLE folded AS {old}", values)
        con.execute(
            "CREATE TEMP TABLE sums AS SELECT feed_id, max(taken_at) AS taken_at, sum(batches)::BIGINT AS batches,"
            " sum(rows)::BIGINT AS rows, sum(accepted)::BIGINT AS accepted, sum(repeated)::BIGINT AS repeated,"
            " sum(refused)::BIGINT AS refused FROM (SELECT * FROM feed_totals UNION ALL BY NAME SELECT feed_id,"
            " taken_at, 1 AS batches, rows, accepted, repeated, refused FROM batches b SEMI JOIN folded USING (seq))"
            " GROUP BY feed_id"
        )
        con.execute("DELETE FROM feed_totals")
        con.execute("INSERT INTO feed_totals BY NAME SELECT * FROM sums ORDER BY feed_id")
        con.execute("DELETE FROM batches WHERE seq IN (SELECT seq FROM folded)")
        con.execute("DROP TABLE folded")
        con.execute("DROP TABLE sums")
    return int(found)


def _read(row: tuple[Any, ...]) -> Intake:
    return Intake(
        feed_id=row[0],
        position=row[1],
        rows=row[2],
        accepted=row[3],
        repeated=row[4],
        refused=row[5],
        flagged=msgspec.json.decode(row[6], type=dict[str, int]),
        reasons=msgspec.json.decode(row[7], type=dict[str, int]),
        first_at=None if row[8] is None else from_micros(row[8]),
        last_at=None if row[9] is None else from_micros(row[9]),
        taken_at=from_micros(row[10]),
        again=True,
    )


def write_intakes(con: duckdb.DuckDBPyConnection, intakes: Sequence[Intake], first: int) -> None:
    """Keep acknowledgements, numbered from ``first``; the last position of a feed becomes the feed's."""
    stamp = pa.timestamp("us")

    def instants(values: list[datetime | None]) -> pa.Array:
        return pa.array([None if at is None else micros(at) for at in values], pa.int64()).cast(stamp)

    table = pa.table(
        {
            "seq": pa.array(range(first, first + len(intakes)), pa.int64()),
            **{name: [getattr(i, name) for i in intakes] for name in ("feed_id", "position")},
            **{
                name: pa.array([getattr(i, name) for i in intakes], pa.int64())
                for name in ("rows", "accepted", "repeated", "refused")
            },
            "flagged": [msgspec.json.encode(i.flagged).decode() for i in intakes],
            "reasons": [msgspec.json.encode(i.reasons).decode() for i in intakes],
            "first_at": instants([i.first_at for i in intakes]),
            "last_at": instants([i.last_at for i in intakes]),
            "taken_at": instants([i.taken_at for i in intakes]),
        }
    )
    with registered(con, "new_batches", table):
        con.execute("INSERT INTO batches SELECT * FROM new_batches")
