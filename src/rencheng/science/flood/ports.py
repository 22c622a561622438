"""What the engine asks of its parts: a scheme that advances the water, a soil that absorbs it, works that move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rencheng.science.flood.boundary import SideConditions
from rencheng.science.flood.rain import RainRate

__all__ = ["Exchange", "FloodRecords", "Infiltration", "Stepper", "Surface", "Transfers"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The water surface at an instant, to read and not to write.

    Parameters
    ----------
    bed_m, depth_m : float64 array, shape (ny, nx)
        Bed level and water depth, m; row 0 in the south.
    velocity_x_m_s, velocity_y_m_s : array, shape (ny, nx)
        Velocity to the east and to the north.
    cell_m : float
        Cell width, m.
    """

    bed_m: F64
    depth_m: F64
    velocity_x_m_s: NDArray[Any]
    velocity_y_m_s: NDArray[Any]
    cell_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """Water to be moved between cells, or between a cell and the world outside the surface.

    Parameters
    ----------
    from_cells, to_cells : int64 array, shape (n,)
        Flat cell index ``row * nx + column``; −1 is outside the surface (a sewer, a pump's outfall).
    volume_m3 : float64 array, shape (n,)
        Water wanted in this step, not negative.
    """

    from_cells: I64
    to_cells: I64
    volume_m3: F64


class Exchange(Protocol):
    """Something that moves water past the surface flow: a culvert, a pump, an inlet, a sewer network."""

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Water it would move in the step that has just ended; called after every step."""
        ...

    def moved(self, volume_m3: F64) -> None:
        """What was really moved of each transfer asked for: a cell never gives more than it holds."""
        ...


class Infiltration(Protocol):
    """A soil that takes water from the surface."""

    @property
    def interval_s(self) -> float:
        """Simulated seconds between two calls; 0 asks for a call after every step."""
        ...

    def absorb(self, depth_m: F64, time_s: float, step_s: float) -> float:
        """Lower ``depth_m`` (ny, nx) in place by what soaks in during ``step_s``; return the sum of depths taken, m."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodRecords:
    """What a run remembers of each cell (arrays of shape (ny, nx)).

    Parameters
    ----------
    peak_depth_m : float32 array
        Highest depth met.
    arrival_s : float32 array
        First time the depth was at least the arrival depth; infinite where it never was.
    spell_s : float32 array
        Time during which it was.
    """

    peak_depth_m: F32
    arrival_s: F32
    spell_s: F32


class Stepper(Protocol):
    """A scheme with its state: what the time loop drives, step by step.

    The loop owns time, events, sources and the account of volumes; the stepper owns depth and velocity and where they
    lie (host or device).
    """

    def stable_step_s(self, conditions: SideConditions) -> float:
        """Longest stable step from the present state (infinite for dry ground)."""
        ...

    def advance(self, now_s: float, step_s: float, rain: RainRate, conditions: SideConditions) -> float:
        """Advance from ``now_s`` by ``step_s``, rain included; return the net volume that came in over the edge, m³."""
        ...

    def surface(self) -> Surface:
        """State in host memory (the arrays themselves where they lie there; read-only views)."""
        ...

    def add_depth(self, cells: I64, depth_m: F64) -> None:
        """Add water without momentum (negative: take it with its momentum) in distinct flat cells.

        The caller has made sure that no cell gives more than it holds.
        """
        ...

    def absorb(self, infiltration: Infiltration, now_s: float, step_s: float) -> float:
        """Let the soil drink; return the sum of depths taken, m."""
        ...

    def volume_m3(self) -> float:
        """Water on the surface, summed in a fixed order."""
        ...

    def trouble(self) -> str:
        """Why the state cannot be carried on (not finite, absurd speed), or an empty string."""
        ...

    def records(self) -> FloodRecords:
        """Peak, arrival and spell of every cell so far."""
        ...

    def close(self) -> None:
        """Let go of threads; called once, after the result was taken."""
        ...


Exchanges = Sequence[Exchange]
