"""From a bathymetry file to the shelf sea of a surge model, and to the bed at the cells of a terrain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject, transform_bounds

from rencheng.city.terrain import Terrain
from rencheng.kernel import InvalidInput
from rencheng.science.storm_surge.shelf import ShelfSea

__all__ = ["bed_on_terrain", "shelf_sea_from_raster"]

MOST_CELLS = 20_000
"""Cells of a surge model: a finer file is coarsened to so many, 500 km of coast at 3 to 4 km."""
FINEST_M, WIDEST_M = 500.0, 2_000_000.0


def shelf_sea_from_raster(path: Path, *, metric_crs: str, most_cells: int = MOST_CELLS) -> ShelfSea:
    """Read heights above mean sea level (negative in the sea) and lay them on square cells of the city's system.

    Parameters
    ----------
    path : Path
        GeoTIFF or any raster that GDAL reads, metres, such as GEBCO; its whole extent is the model's.
    metric_crs : str
        The city's metric reference system.
    most_cells : int
        Finer files are averaged to so many cells.

    Raises
    ------
    InvalidInput
        If it is no raster, has no reference system, is wider than 2000 km, or holds no sea.
    """
    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                raise InvalidInput("names no reference system", where=str(path), mend="Write one (gdal_edit -a_srs)")
            box = transform_bounds(source.crs, metric_crs, *source.bounds)
            width, height = box[2] - box[0], box[3] - box[1]
            if not 0.0 < max(width, height) <= WIDEST_M:
                raise InvalidInput(
                    f"is {max(width, height) / 1000.0:,.0f} km wide in {metric_crs}",
                    where=str(path),
                    mend="Cut it to some 300 km on either side of the city",
                )
            native = float(np.sqrt(width * height / (source.width * source.height)))
            cell_m = max(native, float(np.sqrt(width * height / most_cells)), FINEST_M)
            shape = (max(round(height / cell_m), 1), max(round(width / cell_m), 1))
            bed = _laid(
                source, Affine(cell_m, 0.0, box[0], 0.0, -cell_m, box[3]), shape, metric_crs, Resampling.average
            )
    except RasterioError as error:
        raise InvalidInput(
            f"not a readable raster: {error}", where=str(path), mend="Give a GeoTIFF of metres"
        ) from error
    bed = bed[::-1].astype(np.float64)
    if min(shape) < 3 or not (np.nan_to_num(bed, nan=1.0) < 0.0).any():
        raise InvalidInput(
            "no cell lies below 0: there is no sea in it",
            where=str(path),
            mend="Depths are negative heights, in metres",
        )
    south = box[3] - shape[0] * cell_m
    to_lonlat = Transformer.from_crs(metric_crs, "EPSG:4326", always_xy=True)
    rows = south + (np.arange(shape[0]) + 0.5) * cell_m
    lat = np.asarray(to_lonlat.transform(np.full(shape[0], (box[0] + box[2]) / 2.0), rows)[1], np.float64)
    return ShelfSea(bed_m=np.ascontiguousarray(bed), cell_m=cell_m, west_m=box[0], south_m=south, lat=lat)


def bed_on_terrain(path: Path, terrain: Terrain) -> NDArray[np.float32]:
    """Height of the bathymetry at the cells of a terrain, shape (ny, nx), row 0 in the south; NaN outside the file."""
    ny, nx = terrain.ground_m.shape
    north = terrain.south_m + ny * terrain.cell_m
    with rasterio.open(path) as source:
        grid = Affine(terrain.cell_m, 0.0, terrain.west_m, 0.0, -terrain.cell_m, north)
        return _laid(source, grid, (ny, nx), terrain.crs, Resampling.bilinear)[::-1]


def _laid(
    source: rasterio.DatasetReader, grid: Affine, shape: tuple[int, int], crs: str, how: Resampling
) -> NDArray[np.float32]:
    laid = np.full(shape, np.nan, np.float32)
    reproject(
        source.read(1).astype(np.float32),
        laid,
        src_transform=source.transform,
        src_crs=source.crs,
        src_nodata=source.nodata,
        dst_transform=grid,
        dst_crs=crs,
        dst_nodata=np.nan,
        resampling=how,
        num_threads=1,
    )
    return laid
