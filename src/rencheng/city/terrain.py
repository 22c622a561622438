"""Terrain: the ground as a regular raster in the city's metric reference system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Terrain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """Ground heights on square cells; row 0 is the southernmost.

    Parameters
    ----------
    ground_m : float32 array, shape (ny, nx)
        Ground height; NaN where unknown.
    west_m, south_m : float
        Outer corner of cell (0, 0) in the metric reference system.
    cell_m : float
        Edge of a cell.
    crs : str
        Metric reference system, e.g. ``"EPSG:32722"``.
    """

    ground_m: NDArray[np.float32]
    west_m: float
    south_m: float
    cell_m: float
    crs: str

    def rows_columns(self, x_m: Any, y_m: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of metric points; outside points give indices outside the array."""
        column = np.floor((np.asarray(x_m) - self.west_m) / self.cell_m).astype(np.int64)
        row = np.floor((np.asarray(y_m) - self.south_m) / self.cell_m).astype(np.int64)
        return row, column

    def sample(self, x_m: Any, y_m: Any) -> NDArray[np.float64]:
        """Height at metric points, NaN outside; shape as ``x_m``."""
        row, column = self.rows_columns(x_m, y_m)
        ny, nx = self.ground_m.shape
        inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
        out = np.full(np.shape(row), np.nan)
        out[inside] = self.ground_m[row[inside], column[inside]]
        return out

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Metric x of the columns (nx,) and y of the rows (ny,) at cell centres."""
        ny, nx = self.ground_m.shape
        return (
            self.west_m + (np.arange(nx, dtype=np.float64) + 0.5) * self.cell_m,
            self.south_m + (np.arange(ny, dtype=np.float64) + 0.5) * self.cell_m,
        )
