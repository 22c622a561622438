"""A city's stream through the keepers of all shards, as Spark would give it to them, without Spark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from rencheng.adapters.spark.keeper import ShardKeeper
from rencheng.adapters.spark.parcels import Parcel, pack, parcels_of, unpack
from rencheng.adapters.spark.plan import ShardPlan, make_plan
from rencheng.sense import Channel, Decoded
from rencheng.sense.channels import ChannelTable
from rencheng.sense.detection import ALARM_SCHEMA
from rencheng.sense.detection_rules import DetectionRules

__all__ = ["Shards"]


class Shards:
    """Keepers of all shards, whose states are saved and read back between any two turns."""

    def __init__(self, folder: Path, channels: Sequence[Channel], rules: DetectionRules, shards: int) -> None:
        self.plan: ShardPlan = make_plan(folder, ChannelTable.of(channels), rules, shards)
        self.rules = rules
        self.states: list[bytes | None] = [None] * shards
        self.alarms = [ALARM_SCHEMA.empty_table()]
        self.readings: list[list[pa.Table]] = [[] for _ in range(shards)]
        self._keepers = [ShardKeeper(self.plan, shard, rules) for shard in range(shards)]

    def turn(self, files: Sequence[tuple[str, int, Decoded]]) -> None:
        """One micro-batch: files by name and arrival."""
        parcels: list[list[Parcel]] = [[] for _ in self.states]
        for path, arrived_us, decoded in reversed(files):  # Spark keeps no order
            for shard, parcel in parcels_of(self.plan, decoded, path=path, arrived_us=arrived_us):
                parcels[shard].append(unpack(pack(parcel)))
        for shard, keeper in enumerate(self._keepers):
            keeper.load(self.states[shard])
            told = keeper.step(parcels[shard], _Stored(self.readings[shard]))
            self.states[shard] = keeper.save()
            self.alarms.append(told.alarms)
            self.readings[shard].append(told.readings)

    def story(self) -> pa.Table:
        """All alarm rows."""
        return pa.concat_tables(self.alarms)


class _Stored:
    """Readings written before, found again row by row: the plain way, to check the quick one."""

    def __init__(self, tables: list[pa.Table]) -> None:
        self._rows = [row for table in tables for row in table.to_pylist()]

    def __call__(self, names, first_us, last_us):  # type: ignore[no-untyped-def]
        import numpy as np

        from rencheng.kernel import micros

        rows = [
            (names.index((row["sensor_id"], row["quantity"])), micros(row["at"]), row["value"])
            for row in self._rows
            if (row["sensor_id"], row["quantity"]) in names and first_us <= micros(row["at"]) <= last_us
        ]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        return np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64)
