"""What OpenStreetMap tags mean for a city: road speeds, facility kinds, building uses, kinds of water.

Tag meanings are those of the OSM wiki (Key:highway, Key:amenity, Key:emergency, Key:building, Key:waterway). Default
speeds by class are those of the OSRM car profile (Project-OSRM/osrm-backend, ``profiles/car.lua``, BSD-2-Clause),
which stand for free flow including crossings rather than for the legal limit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

__all__ = [
    "ROAD_SPEED_KM_H",
    "Tags",
    "building_use",
    "direction",
    "facility_kind",
    "is_open_to_vehicles",
    "layer_of",
    "occupancy_of",
    "speed_m_s",
    "storeys_of",
    "water_kind",
]

Tags = Mapping[str, str]
"""Tags of one OpenStreetMap object, key → value."""

ROAD_SPEED_KM_H: Mapping[str, float] = MappingProxyType(
    {
        "motorway": 90.0,
        "motorway_link": 45.0,
        "trunk": 85.0,
        "trunk_link": 40.0,
        "primary": 65.0,
        "primary_link": 30.0,
        "secondary": 55.0,
        "secondary_link": 25.0,
        "tertiary": 40.0,
        "tertiary_link": 20.0,
        "unclassified": 25.0,
        "residential": 25.0,
        "living_street": 10.0,
        "service": 15.0,
        "road": 25.0,
        "busway": 40.0,
    }
)
"""Road classes a vehicle may use → default free-flow speed in km/h."""

_MAXSPEED = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph)?\s*$")
_WALKING_SPEED_KM_H = 6.0
_MPH_KM_H = 1.609344
_NO = {"", "no", "false", "0"}
_PASSABLE_FOR_EMERGENCY = {"yes", "designated", "official"}

_FACILITY: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        "amenity",
        {
            "hospital": "hospital",
            "clinic": "clinic",
            "doctors": "clinic",
            "school": "school",
            "kindergarten": "kindergarten",
            "childcare": "kindergarten",
            "fire_station": "fire_station",
            "police": "police_station",
            "bus_station": "bus_terminal",
            "nursing_home": "care_home",
            "townhall": "government",
            "shelter": "shelter",
            "refugee_site": "shelter",
        },
    ),
    ("healthcare", {"hospital": "hospital", "clinic": "clinic", "doctor": "clinic"}),
    ("social_facility", {"nursing_home": "care_home", "assisted_living": "care_home", "shelter": "shelter"}),
    (
        "emergency",
        {"fire_hydrant": "hydrant", "ambulance_station": "ambulance_station", "disaster_response": "depot"},
    ),
    ("railway", {"subway_entrance": "metro_entrance"}),
    ("man_made", {"pumping_station": "pumping_station", "water_works": "waterworks"}),
    ("power", {"substation": "substation"}),
    ("office", {"government": "government"}),
)

_NO_REFUGE = {"public_transport", "picnic_shelter", "gazebo", "sun_shelter", "lean_to", "field_shelter", "pavilion"}
"""Values of ``shelter_type`` that keep off rain for minutes and shelter nobody for a night."""

_WATER: Mapping[str, str] = MappingProxyType(
    {
        "river": "river",
        "riverbank": "river",
        "stream": "stream",
        "tidal_channel": "stream",
        "canal": "canal",
        "drain": "drain",
        "ditch": "drain",
        "dock": "lake",
        "lake": "lake",
        "pond": "lake",
        "lagoon": "lake",
        "oxbow": "lake",
        "basin": "reservoir",
        "reservoir": "reservoir",
    }
)


@cache
def _building_words() -> Mapping[tuple[str, str], tuple[str, str]]:
    """Tag (or use) → use and Hazus occupancy class, as ``building_use.csv`` beside this file says.

    Occupancy classes are those of Hazus 6.1 (FEMA, Hazus Inventory Technical Manual, Table 6-1).
    """
    with files("rencheng.adapters.osm").joinpath("building_use.csv").open(encoding="utf-8") as lines:
        return {(row["key"], row["value"]): (row["use"], row["occupancy"]) for row in csv.DictReader(lines)}


def speed_m_s(tags: Tags) -> float:
    """Free-flow speed of a road in m/s: the posted limit where it is tagged, else the default of the class.

    Examples
    --------
    >>> round(speed_m_s({"highway": "primary", "maxspeed": "60"}), 2)
    16.67
    >>> round(speed_m_s({"highway": "residential"}), 2)
    6.94
    """
    km_h = ROAD_SPEED_KM_H[tags["highway"]]
    posted = tags.get("maxspeed", "")
    match = _MAXSPEED.match(posted)
    if match:
        km_h = float(match[1]) * (_MPH_KM_H if match[2] == "mph" else 1.0)
    elif posted == "walk":
        km_h = _WALKING_SPEED_KM_H
    return min(max(km_h, 5.0), 130.0) / 3.6


def direction(tags: Tags) -> int:
    """Permitted direction along a way: 1 as drawn, -1 against it, 0 both."""
    oneway = tags.get("oneway", "")
    if oneway in {"yes", "true", "1"}:
        return 1
    if oneway in {"-1", "reverse"}:
        return -1
    if oneway in {"no", "false", "0"}:
        return 0
    implied = tags.get("junction") in {"roundabout", "circular"} or tags.get("highway") in {"motorway", "motorway_link"}
    return int(implied)


def is_open_to_vehicles(tags: Tags) -> bool:
    """Whether an emergency vehicle may drive here: closed ways stay closed unless ``emergency=yes`` opens them."""
    if tags.get("emergency") in _PASSABLE_FOR_EMERGENCY:
        return True
    return not any(tags.get(key) == "no" for key in ("access", "vehicle", "motor_vehicle"))


def layer_of(tags: Tags) -> int:
    """Vertical order of a way: the ``layer`` tag, else 1 on a bridge, -1 in a tunnel, 0 on the ground."""
    try:
        return int(tags["layer"])
    except (KeyError, ValueError):
        return 1 if tags.get("bridge", "") not in _NO else -1 if tags.get("tunnel", "") not in _NO else 0


def facility_kind(tags: Tags) -> str | None:
    """Kind of facility in the city schema, or ``None`` if the thing is none."""
    for key, kinds in _FACILITY:
        kind = kinds.get(tags.get(key, ""))
        if kind == "shelter" and tags.get("shelter_type", "") in _NO_REFUGE:
            return None
        if kind is not None:
            return kind
    return None


def building_use(tags: Tags) -> str | None:
    """Use of a building; ``building=yes`` follows its amenity, shop or office, else ``None``: the tags do not say."""
    for key in ("building", "amenity"):
        known = _building_words().get((key, tags.get(key, "")))
        if known is not None:
            return known[0]
    if "shop" in tags or "office" in tags or "tourism" in tags:
        return "commercial"
    return None


def occupancy_of(tags: Tags, use: str, footprint_m2: float, storeys: int) -> str:
    """Hazus occupancy class: fixed by the tag where it can be, flats by the dwellings their floor area holds.

    Dwellings are estimated at 100 m² gross each; RES3A … RES3F begin at 2, 3, 5, 10, 20 and 50 dwellings
    (Hazus 6.1 Inventory Technical Manual, Table 6-1).
    """
    words = _building_words()
    fixed = words.get(("building", tags.get("building", "")), ("", ""))[1]
    if fixed:
        return fixed
    if use != "residential":
        return words["use", use][1]
    dwellings = footprint_m2 * storeys / 100.0
    for least, occupancy in ((50, "RES3F"), (20, "RES3E"), (10, "RES3D"), (5, "RES3C"), (3, "RES3B"), (2, "RES3A")):
        if dwellings >= least:
            return occupancy
    return "RES1"


def storeys_of(tags: Tags) -> int | None:
    """Storeys above ground, from ``building:levels`` or a height at 3 m a storey; ``None`` if neither is tagged."""
    for key, metres in (("building:levels", 1.0), ("height", 3.0)):
        match = re.match(r"^\s*(\d+(?:\.\d+)?)", tags.get(key, ""))
        if match:
            return min(max(round(float(match[1]) / metres), 1), 200)
    return None


def water_kind(tags: Tags) -> str | None:
    """Kind of water in the city schema, or ``None``."""
    if tags.get("tunnel") == "culvert" and tags.get("waterway") in {"drain", "ditch"}:
        return "drain"
    kind = _WATER.get(tags.get("waterway", "")) or _WATER.get(tags.get("water", ""))
    if kind is not None:
        return kind
    if tags.get("natural") == "water":
        return "lake"
    if tags.get("natural") == "coastline":
        return "sea"
    return "reservoir" if tags.get("landuse") in {"reservoir", "basin"} else None
