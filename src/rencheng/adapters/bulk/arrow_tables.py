"""Bulk bodies that are tables already: Arrow IPC (stream or file) and Parquet, from strangers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.kernel import InvalidReading
from rencheng.sense.feed import FeedConfig

__all__ = ["read_columns"]

_FILE_MAGIC = b"ARROW1"
_LEGIBLE = (
    pa.types.is_string,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_timestamp,
    pa.types.is_date,
    pa.types.is_null,
)
_TEXT = (pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary)


def read_columns(config: FeedConfig, body: bytes, names: list[str]) -> pa.Table:
    """Read the named columns of an Arrow IPC or Parquet body; others are never touched.

    Every buffer is validated before it is used, and reading stops at ``max_decoded_bytes``.

    Raises
    ------
    InvalidReading
        If the body is no such table, a column is missing or there twice, or it unfolds to more than allowed.
    """
    where = f"feed {config.id!r}"
    try:
        source = _parquet(body, names, where) if config.format == "parquet" else _ipc(body, names, where)
        return _bounded(source, config.max_decoded_bytes, where)
    except InvalidReading:
        raise
    except (pa.ArrowException, OSError, MemoryError, ValueError, OverflowError, LookupError, TypeError) as error:
        raise InvalidReading(
            f"not readable as {config.format}: {' '.join(str(error).split())[:300]}",
            where=where,
            mend="Send an Arrow IPC stream or file, or a Parquet file; nothing was taken",
        ) from error


def _bounded(batches: Iterator[pa.Table], limit: int, where: str) -> pa.Table:
    parts: list[pa.Table] = []
    size = 0
    for part in batches:
        part.validate(full=True)  # offsets and indices of strangers are not to be trusted
        size += part.nbytes
        if size > limit:
            raise InvalidReading(
                f"the table has {size} bytes or more, the feed allows {limit}",
                where=where,
                mend="Send it in smaller parts, or raise the limit in the feed configuration; nothing was taken",
            )
        parts.append(_plain_text(part))
    whole = pa.concat_tables(parts)
    for field in whole.schema:
        if not any(is_kind(field.type) for is_kind in _LEGIBLE) and not _is_coded_text(field.type):
            raise InvalidReading(
                f"the column {field.name!r} is of the type {field.type}",
                where=where,
                mend="Send text, numbers or stamps; nothing was taken",
            )
    return whole


def _is_coded_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type))


def _plain_text(table: pa.Table) -> pa.Table:
    """Text of any Arrow kind as plain strings, so that one code reads them all."""
    for number, field in enumerate(table.schema):
        if any(is_kind(field.type) for is_kind in _TEXT):
            table = table.set_column(number, field.name, table.column(number).cast(pa.string()))
    return table


def _ipc(body: bytes, names: list[str], where: str) -> Iterator[pa.Table]:
    buffer = pa.BufferReader(body)
    is_file = body.startswith(_FILE_MAGIC)
    opened = pa.ipc.open_file if is_file else pa.ipc.open_stream
    wanted = _indices(opened(buffer).schema, names, where)
    buffer.seek(0)
    reader = opened(buffer, options=pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False))
    yield reader.schema.empty_table()
    if is_file:
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])
    else:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _parquet(body: bytes, names: list[str], where: str) -> Iterator[pa.Table]:
    file = pq.ParquetFile(pa.BufferReader(body))
    schema = file.schema_arrow
    _indices(schema, names, where)
    yield pa.schema([schema.field(name) for name in names]).empty_table()
    for number in range(file.num_row_groups):
        yield file.read_row_group(number, columns=names, use_threads=False).select(names)


def _indices(schema: pa.Schema, names: list[str], where: str) -> list[int]:
    found = {name: schema.get_all_field_indices(name) for name in names}
    for name, places in found.items():
        if len(places) != 1:
            raise InvalidReading(
                f"there is no column {name!r}; there are {', '.join(schema.names) or 'none'}"
                if not places
                else f"the column {name!r} is there {len(places)} times",
                where=where,
                mend="Name the columns of the feed in its configuration; nothing was taken",
            )
    return sorted(places[0] for places in found.values())
