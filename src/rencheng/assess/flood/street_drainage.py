"""What storm sewers and pumps take from each cell of a flood raster, by the package's network or by design rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.city import City
from rencheng.science.design_storm import SHANGHAI_2017, IntensityFormula
from rencheng.science.flood.inlets import ServedPlace, design_capacity_mm_h, design_return_period_a

__all__ = ["InletCapacity", "designed_capacity", "designed_pump_m3_s", "inlet_capacity"]

F64 = NDArray[np.float64]

_RUNOFF_RATIO = 0.65
"""Of dense built-up land (GB 50014-2021, table 4.1.8: 0.60 … 0.70)."""
_CONCENTRATION_MIN = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InletCapacity:
    """What each inlet can take when the whole sewer runs full, arrays of shape (n,).

    ``x_m``, ``y_m`` are metric; ``capacity_m3_s`` is the least share, on the inlet's way to the outfall, of any pipe or
    pump among the inlets upstream of it.
    """

    x_m: F64
    y_m: F64
    capacity_m3_s: F64
    pipe_m3_s: F64
    """What each inlet's own pipe carries."""
    outfall: tuple[str, ...]
    """Outfall at the end of each inlet's way; empty where a pump lifts on it or it ends nowhere."""


def inlet_capacity(city: City) -> InletCapacity | None:
    """Share the capacity of a package's storm sewers among their inlets; None if the package has none."""
    if not city.has("network_nodes") or not city.has("network_links"):
        return None
    nodes, links = city.table("network_nodes").to_pylist(), city.table("network_links").to_pylist()
    nodes = [n for n in nodes if n["network"] == "drainage"]
    place = {n["node_id"]: i for i, n in enumerate(nodes)}
    kind = np.array([n["kind"] for n in nodes], dtype=object)
    inlets = np.flatnonzero(kind == "inlet")
    if not len(inlets):
        return None
    down, most = np.full(len(nodes), -1, np.int64), np.full(len(nodes), np.inf)
    for link in links:
        if link["network"] != "drainage" or link["from_node"] not in place or link["to_node"] not in place:
            continue
        i = place[link["from_node"]]
        carries = link.get("capacity")
        carries = np.inf if carries is None else float(carries)
        if down[i] < 0 or carries > most[i]:
            down[i], most[i] = place[link["to_node"]], carries
    for i, node in enumerate(nodes):
        if node["kind"] == "pump" and node.get("capacity") is not None:
            most[i] = min(most[i], float(node["capacity"]))
    x, y = city.to_metric.transform([nodes[i]["lon"] for i in inlets], [nodes[i]["lat"] for i in inlets])
    ways = _ways(down, inlets)
    share = _shares(ways, most)
    usable = np.isfinite(share)
    ends = tuple(_end(nodes, ways[i]) for i in np.flatnonzero(usable).tolist())
    return InletCapacity(
        x_m=np.asarray(x)[usable],
        y_m=np.asarray(y)[usable],
        capacity_m3_s=share[usable],
        pipe_m3_s=most[inlets][usable],
        outfall=ends,
    )


def _end(nodes: list[dict[str, Any]], way: list[int]) -> str:
    lifted = any(nodes[i]["kind"] == "pump" for i in way)
    return str(nodes[way[-1]]["node_id"]) if nodes[way[-1]]["kind"] == "outfall" and not lifted else ""


def _ways(down: NDArray[np.int64], inlets: NDArray[np.int64]) -> list[list[int]]:
    """Nodes from each inlet to the end; a way in a circle ends where it closes."""
    ways: list[list[int]] = []
    for start in inlets.tolist():
        way, seen, node = [], {start}, start
        while node >= 0:
            way.append(node)
            node = int(down[node])
            if node in seen:
                break
            seen.add(node)
        ways.append(way)
    return ways


def _shares(ways: list[list[int]], most_m3_s: F64) -> F64:
    """Least capacity per inlet upstream along each way."""
    upstream = np.zeros(len(most_m3_s))
    for way in ways:
        upstream[way] += 1.0
    per_inlet = most_m3_s / np.maximum(upstream, 1.0)
    return np.array([per_inlet[way].min() for way in ways])


def designed_capacity(
    city: City, served: NDArray[np.float32], *, formula: IntensityFormula = SHANGHAI_2017
) -> NDArray[np.float32]:
    """Capacity by the code where the package has no sewers: what their designer had to reckon with.

    Parameters
    ----------
    served : float32 array, shape (ny, nx)
        Share of each cell under buildings and roads, which sewers serve.
    formula : IntensityFormula
        Storm formula.

    Returns
    -------
    float32 array, shape (ny, nx)
        mm/h (GB 50014-2021, tables 4.1.3 and 4.1.8, lower end of the ranges).
    """
    return (_design_mm_h(city, ServedPlace.CENTRE, formula) * np.minimum(served, 1.0)).astype(np.float32)


def designed_pump_m3_s(city: City, *, formula: IntensityFormula = SHANGHAI_2017) -> float:
    """What the pumps of an underpass lift by the code: the design rain of underpasses on a hectare of streets."""
    return _design_mm_h(city, ServedPlace.UNDERGROUND, formula) / 3.6e6 * 1e4


def _design_mm_h(city: City, place: ServedPlace, formula: IntensityFormula) -> float:
    residents = float(np.nansum(np.asarray(city.column("cells", "residents"), np.float64)))
    years = design_return_period_a(residents, place)[0]
    rate = design_capacity_mm_h(
        formula, return_period_a=years, concentration_min=_CONCENTRATION_MIN, runoff_ratio=_RUNOFF_RATIO
    )
    return float(rate)
