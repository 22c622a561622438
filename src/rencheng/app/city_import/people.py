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
from rencheng.app.city_import.config import ImportConfig
from rencheng.app.city_import.frame import CityFrame, cell_centres
from rencheng.app.city_import.sections import PopulationSection
from rencheng.city import Terrain
from rencheng.city.source_report import SourceReport
from rencheng.kernel import InvalidConfig, cell_boundary, cell_text, cells_of

__all__ = ["PeopleTable", "cells_table", "people_from_table", "table_facilities"]

_GROUPS = (
    ("elderly_residents", "elderly", "elderly_ratio"),
    ("child_residents", "children", "child_ratio"),
    ("disabled_residents", "disabled", "disabled_ratio"),
)


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
