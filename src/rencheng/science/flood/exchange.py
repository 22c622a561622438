"""Moving water between cells past the surface flow, so that no cell gives more than it holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput
from rencheng.science.flood.ports import Transfers

__all__ = ["settle"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

MARGIN = 1.0 - 1e-12
"""Share of its water a cell can give away at once: rounding must not leave it below zero."""


def settle(transfers: Transfers, depth_m: F64, cell_area_m2: float) -> tuple[F64, I64, F64]:
    """What can be moved of what was asked for.

    Where several transfers draw on one cell and it cannot serve them all, all are cut in proportion.

    Parameters
    ----------
    transfers : Transfers
        Water wanted.
    depth_m : float64 array, shape (cells,)
        Depth of every cell, flat.
    cell_area_m2 : float
        Area of a cell.

    Returns
    -------
    moved_m3 : float64 array, shape (n,)
        Volume of each transfer.
    cells : int64 array, shape (m,)
        Cells that change, each once, ascending.
    change_m : float64 array, shape (m,)
        Change of depth there.

    Examples
    --------
    A cell of 1 m² with 0.3 m of water is asked for 0.4 and 0.2 m³: it gives 0.2 and 0.1.

    >>> import numpy as np
    >>> t = Transfers(from_cells=np.array([0, 0]), to_cells=np.array([1, -1]), volume_m3=np.array([0.4, 0.2]))
    >>> settle(t, np.array([0.3, 0.0]), 1.0)[0].round(6)
    array([0.2, 0.1])
    """
    source, target, wanted = _checked(transfers, len(depth_m))
    cells = np.unique(np.concatenate((source[source >= 0], target[target >= 0])))
    asked = np.zeros(len(cells))
    gives = source >= 0
    from_place = np.searchsorted(cells, source[gives])
    np.add.at(asked, from_place, wanted[gives])
    held = depth_m[cells] * cell_area_m2 * MARGIN
    scale = np.minimum(1.0, held / np.maximum(asked, 1e-300))
    moved = wanted.copy()
    moved[gives] *= scale[from_place]
    change = np.zeros(len(cells))
    np.subtract.at(change, from_place, moved[gives])
    takes = target >= 0
    np.add.at(change, np.searchsorted(cells, target[takes]), moved[takes])
    return moved, cells, change / cell_area_m2


def _checked(transfers: Transfers, count: int) -> tuple[I64, I64, F64]:
    source = np.asarray(transfers.from_cells, dtype=np.int64)
    target = np.asarray(transfers.to_cells, dtype=np.int64)
    wanted = np.asarray(transfers.volume_m3, dtype=np.float64)
    if not source.shape == target.shape == wanted.shape:
        raise InvalidInput(
            f"{source.shape} givers, {target.shape} takers, {wanted.shape} volumes",
            where="exchange",
            mend="Give one of each per transfer",
        )
    wrong = (source < -1) | (source >= count) | (target < -1) | (target >= count)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise InvalidInput(
            f"transfer {k} joins cells {source[k]} and {target[k]}, the raster has {count}",
            where="exchange",
            mend="An outlet must lie on the raster; −1 is the world outside the surface",
        )
    wrong = ~(np.isfinite(wanted) & (wanted >= 0))
    if wrong.any():
        k = int(np.argmax(wrong))
        raise InvalidInput(
            f"transfer {k} wants {wanted[k]} m³", where="exchange", mend="Volumes are not negative: swap the ends"
        )
    return source, target, wanted
