"""Places that must not stand in water and are expected to, by name and by when."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from rencheng.assess.facts import FloodPlace
from rencheng.assess.flood.objects import THRESHOLDS_M, exceed_column
from rencheng.city import City

__all__ = ["MOST_PLACES", "WATCHED_KINDS", "place_names", "wet_places"]

MOST_PLACES = 40
"""No fact names more places than this; the table of objects has all."""
WATCHED_KINDS = (
    "hospital",
    "substation",
    "metro_entrance",
    "shelter",
    "care_home",
    "school",
    "kindergarten",
    "clinic",
    "fire_station",
    "ambulance_station",
    "pumping_station",
    "waterworks",
)
"""Facilities whose flooding hurts others than those inside."""
_LIKELY = 0.5


def place_names(city: City) -> dict[str, str]:
    """What the city calls its road links and facilities, by id."""
    names: dict[str, str] = {}
    for table, key in (("road_links", "link_id"), ("facilities", "facility_id")):
        if city.has(table) and "name" in city.table(table).column_names:
            pairs = zip(city.table(table)[key].to_pylist(), city.table(table)["name"].to_pylist(), strict=True)
            names |= {str(one): name for one, name in pairs if name}
    return names


def wet_places(objects: pa.Table, names: Mapping[str, str]) -> tuple[FloodPlace, ...]:
    """Underpasses and watched facilities where water is more likely than not, soonest first.

    Both directions of an underpass are one place: of links of one name (or at one point) the first is kept.
    """
    found: dict[tuple[str, str], FloodPlace] = {}
    for row in objects.to_pylist():
        under = row["kind"] == "road_link" and row["detail"] == "underpass"
        if not under and not (row["kind"] == "facility" and row["detail"] in WATCHED_KINDS):
            continue
        if row[exceed_column(THRESHOLDS_M[1] if under else THRESHOLDS_M[0])] < _LIKELY:
            continue
        name = names.get(row["object_id"], "")
        key = ("underpass", f"{row['lon']:.4f},{row['lat']:.4f}") if under else (row["detail"], row["object_id"])
        known = found.get(key)
        found[key] = FloodPlace(
            kind=key[0],
            object_id=known.object_id if known else row["object_id"],
            name=known.name if known else name,
            lon=row["lon"],
            lat=row["lat"],
            lead_min=min(row["lead_min"], known.lead_min) if known else row["lead_min"],
            depth_m=round(max(row["depth_m"], known.depth_m if known else 0.0), 2),
        )
    soonest = sorted(found.values(), key=lambda p: (p.lead_min, -p.depth_m, p.kind, p.object_id))
    return tuple(soonest[:MOST_PLACES])
