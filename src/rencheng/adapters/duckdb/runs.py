"""Sorted runs: Parquet files of readings by channel and stamp, each with its hours beside it.

A run is written once, synced, and never changed. DuckDB skips a row group whose least and greatest channel do not hold
what is asked for, so a sensor's readings in a run of millions cost one row group.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit
from numpy.typing import NDArray

from rencheng.adapters.duckdb.sorting import order_by_group
from rencheng.sense.ports import QualityFlag

__all__ = ["HOUR_US", "Columns", "RunFile", "hours_file", "put_in_order", "run_file", "write_run"]

HOUR_US = 3_600_000_000
ROW_GROUP = 122_880
"""Rows of a row group: DuckDB's own, so that a scan hands whole vectors on."""
_BAD = int(~QualityFlag.LATE & 0xFFFF)
_STAMP = pa.timestamp("us")
_READINGS = pa.schema([("channel", pa.int32()), ("stamp", _STAMP), ("value", pa.float64()), ("flags", pa.uint16())])
_HOURS = pa.schema(
    [
        ("channel", pa.int32()),
        ("stamp", _STAMP),
        ("readings", pa.uint32()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("total", pa.float64()),
    ]
)


@dataclass(slots=True)
class Columns:
    """Readings as arrays of one length: channel number, microseconds since 1970, SI value, quality flags."""

    channel: NDArray[np.int32]
    at: NDArray[np.int64]
    value: NDArray[np.float64]
    flags: NDArray[np.uint16]

    @classmethod
    def of(cls, table: pa.Table) -> Columns:
        """Columns of a table with ``channel``, ``us``, ``value`` and ``flags``."""
        whole = table.combine_chunks()
        return cls(*(whole[name].to_numpy() for name in ("channel", "us", "value", "flags")))


@dataclass(frozen=True, slots=True)
class RunFile:
    """What was written: rows, bytes on the disk with the hours, and the span of the stamps in microseconds."""

    rows: int
    bytes: int
    first_us: int
    last_us: int


def run_file(folder: Path, run: int) -> Path:
    """File of a run's readings."""
    return folder / f"{run:08d}.parquet"


def hours_file(folder: Path, run: int) -> Path:
    """File of a run's hours."""
    return folder / f"{run:08d}.hours.parquet"


def put_in_order(columns: Columns) -> Columns:
    """Sort readings by channel, then stamp, then arrival.

    Examples
    --------
    >>> mixed = Columns(np.array([7, 3, 7], np.int32), np.array([20, 5, 10]), np.array([1.0, 2.0, 3.0]),
    ...                 np.zeros(3, np.uint16))
    >>> put_in_order(mixed).value.tolist()
    [2.0, 3.0, 1.0]
    """
    if not len(columns.channel):
        return columns
    least = int(columns.channel.min())
    group = columns.channel - np.int32(least)
    order = order_by_group(group, columns.at, int(group.max()) + 1)
    return Columns(*(_taken(of, order) for of in (columns.channel, columns.at, columns.value, columns.flags)))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _taken(values, order):  # type: ignore[no-untyped-def]
    """Values in an order; unlike numpy's own indexing it lets other threads go on."""
    result = np.empty_like(values)
    for i in range(len(order)):
        result[i] = values[order[i]]
    return result


def write_run(folder: Path, run: int, parts: Iterable[Columns]) -> RunFile:
    """Write a run from readings in order; when this returns it is on the disk under its name.

    Parameters
    ----------
    folder : Path
        Folder of the runs.
    run : int
        Number of the run.
    parts : iterable of Columns
        Readings by channel and stamp; each part goes on where the one before ended.

    Raises
    ------
    OSError
        If the disk refuses; nothing is left behind.
    """
    names = run_file(folder, run), hours_file(folder, run)
    drafts = [name.with_suffix(".part") for name in names]
    try:
        written = _write(drafts, parts)
        for draft, name in zip(drafts, names, strict=True):
            _sync(draft)
            draft.rename(name)
        _sync(folder)
    except BaseException:
        for file in (*drafts, *names):
            file.unlink(missing_ok=True)
        raise
    rows, first_us, last_us = written
    return RunFile(rows, sum(name.stat().st_size for name in names), first_us, last_us)


def _write(drafts: list[Path], parts: Iterable[Columns]) -> tuple[int, int, int]:
    rows, first_us, last_us = 0, np.iinfo(np.int64).max, np.iinfo(np.int64).min
    readings = pq.ParquetWriter(
        drafts[0],
        _READINGS,
        compression="zstd",
        compression_level=1,
        use_dictionary=["channel", "value", "flags"],
        column_encoding={"stamp": "DELTA_BINARY_PACKED"},
    )
    hours = pq.ParquetWriter(drafts[1], _HOURS, compression="zstd", compression_level=1)
    with readings, hours:
        for part in parts:
            if not len(part.at):
                continue
            rows += len(part.at)
            first_us, last_us = min(first_us, int(part.at.min())), max(last_us, int(part.at.max()))
            stamp = pa.array(part.at.view("datetime64[us]"))
            readings.write_table(
                pa.table([part.channel, stamp, part.value, part.flags], schema=_READINGS), row_group_size=ROW_GROUP
            )
            hours.write_table(_hours_of(part), row_group_size=ROW_GROUP)
    return rows, first_us, last_us


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _hours_of(part: Columns) -> pa.Table:
    """Number, least, greatest and sum of the readings that no check objected to, by channel and hour."""
    channel, hour, readings, low, high, total = _by_hour(part.channel, part.at, part.value, part.flags)
    stamp = pa.array((hour * HOUR_US).view("datetime64[us]"))
    return pa.table([channel, stamp, readings, low, high, total], schema=_HOURS)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _by_hour(channel, at, value, flags):  # type: ignore[no-untyped-def]
    n = len(at)
    hours = 0
    for i in range(n):
        if i == 0 or channel[i] != channel[i - 1] or at[i] // HOUR_US != at[i - 1] // HOUR_US:
            hours += 1
    of_channel, of_hour = np.empty(hours, np.int32), np.empty(hours, np.int64)
    readings = np.zeros(hours, np.uint32)
    low, high, total = np.full(hours, np.inf), np.full(hours, -np.inf), np.zeros(hours)
    h = -1
    for i in range(n):
        hour = at[i] // HOUR_US
        if h < 0 or of_channel[h] != channel[i] or of_hour[h] != hour:
            h += 1
            of_channel[h], of_hour[h] = channel[i], hour
        if flags[i] & _BAD:
            continue
        readings[h] += 1
        low[h], high[h] = min(low[h], value[i]), max(high[h], value[i])
        total[h] += value[i]
    full = readings > 0
    return of_channel[full], of_hour[full], readings[full], low[full], high[full], total[full]
