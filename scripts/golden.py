"""Write the golden sample of every registered fact that has none: ``python -m scripts.golden``.

A sample is one recorded entry, as JSON, with its leaf hash: ``tests/ledger/golden/<Kind>@<schema>.json``. Samples are
kept for ever and never overwritten: they prove that what was recorded years ago is still read, and still hashes
to the same leaf. The values are made from the types of the fields.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import json
import types
import typing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import rencheng
from rencheng.kernel import Draft, FactId, FactType, RenchengError, fact_types
from rencheng.ledger import StoredEntry
from rencheng.ledger.stored import canonical_bytes_of_stored, stored_from_draft

__all__ = ["FOLDER", "registered_facts", "sample_from_stored", "sample_name", "sample_of", "write_missing"]

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "ledger" / "golden"
_AT = datetime(2026, 6, 1, 8, 0, 0, 250000, tzinfo=UTC)
_SIMPLE: dict[Any, Any] = {int: 3, float: 0.25, bool: True, datetime: _AT, Any: "any", object: "any"}


def registered_facts() -> list[FactType]:
    """Every fact of every room, by name."""
    for path in sorted(Path(rencheng.__file__).parent.glob("*/facts.py")):
        importlib.import_module(f"rencheng.{path.parent.name}.facts")
    known = fact_types()
    return [known[kind] for kind in sorted(known) if known[kind].cls.__module__.startswith("rencheng.")]


def sample_name(fact: FactType) -> str:
    """File name of the sample of a fact's current schema."""
    return f"{fact.kind}@{fact.schema}.json"


def _value(kind: Any, name: str) -> Any:  # noqa: PLR0911 — one line per sort of type
    """A value of a type; text is the name of its field."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if origin in {typing.Union, types.UnionType}:
        return _value(next(t for t in inner if t is not type(None)), name)
    if origin is tuple:
        return tuple(_value(t, name) for t in inner if t is not Ellipsis)
    if origin is dict:
        return {_value(inner[0], f"{name} key"): _value(inner[1], name)}
    if origin is list:
        return [_value(inner[0], name)]
    if origin is typing.Literal:
        return inner[0]
    if dataclasses.is_dataclass(kind):
        return _instance(typing.cast("type", kind))
    if isinstance(kind, typing.NewType):
        return _value(kind.__supertype__, name)
    return next(iter(kind)) if isinstance(kind, enum.EnumType) else name


def _instance(cls: type) -> Any:
    hints = typing.get_type_hints(cls)
    return cls(**{field.name: _value(hints[field.name], field.name) for field in dataclasses.fields(cls)})


def sample_of(fact: FactType) -> dict[str, Any]:
    """Make the sample of a fact's current schema."""
    draft = Draft(stream="sample/1", body=_instance(fact.cls), occurred_at=_AT, actor="rule:sample")
    caused = Draft(
        stream="sample/1",
        body=draft.body,
        occurred_at=_AT,
        actor="rule:sample",
        cause=(draft.id, FactId(draft.id[::-1])),
    )
    return sample_from_stored(stored_from_draft(caused, seq=1, version=1, recorded_at=_AT))


def sample_from_stored(row: StoredEntry) -> dict[str, Any]:
    """Give a stored row as a sample: its canonical JSON and its leaf hash."""
    canonical: dict[str, Any] = msgspec.json.decode(canonical_bytes_of_stored(row))
    return {**canonical, "leaf": row.leaf.hex()}


def write_missing(folder: Path = FOLDER) -> list[str]:
    """Write the samples that are not there; give their names."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for fact in registered_facts():
        path = folder / sample_name(fact)
        if path.exists():
            continue
        try:
            sample = sample_of(fact)
        except (RenchengError, ValueError, TypeError) as error:
            print(f"{path.name}: a made-up value was refused ({error}); write this sample by hand")
            continue
        path.write_text(json.dumps(sample, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        written.append(path.name)
    return written


if __name__ == "__main__":
    for name in write_missing():
        print(name)
