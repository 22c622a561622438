"""What of the city assessment reads at every turn, laid out as arrays once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city import City
from rencheng.city.sensor_lookup import sensor_names, sensor_points
from rencheng.kernel import Colour, cell_of, cells_of, neighbours
from rencheng.science.exposure import group_counts
from rencheng.science.interpolation import pairwise_distance_m

__all__ = ["GAUGED", "CellFrame", "CityFrame", "GaugeFrame", "SensorPlaces", "Threshold", "cell_rows", "city_frame"]

GAUGED = ("stage_m", "discharge_m3_s", "rain_mm", "water_depth_m", "wind_speed_m_s")
"""Quantities that hazard models read from the store; what others tell comes as alarms of detection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A published threshold of a gauge, in the SI unit of its quantity."""

    colour: Colour
    value: float
    source: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFrame:
    """The city's cells; all arrays have shape (n,), ``facilities`` (kinds, n)."""

    cell: NDArray[np.uint64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    xy_m: NDArray[np.float64]
    residents: NDArray[np.float64]
    vulnerable: NDArray[np.float64]
    facility_kinds: tuple[str, ...]
    facilities: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cell)


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeFrame:
    """The sensors of water, rain and wind that assessment reads itself, in the order of the package.

    Those whose channels the package does not list are among them; alarms of all others come from detection.

    ``near_city_m`` is the distance to the nearest cell centre; ``in_city`` says that the place lies in a cell of the
    city or beside one (a gauge on a quay stands in the water next to the last cell).
    """

    ids: tuple[str, ...]
    index: Mapping[str, int]
    kind: tuple[str, ...]
    name: tuple[str, ...]
    river: tuple[str, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    xy_m: NDArray[np.float64]
    cell: NDArray[np.uint64]
    cell_row: NDArray[np.int64]
    near_city_m: NDArray[np.float64]
    in_city: NDArray[np.bool_]
    thresholds: Mapping[tuple[str, str], tuple[Threshold, ...]]
    """(sensor, quantity) → thresholds, lowest colour first."""
    stage_zero_m: Mapping[int, float] = field(default_factory=dict)
    """Row → height of the zero of its stage, where the package knows it."""

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, sensor_ids: pa.ChunkedArray) -> NDArray[np.int64]:
        """Index of each sensor id, -1 for one that the city does not know."""
        found = pc.index_in(sensor_ids, value_set=pa.array(self.ids, pa.string()))
        return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


class SensorPlaces:
    """Where every sensor of the city stands, looked up one at a time: of millions few ever raise an alarm.

    Parameters
    ----------
    city : City
        The city.
    cells : array of uint64
        Its cells.

    Attributes
    ----------
    lonlat, name : mapping
        Longitude and latitude, and name, of each sensor.
    """

    def __init__(self, city: City, cells: NDArray[np.uint64]) -> None:
        self.lonlat = sensor_points(city)
        self.name = sensor_names(city)
        self._resolution = city.manifest.h3_resolution
        self._known = {int(c) for c in cells.tolist()}

    def __contains__(self, sensor_id: object) -> bool:
        return sensor_id in self.lonlat

    def in_city(self, sensor_id: str) -> bool:
        """Whether a sensor stands in a cell of the city or beside one."""
        return _is_beside(self._known, cell_of(*self.lonlat[sensor_id], self._resolution))


@dataclass(frozen=True, slots=True, kw_only=True)
class CityFrame:
    """Cells and gauges of a city, and where its other sensors stand."""

    cells: CellFrame
    gauges: GaugeFrame
    places: SensorPlaces
    _rain: dict[bytes, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)

    def rain_distance_m(self, gauges: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far some gauges are from the cells, shape (cells, gauges); what was asked last is kept."""
        key = gauges.tobytes()
        if key not in self._rain:
            self._rain.clear()
            self._rain[key] = pairwise_distance_m(self.cells.xy_m, self.gauges.xy_m[gauges])
        return self._rain[key]


def city_frame(city: City, *, uncounted_kinds: tuple[str, ...] = ()) -> CityFrame:
    """Lay a city out; absent tables give empty arrays."""
    cells = _cells(city, uncounted_kinds)
    gauges = _gauges(city, cells)
    return CityFrame(cells=cells, gauges=gauges, places=SensorPlaces(city, cells.cell))


def _cells(city: City, uncounted_kinds: tuple[str, ...]) -> CellFrame:
    if not city.has("cells"):
        return _no_cells()
    cell = np.asarray(city.column("cells", "cell"), dtype=np.uint64)
    order = np.argsort(cell, kind="stable")
    lon, lat = _floats(city, "cells", "lon")[order], _floats(city, "cells", "lat")[order]
    residents = np.nan_to_num(_floats(city, "cells", "residents")[order], nan=0.0)
    kinds, counts = _facility_counts(city, cell[order], uncounted_kinds)
    return CellFrame(
        cell=cell[order],
        lon=lon,
        lat=lat,
        xy_m=_metric(city, lon, lat),
        residents=residents,
        vulnerable=np.minimum(_vulnerable(city)[order], residents),
        facility_kinds=kinds,
        facilities=counts,
    )


def _no_cells() -> CellFrame:
    none = np.zeros(0)
    return CellFrame(
        cell=np.zeros(0, np.uint64),
        lon=none,
        lat=none,
        xy_m=np.zeros((0, 2)),
        residents=none,
        vulnerable=none,
        facility_kinds=(),
        facilities=np.zeros((0, 0), np.int64),
    )


def _vulnerable(city: City) -> NDArray[np.float64]:
    """Vulnerable residents; where only the groups are known, their sum (a person in two groups counts twice)."""
    if "vulnerable_residents" in city.table("cells").column_names:
        return np.nan_to_num(_floats(city, "cells", "vulnerable_residents"), nan=0.0)
    groups = ("elderly_residents", "child_residents", "disabled_residents")
    total = np.zeros(len(city.table("cells")))
    for group in groups:
        if group in city.table("cells").column_names:
            total += np.nan_to_num(_floats(city, "cells", group), nan=0.0)
    return total


def _facility_counts(
    city: City, cell: NDArray[np.uint64], uncounted_kinds: tuple[str, ...]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    if not city.has("facilities"):
        return (), np.zeros((0, len(cell)), np.int64)
    kind = city.table("facilities").column("kind").to_pylist()
    kinds = tuple(sorted(set(kind) - set(uncounted_kinds)))
    position = {name: i for i, name in enumerate(kinds)}
    row = cell_rows(cell, np.asarray(city.column("facilities", "cell"), dtype=np.uint64))
    index = np.array([position.get(name, -1) for name in kind], dtype=np.int64)
    return kinds, group_counts(row, index, groups=len(cell), kinds=len(kinds))


def cell_rows(cell: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Row of each wanted cell in an ascending array of cells, -1 where absent."""
    if len(cell) == 0:
        return np.full(len(wanted), -1, np.int64)
    row = np.minimum(np.searchsorted(cell, wanted), len(cell) - 1)
    return np.where(cell[row] == wanted, row, -1).astype(np.int64)


def _gauges(city: City, cells: CellFrame) -> GaugeFrame:
    rows = list({r["sensor_id"]: r for r in reversed(city.sensors_measuring(GAUGED))}.values())[::-1]
    lon = np.array([r["lon"] for r in rows], dtype=np.float64)
    lat = np.array([r["lat"] for r in rows], dtype=np.float64)
    xy = _metric(city, lon, lat)
    cell = cells_of(lon, lat, city.manifest.h3_resolution) if len(rows) else np.zeros(0, np.uint64)
    near = _nearest_m(cells.xy_m, xy)
    known = {int(c) for c in cells.cell.tolist()}
    beside = [_is_beside(known, c) for c in cell.tolist()]
    ids = tuple(str(r["sensor_id"]) for r in rows)
    return GaugeFrame(
        ids=ids,
        index={s: i for i, s in enumerate(ids)},
        kind=tuple(str(r["kind"]) for r in rows),
        name=tuple(str(r.get("name") or r["sensor_id"]) for r in rows),
        river=tuple(str(r.get("river_id") or r.get("river") or "") for r in rows),
        lon=lon,
        lat=lat,
        xy_m=xy,
        cell=cell,
        cell_row=cell_rows(cells.cell, cell),
        near_city_m=near,
        in_city=np.array(beside, dtype=np.bool_),
        thresholds=_thresholds(city),
        stage_zero_m=_stage_zeros(city, {s: i for i, s in enumerate(ids)}),
    )


def _is_beside(known: set[int], cell: int) -> bool:
    return any(n in known for n in neighbours(cell))


def _nearest_m(cells_xy_m: NDArray[np.float64], xy_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each place to the nearest cell centre, shape (n,)."""
    if not len(cells_xy_m) or not len(xy_m):
        return np.full(len(xy_m), np.inf)
    nearest = cells_xy_m[cKDTree(cells_xy_m).query(xy_m)[1]]
    return np.asarray(np.hypot(nearest[:, 0] - xy_m[:, 0], nearest[:, 1] - xy_m[:, 1]), dtype=np.float64)


def _stage_zeros(city: City, row_of: Mapping[str, int]) -> dict[int, float]:
    return {
        row_of[row["sensor_id"]]: float(row["datum_m"])
        for row in city.rows_where("channels", "quantity", ["stage_m"])
        if row.get("datum_m") is not None and row["sensor_id"] in row_of
    }


def _thresholds(city: City) -> dict[tuple[str, str], tuple[Threshold, ...]]:
    by_channel: dict[tuple[str, str], list[Threshold]] = {}
    for row in city.rows("thresholds"):
        threshold = Threshold(
            colour=Colour(row["colour"]),
            value=float(row["value"]),
            source=str(row["source"]),
            name=str(row.get("name") or ""),
        )
        by_channel.setdefault((str(row["sensor_id"]), str(row["quantity"])), []).append(threshold)
    return {k: tuple(sorted(v, key=lambda t: t.colour.rank)) for k, v in sorted(by_channel.items())}


def _metric(city: City, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(lon) == 0:
        return np.zeros((0, 2))
    x, y = city.to_metric.transform(lon, lat)
    return np.column_stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])


def _floats(city: City, table: str, column: str) -> NDArray[np.float64]:
    values: Any = city.column(table, column)
    return np.asarray(values, dtype=np.float64)
