"""Facts as they go over the wire: JSON in which an H3 cell is its hexadecimal text.

A cell is a 64-bit integer in every store, more than a JSON number can carry into a browser without loss.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rencheng.kernel import cell_text
from rencheng.ledger import Entry

__all__ = ["fact_json", "fact_record"]

_CELL_FIELDS = frozenset({"cell", "cells"})


def fact_record(entry: Entry) -> dict[str, Any]:
    """Give an entry as plain data: seq, id, stream, kind, schema, occurred_at, recorded_at, actor, cause, body."""
    return {
        "seq": entry.seq,
        "id": entry.id,
        "stream": entry.stream,
        "kind": entry.kind,
        "schema": entry.schema,
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "actor": entry.actor,
        "cause": entry.cause,
        "body": _with_cell_text(msgspec.to_builtins(entry.body)),
    }


def fact_json(entry: Entry) -> bytes:
    """Give an entry as one line of JSON."""
    return msgspec.json.encode(fact_record(entry))


def _with_cell_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cells(item) if key in _CELL_FIELDS else _with_cell_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_cell_text(item) for item in value]
    return value


def _cells(value: Any) -> Any:
    if isinstance(value, int):
        return cell_text(value)
    if isinstance(value, list | tuple):
        return [_cells(item) for item in value]
    return value
