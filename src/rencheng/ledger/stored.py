"""A stored entry: the columns every store keeps, from which the canonical bytes can be made again exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from rencheng.kernel import (
    Draft,
    FactId,
    InvalidInput,
    StorageFailed,
    canonical_json,
    fact_type_of,
    from_micros,
    micros,
)
from rencheng.ledger.entry import Entry, canonical_bytes, leaf_hash
from rencheng.ledger.upcast import body_reader

__all__ = ["StoredEntry", "canonical_bytes_of_stored", "entries_from_stored", "stored_from_draft"]

_EPOCH = from_micros(0)
_CAUSE = msgspec.json.Decoder(tuple[FactId, ...])


class StoredEntry(NamedTuple):
    """One row of a ledger store.

    Text that was signed is kept as it was signed: ``body`` is the JSON as recorded (under ``schema``, never rewritten
    by an upcaster) and ``cause`` a JSON array of fact ids. Instants are whole microseconds since 1970-01-01T00:00Z.
    """

    seq: int
    id: str
    stream: str
    version: int
    kind: str
    schema: int
    occurred_us: int
    recorded_us: int
    actor: str
    cause: str
    body: str
    leaf: bytes


def canonical_bytes_of_stored(row: StoredEntry) -> bytes:
    """Make the canonical bytes of an entry again from its stored columns.

    Raises
    ------
    ValueError, OverflowError
        If a column holds what no ledger could have written.
    """
    return canonical_bytes(
        id=row.id,
        stream=row.stream,
        version=row.version,
        kind=row.kind,
        schema=row.schema,
        occurred_at=from_micros(row.occurred_us),
        recorded_at=from_micros(row.recorded_us),
        actor=row.actor,
        cause=_CAUSE.decode(row.cause),
        body_json=row.body.encode(),
    )


def stored_from_draft(draft: Draft, *, seq: int, version: int, recorded_at: datetime) -> StoredEntry:
    """Make the row of a draft that is recorded at a position.

    Raises
    ------
    InvalidInput
        If the body could not be read back (a NaN where a number is required, a wrong type): a ledger that cannot be
        read again would be worse than a refused fact.
    """
    registered = fact_type_of(draft.body)
    body = canonical_json(draft.body)
    try:
        body_reader(registered.kind, registered.schema)(body)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            f"the body does not fit its own fields: {error}",
            where=f"fact {registered.kind} on stream {draft.stream}",
            mend="Give every field a value of its declared type; NaN and infinity are not values",
        ) from error
    canonical = canonical_bytes(
        id=draft.id,
        stream=draft.stream,
        version=version,
        kind=registered.kind,
        schema=registered.schema,
        occurred_at=draft.occurred_at,
        recorded_at=recorded_at,
        actor=draft.actor,
        cause=draft.cause,
        body_json=body,
    )
    return StoredEntry(
        seq=seq,
        id=draft.id,
        stream=draft.stream,
        version=version,
        kind=registered.kind,
        schema=registered.schema,
        occurred_us=micros(draft.occurred_at),
        recorded_us=micros(recorded_at),
        actor=draft.actor,
        cause=canonical_json(draft.cause).decode(),
        body=body.decode(),
        leaf=leaf_hash(canonical),
    )


def entries_from_stored(rows: Iterable[tuple[Any, ...]]) -> Iterator[Entry]:
    """Read rows (in the column order of :class:`StoredEntry`) as entries, bodies upcast to the current schema.

    Raises
    ------
    StorageFailed
        If a body does not decode; names the entry.
    InvalidInput
        If a fact is unknown or was written by a newer version.
    """
    # The loop that every fold, report and page load runs through: names are local, and the two instants are made
    # anew only when they change, since all entries of a turn share them.
    readers: dict[tuple[str, int], Callable[[str], Any]] = {}
    occurred_known = recorded_known = 0
    occurred_at = recorded_at = _EPOCH
    no_cause: tuple[FactId, ...] = ()
    for seq, id_, stream, version, kind, schema, occurred_us, recorded_us, actor, cause, body, leaf in rows:
        if occurred_us != occurred_known:
            occurred_known, occurred_at = occurred_us, _EPOCH + timedelta(microseconds=occurred_us)
        if recorded_us != recorded_known:
            recorded_known, recorded_at = recorded_us, _EPOCH + timedelta(microseconds=recorded_us)
        reader = readers.get((kind, schema))
        if reader is None:
            reader = readers[kind, schema] = body_reader(kind, schema, where=f"entry {seq}")
        try:
            fact = reader(body)
            causes = no_cause if cause == "[]" else _CAUSE.decode(cause)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise _unreadable(seq, kind, schema, error) from error
        yield Entry(
            seq=seq,
            id=id_,
            stream=stream,
            version=version,
            kind=kind,
            schema=schema,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            actor=actor,
            cause=causes,
            body=fact,
            leaf=leaf,
        )


def _unreadable(seq: int, kind: str, schema: int, error: Exception) -> StorageFailed:
    return StorageFailed(
        f"the body cannot be read: {error}",
        where=f"ledger entry {seq} ({kind}, schema {schema})",
        mend="Run `rencheng ledger verify`; if it finds no damage, the fact changed without an upcaster",
    )
