"""What assessment needs from outside."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

__all__ = ["FieldStore"]


class FieldStore(Protocol):
    """Large tables and rasters kept as files on the side, named by the SHA-256 of their bytes."""

    def put(self, table: pa.Table) -> str:
        """Store a table durably and give its content hash (hex); the same table gives the same hash."""
        ...

    def get(self, field: str) -> pa.Table:
        """Give a stored table; ``NotFound`` if absent, ``StorageFailed`` if its bytes no longer match the name."""
        ...
