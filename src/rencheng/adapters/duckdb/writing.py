"""The parts of a batch that one transaction writes: channels, readings, states, rows kept aside."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.database import registered
from rencheng.adapters.duckdb.sorting import Sorted

__all__ = ["stamps", "stored_already", "write_channels", "write_readings"]


def stamps(us: NDArray[np.int64]) -> pa.Array:
    """Give microseconds as stamps; null where the channel never had one."""
    return pa.array(us.copy(), mask=us == np.iinfo(np.int64).min).cast(pa.timestamp("us"))


def stored_already(
    con: duckdb.DuckDBPyConnection, batch: Sorted, maybe: NDArray[np.int64], stored: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Look up which of some readings have their stamp in the store already.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The writer's connection.
    batch : Sorted
        A batch.
    maybe : array of int
        Those of its readings that may be there.
    stored : str
        Text of the table of all that is stored.

    Returns
    -------
    index : array of int
        Readings of the batch whose channel and stamp are there.
    same : array of bool
        True where their value is there too.
    """
    at = batch.at[maybe]
    columns = {"i": maybe, "channel": batch.channel[maybe], "us": at, "value": batch.value[maybe]}
    with registered(con, "probe", pa.table({name: pa.array(values) for name, values in columns.items()})):
        found = con.execute(
            "SELECT p.i, bool_or(r.value = p.value) AS same FROM probe p"  # noqa: S608 — names of ours
            f" JOIN {stored} r ON r.channel = p.channel AND r.stamp = make_timestamp(p.us)"
            " WHERE r.stamp BETWEEN make_timestamp(?) AND make_timestamp(?) GROUP BY p.i",
            [int(at.min()), int(at.max())],
        ).fetchnumpy()
    return np.asarray(found["i"], dtype=np.int64), np.asarray(found["same"], dtype=bool)


def write_channels(con: duckdb.DuckDBPyConnection, names: Sequence[tuple[str, str]], first: int) -> None:
    """Write channels that appear for the first time, numbered from ``first``."""
    if not names:
        return
    table = pa.table(
        {
            "channel": pa.array(range(first, first + len(names)), pa.int32()),
            "sensor_id": [sensor for sensor, _ in names],
            "quantity": [name for _, name in names],
        }
    )
    with registered(con, "new_channels", table):
        con.execute("INSERT INTO channels SELECT channel, sensor_id, quantity FROM new_channels")


def write_readings(con: duckdb.DuckDBPyConnection, new: Sorted, flags: NDArray[np.uint16], txn: int) -> None:
    """Write readings with their flags."""
    if not len(new.at):
        return
    table = pa.table(
        {
            "channel": pa.array(new.touched.astype(np.int32)[new.local]),
            "stamp": pa.array(new.at.view("datetime64[us]")),
            "value": pa.array(new.value),
            "flags": pa.array(flags),
        }
    )
    with registered(con, "new_readings", table):
        con.execute("INSERT INTO readings SELECT channel, stamp, value, flags, ?::INTEGER FROM new_readings", [txn])
