"""The journal of a readings store: numbered transactions, checkpoints of states, and the fold of what came since.

The state of a channel is a fold of its readings, which are durable, so it need not be written with every batch. It is
written now and then; at opening, the readings of later transactions are folded again in the order in which they were
taken, which gives the states of the last commit to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.duckdb.acknowledgement import write_intakes
from rencheng.adapters.duckdb.registry import ChannelRegistry, states_from_blobs
from rencheng.adapters.duckdb.sorting import Sorted
from rencheng.adapters.duckdb.writing import write_readings, write_states
from rencheng.science.quality import check_readings
from rencheng.sense.batch import Intake
from rencheng.sense.ports import QualityFlag

__all__ = ["Journal", "check_touched"]

_NO_TRACE = int(QualityFlag.FUTURE | QualityFlag.DUPLICATE_STAMP)
_ARRIVAL = int(QualityFlag.LATE | QualityFlag.FUTURE | QualityFlag.DUPLICATE_STAMP)
CHECKPOINT_READINGS = 4_000_000
"""Readings after which the states are written: folding so many again at opening takes about a second."""
CHECKPOINT_TRANSACTIONS = 1_000


class Journal:
    """Transactions of one store, and the states of its channels as of the last one.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The writer's connection.
    registry : ChannelRegistry
        Filled with the channels and states of the store.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, registry: ChannelRegistry) -> None:
        self._con = con
        self._registry = registry
        self._load()

    def _load(self) -> None:
        con, registry = self._con, self._registry
        for sensor_id, name in con.execute("SELECT sensor_id, quantity FROM channels ORDER BY channel").fetchall():
            registry.add((sensor_id, name))
        rows = con.execute("SELECT channel, state FROM channel_state ORDER BY channel").fetchnumpy()
        if len(rows["channel"]):
            registry.states[rows["channel"]] = states_from_blobs(rows["state"].tolist())
        self._seq = _number(con, "SELECT max(seq) FROM batches")
        self._kept = _number(con, "SELECT max(txn) FROM checkpoint")
        self._txn = max(self._kept, _number(con, "SELECT max(txn) FROM transactions"))
        self._since = 0
        self._touched: list[NDArray[np.int64]] = []
        if self._txn > self._kept:
            self._fold_again()

    def _fold_again(self) -> None:
        found = self._con.execute(
            "SELECT txn, channel, stamp, value, flags FROM readings WHERE txn > ? ORDER BY rowid", [self._kept]
        ).fetchnumpy()
        channel = np.asarray(found["channel"], dtype=np.int64)
        at = found["stamp"].astype("datetime64[us]").view(np.int64)
        edge = np.flatnonzero(np.diff(found["txn"], prepend=-1))
        for start, stop in zip(edge.tolist(), [*edge[1:].tolist(), len(channel)], strict=True):
            mine = slice(start, stop)
            touched, local = np.unique(channel[mine], return_inverse=True)
            part = np.zeros(stop - start, dtype=np.int32)
            known = found["flags"][mine] & np.uint16(_ARRIVAL)
            second = (known & int(QualityFlag.DUPLICATE_STAMP)) != 0
            batch = Sorted(
                touched=touched, local=local, at=at[mine], value=found["value"][mine], part=part, second=second
            )
            check_touched(self._registry, batch, known)
            self._note(batch)

    def _note(self, batch: Sorted) -> None:
        self._touched.append(batch.touched)
        self._since += len(batch.at)

    def write(self, new: Sorted, flags: NDArray[np.uint16], now_us: int) -> None:
        """Write the readings of a transaction, and a checkpoint when one is due."""
        self._txn += 1
        self._con.execute("INSERT INTO transactions VALUES (?, make_timestamp(?), ?)", [self._txn, now_us, 0])
        write_readings(self._con, new, flags, self._txn)
        self._note(new)
        if self._since >= CHECKPOINT_READINGS or len(self._touched) >= CHECKPOINT_TRANSACTIONS:
            self._keep()

    def acknowledge(self, intakes: Sequence[Intake]) -> None:
        """Write the acknowledgements of a transaction."""
        write_intakes(self._con, intakes, self._seq + 1)
        self._seq += len(intakes)

    def checkpoint(self) -> None:
        """Write the states in a transaction of its own, if there is anything to write."""
        if self._txn > self._kept:
            self._con.begin()
            self._keep()
            self._con.commit()

    def _keep(self) -> None:
        touched = np.unique(np.concatenate(self._touched)) if self._touched else np.zeros(0, np.int64)
        write_states(self._con, touched, self._registry.states[touched])
        self._con.execute("DELETE FROM checkpoint")
        self._con.execute("INSERT INTO checkpoint VALUES (?, NULL)", [self._txn])
        self._kept, self._since, self._touched = self._txn, 0, []


def check_touched(registry: ChannelRegistry, batch: Sorted, known: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Check readings in order and move the states of their channels; gives the flags."""
    touched = batch.touched
    states = registry.states[touched]
    flags = check_readings(
        batch.local,
        batch.at,
        batch.value,
        outside=(known & _NO_TRACE) != 0,
        state=states,
        checks=registry.checks[touched],
        known=known,
    )
    registry.states[touched] = states
    return flags


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row is not None and row[0] is not None else 0
