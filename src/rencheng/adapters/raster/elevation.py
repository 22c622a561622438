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
from rencheng.science.height_squeeze import metres_of_steps, squeeze_of

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
    squeezed_range_m: int | None = None,
    lowest_m: float = 0.0,
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
    squeezed_range_m : int, optional
        Highest minus lowest height of files that hold whole metres squeezed into 0 … 255; ``lowest_m`` is the lowest.
        The report says where a file's histogram shows such a squeeze and nothing is given here.

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
    metres = None if squeezed_range_m is None else metres_of_steps(range_m=squeezed_range_m, lowest_m=lowest_m)
    for path in paths:
        layer, footprint = _warped(path, crs, metric_crs, transform, shape, metres, report)
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
    path: Path,
    crs: str | None,
    metric_crs: str,
    transform: Any,
    shape: tuple[int, int],
    metres: NDArray[np.float64] | None,
    report: SourceReport,
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
            if metres is None:
                _tell_squeeze(path, heights if nodata is None else heights[heights != nodata], report)
            else:
                heights, nodata = _unsqueezed(path, heights, nodata, metres), None if nodata is None else np.nan
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


def _tell_squeeze(path: Path, heights: NDArray[np.generic], report: SourceReport) -> None:
    squeeze = squeeze_of(heights)
    if squeeze is not None:
        report.note(
            f"warning: the heights of {path.name} look like {squeeze.range_m} whole metres squeezed into 0 … 255 (the "
            f"comb in their histogram explains itself so to {squeeze.match:.0%}); heights above the lowest come out "
            f"{1 - 255 / squeeze.range_m:.0%} too low. If so, say [dem] squeezed_range_m = {squeeze.range_m}"
        )


def _unsqueezed(
    path: Path, heights: NDArray[Any], nodata: float | None, metres: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Heights in metres of a file of steps; NaN where it knows none."""
    unknown = np.zeros(heights.shape, np.bool_) if nodata is None else heights == nodata
    steps = np.where(unknown, 0, heights)
    if steps.min() < 0 or steps.max() >= len(metres) or np.any(steps != np.floor(steps)):
        raise InvalidInput(
            "squeezed_range_m is given, but heights are no whole steps from 0 to 255",
            where=str(path),
            mend="Leave squeezed_range_m out for heights in metres",
        )
    return np.where(unknown, np.nan, metres[steps.astype(np.int64)]).astype(np.float32)


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
