"""Which raster cells speak for which object: the ground around a building, along a road, in a neighbourhood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
import shapely.geometry
from numpy.typing import NDArray

from rencheng.assess.flood.frames import FloodGrid
from rencheng.assess.flood.objects import OBJECT_KINDS
from rencheng.city import City
from rencheng.kernel import cell_boundary
from rencheng.science.zonal import zones_from_pairs

__all__ = ["ObjectIndex", "cells_outline", "exposure_index", "link_lines", "metric_geometries", "metric_line"]

WALL_RATIO = 0.75
"""Ground within this many cell widths of a footprint stands at its wall."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectIndex:
    """Objects of a city on a raster; arrays have shape (n,), ordered by kind and id.

    Parameters
    ----------
    grid : FloodGrid
        The raster.
    kind : int8 array
        Index into :data:`~rencheng.assess.flood.objects.OBJECT_KINDS`.
    object_id, detail : tuples of str
        As in the table of objects.
    lon, lat : float64 arrays
        A point on the object, EPSG:4326.
    people : float32 array
        Residents of cells and buildings, capacity of facilities, 0 for roads.
    indptr, places : int64 arrays, shapes (n + 1,), (k,)
        Flat raster indices (row 0 south) of each object.
    """

    grid: FloodGrid
    kind: NDArray[np.int8]
    object_id: tuple[str, ...]
    detail: tuple[str, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    people: NDArray[np.float32]
    indptr: NDArray[np.int64]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.object_id)

    def rows_of(self, kind: str) -> slice:
        """Rows of one kind, which stand together."""
        code = OBJECT_KINDS.index(kind)
        return slice(int(np.searchsorted(self.kind, code, "left")), int(np.searchsorted(self.kind, code, "right")))

    def zones_of(self, kind: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Zones (``indptr``, ``places``) of one kind, in the order of its rows."""
        rows = self.rows_of(kind)
        indptr = self.indptr[rows.start : rows.stop + 1]
        return indptr - indptr[0], self.places[indptr[0] : indptr[-1]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Objects of one kind before they are put in order; the pairs name rows of this part."""

    object_id: list[str]
    detail: list[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    people: NDArray[np.float64]
    pairs: Pairs


def exposure_index(
    city: City, grid: FloodGrid, *, dry: NDArray[np.bool_] | None = None, around_m: float | None = None
) -> ObjectIndex:
    """Say for every H3 cell, road link, building and facility which raster cells its water is read from.

    An H3 cell has the raster cells whose centre it holds; a link those its line passes (a bridge none: it stands over
    the water; a tunnel that is no underpass only its two ends); a building those within ``around_m`` of its footprint,
    or the one of its point; a facility those of the building it stands in, else the one of its point.

    Parameters
    ----------
    city : City
        Tables that it lacks give no objects.
    grid : FloodGrid
        The raster, in the city's metric reference system. Objects outside it have no cells and stay dry.
    dry : bool array, shape (ny, nx), optional
        Cells that count for nobody, such as the standing water of a river.
    around_m : float, optional
        How far from its footprint a building's walls are looked for; 0.75 cell where absent. A model that raises
        buildings out of the water should give a whole cell.

    Returns
    -------
    ObjectIndex
    """
    around = WALL_RATIO * grid.cell_m if around_m is None else around_m
    parts = [_cells(city, grid), _links(city, grid), *_buildings_facilities(city, grid, around)]
    return _joined(grid, parts, None if dry is None else np.asarray(dry, np.bool_).ravel())


def metric_geometries(city: City, wkb: list[bytes | None]) -> Any:
    """Geometries in the city's metric reference system; None where the table has none."""
    lonlat: Any = shapely.from_wkb(np.array(wkb, dtype=object))
    return shapely.transform(lonlat, lambda xy: np.column_stack(city.to_metric.transform(xy[:, 0], xy[:, 1])))


def metric_line(city: City, lonlat: Any) -> Any:
    """One geometry of lon/lat in the city's metric reference system."""
    return shapely.transform(lonlat, lambda xy: np.column_stack(city.to_metric.transform(xy[:, 0], xy[:, 1])))


def cells_outline(city: City, grid: FloodGrid, mask: NDArray[np.bool_]) -> Any:
    """Outline of raster cells as one multipolygon in lon/lat, empty where no cell is meant."""
    from rasterio.features import shapes
    from rasterio.transform import Affine

    affine = Affine(grid.cell_m, 0.0, grid.west_m, 0.0, grid.cell_m, grid.south_m)
    rings = [shapely.geometry.shape(g) for g, v in shapes(mask.astype(np.uint8), mask=mask, transform=affine) if v == 1]
    parts = shapely.MultiPolygon(rings)
    return shapely.transform(
        parts, lambda xy: np.round(np.column_stack(city.to_lonlat.transform(xy[:, 0], xy[:, 1])), 7)
    )


def _joined(grid: FloodGrid, parts: list[_Part], dry: NDArray[np.bool_] | None) -> ObjectIndex:
    order: list[NDArray[np.int64]] = []
    zone: list[NDArray[np.int64]] = []
    place: list[NDArray[np.int64]] = []
    start = 0
    for part in parts:
        sort = np.array(sorted(range(len(part.object_id)), key=part.object_id.__getitem__), np.int64)
        rank = np.empty(len(sort), np.int64)
        rank[sort] = np.arange(len(sort))
        zone.append(rank[part.pairs[0]] + start)
        place.append(part.pairs[1])
        order.append(sort)
        start += len(sort)
    zones, places = np.concatenate(zone), np.concatenate(place)
    if dry is not None:
        wanted = ~dry[places]
        zones, places = zones[wanted], places[wanted]
    indptr, unique = zones_from_pairs(zones, places, start)

    def ordered(of: Callable[[_Part], NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate([of(p)[o] for p, o in zip(parts, order, strict=True)])

    return ObjectIndex(
        grid=grid,
        kind=np.repeat(np.arange(len(parts), dtype=np.int8), [len(o) for o in order]),
        object_id=tuple(p.object_id[i] for p, o in zip(parts, order, strict=True) for i in o.tolist()),
        detail=tuple(p.detail[i] for p, o in zip(parts, order, strict=True) for i in o.tolist()),
        lon=ordered(lambda p: p.lon),
        lat=ordered(lambda p: p.lat),
        people=ordered(lambda p: p.people).astype(np.float32),
        indptr=indptr,
        places=unique,
    )


def _empty() -> _Part:
    none = np.zeros(0)
    pairs = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return _Part(object_id=[], detail=[], lon=none, lat=none, people=none, pairs=pairs)


def _numbers(city: City, table: str, name: str) -> NDArray[np.float64]:
    return np.nan_to_num(np.asarray(city.column(table, name, default=0.0), np.float64))


def _cells(city: City, grid: FloodGrid) -> _Part:
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    cells = city.column("cells", "cell").astype(np.uint64)
    rings = [np.array(cell_boundary(int(c))) for c in cells.tolist()]
    shapes = []
    for k, ring in enumerate(rings):
        x, y = city.to_metric.transform(ring[:, 0], ring[:, 1])
        shapes.append((shapely.Polygon(np.column_stack([x, y])), k + 1))
    affine = Affine(grid.cell_m, 0.0, grid.west_m, 0.0, grid.cell_m, grid.south_m)
    owner = np.zeros((grid.ny, grid.nx), np.int32)
    if shapes:
        rasterize(shapes, out=owner, transform=affine)
    place = np.flatnonzero(owner).astype(np.int64)
    return _Part(
        object_id=[str(c) for c in cells.tolist()],
        detail=[""] * len(cells),
        lon=city.column("cells", "lon").astype(np.float64),
        lat=city.column("cells", "lat").astype(np.float64),
        people=_numbers(city, "cells", "residents"),
        pairs=(owner.ravel()[place].astype(np.int64) - 1, place),
    )


def _links(city: City, grid: FloodGrid) -> _Part:
    if not city.has("road_links"):
        return _empty()
    table = city.table("road_links")
    bridge, tunnel, underpass = (_flags(table, k) for k in ("bridge", "tunnel", "underpass"))
    lines = link_lines(city)
    points = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    lon, lat = city.to_lonlat.transform(points[:, 0], points[:, 1])
    ends_only = tunnel & ~underpass
    xy, link = shapely.get_coordinates(
        shapely.segmentize(np.where(ends_only, None, lines), grid.cell_m / 2), return_index=True
    )
    portals, portal_link = shapely.get_coordinates(
        [shapely.get_point(lines[ends_only], end) for end in (0, -1)], return_index=True
    )
    closed = np.tile(np.flatnonzero(ends_only), 2)
    row, place = _places(grid, np.concatenate([xy, portals]), np.concatenate([link, closed[portal_link]]))
    over = ~(bridge & ~underpass)[row]
    road_class = table.column("road_class").to_pylist()
    return _Part(
        object_id=[str(k) for k in table.column("link_id").to_pylist()],
        detail=["underpass" if u else c for u, c in zip(underpass.tolist(), road_class, strict=True)],
        lon=np.asarray(lon),
        lat=np.asarray(lat),
        people=np.zeros(len(table)),
        pairs=(row[over], place[over]),
    )


def _flags(table: Any, name: str) -> NDArray[np.bool_]:
    if name not in table.column_names:
        return np.zeros(len(table), np.bool_)
    return np.asarray(table.column(name).fill_null(False).to_numpy(zero_copy_only=False), np.bool_)


def link_lines(city: City) -> Any:
    """Metric line of every road link in table order: its geometry, or the chord between its nodes."""
    table = city.table("road_links")
    wkb = table.column("geometry").to_pylist() if "geometry" in table.column_names else [None] * len(table)
    lines = metric_geometries(city, wkb)
    bare = np.flatnonzero(shapely.is_missing(lines) | shapely.is_empty(lines))
    if len(bare):
        nodes = city.table("road_nodes", needed_for="road links without a line")
        at = {n: i for i, n in enumerate(nodes.column("node_id").to_pylist())}
        x, y = city.to_metric.transform(nodes.column("lon").to_numpy(), nodes.column("lat").to_numpy())
        xy = np.column_stack([x, y])
        tail, head = (table.column(k).take(bare).to_pylist() for k in ("from_node", "to_node"))
        lines[bare] = shapely.linestrings(np.stack([xy[[at[n] for n in tail]], xy[[at[n] for n in head]]], axis=1))
    return lines


def _places(grid: FloodGrid, xy: NDArray[np.float64], owner: NDArray[np.int64]) -> Pairs:
    """Flat raster index of metric points, those outside left out."""
    column = np.floor((xy[:, 0] - grid.west_m) / grid.cell_m)
    row = np.floor((xy[:, 1] - grid.south_m) / grid.cell_m)
    inside = (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
    place = row[inside].astype(np.int64) * grid.nx + column[inside].astype(np.int64)
    return owner[inside].astype(np.int64), place


def _buildings_facilities(city: City, grid: FloodGrid, around_m: float) -> tuple[_Part, _Part]:
    if not city.has("buildings"):
        return _empty(), _facilities(city, grid, None, None)
    table = city.table("buildings")
    lon, lat = (city.column("buildings", k).astype(np.float64) for k in ("lon", "lat"))
    x, y = city.to_metric.transform(lon, lat)
    xy = np.column_stack([x, y])
    wkb = table.column("geometry").to_pylist() if "geometry" in table.column_names else [None] * len(table)
    shape = metric_geometries(city, wkb)
    pointed = shapely.is_missing(shape) | shapely.is_empty(shape)
    at_point = _places(grid, xy[pointed], np.flatnonzero(pointed))
    at_wall = _within(grid, shape, np.flatnonzero(~pointed), around_m)
    pairs = tuple(np.concatenate(two) for two in zip(at_point, at_wall, strict=True))
    part = _Part(
        object_id=table.column("building_id").to_pylist(),
        detail=table.column("use").to_pylist(),
        lon=lon,
        lat=lat,
        people=_numbers(city, "buildings", "residents"),
        pairs=(pairs[0], pairs[1]),
    )
    return part, _facilities(city, grid, shape, part.pairs)


def _within(grid: FloodGrid, shape: Any, rows: NDArray[np.int64], around_m: float) -> Pairs:
    """Raster cells whose centre is within some metres of a shape, or inside it."""
    owners, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for block in np.array_split(rows, max(1, len(rows) // 20_000)):
        if len(block) == 0:
            continue
        west, south, east, north = (shapely.bounds(shape[block]) + around_m * np.array([-1, -1, 1, 1])).T
        first = np.floor(np.column_stack([south - grid.south_m, west - grid.west_m]) / grid.cell_m).astype(np.int64)
        last = np.floor(np.column_stack([north - grid.south_m, east - grid.west_m]) / grid.cell_m).astype(np.int64)
        size = last - first + 1
        count = size.prod(axis=1)
        owner = np.repeat(np.arange(len(block)), count)
        nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        row = first[owner, 0] + nth // size[owner, 1]
        column = first[owner, 1] + nth % size[owner, 1]
        x = grid.west_m + (column + 0.5) * grid.cell_m
        y = grid.south_m + (row + 0.5) * grid.cell_m
        near = shapely.dwithin(shape[block][owner], shapely.points(x, y), around_m)
        near &= (row >= 0) & (row < grid.ny) & (column >= 0) & (column < grid.nx)
        owners.append(block[owner[near]])
        places.append(row[near] * grid.nx + column[near])
    return np.concatenate(owners), np.concatenate(places)


def _facilities(city: City, grid: FloodGrid, building: Any, building_pairs: Pairs | None) -> _Part:
    if not city.has("facilities"):
        return _empty()
    table = city.table("facilities")
    lon, lat = (city.column("facilities", k).astype(np.float64) for k in ("lon", "lat"))
    x, y = city.to_metric.transform(lon, lat)
    xy = np.column_stack([x, y])
    row, place = _places(grid, xy, np.arange(len(table)))
    if building is not None and building_pairs is not None:
        who, inside = shapely.STRtree(building).query(shapely.points(xy), predicate="intersects")
        first = np.unique(who, return_index=True)[1]  # overlapping footprints: any one of them will do, the first is
        row, place = _of_buildings(row, place, who[first], inside[first], building_pairs)
    return _Part(
        object_id=table.column("facility_id").to_pylist(),
        detail=table.column("kind").to_pylist(),
        lon=lon,
        lat=lat,
        people=_numbers(city, "facilities", "capacity"),
        pairs=(row, place),
    )


def _of_buildings(
    row: NDArray[np.int64],
    place: NDArray[np.int64],
    who: NDArray[np.int64],
    building: NDArray[np.int64],
    pairs: Pairs,
) -> Pairs:
    """Let facilities that stand in a building take its cells instead of the one at their point."""
    order = np.argsort(pairs[0], kind="stable")
    first = np.searchsorted(pairs[0][order], building, "left")
    count = np.searchsorted(pairs[0][order], building, "right") - first
    nth = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    own = ~np.isin(row, who[count > 0])
    taken = pairs[1][order][np.repeat(first, count) + nth]
    return np.concatenate([row[own], np.repeat(who, count)]), np.concatenate([place[own], taken])
