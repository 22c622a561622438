"""Tables to bytes and back: equal tables give equal bytes, however they were put together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.ipc

__all__ = ["bytes_from_table", "table_from_bytes"]


def bytes_from_table(table: pa.Table) -> bytes:
    """Write a table as one Arrow IPC file (format V5, one record batch, not compressed).

    Chunks are joined and every column is copied once, so that slices, chunk borders and whatever lies under null
    slots leave no trace in the bytes.
    """
    table = table.combine_chunks()
    whole = table.take(pa.array(np.arange(table.num_rows, dtype=np.int64))).combine_chunks()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(metadata_version=pa.ipc.MetadataVersion.V5, compression=None, use_threads=False)
    with pa.ipc.new_file(sink, whole.schema, options=options) as writer:
        writer.write_table(whole)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def table_from_bytes(data: bytes) -> pa.Table:
    """Read the table of :func:`bytes_from_table` (without copying; the table keeps the bytes alive)."""
    with pa.ipc.open_file(pa.BufferReader(data)) as reader:
        return reader.read_all()
