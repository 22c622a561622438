"""From files to shards: the readings of a file in parcels, one for every shard, as bytes.

A row engine that moves ten million readings one by one spends its time on that. Here a row is a parcel: the columns of
all readings of one file for one shard. Every shard is sent one, if only to be told of the newest stamp, by which the
clocks of all shards go alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.adapters.bulk import decode
from rencheng.adapters.duckdb.gathering import refused_of
from rencheng.adapters.spark.plan import QUANTITY_NAMES, UNKNOWN, ShardPlan
from rencheng.kernel import InvalidReading
from rencheng.sense.batch import REFUSED_SCHEMA, Decoded, RefusalReason
from rencheng.sense.feed import FeedConfig

__all__ = ["FileNote", "Parcel", "decoded_file", "pack", "parcels_of", "rows_aside", "unpack"]

_NUMBER_OF = {name: number for number, name in enumerate(QUANTITY_NAMES)}
_FOREVER_S = 1e11
"""Longer than any run; keeps microseconds within 64 bits."""
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNote:
    """What became of a file at the border.

    Parameters
    ----------
    path : str
        The file.
    rows, refused : int
        Rows it has, and rows kept aside.
    detail : str
        Why nothing of it could be taken; empty otherwise.
    aside : bytes
        Rows kept aside, as an Arrow IPC stream.
    """

    path: str
    rows: int
    refused: int
    detail: str = ""
    aside: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Readings of one file for one shard.

    Parameters
    ----------
    path : str
        The file; parcels of a turn are taken in the order of arrival, then of path.
    arrived_us : int
        When the file arrived.
    newest_us : int
        Newest stamp of the whole file that is believed; :data:`NEVER` if there is none.
    late_us, ahead_us : int
        Stamps before the one are late, behind the other ahead of their time.
    sensor : array of int32
        Places in the plan's sensors, shape (n,), in the order of the file.
    quantity : array of int16
        Places in :data:`rencheng.adapters.spark.plan.QUANTITY_NAMES`.
    at : array of int64
        Microseconds since 1970.
    value : array of float64
        SI unit.
    note : FileNote, optional
        In the parcel to one shard of each file.
    """

    path: str
    arrived_us: int
    newest_us: int
    late_us: int
    ahead_us: int
    sensor: NDArray[np.int32]
    quantity: NDArray[np.int16]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    note: FileNote | None = None


_Packed = tuple[str, int, int, int, int, bytes, bytes, bytes, bytes, FileNote | None]


def pack(parcel: Parcel) -> bytes:
    """Give a parcel as bytes."""
    columns = [getattr(parcel, name).tobytes() for name in ("sensor", "quantity", "at", "value")]
    head = [getattr(parcel, name) for name in ("path", "arrived_us", "newest_us", "late_us", "ahead_us")]
    return msgspec.msgpack.encode((*head, *columns, parcel.note))


def unpack(data: bytes) -> Parcel:
    """Read a parcel back."""
    path, arrived, newest, late, ahead, sensor, quantity, at, value, note = msgspec.msgpack.decode(data, type=_Packed)
    return Parcel(
        path=path,
        arrived_us=arrived,
        newest_us=newest,
        late_us=late,
        ahead_us=ahead,
        sensor=np.frombuffer(sensor, dtype=np.int32),
        quantity=np.frombuffer(quantity, dtype=np.int16),
        at=np.frombuffer(at, dtype=np.int64),
        value=np.frombuffer(value, dtype=np.float64),
        note=note,
    )


def decoded_file(config: FeedConfig, path: str) -> tuple[Decoded, str]:
    """Decode a file as its feed says; a file of which nothing can be taken gives no readings and the reason."""
    try:
        return decode(config, _local(path)), ""
    except InvalidReading as refusal:
        return Decoded(good=_NOTHING, limits=config.limits), str(refusal)


_NOTHING = pa.table(
    {
        "sensor_id": pa.array([], pa.dictionary(pa.int32(), pa.string())),
        "quantity": pa.array([], pa.dictionary(pa.int32(), pa.string())),
        "at": pa.array([], pa.timestamp("us", tz="UTC")),
        "value": pa.array([], pa.float64()),
        "row": pa.array([], pa.int64()),
    }
)


def _local(uri: str) -> Path | bytes:
    """A file of a mounted folder by its path; the bytes of one that lies in HDFS or an object store."""
    parts = urlsplit(uri)
    if parts.scheme in {"", "file"}:
        return Path(unquote(parts.path))
    from pyarrow.fs import FileSystem

    system, path = FileSystem.from_uri(uri)
    with system.open_input_file(path) as source:
        return bytes(source.read())


def parcels_of(
    plan: ShardPlan, decoded: Decoded, *, path: str, arrived_us: int, detail: str = ""
) -> Iterator[tuple[int, Parcel]]:
    """Divide the readings of a file among all shards; unknown sensors and stamps too far ahead are kept aside.

    Yields
    ------
    tuple of int and Parcel
        Shard and what it is sent, shard by shard.
    """
    good, limits = decoded.good, decoded.limits
    late, ahead, beyond = (
        round(side * min(span, _FOREVER_S) * 1e6) + arrived_us
        for side, span in ((-1, limits.allowance_late_s), (1, limits.clock_ahead_s), (1, limits.future_limit_s))
    )
    sensor, words = _coded(good["sensor_id"])
    place = plan.places(words)[sensor] if len(words) else np.zeros(0, dtype=np.int64)
    of, names = _coded(good["quantity"])
    number = np.array([_NUMBER_OF.get(name, UNKNOWN) for name in names.to_pylist()], dtype=np.int64)
    at = np.asarray(good["at"].cast(pa.int64()).to_numpy(), dtype=np.int64)
    value = np.asarray(good["value"].to_numpy(), dtype=np.float64)
    quantity = number[of] if len(number) else np.zeros(0, dtype=np.int64)
    unknown = (place == UNKNOWN) | (quantity == UNKNOWN)
    future = ~unknown & (at > beyond)
    refused = _aside(decoded, unknown, future)
    shard = np.full(len(at), plan.shards, dtype=np.int64)
    for code, name in enumerate(names.to_pylist()):
        mine = np.flatnonzero((of == code) & ~unknown & ~future)
        shard[mine] = plan.shards_of(place[mine], name)
    order = np.argsort(shard.astype(np.int16), kind="stable")
    bounds = np.searchsorted(shard[order], np.arange(plan.shards + 1))
    believed = at[~unknown & (at <= min(ahead, beyond))]
    columns = (place.astype(np.int32)[order], quantity.astype(np.int16)[order], at[order], value[order])
    note = FileNote(path=path, rows=decoded.rows, refused=refused.num_rows, detail=detail, aside=_stream(refused))
    for k in range(plan.shards):
        own = slice(int(bounds[k]), int(bounds[k + 1]))
        yield (
            k,
            Parcel(
                path=path,
                arrived_us=arrived_us,
                newest_us=int(believed.max()) if len(believed) else int(NEVER),
                late_us=late,
                ahead_us=ahead,
                sensor=columns[0][own],
                quantity=columns[1][own],
                at=columns[2][own],
                value=columns[3][own],
                note=note if k == 0 else None,
            ),
        )


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], pa.Array]:
    """Number of each row's word, and the words."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    return np.asarray(whole.indices, dtype=np.int64), whole.dictionary


def _aside(decoded: Decoded, unknown: NDArray[np.bool_], future: NDArray[np.bool_]) -> pa.Table:
    if not (unknown.any() or future.any()):
        return decoded.refused
    tables = [
        decoded.refused,
        refused_of(decoded.good, unknown, RefusalReason.UNKNOWN_SENSOR, "not in the city's table of sensors"),
        refused_of(
            decoded.good, future, RefusalReason.FUTURE_TIME, "ahead of its arrival by more than the feed allows"
        ),
    ]
    return pa.concat_tables([table.select(REFUSED_SCHEMA.names).cast(REFUSED_SCHEMA) for table in tables])


def _stream(table: pa.Table) -> bytes:
    if not table.num_rows:
        return b""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found: Any = sink.getvalue().to_pybytes()
    return bytes(found)


def rows_aside(notes: Iterable[FileNote]) -> pa.Table:
    """Rows kept aside, with the file each came in."""
    tables = [REFUSED_SCHEMA.insert(0, pa.field("path", pa.string())).empty_table()]
    for note in notes:
        if note.aside:
            table = pa.ipc.open_stream(note.aside).read_all()
            tables.append(table.add_column(0, "path", pa.array([note.path] * len(table), pa.string())))
    return pa.concat_tables(tables)
