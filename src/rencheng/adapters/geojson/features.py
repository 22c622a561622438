"""Read GeoJSON (RFC 7946, and the older ``crs`` member) into geometries and properties."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidInput

__all__ = ["Features", "read_geojson"]


_NULL = msgspec.Raw(b"null")


class _Feature(msgspec.Struct):
    geometry: msgspec.Raw = _NULL
    properties: dict[str, Any] | None = None


class _Collection(msgspec.Struct):
    type: str
    features: list[_Feature] = []
    crs: dict[str, Any] | None = None
    geometry: msgspec.Raw = _NULL
    properties: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Features of one file: ``geometry`` (shapely, degrees EPSG:4326), ``properties``, and ``number`` in the file."""

    geometry: NDArray[np.object_]
    properties: list[dict[str, Any]]
    number: list[int]


def read_geojson(path: Path, report: SourceReport) -> Features:
    """Read the features of a file; those without a usable geometry are refused, the rest is kept.

    Raises
    ------
    InvalidInput
        If the file is no GeoJSON at all.
    """
    try:
        data = msgspec.json.decode(path.read_bytes(), type=_Collection)
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"not GeoJSON: {error}", where=str(path), mend="Give a FeatureCollection") from error
    listed = data.features
    if data.type == "Feature":
        listed = [_Feature(geometry=data.geometry, properties=data.properties)]
    elif data.type != "FeatureCollection":
        raise InvalidInput(f"type {data.type!r} is not read", where=str(path), mend="Give a FeatureCollection")
    texts = np.array([bytes(f.geometry) for f in listed], dtype=object)
    shapes = shapely.from_geojson(texts, on_invalid="ignore") if len(texts) else texts
    usable = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    shapes = _degrees(shapes, data.crs, path)
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    on_earth = (np.abs(bounds[:, [0, 2]]) <= 180.0).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= 90.0).all(axis=1)
    places = [f"feature {i}" for i in range(len(listed))]
    report.refuse("feature has no usable geometry", [p for p, ok in zip(places, usable, strict=True) if not ok])
    report.refuse(
        "feature lies off the Earth (lon/lat expected)",
        [p for p, has, ok in zip(places, usable, on_earth, strict=True) if has and not ok],
    )
    kept = np.flatnonzero(usable & on_earth)
    geometry = np.asarray(shapes[kept], dtype=object)
    polygons = ~shapely.is_valid(geometry)
    geometry[polygons] = shapely.make_valid(geometry[polygons])
    properties = [_decoded_once(listed[i].properties or {}) for i in kept.tolist()]
    repaired = sum(after != (listed[i].properties or {}) for i, after in zip(kept.tolist(), properties, strict=True))
    if repaired:
        report.note(f"{repaired} features had text that was encoded twice (UTF-8 read as Latin-1); it was repaired")
    return Features(geometry=geometry, properties=properties, number=kept.tolist())


def _decoded_once(properties: dict[str, Any]) -> dict[str, Any]:
    """Repair text such as ``"SÃ£o"``: only what is whole UTF-8 when its letters are taken as bytes can be meant."""
    return {key: _repaired(value) if isinstance(value, str) else value for key, value in properties.items()}


def _repaired(text: str) -> str:
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _degrees(shapes: Any, crs: dict[str, Any] | None, path: Path) -> Any:
    """Bring shapes of the older ``crs`` member to lon/lat."""
    name = str((crs or {}).get("properties", {}).get("name", "urn:ogc:def:crs:OGC:1.3:CRS84"))
    if name.endswith(("CRS84", ":4326")):
        return shapes
    try:
        transformer = Transformer.from_crs(CRS.from_user_input(name), "EPSG:4326", always_xy=True)
    except CRSError as error:
        raise InvalidInput(f"unknown reference system {name!r}", where=str(path), mend="Use lon/lat") from error
    return shapely.transform(shapes, lambda p: np.column_stack(transformer.transform(p[:, 0], p[:, 1])))
