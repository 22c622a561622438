"""A field store in memory."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from rencheng.adapters.files.arrow import bytes_from_table, table_from_bytes
from rencheng.kernel import NotFound

__all__ = ["MemoryFieldStore"]


class MemoryFieldStore:
    """A :class:`rencheng.assess.ports.FieldStore` that forgets when the process ends."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}

    def put(self, table: pa.Table) -> str:
        """Keep a table and give its content hash (hex)."""
        data = bytes_from_table(table)
        name = hashlib.sha256(data).hexdigest()
        self._bytes[name] = data
        return name

    def get(self, field: str) -> pa.Table:
        """Give a kept table.

        Raises
        ------
        NotFound
            If there is none of this name.
        """
        try:
            return table_from_bytes(self._bytes[field])
        except KeyError:
            raise NotFound(f"no field {field!r}", mend="Put it first: memory starts empty") from None
