"""How far a held water level gets over land in a given time: the engine from a river's shore.

A level laid over connected low ground is what stands there after days. In hours the water has not filled it: what
passes a shore and its sills is limited. This runs the local-inertial equations with the river held at its level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.kernel import InvalidInput
from rencheng.science.flood.ports import Surface, Transfers
from rencheng.science.flood.result import FloodResult
from rencheng.science.flood.simulate import simulate

__all__ = ["HeldLevel", "spread_from_water"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SHORE_CELLS = 3
"""Width of the strip of river that is computed; the rest of it only stands there."""
RIVER_DEPTH_M = 3.0
"""Depth of that strip: deep enough to feed the shore, shallow enough not to slow the steps down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLevel:
    """A river that stays at its level, whatever it gives: an exchange with the world outside.

    Parameters
    ----------
    cells : int64 array, shape (n,)
        Flat indices of the cells held.
    level_m : float64 array, shape (n,)
        Water level to hold.
    """

    cells: NDArray[np.int64]
    level_m: Floats

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:  # noqa: ARG002  the engine's call
        """Water to fill up or take off, cell by cell."""
        stage = (surface.bed_m + surface.depth_m).ravel()[self.cells]
        short = (self.level_m - stage) * surface.cell_m**2
        outside = np.full(len(self.cells), -1, np.int64)
        return Transfers(
            from_cells=np.where(short < 0.0, self.cells, outside),
            to_cells=np.where(short < 0.0, outside, self.cells),
            volume_m3=np.abs(short),
        )

    def moved(self, volume_m3: Floats) -> None:
        """Nothing to keep account of: the river is endless."""


def spread_from_water(
    ground_m: NDArray[np.floating],
    level_m: Floats,
    source: Mask,
    *,
    cell_m: float,
    duration_s: float,
    reach: Mask,
    manning: float = 0.06,
    progress: Callable[[float, int], None] | None = None,
) -> FloodResult:
    """Run water from a river held at a level over the land it can reach.

    Parameters
    ----------
    ground_m : float array, shape (ny, nx)
        Ground height; NaN where unknown.
    level_m : float64 array, shape (ny, nx)
        Level that the river is held at, read on its cells.
    source : bool array, shape (ny, nx)
        The river.
    cell_m : float
        Edge of a cell.
    duration_s : float
        Time the water has.
    reach : bool array, shape (ny, nx)
        Land below the level that is connected to the river: the rest cannot be reached and is not computed.
    manning : float
        Roughness of a town, s/m^(1/3) (0.06 over 30 m cells, between streets and blocks; Chow 1959 gives 0.05 to 0.1
        for floodplains with obstacles).

    Returns
    -------
    FloodResult
        Of the whole raster; the river's strip stands 3 m deep in it.

    Raises
    ------
    InvalidInput
        If there is no river or no time.
    """
    if not source.any() or not duration_s > 0.0:
        raise InvalidInput("spreading needs a river and a time above 0", mend="Give source cells and duration_s")
    beside = ndimage.binary_dilation(reach, structure=np.ones((3, 3), np.bool_), iterations=SHORE_CELLS)
    strip = source & beside
    active = (beside | reach) & (np.isfinite(ground_m) | source) & (strip | ~source)
    bed = np.where(active, np.nan_to_num(np.asarray(ground_m, np.float64)), 0.0)
    bed = np.where(strip, level_m - RIVER_DEPTH_M, bed)
    held = np.flatnonzero(strip)
    return simulate(
        bed,
        cell_m,
        duration_s,
        depth_m=np.where(strip, RIVER_DEPTH_M, 0.0),
        manning=manning,
        exchanges=(HeldLevel(cells=held, level_m=level_m.ravel()[held]),),
        active=active,
        scheme="local_inertial",
        progress=progress,
    )
