"""The ground of a flood raster from a city's terrain: the right cells, holes and spikes mended or refused by name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum_filter, minimum_filter

from rencheng.assess.flood.frames import FloodGrid
from rencheng.city import City
from rencheng.city.terrain import Terrain
from rencheng.kernel import InvalidInput
from rencheng.science.raster_resample import resampled

__all__ = ["flood_grid", "ground_on", "mended_terrain"]

F64 = NDArray[np.float64]

_MOST_RELIEF_M = 9000.0
_LARGEST_HOLE_CELLS = 400
_SPIKE_M = 10.0
_FEET_PER_M = 3.2808
_FOOT_RATIO_TOLERANCE = 0.08


def flood_grid(city: City, cell_m: float) -> FloodGrid:
    """Raster of a cell size over the whole terrain of a city.

    Raises
    ------
    InvalidInput
        If the cell size is not between 1 m and a hundredth of the city.
    MissingData
        If the city has no terrain.
    """
    terrain = city.terrain
    rows, columns = terrain.ground_m.shape
    high, wide = rows * terrain.cell_m, columns * terrain.cell_m
    if not 1.0 <= cell_m <= max(high, wide) / 10.0:
        raise InvalidInput(
            f"cells of {cell_m} m do not suit a city of {wide / 1000:.1f} km by {high / 1000:.1f} km",
            where="cell_m",
            mend=f"Give from 1 m to {max(high, wide) / 10.0:.0f} m",
        )
    ny, nx = int(np.ceil(high / cell_m - 1e-9)), int(np.ceil(wide / cell_m - 1e-9))
    west, south = terrain.west_m, terrain.south_m
    x = np.array([west, west + nx * cell_m, west + nx * cell_m, west])
    y = np.array([south, south, south + ny * cell_m, south + ny * cell_m])
    lon, lat = city.to_lonlat.transform(x, y)
    corners = tuple((round(float(a), 7), round(float(b), 7)) for a, b in zip(lon, lat, strict=True))
    return FloodGrid(ny=ny, nx=nx, west_m=west, south_m=south, cell_m=cell_m, crs=terrain.crs, corners=corners)


def mended_terrain(city: City) -> tuple[Terrain, tuple[str, ...]]:
    """Check and mend a city's terrain.

    Unknown cells that reach the rim are outside the city; holes inside of up to 400 cells are filled from their rim;
    a single cell more than 10 m below or above all eight of its neighbours is a spike and takes their nearest height.

    Returns
    -------
    terrain : Terrain
        NaN only outside the city.
    repairs : tuple of str
        What was mended, each naming its first cell.

    Raises
    ------
    InvalidInput
        If the terrain holds infinite heights, heights that are no metres, or a hole too large to fill; names the cell.
    MissingData
        If the city has no terrain.
    """
    terrain = city.terrain
    where = f"{city.path / 'terrain.tif'}"
    _require_heights(city, terrain, where)
    height, holes = _filled(terrain.ground_m.astype(np.float64), where)
    height, spikes = _without_spikes(height)
    mended = Terrain(
        ground_m=height.astype(np.float32),
        west_m=terrain.west_m,
        south_m=terrain.south_m,
        cell_m=terrain.cell_m,
        crs=terrain.crs,
    )
    return mended, holes + spikes


def ground_on(terrain: Terrain, grid: FloodGrid) -> F64:
    """Heights of a terrain on a flood raster, shape (ny, nx); NaN outside."""
    return resampled(
        terrain.ground_m,
        west_m=terrain.west_m,
        south_m=terrain.south_m,
        cell_m=terrain.cell_m,
        to_west_m=grid.west_m,
        to_south_m=grid.south_m,
        to_cell_m=grid.cell_m,
        to_shape=(grid.ny, grid.nx),
    )


def _cell_name(flags: NDArray[np.bool_]) -> str:
    row, column = (int(i[0]) for i in np.nonzero(flags))
    return f"row {row}, column {column} (row 0 is the southernmost)"


def _require_heights(city: City, terrain: Terrain, where: str) -> None:
    height = terrain.ground_m
    if np.isinf(height).any():
        raise InvalidInput(
            "infinite ground height", where=f"{where} {_cell_name(np.isinf(height))}", mend="Map no-data to NaN"
        )
    known = np.isfinite(height)
    if not known.any():
        raise InvalidInput("no height is known anywhere", where=where, mend="Import another elevation model")
    low, high = float(height[known].min()), float(height[known].max())
    if high - low > _MOST_RELIEF_M or low < -500.0 or high > _MOST_RELIEF_M:
        extreme = known & ((height <= low) if low < -500.0 else (height >= high))
        raise InvalidInput(
            f"ground from {low:.0f} to {high:.0f} m is no ground in metres",
            where=f"{where} {_cell_name(extreme)}",
            mend="Is it in centimetres or feet, or is no-data a number? Convert to metres, map no-data to NaN",
        )
    _require_metres(city, terrain, where)


def _require_metres(city: City, terrain: Terrain, where: str) -> None:
    """Compare with the heights that the package gives for road nodes: feet stand out by their ratio."""
    if not city.has("road_nodes") or "ground_m" not in city.table("road_nodes").column_names:
        return
    x, y = city.to_metric.transform(city.column("road_nodes", "lon"), city.column("road_nodes", "lat"))
    raster = terrain.sample(x, y)
    node = np.asarray(city.column("road_nodes", "ground_m"), np.float64)
    both = np.isfinite(raster) & np.isfinite(node) & (np.abs(node) > 3.0)
    if int(both.sum()) < 20:
        return
    ratio = float(np.median(raster[both] / node[both]))
    for factor, unit in ((_FEET_PER_M, "feet"), (100.0, "centimetres")):
        if abs(ratio / factor - 1.0) < _FOOT_RATIO_TOLERANCE:
            raise InvalidInput(
                f"heights are {ratio:.2f} times those of the road nodes: they look like {unit}",
                where=where,
                mend="Convert the elevation model to metres and import it again",
            )


def _filled(height: F64, where: str) -> tuple[F64, tuple[str, ...]]:
    unknown = np.isnan(height)
    if not unknown.any():
        return height, ()
    name, count = label(unknown)
    rim = np.unique(np.concatenate([name[0], name[-1], name[:, 0], name[:, -1]]))
    size = np.bincount(name.ravel(), minlength=count + 1)
    inside = np.ones(count + 1, dtype=np.bool_)
    inside[rim] = False
    inside[0] = False
    large = inside & (size > _LARGEST_HOLE_CELLS)
    if large.any():
        hole = int(np.flatnonzero(large)[0])
        raise InvalidInput(
            f"a hole of {int(size[hole])} cells in the terrain",
            where=f"{where} {_cell_name(name == hole)}",
            mend=f"Fill it from another elevation model; up to {_LARGEST_HOLE_CELLS} cells are filled here",
        )
    fill = inside[name]
    if not fill.any():
        return height, ()
    text = f"{int(inside.sum())} holes ({int(fill.sum())} cells) filled from their rims, first {_cell_name(fill)}"
    return _relaxed(height, fill), (text,)


def _relaxed(height: F64, fill: NDArray[np.bool_]) -> F64:
    """Fill cells with the nearest known height, then smooth within the holes only (Laplace)."""
    _, nearest = distance_transform_edt(np.isnan(height), return_indices=True)
    out = np.where(fill, height[nearest[0], nearest[1]], height)
    row, column = np.nonzero(fill)
    last_row, last_column = height.shape[0] - 1, height.shape[1] - 1
    for _ in range(200):
        around = [
            out[np.maximum(row - 1, 0), column],
            out[np.minimum(row + 1, last_row), column],
            out[row, np.maximum(column - 1, 0)],
            out[row, np.minimum(column + 1, last_column)],
        ]
        out[row, column] = np.nanmean(around, axis=0)
    return out


def _without_spikes(height: F64) -> tuple[F64, tuple[str, ...]]:
    ring = np.ones((3, 3), dtype=np.bool_)
    ring[1, 1] = False
    low = minimum_filter(np.where(np.isnan(height), np.inf, height), footprint=ring, mode="nearest")
    high = maximum_filter(np.where(np.isnan(height), -np.inf, height), footprint=ring, mode="nearest")
    pit, peak = height < low - _SPIKE_M, height > high + _SPIKE_M
    pit &= np.isfinite(low)
    peak &= np.isfinite(high)
    repairs = tuple(
        f"{int(flags.sum())} {what} of more than {_SPIKE_M:.0f} m levelled, first {_cell_name(flags)}"
        for flags, what in ((pit, "single-cell pits"), (peak, "single-cell peaks"))
        if flags.any()
    )
    return np.where(pit, low, np.where(peak, high, height)), repairs
