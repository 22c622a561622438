"""Buildings, facilities, waters and administrative areas out of an OpenStreetMap extract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.adapters.osm.extract import OsmExtract, Things
from rencheng.adapters.osm.tags import building_use, facility_kind, occupancy_of, storeys_of, water_kind
from rencheng.city.source_report import SourceReport

__all__ = ["admin_areas", "buildings_table", "facilities_table", "waters_table"]

DEFAULT_STOREYS = 2
"""Storeys assumed for the occupancy class of flats where none are tagged; the column itself stays empty."""


def buildings_table(
    things: Things, to_metric: Transformer, report: SourceReport, *, untagged_use: str = "residential"
) -> pa.Table:
    """Buildings with use, Hazus occupancy, storeys, footprint, an inner point and the outline.

    Parameters
    ----------
    untagged_use : str
        Use assumed where the tags say no more than ``building=yes``; the report counts them.
    """
    inner = shapely.point_on_surface(things.geometry)
    footprint = _metric_area(things.geometry, to_metric)
    rows, unspecified = [], 0
    for i, tags in enumerate(things.tags):
        tagged, storeys = building_use(tags), storeys_of(tags)
        use = tagged or untagged_use
        unspecified += tagged is None
        occupancy = occupancy_of(tags, use, float(footprint[i]), storeys or DEFAULT_STOREYS)
        rows.append((use, occupancy, storeys))
    unknown = sum(storeys is None for _, _, storeys in rows)
    report.take("buildings", len(rows))
    if unspecified:
        report.note(
            f"assumption: {unspecified} of {len(rows)} buildings have no use tagged and count as {untagged_use}"
        )
    if unknown:
        report.note(f"buildings: {unknown} of {len(rows)} have no storeys tagged; the field is left empty")
    return pa.table(
        {
            "building_id": pa.array(things.ids, pa.string()),
            "use": pa.array([use for use, _, _ in rows], pa.string()),
            "occupancy": pa.array([occupancy for _, occupancy, _ in rows], pa.string()),
            "storeys": pa.array([storeys for _, _, storeys in rows], pa.int32()),
            "footprint_m2": footprint,
            "lon": shapely.get_x(inner),
            "lat": shapely.get_y(inner),
            "geometry": pa.array(shapely.to_wkb(things.geometry), pa.binary()),
        }
    )


def facilities_table(things: Things, report: SourceReport) -> pa.Table:
    """Facilities at their node, or at a point within their outline; beds or capacity where tagged."""
    inner = shapely.point_on_surface(things.geometry)
    kinds = [facility_kind(tags) or "other" for tags in things.tags]
    capacity = [_number(tags.get("beds") or tags.get("capacity")) for tags in things.tags]
    report.take("facilities", len(kinds))
    return pa.table(
        {
            "facility_id": pa.array([f"osm-{name}" for name in things.ids], pa.string()),
            "kind": pa.array(kinds, pa.string()),
            "name": pa.array([tags.get("name") for tags in things.tags], pa.string()),
            "lon": shapely.get_x(inner),
            "lat": shapely.get_y(inner),
            "capacity": pa.array(capacity, pa.float64()),
        }
    )


def waters_table(things: Things, report: SourceReport) -> pa.Table:
    """Rivers, streams, canals, lakes and coast, as lines and as polygons."""
    kinds = [water_kind(tags) or "lake" for tags in things.tags]
    report.take("waters", len(kinds))
    return pa.table(
        {
            "water_id": pa.array([f"osm-{name}" for name in things.ids], pa.string()),
            "kind": pa.array(kinds, pa.string()),
            "name": pa.array([tags.get("name") for tags in things.tags], pa.string()),
            "geometry": pa.array(shapely.to_wkb(things.geometry), pa.binary()),
        }
    )


def admin_areas(extract: OsmExtract, kinds: Mapping[str, str], report: SourceReport) -> list[dict[str, Any]]:
    """Administrative areas whose ``admin_level`` is mapped to a kind, as rows with a shapely ``shape``.

    Parameters
    ----------
    kinds : mapping of str to str
        ``admin_level`` → city, district, street, community or grid.
    """
    rows, other = [], []
    for name, tags, shape in zip(extract.admin.ids, extract.admin.tags, extract.admin.geometry, strict=True):
        kind = kinds.get(tags.get("admin_level", ""))
        if kind is None:
            other.append(f"{name} {tags.get('name', '')} (level {tags.get('admin_level')})")
            continue
        rows.append(
            {
                "area_id": f"osm-{name}",
                "kind": kind,
                "name": tags.get("name", name),
                "name_en": tags.get("name:en"),
                "shape": shape,
            }
        )
    report.refuse("area: admin_level is not mapped in [osm.admin_levels]", other)
    report.take("administrative areas", len(rows))
    return rows


def _metric_area(geometry: NDArray[np.object_], to_metric: Transformer) -> NDArray[np.float64]:
    def project(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_metric.transform(points[:, 0], points[:, 1]))

    return np.asarray(shapely.area(shapely.transform(geometry, project)), dtype=np.float64)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
