"""From a raster file of rain rates to a picture of the rain on the city's metric grid."""

from __future__ import annotations

import numpy as np
from pyproj import Transformer
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.warp import reproject

from rencheng.kernel import InvalidInput
from rencheng.sense.rain_picture import RainPicture

__all__ = ["MARGIN_M", "rain_picture_from_raster"]

MARGIN_M = 30_000.0
"""Rain within so far of the city is kept: at 15 m/s it arrives within the half hour."""
_FINEST_M, _COARSEST_M = 250.0, 5_000.0


def rain_picture_from_raster(
    data: bytes, *, metric_crs: str, bounds_lonlat: tuple[float, float, float, float], where: str = "rain picture"
) -> RainPicture:
    """Read a raster of rain rates in mm/h (GeoTIFF, or what else GDAL opens from memory) and bring it over the city.

    Parameters
    ----------
    data : bytes
        The file.
    metric_crs : str
        The city's metric reference system.
    bounds_lonlat : tuple of float
        West, south, east, north of the city, degrees.
    where : str
        What errors call the file.

    Returns
    -------
    RainPicture
        Square cells of the file's own fineness (250 m to 5 km), the city and 30 km about it; NaN where the file shows
        nothing.

    Raises
    ------
    InvalidInput
        If it is no raster, has no reference system, does not touch the city, or holds rain that cannot be.
    """
    west, south, east, north = _box_m(metric_crs, bounds_lonlat)
    try:
        with MemoryFile(data) as memory, memory.open() as source:
            if source.crs is None:
                raise InvalidInput(
                    "the file names no reference system", where=where, mend="Write one (gdal_edit -a_srs)"
                )
            rate = source.read(1, masked=True).astype(np.float32).filled(np.nan)
            cell = _cell_m(source.bounds, source.shape, str(source.crs), metric_crs)
            shape = (max(int((north - south) / cell), 1), max(int((east - west) / cell), 1))
            out = np.full(shape, np.nan, dtype=np.float32)
            reproject(
                rate,
                out,
                src_transform=source.transform,
                src_crs=source.crs,
                src_nodata=np.nan,
                dst_transform=Affine(cell, 0.0, west, 0.0, -cell, south + shape[0] * cell),
                dst_crs=metric_crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
            )
    except RasterioError as error:
        raise InvalidInput(f"not a raster: {error}", where=where, mend="Send a GeoTIFF of mm/h") from error
    if not np.isfinite(out).any():
        raise InvalidInput(
            "the picture does not touch the city", where=where, mend=f"It must cover lon/lat {bounds_lonlat}"
        )
    return RainPicture(
        rate_mm_h=np.ascontiguousarray(out[::-1]), west_m=west, south_m=south, cell_m=cell, crs=metric_crs
    )


def _box_m(metric_crs: str, bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    to_metric = Transformer.from_crs("EPSG:4326", metric_crs, always_xy=True)
    left, low, right, high = to_metric.transform_bounds(*bounds)
    return left - MARGIN_M, low - MARGIN_M, right + MARGIN_M, high + MARGIN_M


def _cell_m(bounds: tuple[float, float, float, float], shape: tuple[int, int], crs: str, metric_crs: str) -> float:
    """Mean edge of the file's cells in metres, rounded to 50 m and kept within reason."""
    to_metric = Transformer.from_crs(crs, metric_crs, always_xy=True)
    left, low, right, high = to_metric.transform_bounds(*bounds)
    edge = float(np.sqrt((right - left) * (high - low) / (shape[0] * shape[1])))
    return float(np.clip(round(edge / 50.0) * 50.0, _FINEST_M, _COARSEST_M))
