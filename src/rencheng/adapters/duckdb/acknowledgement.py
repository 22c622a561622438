"""Acknowledgements: what was said of a batch is said again, word for word, when it is offered again."""

from __future__ import annotations

from datetime import datetime

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.sorting import Sorted
from rencheng.kernel import from_micros, micros
from rencheng.sense.batch import Decoded, Intake
from rencheng.sense.ports import QualityFlag

__all__ = ["intake_of", "read_intake", "write_intake"]


def intake_of(
    feed_id: str,
    position: str,
    *,
    batch: Decoded,
    new: Sorted,
    flags: NDArray[np.uint16],
    refused: pa.Table,
    now: datetime,
) -> Intake:
    """Count what becomes of a batch."""
    flagged = {str(flag.name).lower(): int(((flags & flag) != 0).sum()) for flag in QualityFlag}
    reasons = {entry["values"]: entry["counts"] for entry in refused["reason"].value_counts().to_pylist()}
    return Intake(
        feed_id=feed_id,
        position=position,
        rows=batch.rows,
        accepted=len(new.at),
        repeated=new.repeated,
        refused=refused.num_rows,
        flagged={name: n for name, n in flagged.items() if n},
        reasons=dict(sorted(reasons.items())),
        first_at=from_micros(int(new.at.min())) if len(new.at) else None,
        last_at=from_micros(int(new.at.max())) if len(new.at) else None,
        taken_at=now,
    )


def read_intake(con: duckdb.DuckDBPyConnection, feed_id: str, position: str) -> Intake | None:
    """Give the acknowledgement of a position, if it was given before."""
    row = con.execute(
        "SELECT rows, accepted, repeated, refused, flagged, reasons, epoch_us(first_at), epoch_us(last_at),"
        " epoch_us(taken_at) FROM batches WHERE feed_id = ? AND position = ?",
        [feed_id, position],
    ).fetchone()
    if row is None:
        return None
    return Intake(
        feed_id=feed_id,
        position=position,
        rows=row[0],
        accepted=row[1],
        repeated=row[2],
        refused=row[3],
        flagged=msgspec.json.decode(row[4], type=dict[str, int]),
        reasons=msgspec.json.decode(row[5], type=dict[str, int]),
        first_at=None if row[6] is None else from_micros(row[6]),
        last_at=None if row[7] is None else from_micros(row[7]),
        taken_at=from_micros(row[8]),
        again=True,
    )


def write_intake(con: duckdb.DuckDBPyConnection, intake: Intake) -> None:
    """Keep an acknowledgement; its position becomes the feed's."""
    con.execute(
        "INSERT INTO batches SELECT coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, make_timestamp(?),"
        " make_timestamp(?), make_timestamp(?) FROM batches",
        [
            intake.feed_id,
            intake.position,
            intake.rows,
            intake.accepted,
            intake.repeated,
            intake.refused,
            msgspec.json.encode(intake.flagged).decode(),
            msgspec.json.encode(intake.reasons).decode(),
            None if intake.first_at is None else micros(intake.first_at),
            None if intake.last_at is None else micros(intake.last_at),
            micros(intake.taken_at),
        ],
    )
