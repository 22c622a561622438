"""Facilities of the sandbox city: how many of each kind, where they stand, how many people they hold.

Counts follow national statistics and standards, named beside each rule in :data:`RULES`; see
docs/explanation/sandbox-city.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.city.sandbox.areas import Areas
from rencheng.city.sandbox.buildings import CAMPUS, PARK, SHOP, USES, WORKS, Buildings
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.names import place_names
from rencheng.city.sandbox.streetplan import StreetPlan

__all__ = ["RULES", "Facilities", "Rule", "facilities_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How many facilities of a kind a city has and what they hold.

    ``per`` residents share one; ``places`` is capacity per 1,000 residents of the whole city (0 for none);
    ``land`` is the kind of land it prefers, ``use`` and ``occupancy`` what its building becomes.
    """

    kind: str
    per: float
    places: float
    land: int
    use: str
    occupancy: str
    zh: str


RULES: tuple[Rule, ...] = (
    Rule(kind="government", per=60_000, places=0, land=SHOP, use="public", occupancy="GOV1", zh="政务中心"),
    Rule(kind="hospital", per=38_000, places=5.4, land=CAMPUS, use="health", occupancy="COM6", zh="医院"),
    Rule(kind="fire_station", per=50_000, places=0, land=CAMPUS, use="public", occupancy="GOV2", zh="消防救援站"),
    Rule(kind="school", per=7_700, places=130, land=CAMPUS, use="education", occupancy="EDU1", zh="学校"),
    Rule(kind="clinic", per=10_000, places=0, land=SHOP, use="health", occupancy="COM7", zh="社区卫生服务站"),
    Rule(kind="kindergarten", per=4_900, places=33, land=CAMPUS, use="education", occupancy="EDU1", zh="幼儿园"),
    Rule(kind="care_home", per=35_000, places=3.7, land=CAMPUS, use="health", occupancy="RES6", zh="养老院"),
    Rule(kind="police_station", per=30_000, places=0, land=SHOP, use="public", occupancy="GOV2", zh="派出所"),
    Rule(kind="depot", per=50_000, places=0, land=WORKS, use="public", occupancy="COM2", zh="应急物资库"),
    Rule(kind="substation", per=50_000, places=0, land=WORKS, use="industrial", occupancy="IND2", zh="变电站"),
    Rule(kind="bus_terminal", per=30_000, places=0, land=SHOP, use="public", occupancy="COM3", zh="公交枢纽"),
)
"""In the order in which they choose their sites."""
SHELTER_PLACES_PER_1000 = 250.0


@dataclass(kw_only=True)
class Facilities:
    """Facilities as they are found; parallel lists. ``building`` is -1 where it stands in none."""

    ids: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    x_m: list[float] = field(default_factory=list)
    y_m: list[float] = field(default_factory=list)
    capacity: list[float | None] = field(default_factory=list)
    building: list[int] = field(default_factory=list)
    _count: dict[str, int] = field(default_factory=dict)

    def add(
        self, kind: str, name: str, x_m: float, y_m: float, capacity: float | None = None, building: int = -1
    ) -> str:
        """Add a facility and give its id."""
        number = self._count.get(kind, 0) + 1
        self._count[kind] = number
        self.ids.append(f"{kind.replace('_', '-')}-{number}")
        self.kind.append(kind)
        self.name.append(name)
        self.x_m.append(x_m)
        self.y_m.append(y_m)
        self.capacity.append(capacity)
        self.building.append(building)
        return self.ids[-1]

    def of_kind(self, *kinds: str) -> list[int]:
        """Indices of the facilities of some kinds, in order."""
        return [i for i, kind in enumerate(self.kind) if kind in kinds]


def facilities_of(
    frame: Frame, plan: StreetPlan, buildings: Buildings, areas: Areas, residents: Ints, land: Ints
) -> Facilities:
    """Site the facilities among the people and turn the buildings they stand in to their use (in place)."""
    rng = frame.rng("facilities")
    out = Facilities()
    taken = buildings.use == USES.index("residential")
    centres = _centres_of_demand(buildings, areas, residents)
    for rule in RULES:
        count = max(1, math.ceil(frame.residents / rule.per - 0.35))
        if rule.kind == "fire_station":  # at most 7 km² each (建标 152-2017), waters and railway land included
            count = max(1, math.ceil(frame.urban_m2 / 6e6))
        names = place_names(rng, count)
        share = rng.uniform(0.6, 1.4, count)
        places = share / share.sum() * rule.places * frame.residents / 1000.0
        sites = _sites(buildings, taken, centres, count, rule.land)
        for (zh, _), building, held in zip(names, sites, places, strict=False):
            buildings.use[building] = USES.index(rule.use)
            capacity = float(np.ceil(held)) if rule.places else None
            out.add(rule.kind, zh + rule.zh, *_at(buildings, building), capacity, building)
    _waterworks(frame, buildings, taken, out)
    _shelters(frame, plan, land, out)
    return out


def _at(buildings: Buildings, building: int) -> tuple[float, float]:
    return float(buildings.x_m[building]), float(buildings.y_m[building])


def _centres_of_demand(buildings: Buildings, areas: Areas, residents: Ints) -> tuple[Floats, Floats, Floats]:
    """Homes in the order of the grids (neighbours stay together) with their cumulated share of residents."""
    grid = areas.grid_of_tile[buildings.tile]
    order = np.lexsort((buildings.v, buildings.u, grid))
    order = order[residents[order] > 0]
    return np.cumsum(residents[order]) / residents.sum(), buildings.x_m[order], buildings.y_m[order]


def _sites(
    buildings: Buildings, taken: NDArray[np.bool_], demand: tuple[Floats, Floats, Floats], count: int, land: int
) -> list[int]:
    """Buildings for so many sites: each serves an equal share of the residents and takes the nearest free building."""
    share, x, y = demand
    out: list[int] = []
    edges = np.searchsorted(share, np.arange(count + 1) / count)
    edges[-1] = len(share)
    for low, high in zip(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1), strict=True):
        at = (float(x[low:high].mean()), float(y[low:high].mean()))
        free = np.flatnonzero(~taken & (buildings.land == land))
        if not len(free):
            free = np.flatnonzero(~taken)
        if not len(free):
            break
        away = np.hypot(buildings.x_m[free] - at[0], buildings.y_m[free] - at[1])
        building = int(free[np.argmin(away)])
        taken[building] = True
        out.append(building)
    return out


def _waterworks(frame: Frame, buildings: Buildings, taken: NDArray[np.bool_], out: Facilities) -> None:
    """Upstream on the river bank, one per 300,000 residents."""
    count = max(1, round(frame.residents / 300_000))
    for i in range(count):
        goal_u = (-0.9 + 0.25 * (i // 2)) * frame.radius_m
        side = 1.0 if i % 2 == 0 else -1.0
        x, y = frame.to_map(np.array([goal_u]), np.array([side * (frame.river_width_m / 2.0 + 70.0)]))
        free = np.flatnonzero(~taken)
        building = int(free[np.argmin(np.hypot(buildings.x_m[free] - x[0], buildings.y_m[free] - y[0]))])
        taken[building] = True
        buildings.use[building] = USES.index("industrial")
        out.add("waterworks", f"第{'一二三四五六七八'[i]}自来水厂", *_at(buildings, building), None, building)


def _shelters(frame: Frame, plan: StreetPlan, land: Ints, out: Facilities) -> None:
    """Schools and parks double as shelters (GB 51143-2015), with places for a quarter of the residents."""
    schools = out.of_kind("school")
    parks = np.flatnonzero((land == PARK) & plan.tiles.kept)
    size = np.array([out.capacity[i] or 0.0 for i in schools])
    total = SHELTER_PLACES_PER_1000 * frame.residents / 1000.0
    in_schools = total * (0.6 if len(parks) else 1.0)
    for i, share in zip(schools, size / size.sum(), strict=True):
        out.add(
            "shelter",
            f"{out.name[i]}避难场所",
            out.x_m[i],
            out.y_m[i],
            float(np.ceil(in_schools * share)),
            out.building[i],
        )
    tiles = plan.tiles
    if len(parks):
        x, y = frame.to_map((tiles.u0 + tiles.u1)[parks] / 2.0 + 20.0, (tiles.v0 + tiles.v1)[parks] / 2.0 + 20.0)
        names = place_names(frame.rng("park-names"), len(parks))
        for k in range(len(parks)):
            held = float(np.ceil(0.4 * total / len(parks)))
            out.add("shelter", f"{names[k][0]}公园避难场所", float(x[k]), float(y[k]), held)
