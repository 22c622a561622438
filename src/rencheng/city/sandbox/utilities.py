"""Water and power of the sandbox city, and what depends on them.

Water runs in loops along all public streets (GB 50013-2018 asks for looped mains); power in feeders that branch
from substations. Power needs nothing else, water needs power, sewers and hospitals need what they need: the
dependencies have no cycle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rencheng.city.sandbox.facilities import Facilities
from rencheng.city.sandbox.frame import Frame
from rencheng.city.sandbox.network import Network, forest_to
from rencheng.city.sandbox.roads import Roads

__all__ = ["lay_power", "lay_water", "tie_dependencies"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MAIN_M = np.array([0.8, 0.6, 0.4, 0.2, 0.1])
"""Water main diameter by road class."""
_WATER_M3_PERSON_DAY = 0.25
"""Design use of a medium city, all uses (GB 50013-2018 table 4.0.3, order of)."""
_KW_PER_PERSON = 1.0
"""Peak load per resident, all uses (GB/T 50293-2014, order of)."""
_BACKUP_H = {
    "hospital": 24.0,
    "waterworks": 8.0,
    "pumping_station": 0.0,
    "government": 12.0,
    "fire_station": 12.0,
    "police_station": 8.0,
    "shelter": 0.0,
    "care_home": 4.0,
    "depot": 4.0,
}


def lay_water(frame: Frame, roads: Roads, ground_m: Floats, facilities: Facilities, net: Network) -> Ints:
    """Lay junctions and looped mains along the public streets, fed by the waterworks and a tank on high ground.

    Returns
    -------
    int array
        Road nodes that have a junction.
    """
    nodes = roads.public_nodes
    for i in nodes.tolist():
        ground = round(float(ground_m[i]), 3)
        net.node(f"junction-{i + 1}", "water", "junction", float(roads.x_m[i]), float(roads.y_m[i]), ground_m=ground)
    for piece in np.flatnonzero(roads.public).tolist():
        size = float(_MAIN_M[roads.road_class[piece]])
        tail, head = f"junction-{roads.tail[piece] + 1}", f"junction-{roads.head[piece] + 1}"
        carries = round(1.2 * float(np.pi) / 4.0 * size**2, 4)
        net.link("water", "pipe", tail, head, float(roads.length_m[piece]), diameter_m=size, capacity=carries)
    tree = cKDTree(np.stack([roads.x_m[nodes], roads.y_m[nodes]], axis=1))
    works = facilities.of_kind("waterworks")
    each = frame.residents * _WATER_M3_PERSON_DAY / 86_400.0 / len(works)
    for k, i in enumerate(works, start=1):
        x, y, facility = facilities.x_m[i], facilities.y_m[i], facilities.ids[i]
        source = net.node(f"source-{k}", "water", "reservoir", x, y, facility_id=facility)
        pump = net.node(f"water-pump-{k}", "water", "pump", x, y, capacity=round(1.5 * each, 3), facility_id=facility)
        net.link("water", "pipe", source, pump, 20.0, diameter_m=1.0, capacity=round(2.0 * each, 3))
        away, near = tree.query([x, y])
        net.link("water", "pipe", pump, f"junction-{nodes[near] + 1}", float(away) + 1.0, diameter_m=0.8)
    for k, i in enumerate(nodes[np.argsort(-ground_m[nodes], kind="stable")[: len(works)]].tolist(), start=1):
        volume = round(frame.residents * _WATER_M3_PERSON_DAY * 0.15 / len(works), 0)
        x, y = float(roads.x_m[i]) + 25.0, float(roads.y_m[i]) + 25.0
        tank = net.node(f"tank-{k}", "water", "tank", x, y, ground_m=round(float(ground_m[i]), 3), capacity=volume)
        net.link("water", "pipe", tank, f"junction-{i + 1}", 36.0, diameter_m=0.6)
    return nodes


def lay_power(
    frame: Frame, roads: Roads, ground_m: Floats, load_persons: Floats, facilities: Facilities, net: Network
) -> Ints:
    """Lay substations, feeders along the public streets and a transformer at every street corner with load.

    Parameters
    ----------
    load_persons : float array, shape (nodes,)
        Residents served from each road node.

    Returns
    -------
    int array
        Road nodes that have a transformer.
    """
    nodes = roads.public_nodes
    tree = cKDTree(np.stack([roads.x_m[nodes], roads.y_m[nodes]], axis=1))
    stations = facilities.of_kind("substation")
    grid = net.node("grid-supply", "power", "substation", *_supply_point(frame))
    roots = []
    for k, i in enumerate(stations, start=1):
        x, y = facilities.x_m[i], facilities.y_m[i]
        size = round(1.6 * frame.residents * _KW_PER_PERSON / len(stations), 0)
        station = net.node(f"substation-{k}", "power", "substation", x, y, capacity=size, facility_id=facilities.ids[i])
        away = float(np.hypot(x - net.nodes[grid]["x_m"], y - net.nodes[grid]["y_m"]))  # type: ignore[operator]
        net.link("power", "line", grid, station, away, capacity=size)
        roots.append(int(nodes[tree.query([x, y])[1]]))
    _, up, piece = forest_to(roads, np.unique(roots), 0.0, ground_m)
    for i in nodes.tolist():
        kind = "transformer" if load_persons[i] > 0 else "junction"
        size = round(1.6 * _KW_PER_PERSON * float(load_persons[i]) + 50.0, 0)
        net.node(f"feeder-{i + 1}", "power", kind, float(roads.x_m[i]), float(roads.y_m[i]), capacity=size)
    for k, i in enumerate(roots, start=1):
        net.link("power", "cable", f"substation-{k}", f"feeder-{i + 1}", 60.0)
    for i in nodes.tolist():
        if up[i] >= 0:
            net.link("power", "cable", f"feeder-{up[i] + 1}", f"feeder-{i + 1}", float(roads.length_m[piece[i]]))
    return nodes


def _supply_point(frame: Frame) -> tuple[float, float]:
    x, y = frame.to_map(np.array([-0.4 * frame.radius_m]), np.array([1.35 * frame.radius_m]))
    return float(x[0]), float(y[0])


def tie_dependencies(roads: Roads, powered: Ints, watered: Ints, facilities: Facilities, net: Network) -> None:
    """Say who needs power and water and how long they last without."""
    tree = cKDTree(np.stack([roads.x_m[powered], roads.y_m[powered]], axis=1))
    taps = cKDTree(np.stack([roads.x_m[watered], roads.y_m[watered]], axis=1))
    for kind, backup in _BACKUP_H.items():
        for i in facilities.of_kind(kind):
            x, y, facility = facilities.x_m[i], facilities.y_m[i], facilities.ids[i]
            away, near = tree.query([x, y])
            feeder = f"feeder-{powered[near] + 1}"
            load = net.node(f"load-{facility}", "power", "load", x, y, facility_id=facility)
            net.link("power", "cable", feeder, load, float(away) + 1.0)
            net.depends(facility, load, "power", backup)
            if kind in ("hospital", "care_home", "shelter"):
                tap = watered[taps.query([x, y])[1]] + 1
                net.depends(facility, f"junction-{tap}", "water", 12.0 if kind == "hospital" else 2.0)
    for node_id, row in list(net.nodes.items()):
        station = row.get("facility_id")
        if row["kind"] == "pump" and station is not None:
            net.depends(node_id, f"load-{station}", "power", _BACKUP_H[_kind_of(facilities, str(station))])


def _kind_of(facilities: Facilities, facility: str) -> str:
    return facilities.kind[facilities.ids.index(facility)]
