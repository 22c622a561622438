"""Which shard a channel belongs to: written once beside the output, and only ever added to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rencheng.adapters.spark.files import write_whole
from rencheng.kernel import QUANTITIES, Conflict, InvalidInput
from rencheng.sense.channels import ChannelTable
from rencheng.sense.detection_rules import DetectionRules
from rencheng.sense.neighbours import Neighbours

__all__ = ["MOST_SHARDS", "QUANTITY_NAMES", "UNKNOWN", "ShardPlan", "make_plan", "shard_of"]

MOST_SHARDS = 4096
QUANTITY_NAMES = tuple(sorted(QUANTITIES))
"""Quantities by the number that stands for them between the tasks of one run."""
UNKNOWN = -1
_FORMAT = 1
_TEXTS = ("sensor_id", "quantity", "kind")


def shard_of(sensor_id: str, shards: int) -> int:
    """Shard of a sensor that asks no neighbours: a hash of its id that no other machine computes differently.

    Examples
    --------
    >>> shard_of("S1", 8), shard_of("S2", 8)
    (0, 5)
    """
    digest = hashlib.blake2b(sensor_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % shards


@dataclass(frozen=True, slots=True)
class _Route:
    """Channels of one quantity that live elsewhere than their sensor: places of sensors, ascending, and shards."""

    sensor: NDArray[np.int64]
    shard: NDArray[np.int64]


@dataclass(frozen=True)
class ShardPlan:
    """The plan as it lies in a folder; every task reads it for itself.

    Parameters
    ----------
    folder : Path
        Where it lies.
    shards : int
        How many there are.
    """

    folder: Path
    shards: int

    @cached_property
    def _sensors(self) -> pa.Table:
        return pq.read_table(self.folder / "sensors.parquet", memory_map=True)

    @cached_property
    def sensor_ids(self) -> pa.Array:
        """Sensors of the city in the order of their ids; between tasks a sensor is its place here."""
        return self._sensors["sensor_id"].combine_chunks()

    @cached_property
    def _home(self) -> NDArray[np.int64]:
        return np.asarray(self._sensors["shard"], dtype=np.int64)

    @cached_property
    def _routes(self) -> dict[str, _Route]:
        table = pq.read_table(self.folder / "grouped.parquet")
        place = np.asarray(pc.index_in(table["sensor_id"], value_set=self.sensor_ids), dtype=np.int64)
        shard = np.asarray(table["shard"], dtype=np.int64)
        of = table["quantity"].to_numpy(zero_copy_only=False)
        routes = {}
        for name in sorted(set(of.tolist())):
            mine = np.flatnonzero(of == name)
            mine = mine[np.argsort(place[mine], kind="stable")]
            routes[name] = _Route(sensor=place[mine], shard=shard[mine])
        return routes

    def places(self, sensor_ids: pa.Array) -> NDArray[np.int64]:
        """Places of sensors, −1 for one the city does not have; shape (n,)."""
        found = pc.index_in(sensor_ids.cast(pa.string()), value_set=self.sensor_ids)
        return np.asarray(found.fill_null(UNKNOWN), dtype=np.int64)

    def shards_of(self, sensor: NDArray[np.int64], quantity: str) -> NDArray[np.int64]:
        """Shards of channels of one quantity; ``sensor`` are places of known sensors, shape (n,)."""
        shard = self._home[sensor]
        route = self._routes.get(quantity)
        if route is not None:
            at = np.minimum(np.searchsorted(route.sensor, sensor), len(route.sensor) - 1)
            hit = route.sensor[at] == sensor
            shard[hit] = route.shard[at[hit]]
        return shard

    def channels_of(self, shard: int) -> ChannelTable:
        """What is known of the channels of a shard."""
        table = pq.read_table(self.folder / f"shard-{shard:04d}.parquet")
        columns: dict[str, Any] = {
            name: table[name].to_pylist() if name in _TEXTS else np.array(table[name], dtype=np.float64)
            for name in table.column_names
        }
        return ChannelTable(**columns)


def make_plan(folder: Path, channels: ChannelTable, rules: DetectionRules, shards: int) -> ShardPlan:
    """Write the plan of a city, or add a grown city to the one that lies there.

    A sensor goes to the shard of its hash; channels that ask each other go together to the shard of the first of them,
    for a neighbour in another shard could not be asked.

    Raises
    ------
    InvalidInput
        If there are fewer than one or more than :data:`MOST_SHARDS` shards.
    Conflict
        If the folder has another number of shards or other rules, or a channel that has a shard would need another.
    """
    if not 1 <= shards <= MOST_SHARDS:
        raise InvalidInput(f"{shards} shards", mend=f"Choose between 1 and {MOST_SHARDS}")
    head = {"format": _FORMAT, "shards": shards, "rules": rules.digest(tuple(range(len(rules.rules))))}
    _same_head(folder / "plan.json", head)
    sensors = sorted(set(channels.sensor_id))
    home = {sensor: shard_of(sensor, shards) for sensor in sensors}
    own = np.fromiter((home[sensor] for sensor in channels.sensor_id), dtype=np.int64, count=len(channels))
    shard = own[Neighbours(rules, channels).groups()]
    away = np.flatnonzero(shard != own)
    grouped = pa.table(
        {
            "sensor_id": pa.array([channels.sensor_id[k] for k in away.tolist()], pa.string()),
            "quantity": pa.array([channels.quantity[k] for k in away.tolist()], pa.string()),
            "shard": pa.array(shard[away], pa.int32()),
        }
    )
    _nobody_moves(folder, channels, shard)
    homes = pa.array([home[sensor] for sensor in sensors], pa.int32())
    write_whole(folder / "sensors.parquet", pa.table({"sensor_id": pa.array(sensors, pa.string()), "shard": homes}))
    write_whole(folder / "grouped.parquet", grouped)
    _write_shards(folder, channels, own, shard, shards)
    write_whole(folder / "plan.json", json.dumps(head, indent=1).encode())
    return ShardPlan(folder, shards)


def _same_head(path: Path, head: dict[str, object]) -> None:
    if not path.is_file():
        return
    known = json.loads(path.read_bytes())
    for key, what in (("format", "format"), ("shards", "number of shards"), ("rules", "detection rules")):
        if known.get(key) != head[key]:
            raise Conflict(
                f"another {what} than it began with",
                where=str(path),
                mend="Go on as it began, or begin in another --out folder",
            )


def _nobody_moves(folder: Path, channels: ChannelTable, shard: NDArray[np.int64]) -> None:
    """What detectors remember stays in its shard, so a channel must too."""
    if not (folder / "where.parquet").is_file():
        _write_where(folder, channels, shard)
        return
    before = pq.read_table(folder / "where.parquet")
    names = zip(before["sensor_id"].to_pylist(), before["quantity"].to_pylist(), strict=True)
    known = dict(zip(names, before["shard"].to_pylist(), strict=True))
    for name, now in zip(zip(channels.sensor_id, channels.quantity, strict=True), shard.tolist(), strict=True):
        if known.get(name, now) != now:
            raise Conflict(
                f"{name[0]} {name[1]} must go from shard {known[name]} to {now}, for it has other neighbours",
                where=str(folder),
                mend="Go on with the city as it was, or begin in another --out folder",
            )
    _write_where(folder, channels, shard)


def _write_where(folder: Path, channels: ChannelTable, shard: NDArray[np.int64]) -> None:
    columns = {"sensor_id": channels.sensor_id, "quantity": channels.quantity}
    texts = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    write_whole(folder / "where.parquet", pa.table({**texts, "shard": pa.array(shard, pa.int32())}))


def _write_shards(
    folder: Path, channels: ChannelTable, own: NDArray[np.int64], shard: NDArray[np.int64], shards: int
) -> None:
    """Tables of the shards: their channels, and those of their sensors, which tell place and kind of unlisted ones."""
    whole = pa.table(
        {
            f.name: pa.array(getattr(channels, f.name), pa.string() if f.name in _TEXTS else pa.float64())
            for f in fields(ChannelTable)
        }
    )
    rows = np.concatenate([np.arange(len(own)), np.flatnonzero(shard != own)])
    to = np.concatenate([own, shard[shard != own]])
    order = np.lexsort((rows, to))
    bounds = np.searchsorted(to[order], np.arange(shards + 1))
    for number in range(shards):
        mine = rows[order[bounds[number] : bounds[number + 1]]]
        write_whole(folder / f"shard-{number:04d}.parquet", whole.take(pa.array(mine)))
