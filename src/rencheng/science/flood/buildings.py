"""Buildings and dips in the ground of a flood model: blocks, rough or walled interiors, underpasses.

The treatments of Schubert & Sanders (2012, "Building treatments for urban flood inundation models", Adv. Water
Resour. 41:49): *blocks* raise the ground, *resistance* lets water through slowly, *sills* let it in over a threshold.
The engine has no porosity: a cell's storage is never reduced by the share under walls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput

__all__ = ["building_blocks", "building_resistance", "building_sills", "dig_underpass"]

F64 = NDArray[np.float64]


def _share(share: ArrayLike, shape: tuple[int, ...]) -> F64:
    ratio = np.asarray(share, dtype=np.float64)
    if ratio.shape != shape or not ((ratio >= 0.0) & (ratio <= 1.0)).all():
        raise InvalidInput(
            f"share of buildings of shape {ratio.shape} on ground of shape {shape}, or outside 0 … 1",
            where="building_share",
            mend="Give the share of each cell under buildings",
        )
    return ratio


def building_blocks(
    bed_m: ArrayLike, building_share: ArrayLike, *, height_m: float = 3.0, blocked_share: float = 0.5
) -> F64:
    """Ground with the cells that lie mostly under buildings raised out of the water.

    Examples
    --------
    >>> building_blocks([[1.0, 1.0]], [[0.2, 0.9]]).tolist()
    [[1.0, 4.0]]
    """
    bed = np.array(bed_m, dtype=np.float64)
    blocked = _share(building_share, bed.shape) >= blocked_share
    bed[blocked] += height_m
    return bed


def building_resistance(manning: ArrayLike, building_share: ArrayLike, *, building_manning: float = 0.5) -> F64:
    r"""Roughness of cells partly under buildings, :math:`((1 - f) n^{3/2} + f n_b^{3/2})^{2/3}`.

    The composite roughness of Horton and Einstein (Chow 1959, eq. 6-17) with area for wetted perimeter; n_b of a
    building is 0.3 … 10 in use (Syme 2008, "Flooding in urban areas: 2D modelling approaches for buildings and
    fences").

    Parameters
    ----------
    manning : float or array (ny, nx)
        Roughness of the ground without buildings.
    building_share : array (ny, nx)
        Share of each cell under buildings.
    building_manning : float
        Roughness of a cell wholly inside a building.

    Examples
    --------
    >>> building_resistance(0.03, [[0.0, 1.0]]).round(3).tolist()
    [[0.03, 0.5]]
    """
    share = _share(building_share, np.shape(building_share))
    ground = np.asarray(manning, dtype=np.float64)
    return np.asarray(((1.0 - share) * ground**1.5 + share * building_manning**1.5) ** (2.0 / 3.0), dtype=np.float64)


def building_sills(bed_m: ArrayLike, building: ArrayLike, *, sill_m: float = 0.3) -> tuple[F64, F64]:
    """Walls around buildings, as high as the threshold over which water enters them; for the engine's ``walls``.

    Parameters
    ----------
    bed_m : array (ny, nx)
        Ground.
    building : bool array (ny, nx)
        Cells inside buildings.
    sill_m : float
        Threshold over the higher ground of the two cells of a face.

    Returns
    -------
    crest_x_m, crest_y_m : float64 arrays, shape (ny, nx + 1) and (ny + 1, nx)
        NaN where there is no wall; none between two cells of a building.

    Examples
    --------
    >>> x, y = building_sills([[0.0, 0.0, 0.0]], [[False, True, False]])
    >>> x.tolist()
    [[nan, 0.3, 0.3, nan]]
    """
    bed = np.asarray(bed_m, dtype=np.float64)
    inside = np.asarray(building, dtype=np.bool_)
    if inside.shape != bed.shape:
        raise InvalidInput(
            f"buildings of shape {inside.shape} on ground of shape {bed.shape}",
            where="building",
            mend="Give one value per cell",
        )
    ny, nx = bed.shape
    across_x, across_y = np.full((ny, nx + 1), np.nan), np.full((ny + 1, nx), np.nan)
    crest = np.maximum(bed[:, 1:], bed[:, :-1]) + sill_m
    across_x[:, 1:-1] = np.where(inside[:, 1:] != inside[:, :-1], crest, np.nan)
    crest = np.maximum(bed[1:], bed[:-1]) + sill_m
    across_y[1:-1] = np.where(inside[1:] != inside[:-1], crest, np.nan)
    return across_x, across_y


def dig_underpass(bed_m: ArrayLike, rows: ArrayLike, columns: ArrayLike, *, floor_m: float) -> F64:
    """Ground with a road dug down to an underpass: even ramps from both ends to the middle cell.

    Parameters
    ----------
    bed_m : array (ny, nx)
        Ground.
    rows, columns : int arrays, shape (k,)
        Cells along the road, from one end of the ramps to the other; the middle one lies under the bridge.
    floor_m : float
        Road level in the middle; ground that is lower already stays.

    Examples
    --------
    >>> dig_underpass([[4.0] * 5], [0] * 5, range(5), floor_m=0.0).tolist()
    [[4.0, 2.0, 0.0, 2.0, 4.0]]
    """
    bed = np.array(bed_m, dtype=np.float64)
    row, column = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
    if row.shape != column.shape or len(row) < 3:
        raise InvalidInput(
            f"an underpass of {len(row)} cells", where="rows, columns", mend="Give three cells or more along the road"
        )
    middle = (len(row) - 1) / 2.0
    share = np.abs(np.arange(len(row)) - middle) / middle
    if len(row) % 2 == 0:
        share = (share - share.min()) / (1.0 - share.min())
    ends = np.where(np.arange(len(row)) < middle, bed[row[0], column[0]], bed[row[-1], column[-1]])
    np.minimum.at(bed, (row, column), floor_m + share * (ends - floor_m))
    return bed
