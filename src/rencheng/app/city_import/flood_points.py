"""The register of flood-prone points of an imported city: a CSV or GeoJSON of the city's own, mapped to the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.adapters.geojson import read_geojson
from rencheng.adapters.tabular import read_delimited, texts
from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.frame import CityFrame
from rencheng.app.city_import.sections import FloodPointsSection
from rencheng.city import Attribute, RemediationStatus, schema_tables
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidConfig

__all__ = ["LINK_REACH_M", "flood_points_table"]

_TABLE = "flood_prone_points"
_DAYS = ("planned_on", "done_on")
_NEEDED = ("point_id", "name", "lon", "lat")
LINK_REACH_M = 30.0
"""A point without a link is given the nearest road within this distance (half the width of an arterial street)."""


def flood_points_table(
    config: ImportConfig, tables: Mapping[str, pa.Table], frame: CityFrame, report: SourceReport
) -> pa.Table | None:
    """Points of the configured file; rows without id, name, place or a known status are refused.

    Raises
    ------
    InvalidConfig
        If the mapping names an attribute that the schema does not know, or a status that is none.
    """
    section = config.data.flood_points
    if section is None:
        return None
    attributes = _attributes(config, section)
    rows = _rows_of(config, section, report)
    kept: dict[str, dict[str, Any]] = {}
    for number, raw in rows:
        row = _typed(raw, attributes, section, f"row {number}", report)
        if row is None:
            continue
        if row["point_id"] in kept:
            report.refuse("point_id used twice; the first is kept", [row["point_id"]])
        else:
            kept[row["point_id"]] = row
    table = frame.placed(_table(attributes, kept), "point", "point_id", report)
    report.take(_TABLE, len(table))
    return _linked(table, tables.get("road_links"), frame, report) if len(table) else None


def _table(attributes: Mapping[str, Attribute], kept: Mapping[str, dict[str, Any]]) -> pa.Table:
    """Table with every column that a file may fill."""
    schema = pa.schema([pa.field(a.name, a.arrow_type) for a in attributes.values()])
    return pa.Table.from_pylist(list(kept.values()), schema=schema)


def _attributes(config: ImportConfig, section: FloodPointsSection) -> dict[str, Attribute]:
    where = f"{config.file} [flood_points]"
    attributes = {a.name: a for a in schema_tables()[_TABLE] if a.name != "cell"}
    for name in section.columns:
        if name not in attributes:
            raise InvalidConfig(f"unknown attribute {name!r}", where=where, mend=f"Use: {', '.join(attributes)}")
    for status in [section.status, *section.statuses.values()]:
        if status not in set(RemediationStatus):
            mend = f"Use one of: {', '.join(RemediationStatus)}"
            raise InvalidConfig(f"unknown status {status!r}", where=where, mend=mend)
    return attributes


def _rows_of(
    config: ImportConfig, section: FloodPointsSection, report: SourceReport
) -> list[tuple[int, dict[str, str | None]]]:
    """Rows as text by attribute, with their number in the file (line of a CSV, feature of a GeoJSON)."""
    path = config.path(section.file)
    if path.suffix.lower() in {".geojson", ".json"}:
        features = read_geojson(path, report)
        inner = shapely.point_on_surface(features.geometry)
        found = []
        for k, (number, properties) in enumerate(zip(features.number, features.properties, strict=True)):
            row = {name: _text(properties.get(column)) for name, column in section.columns.items()}
            found.append((number, {**row, "lon": repr(float(inner[k].x)), "lat": repr(float(inner[k].y))}))
        return found
    data = read_delimited(
        path, list(section.columns.values()), report, delimiter=section.delimiter, encoding=section.encoding
    )
    columns = {name: texts(data, column) for name, column in section.columns.items()}
    return [(k + 2, {name: values[k] for name, values in columns.items()}) for k in range(len(data))]


def _text(value: object) -> str | None:
    return None if value is None or not str(value).strip() else str(value).strip()


def _typed(
    raw: Mapping[str, str | None],
    attributes: Mapping[str, Attribute],
    section: FloodPointsSection,
    where: str,
    report: SourceReport,
) -> dict[str, Any] | None:
    """Row in the types of the schema; None where it is refused."""
    row: dict[str, Any] = {"kind": section.kind, "status": section.status}
    for name, text in raw.items():
        if text is None:
            continue
        if name in _DAYS:
            row[name] = _day(text)
        elif name == "kind":
            row[name] = section.kinds.get(text, text)
        elif name == "status":
            row[name] = section.statuses.get(text, text)
        else:
            row[name] = _value(text, attributes[name].type)
        if row[name] is None:
            report.refuse(f"{name} is not readable and left empty", [f"{where}: {text!r}"])
    missing = [name for name in _NEEDED if row.get(name) is None]
    if missing:
        report.refuse(f"point: {', '.join(missing)} is missing or no number", [where])
        return None
    if row["status"] not in set(RemediationStatus):
        report.refuse("point: its status is not mapped in statuses", [f"{where}: {row['status']!r}"])
        return None
    return row


def _value(text: str, kind: str) -> str | float | int | None:
    if kind == "string":
        return text
    try:
        number = float(text)
    except ValueError:
        return None
    if not np.isfinite(number):
        return None
    return number if kind == "double" else int(number)


def _day(text: str) -> str | None:
    """Day as YYYY-MM-DD out of the ways cities write it: 2025-9-1, 2025/09/01, 20250901, 2025年9月1日."""
    found = re.fullmatch(r"(\d{4})\D?(\d{1,2})\D?(\d{1,2})\D?", text)
    try:
        return date(*(int(part) for part in found.groups())).isoformat() if found else None
    except ValueError:
        return None


def _linked(table: pa.Table, links: pa.Table | None, frame: CityFrame, report: SourceReport) -> pa.Table:
    """Give points without a link the nearest road in reach, an underpass to underpasses where there is one."""
    if links is None or "geometry" not in links.column_names or not len(links):
        return table
    wanted: list[int | None] = table["link_id"].to_pylist()
    lines = frame.metric(np.asarray(shapely.from_wkb(np.array(links["geometry"].to_pylist(), dtype=object))))
    under = _flags(links)
    x, y = frame.to_metric.transform(table["lon"].to_numpy(), table["lat"].to_numpy())
    kinds, ids = table["kind"].to_pylist(), links["link_id"].to_pylist()
    tree, given = shapely.STRtree(lines), 0
    for k in [k for k, link in enumerate(wanted) if link is None and kinds[k] != "community"]:
        here = shapely.Point(float(x[k]), float(y[k]))
        near = np.sort(tree.query(here, predicate="dwithin", distance=LINK_REACH_M))
        if not len(near):
            continue
        away = np.round(shapely.distance(lines[near], here), 2)
        best = near[np.lexsort((near, away, ~(under[near] & (kinds[k] == "underpass"))))[0]]
        wanted[k], given = int(ids[int(best)]), given + 1
    if given:
        report.note(f"assumption: {given} points lie on the nearest road within {LINK_REACH_M:g} m")
    return table.set_column(table.column_names.index("link_id"), "link_id", pa.array(wanted, pa.int64()))


def _flags(links: pa.Table) -> NDArray[np.bool_]:
    if "underpass" not in links.column_names:
        return np.zeros(len(links), dtype=bool)
    return np.asarray(links["underpass"].fill_null(False).to_numpy(), dtype=bool)
