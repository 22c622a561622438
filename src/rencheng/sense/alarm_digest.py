"""One word for all alarms of a store: two ways of detecting agree where it is the same."""

from __future__ import annotations

import hashlib

import msgspec
import pyarrow as pa

from rencheng.sense.detection import ALARM_SCHEMA

__all__ = ["alarm_digest"]


def alarm_digest(alarms: pa.Table) -> str:
    """Digest alarm rows whatever their order and whichever number they were given.

    Parameters
    ----------
    alarms : pyarrow.Table
        :data:`rencheng.sense.detection.ALARM_SCHEMA`, with or without ``seq``.

    Returns
    -------
    str
        SHA-256 over the rows in the order of their text, in hexadecimal. Numbers count to their last bit.

    Examples
    --------
    >>> alarm_digest(ALARM_SCHEMA.empty_table())[:8]
    'e3b0c442'
    """
    columns = []
    for name in ALARM_SCHEMA.names:
        column = alarms[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        values = column.to_pylist()
        columns.append([v.hex() for v in values] if pa.types.is_floating(column.type) else values)
    digest = hashlib.sha256()
    for row in sorted(msgspec.json.encode(row) for row in zip(*columns, strict=True)):
        digest.update(row + b"\n")
    return digest.hexdigest()
