"""From elevation files to the terrain of a city."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.warp import reproject, transform_bounds

from rencheng.city.source_report import SourceReport
from rencheng.city.terrain import Terrain
from rencheng.kernel import InvalidInput

__all__ = ["terrain_from_rasters"]

_SRTM_VOID = -32768
"""What SRTM writes where the radar saw nothing (SRTM User Guide v2.1, section 3.3)."""


def terrain_from_rasters(
    paths: Sequence[Path],
    *,
    metric_crs: str,
    bounds_m: tuple[float, float, float, float],
    cell_m: float,
    report: SourceReport,
    crs: str | None = None,
) -> Terrain:
    """Bring elevation files to square cells of the city's metric system, clipped to a box.

    Parameters
    ----------
    paths : sequence of Path
        GeoTIFF, SRTM ``.hgt``, or ``.zip`` that holds one; where files overlap the first wins.
    metric_crs : str
        Reference system of the terrain.
    bounds_m : tuple of float
        West, south, east, north of the box in metres.
    cell_m : float
        Edge of a cell; heights are interpolated bilinearly.
    report : SourceReport
        Takes how much of the box the files cover.
    crs : str, optional
        Reference system of files that name none.

    Raises
    ------
    InvalidInput
        If a file is damaged, names no reference system, or no file meets the box.
    """
    west, south, east, north = (
        np.floor(bounds_m[0] / cell_m) * cell_m,
        np.floor(bounds_m[1] / cell_m) * cell_m,
        np.ceil(bounds_m[2] / cell_m) * cell_m,
        np.ceil(bounds_m[3] / cell_m) * cell_m,
    )
    shape = (round((north - south) / cell_m), round((east - west) / cell_m))
    ground = np.full(shape, np.nan, dtype=np.float32)
    transform = Affine(cell_m, 0.0, west, 0.0, -cell_m, north)
    footprints = []
    for path in paths:
        layer, footprint = _warped(path, crs, metric_crs, transform, shape)
        footprints.append(footprint)
        np.copyto(ground, layer, where=np.isnan(ground))
    known = np.isfinite(ground)
    if not known.any():
        raise InvalidInput(
            f"elevation misses the city: files cover {'; '.join(footprints)}, the city needs "
            f"{_degrees(transform_bounds(metric_crs, 'EPSG:4326', west, south, east, north))}",
            where=", ".join(str(p) for p in paths),
            mend="Give the tile of the city",
        )
    report.take("terrain cells", int(known.sum()))
    if not known.all():
        report.note(f"terrain: {known.mean():.1%} of the box around the city has a height; the rest stays unknown")
    return _tight(ground, float(west), float(north), cell_m, metric_crs)


def _warped(
    path: Path, crs: str | None, metric_crs: str, transform: Any, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], str]:
    layer = np.full(shape, np.nan, dtype=np.float32)
    name = _inside_zip(path)
    try:
        with rasterio.open(name) as source:
            source_crs = source.crs or crs
            if not source_crs:
                raise InvalidInput(
                    "elevation names no reference system",
                    where=str(path),
                    mend='Say it in the configuration, e.g. [dem] crs = "EPSG:4326"',
                )
            heights = source.read(1)
            nodata = source.nodata
            if nodata is None and heights.dtype == np.int16:
                nodata = _SRTM_VOID
            reproject(
                heights,
                layer,
                src_transform=source.transform,
                src_crs=source_crs,
                src_nodata=nodata,
                dst_transform=transform,
                dst_crs=metric_crs,
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
                num_threads=1,
            )
            footprint = _degrees(transform_bounds(source_crs, "EPSG:4326", *source.bounds))
    except (RasterioIOError, RasterioError) as error:
        raise InvalidInput(
            f"not a readable elevation file: {error}",
            where=str(path),
            mend="Fetch it again (GeoTIFF, SRTM .hgt, or a zip of one)",
        ) from error
    return layer, footprint


def _inside_zip(path: Path) -> str:
    """Name by which GDAL reads the file; the first ``.hgt`` or ``.tif`` of a zip."""
    if path.suffix.lower() != ".zip":
        return str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [n for n in sorted(archive.namelist()) if n.lower().endswith((".hgt", ".tif", ".tiff"))]
    except (zipfile.BadZipFile, OSError) as error:
        raise InvalidInput(f"not a readable zip: {error}", where=str(path), mend="Fetch it again") from error
    if not inside:
        raise InvalidInput("the zip holds no .hgt or .tif", where=str(path), mend="Give the elevation file itself")
    return f"/vsizip/{path.resolve()}/{inside[0]}"


def _degrees(bounds: tuple[float, float, float, float]) -> str:
    west, south, east, north = bounds
    return f"{west:.4f}…{east:.4f} E, {south:.4f}…{north:.4f} N"


def _tight(ground: NDArray[np.float32], west: float, north: float, cell_m: float, crs: str) -> Terrain:
    """Cut rows and columns that know no height at all, and put the southernmost row first."""
    known = np.isfinite(ground)
    rows, columns = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    cut = ground[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Terrain(
        ground_m=np.ascontiguousarray(cut[::-1]),
        west_m=west + float(columns[0]) * cell_m,
        south_m=north - float(rows[-1] + 1) * cell_m,
        cell_m=cell_m,
        crs=crs,
    )
