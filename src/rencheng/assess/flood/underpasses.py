"""Underpasses as tanks beside the raster: what a street pours into, how deep it stands there, what its pumps lift.

An underpass is a hole of some metres in a street some metres wide. On the raster of an ensemble it would be one cell,
as deep as a river, and its waves alone would set the time step of the whole city. So the hole is filled to the level of
the street and its volume kept in a tank: what reaches the cell falls into the tank until that is full.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import metric_geometries
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.land_cover import ROAD_WIDTH_M
from rencheng.city import City
from rencheng.city.terrain import Terrain
from rencheng.science.flood import Surface, Transfers

__all__ = ["UNDERPASS_DEPTH_M", "TankExchange", "Tanks", "no_tanks", "tanks_of"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

UNDERPASS_DEPTH_M = 4.0
"""Dip of an underpass where the terrain shows none: clearance of 4.5 m (CJJ 37-2012, § 3.5) and a deck, less the bank
that the upper road or railway runs on."""
_FLAT_M, _RAMP_SLOPE = 24.0, 0.07
_DIP_M = 1.0
_REACH_M = 90.0
_APART_M = 60.0
_LEVELS = 33


@dataclass(frozen=True, slots=True, kw_only=True)
class Tanks:
    """Underpasses of a city on a raster; arrays of shape (n,) and (n, levels).

    Parameters
    ----------
    places : int64 array, shape (n,)
        Flat raster cell that pours into each.
    x_m, y_m, reach_m : float64 arrays, shape (n,)
        Middle of the hole and how far it extends, metric.
    depth_m, volume_m3 : float64 arrays, shape (n, levels)
        Depth over the floor and the volume that holds so much, ascending from 0 to street level.
    """

    places: I64
    x_m: F64
    y_m: F64
    reach_m: F64
    depth_m: F64
    volume_m3: F64

    def __len__(self) -> int:
        return len(self.places)

    def nearest(self, x_m: F64, y_m: F64) -> I64:
        """Tank that each metric point lies in, -1 for none."""
        if not len(self) or not len(x_m):
            return np.full(len(x_m), -1, np.int64)
        away = np.hypot(x_m[:, None] - self.x_m[None, :], y_m[:, None] - self.y_m[None, :]) - self.reach_m[None, :]
        best = np.argmin(away, axis=1)
        return np.where(away[np.arange(len(x_m)), best] <= 0.0, best, -1).astype(np.int64)

    def without(self, cells: NDArray[np.bool_]) -> Tanks:
        """Tanks whose cell is none of those flagged (ny, nx)."""
        keep = ~cells.reshape(-1)[self.places]
        return Tanks(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def depth_of(self, volume_m3: F64) -> F64:
        """Depth over the floor at volumes of shape (n,)."""
        rows = zip(volume_m3.tolist(), self.volume_m3, self.depth_m, strict=True)
        return np.array([float(np.interp(v, volume, depth)) for v, volume, depth in rows])

    def volume_of(self, depth_m: F64) -> F64:
        """Volume at depths of shape (n,)."""
        rows = zip(depth_m.tolist(), self.depth_m, self.volume_m3, strict=True)
        return np.array([float(np.interp(d, depth, volume)) for d, depth, volume in rows])


class TankExchange:
    """Tanks in a run, an engine's ``Exchange``: the street pours in, pumps lift out.

    Parameters
    ----------
    tanks : Tanks
        The underpasses.
    depth_m : float64 array, shape (n,)
        How deep they stand at the start.
    pump_m3_s : float64 array, shape (n,), optional
        What the pumps of each lift.
    start_m : float64 array, shape (n,), optional
        Depth from which they lift; from the first drop where absent.
    """

    def __init__(
        self,
        tanks: Tanks,
        *,
        depth_m: F64 | None = None,
        pump_m3_s: F64 | None = None,
        start_m: F64 | None = None,
    ) -> None:
        self.tanks = tanks
        self.volume_m3 = np.zeros(len(tanks)) if depth_m is None else tanks.volume_of(depth_m)
        self.lifted_m3 = np.zeros(len(tanks))
        self._pump_m3_s = np.zeros(len(tanks)) if pump_m3_s is None else pump_m3_s
        self._kept_m3 = np.zeros(len(tanks)) if start_m is None else tanks.volume_of(start_m)
        self._outside = np.full(len(tanks), -1, np.int64)
        self._times: list[float] = [0.0]
        self._volumes: list[F64] = [self.volume_m3.copy()]
        self._now_s = 0.0

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Ask for what stands on the cells, as far as there is room below."""
        lifted = np.minimum(np.maximum(self.volume_m3 - self._kept_m3, 0.0), self._pump_m3_s * step_s)
        self.volume_m3 = self.volume_m3 - lifted
        self.lifted_m3 += lifted
        self._now_s = time_s
        held = surface.depth_m.reshape(-1)[self.tanks.places] * surface.cell_m**2
        room = np.maximum(self.tanks.volume_m3[:, -1] - self.volume_m3, 0.0)
        return Transfers(from_cells=self.tanks.places, to_cells=self._outside, volume_m3=np.minimum(held, room))

    def moved(self, volume_m3: F64) -> None:
        """Take in what the street really gave."""
        self.volume_m3 = self.volume_m3 + volume_m3
        self._times.append(self._now_s)
        self._volumes.append(self.volume_m3.copy())

    def depths_at(self, times_s: F64) -> F64:
        """Depths over the floors at instants of the run, shape (instants, n)."""
        times, volumes = np.array(self._times), np.stack(self._volumes)
        at = np.clip(np.searchsorted(times, np.asarray(times_s) + 1e-6, side="right") - 1, 0, len(times) - 1)
        return np.stack([self.tanks.depth_of(volumes[k]) for k in at]) if len(at) else np.zeros((0, len(self.tanks)))

    def history(self) -> tuple[F64, F64]:
        """Every instant of the run and the depths then, shapes (steps,), (steps, n)."""
        volumes = np.stack(self._volumes)
        depths = [
            np.interp(volumes[:, k], self.tanks.volume_m3[k], self.tanks.depth_m[k]) for k in range(len(self.tanks))
        ]
        return np.array(self._times), np.stack(depths, axis=1) if depths else np.zeros((len(volumes), 0))


@dataclass(slots=True, kw_only=True)
class _Hole:
    x_m: float
    y_m: float
    reach_m: float
    depth_m: F64
    volume_m3: F64


@dataclass(slots=True, kw_only=True)
class _Found:
    holes: list[_Hole] = field(default_factory=list)

    def near(self, x: float, y: float) -> bool:
        return any(np.hypot(h.x_m - x, h.y_m - y) < _APART_M for h in self.holes)


def tanks_of(city: City, grid: FloodGrid, terrain: Terrain) -> tuple[Tanks, Terrain]:
    """Find the underpasses of a city, fill their holes in the terrain and keep their volumes.

    A hole that the terrain shows (a metre or more below its lower shoulder along the street) gives its own volume;
    one that it does not show is taken as :data:`UNDERPASS_DEPTH_M` deep, 24 m long and with ramps of 7 % at the usual
    width of its road. Links within 60 m of one another are one underpass.

    Returns
    -------
    tanks : Tanks
        One for each underpass on the raster.
    terrain : Terrain
        With the holes filled to street level.
    """
    ground = terrain.ground_m.astype(np.float64)
    found = _Found()
    lines, widths = _underpass_lines(city)
    dips = [_profile(line, terrain) for line in lines]
    for (line, width), dip in zip(zip(lines, widths, strict=True), dips, strict=True):
        if dip is not None and not found.near(dip[0], dip[1]):
            found.holes.append(_filled(ground, terrain, line, width, dip))
    for (line, width), dip in zip(zip(lines, widths, strict=True), dips, strict=True):
        middle = shapely.line_interpolate_point(line, 0.5, normalized=True)
        if dip is None and not found.near(middle.x, middle.y):
            found.holes.append(_usual(float(middle.x), float(middle.y), width))
    street = Terrain(
        ground_m=ground.astype(np.float32),
        west_m=terrain.west_m,
        south_m=terrain.south_m,
        cell_m=terrain.cell_m,
        crs=terrain.crs,
    )
    return _on_grid(found.holes, grid), street


def no_tanks() -> Tanks:
    """Leave every underpass to the raster."""
    return _tanks({})


def _underpass_lines(city: City) -> tuple[Any, list[float]]:
    if not city.has("road_links") or "underpass" not in city.table("road_links").column_names:
        return [], []
    table = city.table("road_links")
    under = np.flatnonzero(table["underpass"].fill_null(False).to_numpy(zero_copy_only=False))
    if not len(under) or "geometry" not in table.column_names:
        return [], []
    lines = metric_geometries(city, table["geometry"].take(under).to_pylist())
    classes = table["road_class"].take(under).to_pylist()
    keep = ~shapely.is_missing(lines)
    widths = [ROAD_WIDTH_M.get(c.removesuffix("_link"), 7.0) for c in classes]
    return lines[keep], [w for w, k in zip(widths, keep.tolist(), strict=True) if k]


def _profile(line: Any, terrain: Terrain) -> tuple[float, float, float] | None:
    """Lowest point of a hole along a street and its street level (x, y, level); None where there is no hole."""
    xy = shapely.get_coordinates(shapely.segmentize(line, terrain.cell_m / 2.0))
    height = terrain.sample(xy[:, 0], xy[:, 1])
    if not np.isfinite(height).any():
        return None
    lowest = int(np.nanargmin(height))
    near = np.hypot(*(xy - xy[lowest]).T) <= _REACH_M
    before, after = near.copy(), near.copy()
    before[lowest + 1 :] = False
    after[:lowest] = False
    level = float(min(np.nanmax(height[before]), np.nanmax(height[after])))
    return (float(xy[lowest, 0]), float(xy[lowest, 1]), level) if level - float(height[lowest]) >= _DIP_M else None


def _filled(ground: F64, terrain: Terrain, line: Any, width: float, dip: tuple[float, float, float]) -> _Hole:
    """Fill the hole of a street in the ground, in place."""
    x, y, level = dip
    cell = terrain.cell_m
    rows, columns = terrain.rows_columns(np.array([x - _REACH_M, x + _REACH_M]), np.array([y - _REACH_M, y + _REACH_M]))
    row, column = np.mgrid[
        max(int(rows[0]), 0) : min(int(rows[1]) + 1, ground.shape[0]),
        max(int(columns[0]), 0) : min(int(columns[1]) + 1, ground.shape[1]),
    ]
    row, column = row.ravel(), column.ravel()
    centre_x, centre_y = terrain.west_m + (column + 0.5) * cell, terrain.south_m + (row + 0.5) * cell
    along = shapely.distance(shapely.points(centre_x, centre_y), line) <= width / 2.0 + 1.5 * cell
    inside = along & (ground[row, column] < level) & (np.hypot(centre_x - x, centre_y - y) <= _REACH_M)
    row, column = row[inside], column[inside]
    height = ground[row, column].copy()
    floor = float(height.min())
    depth = np.linspace(0.0, level - floor, _LEVELS)
    volume = np.maximum(floor + depth[:, None] - height[None, :], 0.0).sum(axis=1) * cell**2
    ground[row, column] = level
    reach = float(np.hypot(centre_x[inside] - x, centre_y[inside] - y).max()) + 0.75 * cell
    return _Hole(x_m=x, y_m=y, reach_m=reach, depth_m=depth, volume_m3=volume)


def _usual(x: float, y: float, width: float) -> _Hole:
    depth = np.linspace(0.0, UNDERPASS_DEPTH_M, _LEVELS)
    volume = width * (_FLAT_M * depth + depth**2 / _RAMP_SLOPE)
    return _Hole(x_m=x, y_m=y, reach_m=_FLAT_M, depth_m=depth, volume_m3=volume)


def _on_grid(holes: list[_Hole], grid: FloodGrid) -> Tanks:
    """Holes within a raster, those in one cell made one."""
    by_place: dict[int, _Hole] = {}
    for hole in holes:
        row = int((hole.y_m - grid.south_m) // grid.cell_m)
        column = int((hole.x_m - grid.west_m) // grid.cell_m)
        if 0 <= row < grid.ny and 0 <= column < grid.nx:
            other = by_place.get(row * grid.nx + column)
            if other is not None:
                hole.volume_m3 = hole.volume_m3 + other.volume_m3
            by_place[row * grid.nx + column] = hole
    return _tanks(by_place)


def _tanks(by_place: dict[int, _Hole]) -> Tanks:
    kept = [by_place[place] for place in sorted(by_place)]
    levels = np.zeros((0, _LEVELS))
    return Tanks(
        places=np.array(sorted(by_place), np.int64),
        x_m=np.array([h.x_m for h in kept]),
        y_m=np.array([h.y_m for h in kept]),
        reach_m=np.array([h.reach_m for h in kept]),
        depth_m=np.stack([h.depth_m for h in kept]) if kept else levels,
        volume_m3=np.stack([h.volume_m3 for h in kept]) if kept else levels,
    )
