"""The links of the cut network as its linearised equations need them: ends, valves that hold a head, solved states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rencheng.adapters.epanet.project import EpanetProject
from rencheng.science.detection.pipe_sensitivity import NetworkState

__all__ = ["CutLinks", "links_of_network"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HELD_WITHIN_M = 0.02
EXPONENT = {"H-W": 1.852, "D-W": 2.0, "C-M": 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class CutLinks:
    """What does not change from state to state.

    Attributes
    ----------
    names : tuple of str
        Links, P of them.
    node_names : tuple of str
        Nodes, N of them; junctions stand first.
    ends : ndarray, shape (P, 2)
        Node numbers.
    fixed : ndarray of bool, shape (N,)
        Reservoirs.
    holds : ndarray, shape (P,)
        Node whose pressure the link can hold, -1 for none.
    held_head_m : ndarray, shape (P,)
        The head that it holds there.
    exponent : float
        Of flow in the headloss.
    """

    names: tuple[str, ...]
    node_names: tuple[str, ...]
    ends: Ints
    fixed: NDArray[np.bool_]
    holds: Ints
    held_head_m: Floats
    exponent: float

    def states(self, project: EpanetProject, n: int) -> list[NetworkState]:
        """Solve the ``n`` blocks that are loaded."""
        ran = project.run(n, 3600, nodes=project.nodes(self.node_names), links=project.links(self.names))
        return [self._state(head, flow) for head, flow in zip(ran.head_m, ran.flow_m3_h, strict=True)]

    def _state(self, head: Floats, flow: Floats) -> NetworkState:
        at = np.maximum(self.holds, 0)
        active = (self.holds >= 0) & (np.abs(head[at] - self.held_head_m) < HELD_WITHIN_M) & (flow > 0)
        return NetworkState(
            ends=self.ends,
            head_m=head,
            flow_m3_h=flow,
            fixed=self.fixed,
            held=np.where(active, self.holds, -1),
            exponent=self.exponent,
        )


def links_of_network(network: Any) -> CutLinks:
    """The links of a WNTR network without tanks."""
    nodes = [*network.junction_name_list, *network.reservoir_name_list]
    number = {name: row for row, name in enumerate(nodes)}
    links = [link for _, link in network.links()]
    ends = np.array([[number[link.start_node_name], number[link.end_node_name]] for link in links], np.int64)
    holds, head = np.full(len(links), -1, np.int64), np.zeros(len(links))
    for row, link in enumerate(links):
        kind = getattr(link, "valve_type", "")
        if kind in ("PRV", "PSV"):
            holds[row] = ends[row, 1 if kind == "PRV" else 0]
            head[row] = network.get_node(nodes[holds[row]]).elevation + link.initial_setting
    fixed = np.arange(len(nodes)) >= len(network.junction_name_list)
    return CutLinks(
        names=tuple(network.link_name_list),
        node_names=tuple(nodes),
        ends=ends,
        fixed=fixed,
        holds=holds,
        held_head_m=head,
        exponent=EXPONENT[network.options.hydraulic.headloss],
    )
