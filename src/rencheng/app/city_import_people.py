"""People of an imported city: read by cell or point, or a total spread over buildings and roads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import h3.api.numpy_int as h3_int
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from rencheng.adapters.tabular import numbers, read_delimited, texts
from rencheng.app.city_import_config import ImportConfig, PopulationSection
from rencheng.app.city_import_frame import CityFrame, cell_centres
from rencheng.city import Terrain
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidConfig, cell_boundary, cell_text, cells_of

__all__ = ["PeopleTable", "cells_table", "people_from_table", "spread_residents", "table_facilities"]

_GROUPS = (
    ("elderly_residents", "elderly", "elderly_ratio"),
    ("child_residents", "children", "child_ratio"),
    ("disabled_residents", "disabled", "disabled_ratio"),
)
_HOMES = ("residential", "living_street", "unclassified", "tertiary")
_STOREYS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleTable:
    """People by cell: ``cells`` (uint64, sorted, shape (n,)) and ``columns``, attribute → float64, shape (n,)."""

    cells: NDArray[np.uint64]
    columns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    facility_counts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def people_from_table(config: ImportConfig, report: SourceReport) -> PeopleTable:
    """Read the population table; rows of unusable cells or points are refused, unknown residents count as none.

    Raises
    ------
    InvalidConfig
        If neither an H3 column nor lon and lat are configured.
    """
    section, resolution = config.data.population, config.data.city.h3_resolution
    assert section.file is not None
    wanted = _wanted(section)
    names = [*wanted.values(), *(count.column for count in section.facilities)]
    by_h3 = section.h3 is not None
    where = [section.h3] if section.h3 else [section.lon, section.lat]
    if any(name is None for name in where):
        raise InvalidConfig(
            "the population table has no place", where=f"{config.file} [population]", mend="Set h3, or lon and lat"
        )
    table = read_delimited(
        config.path(section.file),
        [*(str(name) for name in where), *names],
        report,
        delimiter=section.delimiter,
        encoding=section.encoding,
    )
    cell = _cells_by_h3(table, str(section.h3), resolution, report) if by_h3 else _cells_by_point(table, config, report)
    values = {key: numbers(table, column, decimal=section.decimal) for key, column in wanted.items()}
    places = [f"row {i + 2}" for i in range(len(table))]
    negative = values["residents"] < 0
    report.refuse("cell: residents are negative", _named(places, negative))
    unknown = np.isnan(values["residents"]) & (cell > 0)
    report.refuse("cell: residents are missing or no number; the cell is kept with none", _named(places, unknown))
    keep = (cell > 0) & ~negative
    cells, inverse = np.unique(cell[keep], return_inverse=True)
    report.take("population cells", len(cells))
    report.take("residents", int(np.nansum(values["residents"][keep])))
    columns = {key: _summed(column[keep], inverse, len(cells)) for key, column in values.items()}
    counts = {
        count.kind: _summed(numbers(table, count.column, decimal=section.decimal)[keep], inverse, len(cells))
        for count in section.facilities
    }
    return PeopleTable(cells=cells, columns=columns, facility_counts=counts)


def _wanted(section: PopulationSection) -> dict[str, str]:
    wanted = {"residents": section.residents}
    if section.jobs:
        wanted["jobs"] = section.jobs
    for attribute, option, _ in _GROUPS:
        column = getattr(section, option)
        if column:
            wanted[attribute] = column
    return wanted


def _cells_by_h3(table: pa.Table, column: str, resolution: int, report: SourceReport) -> NDArray[np.uint64]:
    """Cells of the rows at the package's resolution (finer ones go to their parent); 0 where there is none."""
    cells = np.zeros(len(table), dtype=np.uint64)
    invalid, coarse, twice, finer = [], [], [], 0
    seen: set[int] = set()
    for i, text in enumerate(texts(table, column)):
        try:
            cell = int(text or "", 16)
        except ValueError:
            cell = 0
        if not h3_int.is_valid_cell(cell):
            invalid.append(f"row {i + 2}: {text}")
        elif h3_int.get_resolution(cell) < resolution:
            coarse.append(f"row {i + 2}: {text}")
        elif cell in seen:
            twice.append(f"row {i + 2}: {text}")
        else:
            seen.add(cell)
            finer += h3_int.get_resolution(cell) > resolution
            cells[i] = h3_int.cell_to_parent(cell, resolution)
    report.refuse("cell: not an H3 index", invalid)
    report.refuse(f"cell: coarser than resolution {resolution}", coarse)
    report.refuse("cell: named twice; the first row is kept", twice)
    if finer:
        report.note(f"population: {finer} rows are finer than resolution {resolution} and were summed to their parents")
    return cells


def _cells_by_point(table: pa.Table, config: ImportConfig, report: SourceReport) -> NDArray[np.uint64]:
    section = config.data.population
    lon, lat = (numbers(table, str(name), decimal=section.decimal) for name in (section.lon, section.lat))
    usable = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    report.refuse("population point has no usable lon/lat", [f"row {i + 2}" for i in np.flatnonzero(~usable)])
    cells = np.zeros(len(table), dtype=np.uint64)
    cells[usable] = cells_of(lon[usable], lat[usable], config.data.city.h3_resolution)
    return cells


def _named(places: list[str], chosen: NDArray[np.bool_]) -> list[str]:
    return [places[i] for i in np.flatnonzero(chosen)]


def _summed(values: NDArray[np.float64], inverse: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    return np.bincount(inverse, weights=np.nan_to_num(values), minlength=count).astype(np.float64)


def spread_residents(
    frame: CityFrame,
    section: PopulationSection,
    buildings: pa.Table | None,
    links: pa.Table | None,
    report: SourceReport,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Spread the configured total over the city's cells by a stated method, an estimate.

    Returns
    -------
    by_cell : float64 array, shape of ``frame.cells``
        Residents by floor area of residential buildings, by length of streets people live on, or evenly.
    by_building : float64 array, shape (buildings,), or None
        The same residents by building, where buildings are what they are spread by.

    Notes
    -----
    Floor area is the dasymetric weight usual where only a total is known (Wardrop et al. 2018, PNAS 115(14)); streets
    stand in where the map has too few buildings. ``auto`` takes buildings if they stand in at least half of the cells
    that have streets.
    """
    total = section.total or 0.0
    floor_m2 = _floor_area(frame, buildings)
    by_buildings = _by_cell(frame, buildings["cell"].to_numpy(), floor_m2) if buildings is not None else floor_m2
    by_roads = _street_length(frame, links)
    method = section.spread
    if method == "auto":
        covered = np.count_nonzero(by_buildings[by_roads > 0] > 0) * 2 >= np.count_nonzero(by_roads)
        method = "buildings" if covered and by_buildings.any() else "roads" if by_roads.any() else "area"
    weights = {"buildings": by_buildings, "roads": by_roads, "area": np.ones(len(frame.cells))}[method]
    if not weights.any():
        weights, method = np.ones(len(frame.cells)), "area"
    how = {
        "buildings": "floor area of residential buildings",
        "roads": "length of residential streets",
        "area": "area, evenly",
    }[method]
    report.note(f"estimate: {total:,.0f} residents in all are spread over the cells by {how}")
    report.take("residents (estimate)", int(total))
    spread = total * weights / weights.sum()
    return spread, total * floor_m2 / floor_m2.sum() if method == "buildings" else None


def _floor_area(frame: CityFrame, buildings: pa.Table | None) -> NDArray[np.float64]:
    """Floor area of each residential building in a cell of the city, m2; the others have none to live on."""
    if buildings is None or not len(buildings):
        return np.zeros(len(frame.cells))
    storeys = buildings["storeys"].to_numpy().astype(np.float64)
    area = buildings["footprint_m2"].to_numpy() * np.where(np.isnan(storeys), _STOREYS, storeys)
    lived_in = np.array(buildings["use"].to_pylist()) == "residential"
    lived_in &= np.isin(buildings["cell"].to_numpy(), frame.cells)
    return np.where(lived_in, area, 0.0)


def _street_length(frame: CityFrame, links: pa.Table | None) -> NDArray[np.float64]:
    if links is None or not len(links):
        return np.zeros(len(frame.cells))
    lived_on = np.isin(np.array(links["road_class"].to_pylist()), _HOMES)
    return _by_cell(frame, links["cell"].to_numpy(), np.where(lived_on, links["length_m"].to_numpy(), 0.0))


def _by_cell(frame: CityFrame, cell: NDArray[np.uint64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.searchsorted(frame.cells, cell)
    at[at == len(frame.cells)] = 0
    found = frame.cells[at] == cell
    return np.bincount(at[found], weights=weight[found], minlength=len(frame.cells)).astype(np.float64)


def cells_table(
    frame: CityFrame,
    people: PeopleTable,
    section: PopulationSection,
    terrain: Terrain | None,
    report: SourceReport,
) -> pa.Table:
    """Cells with residents, their vulnerable groups, jobs and the median of the ground."""
    lon, lat = cell_centres(frame.cells)
    at = np.searchsorted(people.cells, frame.cells) if len(people.cells) else np.zeros(len(frame.cells), dtype=np.int64)
    at = np.minimum(at, max(len(people.cells) - 1, 0))
    known = people.cells[at] == frame.cells if len(people.cells) else np.zeros(len(frame.cells), dtype=bool)
    columns = {name: np.where(known, values[at], 0.0) for name, values in people.columns.items()}
    without = [cell_text(int(c)) for c in frame.cells[~known]]
    report.refuse("cell: the population table does not have it; kept with no residents", without)
    _add_groups(columns, section, report)
    arrays = {"cell": frame.cells, "lon": lon, "lat": lat, **columns}
    if terrain is not None:
        arrays["ground_m"] = _median_ground(frame, terrain)
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in arrays.items()})


def _add_groups(columns: dict[str, NDArray[np.float64]], section: PopulationSection, report: SourceReport) -> None:
    for attribute, _, option in _GROUPS:
        share = getattr(section, option)
        if attribute not in columns and share is not None:
            columns[attribute] = columns["residents"] * share
            origin = f" ({section.source})" if section.source else ""
            report.note(f"estimate: {attribute} are {share:.1%} of the residents of every cell{origin}")
    groups = [columns[attribute] for attribute, _, _ in _GROUPS if attribute in columns]
    if groups:
        total = np.sum(groups, axis=0)
        columns["vulnerable_residents"] = np.minimum(total, columns["residents"])


def _median_ground(frame: CityFrame, terrain: Terrain) -> NDArray[np.float64]:
    """Median height of the terrain cells whose centre lies in each H3 cell; the centre's own where none does."""
    x, y = terrain.centres()
    lon_c, lat_c = cell_centres(frame.cells)
    centre_x, centre_y = frame.to_metric.transform(lon_c, lat_c)
    grid_x, grid_y = np.meshgrid(x, y)
    tree = shapely.STRtree(shapely.points(grid_x.ravel(), grid_y.ravel()))
    rings = _hexagons(frame)
    hexagon, pixel = tree.query(rings, predicate="contains")
    heights = terrain.ground_m.ravel()[pixel].astype(np.float64)
    finite = np.isfinite(heights)
    hexagon, heights = hexagon[finite], heights[finite]
    order = np.lexsort((heights, hexagon))
    hexagon, heights = hexagon[order], heights[order]
    count = np.bincount(hexagon, minlength=len(rings))
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    median = terrain.sample(centre_x, centre_y)
    has = count > 0
    low, high = start[has] + (count[has] - 1) // 2, start[has] + count[has] // 2
    median[has] = (heights[low] + heights[high]) / 2.0
    return median


def _hexagons(frame: CityFrame) -> NDArray[np.object_]:
    degrees = [shapely.polygons(np.array(cell_boundary(int(c)))) for c in frame.cells.tolist()]
    return frame.metric(np.array(degrees, dtype=object))


def table_facilities(people: PeopleTable, report: SourceReport) -> pa.Table | None:
    """Facilities that the population table counts by cell, each put at its cell's centre, an approximation."""
    parts = []
    for kind, counts in people.facility_counts.items():
        number = np.nan_to_num(counts).astype(np.int64)
        cells = np.repeat(people.cells, number)
        lon, lat = cell_centres(cells)
        within = np.arange(len(cells)) - np.repeat(np.cumsum(number) - number, number)
        names = [f"{kind}-{cell_text(int(c))}-{k + 1}" for c, k in zip(cells, within, strict=True)]
        parts.append(pa.table({"facility_id": names, "kind": [kind] * len(names), "lon": lon, "lat": lat}))
        report.take(f"facilities ({kind})", len(names))
        report.note(
            f"estimate: {len(names)} facilities of kind {kind} stand at the centre of the cell that counts them"
        )
    return pa.concat_tables(parts) if parts else None
