"""The people and things of a city beside the objects of a raster: where each belongs and what it counts for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import ObjectIndex
from rencheng.city import City

__all__ = ["ThingsAtRisk"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingsAtRisk:
    """Columns beside an :class:`ObjectIndex`: of shape (cells,), (links,), or (n,) for all objects.

    ``assessed`` cells have terrain (``land_km2`` above 0). ``link_km`` counts a road that is drawn once in each
    direction only once. ``ancestors`` holds for every cell the areas it lies in, from the smallest up.
    """

    index: ObjectIndex
    cell: NDArray[np.uint64]
    lon: Floats
    lat: Floats
    area_id: NDArray[np.str_]
    ancestors: tuple[frozenset[str], ...]
    residents: Floats
    vulnerable: Floats
    land_km2: Floats
    assessed: Flags
    people: Floats
    detail: NDArray[np.str_]
    cell_row: NDArray[np.int64]
    schools: NDArray[np.int64]
    link_id: NDArray[np.int64]
    link_km: Floats
    road_class: NDArray[np.str_]
    underpass: Flags

    @classmethod
    def of(cls, city: City, index: ObjectIndex) -> ThingsAtRisk:
        """Read the tables of a city in the order of an index made of it."""
        cells = index.rows_of("cell")
        cell = np.array([int(i) for i in index.object_id[cells]], np.uint64)
        order = _order(city.column("cells", "cell").astype(np.uint64), cell)
        area = (
            np.array([str(a or "") for a in city.table("cells").column("area_id").to_pylist()])[order]
            if ("area_id" in city.table("cells").column_names)
            else np.full(len(cell), "")
        )
        count = np.diff(index.zones_of("cell")[0])
        detail = np.array(index.detail, dtype=np.str_)
        links = index.rows_of("road_link")
        link_id = np.array([int(i) for i in index.object_id[links]], np.int64)
        facility = index.rows_of("facility")
        is_school = np.isin(detail[facility], ["school", "kindergarten"])
        return cls(
            index=index,
            cell=cell,
            lon=index.lon[cells],
            lat=index.lat[cells],
            area_id=area,
            ancestors=_ancestors(city, area),
            residents=np.nan_to_num(index.people[cells].astype(np.float64)),
            vulnerable=np.nan_to_num(
                np.asarray(city.column("cells", "vulnerable_residents", default=0.0), np.float64)[order]
            ),
            land_km2=count * index.grid.cell_m**2 / 1e6,
            assessed=count > 0,
            people=index.people.astype(np.float64),
            detail=detail,
            cell_row=_cell_rows(city, index, cell),
            schools=np.flatnonzero(is_school) + facility.start,
            link_id=link_id,
            link_km=_single_km(city, link_id),
            road_class=_link_column(city, link_id, "road_class"),
            underpass=detail[links] == "underpass",
        )

    def rows(self, kind: str) -> slice:
        """Rows of one kind of objects."""
        return self.index.rows_of(kind)

    def areas_of(self, area_id: str) -> Flags:
        """Cells in an area; all for the empty id."""
        return np.array([not area_id or area_id in above for above in self.ancestors], np.bool_)

    def inside(self, cells: Flags) -> Flags:
        """Objects that lie in some of the cells; all where all cells are meant, also those outside any cell."""
        if cells.all():
            return np.ones(len(self.cell_row), np.bool_)
        return (self.cell_row >= 0) & cells[np.maximum(self.cell_row, 0)]


def _order(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Row of every wanted key."""
    sort = np.argsort(keys, kind="stable")
    return np.asarray(sort[np.searchsorted(keys[sort], wanted)], np.int64)


def _ancestors(city: City, area: NDArray[np.str_]) -> tuple[frozenset[str], ...]:
    parent = {r["area_id"]: r.get("parent_id") or "" for r in city.rows("areas")}
    chains: dict[str, frozenset[str]] = {}
    for start in sorted(set(area.tolist())):
        chain: list[str] = []
        at = start
        while at and at not in chain:
            chain.append(at)
            at = parent.get(at, "")
        chains[start] = frozenset(chain)
    return tuple(chains[a] for a in area.tolist())


def _cell_rows(city: City, index: ObjectIndex, cell: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Cell of every object, -1 for none."""
    row_of = {c: k for k, c in enumerate(cell.tolist())}
    out = np.full(len(index), -1, np.int64)
    out[index.rows_of("cell")] = np.arange(len(cell))
    for kind, table, key in (
        ("road_link", "road_links", "link_id"),
        ("building", "buildings", "building_id"),
        ("facility", "facilities", "facility_id"),
    ):
        rows = index.rows_of(kind)
        if rows.stop == rows.start or "cell" not in city.table(table).column_names:
            continue
        data = city.table(table)
        at = dict(zip(map(str, data.column(key).to_pylist()), data.column("cell").to_pylist(), strict=True))
        out[rows] = [row_of.get(at[name] or 0, -1) for name in index.object_id[rows]]
    return out


def _link_order(city: City, link_id: NDArray[np.int64]) -> NDArray[np.int64]:
    return _order(city.column("road_links", "link_id").astype(np.uint64), link_id.astype(np.uint64))


def _link_column(city: City, link_id: NDArray[np.int64], name: str) -> NDArray[np.str_]:
    if len(link_id) == 0:
        return np.zeros(0, np.str_)
    values = np.array([str(v) for v in city.table("road_links").column(name).to_pylist()])
    return np.asarray(values[_link_order(city, link_id)], np.str_)


def _single_km(city: City, link_id: NDArray[np.int64]) -> Floats:
    """Length of every link, 0 for the second direction of one road."""
    if len(link_id) == 0:
        return np.zeros(0)
    order = _link_order(city, link_id)
    tail, head = (city.column("road_links", k)[order].astype(np.int64) for k in ("from_node", "to_node"))
    length = city.column("road_links", "length_m")[order].astype(np.float64)
    key = np.column_stack([np.minimum(tail, head), np.maximum(tail, head), np.rint(length * 10).astype(np.int64)])
    first = np.unique(key, axis=0, return_index=True)[1]
    single = np.zeros(len(link_id))
    single[first] = length[first] / 1000.0
    return single
