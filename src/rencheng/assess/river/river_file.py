"""The river file of a city: its gauges as a tree, the waters at its foot, and a flood that anchors their outlets."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.kernel import InvalidConfig, NotFound
from rencheng.science.river_basin import Basin, Pools, Soil

__all__ = [
    "AnchorEntry",
    "GaugeEntry",
    "PoolEntry",
    "RiverFile",
    "RiverSection",
    "SoilEntry",
    "find_river_file",
    "read_river_file",
]

Range = tuple[float, float]
MEND = "See docs/reference/river-file.md"


class RiverSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file is about: the river, the gauge whose stage is wanted, where the figures come from."""

    name: str
    target: str
    sources: tuple[str, ...]


class GaugeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A gauge, the reach below it, and the catchment it drains.

    ``below`` is the next gauge downstream (empty for the target of a river without pools), ``area_km2`` all that drains
    to the gauge, ``centre`` and ``spread_km`` where the catchment of its own lies, ``bank_m3_s`` the discharge at which
    the reach below leaves its banks; pairs are ranges.
    """

    sensor_id: str
    area_km2: float
    centre: tuple[float, float]
    spread_km: float
    response_h: Range
    below: str = ""
    distance_km: float = 0.0
    celerity_m_s: Range = (0.5, 3.0)
    bank_m3_s: float | None = None


class PoolEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A standing water; the first has the target's gauge and the land that drains to it below all other gauges."""

    name: str
    area_km2: Range
    sensor_id: str = ""
    bank_m: Range = (0.0, 0.0)
    widening_km2_m: Range = (0.0, 0.0)
    most_km2: Range | None = None
    depth_m: Range | None = None
    loss_share: Range | None = None
    catchment_km2: float = 0.0
    centre: tuple[float, float] | None = None
    spread_km: float = 0.0
    response_h: Range = (12.0, 48.0)
    recession_d: Range = (5.0, 30.0)
    other_ratio: Range = (0.0, 0.0)


class AnchorEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A flood of the past whose peak stage is known and whose discharge was studied."""

    stage_m: float
    discharge_m3_s: float
    spread_ratio: float
    last_pool_m: Range
    source: str


class SoilEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ranges of the soils, where something is known of them; see :class:`rencheng.science.river_basin.Soil`."""

    capacity_mm: Range = Soil().capacity_mm
    shape: Range = Soil().shape
    wet_ratio: Range = Soil().wet_ratio
    percolation_mm_h: Range = Soil().percolation_mm_h
    slow_h: Range = Soil().slow_h
    inter_ratio: Range = Soil().inter_ratio
    inter_h: Range = Soil().inter_h
    loss_mm_h: Range = Soil().loss_mm_h


class RiverFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of a river file, gauges in an order in which the one below always comes later."""

    river: RiverSection
    gauge: tuple[GaugeEntry, ...]
    pool: tuple[PoolEntry, ...] = ()
    anchor: AnchorEntry | None = None
    soil: SoilEntry = SoilEntry()

    @property
    def ids(self) -> tuple[str, ...]:
        """Sensors of the nodes; the target is the last."""
        last = (self.pool[0].sensor_id,) if self.pool else ()
        return (*(g.sensor_id for g in self.gauge), *last)

    @property
    def own_area_km2(self) -> NDArray[np.float64]:
        """Catchment of every node without those above it, km², shape (nodes,)."""
        area = {g.sensor_id: g.area_km2 for g in self.gauge}
        for gauge in self.gauge:
            if gauge.below in area:
                area[gauge.below] -= gauge.area_km2
        last = [self.pool[0].catchment_km2] if self.pool else []
        return np.array([*(area[g.sensor_id] for g in self.gauge), *last])

    @property
    def places(self) -> tuple[tuple[tuple[float, float], float], ...]:
        """Centre (lon, lat) and spread, km, of every node's own catchment."""
        last = [(cast("tuple[float, float]", self.pool[0].centre), self.pool[0].spread_km)] if self.pool else []
        return (*((g.centre, g.spread_km) for g in self.gauge), *last)

    def basin(self, base_m3_s: NDArray[np.float64]) -> Basin:
        """Give the basin as ranges, with the flow of every node's own catchment when the record begins."""
        index = {sensor: i for i, sensor in enumerate(self.ids)}
        last = [self.pool[0]] if self.pool else []
        return Basin(
            ids=self.ids,
            below=np.array([*(index.get(g.below, -1) for g in self.gauge), *(-1 for _ in last)], dtype=np.int64),
            distance_km=np.array([*(g.distance_km for g in self.gauge), *(0.0 for _ in last)]),
            area_km2=self.own_area_km2,
            celerity_m_s=np.array([*(g.celerity_m_s for g in self.gauge), *((1.0, 1.0) for _ in last)]),
            response_h=np.array([*(g.response_h for g in self.gauge), *(p.response_h for p in last)]),
            bank_m3_s=np.array(
                [*(np.inf if g.bank_m3_s is None else g.bank_m3_s for g in self.gauge), *(np.inf for _ in last)]
            ),
            base_m3_s=base_m3_s,
            pools=self._pools(),
            soil=Soil(**msgspec.structs.asdict(self.soil)),
        )

    def _pools(self) -> Pools | None:
        if not self.pool or self.anchor is None:
            return None
        chain = self.pool
        return Pools(
            area_km2=tuple(p.area_km2 for p in chain),
            bank_m=tuple(p.bank_m for p in chain),
            widening_km2_m=tuple(p.widening_km2_m for p in chain),
            most_km2=tuple(p.most_km2 or p.area_km2 for p in chain),
            depth_m=tuple(p.depth_m or (1.0, 10.0) for p in chain[:-1]),
            loss_share=tuple(p.loss_share or (0.1, 0.9) for p in chain[:-2]),
            recession_h=(24.0 * chain[-1].recession_d[0], 24.0 * chain[-1].recession_d[1]),
            other_ratio=chain[-1].other_ratio,
            anchor_stage_m=self.anchor.stage_m,
            anchor_discharge_m3_s=self.anchor.discharge_m3_s,
            anchor_spread=self.anchor.spread_ratio,
            anchor_last_m=self.anchor.last_pool_m,
        )


def find_river_file(city: City) -> Path | None:
    """Give the river file of a city package: the first ``river/*.toml``."""
    return next(iter(sorted((city.path / "river").glob("*.toml"))), None)


def read_river_file(path: Path) -> RiverFile:
    """Read and check a river file.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidConfig
        If it is not TOML, a key is unknown, missing or of the wrong type, the tree has a gap or a circle, a catchment
        is smaller than those above it, or a range runs backwards.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"there is no river file {path}", mend=MEND) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"not TOML: {error}", where=str(path)) from error
    try:
        found = msgspec.convert(data, RiverFile)
    except msgspec.ValidationError as error:
        raise InvalidConfig(str(error), where=str(path), mend=MEND) from error
    _check_ranges(data, str(path))
    _check_pools(found, str(path))
    ordered = msgspec.structs.replace(found, gauge=_downstream_order(found, str(path)))
    small = np.flatnonzero(ordered.own_area_km2 <= 0.0)
    if len(small):
        raise InvalidConfig(
            f"gauge {ordered.ids[small[0]]!r} drains less than the gauges above it",
            where=str(path),
            mend="area_km2 is all that drains to a gauge",
        )
    return ordered


def _check_ranges(data: Any, where: str) -> None:
    rows = [(f"[[{kind}]] {i}", row) for kind in ("gauge", "pool") for i, row in enumerate(data.get(kind, ()), 1)]
    for place, row in [*rows, *((f"[{k}]", data.get(k, {})) for k in ("anchor", "soil"))]:
        for key, value in row.items():
            if key != "centre" and isinstance(value, list) and value[0] > value[1]:
                raise InvalidConfig(f"{place}: {key} runs backwards", where=where, mend="Write [low, high]")


def _check_pools(file: RiverFile, where: str) -> None:
    if not file.pool:
        return
    first = file.pool[0]
    if first.sensor_id != file.river.target:
        raise InvalidConfig("the first pool must carry the target's gauge", where=where, mend=MEND)
    if len(file.pool) < 2 or file.anchor is None or first.centre is None or first.catchment_km2 <= 0.0:
        raise InvalidConfig(
            "pools need one to empty into, an [anchor], and the first its catchment_km2 and centre",
            where=where,
            mend=MEND,
        )


def _downstream_order(file: RiverFile, where: str) -> tuple[GaugeEntry, ...]:
    """Gauges so that the one below always comes later."""
    below = {g.sensor_id: g.below for g in file.gauge}
    if len(below) < len(file.gauge):
        raise InvalidConfig("a gauge is listed twice", where=where)
    foot = file.pool[0].sensor_id if file.pool else file.river.target
    depth = {g.sensor_id: _steps(g.sensor_id, below, foot, where) for g in file.gauge}
    return tuple(sorted(file.gauge, key=lambda g: -depth[g.sensor_id]))


def _steps(sensor: str, below: dict[str, str], foot: str, where: str) -> int:
    """Reaches from a gauge to the foot of the tree."""
    path: Sequence[str] = [sensor]
    while path[-1] != foot:
        following = below.get(path[-1], "")
        if following in path or (following not in below and following != foot):
            raise InvalidConfig(
                f"gauge {sensor!r} does not drain to {foot!r}: stuck at {path[-1]!r}",
                where=where,
                mend="below must name the next gauge downstream, or the target",
            )
        path = [*path, following]
    return len(path) - 1
