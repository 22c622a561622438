"""The city's layers as lean payloads: columns instead of rows, integer coordinates, simplified lines."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from threading import Lock
from typing import Any

import msgspec
import numpy as np
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from rencheng.assess.frame import GAUGED
from rencheng.city import City
from rencheng.city.package import MOST_SHOWN
from rencheng.kernel import NotFound

__all__ = ["LAYERS", "LayerCache", "LinkLines", "buildings_payload", "line_payload", "link_points"]

SCALE = 100_000
"""Coordinates travel as integers of 1e-5 degree (about a metre), each line as a first point and differences."""

_MAIN_ROADS = frozenset(
    f"{name}{suffix}" for name in ("motorway", "trunk", "primary", "secondary", "tertiary") for suffix in ("", "_link")
)
_TOLERANCE_DEGREE = 3e-5
_STOREY_M = 3.0
"""Height of a storey where the package tells storeys only (GB 50096-2011 §5.5.1: 2.8 m and the slab)."""
_STOREYS_ASSUMED = 2


def line_payload(points: NDArray[np.float64]) -> list[int]:
    """Lon/lat points, shape (n, 2), as integers of 1e-5 degree: first point, then differences, flattened.

    Examples
    --------
    >>> line_payload(np.array([[1.0, 2.0], [1.00001, 2.00003]]))
    [100000, 200000, 1, 3]
    """
    whole = np.rint(points * SCALE).astype(np.int64)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    return [int(v) for v in steps.ravel()]


def _areas(city: City) -> dict[str, Any]:
    features = []
    for row in city.rows("areas"):
        shape = shapely.from_wkb(row["geometry"]) if row.get("geometry") else None
        if shape is not None:
            shape = shapely.set_precision(shape.simplify(_TOLERANCE_DEGREE), 1e-5)
        properties = {key: row.get(key) for key in ("area_id", "kind", "parent_id", "name", "name_en")}
        features.append({"type": "Feature", "properties": properties, "geometry": _geojson(shape)})
    return {"type": "FeatureCollection", "features": features}


def _waters(city: City) -> dict[str, Any]:
    features = []
    for row in city.rows("waters"):
        shape = shapely.set_precision(shapely.from_wkb(row["geometry"]).simplify(_TOLERANCE_DEGREE), 1e-5)
        properties = {key: row.get(key) for key in ("water_id", "kind", "name")}
        features.append({"type": "Feature", "properties": properties, "geometry": _geojson(shape)})
    return {"type": "FeatureCollection", "features": features}


def _geojson(shape: Any) -> Any:
    return None if shape is None or shape.is_empty else shapely.geometry.mapping(shape)


def _road_lines(city: City, *, main: bool) -> dict[str, Any]:
    """Lines by road class; of the two directions of a street one is kept."""
    if not city.has("road_links"):
        return {"scale": SCALE, "classes": {}, "links": {}}
    classes = city.column("road_links", "road_class").astype(str)
    chosen = np.isin(classes, sorted(_MAIN_ROADS)) == main
    start, end = city.column("road_links", "from_node"), city.column("road_links", "to_node")
    low, high = np.minimum(start, end), np.maximum(start, end)
    _, first = np.unique(
        np.stack([low, high, city.column("road_links", "length_m").round()], 1), axis=0, return_index=True
    )
    once = np.zeros(len(classes), dtype=bool)
    once[first] = True
    rows = np.flatnonzero(chosen & once)
    lines = _link_lines(city, rows)
    out: dict[str, list[list[int]]] = {}
    for row, line in zip(rows.tolist(), lines, strict=True):
        out.setdefault(str(classes[row]), []).append(line)
    return {"scale": SCALE, "classes": dict(sorted(out.items()))}


def link_points(city: City, rows: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Lon/lat points, shape (n, 2), along the road links in some rows of their table, simplified to about three metres.

    A package without geometry has links that run straight from node to node.
    """
    table = city.table("road_links")
    if "geometry" in table.column_names:
        shapes = shapely.from_wkb(table.column("geometry").take(rows).to_numpy(zero_copy_only=False))
        return [shapely.get_coordinates(shape) for shape in shapely.simplify(shapes, _TOLERANCE_DEGREE)]
    ids = city.column("road_nodes", "node_id")
    order = np.argsort(ids)
    points = np.stack([city.column("road_nodes", "lon"), city.column("road_nodes", "lat")], 1)
    ends = [
        points[order[np.searchsorted(ids, city.column("road_links", name)[rows], sorter=order)]]
        for name in ("from_node", "to_node")
    ]
    return list(np.stack(ends, axis=1))


def _link_lines(city: City, rows: NDArray[np.int64]) -> list[list[int]]:
    return [line_payload(points) for points in link_points(city, rows)]


class LinkLines:
    """Names and lines of single road links, for what is closed or travelled."""

    def __init__(self, city: City) -> None:
        self._city = city
        ids = city.column("road_links", "link_id") if city.has("road_links") else np.array([], dtype=np.int64)
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]

    def name_and_line(self, link_id: int) -> tuple[str, list[tuple[float, float]]]:
        """Give the street name and lon/lat points of a link; empty for one that the city does not know."""
        at = int(np.searchsorted(self._ids, link_id))
        if at == len(self._ids) or self._ids[at] != link_id:
            return "", []
        row = int(self._order[at])
        table = self._city.table("road_links")
        name = table.column("name")[row].as_py() if "name" in table.column_names else ""
        whole = _link_lines(self._city, np.array([row]))[0]
        points = np.cumsum(np.array(whole, dtype=np.int64).reshape(-1, 2), axis=0) / SCALE
        return name or "", [(float(x), float(y)) for x, y in points]


def _columns(city: City, table: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not city.has(table):
        return {name: [] for name in names}
    data = city.table(table)
    return {name: data.column(name).to_pylist() for name in names if name in data.column_names}


def _rounded(columns: dict[str, Any], digits: int, *names: str) -> dict[str, Any]:
    for name in names:
        if name in columns:
            columns[name] = [None if v is None else round(v, digits) for v in columns[name]]
    return columns


def _cells(city: City) -> dict[str, Any]:
    names = ("residents", "vulnerable_residents", "area_id", "ground_m")
    columns = _rounded(_columns(city, "cells", names), 1, "residents", "vulnerable_residents", "ground_m")
    return {"h3": [f"{cell:x}" for cell in city.table("cells").column("cell").to_pylist()], **columns}


def _facilities(city: City) -> dict[str, Any]:
    names = ("facility_id", "kind", "name", "lon", "lat", "capacity")
    return _rounded(_columns(city, "facilities", names), 5, "lon", "lat")


def _sensors(city: City) -> dict[str, Any]:
    """Sensors and their channels; of very many only gauges, the others are asked for by box of the map."""
    names = ("sensor_id", "name", "kind", "lon", "lat", "river", "operator")
    if not city.has("sensors"):
        return _sensor_payload(city, {name: [] for name in names}, _columns(city, "channels", _CHANNEL))
    shown = city.sensors_shown(GAUGED)
    sensors = {name: shown.column(name).to_pylist() for name in names if name in shown.column_names}
    channels: dict[str, Any] = {name: [] for name in _CHANNEL}
    if city.has("channels"):
        table = city.table("channels")
        mine = (
            table.filter(pc.is_in(table["sensor_id"], value_set=shown["sensor_id"]))
            if len(table) > MOST_SHOWN
            else table
        )
        channels = {name: mine.column(name).to_pylist() for name in _CHANNEL if name in mine.column_names}
    return _sensor_payload(city, sensors, channels)


_CHANNEL = ("sensor_id", "quantity", "interval_s")


def _sensor_payload(city: City, sensors: dict[str, Any], channels: dict[str, Any]) -> dict[str, Any]:
    return {
        "sensors": _rounded(sensors, 5, "lon", "lat"),
        "channels": channels,
        "thresholds": _columns(city, "thresholds", ("sensor_id", "quantity", "colour", "value", "name")),
    }


def _units(city: City) -> dict[str, Any]:
    return _rounded(_columns(city, "units", ("unit_id", "name", "kind", "skills", "lon", "lat")), 5, "lon", "lat")


def _roles(city: City) -> dict[str, Any]:
    return {
        "roles": _columns(city, "roles", ("role_id", "org_id", "duty", "name", "name_en")),
        "organisations": _columns(city, "organisations", ("org_id", "level", "kind", "name", "name_en", "area_id")),
    }


LAYERS: dict[str, Callable[[City], dict[str, Any]]] = {
    "areas": _areas,
    "waters": _waters,
    "roads": lambda city: _road_lines(city, main=True),
    "streets": lambda city: _road_lines(city, main=False),
    "cells": _cells,
    "facilities": _facilities,
    "sensors": _sensors,
    "units": _units,
    "roles": _roles,
}
"""Layer name → what makes its payload. ``roads`` are the through roads, ``streets`` all smaller ways."""


def buildings_payload(
    city: City, *, west: float, south: float, east: float, north: float, limit: int
) -> dict[str, Any]:
    """Footprints of the buildings in a box, at most ``limit``, and whether there are more."""
    table = city.table("buildings", needed_for="the map of buildings")
    lon, lat = city.column("buildings", "lon"), city.column("buildings", "lat")
    rows = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    taken = table.take(rows[:limit])
    names = [n for n in ("building_id", "use", "storeys", "residents", "lon", "lat") if n in taken.column_names]
    columns: dict[str, Any] = {name: taken.column(name).to_pylist() for name in names}
    columns["height_m"] = [(n or _STOREYS_ASSUMED) * _STOREY_M for n in columns.get("storeys", [None] * len(taken))]
    if "geometry" in taken.column_names:
        shapes = shapely.from_wkb(taken.column("geometry").to_numpy(zero_copy_only=False))
        columns["outline"] = [line_payload(shapely.get_coordinates(shapely.get_exterior_ring(s))) for s in shapes]
    return {"scale": SCALE, "more": bool(len(rows) > limit), "buildings": columns}


class LayerCache:
    """Layers of one city as bytes, made once each."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._made: dict[str, tuple[bytes, bytes]] = {}
        self._lock = Lock()

    def payload(self, name: str, *, gzipped: bool) -> bytes:
        """Give a layer's JSON, plain or gzipped.

        Raises
        ------
        NotFound
            If there is no such layer.
        """
        if name not in LAYERS:
            raise NotFound(f"no layer {name!r}", mend=f"Use one of: buildings, {', '.join(LAYERS)}")
        with self._lock:
            if name not in self._made:
                plain = msgspec.json.encode(LAYERS[name](self._city))
                self._made[name] = (plain, gzip.compress(plain, 6, mtime=0))
        plain, packed = self._made[name]
        return packed if gzipped else plain

    def etag(self, name: str) -> str:
        """Name of the layer's version: it changes with the city package only."""
        return f'"{self._city.digest[:24]}-{name}"'
