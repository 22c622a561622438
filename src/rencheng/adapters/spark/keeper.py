"""One shard's memory and its turn, ``step(state, parcels) -> (state, readings, alarms)``, by the store's own parts.

Nothing here knows of Spark. Channels are numbered, readings sorted, checked and given to the rules by the functions
that the DuckDB store calls in its transaction; what differs is where the state is kept in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.gathering import Gathered
from rencheng.adapters.duckdb.journal import check_touched
from rencheng.adapters.duckdb.registry import ChannelRegistry, states_from_blobs
from rencheng.adapters.duckdb.sorting import Sorted, sort_batch
from rencheng.adapters.spark.parcels import Parcel
from rencheng.adapters.spark.plan import QUANTITY_NAMES, ShardPlan
from rencheng.kernel import Conflict
from rencheng.science.detection.step import reckon_due
from rencheng.sense.detection import DetectionDesk
from rencheng.sense.detection_rules import DetectionRules
from rencheng.sense.ports import QualityFlag

__all__ = ["READINGS_SCHEMA", "STATE_VERSION", "Earlier", "ShardKeeper", "ShardTurn"]

STATE_VERSION = 1
READINGS_SCHEMA = pa.schema(
    [
        ("sensor_id", pa.dictionary(pa.int32(), pa.string())),
        ("quantity", pa.dictionary(pa.int32(), pa.string())),
        ("at", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
        ("flags", pa.int32()),  # bits of QualityFlag; Spark has no unsigned numbers
    ]
)
"""Columns of the readings that are written, by channel and stamp."""

Earlier = Callable[[Sequence[tuple[str, str]], int, int], "_Rows"]
"""Stored readings of some channels: ``(names, first and last stamp) -> (place of the name, stamp, value)``."""

_Kept = tuple[int, int, list[str], list[str], bytes, bytes, bytes]
_FLAGS = np.uint16


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTurn:
    """What a turn of a shard brought.

    Parameters
    ----------
    readings : pyarrow.Table
        :data:`READINGS_SCHEMA`, newly stored.
    alarms : pyarrow.Table
        :data:`rencheng.sense.detection.ALARM_SCHEMA`.
    offered : int
        Readings that came, those that were stored already among them.
    clock_us : int
        Event time up to which timers have run out.
    """

    readings: pa.Table
    alarms: pa.Table
    offered: int
    clock_us: int


class ShardKeeper:
    """Channels, quality control and detectors of one shard.

    Parameters
    ----------
    plan : ShardPlan
        Which channels are its own.
    shard : int
        Its number.
    rules : DetectionRules
        What means an alarm.
    """

    def __init__(self, plan: ShardPlan, shard: int, rules: DetectionRules) -> None:
        self.shard = shard
        self._plan = plan
        self._rules = rules
        self._channels = plan.channels_of(shard)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.turns = 0
        self.desk = DetectionDesk(self._rules, self._channels)
        self.registry = ChannelRegistry(self._channels, self.desk)

    def load(self, data: bytes | None) -> None:
        """Take up what :meth:`save` gave; nothing for a shard that never had a turn.

        Raises
        ------
        Conflict
            If another version of Rencheng wrote it in a form that this one does not know.
        """
        if data is None:
            self._begin_anew()
            return
        plain = pa.decompress(data[8:], decompressed_size=int.from_bytes(data[:8], "little"), codec="zstd")
        kept = msgspec.msgpack.decode(plain, type=_Kept)
        if kept[0] != STATE_VERSION:
            raise Conflict(
                f"state has version {kept[0]}, this program reads {STATE_VERSION}",
                where=f"shard {self.shard}",
                mend="Go on with the version of Rencheng that wrote it, or begin in another --out folder",
            )
        names = list(zip(kept[2], kept[3], strict=True))
        if names != self.registry.names:
            self._begin_anew()
            self.registry.add_many(names)
        self.turns = kept[1]
        self.registry.states[:] = states_from_blobs([kept[4]])
        self.desk.load_page(0, kept[5])
        self.desk.unpack(kept[6])
        reckon_due(self.desk.state)

    def save(self) -> bytes:
        """Give all that is remembered as bytes; the same memory gives the same bytes."""
        names = self.registry.names
        kept: _Kept = (
            STATE_VERSION,
            self.turns,
            [sensor for sensor, _ in names],
            [of for _, of in names],
            self.registry.states.tobytes(),
            self.desk.page(0, len(names)),
            self.desk.packed(),
        )
        plain = msgspec.msgpack.encode(kept)
        return len(plain).to_bytes(8, "little") + bytes(pa.compress(plain, codec="zstd", asbytes=True))

    def step(self, parcels: Sequence[Parcel], earlier: Earlier) -> ShardTurn:
        """Take the parcels of one turn.

        Parameters
        ----------
        parcels : sequence of Parcel
            In any order; they are taken in that of their arrival, then of their files' names.
        earlier : callable
            Gives readings stored before, by which repeats and second values are known.
        """
        ordered = sorted(parcels, key=lambda parcel: (parcel.arrived_us, parcel.path))
        gathered = self._gather(ordered)
        new = self._without_stored(sort_batch(gathered), earlier)
        flags = check_touched(self.registry, new, _arrival_flags(new, ordered))
        newest = max((parcel.newest_us for parcel in ordered), default=self.desk.clock_us)
        alarms = self.desk.take(new.channel, new.at, new.value, flags, newest_us=newest)
        self.desk.take_moved()  # asked for by stores that write some channels only
        self.turns += 1
        return ShardTurn(
            readings=self._table(new, flags),
            alarms=self.desk.table(alarms),
            offered=len(gathered.at),
            clock_us=self.desk.clock_us,
        )

    def _gather(self, parcels: Sequence[Parcel]) -> Gathered:
        """Number the channels; new ones in the order of their names, whatever came first."""
        kinds = len(QUANTITY_NAMES)
        keys = [parcel.sensor.astype(np.int64) * kinds + parcel.quantity for parcel in parcels]
        key = _joined(keys, np.int64)
        coded = pa.array(key).dictionary_encode()
        distinct = np.asarray(coded.dictionary, dtype=np.int64)
        ranked = np.sort(distinct)
        sensors = self._plan.sensor_ids.take(pa.array(ranked // kinds)).to_pylist()
        number = self.registry.numbers(sensors, [QUANTITY_NAMES[k] for k in (ranked % kinds).tolist()])
        touched = np.sort(number)
        local = np.searchsorted(touched, number[np.searchsorted(ranked, distinct)])
        return Gathered(
            touched=touched,
            local=local[np.asarray(coded.indices, dtype=np.int64)],
            at=_joined([parcel.at for parcel in parcels], np.int64),
            value=_joined([parcel.value for parcel in parcels], np.float64),
            part=np.repeat(np.arange(len(parcels), dtype=np.int32), [len(parcel.at) for parcel in parcels]),
            refused=[],
        )

    def _without_stored(self, batch: Sorted, earlier: Earlier) -> Sorted:
        """Leave out readings that are stored already, and mark those whose stamp has another value in the store."""
        newest = self.registry.states["newest_at"][batch.touched]
        maybe = np.flatnonzero(batch.at <= newest[batch.local])
        if not len(maybe):
            return batch
        channel = batch.channel[maybe]
        asked, place = np.unique(channel, return_inverse=True)
        names = [self.registry.names[k] for k in asked.tolist()]
        of, at, value = earlier(names, int(batch.at[maybe].min()), int(batch.at[maybe].max()))
        there, same = _found_again((place, batch.at[maybe], batch.value[maybe]), (of, at, value))
        batch.second[maybe[there]] = True
        keep = np.ones(len(batch.at), dtype=bool)
        keep[maybe[same]] = False
        return batch.keep(keep)

    def _table(self, new: Sorted, flags: NDArray[np.uint16]) -> pa.Table:
        touched = [self.registry.names[k] for k in new.touched.tolist()]
        local = pa.array(new.local.astype(np.int32))
        sensor = pa.array([sensor for sensor, _ in touched], pa.string())
        of = pa.array([of for _, of in touched], pa.string()).dictionary_encode()
        columns = [
            pa.DictionaryArray.from_arrays(local, sensor),
            pa.DictionaryArray.from_arrays(of.indices.take(local), of.dictionary),
            pa.array(new.at).cast(READINGS_SCHEMA.field("at").type),
            pa.array(new.value),
            pa.array(flags.astype(np.int32)),
        ]
        return pa.table(columns, schema=READINGS_SCHEMA)


def _joined(arrays: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=dtype)


def _arrival_flags(new: Sorted, parcels: Sequence[Parcel]) -> NDArray[np.uint16]:
    """Flag what the stamps alone tell: second values, late ones, those ahead of the clock."""
    flags = new.second.astype(_FLAGS) * _FLAGS(QualityFlag.DUPLICATE_STAMP)
    if len(flags):
        late = np.array([parcel.late_us for parcel in parcels], dtype=np.int64)
        ahead = np.array([parcel.ahead_us for parcel in parcels], dtype=np.int64)
        flags[new.at < late[new.part]] |= _FLAGS(QualityFlag.LATE)
        flags[new.at > ahead[new.part]] |= _FLAGS(QualityFlag.FUTURE)
    return flags


_Rows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _found_again(asked: _Rows, stored: _Rows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the asked (channel, stamp, value) have their stamp in the store, and which their value too."""
    pair = np.dtype([("channel", np.int64), ("at", np.int64)])
    whole = np.dtype([*pair.descr, ("value", np.float64)])

    def rows(of: _Rows, dtype: np.dtype[Any]) -> NDArray[Any]:
        out = np.zeros(len(of[0]), dtype=dtype)
        for name, column in zip(dtype.names or (), of, strict=False):
            out[name] = column + 0.0 if name == "value" else column  # one zero, whichever its sign
        return out

    there = np.isin(rows(asked, pair), rows(stored, pair))
    return there, there & np.isin(rows(asked, whole), rows(stored, whole))
