"""Fixed pumping stations of underpasses: which tank each empties, and from what depth it starts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.underpasses import Tanks
from rencheng.city import City

__all__ = ["Stations", "stations_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stations:
    """Per tank of a domain: the station that empties it.

    ``control_id`` is empty where the package knows of none; ``lon``, ``lat`` are where it stands; ``start_m`` is the
    depth in the underpass from which it lifts, 0 where nobody says.
    """

    control_id: tuple[str, ...] = ()
    lon: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    lat: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    start_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def stations_of(city: City, tanks: Tanks) -> Stations:
    """Find the stations of ``drainage_controls`` that stand at a tank."""
    control_id = [""] * len(tanks)
    lon, lat, start = np.zeros(len(tanks)), np.zeros(len(tanks)), np.zeros(len(tanks))
    if city.has("drainage_controls") and city.has("network_nodes"):
        nodes = {n["node_id"]: n for n in city.rows("network_nodes")}
        for control in city.rows("drainage_controls"):
            node = nodes.get(control["node_id"])
            if control["kind"] != "pump_station" or node is None:
                continue
            x, y = city.to_metric.transform(float(node["lon"]), float(node["lat"]))
            tank = int(tanks.nearest(np.array([x]), np.array([y]))[0])
            if tank >= 0 and not control_id[tank]:
                control_id[tank] = str(control["control_id"])
                lon[tank], lat[tank] = float(node["lon"]), float(node["lat"])
                start[tank] = min(float(control.get("start_m") or 0.0), float(tanks.depth_m[tank, -1]))
    return Stations(control_id=tuple(control_id), lon=lon, lat=lat, start_m=start)
