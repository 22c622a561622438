"""Sorting what was appended into runs, and runs into longer ones, beside the writer and behind it.

The work is done in a thread of low priority. It takes what is left of the machine: while the writer is busy most of
the time it waits, until so much has gathered that questions would suffer. Whatever fails, or is killed, leaves the
readings where they were: a run takes their place in one small transaction, after its file is synced.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from rencheng.adapters.duckdb.layout import Layout, Run, Segment
from rencheng.adapters.duckdb.runs import Columns, put_in_order, run_file, write_run
from rencheng.kernel import StorageFailed

__all__ = ["Compactor", "WriterLoad"]

_LOG = logging.getLogger(__name__)

PART_ROWS = 8_000_000
"""Readings of a run when it is first sorted; they are in memory while it is made, about 45 bytes each."""
MERGED = 8
"""Runs of a level that are merged into one of the next."""
MERGE_ROWS = 4_000_000
"""Readings in memory at once while runs are merged."""
DEBT_ROWS = 16_000_000
"""Readings that may wait to be sorted while the writer is busy; a question has to scan them."""
BUSY_RATIO = 0.5
"""Share of the last seconds in which the writer worked, from which on sorting waits."""
_SPAN_S = 2.0
_LOOK_S = 0.25
_REST_S = 30.0
"""How long it rests after the disk refused."""
_NICE = 10
_DAY_US = 86_400_000_000


class WriterLoad:
    """How busy the writer was of late."""

    def __init__(self) -> None:
        self._worked: deque[tuple[float, float]] = deque(maxlen=4096)

    def note(self, begun: float) -> None:
        """Note work that began at an instant of the monotonic clock and ends now."""
        now = time.monotonic()
        self._worked.append((now, now - begun))

    def ratio(self) -> float:
        """Share of the last two seconds, 0 … 1."""
        since = time.monotonic() - _SPAN_S
        return min(1.0, sum(took for end, took in list(self._worked) if end > since) / _SPAN_S)


class Compactor:
    """Makes runs of segments, and longer runs of short ones.

    Parameters
    ----------
    layout : Layout
        The catalogue.
    lock : context manager
        The store's lock, held for the moment in which the catalogue changes.
    load : WriterLoad
        How busy the writer is.
    """

    def __init__(self, layout: Layout, lock: AbstractContextManager[object], load: WriterLoad) -> None:
        self._layout, self._lock, self._load = layout, lock, load
        self._wake, self._stop = threading.Event(), threading.Event()
        self._at_work = threading.Lock()
        self._refused = ""
        self._thread: threading.Thread | None = None

    def nudge(self) -> None:
        """Say that there may be something to do."""
        if self._layout.folder is None or self._stop.is_set() or not self._waits():
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="rencheng-compaction", daemon=True)
            self._thread.start()
        self._wake.set()

    def finish(self) -> None:
        """Do all there is to do here and now, however busy the writer is.

        Raises
        ------
        OSError, StorageFailed
            If the disk refuses.
        """
        while self._layout.folder is not None and self._step(hurry=True):
            pass

    def close(self) -> None:
        """Leave off; what is half done is begun anew when the store is opened again."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        with suppress(OSError, AttributeError):  # where the system knows no priority of threads
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._stop.is_set():
            try:
                if self._step(hurry=False):
                    self._refused = ""
                    continue
            except (OSError, MemoryError, duckdb.Error, pa.ArrowException, StorageFailed) as error:
                self._say(error)
                self._stop.wait(_REST_S)
                continue
            self._wake.wait(_LOOK_S if self._waits() else None)
            self._wake.clear()

    def _say(self, error: Exception) -> None:
        """Tell a refusal once; readings are taken and found as before, only more slowly."""
        if (text := (str(error) or type(error).__name__).splitlines()[0]) != self._refused:
            self._refused = text
            _LOG.warning("readings wait to be sorted, they stay where they are: %s", text)

    def _waits(self) -> bool:
        with self._layout.reading() as now:
            return bool(now.segments) or _mergeable(now.runs) is not None

    def _step(self, *, hurry: bool) -> bool:
        """Sort one part or merge one group, if there is one and it may be done now."""
        with self._at_work:
            with self._layout.reading() as now:
                segments, group = now.segments, _mergeable(now.runs)
            waiting = sum(of.rows - of.done for of in segments)
            may = hurry or self._load.ratio() < BUSY_RATIO
            if segments and (may or waiting > DEBT_ROWS):
                self._sort(segments[0])
                return True
            if not segments and group is not None and may and self._has_room(group):
                return self._merge(group)
            return False

    @property
    def _folder(self) -> Path:
        folder = self._layout.folder
        assert folder is not None
        folder.mkdir(exist_ok=True)
        return folder

    def _sort(self, of: Segment) -> None:
        rest = of.rows - of.done
        end = of.done + -(-rest // -(-rest // PART_ROWS))  # parts of about one size, none of them tiny
        with self._layout.reading() as now:
            table = now.table(
                f"SELECT channel, epoch_us(stamp) AS us, value, flags FROM {of.table} WHERE rowid >= ? AND rowid < ?",  # noqa: S608 — a name of ours
                [of.done, end],
            )
        columns = Columns.of(table)
        del table
        ordered = put_in_order(columns)
        del columns
        run = self._layout.next_run()
        made = write_run(self._folder, run, [ordered])
        if made.rows != end - of.done:
            raise StorageFailed(
                f"segment {of.segment} has {made.rows} of {end - of.done} rows", where=str(self._folder)
            )
        with self._lock:
            self._layout.sorted_up_to(of, end, run, made)

    def _has_room(self, group: Sequence[Run]) -> bool:
        return shutil.disk_usage(self._folder).free > 2 * sum(of.bytes for of in group) + 1_000_000_000

    def _merge(self, group: Sequence[Run]) -> bool:
        """Merge runs; tells whether it came to an end."""
        folder, run = self._folder, self._layout.next_run()
        with suppress(_Stopped):
            made = write_run(folder, run, self._merged([run_file(folder, of.run) for of in group]))
            if made.rows != (rows := sum(of.rows for of in group)):
                raise StorageFailed(f"{len(group)} runs came to {made.rows} of {rows} rows", where=str(folder))
            with self._lock:
                self._layout.merged(group, run, made)
            return True
        return False

    def _merged(self, files: Sequence[Path]) -> Iterator[Columns]:
        """Readings of runs in order, some millions at a time, by a database of this thread's own."""
        with duckdb.connect(config={"threads": 1, "memory_limit": "500MB"}) as con:
            for where, values in _spans(con, files):
                if self._stop.is_set():
                    raise _Stopped
                table = con.sql(
                    f"SELECT channel, epoch_us(stamp) AS us, value, flags FROM {_parquet(files)} WHERE {where}",  # noqa: S608 — names of ours
                    params=values,
                ).to_arrow_table()
                yield put_in_order(Columns.of(table))


class _Stopped(Exception):
    """The store is being closed."""


def _mergeable(runs: Sequence[Run]) -> list[Run] | None:
    """The oldest runs of the lowest level that has enough of them."""
    for level in sorted({of.level for of in runs}):
        group = [of for of in runs if of.level == level]
        if len(group) >= MERGED:
            return group[:MERGED]
    return None


def _parquet(files: Sequence[Path]) -> str:
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    return f"read_parquet([{names}])"


def _spans(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> Iterator[tuple[str, list[int]]]:
    """Conditions that cut the readings of files into pieces that fit into memory, in their order."""
    sql = f"SELECT channel, count(*) AS n FROM {_parquet(files)} GROUP BY channel ORDER BY channel"  # noqa: S608 — names of ours
    counts = con.execute(sql).fetchnumpy()
    channel, n = np.asarray(counts["channel"]), np.asarray(counts["n"])
    begin = 0
    while begin < len(n):
        if n[begin] > MERGE_ROWS:
            yield from _days(con, files, int(channel[begin]))
            begin += 1
            continue
        end = begin + max(1, int(np.searchsorted(np.cumsum(n[begin:]), MERGE_ROWS, side="right")))
        yield "channel BETWEEN ? AND ?", [int(channel[begin]), int(channel[end - 1])]
        begin = end


def _days(con: duckdb.DuckDBPyConnection, files: Sequence[Path], channel: int) -> Iterator[tuple[str, list[int]]]:
    """The days of a channel that has more readings than fit."""
    sql = f"SELECT DISTINCT epoch_us(stamp) // {_DAY_US} AS day FROM {_parquet(files)} WHERE channel = ? ORDER BY day"  # noqa: S608 — names of ours
    for (day,) in con.execute(sql, [channel]).fetchall():
        yield (
            "channel = ? AND stamp >= make_timestamp(?) AND stamp < make_timestamp(?)",
            [channel, day * _DAY_US, (day + 1) * _DAY_US],
        )
