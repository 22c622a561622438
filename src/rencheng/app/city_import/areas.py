"""Areas of an imported city: city, district, street, community, grid, each under the one that holds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.app.city_import.frame import CityFrame, cell_centres
from rencheng.app.city_import.sections import CitySection
from rencheng.city import table_from_rows
from rencheng.city.source_report import SourceReport
from rencheng.kernel import cell_boundary

__all__ = ["AREA_KINDS", "areas_table", "cell_areas", "city_shape"]

AREA_KINDS = ("city", "district", "street", "community", "grid")
"""Kinds of area from the widest to the smallest."""

_LEAST_OVERLAP = 0.5
"""Share of an area that must lie in the city for the area to belong to it."""


def city_shape(frame: CityFrame) -> shapely.Geometry:
    """Union of the city's cells in degrees."""
    rings = [shapely.polygons(np.array(cell_boundary(int(c)))) for c in frame.cells.tolist()]
    return shapely.union_all(np.array(rings, dtype=object), grid_size=1e-7)


def areas_table(
    rows: list[dict[str, Any]],
    city: CitySection,
    limit: shapely.Geometry | None,
    frame: CityFrame,
    report: SourceReport,
) -> pa.Table:
    """Make the table ``areas``: what lies in the city, under one city area, each with its parent.

    Parameters
    ----------
    rows : list of dict
        Areas found, with a shapely ``shape`` in degrees; a missing city area is made from the limit or the cells.
    """
    cells = city_shape(frame)
    whole = limit if limit is not None else cells
    kept = _inside(rows, whole, report)
    cities = [row for row in kept if row["kind"] == "city"]
    if not cities:
        origin = "the limit" if limit is not None else "the cells"
        report.note(f"areas: no area of kind city was found; one was made from {origin}")
        made = {"area_id": city.id, "kind": "city", "name": city.name, "name_en": city.name_en, "shape": whole}
        kept.insert(0, made)
    elif len(cities) > 1:
        cities.sort(key=lambda row: -shapely.area(shapely.intersection(row["shape"], cells)))
        report.refuse("area: another city", [row["name"] for row in cities[1:]])
        kept = [row for row in kept if row["kind"] != "city" or row is cities[0]]
    kept.sort(key=lambda row: (AREA_KINDS.index(row["kind"]), row["area_id"]))
    _give_parents(kept)
    report.take("areas", len(kept))
    return table_from_rows(
        "areas",
        (
            {**{key: value for key, value in row.items() if key != "shape"}, "geometry": shapely.to_wkb(row["shape"])}
            for row in kept
        ),
    )


def _inside(rows: list[dict[str, Any]], whole: shapely.Geometry, report: SourceReport) -> list[dict[str, Any]]:
    kept, outside, twice, seen = [], [], [], set()
    shapely.prepare(whole)
    for row in rows:
        part = shapely.area(shapely.intersection(row["shape"], whole))
        enough = part >= _LEAST_OVERLAP * shapely.area(row["shape"]) or row["kind"] == "city"
        if row["area_id"] in seen:
            twice.append(row["area_id"])
        elif part <= 0 or not enough:
            outside.append(row["name"])
        else:
            seen.add(row["area_id"])
            kept.append(row)
    report.refuse("area: id used twice; the first is kept", twice)
    report.refuse("area: mostly outside the city", outside)
    return kept


def _give_parents(rows: list[dict[str, Any]]) -> None:
    """Put each area under the smallest wider one that holds most of it; the city has none."""
    ids = {row["area_id"] for row in rows}
    for row in rows[1:]:
        if row.get("parent_id") in ids:
            continue
        wider = [r for r in rows if AREA_KINDS.index(r["kind"]) < AREA_KINDS.index(row["kind"])]
        inner = shapely.point_on_surface(row["shape"])
        holders = [r for r in wider if shapely.contains(r["shape"], inner)]
        row["parent_id"] = (holders[-1] if holders else rows[0])["area_id"]


def cell_areas(areas: pa.Table, cells: NDArray[np.uint64]) -> pa.Array:
    """Smallest area that holds each cell's centre; the city where none does."""
    lon, lat = cell_centres(cells)
    points = shapely.points(lon, lat)
    ids = areas["area_id"].to_pylist()
    shapes = shapely.from_wkb(np.array(areas["geometry"].to_pylist(), dtype=object))
    kinds = areas["kind"].to_pylist()
    found = np.full(len(cells), 0, dtype=np.int64)
    tree = shapely.STRtree(points)
    for kind in AREA_KINDS[1:]:
        of_kind = np.array([i for i, k in enumerate(kinds) if k == kind], dtype=np.int64)
        if len(of_kind):
            area, cell = tree.query(shapes[of_kind], predicate="contains")
            found[cell] = of_kind[area]
    return pa.array([ids[i] for i in found], pa.string())
