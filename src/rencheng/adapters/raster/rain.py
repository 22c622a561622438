"""From a raster file of rain rates to a picture of the rain on the city's metric grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.warp import reproject

from rencheng.kernel import InvalidInput
from rencheng.sense.rain_picture import RainPicture

__all__ = ["MARGIN_M", "rain_picture_from_raster", "rain_pictures_from_bands"]

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
    only_first = rain_pictures_from_bands(data, metric_crs=metric_crs, bounds_lonlat=bounds_lonlat, where=where, most=1)
    return only_first[0]


def rain_pictures_from_bands(
    data: bytes,
    *,
    metric_crs: str,
    bounds_lonlat: tuple[float, float, float, float],
    where: str = "rain picture",
    most: int | None = None,
) -> list[RainPicture]:
    """Read every band (or so many) as :func:`rain_picture_from_raster` reads the first; all lie on one grid."""
    west, south, east, north = _box_m(metric_crs, bounds_lonlat)
    try:
        with MemoryFile(data) as memory, memory.open() as source:
            if source.crs is None:
                raise InvalidInput(
                    "the file names no reference system", where=where, mend="Write one (gdal_edit -a_srs)"
                )
            cell = _cell_m(source.bounds, source.shape, str(source.crs), metric_crs)
            shape = (max(int((north - south) / cell), 1), max(int((east - west) / cell), 1))
            over = Affine(cell, 0.0, west, 0.0, -cell, south + shape[0] * cell)
            bands = range(1, (source.count if most is None else min(most, source.count)) + 1)
            rates = [_over_city(source, band, over, shape, metric_crs) for band in bands]
    except RasterioError as error:
        raise InvalidInput(f"not a raster: {error}", where=where, mend="Send a GeoTIFF of mm/h") from error
    for band, rate in zip(bands, rates, strict=True):
        if not np.isfinite(rate).any():
            raise InvalidInput(
                "the picture does not touch the city",
                where=f"{where}, band {band}",
                mend=f"It must cover lon/lat {bounds_lonlat}",
            )
    return [
        RainPicture(rate_mm_h=np.ascontiguousarray(r[::-1]), west_m=west, south_m=south, cell_m=cell, crs=metric_crs)
        for r in rates
    ]


def _over_city(source: Any, band: int, over: Affine, shape: tuple[int, int], crs: str) -> NDArray[np.float32]:
    out = np.full(shape, np.nan, dtype=np.float32)
    reproject(
        source.read(band, masked=True).astype(np.float32).filled(np.nan),
        out,
        src_transform=source.transform,
        src_crs=source.crs,
        src_nodata=np.nan,
        dst_transform=over,
        dst_crs=crs,
        dst_nodata=np.nan,
        resampling=Resampling.bilinear,
    )
    return out


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
