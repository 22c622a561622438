"""Which part of the bed's rise from cell to cell is slope, and which is step.

A first-order scheme sees the bed as stairs. A film thinner than a stair then falls from step to step and runs off too
fast. Where the ground is smooth the rise is a ramp, and the film runs down it as on the real slope; at a kerb, a wall
or the edge of a roof it is a step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ramps"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


def ramps(bed_m: F64) -> tuple[F32, F32]:
    """Ramp part of the bed's rise across each face, m: the mean of the limited bed slopes of both cells.

    The slope of a cell is the smaller of the rises to its two neighbours, zero if they differ in sign (minmod), as in
    the surface reconstruction of Xia, Liang, Ming & Hou (2017, Water Resour. Res. 53:3730).

    Parameters
    ----------
    bed_m : array, shape (ny, nx)
        Bed level, m.

    Returns
    -------
    across_x, across_y : float32 arrays, shape (ny, nx + 1) and (ny + 1, nx)
        Positive where the bed rises to the east or north; zero at the outer faces.

    Examples
    --------
    A plane that rises 1 m per cell is all ramp inside; a kerb on flat ground is no ramp at all.

    >>> ramps(np.array([[0.0, 1.0, 2.0, 3.0]]))[0].tolist()
    [[0.0, 1.0, 1.0, 1.0, 0.0]]
    >>> ramps(np.array([[0.0, 0.0, 1.0, 1.0]]))[0].tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    ny, nx = bed_m.shape
    across_x = np.zeros((ny, nx + 1), dtype=np.float32)
    across_y = np.zeros((ny + 1, nx), dtype=np.float32)
    for j in range(ny):  # by rows: no copies of the whole raster
        row = bed_m[j]
        if nx > 1:
            line = np.concatenate(([2 * row[0] - row[1]], row, [2 * row[-1] - row[-2]]))
            across_x[j, 1:-1] = _ramp(line[:-3], line[1:-2], line[2:-1], line[3:])
        if j + 1 < ny:
            above = bed_m[j + 1]
            before = bed_m[j - 1] if j > 0 else 2 * row - above
            beyond = bed_m[j + 2] if j + 2 < ny else 2 * above - row
            across_y[j + 1] = _ramp(before, row, above, beyond)
    return across_x, across_y


def _ramp(before: F64, low: F64, high: F64, beyond: F64) -> F64:
    """Ramp between the middle two of four cells in line; beyond the raster the slope goes on."""
    rise = high - low
    near, far = _minmod(low - before, rise), _minmod(rise, beyond - high)
    return np.where(rise > 0, np.minimum(0.5 * (near + far), rise), np.maximum(0.5 * (near + far), rise))


def _minmod(one: F64, other: F64) -> F64:
    return np.maximum(np.minimum(one, other), 0.0) + np.minimum(np.maximum(one, other), 0.0)
