"""A terrain made fit to run water over: holes filled, no-data numbers recognised, pits told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

from rencheng.kernel.errors import InvalidInput

__all__ = ["BedRepair", "repair_bed"]

NO_DATA_BELOW_M = -9000.0
"""Nothing on land lies lower; −9999 and −32768 are what rasters write where they know nothing."""

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BedRepair:
    """A repaired bed and what was done to it.

    Parameters
    ----------
    bed_m : float64 array, shape (ny, nx)
        Bed without holes.
    filled : bool array, shape (ny, nx)
        Cells that were filled.
    pit_rows, pit_columns : int64 arrays, shape (n,)
        Cells lower than all their neighbours, the deepest first. They are told, not filled: a pit may be an underpass.
    pit_depth_m : float64 array, shape (n,)
        How far below its lowest neighbour each lies.
    """

    bed_m: F64
    filled: NDArray[np.bool_]
    pit_rows: NDArray[np.int64]
    pit_columns: NDArray[np.int64]
    pit_depth_m: F64


def repair_bed(bed_m: ArrayLike, *, pits_from_m: float = 1.0) -> BedRepair:
    """Fill holes of a terrain and list its pits.

    A hole gets the level of a membrane spanned over its rim (Laplace's equation, no slope across the edge of the
    raster): no new hollow and no new hill.

    Parameters
    ----------
    bed_m : array, shape (ny, nx)
        Bed level; not-a-number, infinite or below −9000 m where it is not known.
    pits_from_m : float
        Smallest depth of a pit to be listed.

    Raises
    ------
    InvalidInput
        If nothing of the bed is known.

    Examples
    --------
    >>> repair_bed([[1.0, 2.0, 3.0], [2.0, float("nan"), 4.0], [3.0, 4.0, 5.0]]).bed_m[1, 1].item()
    3.0
    """
    bed = np.array(bed_m, dtype=np.float64, order="C")
    if bed.ndim != 2:
        raise InvalidInput(f"bed has shape {bed.shape}", where="bed_m", mend="Give a raster (ny, nx)")
    holes = ~np.isfinite(bed) | (bed < NO_DATA_BELOW_M)
    if holes.all():
        raise InvalidInput("nothing of the bed is known", where="bed_m", mend="Give a terrain that covers the domain")
    if holes.any():
        bed[holes] = _membrane(bed, holes)
    rows, columns, depth = _pits(bed, pits_from_m)
    return BedRepair(bed_m=bed, filled=holes, pit_rows=rows, pit_columns=columns, pit_depth_m=depth)


def _membrane(bed: F64, holes: NDArray[np.bool_]) -> F64:
    """Levels of the holes: each the mean of its neighbours on the raster."""
    ny, nx = bed.shape
    place = np.full(bed.shape, -1, dtype=np.int64)
    count = int(holes.sum())
    place[holes] = np.arange(count)
    rows, columns = np.nonzero(holes)
    me = np.arange(count)
    weight, known = np.zeros(count), np.zeros(count)
    at, other = [], []
    for dy, dx in ((-1, 0), (0, -1), (0, 1), (1, 0)):
        j, i = rows + dy, columns + dx
        inside = (j >= 0) & (j < ny) & (i >= 0) & (i < nx)
        j, i = np.where(inside, j, rows), np.where(inside, i, columns)
        neighbour = place[j, i]
        weight += inside
        known += np.where(inside & (neighbour < 0), np.where(neighbour < 0, bed[j, i], 0.0), 0.0)
        joined = inside & (neighbour >= 0)
        at.append(me[joined])
        other.append(neighbour[joined])
    line, column = np.concatenate([me, *at]), np.concatenate([me, *other])
    entry = np.concatenate([weight, -np.ones(len(line) - count)])
    matrix = coo_array((entry, (line, column)), shape=(count, count)).tocsc()
    return np.asarray(spsolve(matrix, known), dtype=np.float64)


def _pits(bed: F64, least_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64], F64]:
    """Cells below all eight neighbours by at least ``least_m``."""
    ny, nx = bed.shape
    around = np.pad(bed, 1, constant_values=np.inf)
    lowest = np.full(bed.shape, np.inf)
    for dy in (0, 1, 2):
        for dx in (0, 1, 2):
            if (dy, dx) != (1, 1):
                lowest = np.minimum(lowest, around[dy : dy + ny, dx : dx + nx])
    depth = np.where(np.isfinite(lowest), lowest - bed, 0.0)
    rows, columns = np.nonzero(depth >= least_m)
    order = np.argsort(-depth[rows, columns], kind="stable")
    return rows[order], columns[order], depth[rows, columns][order]
