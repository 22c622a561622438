"""First half of an import: read map, people and ground, and know by them where the city is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from rencheng.adapters.geojson import read_geojson
from rencheng.adapters.osm import (
    OsmExtract,
    admin_areas,
    read_osm,
)
from rencheng.adapters.raster import terrain_from_rasters
from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.frame import CityFrame, cells_in, frame_of
from rencheng.app.city_import.people import (
    PeopleTable,
    people_from_table,
    table_facilities,
)
from rencheng.city import Terrain
from rencheng.city.source_report import ImportReport, SourceReport
from rencheng.kernel import InvalidConfig, InvalidInput

__all__ = ["ImportWork", "read_map", "read_people", "read_terrain"]


@dataclass(slots=True, kw_only=True)
class ImportWork:
    """What is known so far in one import: the sources read, and the tables made of them."""

    config: ImportConfig
    report: ImportReport
    extract: OsmExtract | None = None
    limit: shapely.Geometry | None = None
    people: PeopleTable = field(default_factory=lambda: PeopleTable(cells=np.zeros(0, dtype=np.uint64)))
    frame: CityFrame = field(init=False)
    terrain: Terrain | None = None
    facilities: list[pa.Table] = field(default_factory=list)
    waters: list[pa.Table] = field(default_factory=list)
    areas: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def attempt(self, source: str, read: Callable[[SourceReport], None]) -> None:
        """Read one source; if it is refused whole the others still go on. A wrong configuration stops everything."""
        account = self.report.source(source)
        try:
            read(account)
        except InvalidConfig:
            raise
        except InvalidInput as error:
            account.failure = str(error)


def read_map(work: ImportWork) -> None:
    """Read the map, its areas, and the limit of the city wherever the configuration puts it."""
    osm = work.config.data.osm
    if osm is not None:

        def read(account: SourceReport) -> None:
            work.extract = read_osm(work.config.path(osm.file), account)
            work.areas += admin_areas(work.extract, osm.admin_levels, account)

        work.attempt(osm.file, read)
    if work.config.data.limit.geojson:
        work.attempt(work.config.data.limit.geojson, lambda account: _limit_from_geojson(work, account))
    elif work.config.data.limit.admin_level:
        _limit_from_map(work)
    elif work.config.data.limit.bbox:
        work.limit = shapely.box(*work.config.data.limit.bbox)


def _limit_from_geojson(work: ImportWork, account: SourceReport) -> None:
    features = read_geojson(work.config.path(str(work.config.data.limit.geojson)), account)
    polygons = features.geometry[shapely.get_dimensions(features.geometry) == 2]
    if not len(polygons):
        raise InvalidInput("the city limit has no polygon", where=account.source, mend="Give a polygon")
    work.limit = shapely.union_all(polygons)
    account.take("limit polygons", len(polygons))


def _limit_from_map(work: ImportWork) -> None:
    limit = work.config.data.limit
    account = work.report.source("limit")
    if work.extract is None:
        account.failure = "the limit stands in the map, and the map could not be read"
        return
    admin = work.extract.admin
    for tags, shape in zip(admin.tags, admin.geometry, strict=True):
        if tags.get("admin_level") == limit.admin_level and limit.name in (None, tags.get("name")):
            work.limit = shape
            account.take("limit polygons", 1)
            return
    account.failure = (
        f"the map has no whole area of admin_level {limit.admin_level} named {limit.name!r}; give a GeoJSON or a box"
    )


def read_people(work: ImportWork) -> None:
    """Read the population table and lay the frame: the cells that make up the city."""
    data = work.config.data
    resolution = data.city.h3_resolution
    if data.population.file:

        def read(account: SourceReport) -> None:
            work.people = people_from_table(work.config, account)
            counted = table_facilities(work.people, account)
            work.facilities += [counted] if counted is not None else []

        work.attempt(data.population.file, read)
    limit = work.limit
    if limit is None and not len(work.people.cells):
        limit = _hull_of_roads(work)
    use = data.population.cells if len(work.people.cells) else "limit"
    none = np.zeros(0, dtype=np.uint64)
    within = cells_in(limit, resolution) if limit is not None and use != "table" else none
    chosen = within if use == "limit" else np.union1d(work.people.cells, within)
    work.frame = frame_of(chosen, resolution, data.city.metric_crs, data.limit.margin_m)
    work.report.source("cells").take("cells", len(chosen))


def _hull_of_roads(work: ImportWork) -> shapely.Geometry | None:
    if work.extract is None:
        return None
    roads = work.extract.roads
    placed = np.isfinite(roads.lon)
    if placed.sum() < 3:
        return None
    work.report.source("cells").note(
        "estimate: no limit is given; the city ends where the map's roads end (their hull)"
    )
    return shapely.convex_hull(shapely.multipoints(np.column_stack([roads.lon[placed], roads.lat[placed]])))


def read_terrain(work: ImportWork) -> None:
    """Read the ground over the cells of the city."""
    dem = work.config.data.dem
    if dem is None:
        return

    def read(account: SourceReport) -> None:
        work.terrain = terrain_from_rasters(
            [work.config.path(name) for name in dem.files],
            metric_crs=work.config.data.city.metric_crs,
            bounds_m=work.frame.bounds_m(dem.margin_m),
            cell_m=dem.cell_m,
            report=account,
            crs=dem.crs,
            squeezed_range_m=dem.squeezed_range_m,
            lowest_m=dem.lowest_m,
        )

    work.attempt(", ".join(dem.files), read)
