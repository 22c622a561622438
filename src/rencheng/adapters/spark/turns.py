"""What a turn leaves behind: readings, alarms, rows kept aside, and a note without which none of it counts.

Tasks write readings under names of their own into a staging folder. The driver, once it has heard of all shards, gives
them their names, writes alarms and rows kept aside, and last the note of the turn. A turn that was broken off is done
again from the state before it and writes the same files under the same names; one whose note is there is not written
again, but compared.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rencheng.adapters.spark.earlier import file_of
from rencheng.adapters.spark.files import keep_names, refused_by, write_whole
from rencheng.adapters.spark.parcels import FileNote, rows_aside
from rencheng.kernel import StorageFailed
from rencheng.sense.alarm_digest import alarm_digest
from rencheng.sense.detection import ALARM_SCHEMA

__all__ = ["ScaledAlarms", "ShardNote", "TurnNote", "commit_turn", "read_turns", "staging", "table_from_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardNote:
    """What a shard says of its turn.

    Parameters
    ----------
    shard : int
        Its number.
    staged : str
        File with its readings; empty if there are none.
    first_us, last_us : int
        Their stamps.
    readings, offered : int
        Newly stored, and those that came.
    alarms : bytes
        Alarm rows as an Arrow IPC stream; empty if there are none.
    files : tuple of FileNote
        What became of files at the border; told by one shard.
    arrived_us, clock_us : int
        When the last file arrived, and how far the clock of detection came.
    state_bytes, channels : int
        Size of what it remembers, of how many channels.
    seconds : float
        What the turn took in the task.
    """

    shard: int
    staged: str
    first_us: int
    last_us: int
    readings: int
    offered: int
    alarms: bytes
    files: tuple[FileNote, ...]
    arrived_us: int
    clock_us: int
    state_bytes: int
    channels: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnNote:
    """A turn that counts.

    Parameters
    ----------
    batch : int
        Its number.
    arrived_us, clock_us : int
        When its last file arrived, and how far the clock of detection came.
    files : tuple of dict
        ``path``, ``rows``, ``refused``, ``detail`` of each.
    rows, refused, readings, repeated, alarms : int
        Rows of the files, those kept aside, readings newly stored and stored before, alarm rows.
    last_alarm : int
        Number of the last alarm row so far.
    digest : str
        Of its alarm rows.
    channels, state_bytes : int
        Channels that reported so far, and the bytes of what is remembered of them.
    seconds : tuple of float
        What the turn took in the task of each shard.
    """

    batch: int
    arrived_us: int
    clock_us: int
    files: tuple[dict[str, str | int], ...]
    rows: int
    refused: int
    readings: int
    repeated: int
    alarms: int
    last_alarm: int
    digest: str
    channels: int
    state_bytes: int
    seconds: tuple[float, ...]


def staging(out: Path, batch: int) -> Path:
    """Folder of what tasks write before it counts."""
    return out / "_staging" / f"batch-{batch:09d}"


def read_turns(out: Path, *, after: int = -1) -> list[TurnNote]:
    """Notes of the turns so far, in their order.

    Raises
    ------
    StorageFailed
        If one cannot be read.
    """
    return [_note(path) for path in sorted((out / "turns").glob("*.json")) if int(path.stem) > after]


def _note(path: Path) -> TurnNote:
    try:
        return msgspec.json.decode(path.read_bytes(), type=TurnNote)
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageFailed(f"cannot be read: {error}", where=str(path)) from error


def commit_turn(out: Path, batch: int, shards: Sequence[ShardNote]) -> TurnNote:
    """Make a turn count: all of it, once.

    Raises
    ------
    StorageFailed
        If the disk refuses, or if the turn was committed before with other alarms.
    """
    shards = sorted(shards, key=lambda note: note.shard)
    alarms = _alarms(shards)
    path = out / "turns" / f"{batch:09d}.json"
    if path.is_file():
        known = _note(path)
        if known.digest != alarm_digest(alarms):
            raise StorageFailed(
                "the turn done again gave other alarms than it gave at first",
                where=str(path),
                mend="Were its files changed? Put them back as they were, or begin in another --out folder",
            )
        return known
    for note in shards:
        if note.staged:
            _name(Path(note.staged), file_of(out, note.shard, batch, note.first_us, note.last_us))
    files = [file for note in shards for file in note.files]
    aside = rows_aside(files)
    if aside.num_rows:
        write_whole(out / "refused" / f"{batch:09d}.parquet", aside)
    before = _last_alarm(out)
    if alarms.num_rows:
        seq = pa.array(np.arange(before + 1, before + 1 + alarms.num_rows), pa.int64())
        write_whole(out / "alarms" / f"{batch:09d}.parquet", alarms.add_column(0, "seq", seq))
    turn = _turn(batch, shards, files, alarms, before)
    write_whole(path, json.dumps(asdict(turn), ensure_ascii=False).encode())
    shutil.rmtree(staging(out, batch), ignore_errors=True)  # of tasks that were tried twice
    return turn


def _name(staged: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if staged.is_file():  # else it has its name from a commit that was broken off
            staged.replace(target)
            keep_names(target.parent)
    except OSError as error:
        raise refused_by(target, error) from error


def _last_alarm(out: Path) -> int:
    notes = sorted((out / "turns").glob("*.json"))
    return _note(notes[-1]).last_alarm if notes else 0


def _alarms(shards: Sequence[ShardNote]) -> pa.Table:
    """Alarm rows of all shards by event time and name; rows of one alarm stay in their order."""
    tables = [table_from_bytes(note.alarms) for note in shards if note.alarms]
    if not tables:
        return ALARM_SCHEMA.empty_table()
    table = pa.concat_tables(tables).combine_chunks()
    columns = [table[name].to_pylist() for name in ("at", "sensor_id", "quantity", "rule")]
    keys = list(zip(*columns, strict=True))
    return table.take(pa.array(sorted(range(len(keys)), key=keys.__getitem__), pa.int64()))


def table_from_bytes(data: bytes) -> pa.Table:
    """Read a table that was written as an Arrow IPC stream."""
    return pa.ipc.open_stream(data).read_all()


def _turn(
    batch: int, shards: Sequence[ShardNote], files: Sequence[FileNote], alarms: pa.Table, before: int
) -> TurnNote:
    readings = sum(note.readings for note in shards)
    return TurnNote(
        batch=batch,
        arrived_us=max((note.arrived_us for note in shards), default=0),
        clock_us=max((note.clock_us for note in shards), default=0),
        files=tuple(
            {"path": file.path, "rows": file.rows, "refused": file.refused, "detail": file.detail} for file in files
        ),
        rows=sum(file.rows for file in files),
        refused=sum(file.refused for file in files),
        readings=readings,
        repeated=sum(note.offered for note in shards) - readings,
        alarms=alarms.num_rows,
        last_alarm=before + alarms.num_rows,
        digest=alarm_digest(alarms),
        channels=sum(note.channels for note in shards),
        state_bytes=sum(note.state_bytes for note in shards),
        seconds=tuple(round(note.seconds, 4) for note in shards),
    )


class ScaledAlarms:
    """The alarms of an output folder, as :class:`rencheng.sense.ports.Alarms` gives those of a store.

    Parameters
    ----------
    out : Path
        The folder.

    Attributes
    ----------
    turns : list of TurnNote
        Turns whose alarms are given; set it to see the folder as it was after one of them.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self.turns = read_turns(out)

    @property
    def last_alarm(self) -> int:
        """The greatest ``seq`` there is; 0 without any."""
        return self.turns[-1].last_alarm if self.turns else 0

    def alarms(
        self,
        *,
        since: int = 0,
        limit: int = 100_000,
        sensor_id: str = "",
        kinds: Sequence[str] = (),
        rules: Sequence[str] = (),
    ) -> pa.Table:
        """Alarm rows in the order in which they became known; see :class:`rencheng.sense.ports.Alarms`."""
        wanted = {"sensor_id": [sensor_id] if sensor_id else [], "kind": list(kinds), "rule": list(rules)}
        tables = [ALARM_SCHEMA.insert(0, pa.field("seq", pa.int64())).empty_table()]
        for turn in self.turns:
            if turn.alarms and turn.last_alarm > since and sum(map(len, tables)) < limit:
                table = pq.read_table(self._out / "alarms" / f"{turn.batch:09d}.parquet", partitioning=None)
                table = table.cast(tables[0].schema).filter(pc.field("seq") > since)
                for name, words in wanted.items():
                    if words:
                        table = table.filter(pc.is_in(table[name], value_set=pa.array(words, pa.string())))
                tables.append(table)
        return pa.concat_tables(tables).slice(0, max(limit, 0))
