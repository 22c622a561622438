"""Named SQL queries, read once from the ``.sql`` files beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

__all__ = ["QUERIES", "SCHEMA"]

_MARK = "-- name: "


def _named(text: str) -> Mapping[str, str]:
    """Split a file into its queries: each begins with a line ``-- name: what_it_does``."""
    blocks = (block.split("\n", 1) for block in text.split(_MARK)[1:])
    return MappingProxyType({name.strip(): sql.strip() for name, sql in blocks})


def _read(name: str) -> str:
    return files("rencheng.adapters.sqlite").joinpath(name).read_text(encoding="utf-8")


SCHEMA: str = _read("schema.sql")
"""The statements that make an empty ledger."""

QUERIES: Mapping[str, str] = _named(_read("queries.sql"))
"""Query text by name."""
