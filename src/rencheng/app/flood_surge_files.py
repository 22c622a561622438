"""A storm surge as files: GeoTIFF of chance and depth, GeoJSON of the edges, CSV of levels, storms and totals."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import shapely

from rencheng.app.flood_extent_files import write_tif
from rencheng.app.flood_surge_track import DatedTrack
from rencheng.assess.flood.exposure_index import cells_outline
from rencheng.assess.flood.extent_totals import AreaTotals
from rencheng.assess.flood.surge_extent import SurgeExtent
from rencheng.city import City
from rencheng.kernel import format_instant
from rencheng.science.storm_surge.flood_edge import HIGH_RISK_CHANCE, MEDIAN_CHANCE

__all__ = ["TITLES", "write_surge"]

TITLES = {
    "level": "最高潮位 Highest water at the coast",
    "high_risk": "风暴潮高风险区 High-risk area",
    "median": "可能淹没区 Area as likely flooded as not",
}
"""Names for people, in Chinese and English."""
QUANTILES = (0.1, 0.5, 0.9)


def write_surge(extent: SurgeExtent, city: City, told: DatedTrack, out: Path) -> None:
    """Write all files of a surge into a folder that exists."""
    land = ~extent.sea
    for name, values in (
        ("chance", extent.chance),
        ("depth", extent.depth_m),
        ("depth-as-forecast", extent.forecast_depth_m),
    ):
        write_tif(out / f"{name}.tif", np.where(land, values, np.float32(np.nan)), extent.grid)
    _write_edges(extent, city, out / "edge.geojson")
    _write_stages(extent, told, out / "stages.csv")
    _write_storms(extent, told, city, out / "storms.csv")
    rows = _totals(extent)
    flat = [{k: v for k, v in row.items() if not isinstance(v, dict)} for row in rows]
    pacsv.write_csv(pa.Table.from_pylist(flat), out / "totals.csv")
    pacsv.write_csv(extent.high_risk.objects, out / "objects.csv")
    cells = extent.high_risk.cells
    text = pa.array([str(c) for c in cells.column("cell").to_pylist()])
    pacsv.write_csv(cells.set_column(0, "cell", text), out / "cells.csv")
    told_json = {
        "city": city.manifest.name,
        "track_from": format_instant(told.start),
        "storms": len(extent.storms),
        "seed": extent.seed,
        "titles": TITLES,
        "highest_as_forecast_m": round(float(extent.levels.forecast_m.max()), 3),
        "notes": [*extent.notes, *([] if told.radius_given else [RADIUS_GUESSED])],
        "totals": rows,
    }
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(told_json), indent=2) + b"\n")


RADIUS_GUESSED = "The track gives no radius of highest wind in some rows; Vickery & Wadhera (2008) fills it in."


def _write_edges(extent: SurgeExtent, city: City, path: Path) -> None:
    features = []
    for name, chance, totals in (
        ("high_risk", HIGH_RISK_CHANCE, extent.high_risk),
        ("median", MEDIAN_CHANCE, extent.median),
    ):
        zh, en = TITLES[name].split(" ", 1)
        outline = cells_outline(city, extent.grid, extent.chance >= np.float32(chance))
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "area": name,
                    "title_zh": zh,
                    "title_en": en,
                    "least_chance": chance,
                    "flooded_km2": round(totals.areas[0].flooded_km2, 3),
                    "residents": round(totals.areas[0].residents),
                },
                "geometry": msgspec.json.decode(shapely.to_geojson(outline)),
            }
        )
    path.write_bytes(msgspec.json.encode({"type": "FeatureCollection", "features": features}) + b"\n")


def _write_stages(extent: SurgeExtent, told: DatedTrack, path: Path) -> None:
    """Highest level among the sea's cells before the city, every ten minutes."""
    levels = extent.levels
    every = levels.members_m.max(axis=2)
    low, middle, high = np.quantile(every, QUANTILES, axis=0, method="inverted_cdf")
    columns = (levels.tide_m, levels.forecast_m.max(axis=1), low, middle, high, every.max(axis=0))
    names = ("tide_m", "forecast_m", "q10_m", "median_m", "q90_m", "highest_m")
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("time", *names))
        for k, at in enumerate(levels.times_s.tolist()):
            when = format_instant(told.start + timedelta(seconds=round(at)))
            out.writerow((when, *(f"{float(column[k]):.3f}" for column in columns)))


def _write_storms(extent: SurgeExtent, told: DatedTrack, city: City, path: Path) -> None:
    """Every storm's track, and the highest level it brings."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("storm", "time", "lat", "lon", "pressure_hpa", "wind_m_s", "r_max_km", "drag_ratio", "highest_m"))
        top = extent.levels.members_m.max(axis=(1, 2)).tolist()
        for number, (storm, high) in enumerate(zip(extent.storms, top, strict=True), start=1):
            track = storm.track
            lon, lat = city.to_lonlat.transform(track.x_m, track.y_m)
            for k, at in enumerate(track.times_s.tolist()):
                when = format_instant(told.start + timedelta(seconds=round(at)))
                numbers = (track.central_hpa[k], track.max_wind_m_s[k], track.r_max_m[k] / 1000.0)
                strength = [f"{float(v):.1f}" for v in numbers]
                place = [f"{lat[k]:.4f}", f"{lon[k]:.4f}"]
                out.writerow([number, when, *place, *strength, f"{storm.drag_ratio:.3f}", f"{high:.3f}"])


def _totals(extent: SurgeExtent) -> list[dict[str, Any]]:
    return [
        {"case": name, "title": TITLES[name], "least_chance": chance} | _area(area)
        for name, chance, totals in (
            ("high_risk", HIGH_RISK_CHANCE, extent.high_risk),
            ("median", MEDIAN_CHANCE, extent.median),
        )
        for area in totals.areas
    ]


def _area(area: AreaTotals) -> dict[str, Any]:
    return {
        "area_id": area.area_id,
        "name": area.name,
        "flooded_km2": round(area.flooded_km2, 3),
        "residents": round(area.residents),
        "vulnerable_residents": round(area.vulnerable_residents),
        "schools": area.schools,
        "pupils": round(area.pupils),
        "hydrants": area.hydrants,
        "facilities_total": sum(area.facilities.values()),
        "buildings": area.buildings,
        "underpasses": area.underpasses,
        "road_km_total": round(sum(area.road_km.values()), 3),
        "isolated_residents": round(area.isolated_residents),
        "facilities": area.facilities,
        "road_km": {k: round(v, 3) for k, v in area.road_km.items()},
    }
