"""Layers of a flood written for other programs: GeoTIFF rasters, GeoJSON outlines and a picture."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.assess.flood.frames import FloodGrid
from rencheng.kernel import StorageFailed

__all__ = ["write_extent_geojson", "write_geotiff", "write_picture"]

_DEPTH_COLOURS = (
    (0.05, (198, 219, 239)),
    (0.15, (107, 174, 214)),
    (0.3, (49, 130, 189)),
    (0.6, (8, 81, 156)),
    (1.2, (63, 0, 125)),
)
"""Depth from which, and red, green, blue."""
_WATER, _BUILDING, _STREET = (166, 189, 219), (130, 130, 130), (250, 245, 235)


def write_geotiff(path: Path, raster: NDArray[Any], grid: FloodGrid, *, unit: str, what: str) -> None:
    """Write a raster (row 0 south) as a compressed GeoTIFF, NaN as no data for floats, with unit and description.

    Raises
    ------
    StorageFailed
        If it cannot be written.
    """
    import rasterio
    from rasterio import Affine
    from rasterio.errors import RasterioError

    profile = {
        "driver": "GTiff",
        "dtype": raster.dtype.name,
        "count": 1,
        "height": grid.ny,
        "width": grid.nx,
        "crs": grid.crs,
        "transform": Affine(grid.cell_m, 0.0, grid.west_m, 0.0, -grid.cell_m, grid.south_m + grid.ny * grid.cell_m),
        "compress": "deflate",
        "predictor": 3 if raster.dtype.kind == "f" else 2,
        "nodata": float("nan") if raster.dtype.kind == "f" else 0,
    }
    try:
        with rasterio.open(path, "w", **profile) as target:
            target.write(raster[::-1], 1)
            target.set_band_description(1, what)
            target.set_band_unit(1, unit)
    except (RasterioError, OSError) as error:
        raise StorageFailed(f"cannot write: {error}", where=str(path), mend="Free space") from error


def write_extent_geojson(
    path: Path, depth_m: NDArray[np.floating[Any]], grid: FloodGrid, *, thresholds_m: tuple[float, ...]
) -> None:
    """Write where water stands at least so deep: one multipolygon per threshold, EPSG:4326 (RFC 7946).

    Outlines follow the cells; holes and patches are as the raster has them.
    """
    from rasterio import Affine
    from rasterio.features import shapes

    affine = Affine(grid.cell_m, 0.0, grid.west_m, 0.0, grid.cell_m, grid.south_m)
    to_lonlat = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    features = []
    for threshold in thresholds_m:
        wet = np.nan_to_num(depth_m) >= threshold
        parts = [shapely.geometry.shape(s) for s, value in shapes(wet.astype(np.uint8), mask=wet, transform=affine)]
        outline = shapely.multipolygons(parts) if parts else shapely.MultiPolygon()
        lonlat = shapely.transform(outline, lambda xy: np.column_stack(to_lonlat.transform(xy[:, 0], xy[:, 1])))
        properties = {"depth_from_m": threshold, "area_km2": round(float(wet.sum()) * grid.cell_m**2 / 1e6, 6)}
        geometry = msgspec.Raw(shapely.to_geojson(shapely.set_precision(lonlat, 1e-7, mode="pointwise")).encode())
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    path.write_bytes(msgspec.json.encode({"type": "FeatureCollection", "features": features}))


def write_picture(
    path: Path,
    depth_m: NDArray[np.floating[Any]],
    bed_m: NDArray[np.floating[Any]],
    *,
    water: NDArray[np.bool_],
    building: NDArray[np.bool_],
    street: NDArray[np.bool_],
    least_pixels: int = 900,
) -> None:
    """Draw depths over shaded ground, streets, buildings and waters as a PNG, north up, a few pixels per cell."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    shade = _shaded(np.asarray(bed_m, np.float64))
    rgb = np.repeat((205 + 45 * shade)[..., None], 3, axis=2)
    for flags, colour in ((street, _STREET), (building, _BUILDING), (water, _WATER)):
        rgb[flags] = colour
    depth = np.nan_to_num(np.asarray(depth_m, np.float64))
    for least, colour in _DEPTH_COLOURS:
        wet = (depth >= least) & ~water & ~building
        rgb[wet] = 0.15 * rgb[wet] + 0.85 * np.array(colour)
    zoom = max(1, int(np.ceil(least_pixels / max(depth.shape))))
    picture = np.kron(np.clip(rgb, 0, 255).astype(np.uint8)[::-1], np.ones((zoom, zoom, 1), np.uint8))
    profile = {"driver": "PNG", "dtype": "uint8", "count": 3, "height": picture.shape[0], "width": picture.shape[1]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a picture has no place on the ground
        with rasterio.Env(GDAL_PAM_ENABLED="NO"), rasterio.open(path, "w", **profile) as target:
            target.write(np.moveaxis(picture, 2, 0))


def _shaded(bed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light from the north-west on the ground, -1 … 1."""
    slope_y, slope_x = np.gradient(np.nan_to_num(bed, nan=float(np.nanmean(bed))))
    light = slope_x - slope_y
    spread = float(np.percentile(np.abs(light), 95)) or 1.0
    return np.asarray(np.clip(light / spread, -1.0, 1.0))
