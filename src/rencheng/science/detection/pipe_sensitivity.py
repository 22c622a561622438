"""How heads and flows of a pressurised network answer to a little more demand at each node: its linearised equations.

About a solved state every open link is a conductance ``dq/dh``; water that leaves at a node must come through them.
The same matrix stands in every step of the global gradient algorithm (Todini and Pilati 1988, in Coulbeck and Orr,
*Computer Applications in Water Supply*, vol. 1; Rossman et al. 2020, *EPANET 2.2 User Manual*, section 12.1), so the
answer is exact for small demands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NetworkState", "demand_sensitivity"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_FLOW_M3_H, NO_LOSS_M = 1e-5, 1e-4
MOST_M2_H = 1e7  # conductance of a link without loss
LEAST_M2_H = 1e-9  # of a node to the ground, so that one cut off by closed links has a head


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """One solved state of a network of N nodes and P links.

    Attributes
    ----------
    ends : ndarray, shape (P, 2)
        Node numbers.
    head_m : ndarray, shape (N,)
        Heads.
    flow_m3_h : ndarray, shape (P,)
        Flows, positive from the first end to the second.
    fixed : ndarray of bool, shape (N,)
        Nodes whose head does not answer: reservoirs.
    held : ndarray, shape (P,)
        Node whose head a link holds by throttling (an active pressure valve), -1 for all others.
    exponent : float
        Of flow in the headloss: 1.852 by Hazen-Williams, 2 by Darcy-Weisbach.
    """

    ends: Ints
    head_m: Floats
    flow_m3_h: Floats
    fixed: NDArray[np.bool_]
    held: Ints
    exponent: float


def demand_sensitivity(state: NetworkState, heads_at: Ints, flows_at: Ints) -> Floats:
    """Change of some heads (m) and flows (m³/h) per m³/h taken at each node, shape (heads + flows, N).

    Parameters
    ----------
    state : NetworkState
        Where the equations are linearised.
    heads_at, flows_at : ndarray of int
        Nodes and links whose answer is wanted.

    Returns
    -------
    ndarray, shape (len(heads_at) + len(flows_at), N)
        Zero for nodes of fixed head.

    Examples
    --------
    A reservoir, 100 m³/h through one pipe that loses 10 m: dh/dq = 2 · 10 / 100 = 0.2 m per m³/h.

    >>> pipe = NetworkState(
    ...     ends=np.array([[0, 1]]), head_m=np.array([50.0, 40.0]), flow_m3_h=np.array([100.0]),
    ...     fixed=np.array([True, False]), held=np.array([-1]), exponent=2.0)
    >>> demand_sensitivity(pipe, np.array([1]), np.array([0])).round(6).tolist()
    [[0.0, -0.2], [0.0, 1.0]]
    """
    from scipy.sparse.linalg import splu

    n = len(state.head_m)
    free = _conductance(state)
    valves = np.flatnonzero(state.held >= 0)
    wanted = np.zeros((n + len(valves), len(heads_at) + len(flows_at)))
    wanted[heads_at, np.arange(len(heads_at))] = 1.0
    for k, link in enumerate(flows_at.tolist(), start=len(heads_at)):
        wanted[state.ends[link, 0], k] += free[link]
        wanted[state.ends[link, 1], k] -= free[link]
        if state.held[link] >= 0:
            wanted[n + int(np.flatnonzero(valves == link)[0]), k] = 1.0
    answer: Floats = -splu(_equations(state, free, valves)).solve(wanted).T[:, :n]
    answer[:, state.fixed] = 0.0
    return answer


def _equations(state: NetworkState, free: Floats, valves: Ints) -> Any:
    """Balance of every node, then the held heads; transposed, since few sensors are asked about many nodes."""
    from scipy.sparse import coo_array

    n, (first, second) = len(state.head_m), state.ends.T
    flow_at, one = n + np.arange(len(valves)), np.ones(len(valves))
    row = np.concatenate([first, second, first, second, first[valves], second[valves], flow_at])
    column = np.concatenate([first, second, second, first, flow_at, flow_at, state.held[valves]])
    value = np.concatenate([free, free, -free, -free, one, -one, one])
    balanced = ~np.append(state.fixed, np.zeros(len(valves), bool))[row]
    fixed, every = np.flatnonzero(state.fixed), np.arange(n)
    row = np.concatenate([row[balanced], fixed, every])
    column = np.concatenate([column[balanced], fixed, every])
    value = np.concatenate([value[balanced], np.ones(len(fixed)), np.full(n, LEAST_M2_H)])
    return coo_array((value, (column, row)), shape=(n + len(valves), n + len(valves))).tocsc()


def _conductance(state: NetworkState) -> Floats:
    """Flow per metre of head (P,); 0 for closed links and for those that hold a head."""
    loss = np.abs(state.head_m[state.ends[:, 0]] - state.head_m[state.ends[:, 1]])
    flow = np.abs(state.flow_m3_h)
    free = flow / (state.exponent * np.maximum(loss, 1e-12))
    free = np.minimum(np.where(loss < NO_LOSS_M / 1e3, MOST_M2_H, free), MOST_M2_H)
    closed = (flow < NO_FLOW_M3_H) & (loss > NO_LOSS_M)
    out: Floats = np.where(closed | (state.held >= 0), 0.0, free)
    return out
