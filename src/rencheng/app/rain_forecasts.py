"""Forecasts of the rain as they are handed in: by what they are told to be, or by what a file is called."""

from __future__ import annotations

from pathlib import Path

from rencheng.adapters.raster import rain_forecast_from_raster
from rencheng.city import City
from rencheng.kernel import InvalidInput, NotFound
from rencheng.sense import RainForecast, rain_forecast_from_csv, rain_forecast_from_json

__all__ = ["MEDIA_TYPES", "rain_forecast_of", "read_rain_forecast"]

MEDIA_TYPES = {".csv": "text/csv", ".json": "application/json", ".tif": "image/tiff", ".tiff": "image/tiff"}
"""What a file is by the ending of its name."""


def rain_forecast_of(
    data: bytes,
    media_type: str,
    city: City,
    *,
    step_min: float = 60.0,
    members: int = 1,
    where: str = "rain forecast",
) -> RainForecast:
    """Read a forecast.

    Parameters
    ----------
    media_type : str
        ``text/csv``, ``application/json`` or ``image/tiff``; what follows a semicolon counts for nothing.
    step_min, members : float, int
        Length of a step and number of members of a raster, whose bands tell neither.

    Raises
    ------
    InvalidInput
        If it is of another kind, cannot be read, or holds rain that cannot be.
    """
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "image/tiff":
        lon, lat = city.column("cells", "lon"), city.column("cells", "lat")
        return rain_forecast_from_raster(
            data,
            step_min=step_min,
            members=members,
            metric_crs=city.manifest.metric_crs,
            bounds_lonlat=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
            where=where,
        )
    if kind not in MEDIA_TYPES.values():
        known = ", ".join(sorted(set(MEDIA_TYPES.values())))
        raise InvalidInput(f"a rain forecast as {kind or 'nothing'} cannot be read", where=where, mend=f"Send: {known}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"not UTF-8: {error}", where=where, mend="Save the file as UTF-8") from error
    read = rain_forecast_from_csv if kind == "text/csv" else rain_forecast_from_json
    return read(text, where=where)


def read_rain_forecast(path: Path, city: City, *, step_min: float = 60.0, members: int = 1) -> RainForecast:
    """Read a forecast from a file; of a folder the file whose name comes last, as names that begin with a date do.

    Raises
    ------
    NotFound
        If there is no such file, or none of a known ending in the folder.
    InvalidInput
        As :func:`rain_forecast_of`.
    """
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in MEDIA_TYPES)
        if not found:
            raise NotFound(f"no rain forecast in {path}", mend=f"Known endings: {', '.join(MEDIA_TYPES)}")
        path = found[-1]
    if not path.is_file():
        raise NotFound(f"no rain forecast {path}")
    kind = MEDIA_TYPES.get(path.suffix.lower(), path.suffix)
    return rain_forecast_of(path.read_bytes(), kind, city, step_min=step_min, members=members, where=str(path))
