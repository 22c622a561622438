"""Where a leak may be: pipes, the junctions at their ends, and which pipes a crew would search together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Places"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The pipes of a network, P of them.

    Attributes
    ----------
    near : ndarray of bool, shape (P, P)
        Pipes that a crew sent to the one searches too.
    nearer : ndarray of bool, shape (P, P)
        Pipes well inside that reach.
    pipe_nodes : ndarray, shape (P, 2)
        Junctions at the ends, -1 where a source stands.
    pipe_weight : ndarray, shape (P,)
        How likely a leak is to be in each before anything is read: its length.
    """

    near: NDArray[np.bool_]
    nearer: NDArray[np.bool_]
    pipe_nodes: Ints
    pipe_weight: Floats

    def nodes_near(self, pipe: int) -> Ints:
        """Junctions at the ends of the pipes that are searched with one."""
        nodes = np.unique(self.pipe_nodes[self.near[pipe]])
        return nodes[nodes >= 0]

    def of_pipes(self, by_node: Floats) -> Floats:
        """A figure of the junctions as that of the pipes: the mean of both ends (P, 2)."""
        out: Floats = np.where(self.pipe_nodes >= 0, by_node[np.maximum(self.pipe_nodes, 0)], np.nan)
        return out
