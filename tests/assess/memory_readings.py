"""A readings store in memory for tests of assessment, with the contract of ``rencheng.sense.ports.Readings``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rencheng.kernel import micros
from rencheng.sense.ports import QualityFlag

_GOOD = ~int(QualityFlag.LATE) & 0xFFFF


class MemoryReadings:
    """Tables by quantity, sorted by sensor and time."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = {q: t.sort_by([("sensor_id", "ascending"), ("at", "ascending")]) for q, t in tables.items()}
        self._at = {q: t.column("at").cast(pa.int64()).to_numpy() for q, t in self._tables.items()}

    @classmethod
    def of(cls, rows: Mapping[str, Sequence[tuple[str, datetime, float]]]) -> MemoryReadings:
        """Make a store of good readings from (sensor, instant, value) rows by quantity."""
        return cls(
            {
                quantity: pa.table(
                    {
                        "sensor_id": pa.array([r[0] for r in listed], pa.string()),
                        "at": pa.array([micros(r[1]) for r in listed], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
                        "value": pa.array([r[2] for r in listed], pa.float64()),
                        "flags": pa.array([0] * len(listed), pa.uint16()),
                    }
                )
                for quantity, listed in rows.items()
            }
        )

    def window_all(self, quantity: str) -> pa.Table:
        """Every reading of a quantity, flagged or not."""
        return self._tables[quantity]

    def window(
        self,
        quantity: str,
        *,
        start: datetime,
        end: datetime,
        sensors: Sequence[str] | None = None,
        good_only: bool = True,
    ) -> pa.Table:
        """Readings with ``start < at <= end``."""
        if quantity not in self._tables:
            return MemoryReadings.of({quantity: []})._tables[quantity]
        table, at = self._tables[quantity], self._at[quantity]
        keep = (at > micros(start)) & (at <= micros(end))
        if good_only:
            keep &= (table.column("flags").to_numpy() & _GOOD) == 0
        table = table.take(np.flatnonzero(keep))
        if sensors is not None:
            table = table.filter(pc.is_in(table.column("sensor_id"), value_set=pa.array(sensors, pa.string())))
        return table

    @property
    def commits(self) -> int:
        return 0

    def latest(self, *, at: datetime, quantity: str | None = None) -> pa.Table:
        """Last reading per sensor and quantity not later than ``at``."""
        parts = []
        for name, table in self._tables.items():
            if quantity in (None, name):
                past = table.filter(pa.array(self._at[name] <= micros(at)))
                ids = np.asarray(past.column("sensor_id").to_pylist(), dtype=object)
                last = np.flatnonzero(np.r_[ids[1:] != ids[:-1], True]) if len(ids) else np.zeros(0, np.int64)
                parts.append(past.take(last).append_column("quantity", pa.array([name] * len(last), pa.string())))
        return pa.concat_tables(parts)
