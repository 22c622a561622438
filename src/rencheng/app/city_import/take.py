"""Second half of an import: make the tables of the city out of what was read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.adapters.osm import (
    OsmExtract,
    buildings_table,
    facilities_table,
    road_graph,
    waters_table,
)
from rencheng.app.city_import.areas import areas_table, cell_areas
from rencheng.app.city_import.flood_points import flood_points_table
from rencheng.app.city_import.forces import stocks_table, units_table
from rencheng.app.city_import.organisation import organisation_tables
from rencheng.app.city_import.people import (
    PeopleTable,
    cells_table,
)
from rencheng.app.city_import.places import LayerRows, layer_rows, merged, shelters_from, waters_within
from rencheng.app.city_import.read import ImportWork
from rencheng.app.city_import.spread import spread_residents
from rencheng.app.city_import.stations import station_tables, thresholds_table
from rencheng.city import Terrain
from rencheng.city.source_report import SourceReport
from rencheng.kernel import cells_of

__all__ = [
    "take_areas_and_cells",
    "take_flood_points",
    "take_layers",
    "take_map",
    "take_organisation",
    "take_stations",
]


def take_map(work: ImportWork) -> None:
    """Make roads, buildings, facilities and waters out of the map."""
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


def _take_roads(work: ImportWork, extract: OsmExtract, account: SourceReport) -> None:
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


def take_layers(work: ImportWork) -> None:
    """Add the layers, then place facilities and waters in the city."""
    for layer in work.config.data.layer:
        rows = LayerRows()

        def read(account: SourceReport, layer: Any = layer, rows: LayerRows = rows) -> None:
            layer_rows(work.config, layer, rows, account)

        work.attempt(layer.file, read)
        work.facilities += rows.facilities
        work.waters += rows.waters
        work.areas += rows.areas
    _place_facilities(work, work.report.source("facilities"))
    _place_waters(work, work.report.source("waters"))


def _place_facilities(work: ImportWork, account: SourceReport) -> None:
    facilities = merged(work.facilities, "facility_id", account)
    if facilities is not None:
        placed = work.frame.placed(facilities, "facility", "facility_id", account)
        assumed = shelters_from(_with_capacity(placed), work.config.data.shelters_from, account)
        placed = merged([placed, *assumed], "facility_id", account)
        account.take("facilities", 0 if placed is None else len(placed))
        if placed is not None:
            work.tables["facilities"] = work.frame.heights(placed, work.terrain)


def _place_waters(work: ImportWork, account: SourceReport) -> None:
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


def take_areas_and_cells(work: ImportWork) -> None:
    """Make the areas, and the cells with their people, ground and area."""
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


def take_stations(work: ImportWork) -> None:
    """Make sensors, channels and thresholds."""
    stations = work.config.data.stations
    if stations is not None:

        def read(account: SourceReport) -> None:
            work.tables["sensors"], work.tables["channels"] = station_tables(work.config, account)

        work.attempt(stations.file, read)
    if work.config.data.threshold or work.config.data.thresholds:
        table = thresholds_table(work.config, work.tables.get("channels"), work.report.source("thresholds"))
        if table is not None:
            work.tables["thresholds"] = table


def take_organisation(work: ImportWork) -> None:
    """Make the organisation, and the units and stocks that belong to it."""
    organisations, roles = organisation_tables(work.config, work.tables["areas"], work.report.source("organisation"))
    work.tables |= {"organisations": organisations, "roles": roles}
    for name, make in (("units", units_table), ("stocks", stocks_table)):
        table = make(work.config, work.tables, work.report.source(name))
        if table is not None:
            work.tables[name] = table


def take_flood_points(work: ImportWork) -> None:
    """Make the register of flood-prone points."""
    section = work.config.data.flood_points
    if section is not None:

        def read(account: SourceReport) -> None:
            table = flood_points_table(work.config, work.tables, work.frame, account)
            if table is not None:
                work.tables["flood_prone_points"] = table

        work.attempt(section.file, read)
