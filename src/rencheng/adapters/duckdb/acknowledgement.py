"""Acknowledgements: what was said of a batch is said again, word for word, when it is offered again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.database import registered
from rencheng.adapters.duckdb.gathering import Gathered
from rencheng.adapters.duckdb.sorting import Sorted
from rencheng.kernel import from_micros, micros
from rencheng.sense.batch import Decoded, Intake
from rencheng.sense.ports import QualityFlag

__all__ = ["Part", "intakes_of", "known_intakes", "write_intakes"]

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


def known_intakes(con: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> dict[tuple[str, str], Intake]:
    """Give the acknowledgements of positions that were given before."""
    columns = (
        "b.feed_id, b.position, rows, accepted, repeated, refused, flagged, reasons, epoch_us(first_at),"
        " epoch_us(last_at), epoch_us(taken_at)"
    )
    if len(parts) == 1:
        sql = f"SELECT {columns} FROM batches b WHERE feed_id = ? AND position = ?"  # noqa: S608 — a constant
        found = con.execute(sql, [parts[0][0], parts[0][1]]).fetchall()
    else:
        asked = pa.table({"feed_id": [feed for feed, _, _ in parts], "position": [at for _, at, _ in parts]})
        with registered(con, "asked", asked):
            sql = f"SELECT {columns} FROM batches b SEMI JOIN asked a"  # noqa: S608 — a constant
            found = con.execute(f"{sql} ON a.feed_id = b.feed_id AND a.position = b.position").fetchall()
    return {(row[0], row[1]): _read(row) for row in found}


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
