"""Detection under Structured Streaming: files in, parcels by shard, a state per shard, turns that count once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from rencheng.adapters.spark.earlier import EarlierReadings
from rencheng.adapters.spark.files import write_whole
from rencheng.adapters.spark.keeper import ShardKeeper, ShardTurn
from rencheng.adapters.spark.parcels import Parcel, decoded_file, pack, parcels_of, unpack
from rencheng.adapters.spark.plan import ShardPlan
from rencheng.adapters.spark.turns import ShardNote, TurnNote, commit_turn, staging
from rencheng.sense.detection_rules import DetectionRules
from rencheng.sense.feed import FeedConfig

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.streaming.state import GroupState

__all__ = ["ScaleOut"]

_SOURCE = "path STRING, modificationTime TIMESTAMP, length LONG, content BINARY"
_PARCELS = "shard INT, parcel BINARY"
_NOTES = "shard INT, note BINARY"
_STATE = "state BINARY"
_BATCH = "streaming.sql.batchId"
_OLDEST = "400d"
"""Spark passes over a file so much older than the newest, without a word; its own limit is a week."""
_KEEPERS: dict[tuple[str, int], ShardKeeper] = {}
"""Shards whose channels this Python process has listed before, which saves listing them again with every turn. Their
memory is read from Spark's state every time."""
_MOST_CHANNELS = 500_000
"""Channels of shards listed in one process; about two kilobytes each."""


@dataclass(frozen=True, kw_only=True)
class ScaleOut:
    """What tasks need to know; goes to the executors.

    Parameters
    ----------
    source, out : Path
        Folder of files that come, and folder of the output; every executor sees them under these names.
    plan : ShardPlan
        Which channel belongs to which shard.
    rules : DetectionRules
        What means an alarm.
    config : FeedConfig
        How files are read.
    files_per_turn : int
        Files of a turn at most; a turn is a transaction.
    every_s : float
        Pause from turn to turn while files come on.
    """

    source: Path
    out: Path
    plan: ShardPlan
    rules: DetectionRules
    config: FeedConfig
    files_per_turn: int = 16
    every_s: float = 10.0

    def start(
        self, spark: SparkSession, on_turn: Callable[[TurnNote], None], *, follow: bool = False
    ) -> StreamingQuery:
        """Start the stream; it ends with the files that are there, or follows those that come.

        Parameters
        ----------
        spark : SparkSession
            The session.
        on_turn : callable
            Told of every turn once it counts, in order; a turn may be told again after a kill.
        follow : bool
            Whether to wait for more files.
        """

        def commit(notes: DataFrame, batch: int) -> None:
            shards = [msgspec.msgpack.decode(bytes(row.note), type=ShardNote) for row in notes.collect()]
            if shards:
                on_turn(commit_turn(self.out, batch, shards))

        from pyspark.sql import functions as f

        files = (
            spark.readStream.format("binaryFile")
            .schema(_SOURCE)
            .option("maxFilesPerTrigger", self.files_per_turn)
            .option("maxFileAge", _OLDEST)
            .load(self.source.as_uri())
            .select("path", f.unix_micros("modificationTime").alias("arrived_us"))
        )
        notes = (
            files.mapInArrow(self._parcels, _PARCELS)
            .groupBy("shard")
            .applyInPandasWithState(self._turn, _NOTES, _STATE, "append", "NoTimeout")
        )
        writer = notes.writeStream.foreachBatch(commit).option("checkpointLocation", str(self.out / "checkpoint"))
        if follow:
            return writer.trigger(processingTime=f"{round(self.every_s * 1000)} milliseconds").start()
        return writer.trigger(availableNow=True).start()

    def _parcels(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Task at the border: read files and divide them among the shards."""
        pa.set_cpu_count(1)
        for batch in batches:
            for row in batch.to_pylist():
                decoded, detail = decoded_file(self.config, row["path"])
                divided = list(
                    parcels_of(self.plan, decoded, path=row["path"], arrived_us=row["arrived_us"], detail=detail)
                )
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array([shard for shard, _ in divided], pa.int32()),
                        pa.array([pack(parcel) for _, parcel in divided], pa.binary()),
                    ],
                    names=["shard", "parcel"],
                )

    def _turn(self, key: tuple[Any, ...], frames: Iterable[Any], state: GroupState) -> Iterator[Any]:
        """Task of a shard: take its parcels and say what came of them."""
        import pandas as pd
        from pyspark import TaskContext

        pa.set_cpu_count(1)
        begun = time.monotonic()
        context = TaskContext.get()
        assert context is not None
        told = context.getLocalProperty(_BATCH)
        assert told is not None, f"Spark names no {_BATCH}"
        batch, attempt = int(told), context.taskAttemptId()
        parcels = [unpack(bytes(data)) for frame in frames for data in frame["parcel"]]
        keeper = self._keeper(int(key[0]))
        keeper.load(bytes(state.get[0]) if state.exists else None)
        turn = keeper.step(parcels, EarlierReadings(self.out, keeper.shard, batch))
        kept = keeper.save()
        staged = self._stage(turn, keeper.shard, batch, attempt)
        state.update((kept,))
        note = _note(keeper, turn, parcels, staged, len(kept), time.monotonic() - begun)
        yield pd.DataFrame({"shard": [keeper.shard], "note": [msgspec.msgpack.encode(note)]})

    def _keeper(self, shard: int) -> ShardKeeper:
        key = (str(self.plan.folder), shard)
        if key not in _KEEPERS:
            if sum(len(keeper.registry) for keeper in _KEEPERS.values()) > _MOST_CHANNELS:
                _KEEPERS.clear()
            _KEEPERS[key] = ShardKeeper(self.plan, shard, self.rules)
        return _KEEPERS[key]

    def _stage(self, turn: ShardTurn, shard: int, batch: int, attempt: int) -> str:
        if not turn.readings.num_rows:
            return ""
        path = staging(self.out, batch) / f"shard-{shard:04d}-attempt-{attempt}.parquet"
        write_whole(path, turn.readings)
        return str(path)


def _note(
    keeper: ShardKeeper, turn: ShardTurn, parcels: list[Parcel], staged: str, state_bytes: int, seconds: float
) -> ShardNote:
    at = turn.readings["at"].cast(pa.int64()).to_numpy()
    alarms = b""
    if turn.alarms.num_rows:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, turn.alarms.schema) as writer:
            writer.write_table(turn.alarms)
        alarms = sink.getvalue().to_pybytes()
    return ShardNote(
        shard=keeper.shard,
        staged=staged,
        first_us=int(at.min()) if len(at) else 0,
        last_us=int(at.max()) if len(at) else 0,
        readings=turn.readings.num_rows,
        offered=turn.offered,
        alarms=alarms,
        files=tuple(parcel.note for parcel in parcels if parcel.note is not None),
        arrived_us=max(parcel.arrived_us for parcel in parcels),
        clock_us=turn.clock_us,
        state_bytes=state_bytes,
        channels=len(keeper.registry),
        seconds=seconds,
    )
