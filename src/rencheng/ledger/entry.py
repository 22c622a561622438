"""An entry: a fact as the ledger keeps it, and its canonical bytes and leaf hash."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from rencheng.kernel import Draft, FactId, fact_type_of, format_instant

__all__ = ["Entry", "canonical_bytes", "entry_from_draft", "leaf_hash"]


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A recorded fact.

    A msgspec structure rather than a dataclass: folding reads hundreds of thousands of these a second.

    Attributes
    ----------
    seq : int
        Position in the whole ledger, 1, 2, 3 … without gaps.
    id : FactId
        Content-derived name; what ``cause`` refers to.
    stream, version : str, int
        What the fact is about and its position (1, 2, 3 …) within that stream.
    kind, schema : str, int
        Registered name and the schema number the body was recorded under.
    occurred_at, recorded_at : datetime
        When it happened; when the ledger took it. Aware UTC.
    actor : str
        Who or what decided.
    cause : tuple of FactId
        Facts that led to it.
    body : object
        The fact itself, upcast to the current schema.
    leaf : bytes
        RFC 6962 leaf hash over the canonical bytes, 32 bytes.
    """

    seq: int
    id: FactId
    stream: str
    version: int
    kind: str
    schema: int
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    cause: tuple[FactId, ...]
    body: Any
    leaf: bytes


def leaf_hash(canonical: bytes) -> bytes:
    """RFC 6962 §2.1 leaf hash, SHA-256(0x00 ‖ bytes).

    Examples
    --------
    >>> leaf_hash(b"").hex()[:16]
    '6e340b9cffb37a98'
    """
    return hashlib.sha256(b"\x00" + canonical).digest()


def canonical_bytes(
    *,
    id: str,  # noqa: A002 — the field's own name
    stream: str,
    version: int,
    kind: str,
    schema: int,
    occurred_at: datetime,
    recorded_at: datetime,
    actor: str,
    cause: tuple[str, ...],
    body_json: bytes,
) -> bytes:
    """Give the one byte string that stands for an entry: JSON with sorted keys, no spaces, body as recorded."""
    head = {
        "actor": actor,
        "body": msgspec.Raw(body_json),
        "cause": cause,
        "id": id,
        "kind": kind,
        "occurred_at": format_instant(occurred_at),
        "recorded_at": format_instant(recorded_at),
        "schema": schema,
        "stream": stream,
        "version": version,
    }
    return msgspec.json.encode(head)


def entry_from_draft(draft: Draft, *, seq: int, version: int, recorded_at: datetime, body_json: bytes) -> Entry:
    """Make the entry of a draft that the ledger accepts at a position."""
    registered = fact_type_of(draft.body)
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
        body_json=body_json,
    )
    return Entry(
        seq=seq,
        id=draft.id,
        stream=draft.stream,
        version=version,
        kind=registered.kind,
        schema=registered.schema,
        occurred_at=draft.occurred_at,
        recorded_at=recorded_at,
        actor=draft.actor,
        cause=draft.cause,
        body=draft.body,
        leaf=leaf_hash(canonical),
    )
