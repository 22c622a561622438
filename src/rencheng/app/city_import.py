"""Build a city package out of public files, as a configuration says: what was good is taken, what was not is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.adapters.geojson import read_geojson
from rencheng.adapters.osm import (
    OsmExtract,
    admin_areas,
    buildings_table,
    facilities_table,
    read_osm,
    road_graph,
    waters_table,
)
from rencheng.adapters.raster import terrain_from_rasters
from rencheng.app.city_import_areas import areas_table, cell_areas
from rencheng.app.city_import_config import ImportConfig, read_import_config
from rencheng.app.city_import_forces import stocks_table, units_table
from rencheng.app.city_import_frame import CityFrame, cells_in, frame_of
from rencheng.app.city_import_organisation import organisation_tables
from rencheng.app.city_import_people import (
    PeopleTable,
    cells_table,
    people_from_table,
    spread_residents,
    table_facilities,
)
from rencheng.app.city_import_places import LayerRows, layer_rows, merged, shelters_from, waters_within
from rencheng.app.city_import_stations import station_tables, thresholds_table
from rencheng.city import City, Manifest, Terrain, write_city
from rencheng.city.source_report import ImportReport, SourceReport
from rencheng.kernel import InvalidConfig, InvalidInput, cells_of

__all__ = ["CityImported", "Progress", "import_city"]

Progress = Callable[[str, float], None]
"""Told the step that begins and the share of the work done before it (0 … 1)."""

EXTRAS: tuple[Literal["feeds", "plans", "rules"], ...] = ("feeds", "plans", "rules")
"""Folders that a package may carry besides its tables."""

_STEPS = (
    ("map", 0.05),
    ("people", 0.25),
    ("terrain", 0.30),
    ("roads and buildings", 0.40),
    ("layers", 0.65),
    ("areas and cells", 0.72),
    ("stations", 0.82),
    ("organisation and forces", 0.90),
    ("writing", 0.94),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CityImported:
    """The package written, and the account of what went into it."""

    city: City
    report: ImportReport


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is known so far in one import."""

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


def import_city(
    config_file: Path, out: Path, *, data_dirs: Sequence[Path] = (), progress: Progress | None = None
) -> CityImported:
    """Build a city package.

    Parameters
    ----------
    config_file : Path
        The TOML configuration (``docs/how-to/import-a-city.md``).
    out : Path
        Folder of the package; replaced whole when everything is ready.
    data_dirs : sequence of Path
        Folders in which relative sources are looked up besides the configuration's own.
    progress : callable, optional
        Told each step.

    Returns
    -------
    CityImported
        The package, and the report that also stands in it as ``import-report.json``.

    Raises
    ------
    InvalidConfig
        If the configuration is wrong or a source is nowhere; nothing is written.
    InvalidInput
        If what could be read gives no cell at all.
    """
    config = read_import_config(config_file, data_dirs)
    work = _Work(config=config, report=ImportReport(city_id=config.data.city.id))
    done = dict(_STEPS)

    def step(name: str) -> None:
        if progress is not None:
            progress(name, done[name])

    step("map")
    _read_map(work)
    step("people")
    _read_people(work)
    step("terrain")
    _read_terrain(work)
    step("roads and buildings")
    _take_map(work)
    step("layers")
    _take_layers(work)
    step("areas and cells")
    _take_areas_and_cells(work)
    step("stations")
    _take_stations(work)
    step("organisation and forces")
    _take_organisation(work)
    step("writing")
    city = _write(work, out)
    if progress is not None:
        progress("done", 1.0)
    return CityImported(city=city, report=work.report)


def _read_map(work: _Work) -> None:
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


def _limit_from_geojson(work: _Work, account: SourceReport) -> None:
    features = read_geojson(work.config.path(str(work.config.data.limit.geojson)), account)
    polygons = features.geometry[shapely.get_dimensions(features.geometry) == 2]
    if not len(polygons):
        raise InvalidInput("the city limit has no polygon", where=account.source, mend="Give a polygon")
    work.limit = shapely.union_all(polygons)
    account.take("limit polygons", len(polygons))


def _limit_from_map(work: _Work) -> None:
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


def _read_people(work: _Work) -> None:
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


def _hull_of_roads(work: _Work) -> shapely.Geometry | None:
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


def _read_terrain(work: _Work) -> None:
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
        )

    work.attempt(", ".join(dem.files), read)


def _take_map(work: _Work) -> None:
    osm, extract = work.config.data.osm, work.extract
    if osm is None or extract is None:
        return
    account = work.report.source(osm.file)
    if osm.roads:
        _take_roads(work, extract, account)
    if osm.buildings and len(extract.buildings.ids):
        table = buildings_table(extract.buildings, work.frame.to_metric, account, untagged_use=osm.untagged_use)
        placed = work.frame.placed(table, "building", "building_id", account)
        if len(placed):
            work.tables["buildings"] = work.frame.heights(placed, work.terrain)
    if osm.facilities and len(extract.facilities.ids):
        work.facilities.append(facilities_table(extract.facilities, account))
    if osm.waters and len(extract.waters.ids):
        work.waters.append(waters_table(extract.waters, account))


def _take_roads(work: _Work, extract: OsmExtract, account: SourceReport) -> None:
    graph = road_graph(extract.roads, extract.rails, work.frame.to_metric, account)
    nodes, links = graph.nodes, graph.links
    inside = work.frame.holds(nodes["lon"].to_numpy(), nodes["lat"].to_numpy())
    ids = nodes["node_id"].to_numpy()
    kept = np.ones(len(links), dtype=bool)
    for end in ("from_node", "to_node"):
        kept &= inside[np.searchsorted(ids, links[end].to_numpy())]
    account.refuse("road link: outside the city and its margin", links["link_id"].filter(pa.array(~kept)).to_pylist())
    links, lines = links.filter(pa.array(kept)), graph.lines[kept]
    if not len(links):
        return
    used = np.isin(ids, np.concatenate([links["from_node"].to_numpy(), links["to_node"].to_numpy()]))
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    cell = cells_of(shapely.get_x(middle), shapely.get_y(middle), work.frame.resolution)
    links = links.append_column("cell", pa.array(cell, pa.uint64()))
    if work.terrain is not None:
        low = _lowest_ground(work.frame.metric(lines), work.terrain)
        links = links.append_column("ground_m", pa.array(low, pa.float64(), from_pandas=True))
    work.tables["road_nodes"] = work.frame.heights(nodes.filter(pa.array(used)), work.terrain)
    work.tables["road_links"] = links


def _lowest_ground(lines_m: NDArray[np.object_], terrain: Terrain) -> NDArray[np.float64]:
    """Lowest height along each line, read once in every terrain cell; NaN where none is known."""
    points, line = shapely.get_coordinates(shapely.segmentize(lines_m, terrain.cell_m), return_index=True)
    height = terrain.sample(points[:, 0], points[:, 1])
    start = np.flatnonzero(np.diff(line, prepend=-1))
    lowest = np.fmin.reduceat(height, start)
    return np.asarray(lowest, dtype=np.float64)


def _take_layers(work: _Work) -> None:
    for layer in work.config.data.layer:
        rows = LayerRows()

        def read(account: SourceReport, layer: Any = layer, rows: LayerRows = rows) -> None:
            layer_rows(work.config, layer, rows, account)

        work.attempt(layer.file, read)
        work.facilities += rows.facilities
        work.waters += rows.waters
        work.areas += rows.areas
    account = work.report.source("facilities")
    facilities = merged(work.facilities, "facility_id", account)
    if facilities is not None:
        placed = work.frame.placed(facilities, "facility", "facility_id", account)
        assumed = shelters_from(_with_capacity(placed), work.config.data.shelters_from, account)
        placed = merged([placed, *assumed], "facility_id", account)
        account.take("facilities", 0 if placed is None else len(placed))
        if placed is not None:
            work.tables["facilities"] = work.frame.heights(placed, work.terrain)
    account = work.report.source("waters")
    waters = merged(work.waters, "water_id", account)
    if waters is not None:
        waters = waters_within(waters, work.frame.region, work.frame.to_metric, account)
        account.take("waters", len(waters))
        if len(waters):
            work.tables["waters"] = waters


def _with_capacity(facilities: pa.Table) -> pa.Table:
    if "capacity" in facilities.column_names:
        return facilities
    return facilities.append_column("capacity", pa.nulls(len(facilities), pa.float64()))


def _take_areas_and_cells(work: _Work) -> None:
    data = work.config.data
    work.tables["areas"] = areas_table(work.areas, data.city, work.limit, work.frame, work.report.source("areas"))
    account = work.report.source(data.population.file or "population")
    people = work.people
    if not len(people.cells):
        if data.population.total is None:
            account.note("no population table and no total is given: every cell has 0 residents")
        buildings = work.tables.get("buildings")
        by_cell, by_building = spread_residents(
            work.frame, data.population, buildings, work.tables.get("road_links"), account
        )
        people = PeopleTable(cells=work.frame.cells, columns={"residents": by_cell})
        if buildings is not None and by_building is not None:
            work.tables["buildings"] = buildings.append_column("residents", pa.array(by_building))
    cells = cells_table(work.frame, people, data.population, work.terrain, account)
    work.tables["cells"] = cells.append_column("area_id", cell_areas(work.tables["areas"], work.frame.cells))


def _take_stations(work: _Work) -> None:
    stations = work.config.data.stations
    if stations is not None:

        def read(account: SourceReport) -> None:
            work.tables["sensors"], work.tables["channels"] = station_tables(work.config, account)

        work.attempt(stations.file, read)
    if work.config.data.threshold or work.config.data.thresholds:
        table = thresholds_table(work.config, work.tables.get("channels"), work.report.source("thresholds"))
        if table is not None:
            work.tables["thresholds"] = table


def _take_organisation(work: _Work) -> None:
    organisations, roles = organisation_tables(work.config, work.tables["areas"], work.report.source("organisation"))
    work.tables |= {"organisations": organisations, "roles": roles}
    for name, make in (("units", units_table), ("stocks", stocks_table)):
        table = make(work.config, work.tables, work.report.source(name))
        if table is not None:
            work.tables[name] = table


def _write(work: _Work, out: Path) -> City:
    city = work.config.data.city
    manifest = Manifest(
        id=city.id,
        name=city.name,
        name_en=city.name_en,
        metric_crs=city.metric_crs,
        timezone=city.timezone,
        jurisdiction=city.jurisdiction,
        h3_resolution=city.h3_resolution,
        version=city.version,
        sources=city.sources,
    )
    work.report.sources = [s for s in work.report.sources if s.taken or s.refused or s.notes or s.failure]
    account = msgspec.json.format(msgspec.json.encode(work.report.to_plain()), indent=2)
    extras: dict[str, Path | bytes] = {"import-report.json": account}
    for name in EXTRAS:
        configured = work.config.data.extras.get(name)
        beside = work.config.file.resolve().parent / name
        if configured:
            path = work.config.path(configured)
            extras[name if path.is_dir() else f"{name}/{path.name}"] = path
        elif beside.is_dir():
            extras[name] = beside
    return write_city(out, manifest, work.tables, work.terrain, extras=extras)
