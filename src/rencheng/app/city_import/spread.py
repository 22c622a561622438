"""Residents of an imported city whose total alone is known, spread over buildings or streets: an estimate."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.app.city_import.frame import CityFrame
from rencheng.app.city_import.sections import PopulationSection
from rencheng.city.source_report import SourceReport

__all__ = ["spread_residents"]

_HOMES = ("residential", "living_street", "unclassified", "tertiary")
"""Road classes along which people live."""

_STOREYS = 2.0
"""Storeys counted where none are tagged."""

_HOW = {
    "buildings": "floor area of residential buildings",
    "roads": "length of residential streets",
    "area": "area, evenly",
}


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
    method = _method(section.spread, by_buildings, by_roads)
    weights = {"buildings": by_buildings, "roads": by_roads, "area": np.ones(len(frame.cells))}[method]
    report.note(f"estimate: {total:,.0f} residents in all are spread over the cells by {_HOW[method]}")
    report.take("residents (estimate)", int(total))
    spread = total * weights / weights.sum()
    return spread, total * floor_m2 / floor_m2.sum() if method == "buildings" else None


def _method(wanted: str, by_buildings: NDArray[np.float64], by_roads: NDArray[np.float64]) -> str:
    """The method that the map allows: evenly where there is neither building nor street to go by."""
    if wanted == "auto":
        covered = np.count_nonzero(by_buildings[by_roads > 0] > 0) * 2 >= np.count_nonzero(by_roads)
        wanted = "buildings" if covered and by_buildings.any() else "roads"
    weights = {"buildings": by_buildings, "roads": by_roads}.get(wanted)
    return wanted if weights is not None and weights.any() else "area"


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
