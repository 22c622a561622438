"""The arrays that the strip kernels of the shallow-water scheme work on, in named bundles."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Clock", "FaceRows", "Ground", "Memory", "Numbers", "Scratch", "Sides", "Water"]

Grid = NDArray[Any]


class Water(NamedTuple):
    """The state: depth (float64) and velocities, shape (ny, nx); around strips (strips, rows, nx)."""

    depth: Grid
    u: Grid
    v: Grid


class Ground(NamedTuple):
    """What the water runs over and what falls on it; one row serves all rows where an array has only one."""

    bed: Grid
    """float64, shape (ny, nx), m."""
    crest_x: Grid
    """Wall crests on x faces, shape (ny or 1, nx + 1), m."""
    crest_y: Grid
    """Wall crests on y faces, shape (ny + 1 or 1, nx), m."""
    ramp_x: Grid
    """Part of the bed's rise across x faces that is slope, float32, shape (ny or 1, nx + 1), m."""
    ramp_y: Grid
    """The same across y faces, shape (ny + 1 or 1, nx)."""
    drag: Grid
    """``g n²``, float32, shape (ny or 1, nx)."""
    open_ground: Grid
    """uint8, shape (ny or 1, nx): 1 where rain counts."""
    rate: Grid
    """Rain rate on its own grid, m/s."""
    rate_rows: Grid
    """Row of the rain grid for each row."""
    rate_columns: Grid
    """Column of the rain grid for each column."""


class Memory(NamedTuple):
    """What a run remembers of segments and cells."""

    wet: Grid
    """uint8, shape (ny, segments): whether a segment holds water, before the step."""
    wet_next: Grid
    """The same after the step; written."""
    peak: Grid
    """Highest depth, float32, m."""
    arrival: Grid
    """First time at the arrival depth, float32, s."""
    spell: Grid
    """Time at or above it, float32, s."""


class Scratch(NamedTuple):
    """Room of one strip."""

    buffer: Grid
    """Rows of ``nx + 1`` in the type of the arithmetic."""
    rain: Grid
    """float64, shape (nx,)."""
    single: Grid
    """Rows of float32, shape (18, nx + 1): film, its inverse cube root, largest and summed wave speed; film and root
    for a prediction; what two rows can afford to west, east, south, north; scratch of faces."""
    bits: Grid
    """The same bytes as uint32."""
    runs: Grid
    """int64, shape (2, segments)."""


class Sides(NamedTuple):
    """Fluxes through the outer faces: mass, push, shear flux."""

    x: Grid
    """West and east, shape (2, 3, ny)."""
    y: Grid
    """South and north, shape (2, 3, nx)."""


class FaceRows(NamedTuple):
    """Fluxes through a line of faces, each of shape (n,)."""

    mass: Grid
    """Mass flux, m²/s."""
    push_a: Grid
    """Normal momentum flux as the west or south cell feels it, m³/s²."""
    push_b: Grid
    """The same for the east or north cell."""
    shear: Grid
    """Flux of tangential momentum, m³/s²."""
    lean: Grid
    """Scratch, float32, as are the next three; all lines of faces share it."""
    spread: Grid
    can_a: Grid
    can_b: Grid


class Numbers(NamedTuple):
    """Constants in the type of the arithmetic."""

    gravity: float
    half: float
    tiny: float
    """So small that it never matters, but 0/0 does not happen."""
    shallow: float
    """Water thinner than this has no velocity of its own, m."""
    cells_per_step: float
    """``cell_m / step_s``, with a margin for rounding."""
    per_cell: float
    """``step_s / cell_m``."""
    step: float
    """``step_s``."""
    zero: float
    sharp: float
    """1 where slopes may be the mean of both differences, 0 for minmod."""
    no_wall: float
    """A crest below this level is no wall."""


class Clock(NamedTuple):
    """Plain numbers of a step."""

    now_s: float
    step_s: float
    cell_m: float
    arrival_depth_m: float
