"""Where warnings hold: the city's cells and areas, and the outline of a set of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import h3.api.numpy_int as h3_int
import numpy as np
import shapely
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.city.sensor_lookup import sensor_names, sensor_points
from rencheng.kernel import Bilingual, cell_of, distance_m, neighbours

__all__ = ["FORECAST_QUANTITY", "MOST_POINTS", "Places", "outline", "places_of"]

FORECAST_QUANTITY = "stage_m"
"""What forecasts are of that warnings rest on."""
MOST_POINTS = 400
"""Most corner points of a warning's outline; receivers of broadcast warnings cut longer ones."""

_NEAR_RINGS = 1
"""A gauge so many cells outside the city's cells (on the bank, in the river) still counts as the city's.

Assessment draws the line at the same place.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Cells and areas of a city, ready for look-up.

    Parameters
    ----------
    city_id, city_name : str, Bilingual
        The whole city; ``city_id`` is the id of the area of kind ``city`` where there is one.
    cells : ndarray of uint64, shape (n,)
        Cells, ascending.
    lon, lat, residents, vulnerable : ndarray of float64, shape (n,)
        Centre (degrees), residents and vulnerable residents of each cell.
    area : tuple of str
        Smallest area of each cell, empty where unknown.
    parents, kinds, names : mapping
        Area id → its parent, kind, name.
    sensors : mapping
        Sensor id → (lon, lat).
    gauges : frozenset of str
        Sensors that may have a forecast and stand in the city or on its edge.
    """

    city_id: str
    city_name: Bilingual
    resolution: int
    cells: NDArray[np.uint64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    residents: NDArray[np.float64]
    vulnerable: NDArray[np.float64]
    area: tuple[str, ...]
    parents: Mapping[str, str]
    kinds: Mapping[str, str]
    names: Mapping[str, Bilingual]
    sensors: Mapping[str, tuple[float, float]]
    sensor_names: Mapping[str, str]
    gauges: frozenset[str]
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    """Results of pure functions of places and facts, kept between turns; never anything a result depends on."""

    def rows(self, cells: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Row of each cell that the city has; others are left out."""
        if not len(self.cells):
            return np.zeros(0, np.int64)
        at = np.minimum(np.searchsorted(self.cells, cells), len(self.cells) - 1).astype(np.int64)
        known: NDArray[np.int64] = at[self.cells[at] == cells]
        return known

    def holds(self, cell: int) -> bool:
        """Whether a cell belongs to the city."""
        return len(self.rows(np.array([cell], np.uint64))) == 1

    def name(self, area_id: str) -> Bilingual:
        """Name of an area or of the city."""
        return self.names.get(area_id, self.city_name if area_id == self.city_id else Bilingual(zh=area_id, en=area_id))

    def zone_at(self, lon: float, lat: float, kind: str) -> str:
        """Area of a kind that holds a point (by its nearest cell); the city's id where there is none."""
        if kind == "city" or not len(self.cells):
            return self.city_id
        key = ("zone", lon, lat, kind)
        if key not in self.memo:
            row = int(np.argmin(distance_m(lon, lat, self.lon, self.lat)))
            self.memo[key] = self.above(self.area[row], kind) or self.city_id
        zone: str = self.memo[key]
        return zone

    def above(self, area_id: str, kind: str) -> str:
        """The area of a kind that an area lies in (or is), empty if there is none."""
        steps = 0
        while area_id and self.kinds.get(area_id) != kind and steps < 10:
            area_id, steps = self.parents.get(area_id, ""), steps + 1
        return area_id

    def in_zone(self, zone: str) -> NDArray[np.bool_]:
        """Mask of the cells of an area; all cells for the city."""
        if zone == self.city_id:
            return np.ones(len(self.cells), np.bool_)
        inside = {a: self._lies_in(a, zone) for a in sorted(set(self.area))}
        return np.fromiter((inside[a] for a in self.area), np.bool_, len(self.area))

    def _lies_in(self, area_id: str, zone: str) -> bool:
        for _ in range(10):
            if area_id == zone:
                return True
            area_id = self.parents.get(area_id, "")
        return False

    def near(self, points: Sequence[tuple[float, float]], reach_km: float) -> NDArray[np.bool_]:
        """Mask of the cells whose centre lies within a reach of any of the points (lon, lat)."""
        mask = np.zeros(len(self.cells), np.bool_)
        for lon, lat in points:
            mask |= distance_m(lon, lat, self.lon, self.lat) <= reach_km * 1000.0
        return mask

    def areas_of(self, cells: NDArray[np.uint64], kind: str = "district") -> tuple[str, ...]:
        """Areas of a kind that hold any of the cells, sorted; the city where there is none of that kind."""
        found = {self.above(self.area[int(r)], kind) for r in self.rows(cells)} - {""}
        return tuple(sorted(found)) or (self.city_id,)


def places_of(city: City) -> Places:
    """Read what warnings need to know of where things are from a city package."""
    cells = city.table("cells", needed_for="warning")
    ids = cells["cell"].to_numpy().astype(np.uint64)
    order = np.argsort(ids, kind="stable")
    residents = _column(cells, "residents")[order]
    area = cells["area_id"].to_pylist() if "area_id" in cells.column_names else [None] * len(ids)
    areas = city.rows("areas")
    top = next((a for a in areas if a["kind"] == "city"), None)
    manifest = city.manifest
    known = np.sort(ids)
    resolution = manifest.h3_resolution
    may_be = city.sensors_measuring([FORECAST_QUANTITY])
    return Places(
        city_id=top["area_id"] if top else manifest.id,
        city_name=Bilingual(zh=manifest.name, en=manifest.name_en or manifest.name),
        resolution=resolution,
        cells=known,
        lon=_column(cells, "lon")[order],
        lat=_column(cells, "lat")[order],
        residents=residents,
        vulnerable=_column(cells, "vulnerable_residents")[order],
        area=tuple(area[int(i)] or "" for i in order),
        parents={a["area_id"]: a.get("parent_id") or "" for a in areas},
        kinds={a["area_id"]: a["kind"] for a in areas},
        names={a["area_id"]: Bilingual(zh=a["name"], en=a.get("name_en") or a["name"]) for a in areas},
        sensors=sensor_points(city),
        sensor_names=sensor_names(city),
        gauges=frozenset(s["sensor_id"] for s in may_be if _near_city(s["lon"], s["lat"], known, resolution)),
    )


def _column(table: Any, name: str) -> NDArray[np.float64]:
    if name not in table.column_names:
        return np.zeros(table.num_rows)
    values: NDArray[np.float64] = table[name].to_numpy(zero_copy_only=False).astype(np.float64)
    return np.nan_to_num(values)


def _near_city(lon: float, lat: float, known: NDArray[np.uint64], resolution: int) -> bool:
    around = np.array(neighbours(cell_of(lon, lat, resolution), _NEAR_RINGS), np.uint64)
    return bool(np.isin(around, known).any())


def outline(cells: Sequence[int], most_points: int = MOST_POINTS) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Outline of a set of cells as closed rings of (lon, lat), simple enough to broadcast.

    Parameters
    ----------
    cells : sequence of int
        H3 cells, shape (n,).
    most_points : int
        Most corner points of all rings together.

    Returns
    -------
    tuple of rings
        Outer rings, largest first, 1e-5 degree (about 1 m); holes are filled, because CAP polygons have none.
        Gaps are closed and corners dropped, further and further, until the rings are few enough; the outline
        may reach beyond the cells but covers nearly all of them.
    """
    if not cells:
        return ()
    shape = h3_int.cells_to_h3shape(np.array(sorted(cells), np.uint64))
    union = shapely.geometry.shape(shape.__geo_interface__)
    edge = float(h3_int.average_hexagon_edge_length(h3_int.get_resolution(int(min(cells))), unit="m")) / 111_320.0
    rings = _outer(union)
    step = 0.5
    while sum(len(r.exterior.coords) for r in rings) > most_points:
        grown = shapely.union_all([r.buffer(edge * step, join_style="mitre") for r in rings])
        closed = grown.buffer(-edge * step * 0.7, join_style="mitre")
        rings = _outer(closed.simplify(edge * step * 0.5))
        step *= 1.5
    return tuple(tuple((round(x, 5), round(y, 5)) for x, y in ring.exterior.coords) for ring in rings)


def _outer(shape: Any) -> list[Any]:
    parts = [p for p in getattr(shape, "geoms", [shape]) if not p.is_empty]
    filled = shapely.union_all([shapely.Polygon(p.exterior) for p in parts])
    whole = [p for p in getattr(filled, "geoms", [filled]) if not p.is_empty]
    return sorted(whole, key=lambda p: (-p.area, p.bounds))
