"""The rain that a flood run's configuration names: files read, gaps and absurd values refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.member_rain import rain_centres, rain_shape
from rencheng.assess.flood.rain_config import (
    DesignRain,
    GridRain,
    HyetographRain,
    MovingRain,
    RainConfig,
    UniformRain,
    design_series,
    hyetograph_series,
    moving_series,
    uniform_series,
)
from rencheng.kernel import InvalidInput, NotFound
from rencheng.science.flood import RainSeries

__all__ = ["rain_of_config"]

F64 = NDArray[np.float64]


def rain_of_config(rain: RainConfig, grid: FloodGrid, folder: Path) -> RainSeries:
    """Rain over a raster from what a configuration says; paths count from ``folder``.

    Raises
    ------
    NotFound
        If a file is not there.
    InvalidInput
        If a file cannot be read or holds rain that cannot be; names file, row or cell.
    """
    match rain:
        case UniformRain():
            return uniform_series(rain)
        case DesignRain():
            return design_series(rain)
        case MovingRain():
            return moving_series(rain, grid)
        case HyetographRain():
            return _hyetograph(rain, folder)
        case GridRain():
            return _gridded(rain, grid, folder)


def _hyetograph(rain: HyetographRain, folder: Path) -> RainSeries:
    path = folder / rain.file
    table = _csv(path)
    _require_columns(table, ("minutes",), path)
    depths = "depth_mm" in table.column_names
    if depths == ("rate_mm_h" in table.column_names):
        raise InvalidInput("one column of rain is wanted", where=str(path), mend="Name it rate_mm_h or depth_mm")
    value = _column(table, "depth_mm" if depths else "rate_mm_h", path)
    return hyetograph_series(_column(table, "minutes", path), value, depths=depths, gaps=rain.gaps, where=str(path))


def _csv(path: Path) -> pa.Table:
    if not path.is_file():
        raise NotFound(f"no rain file {path}", mend="Paths count from the configuration's folder")
    try:
        return pc.read_csv(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(f"not a CSV table: {error}", where=str(path)) from error


def _require_columns(table: pa.Table, names: tuple[str, ...], path: Path) -> None:
    for name in names:
        if name not in table.column_names:
            raise InvalidInput(
                f"no column {name!r}",
                where=str(path),
                mend=f"Name the columns; there are {', '.join(table.column_names)}",
            )


def _column(table: pa.Table, name: str, path: Path) -> F64:
    column = table[name]
    try:
        values = column.cast(pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidInput(f"column {name} holds no numbers: {error}", where=str(path)) from error
    return np.asarray(values, np.float64)


def _gridded(rain: GridRain, grid: FloodGrid, folder: Path) -> RainSeries:
    paths = [p for pattern in rain.files for p in _matching(folder, pattern)]
    if len(paths) == 1 and paths[0].suffix == ".csv":
        return _grid_table(paths[0], grid)
    return _pictures(paths, rain.interval_min, grid)


def _matching(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern)) if not Path(pattern).is_absolute() else [Path(pattern)]
    if not found or not all(p.is_file() for p in found):
        raise NotFound(f"no file matches {pattern!r} in {folder}", mend="Paths count from the configuration's folder")
    return found


def _pictures(paths: list[Path], interval_min: float, grid: FloodGrid) -> RainSeries:
    """GeoTIFF files as a series on coarse cells over the raster."""
    from rencheng.adapters.raster.rain import rain_picture_from_raster

    shape = rain_shape(grid)
    centres = rain_centres(grid, shape)
    lon, lat = zip(*grid.corners, strict=True)
    bounds = (min(lon), min(lat), max(lon), max(lat))
    rate = np.zeros((len(paths) + 1, *shape))
    for k, path in enumerate(paths):
        picture = rain_picture_from_raster(
            path.read_bytes(), metric_crs=grid.crs, bounds_lonlat=bounds, where=str(path)
        )
        row = np.floor((centres[:, 1] - picture.south_m) / picture.cell_m).astype(np.int64)
        column = np.floor((centres[:, 0] - picture.west_m) / picture.cell_m).astype(np.int64)
        ny, nx = picture.rate_mm_h.shape
        seen = picture.rate_mm_h[np.clip(row, 0, ny - 1), np.clip(column, 0, nx - 1)]
        if np.isnan(seen).any():
            at = int(np.argmax(np.isnan(seen)))
            raise InvalidInput(
                f"{int(np.isnan(seen).sum())} rain cells over the city hold no value",
                where=f"{path}, first at x {centres[at, 0]:.0f}, y {centres[at, 1]:.0f}",
                mend="Fill the gap from the pictures before and after, or from gauges",
            )
        rate[k] = seen.reshape(shape)
    return RainSeries(times_s=np.arange(len(paths) + 1, dtype=np.float64) * interval_min * 60.0, rate_mm_h=rate)


def _grid_table(path: Path, grid: FloodGrid) -> RainSeries:
    """CSV table of minutes, lon, lat and rate as a series: every rain cell takes the nearest point."""
    from pyproj import Transformer
    from scipy.spatial import cKDTree

    table = _csv(path)
    names = ("minutes", "lon", "lat", "rate_mm_h")
    _require_columns(table, names, path)
    minutes, lon, lat, rate = (_column(table, name, path) for name in names)
    bad = ~(np.isfinite(rate) & np.isfinite(minutes) & np.isfinite(lon) & np.isfinite(lat)) | (rate < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise InvalidInput(
            f"rain of {rate[row]:g} mm/h at minute {minutes[row]:g}", where=f"{path} row {row + 2}", mend="Correct it"
        )
    shape = rain_shape(grid)
    centres = rain_centres(grid, shape)
    x, y = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(lon, lat)
    times, index = np.unique(minutes, return_inverse=True)
    counts = np.bincount(index)
    if len(times) < 2 or (counts != counts[0]).any():
        k = int(np.argmax(counts != counts[0]))
        raise InvalidInput(
            f"{counts[k]} points at minute {times[k]:g}, {counts[0]} at the first",
            where=str(path),
            mend="Give the same points at two times or more",
        )
    out = np.zeros((len(times) + 1, *shape))
    for k in range(len(times)):
        mine = index == k
        nearest = cKDTree(np.column_stack([np.asarray(x)[mine], np.asarray(y)[mine]])).query(centres)[1]
        out[k] = rate[mine][nearest].reshape(shape)
    seconds = times * 60.0
    last = seconds[-1] + float(np.median(np.diff(seconds)))
    return RainSeries(times_s=np.append(seconds, last) - seconds[0], rate_mm_h=out)
