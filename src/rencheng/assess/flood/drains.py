"""Inlets, pumps and standing waters as sinks of the flood engine: each cell gives what it holds, up to a rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.assess.flood.domain import WATER_SINK_MM_H, FloodDomain
from rencheng.assess.flood.underpasses import TankExchange

__all__ = ["INTERVAL_S", "DrainSinks", "drain_sinks", "tank_exchange"]

INTERVAL_S = 10.0
"""Time between two calls: a few steps of the engine."""


class DrainSinks:
    """Cells that take water, as the engine's ``Infiltration``.

    Parameters
    ----------
    shape : (ny, nx)
        Shape of the raster.
    places : int64 array, shape (n,)
        Flat indices of the cells.
    rate_m_s : float64 array, shape (n,)
        What each takes at most.
    interval_s : float
        Simulated seconds between two calls.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        places: NDArray[np.int64],
        rate_m_s: NDArray[np.float64],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.shape, self.places, self.rate_m_s, self.interval_s = shape, places, rate_m_s, interval_s
        self._taken_m = np.zeros(len(places))

    def absorb(self, depth_m: NDArray[np.float64], time_s: float, step_s: float) -> float:
        """Lower the depth (ny, nx) in place by what the cells take in a step; give the sum of depths taken, m."""
        del time_s
        flat = depth_m.reshape(-1)
        held = flat[self.places]
        left = np.maximum(held - self.rate_m_s * step_s, 0.0)
        flat[self.places] = left
        taken = held - left
        self._taken_m += taken
        return float(taken.sum())

    @property
    def taken_mm(self) -> NDArray[np.float32]:
        """Taken from each cell so far, mm over the cell, shape (ny, nx)."""
        out = np.zeros(self.shape[0] * self.shape[1], np.float32)
        out[self.places] = self._taken_m * 1000.0
        return out.reshape(self.shape)


def drain_sinks(domain: FloodDomain, *, ratio: float = 1.0, lost_m3_s: NDArray[np.float64] | None = None) -> DrainSinks:
    """Sinks of a domain: its drains at a share of their capacity, its waters without limit.

    Parameters
    ----------
    ratio : float
        Share of their capacity that inlets really take: leaves, silt and parked cars shut some.
    lost_m3_s : float64 array, shape (ny, nx), optional
        What they take less because a river stands over their outfalls, or a gate is shut.
    """
    drain = domain.drain_mm_h.astype(np.float64)
    if lost_m3_s is not None:
        drain = np.maximum(drain - lost_m3_s / domain.grid.cell_m**2 * 3.6e6, 0.0)
    rate = np.where(domain.water & domain.active, WATER_SINK_MM_H, ratio * drain)
    rate.reshape(-1)[domain.tanks.places] = 0.0  # what drains an underpass drains its tank
    places = np.flatnonzero(rate.ravel() > 0.0)
    return DrainSinks(rate.shape, places, rate.ravel()[places] / 3.6e6)


def tank_exchange(
    domain: FloodDomain,
    *,
    depth_m: NDArray[np.float64] | None = None,
    ratio: float = 1.0,
    start_m: NDArray[np.float64] | None = None,
) -> TankExchange:
    """Underpasses of a domain, their pumps (the drains of their cells) at a share of their capacity.

    Parameters
    ----------
    depth_m : float64 array, shape (tanks,), optional
        How deep they stand at the start.
    ratio : float
        Share of their capacity that the pumps lift.
    start_m : float64 array, shape (tanks,), optional
        Depths from which they lift.
    """
    rate = domain.drain_mm_h.reshape(-1)[domain.tanks.places].astype(np.float64)
    pump = ratio * rate * domain.grid.cell_m**2 / 3.6e6
    return TankExchange(domain.tanks, depth_m=depth_m, pump_m3_s=pump, start_m=start_m)
