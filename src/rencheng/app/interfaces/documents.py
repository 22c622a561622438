"""Schemas of interface classes as documents: made from the types, published per version; and checking a message."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import msgspec

from rencheng.app.interfaces.catalogue import InterfaceClass
from rencheng.kernel import InvalidInput, NotFound

__all__ = ["is_published", "published_schema", "published_versions", "read_message", "schema_bytes", "schema_document"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAME = re.compile(r"(?P<id>[a-z-]+)@(?P<version>\d+)\.json")


def schema_document(of: InterfaceClass) -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) of a class from the types that read it.

    A document is valid if it is one of the class's messages; ``x-messages`` tells which name leads to which.
    """
    refs, parts = msgspec.json.schema_components(tuple(of.messages.values()), ref_template="#/$defs/{name}")
    by_name = dict(zip(of.messages, refs, strict=True))
    return {
        "$schema": _DIALECT,
        "$id": f"urn:rencheng:schema:{of.id}:{of.version}",
        "title": f"{of.name.en} {of.name.zh}",
        "x-direction": of.direction,
        "x-carried": of.carried,
        "x-messages": by_name,
        "anyOf": list({json.dumps(ref, sort_keys=True): ref for ref in refs}.values()),
        "$defs": parts,
    }


def schema_bytes(of: InterfaceClass) -> bytes:
    """Schema of a class as it is published: JSON with sorted keys."""
    document = json.dumps(schema_document(of), ensure_ascii=False, indent=1, sort_keys=True)
    return (document + "\n").encode()


def is_published(of: InterfaceClass) -> bool:
    """Whether the published schema of a class is what its types say now, whatever it says in words."""
    return of.version in published_versions(of.id) and _bare(json.loads(published_schema(of.id, of.version))) == _bare(
        json.loads(schema_bytes(of))
    )


def _bare(document: Any) -> Any:
    """A schema without its descriptions, which may be put better at any time."""
    if isinstance(document, dict):
        words = {key for key in ("description", "title", "x-carried") if isinstance(document.get(key), str)}
        return {key: _bare(value) for key, value in document.items() if key not in words}
    return [_bare(value) for value in document] if isinstance(document, list) else document


def published_versions(name: str) -> list[int]:
    """Versions of a class that were published, ascending."""
    found = (_NAME.fullmatch(file.name) for file in (files(__package__) / "schemas").iterdir())
    return sorted(int(match["version"]) for match in found if match and match["id"] == name)


def published_schema(name: str, version: int) -> bytes:
    """Schema of a class as it was published in a version.

    Raises
    ------
    NotFound
        If there is no such class or version.
    """
    known = published_versions(name)
    if version not in known:
        mend = f"Published: {', '.join(map(str, known))}" if known else "List them with GET /api/schemas"
        raise NotFound(f"no schema of {name!r} in version {version}", mend=mend)
    return (files(__package__) / "schemas" / f"{name}@{version}.json").read_bytes()


def read_message(of: InterfaceClass, message: str, raw: bytes) -> object:
    """Read a message of a class from JSON, as the house itself does.

    Raises
    ------
    NotFound
        If the class has no such message.
    InvalidInput
        If it does not conform: names the place within it and the reason.
    """
    kind = of.messages.get(message)
    if kind is None:
        raise NotFound(f"{of.id} has no message {message!r}", mend=f"Use one of: {', '.join(of.messages)}")
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        what, _, place = str(error).partition(" - at `")
        where = f"{of.id} {message} {place.rstrip('`')}".rstrip()
        raise InvalidInput(what, where=where, mend=f"See GET /api/schemas/{of.id}/{of.version}") from error
    except InvalidInput as error:
        where = f"{of.id} {message} {error.where}".rstrip()
        raise InvalidInput(error.what, where=where, mend=error.mend) from error
