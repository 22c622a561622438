"""From a raster file of forecast rain, one band per step, to a forecast on the city's metric grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from rencheng.adapters.raster.rain import rain_pictures_from_bands
from rencheng.kernel import InvalidInput
from rencheng.sense.rain_forecast import RainForecast, RainForecastGrid

__all__ = ["rain_forecast_from_raster"]

_MOST_BANDS = 4_000


def rain_forecast_from_raster(
    data: bytes,
    *,
    step_min: float,
    members: int,
    metric_crs: str,
    bounds_lonlat: tuple[float, float, float, float],
    where: str = "rain forecast",
) -> RainForecast:
    """Read a raster of mean rates in mm/h, one band per step, and bring it over the city.

    Parameters
    ----------
    data : bytes
        The file (GeoTIFF, or what else GDAL opens from memory).
    step_min : float
        Length of each step.
    members : int
        Members; the bands hold all steps of the first, then all of the second, and so on.
    metric_crs, bounds_lonlat, where
        As of :func:`~rencheng.adapters.raster.rain_picture_from_raster`.

    Raises
    ------
    InvalidInput
        If it is no raster, its bands cannot be shared among the members, or it does not cover the city.
    """
    if not step_min > 0.0 or members < 1:
        raise InvalidInput(f"steps of {step_min:g} min, {members} members", where=where, mend="Give both above 0")
    bands = _bands(data, where)
    if bands % members or bands > _MOST_BANDS:
        mend = f"Give steps times members, at most {_MOST_BANDS}"
        raise InvalidInput(f"{bands} bands for {members} members", where=where, mend=mend)
    pictures = rain_pictures_from_bands(data, metric_crs=metric_crs, bounds_lonlat=bounds_lonlat, where=where)
    steps, first = bands // members, pictures[0]
    rate = np.stack([_whole(p.rate_mm_h) for p in pictures]).reshape(members, steps, *first.rate_mm_h.shape)
    return RainForecast(
        edges_s=60.0 * step_min * np.arange(steps + 1, dtype=np.float64),
        rate_mm_h=rate,
        grid=RainForecastGrid(west_m=first.west_m, south_m=first.south_m, cell_m=first.cell_m, crs=metric_crs),
    )


def _bands(data: bytes, where: str) -> int:
    try:
        with MemoryFile(data) as memory, memory.open() as source:
            return int(source.count)
    except RasterioError as error:
        raise InvalidInput(f"not a raster: {error}", where=where, mend="Send a GeoTIFF of mm/h") from error


def _whole(rate: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cells that the file does not reach take the nearest that it does: the margin is wider than most forecasts."""
    missing = np.isnan(rate)
    if not missing.any():
        return rate
    from scipy.ndimage import distance_transform_edt

    near = distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(rate[tuple(near)])
