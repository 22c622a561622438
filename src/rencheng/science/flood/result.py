"""What a flood simulation gives back: the water at the end, its extremes in each cell, and the account of volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloodResult", "Snapshot", "Volumes"]

Grid = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """The account of water, m³: ``stored = initial + rain + inflow + edge + exchanged − infiltrated``, to rounding.

    Parameters
    ----------
    initial, stored : float
        On the surface at the start and at the end.
    rain, inflow : float
        Fallen as rain; poured in by inflows (less what they drew off).
    edge : float
        Net over the edge of the raster, positive inwards.
    infiltrated : float
        Soaked into the ground.
    exchanged : float
        Net from exchanges with the world outside the surface, positive onto the surface.
    """

    initial: float
    rain: float
    inflow: float
    edge: float
    infiltrated: float
    exchanged: float
    stored: float

    @property
    def error_m3(self) -> float:
        """Water that is there and cannot be accounted for."""
        return self.stored - (self.initial + self.rain + self.inflow + self.edge + self.exchanged - self.infiltrated)

    @property
    def error_ratio(self) -> float:
        """``error_m3`` beside all water that was ever handled."""
        handled = self.initial + self.rain + abs(self.inflow) + abs(self.edge) + abs(self.exchanged) + self.infiltrated
        return self.error_m3 / handled if handled > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The water at one instant, float32 arrays of shape (ny, nx)."""

    time_s: float
    depth_m: Grid
    velocity_x_m_s: Grid
    velocity_y_m_s: Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodResult:
    """Outcome of :func:`rencheng.science.flood.simulate`; arrays have shape (ny, nx), row 0 in the south.

    Parameters
    ----------
    depth_m : float64 array
        Water depth at the end.
    velocity_x_m_s, velocity_y_m_s : array
        Velocity to the east and to the north at the end.
    peak_depth_m : float32 array
        Highest depth of the run.
    arrival_s : float32 array
        First time the depth was at least the arrival depth; NaN where it never was.
    duration_s : float32 array
        Time during which it was.
    steps : int
        Time steps taken.
    end_s : float
        Simulated time reached.
    volumes : Volumes
        Account of water.
    volume_error_ratio : float
        Water that cannot be accounted for beside all water handled.
    snapshots : tuple of Snapshot
        States saved on the way, the start included.
    stopped : str
        Why the run ended before its time; empty if it did not.
    """

    depth_m: Grid
    velocity_x_m_s: Grid
    velocity_y_m_s: Grid
    peak_depth_m: Grid
    arrival_s: Grid
    duration_s: Grid
    steps: int
    end_s: float
    volumes: Volumes
    volume_error_ratio: float
    snapshots: tuple[Snapshot, ...] = ()
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return not self.stopped

    @property
    def snapshot_times_s(self) -> NDArray[np.float64]:
        """Times of the saved states."""
        return np.array([one.time_s for one in self.snapshots])

    def saved_depth_m(self) -> Grid:
        """Depths of the saved states as one array, shape (k, ny, nx)."""
        shape = (0, *self.depth_m.shape)
        return np.stack([one.depth_m for one in self.snapshots]) if self.snapshots else np.zeros(shape, np.float32)
