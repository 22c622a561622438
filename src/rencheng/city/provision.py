"""What a city provides for its residents, in numbers that indices are made of: each is read off the package alone.

Every measure raises :class:`MissingData` where the package lacks what it needs, so that an index can say what it left
out instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import h3
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.package import City
from rencheng.kernel import MissingData

__all__ = ["CITY_MEASURES", "inhabited_km2", "residents_within"]

F64 = NDArray[np.float64]

WALK_M = 1000.0
"""Fifteen minutes on foot, the reach of a 15-minute living circle (GB 50180-2018, 800 to 1000 m)."""


def inhabited_km2(city: City) -> float:
    """Area of the cells that somebody lives in, km²: it stands for the built-up area, which packages do not carry."""
    cells = city.column("cells", "cell")[_residents(city) > 0.0]
    return float(np.sum([h3.cell_area(f"{cell:x}", unit="km^2") for cell in cells.tolist()]))


def residents_within(city: City, kinds: tuple[str, ...], reach_m: float = WALK_M) -> float:
    """Share of residents whose cell centre lies within reach of a facility of the kinds, as the crow flies."""
    residents, rows = _residents(city), _facilities(city, *kinds)
    there = city.to_metric.transform([r["lon"] for r in rows], [r["lat"] for r in rows])
    here = city.to_metric.transform(city.column("cells", "lon"), city.column("cells", "lat"))
    distance_m = cKDTree(np.column_stack(there)).query(np.column_stack(here))[0]
    return float(residents[distance_m <= reach_m].sum() / residents.sum())


def _residents(city: City) -> F64:
    city.table("cells", needed_for="a measure of provision")
    residents: F64 = np.nan_to_num(city.column("cells", "residents").astype(np.float64))
    if residents.sum() <= 0.0:
        raise MissingData(f"no cell of city {city.manifest.id!r} has residents", mend="Give residents per cell")
    return residents


def _facilities(city: City, *kinds: str) -> list[dict[str, Any]]:
    """Facilities of the kinds; none at all is not told from none mapped, so it is missing and not nought."""
    city.table("facilities", needed_for="a measure of provision")
    found = [row for row in city.rows("facilities") if row["kind"] in kinds]
    if not found:
        raise MissingData(f"city {city.manifest.id!r} lists no {' or '.join(kinds)}", mend="Add them to facilities")
    return found


def _capacity_per_resident(city: City, kind: str) -> float:
    rows = _facilities(city, kind)
    told = [row["capacity"] for row in rows if row.get("capacity") is not None]
    if not told:
        raise MissingData(f"no {kind} of city {city.manifest.id!r} tells its capacity", mend="Give facilities.capacity")
    return float(np.sum(told)) / float(_residents(city).sum())


def _units_per_resident(city: City, kinds: tuple[str, ...]) -> float:
    city.table("units", needed_for="a measure of provision")
    return sum(row["kind"] in kinds for row in city.rows("units")) / float(_residents(city).sum())


def _network_km(city: City, network: str) -> float:
    city.table("network_links", needed_for="a measure of its networks")
    rows = [row for row in city.rows("network_links") if row["network"] == network]
    told = [row["length_m"] for row in rows if row.get("length_m") is not None]
    if not told:
        raise MissingData(f"city {city.manifest.id!r} has no {network} links with a length", mend="Add network_links")
    return float(np.sum(told)) / 1000.0


def _streets(city: City) -> tuple[NDArray[np.int64], F64]:
    """Streets, each once: their two ends, shape (n, 2), and their lengths in metres."""
    city.table("road_links", needed_for="a measure of its roads")
    ends = np.column_stack([city.column("road_links", "from_node"), city.column("road_links", "to_node")])
    ends = np.sort(ends.astype(np.int64), axis=1)
    once, first = np.unique(ends, axis=0, return_index=True)
    return once, np.asarray(city.column("road_links", "length_m")[first], dtype=np.float64)


def _meshedness(city: City) -> float:
    """Independent cycles over the most that a planar network of so many nodes can have (Buhl et al. 2006)."""
    ends, _ = _streets(city)
    ends = ends[ends[:, 0] != ends[:, 1]]
    nodes = len(np.unique(ends))
    if nodes < 3:
        raise MissingData("a road network of fewer than three nodes has no mesh", mend="Add road_links")
    return float(max(0.0, (len(ends) - nodes + 1) / (2 * nodes - 5)))


def _backup(city: City) -> float:
    city.table("network_dependencies", needed_for="the backup of what depends on power")
    rows = [row for row in city.rows("network_dependencies") if row["kind"] == "power"]
    if not rows:
        raise MissingData(f"nothing in city {city.manifest.id!r} is said to depend on power", mend="Add dependencies")
    return sum(bool((row.get("backup_h") or 0.0) >= 24.0) for row in rows) / len(rows)


def _share_of_residents(city: City, column: str) -> float:
    counted = np.nan_to_num(city.column("cells", column).astype(np.float64))
    return float(counted.sum() / _residents(city).sum())


def _jobs(city: City) -> float:
    return float(np.nan_to_num(city.column("cells", "jobs").astype(np.float64)).sum() / _residents(city).sum())


def _underpasses(city: City) -> float:
    flags = np.asarray(city.column("road_links", "underpass"))
    if not len(flags):
        raise MissingData(f"city {city.manifest.id!r} has no road links", mend="Add road_links")
    return float(np.count_nonzero(flags == True)) / len(flags)  # noqa: E712 — a null is not an underpass


def _duty_roles(city: City) -> float:
    """Communities that have a grid officer, of all: somebody to knock at doors."""
    communities = [row["area_id"] for row in city.rows("areas") if row["kind"] == "community"]
    if not communities or not city.has("roles"):
        raise MissingData(f"city {city.manifest.id!r} has no communities or no roles", mend="Add areas and roles")
    area = {row["org_id"]: row.get("area_id") for row in city.rows("organisations")}
    manned = {area.get(row["org_id"]) for row in city.rows("roles") if row["duty"] == "grid_officer"}
    parents = {row["area_id"]: row.get("parent_id") for row in city.rows("areas")}
    manned |= {parents.get(str(grid)) for grid in sorted(str(m) for m in manned)}
    return sum(community in manned for community in communities) / len(communities)


CITY_MEASURES: Mapping[str, Callable[[City], float]] = MappingProxyType(
    {
        "drain_km_per_km2": lambda city: _network_km(city, "drainage") / inhabited_km2(city),
        "street_km_per_km2": lambda city: float(_streets(city)[1].sum()) / 1000.0 / inhabited_km2(city),
        "road_meshedness": _meshedness,
        "underpass_ratio": _underpasses,
        "power_backup_ratio": _backup,
        "km2_per_fire_station": lambda city: inhabited_km2(city) / len(_facilities(city, "fire_station")),
        "shelter_places_per_resident": lambda city: _capacity_per_resident(city, "shelter"),
        "shelter_reach_ratio": lambda city: residents_within(city, ("shelter",)),
        "beds_per_1000": lambda city: 1000.0 * _capacity_per_resident(city, "hospital"),
        "clinic_reach_ratio": lambda city: residents_within(city, ("hospital", "clinic")),
        "ambulances_per_100k": lambda city: 1e5 * _units_per_resident(city, ("ambulance",)),
        "pumps_per_100k": lambda city: 1e5 * _units_per_resident(city, ("pump_truck",)),
        "boats_per_100k": lambda city: 1e5 * _units_per_resident(city, ("rescue_boat",)),
        "fire_engines_per_100k": lambda city: 1e5 * _units_per_resident(city, ("fire_engine",)),
        "volunteer_teams_per_100k": lambda city: 1e5 * _units_per_resident(city, ("volunteer_team",)),
        "vulnerable_ratio": lambda city: _share_of_residents(city, "vulnerable_residents"),
        "residents_per_km2": lambda city: float(_residents(city).sum()) / inhabited_km2(city),
        "jobs_per_resident": _jobs,
        "grid_officer_ratio": _duty_roles,
    }
)
"""Measure by name; every one raises :class:`MissingData` where the package does not tell."""
