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
    return _along_x(bed_m), np.ascontiguousarray(_along_x(np.ascontiguousarray(bed_m.T)).T)


def _along_x(bed_m: F64) -> F32:
    ny, nx = bed_m.shape
    out = np.zeros((ny, nx + 1), dtype=np.float32)
    if nx < 2:
        return out
    rise = np.diff(bed_m, axis=1)
    slope = np.empty_like(bed_m)
    low, high = rise[:, :-1], rise[:, 1:]
    slope[:, 1:-1] = np.where(low * high > 0, np.sign(low) * np.minimum(np.abs(low), np.abs(high)), 0.0)
    slope[:, 0], slope[:, -1] = rise[:, 0], rise[:, -1]
    mean = 0.5 * (slope[:, :-1] + slope[:, 1:])
    out[:, 1:-1] = np.sign(rise) * np.minimum(np.abs(mean), np.abs(rise)) * (mean * rise > 0)
    return out
