"""Checks against the Earth: coordinates, cells, shapes and the terrain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import h3.api.numpy_int as h3_int
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from rencheng.city.defects import Findings, telling
from rencheng.city.package import City
from rencheng.kernel import cells_of, distance_m

__all__ = ["check_cells", "check_points", "check_shapes", "check_terrain"]

_ANYWHERE = {"sensors", "cells"}
"""Tables whose points may lie far from the city (gauges upstream) or make up the city themselves."""

_LEAST_MARGIN_DEGREE = 0.05
_LEAST_TERRAIN = 0.9
"""Share of the cells that must have a height for the terrain to be called whole."""


def check_cells(tables: Mapping[str, pa.Table], resolution: int, findings: Findings) -> None:
    """Cells that are none, of another resolution, or not where their coordinates say; cells used but not listed."""
    cells = tables.get("cells")
    if cells is None or "cell" not in cells.column_names:
        return
    listed = cells["cell"].combine_chunks()
    index = pc.fill_null(listed, 0).to_numpy()
    found = np.array([h3_int.get_resolution(c) if h3_int.is_valid_cell(c) else -1 for c in index.tolist()], np.int64)
    findings.rows("cells", "cell", found < 0, telling("{!r} is no H3 cell", listed), "Give the H3 index")
    findings.rows(
        "cells",
        "cell",
        (found >= 0) & (found != resolution),
        telling("{:x} has resolution {}, the package " + str(resolution), index, found),
        "Bring the cells to the package's resolution",
    )
    if {"lon", "lat"} <= set(cells.column_names):
        _check_centres(cells, index, found, findings)
    for name in ("buildings", "facilities"):
        if name in tables and "cell" in tables[name].column_names:
            column = tables[name]["cell"].combine_chunks()
            known = pc.is_in(column, value_set=listed).to_numpy(zero_copy_only=False)
            share = f"{np.count_nonzero(~known)} of {len(known)} stand in cells that the table cells does not list"
            if not known.all():
                findings.whole(name, "cell", share, "Nothing is assessed there; add the cells or leave it", "warning")


def _check_centres(cells: pa.Table, index: NDArray[Any], found: NDArray[Any], findings: Findings) -> None:
    good = found >= 0
    centre = np.full((len(index), 2), np.nan)
    centre[good] = np.array([h3_int.cell_to_latlng(c) for c in index[good].tolist()], np.float64).reshape(-1, 2)
    away = distance_m(_numbers(cells, "lon"), _numbers(cells, "lat"), centre[:, 1], centre[:, 0])
    edge = np.array([h3_int.average_hexagon_edge_length(max(int(r), 0), unit="m") for r in found])
    findings.rows(
        "cells",
        "lon, lat",
        good & (away > edge),
        telling("lies {:,.0f} m from the centre of its cell {:x}", away, index),
        "Give the centre of the cell (longitude first)",
    )


def check_points(tables: Mapping[str, pa.Table], resolution: int, findings: Findings) -> None:
    """Points off the Earth, far outside the city, or not in the cell they name."""
    box = _city_box(tables.get("cells"))
    for name, table in tables.items():
        if not {"lon", "lat"} <= set(table.column_names) or not len(table):
            continue
        lon, lat = _numbers(table, "lon"), _numbers(table, "lat")
        on_earth = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
        known = np.isfinite(lon) & np.isfinite(lat)
        findings.rows(
            name,
            "lon, lat",
            known & ~on_earth,
            telling("lon {:g}, lat {:g} is not on Earth", lon, lat),
            "Longitude first, both in degrees",
        )
        if box is not None and name not in _ANYWHERE:
            west, south, east, north = box
            outside = on_earth & ~((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
            findings.rows(
                name,
                "lon, lat",
                outside,
                telling("lon {:.5f}, lat {:.5f} is far outside the city", lon, lat),
                "Check for swapped or empty coordinates",
                "warning" if name in {"units", "stocks"} else "error",
            )
        if "cell" in table.column_names and name != "cells":
            _check_holds(name, table, lon, lat, on_earth, resolution, findings)


def _check_holds(
    name: str,
    table: pa.Table,
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    on_earth: NDArray[np.bool_],
    resolution: int,
    findings: Findings,
) -> None:
    column = table["cell"].combine_chunks()
    given = pc.fill_null(column, 0).to_numpy()
    expected = np.zeros(len(table), dtype=np.uint64)
    if 0 <= resolution <= 15:
        expected[on_earth] = cells_of(lon[on_earth], lat[on_earth], resolution)
    bad = on_earth & (given != expected) & column.is_valid().to_numpy(zero_copy_only=False)
    findings.rows(
        name,
        "cell",
        bad,
        telling("{:x} does not hold the point, {:x} does", given, expected),
        "Derive the cell from lon and lat at the package's resolution",
    )


def _city_box(cells: pa.Table | None) -> tuple[float, float, float, float] | None:
    """Box of the cells with half its size to spare on every side, degrees."""
    if cells is None or not len(cells) or not {"lon", "lat"} <= set(cells.column_names):
        return None
    lon, lat = _numbers(cells, "lon"), _numbers(cells, "lat")
    good = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    if not good.any():
        return None
    west, east, south, north = lon[good].min(), lon[good].max(), lat[good].min(), lat[good].max()
    dx = max((east - west) / 2, _LEAST_MARGIN_DEGREE)
    dy = max((north - south) / 2, _LEAST_MARGIN_DEGREE)
    return float(west - dx), float(south - dy), float(east + dx), float(north + dy)


def check_shapes(name: str, table: pa.Table, findings: Findings) -> None:
    """Geometries that cannot be read, are not valid, or are no polygon where one is needed."""
    if "geometry" not in table.column_names or not len(table):
        return
    column = table["geometry"].combine_chunks()
    given = column.is_valid().to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(np.array(column.to_pylist(), dtype=object), on_invalid="ignore")
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    findings.rows(name, "geometry", given & missing, "is not readable well-known binary", "Write WKB, EPSG:4326")
    flat = shapely.get_dimensions(shapes) == 2
    findings.rows(
        name,
        "geometry",
        flat & ~shapely.is_valid(shapes),
        lambda row: f"polygon is not valid: {shapely.is_valid_reason(shapes[row])}",
        "Repair it (a polygon must not cross itself)",
    )
    if name in {"areas", "buildings"}:
        findings.rows(name, "geometry", ~missing & ~flat, "is no polygon", "Give a polygon or multipolygon")
    bounds = shapely.bounds(shapes)
    off = (np.abs(bounds[:, [0, 2]]) > 180.0).any(axis=1) | (np.abs(bounds[:, [1, 3]]) > 90.0).any(axis=1)
    findings.rows(name, "geometry", off, "leaves the Earth", "Give lon/lat in degrees (EPSG:4326)")


def check_terrain(city: City, cells: pa.Table | None, findings: Findings) -> None:
    """A terrain that is absent, damaged, in another reference system, not square, or that misses the city."""
    import rasterio
    from rasterio.errors import RasterioError, RasterioIOError

    if not city.has_terrain:
        mend = "Import a DEM; without it there is no flood susceptibility and no ground height"
        findings.whole("terrain.tif", "", "the city has no terrain", mend, "warning")
        return
    try:
        with rasterio.open(city.path / "terrain.tif") as source:
            transform, crs = source.transform, source.crs
            source.read(1)
    except (RasterioError, RasterioIOError) as error:
        findings.whole("terrain.tif", "", f"not a readable GeoTIFF: {error}", "Build the package again")
        return
    if crs is None:
        findings.whole("terrain.tif", "crs", "names no reference system", f"Write it as {city.manifest.metric_crs}")
    elif not _is_same_crs(crs.to_wkt(), city.manifest.metric_crs):
        what = f"is {crs.to_string()}, the package {city.manifest.metric_crs}"
        findings.whole("terrain.tif", "crs", what, "Reproject it to the metric system of the city")
        return
    if abs(transform.a + transform.e) > 1e-6 * abs(transform.a) or transform.b or transform.d:
        findings.whole("terrain.tif", "", "cells are not square or not north-up", "Resample it to square cells")
        return
    _check_cover(city, cells, findings)


def _check_cover(city: City, cells: pa.Table | None, findings: Findings) -> None:
    if cells is None or not len(cells) or not {"lon", "lat"} <= set(cells.column_names):
        return
    try:
        x, y = city.to_metric.transform(_numbers(cells, "lon"), _numbers(cells, "lat"))
    except CRSError:
        return
    usable = np.isfinite(x) & np.isfinite(y)
    known = np.zeros(len(usable), dtype=bool)
    known[usable] = np.isfinite(city.terrain.sample(x[usable], y[usable]))
    if not known.any():
        findings.whole("terrain.tif", "", "misses the city: no cell has a height", "Import the DEM of this city")
    elif known.mean() < _LEAST_TERRAIN:
        what = f"only {known.mean():.0%} of the cells have a height"
        findings.whole("terrain.tif", "", what, "Import the DEM tiles that are lacking", "warning")


def _is_same_crs(wkt: str, wanted: str) -> bool:
    try:
        return bool(CRS.from_user_input(wkt).equals(CRS.from_user_input(wanted), ignore_axis_order=True))
    except CRSError:
        return False


def _numbers(table: pa.Table, column: str) -> NDArray[np.float64]:
    return np.asarray(table[column].combine_chunks().to_numpy(zero_copy_only=False), dtype=np.float64)
