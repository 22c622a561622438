"""The journal of a readings store: numbered transactions, checkpoints of states, and the fold of what came since.

The state of a channel is a fold of its readings, which are durable, so it need not be written with every batch. It is
written now and then; at opening, the readings of later transactions are folded again in the order in which they were
taken, which gives the states of the last commit to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.acknowledgement import KEPT_BATCHES, KEPT_DAYS, fold_old, write_intakes
from rencheng.adapters.duckdb.alarms import end_of_changed, write_alarms
from rencheng.adapters.duckdb.pages import PAGE, load_detection, load_states, write_pages
from rencheng.adapters.duckdb.registry import ChannelRegistry
from rencheng.adapters.duckdb.sorting import Sorted
from rencheng.adapters.duckdb.writing import write_readings
from rencheng.science.quality import check_readings
from rencheng.sense.batch import Intake
from rencheng.sense.detection import DetectionDesk
from rencheng.sense.ports import QualityFlag

__all__ = ["Journal", "check_touched"]

_NO_TRACE = int(QualityFlag.FUTURE | QualityFlag.DUPLICATE_STAMP)
_ARRIVAL = int(QualityFlag.LATE | QualityFlag.FUTURE | QualityFlag.DUPLICATE_STAMP)
CHECKPOINT_READINGS = 8_000_000
"""Readings after which the states are written: folding so many again at opening takes about two seconds."""
CHECKPOINT_TRANSACTIONS = 1_000
CHECKPOINT_CHANNELS = 500_000
"""Channels up to which that holds; of more it is so many times as much."""
FOLD_BATCHES = 10_000
"""Acknowledgements after which it is looked for old ones, with the next checkpoint."""


class Journal:
    """Transactions of one store, and the states of its channels as of the last one.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        The writer's connection.
    registry : ChannelRegistry
        Filled with the channels and states of the store.
    desk : DetectionDesk, optional
        Detection; it knows the registry's channels and is brought to where it stood.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, registry: ChannelRegistry, desk: DetectionDesk | None = None
    ) -> None:
        self._con = con
        self._registry = registry
        self._desk = desk
        self._load()

    def _load(self) -> None:
        con, registry = self._con, self._registry
        registry.add_many(_listed(con))
        load_states(con, registry)
        self._seq = _number(con, "SELECT max(seq) FROM batches")
        self._alarm_seq = _number(con, "SELECT max(seq) FROM alarms")
        self._kept = _number(con, "SELECT max(txn) FROM checkpoint")
        self._txn = max(self._kept, _number(con, "SELECT max(txn) FROM transactions"))
        self._since = 0
        self._now_us = self._folded = 0
        self._transactions = 0
        self._touched = np.zeros(0, dtype=bool)
        changed = self._desk is not None and load_detection(con, self._desk)
        if self._txn > self._kept:
            self._fold_again()
        if self._desk is not None and changed:
            self._end_alarms(self._desk)

    def _fold_again(self) -> None:
        """Fold transaction by transaction what came after the checkpoint; its alarms are written already."""
        con = self._con
        later = "SELECT txn, clock_us FROM transactions WHERE txn > ? ORDER BY txn"
        clocks = con.execute(later, [self._kept]).fetchall()
        sql = "SELECT txn, channel, stamp, value, flags FROM readings WHERE txn > ? ORDER BY rowid"
        found = cast("dict[str, NDArray[Any]]", con.execute(sql, [self._kept]).fetchnumpy())
        channel = np.asarray(found["channel"], dtype=np.int64)
        at = found["stamp"].astype("datetime64[us]").view(np.int64)
        bounds = np.searchsorted(found["txn"], [txn for txn, _ in clocks] + [self._txn + 1])
        for n, (_, clock_us) in enumerate(clocks):
            mine = slice(int(bounds[n]), int(bounds[n + 1]))
            touched, local = np.unique(channel[mine], return_inverse=True)
            known = found["flags"][mine] & np.uint16(_ARRIVAL)
            batch = Sorted(
                touched=touched,
                local=local,
                at=at[mine],
                value=found["value"][mine],
                part=np.zeros(len(local), dtype=np.int32),
                second=(known & int(QualityFlag.DUPLICATE_STAMP)) != 0,
            )
            flags = check_touched(self._registry, batch, known)
            if self._desk is not None:
                self._desk.advance(clock_us)
                self._desk.take(batch.channel, batch.at, batch.value, flags)
            self._note(batch)

    def _end_alarms(self, desk: DetectionDesk) -> None:
        """End alarms of rules that are not any more, or are other ones now."""
        rows = end_of_changed(self._con, desk)
        if rows.num_rows:
            self._con.begin()
            self._begin_transaction(desk.clock_us, desk.clock_us)
            self._write_alarms(rows)
            self._con.commit()

    def _note(self, batch: Sorted) -> None:
        self._note_pages(batch.touched)
        self._transactions += 1
        self._since += len(batch.at)

    def _note_pages(self, channel: NDArray[np.int64]) -> None:
        """Remember the pages of channels, which the next checkpoint has to write."""
        pages = len(self._registry) // PAGE + 1
        if pages > len(self._touched):
            self._touched = np.concatenate([self._touched, np.zeros(pages - len(self._touched), dtype=bool)])
        self._touched[channel // PAGE] = True

    def _is_due(self) -> bool:
        """Whether states are to be written: the more there are, the seldomer, for the more it takes."""
        times = max(1.0, len(self._registry) / CHECKPOINT_CHANNELS)
        return self._since >= CHECKPOINT_READINGS * times or self._transactions >= CHECKPOINT_TRANSACTIONS * times

    @property
    def is_settled(self) -> bool:
        """Whether no reading is newer than the checkpoint, so that none of them needs to be folded again."""
        return self._kept == self._txn

    @property
    def alarms_written(self) -> int:
        """Number of the last alarm row."""
        return self._alarm_seq

    def write(self, new: Sorted, flags: NDArray[np.uint16], now_us: int) -> None:
        """Write the readings of a transaction and the alarms they bring, and a checkpoint when one is due."""
        desk = self._desk
        self._begin_transaction(now_us, desk.clock_us if desk is not None else 0)
        if desk is not None:
            self._write_alarms(desk.table(desk.take(new.channel, new.at, new.value, flags)))
        write_readings(self._con, new, flags, self._txn)
        self._note(new)
        if self._is_due():
            self._keep()

    def advance(self, now_us: int) -> int:
        """Let the clock of detection run to an instant; tells how many alarm rows that brought."""
        desk = self._desk
        if desk is None or not len(rows := desk.advance(now_us - desk.lag_us)):
            return 0
        self._con.begin()
        self._begin_transaction(now_us, desk.clock_us)
        self._write_alarms(desk.table(rows))
        self._transactions += 1
        self._con.commit()
        return len(rows)

    def _begin_transaction(self, now_us: int, clock_us: int) -> None:
        self._txn += 1
        self._now_us = now_us
        self._con.execute("INSERT INTO transactions VALUES (?, make_timestamp(?), ?)", [self._txn, now_us, clock_us])

    def _write_alarms(self, rows: pa.Table) -> None:
        write_alarms(self._con, rows, self._alarm_seq + 1, self._txn)
        self._alarm_seq += rows.num_rows

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
        kept = None
        if self._desk is not None:
            self._note_pages(self._desk.take_moved())
            kept = self._desk.packed()
        write_pages(self._con, self._registry, self._desk, np.flatnonzero(self._touched))
        if self._seq - self._folded >= FOLD_BATCHES:
            fold_old(self._con, self._now_us, days=KEPT_DAYS, batches=KEPT_BATCHES)
            self._folded = self._seq
        self._con.execute("DELETE FROM checkpoint")
        self._con.execute("INSERT INTO checkpoint VALUES (?, ?)", [self._txn, kept])
        self._kept, self._since, self._transactions = self._txn, 0, 0
        self._touched[:] = False


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


def _listed(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Channels of the store in the order of their numbers."""
    found = con.sql("SELECT sensor_id, quantity FROM channels ORDER BY channel").to_arrow_table()
    of = {word: word for word in found["quantity"].unique().to_pylist()}  # the same text is the same object
    names = map(of.__getitem__, found["quantity"].to_pylist())
    return list(zip(found["sensor_id"].to_pylist(), names, strict=True))


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    rows = con.execute(sql).fetchall()  # to the end: a result half read holds the connection
    return int(rows[0][0]) if rows and rows[0][0] is not None else 0
