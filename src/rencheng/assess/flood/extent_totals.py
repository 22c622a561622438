"""Who and what stands in the water of an extent: totals for the city and each of its areas, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.flood.exposure import ObjectIndex, object_depths, objects_table
from rencheng.assess.flood.isolation import RoadAccess
from rencheng.assess.flood.objects import THRESHOLDS_M
from rencheng.assess.flood.things_at_risk import ThingsAtRisk
from rencheng.city import City
from rencheng.science.zonal import zonal_share

__all__ = ["AreaTotals", "ExtentTotals", "MemberTotals"]

EXPOSED_M = THRESHOLDS_M[0]
PASSABLE_M = THRESHOLDS_M[1]
"""A car does not go through more (see science.flood.vehicle_limits)."""
MOST_DEPTHS = 50_000_000
"""Depths of objects kept at once; with more objects, fewer members speak for their quantiles."""
DROWNED_RATIO = 0.5
"""People in cells under water to this share are flooded rather than cut off."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaTotals:
    """What stands in at least 0.15 m of water in one area; ``area_id`` is empty for the whole city.

    Counts are of what the map shows flooded. ``expected``, ``low`` and ``high`` are the mean and the central 80 % over
    the terrains. Cut-off cells are dry but cannot be driven to.
    """

    area_id: str
    name: str
    flooded_km2: float
    flooded_km2_low: float
    flooded_km2_high: float
    residents: float
    residents_expected: float
    residents_low: float
    residents_high: float
    vulnerable_residents: float
    schools: int
    pupils: float
    pupils_low: float
    pupils_high: float
    hydrants: int
    buildings: int
    underpasses: int
    facilities: dict[str, int]
    road_km: dict[str, float]
    isolated_cells: int
    isolated_residents: float
    unassessed_residents: float
    """Residents of land without terrain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentTotals:
    """Totals, the whole city first, with the tables they come from.

    ``cells`` has a row per H3 cell with anybody or any water in it; ``objects`` is in ``OBJECT_SCHEMA``.
    """

    areas: tuple[AreaTotals, ...]
    cells: pa.Table
    objects: pa.Table


class MemberTotals:
    """Sums up depths member by member."""

    def __init__(self, city: City, index: ObjectIndex) -> None:
        self._things = ThingsAtRisk.of(city, index)
        self._city = city
        self._index = index
        self._zones = index.zones_of("cell")
        self._members = 0
        self._wet = np.zeros((index.grid.ny, index.grid.nx))
        self._exposed = np.zeros(len(index))
        self._blocked = np.zeros(len(index))
        self._share: list[Floats] = []
        self._schools: list[NDArray[np.bool_]] = []
        self._depths: list[NDArray[np.float32]] = []
        self._kept = max(20, MOST_DEPTHS // max(len(index), 1))

    def add(self, depth_m: Floats) -> None:
        """Take the depths of one member; shape (ny, nx)."""
        wet = depth_m >= EXPOSED_M
        depths = object_depths(self._index, depth_m)
        self._members += 1
        self._wet += wet
        self._exposed += depths >= np.float32(EXPOSED_M)
        self._blocked += depths >= np.float32(PASSABLE_M)
        self._share.append(zonal_share(*self._zones, wet))
        self._schools.append(depths[self._things.schools] >= np.float32(EXPOSED_M))
        if len(self._depths) < self._kept:
            self._depths.append(depths)

    def totals(self, least_prob: float) -> ExtentTotals:
        """Sum up over all members taken; things count as wet from ``least_prob`` on."""
        things = self._things
        on_map = self._wet / self._members >= least_prob
        seen = _Seen(
            share=np.stack(self._share),
            share_on_map=zonal_share(*self._zones, on_map),
            exposed=self._exposed / self._members >= least_prob,
            schools=np.stack(self._schools),
            road_share=zonal_share(*self._index.zones_of("road_link"), on_map),
        )
        links = self._index.rows_of("road_link")
        closed = things.link_id[self._blocked[links] / self._members >= least_prob]
        cut_off = RoadAccess(self._city, things.lon, things.lat).cut_off(closed)
        cut_off &= (seen.share_on_map < DROWNED_RATIO) & (things.residents > 0)
        areas = [(things.areas_of(""), "", self._city.manifest.name)]
        areas += [(things.areas_of(r["area_id"]), r["area_id"], r["name"]) for r in _areas(self._city)]
        return ExtentTotals(
            areas=tuple(
                _area_totals(things, seen, cut_off, mine, key, name) for mine, key, name in areas if mine.any()
            ),
            cells=_cells_table(things, seen, cut_off),
            objects=objects_table(self._index, np.stack(self._depths)[None], [0]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the members did to the things; see :class:`ThingsAtRisk` for the shapes."""

    share: Floats
    share_on_map: Floats
    exposed: NDArray[np.bool_]
    schools: NDArray[np.bool_]
    road_share: Floats


def _areas(city: City) -> list[dict[str, Any]]:
    """Areas below the city down to communities; cells name the grids below those."""
    return [r for r in city.rows("areas") if r["kind"] != "grid" and r.get("parent_id")]


def _area_totals(
    things: ThingsAtRisk,
    seen: _Seen,
    cut_off: NDArray[np.bool_],
    mine: NDArray[np.bool_],
    area_id: str,
    name: str,
) -> AreaTotals:
    km2 = np.where(mine, things.land_km2, 0.0)
    people = np.where(mine & things.assessed, things.residents, 0.0)
    member_km2, member_people = seen.share @ km2, seen.share @ people
    inside = things.inside(mine)
    wet = seen.exposed & inside
    schools = np.where(inside[things.schools], things.people[things.schools], 0.0)
    pupils = np.asarray(seen.schools.astype(np.float64) @ schools, np.float64)
    kinds, counts = np.unique(things.detail[things.rows("facility")][wet[things.rows("facility")]], return_counts=True)
    facilities = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    road = things.link_km * seen.road_share * inside[things.rows("road_link")]
    classes = np.unique(things.road_class[road > 0.0])
    return AreaTotals(
        area_id=area_id,
        name=name,
        flooded_km2=float(seen.share_on_map @ km2),
        flooded_km2_low=_quantile(member_km2, 0.1),
        flooded_km2_high=_quantile(member_km2, 0.9),
        residents=float(seen.share_on_map @ people),
        residents_expected=float(member_people.mean()),
        residents_low=_quantile(member_people, 0.1),
        residents_high=_quantile(member_people, 0.9),
        vulnerable_residents=float(seen.share_on_map @ np.where(mine & things.assessed, things.vulnerable, 0.0)),
        schools=facilities.get("school", 0) + facilities.get("kindergarten", 0),
        pupils=float(schools @ wet[things.schools]),
        pupils_low=_quantile(pupils, 0.1),
        pupils_high=_quantile(pupils, 0.9),
        hydrants=facilities.get("hydrant", 0),
        buildings=int(wet[things.rows("building")].sum()),
        underpasses=int((wet[things.rows("road_link")] & things.underpass & (things.link_km > 0.0)).sum()),
        facilities=facilities,
        road_km={c: float(road[things.road_class == c].sum()) for c in classes.tolist()},
        isolated_cells=int((cut_off & mine).sum()),
        isolated_residents=float(things.residents[cut_off & mine].sum()),
        unassessed_residents=float(things.residents[mine & ~things.assessed].sum()),
    )


def _quantile(values: Floats, level: float) -> float:
    return float(np.quantile(values, level, method="inverted_cdf"))


def _cells_table(things: ThingsAtRisk, seen: _Seen, cut_off: NDArray[np.bool_]) -> pa.Table:
    expected = seen.share.mean(axis=0)
    some = np.flatnonzero((expected > 0.0) | cut_off)
    residents = np.where(things.assessed, things.residents, 0.0)
    columns = {
        "cell": things.cell,
        "lon": things.lon,
        "lat": things.lat,
        "area_id": things.area_id,
        "residents": things.residents,
        "flooded_ratio": seen.share_on_map,
        "flooded_ratio_expected": expected,
        "residents_exposed": residents * seen.share_on_map,
        "residents_exposed_expected": residents * expected,
        "isolated": cut_off,
    }
    return pa.table({name: pa.array(np.asarray(values)[some]) for name, values in columns.items()})
