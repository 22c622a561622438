"""Who stands in the forecast water, as files for other systems: CSV and GeoJSON."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec

from rencheng.assess.flood.objects import OBJECT_KINDS
from rencheng.web.flood.objects import FloodObjects, ObjectRows

__all__ = ["objects_csv", "objects_geojson"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins so for a formula."""


def objects_csv(objects: FloodObjects, rows: ObjectRows) -> bytes:
    """Rows as CSV in UTF-8 with a byte order mark, so that spreadsheets read Chinese; no text becomes a formula."""
    out = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for record in objects.records(rows):
        if writer is None:
            writer = csv.DictWriter(out, fieldnames=list(record), lineterminator="\r\n")
            writer.writeheader()
        writer.writerow({key: _plain(value) for key, value in record.items()})
    return ("\ufeff" + (out.getvalue() or "kind,group,object_id\r\n")).encode()


def objects_geojson(objects: FloodObjects, rows: ObjectRows) -> bytes:
    """Rows as a GeoJSON FeatureCollection (RFC 7946) with the median depth at every lead time."""
    leads, depths = objects.depth_by_lead(rows)
    records = objects.records(rows)
    features = [
        {"type": "Feature", "geometry": shape, "properties": {**record, "depth_by_lead_m": depth}}
        for record, depth, shape in zip(records, depths, _shapes(objects, records), strict=True)
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "lead_min": leads, "features": features})


def _shapes(objects: FloodObjects, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = [{}] * len(records)
    for kind in OBJECT_KINDS:
        at = [n for n, r in enumerate(records) if r["kind"] == kind]
        ids = [records[n]["object_id"] for n in at]
        lon, lat = ([records[n][axis] for n in at] for axis in ("lon", "lat"))
        for n, shape in zip(at, objects.places.geometry(kind, ids, lon, lat), strict=True):
            shapes[n] = shape
    return shapes


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
