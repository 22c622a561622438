"""Rows kept aside in the DuckDB file of the readings store: written with their origins, paged, and taken at last."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from rencheng.adapters.duckdb.database import UTC_STAMP, Database, registered
from rencheng.kernel import InvalidReading, from_micros, micros
from rencheng.sense.batch import Decoded, Delivery, Origin, Placed
from rencheng.sense.refused import RefusedQuery, RefusedRow, Reoffer, Reoffered

__all__ = [
    "last_reoffers",
    "open_ids",
    "origins_of",
    "refused_counts",
    "refused_page",
    "refused_rows",
    "settle",
    "without_rows",
    "write_refused",
]

LARGEST_ORIGIN = 256 * 1024
"""Longer messages are kept as the beginning of their text only, and cannot be offered again."""
LARGEST_DOUBTFUL = 2000
"""The same of messages that nobody vouches for, so that strangers cannot fill the disk."""
_DOUBTFUL = frozenset({"bad_signature", "unsigned", "replayed", "bad_checksum", "too_large"})
_CUT = 2000
"""Characters at which a text may have been cut, so that it does not tell two messages apart."""


def write_refused(
    con: duckdb.DuckDBPyConnection,
    feed_id: str,
    position: str,
    refused: pa.Table,
    origins: Sequence[Placed | None],
    us: int,
) -> None:
    """Write rows kept aside, those not kept already, and where they came from."""
    if not refused.num_rows:
        return
    digests = _write_origins(con, refused, origins)
    table = refused.append_column("origin", pa.array(digests, pa.string())).append_column(
        "place", pa.array([0 if one is None else one[1] for one in origins], pa.int64())
    )
    with registered(con, "aside", table):
        con.execute(
            "INSERT INTO refused (feed_id, position, row, raw, reason, detail, taken_at, origin, place, refused_id)"
            " SELECT $feed, $position, g.row, g.raw, g.reason, g.detail, make_timestamp($us), g.origin, g.place,"
            " substr(md5(concat_ws(chr(31), $feed, $position, g.row, g.reason, g.raw, g.origin)), 1, 16) FROM"
            " (SELECT a.raw, a.reason, min(a.row) AS row, min(a.detail) AS detail,"
            " arg_min(a.origin, (a.row, a.place)) AS origin, arg_min(a.place, (a.row, a.place)) AS place"
            " FROM aside a WHERE NOT EXISTS (SELECT 1 FROM refused r WHERE r.feed_id = $feed AND r.raw = a.raw"
            " AND r.reason = a.reason AND r.reoffered IS NULL"
            " AND (length(a.raw) < $cut OR r.origin IS NOT DISTINCT FROM a.origin))"
            " GROUP BY a.raw, a.reason, CASE WHEN length(a.raw) < $cut THEN NULL ELSE a.origin END) g"
            " ORDER BY g.row, g.reason",
            {"feed": feed_id, "position": position, "us": us, "cut": _CUT},
        )


def _write_origins(
    con: duckdb.DuckDBPyConnection, refused: pa.Table, origins: Sequence[Placed | None]
) -> list[str | None]:
    """Write each origin once; gives the digest of each row's."""
    digests: list[str | None] = []
    known: dict[int, str | None] = {}
    rows: dict[str, tuple[str, str, bytes, str, bool]] = {}
    for one, reason in zip(origins, refused["reason"].to_pylist(), strict=True):
        if one is None or len(one[0].body) > (LARGEST_DOUBTFUL if reason in _DOUBTFUL else LARGEST_ORIGIN):
            digests.append(None)
            continue
        origin = one[0]
        if id(origin) not in known:
            delivery = msgspec.json.encode(origin.delivery).decode()
            digest = hashlib.sha256(b"\x1f".join((origin.form.encode(), delivery.encode(), origin.body))).hexdigest()[
                :32
            ]
            rows[digest] = (digest, origin.form, origin.body, delivery, origin.verified)
            known[id(origin)] = digest
        digests.append(known[id(origin)])
    if rows:
        names = ("digest", "form", "body", "delivery", "verified")
        kinds = (pa.string(), pa.string(), pa.binary(), pa.string(), pa.bool_())
        columns = zip(*rows.values(), strict=True)
        table = pa.table({n: pa.array(c, k) for n, k, c in zip(names, kinds, columns, strict=True)})
        with registered(con, "new_origins", table):
            con.execute(
                "INSERT INTO refused_origins SELECT n.* FROM new_origins n"
                " ANTI JOIN refused_origins o ON o.digest = n.digest"
            )
    return digests


def refused_counts(db: Database, feed_id: str) -> dict[str, int]:
    """Reason → rows kept aside."""
    found = db.table(
        "SELECT reason, count(*) AS n FROM refused WHERE feed_id = ? AND reoffered IS NULL"
        " GROUP BY reason ORDER BY reason",
        [feed_id],
    )
    return dict(zip(found["reason"].to_pylist(), found["n"].to_pylist(), strict=True))


def refused_page(db: Database, query: RefusedQuery) -> pa.Table:
    """A page of rows, newest first."""
    where, values = _where(query)
    found = db.table(
        "SELECT r.refused_id, r.position, r.row, r.raw, r.reason, r.detail, r.taken_at, r.tried_at,"  # noqa: S608 — constants
        f" r.origin IS NOT NULL AS has_origin, o.given_at, o.given_by"
        f" FROM refused r LEFT JOIN reoffers o ON o.position = r.reoffered WHERE {where}"
        " ORDER BY coalesce(o.given_at, r.taken_at) DESC, r.taken_at DESC, r.row, r.reason, r.refused_id"
        " LIMIT ? OFFSET ?",
        [*values, query.top, query.skip],
    )
    for name in ("taken_at", "tried_at", "given_at"):
        place = found.column_names.index(name)
        found = found.set_column(place, name, found[name].cast(pa.timestamp("us")).cast(UTC_STAMP))
    return found


def refused_rows(db: Database, query: RefusedQuery) -> list[RefusedRow]:
    """Rows with what they can be decoded from; rows of one origin share it."""
    where, values = _where(query)
    rows = db.table(
        "SELECT r.refused_id, r.position, r.row, r.raw, r.reason, r.detail, r.taken_at, r.origin, r.place"  # noqa: S608 — constants
        f" FROM refused r WHERE {where}"
        " ORDER BY r.taken_at DESC, r.row, r.reason, r.refused_id LIMIT ? OFFSET ?",
        [*values, query.top, query.skip],
    ).to_pylist()
    digests = sorted({row["origin"] for row in rows if row["origin"] is not None})
    kept = db.table("SELECT * FROM refused_origins WHERE digest IN (SELECT unnest(?::VARCHAR[]))", [digests])
    origins = {
        of["digest"]: Origin(
            form=of["form"],
            body=of["body"],
            delivery=msgspec.json.decode(of["delivery"], type=Delivery),
            verified=of["verified"],
        )
        for of in kept.to_pylist()
    }
    return [
        RefusedRow(
            **{name: row[name] for name in ("refused_id", "position", "row", "raw", "reason", "detail")},
            taken_at=row["taken_at"].replace(tzinfo=UTC),
            origin=origins.get(row["origin"]),
            place=row["place"] or 0,
        )
        for row in rows
    ]


def _where(query: RefusedQuery) -> tuple[str, list[Any]]:
    parts = ["r.feed_id = ?", f"r.reoffered IS {'NOT ' if query.taken else ''}NULL"]
    values: list[Any] = [query.feed_id]
    if query.reason:
        parts.append("r.reason = ?")
        values.append(query.reason)
    if query.ids is not None:
        parts.append("r.refused_id IN (SELECT unnest(?::VARCHAR[]))")
        values.append(list(query.ids))
    return " AND ".join(parts), values


def open_ids(con: duckdb.DuckDBPyConnection, feed_id: str, ids: Sequence[str]) -> set[str]:
    """Those of some rows that are kept aside now."""
    sql = (
        "SELECT refused_id FROM refused WHERE feed_id = ? AND reoffered IS NULL"
        " AND refused_id IN (SELECT unnest(?::VARCHAR[]))"
    )
    return {row[0] for row in con.execute(sql, [feed_id, list(ids)]).fetchall()}


def settle(
    con: duckdb.DuckDBPyConnection,
    offer: Reoffer,
    told: Reoffered,
    taken: Sequence[str],
    still: dict[str, tuple[str, str]],
) -> None:
    """Write what became of rows: those taken leave the list, those that stay bear their reason as it is now."""
    us = micros(told.at)
    with registered(con, "settled", pa.table({"refused_id": pa.array(taken, pa.string())})):
        con.execute(
            "UPDATE refused SET reoffered = ? FROM settled s WHERE refused.refused_id = s.refused_id"
            " AND refused.feed_id = ? AND refused.reoffered IS NULL",
            [offer.position, offer.feed_id],
        )
    stays = pa.table(
        {
            "refused_id": pa.array(still, pa.string()),
            "reason": pa.array([reason for reason, _ in still.values()], pa.string()),
            "detail": pa.array([detail for _, detail in still.values()], pa.string()),
        }
    )
    with registered(con, "stays", stays):
        con.execute(
            "UPDATE refused SET reason = s.reason, detail = s.detail, tried_at = make_timestamp(?) FROM stays s"
            " WHERE refused.refused_id = s.refused_id AND refused.feed_id = ? AND refused.reoffered IS NULL",
            [us, offer.feed_id],
        )
    counts = msgspec.json.encode(told.still).decode()
    who = (offer.position, offer.feed_id, us, offer.by, offer.reason)
    con.execute(
        "INSERT INTO reoffers VALUES (?, ?, make_timestamp(?), ?, ?, ?, ?, ?, ?, ?)",
        [*who, told.offered, told.taken, told.accepted, told.repeated, counts],
    )


def last_reoffers(db: Database, limit: int) -> list[Reoffered]:
    """The last offers, oldest first."""
    found = db.table(
        "SELECT *, epoch_us(given_at) AS us FROM (SELECT * FROM reoffers ORDER BY given_at DESC, position LIMIT ?)"
        " ORDER BY given_at, position",
        [limit],
    )
    return [
        Reoffered(
            feed_id=row["feed_id"],
            position=row["position"],
            by=row["given_by"],
            reason=row["reason"],
            at=from_micros(row["us"]),
            offered=row["offered"],
            taken=row["taken"],
            accepted=row["accepted"],
            repeated=row["repeated"],
            still=msgspec.json.decode(row["still"], type=dict[str, int]),
        )
        for row in found.to_pylist()
    ]


def without_rows(batch: Decoded, gone: Sequence[int]) -> Decoded:
    """A batch without the readings of some rows."""
    if not gone:
        return batch
    keep = pc.invert(pc.is_in(batch.good["row"], pa.array(gone, pa.int64())))
    return replace(batch, good=batch.good.filter(keep))


def origins_of(batch: Decoded, refused: pa.Table) -> list[Placed | None]:
    """Where the rows kept aside of a batch come from: those its decoder refused, then those the store did."""
    if batch.origins is None or not refused.num_rows:
        return [None] * refused.num_rows
    numbers = refused["row"].to_pylist()
    first = batch.refused.num_rows
    numbered = "row" in batch.good.column_names
    try:
        found = batch.origins(numbers[:first], numbers[first:] if numbered else [])
    except InvalidReading:  # it could be read a moment ago; the rows are kept all the same
        return [None] * refused.num_rows
    return found + [None] * (refused.num_rows - len(found))
