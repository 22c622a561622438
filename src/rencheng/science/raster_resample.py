"""One raster onto another: means that keep the volume when cells grow, interpolation when they shrink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from rencheng.kernel.errors import InvalidInput

__all__ = ["resampled"]

F64 = NDArray[np.float64]


def resampled(
    raster: NDArray[np.floating],
    *,
    west_m: float,
    south_m: float,
    cell_m: float,
    to_west_m: float,
    to_south_m: float,
    to_cell_m: float,
    to_shape: tuple[int, int],
) -> F64:
    """Raster on other square cells of the same reference system, row 0 south in both.

    Onto cells as large or larger a value is the mean of what the cell covers, weighted by area, so that the sum of
    value times area is kept; onto smaller cells it is interpolated linearly between cell centres.

    Parameters
    ----------
    raster : array, shape (ny, nx)
        Values; NaN where unknown.
    west_m, south_m, cell_m : float
        Outer corner of cell (0, 0) and edge of a cell.
    to_west_m, to_south_m, to_cell_m : float
        The same of the raster wanted.
    to_shape : tuple of int
        Its rows and columns.

    Returns
    -------
    float64 array, shape ``to_shape``
        NaN where less than half of what a cell covers is known.

    Raises
    ------
    InvalidInput
        If an edge is not above 0.

    Examples
    --------
    >>> fine = np.array([[1.0, 3.0], [5.0, 7.0]])
    >>> where = {"west_m": 0.0, "south_m": 0.0, "cell_m": 1.0, "to_west_m": 0.0, "to_south_m": 0.0}
    >>> resampled(fine, **where, to_cell_m=2.0, to_shape=(1, 1)).tolist()
    [[4.0]]
    """
    if not (cell_m > 0 and to_cell_m > 0):
        raise InvalidInput(f"cells of {cell_m} and {to_cell_m} m", where="cell_m", mend="Give edges above 0")
    weigh = _overlap if to_cell_m >= cell_m * (1.0 - 1e-9) else _linear
    rows = weigh(raster.shape[0], (to_south_m - south_m) / cell_m, to_cell_m / cell_m, to_shape[0])
    columns = weigh(raster.shape[1], (to_west_m - west_m) / cell_m, to_cell_m / cell_m, to_shape[1])
    known = np.isfinite(raster)
    mass = rows @ (columns @ known.astype(np.float64).T).T
    total = rows @ (columns @ np.where(known, raster, 0.0).astype(np.float64).T).T
    return np.where(mass >= 0.5, total / np.maximum(mass, 0.5), np.nan)


def _overlap(count: int, offset: float, ratio: float, to_count: int) -> csr_matrix:
    """Share of each wanted cell that each given one covers, shape (to_count, count)."""
    low = offset + np.arange(to_count) * ratio
    first = np.floor(low + 1e-9).astype(np.int64)
    width = int(np.ceil(ratio)) + 1
    source = first[:, None] + np.arange(width)[None, :]
    share = np.minimum(source + 1.0, (low + ratio)[:, None]) - np.maximum(source, low[:, None])
    share = np.where((source >= 0) & (source < count) & (share > 1e-9), share, 0.0) / ratio
    rows = np.repeat(np.arange(to_count), width)
    return csr_matrix((share.ravel(), (rows, np.clip(source, 0, count - 1).ravel())), shape=(to_count, count))


def _linear(count: int, offset: float, ratio: float, to_count: int) -> csr_matrix:
    """Weights of linear interpolation between centres; beyond the outermost centres the nearest value."""
    place = offset + (np.arange(to_count) + 0.5) * ratio - 0.5
    inside = (place >= -0.5 - 1e-9) & (place <= count - 0.5 + 1e-9)
    place = np.clip(place, 0.0, count - 1.0)
    first = np.minimum(np.floor(place).astype(np.int64), max(count - 2, 0))
    part = place - first
    rows = np.tile(np.arange(to_count), 2)
    columns = np.concatenate([first, np.minimum(first + 1, count - 1)])
    weight = np.concatenate([1.0 - part, part]) * np.tile(inside, 2)
    return csr_matrix((weight, (rows, columns)), shape=(to_count, count))
