"""A river extent as files that any GIS or spreadsheet reads: GeoTIFF, GeoJSON, CSV, JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import shapely
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import cells_outline
from rencheng.assess.flood.extent_totals import AreaTotals
from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.river_extent import ExtentCase, RiverExtent
from rencheng.city import City

__all__ = ["file_stem", "totals_rows", "write_rasters", "write_tables", "write_tif"]


def file_stem(extent: RiverExtent, case: ExtentCase, name: str) -> str:
    """Name of a file of a case: the main case has the plain one, others say which they are."""
    return name if case is extent.main else f"{name}-{case.name.replace('_', '-')}"


def write_rasters(extent: RiverExtent, case: ExtentCase, city: City, out: Path) -> list[Path]:
    """Write depth, probability and first stage as GeoTIFF, and the extent as GeoJSON in EPSG:4326."""
    layers = {"depth": case.depth_m, "probability": case.prob, "first_stage": case.first_stage_m}
    written = [
        write_tif(out / f"{file_stem(extent, case, name)}.tif", values, extent.grid) for name, values in layers.items()
    ]
    if case is extent.main:
        written.append(write_tif(out / "ground.tif", extent.ground.ground_m.astype(np.float32), extent.grid))
    outline = cells_outline(city, extent.grid, case.prob >= case.least_prob)
    feature = {
        "type": "Feature",
        "properties": {
            "case": case.name,
            "gauge": extent.gauge.sensor_id,
            "stage_m": extent.level.stage_m,
            "least_probability": round(case.least_prob, 6),
            "flooded_km2": round(case.totals.areas[0].flooded_km2, 3),
        },
        "geometry": msgspec.json.decode(shapely.to_geojson(outline)),
    }
    path = out / f"{file_stem(extent, case, 'extent')}.geojson"
    path.write_bytes(msgspec.json.encode({"type": "FeatureCollection", "features": [feature]}) + b"\n")
    return [*written, path]


def write_tables(extent: RiverExtent, out: Path) -> list[Path]:
    """Write totals of all cases (CSV and JSON), and cells and objects of each (CSV)."""
    rows = totals_rows(extent)
    flat = [_flat(row) for row in rows]
    keys = list(dict.fromkeys(key for row in flat for key in row))
    table = pa.table({key: pa.array([row.get(key, 0.0) for row in flat]) for key in keys})
    written = [_write_csv(out / "totals.csv", table)]
    told = {
        "city": rows[0]["name"],
        "gauge": {k: v for k, v in asdict(extent.gauge).items() if v is not None},
        "stage_m": extent.level.stage_m,
        "rise_m": extent.level.rise_m,
        "members": extent.members,
        "seed": extent.seed,
        "notes": extent.notes,
        "totals": rows,
    }
    path = out / "totals.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    written.append(path)
    for case in extent.cases:
        cells = case.totals.cells
        text = pa.array([str(c) for c in cells.column("cell").to_pylist()])
        written.append(_write_csv(out / f"{file_stem(extent, case, 'cells')}.csv", cells.set_column(0, "cell", text)))
        written.append(_write_csv(out / f"{file_stem(extent, case, 'objects')}.csv", case.totals.objects))
    return written


def totals_rows(extent: RiverExtent) -> list[dict[str, Any]]:
    """Totals of every case and area as plain rows, numbers rounded to what they are good for."""
    return [
        {"case": case.name, "stage_m": extent.level.stage_m, **_rounded(area)}
        for case in extent.cases
        for area in case.totals.areas
    ]


def _rounded(area: AreaTotals) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in asdict(area).items():
        if isinstance(value, dict):
            out[key] = {k: round(v, 3) for k, v in sorted(value.items())}
        elif isinstance(value, float):
            out[key] = round(value, 3) if "km2" in key else round(value)
        else:
            out[key] = value
    return out


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{name}": float(v) for name, v in value.items()}
            if key == "road_km":
                flat["road_km"] = round(sum(value.values()), 3)
        else:
            flat[key] = value
    return flat


def _write_csv(path: Path, table: pa.Table) -> Path:
    pacsv.write_csv(table, path)
    return path


def write_tif(path: Path, values: NDArray[np.float32], grid: FloodGrid) -> Path:
    """Write one raster, row 0 south, as a GeoTIFF of float32 with NaN where nothing is known."""
    import rasterio
    from rasterio import Affine

    north = grid.south_m + grid.ny * grid.cell_m
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype="float32",
        count=1,
        height=grid.ny,
        width=grid.nx,
        crs=grid.crs,
        transform=Affine(grid.cell_m, 0.0, grid.west_m, 0.0, -grid.cell_m, north),
        nodata=np.nan,
        compress="deflate",
    ) as target:
        target.write(values[::-1], 1)
    return path
