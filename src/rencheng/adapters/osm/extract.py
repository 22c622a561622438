"""Read from an OpenStreetMap file what a city is made of, in one walk over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
from numpy.typing import NDArray

from rencheng.adapters.osm.tags import Tags, facility_kind, water_kind
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidInput

__all__ = ["OsmExtract", "Things", "WayLines", "read_osm"]

_KEYS = (
    "highway",
    "railway",
    "waterway",
    "natural",
    "water",
    "landuse",
    "building",
    "amenity",
    "healthcare",
    "emergency",
    "social_facility",
    "man_made",
    "power",
    "office",
    "boundary",
)
_AREA_KEYS = tuple(key for key in _KEYS if key not in {"highway", "railway"})
_RAIL = {"rail", "light_rail", "subway", "tram", "narrow_gauge"}
_UNPLACED = 2**31 - 1
"""Fixed-point coordinate osmium gives a node that the extract lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayLines:
    """Ways with their vertices laid end to end.

    Parameters
    ----------
    ids : int64 array, shape (n,)
    tags : list of mapping, length n
    offsets : int64 array, shape (n + 1,)
        Vertices of way i are ``offsets[i]:offsets[i+1]``.
    refs : int64 array, shape (v,)
        Node id of every vertex.
    lon, lat : float64 array, shape (v,)
        Degrees; NaN where the extract lacks the node.
    """

    ids: NDArray[np.int64]
    tags: list[Tags]
    offsets: NDArray[np.int64]
    refs: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Tagged things: ``ids`` (such as ``"w12"``), ``tags``, and one ``geometry`` each (shapely, shape (n,))."""

    ids: list[str]
    tags: list[Tags]
    geometry: NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmExtract:
    """What one file holds: roads and railways as ways, and everything else by what it is."""

    roads: WayLines
    rails: WayLines
    buildings: Things
    facilities: Things
    waters: Things
    admin: Things


@dataclass(slots=True)
class _WayPile:
    ids: list[int] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    refs: list[int] = field(default_factory=list)
    x: list[int] = field(default_factory=list)
    y: list[int] = field(default_factory=list)

    def add(self, way: Any) -> None:
        self.ids.append(way.id)
        self.tags.append(dict(way.tags))
        self.lengths.append(len(way.nodes))
        for node in way.nodes:
            self.refs.append(node.ref)
            self.x.append(node.x)
            self.y.append(node.y)

    def lines(self) -> WayLines:
        x, y = np.array(self.x, dtype=np.int64), np.array(self.y, dtype=np.int64)
        placed = (x != _UNPLACED) & (y != _UNPLACED)
        return WayLines(
            ids=np.array(self.ids, dtype=np.int64),
            tags=self.tags,
            offsets=np.concatenate([[0], np.cumsum(np.array(self.lengths, dtype=np.int64))]).astype(np.int64),
            refs=np.array(self.refs, dtype=np.int64),
            lon=np.where(placed, x / 1e7, np.nan),
            lat=np.where(placed, y / 1e7, np.nan),
        )


@dataclass(slots=True)
class _ThingPile:
    ids: list[str] = field(default_factory=list)
    tags: list[Tags] = field(default_factory=list)
    geometry: list[Any] = field(default_factory=list)

    def add(self, name: str, tags: Tags, geometry: Any) -> None:
        self.ids.append(name)
        self.tags.append(tags)
        self.geometry.append(geometry)

    def things(self) -> Things:
        geometry = np.empty(len(self.geometry), dtype=object)
        geometry[:] = self.geometry
        return Things(ids=self.ids, tags=self.tags, geometry=geometry)


class _Walk:
    """Sorts the objects of a file into piles, and remembers relations whose area could not be built."""

    def __init__(self, report: SourceReport) -> None:
        self.report = report
        self.roads, self.rails = _WayPile(), _WayPile()
        self.buildings, self.facilities, self.waters, self.admin = (_ThingPile() for _ in range(4))
        self.wanted: dict[str, str] = {}
        self.wkb = osmium.geom.WKBFactory()

    def node(self, node: Any) -> None:
        if facility_kind(node.tags) is not None:
            point = shapely.points(node.location.lon, node.location.lat)
            self.facilities.add(f"n{node.id}", dict(node.tags), point)

    def way(self, way: Any) -> None:
        tags = way.tags
        if "highway" in tags:
            self.roads.add(way)
        elif tags.get("railway") in _RAIL:
            self.rails.add(way)
        kind = water_kind(tags)
        if kind is not None and not (way.is_closed() and tags.get("waterway") != "river"):
            self._water_line(way)
        elif way.is_closed():
            self._expect(f"w{way.id}", tags)

    def relation(self, relation: Any) -> None:
        if relation.tags.get("type") in {"multipolygon", "boundary"}:
            self._expect(f"r{relation.id}", relation.tags)

    def area(self, area: Any) -> None:
        name = f"{'w' if area.from_way() else 'r'}{area.orig_id()}"
        kinds = self._kinds(area.tags)
        if not kinds:
            return
        try:
            geometry = shapely.from_wkb(bytes.fromhex(self.wkb.create_multipolygon(area)))
        except (RuntimeError, shapely.GEOSException):
            return  # stays among the wanted, and is refused with them
        self.wanted.pop(name, None)
        tags = dict(area.tags)
        for kind in kinds:
            getattr(self, kind).add(name, tags, geometry)

    def _water_line(self, way: Any) -> None:
        points = [(n.x / 1e7, n.y / 1e7) for n in way.nodes if n.x != _UNPLACED]
        if len(points) < 2:
            self.report.refuse("water line without two nodes in the extract", [f"way {way.id}"])
            return
        self.waters.add(f"w{way.id}", dict(way.tags), shapely.linestrings(points))

    def _expect(self, name: str, tags: Tags) -> None:
        kinds = self._kinds(tags)
        if kinds:
            self.wanted[name] = kinds[0]

    @staticmethod
    def _kinds(tags: Tags) -> list[str]:
        kinds = []
        if tags.get("building", "no") != "no":
            kinds.append("buildings")
        if facility_kind(tags) is not None:
            kinds.append("facilities")
        if water_kind(tags) is not None:
            kinds.append("waters")
        if tags.get("boundary") == "administrative" and "admin_level" in tags:
            kinds.append("admin")
        return kinds

    def refuse_unbuilt(self) -> None:
        for kind in ("buildings", "facilities", "waters", "admin"):
            names = [_spelled(name) for name, wanted in self.wanted.items() if wanted == kind]
            self.report.refuse(f"{kind}: outline incomplete in the extract or not valid", names)


def _spelled(name: str) -> str:
    return f"{'way' if name[0] == 'w' else 'relation'} {name[1:]}"


def read_osm(path: Path, report: SourceReport) -> OsmExtract:
    """Read a PBF or XML file (also ``.gz``, ``.bz2``) and sort what a city is made of.

    Parameters
    ----------
    path : Path
        The file.
    report : SourceReport
        Takes what is refused: outlines that the extract cuts or that are not valid.

    Raises
    ------
    InvalidInput
        If the file is damaged or of an unknown format; nothing of it is taken.
    """
    walk = _Walk(report)
    try:
        processor: Iterable[Any] = (
            osmium.FileProcessor(str(path))
            .with_areas(osmium.filter.KeyFilter(*_AREA_KEYS))
            .with_filter(osmium.filter.KeyFilter(*_KEYS))
        )
        for thing in processor:
            if thing.is_node():
                walk.node(thing)
            elif thing.is_way():
                walk.way(thing)
            elif thing.is_relation():
                walk.relation(thing)
            else:
                walk.area(thing)
    except (RuntimeError, OSError) as error:
        unsorted = "out of order" in str(error)
        raise InvalidInput(
            f"not a readable OpenStreetMap file: {error}",
            where=str(path),
            mend="Sort it by type and id (osmium sort)"
            if unsorted
            else "Fetch the extract again (.osm.pbf, .osm, .osm.gz or .osm.bz2)",
        ) from error
    walk.refuse_unbuilt()
    return OsmExtract(
        roads=walk.roads.lines(),
        rails=walk.rails.lines(),
        buildings=walk.buildings.things(),
        facilities=walk.facilities.things(),
        waters=walk.waters.things(),
        admin=walk.admin.things(),
    )
