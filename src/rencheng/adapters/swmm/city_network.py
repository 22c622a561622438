"""A city's own storm sewers as a SWMM input file."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rencheng.city import City
from rencheng.kernel import InvalidInput, MissingData

__all__ = ["swmm_text_from_city"]

_MANNING = 0.013
"""Concrete pipes (GB 50014-2021, table 5.2.3)."""
_WET_WELL_M2 = 50.0
"""Sump of a pumping station that the package gives no size for."""
_ADDED_DEPTH_M = 0.05
"""Least depth of a node over the crown of its highest pipe."""

_OPTIONS = {
    "FLOW_UNITS": "CMS",
    "FLOW_ROUTING": "DYNWAVE",
    "LINK_OFFSETS": "DEPTH",
    "ALLOW_PONDING": "YES",
    "IGNORE_RAINFALL": "YES",
    "START_DATE": "01/01/2000",
    "START_TIME": "00:00:00",
    "REPORT_START_DATE": "01/01/2000",
    "REPORT_START_TIME": "00:00:00",
    "END_DATE": "01/02/2000",
    "END_TIME": "00:00:00",
    "REPORT_STEP": "00:05:00",
    "ROUTING_STEP": "0:00:02",
    "VARIABLE_STEP": "0.75",
    "MINIMUM_STEP": "0.5",
    "LENGTHENING_STEP": "2",
    "INERTIAL_DAMPING": "PARTIAL",
    "NORMAL_FLOW_LIMITED": "BOTH",
    "MIN_SURFAREA": "1.167",
    "MAX_TRIALS": "20",
    "HEAD_TOLERANCE": "0.0005",
    "THREADS": "1",
}


def swmm_text_from_city(city: City, *, outfall_level_m: float | None = None) -> str:
    """Write a city's drainage network as a SWMM 5 input file.

    Manholes and inlets become junctions as deep as from the ground to their invert, outfalls free ones (or at a fixed
    level), pumps a wet well with a pump that empties it at the capacity of the package.

    Parameters
    ----------
    city : City
        Needs ``network_nodes`` and ``network_links`` with a drainage network.
    outfall_level_m : float, optional
        Level of the water that the outfalls give into; free outfall by default.

    Returns
    -------
    str
        The file; coordinates are lon/lat.

    Raises
    ------
    MissingData
        If the city has no storm sewers.
    InvalidInput
        If a node or pipe lacks what SWMM needs; names it.
    """
    nodes = [n for n in city.rows("network_nodes") if n["network"] == "drainage"]
    links = [link for link in city.rows("network_links") if link["network"] == "drainage"]
    if not nodes or not links:
        raise MissingData(
            f"city {city.manifest.id!r} has no storm sewers",
            mend='Add a drainage network to network_nodes and network_links, or drain by design: drainage = "inlets"',
        )
    kinds = {n["node_id"]: n["kind"] for n in nodes}
    for link in links:
        for end in ("from_node", "to_node"):
            if link[end] not in kinds:
                raise InvalidInput(
                    f"its {end} {link[end]!r} is no drainage node",
                    where=f"network_links, link_id {link['link_id']}",
                    mend="Check the package with: rencheng city check",
                )
    pumped = [link for link in links if kinds[link["from_node"]] == "pump"]
    pipes = [link for link in links if kinds[link["from_node"]] != "pump"]
    return "\n".join(
        [*_head(city), *_nodes(nodes, links, outfall_level_m), *_links(nodes, pipes, pumped), *_map(nodes)]
    )


def _section(name: str, rows: Iterable[str]) -> list[str]:
    listed = list(rows)
    return [f"[{name}]", *listed, ""] if listed else []


def _head(city: City) -> list[str]:
    return [
        *_section("TITLE", [f"Storm sewers of {city.manifest.id}"]),
        *_section("OPTIONS", [f"{name:<20} {value}" for name, value in _OPTIONS.items()]),
    ]


def _number(row: dict[str, Any], name: str, table: str, key: str, *, above: float = -math.inf) -> float:
    value = row.get(name)
    if value is None or not math.isfinite(value) or value <= above:
        raise InvalidInput(
            f"{name} is {value}", where=f"{table}, {key} {row[key]}", mend=f"Give {name} in the package: SWMM needs it"
        )
    return float(value)


def _nodes(nodes: list[dict[str, Any]], links: list[dict[str, Any]], outfall_level_m: float | None) -> list[str]:
    crown: dict[str, float] = {}
    for link in links:
        size = float(link.get("diameter_m") or 0.0)
        for end in ("from_node", "to_node"):
            crown[link[end]] = max(crown.get(link[end], 0.0), size)
    junctions, outfalls, wells = [], [], []
    for node in nodes:
        name, invert = node["node_id"], _number(node, "invert_m", "network_nodes", "node_id")
        if node["kind"] == "outfall":
            end = "FREE" if outfall_level_m is None else f"FIXED {outfall_level_m:.3f}"
            outfalls.append(f"{name} {invert:.3f} {end} NO")
            continue
        ground = _number(node, "ground_m", "network_nodes", "node_id")
        depth = max(ground - invert, crown.get(name, 0.0) + _ADDED_DEPTH_M)
        if node["kind"] == "pump":
            wells.append(f"{name} {invert:.3f} {depth:.3f} 0 FUNCTIONAL 0 0 {_WET_WELL_M2:g} 0 0")
        else:
            junctions.append(f"{name} {invert:.3f} {depth:.3f} 0 0 0")
    return [*_section("JUNCTIONS", junctions), *_section("OUTFALLS", outfalls), *_section("STORAGE", wells)]


def _links(nodes: list[dict[str, Any]], pipes: list[dict[str, Any]], pumped: list[dict[str, Any]]) -> list[str]:
    capacity = {n["node_id"]: n for n in nodes}
    conduits, shapes, pumps, curves = [], [], [], []
    for pipe in pipes:
        name, key = pipe["link_id"], "link_id"
        length = max(_number(pipe, "length_m", "network_links", key, above=0.0), 1.0)
        size = _number(pipe, "diameter_m", "network_links", key, above=0.0)
        conduits.append(f"{name} {pipe['from_node']} {pipe['to_node']} {length:.2f} {_MANNING} 0 0 0 0")
        shapes.append(f"{name} CIRCULAR {size:g} 0 0 0 1")
    for link in pumped:
        name, well = link["link_id"], capacity[link["from_node"]]
        lifts = _number(well, "capacity", "network_nodes", "node_id", above=0.0)
        pumps.append(f"{name} {link['from_node']} {link['to_node']} curve-{name} ON 0.5 0.1")
        curves += [f"curve-{name} PUMP4 0 0", f"curve-{name} 0.5 {lifts:g}", f"curve-{name} 100 {lifts:g}"]
    return [
        *_section("CONDUITS", conduits),
        *_section("PUMPS", pumps),
        *_section("XSECTIONS", shapes),
        *_section("CURVES", curves),
    ]


def _map(nodes: list[dict[str, Any]]) -> list[str]:
    return [
        *_section("REPORT", ["INPUT NO", "CONTROLS NO"]),
        *_section("COORDINATES", [f"{n['node_id']} {n['lon']:.8f} {n['lat']:.8f}" for n in nodes]),
        "",
    ]
