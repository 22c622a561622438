"""Check a city package: every table against the schema, against the others, and against the Earth."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
from pyproj import CRS
from pyproj.exceptions import CRSError

from rencheng.city.check_devices import check_devices
from rencheng.city.check_flood_points import check_flood_points
from rencheng.city.check_places import check_cells, check_points, check_shapes, check_terrain
from rencheng.city.check_references import check_cycles, check_references, check_sensors
from rencheng.city.check_tables import check_columns, check_keys, check_numbers, check_words
from rencheng.city.defects import Defect, Findings
from rencheng.city.package import City
from rencheng.city.schema import schema_tables
from rencheng.kernel import InvalidInput

__all__ = ["Defect", "check_city"]

NEEDED = ("areas", "cells")
"""Tables without which nothing can be assessed; all others are optional."""


def check_city(city: City, *, examples: int = 10) -> list[Defect]:
    """List every defect of a package.

    Parameters
    ----------
    city : City
        The package, opened.
    examples : int
        How many rows of one kind of defect are named; the rest is one defect with their count.

    Returns
    -------
    list of Defect
        In the order of the schema; empty if all is well.
    """
    findings = Findings(examples)
    _check_manifest(city, findings)
    tables = _readable_tables(city, findings)
    for name, table in tables.items():
        check_columns(name, table, findings)
    typed = {name: _typed(name, table) for name, table in tables.items()}
    for name, table in typed.items():
        check_keys(name, table, findings)
        check_words(name, table, findings)
        check_numbers(name, table, findings)
        check_shapes(name, table, findings)
    check_references(typed, findings)
    check_cycles(typed, findings)
    check_sensors(typed, findings)
    check_devices(typed, findings)
    check_flood_points(typed, findings)
    check_cells(typed, city.manifest.h3_resolution, findings)
    check_points(typed, city.manifest.h3_resolution, findings)
    check_terrain(city, typed.get("cells"), findings)
    return findings.defects


def _check_manifest(city: City, findings: Findings) -> None:
    manifest = city.manifest
    try:
        ZoneInfo(manifest.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        findings.whole(
            "city.toml", "timezone", f"unknown time zone {manifest.timezone!r}", "Use an IANA name, e.g. Asia/Shanghai"
        )
    try:
        crs = CRS.from_user_input(manifest.metric_crs)
    except CRSError:
        findings.whole(
            "city.toml", "metric_crs", f"unknown reference system {manifest.metric_crs!r}", "Use an EPSG code"
        )
    else:
        if not crs.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info):
            what = f"{manifest.metric_crs} is not a projected system in metres"
            findings.whole("city.toml", "metric_crs", what, "Use the UTM zone of the city")
    if not 0 <= manifest.h3_resolution <= 15:
        what = f"H3 has no resolution {manifest.h3_resolution}"
        findings.whole("city.toml", "h3_resolution", what, "Use 0 to 15; 9 is usual")
    for field in ("id", "name", "name_en", "jurisdiction"):
        if not getattr(manifest, field).strip():
            findings.whole("city.toml", field, "is empty", "Fill it in")


def _readable_tables(city: City, findings: Findings) -> dict[str, pa.Table]:
    tables = {}
    for name in schema_tables():
        if not city.has(name):
            if name in NEEDED:
                findings.whole(name, "", "the table is missing", f"Add {name}.parquet: the loop cannot run without it")
            continue
        try:
            tables[name] = city.table_as_is(name)
        except InvalidInput as error:
            findings.whole(name, "", error.what, error.mend)
    for path in sorted(city.path.glob("*.parquet")):
        if path.stem not in schema_tables():
            findings.whole(path.name, "", "the schema has no such table", "Remove it or rename it", "warning")
    return tables


def _typed(name: str, table: pa.Table) -> pa.Table:
    """Keep the columns of the schema that can be read in their schema type, so that the later checks are simple."""
    columns = {}
    for attribute in schema_tables()[name]:
        if attribute.name not in table.column_names:
            continue
        try:
            column = table[attribute.name].cast(attribute.arrow_type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        columns[attribute.name] = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return pa.table(columns)
