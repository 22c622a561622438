"""Inlets, pumps and standing waters as sinks of the flood engine: each cell gives what it holds, up to a rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import WATER_SINK_MM_H, FloodDomain

__all__ = ["DrainSinks", "drain_sinks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainSinks:
    """Cells that take water, as the engine's ``Infiltration``.

    Parameters
    ----------
    places : int64 array, shape (n,)
        Flat indices of the cells.
    rate_m_s : float64 array, shape (n,)
        What each takes at most.
    interval_s : float
        Simulated seconds between two calls; 0 for every step.
    """

    places: NDArray[np.int64]
    rate_m_s: NDArray[np.float64]
    interval_s: float = 0.0

    def absorb(self, depth_m: NDArray[np.float64], time_s: float, step_s: float) -> float:  # noqa: ARG002 — the engine's protocol gives the time
        """Lower the depth (ny, nx) in place by what the cells take in a step; give the sum of depths taken, m."""
        flat = depth_m.reshape(-1)
        held = flat[self.places]
        taken = np.minimum(held, self.rate_m_s * step_s)
        flat[self.places] = held - taken
        return float(taken.sum())


def drain_sinks(domain: FloodDomain, *, ratio: float = 1.0) -> DrainSinks:
    """Sinks of a domain: its drains at a share of their capacity, its waters without limit.

    Parameters
    ----------
    ratio : float
        Share of their capacity that inlets really take: leaves, silt and parked cars shut some.
    """
    rate = np.where(domain.water & domain.active, WATER_SINK_MM_H, ratio * domain.drain_mm_h.astype(np.float64))
    places = np.flatnonzero(rate.ravel() > 0.0)
    return DrainSinks(places=places, rate_m_s=rate.ravel()[places] / 3.6e6)
