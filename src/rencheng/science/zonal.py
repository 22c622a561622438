"""Rasters summed up over zones: the deepest water along a road, the depth that a share of a district exceeds."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["zonal_max", "zonal_share", "zonal_upper", "zones_from_pairs"]


def zones_from_pairs(
    zone: NDArray[np.int64], place: NDArray[np.int64], zones: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lists of raster cells per zone in compressed row form, each cell once and ascending.

    Parameters
    ----------
    zone, place : int64 arrays, shape (k,)
        Zone index and flat raster index of every pair; pairs may repeat.
    zones : int
        Number of zones.

    Returns
    -------
    indptr, places : int64 arrays, shapes (zones + 1,), (unique pairs,)

    Examples
    --------
    >>> indptr, places = zones_from_pairs(np.array([1, 0, 1, 1]), np.array([5, 2, 4, 5]), 2)
    >>> indptr.tolist(), places.tolist()
    ([0, 1, 3], [2, 4, 5])
    """
    order = np.lexsort((place, zone))
    zone, place = zone[order], place[order]
    new = np.ones(len(zone), np.bool_)
    new[1:] = (zone[1:] != zone[:-1]) | (place[1:] != place[:-1])
    indptr = np.zeros(zones + 1, np.int64)
    np.cumsum(np.bincount(zone[new], minlength=zones), out=indptr[1:])
    return indptr, np.ascontiguousarray(place[new], np.int64)


def zonal_max(indptr: NDArray[np.int64], places: NDArray[np.int64], raster: NDArray[np.float32]) -> NDArray[np.float32]:
    """Highest value in each zone; 0 where a zone has no cells or no value above 0 (NaN counts as 0).

    Parameters
    ----------
    indptr, places : int64 arrays
        Zones as of :func:`zones_from_pairs`.
    raster : float array, shape (ny, nx)
        Depths or the like, never negative.

    Returns
    -------
    float32 array, shape (zones,)

    Examples
    --------
    >>> zonal_max(np.array([0, 2, 2]), np.array([0, 1]), np.array([[0.5, 0.25]], np.float32)).tolist()
    [0.5, 0.0]
    """
    out: NDArray[np.float32] = _zonal_max(indptr, places, _flat(places, raster))
    return out


def zonal_upper(
    indptr: NDArray[np.int64], places: NDArray[np.int64], raster: NDArray[np.float32], *, share: float
) -> NDArray[np.float32]:
    """Value that at least this share of a zone's cells reaches or exceeds; 0 for a zone without cells.

    Parameters
    ----------
    share : float
        0 < share ≤ 1; of n cells the ``ceil(share · n)``-th highest is given.

    Examples
    --------
    >>> depth = np.array([[0.1, 0.4, 0.3, 0.2]], np.float32)
    >>> zonal_upper(np.array([0, 4]), np.arange(4), depth, share=0.5).round(2).tolist()
    [0.30000001192092896]
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput(f"share {share} of a zone is not above 0 and at most 1", mend="Give e.g. 0.1 for a tenth")
    out: NDArray[np.float32] = _zonal_upper(indptr, places, _flat(places, raster), share)
    return out


def zonal_share(
    indptr: NDArray[np.int64], places: NDArray[np.int64], raster: NDArray[np.generic]
) -> NDArray[np.float64]:
    """Mean of a raster over each zone: of a mask the share of the zone it covers; 0 for a zone without cells.

    Examples
    --------
    >>> zonal_share(np.array([0, 2]), np.array([0, 1]), np.array([[True, False]])).tolist()
    [0.5]
    """
    count = np.diff(indptr)
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(raster, np.float64).ravel()[places])])
    total = sums[indptr[1:]] - sums[indptr[:-1]]
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), 0.0), np.float64)


def _flat(places: NDArray[np.int64], raster: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = np.ascontiguousarray(raster, np.float32).ravel()
    if len(places) and not (int(places.min()) >= 0 and int(places.max()) < flat.size):
        raise InvalidInput(
            f"zones name cells outside a raster of {flat.size} cells", mend="Make the index for the same grid"
        )
    return flat


@njit(cache=True)
def _zonal_max(indptr, places, flat):  # type: ignore[no-untyped-def]  # numba types it
    out = np.zeros(indptr.size - 1, np.float32)
    for zone in range(out.size):
        best = np.float32(0.0)
        for k in range(indptr[zone], indptr[zone + 1]):
            value = flat[places[k]]
            if value > best:  # noqa: PLR1730  max() may let NaN win
                best = value
        out[zone] = best
    return out


@njit(cache=True)
def _zonal_upper(indptr, places, flat, share):  # type: ignore[no-untyped-def]  # numba types it
    out = np.zeros(indptr.size - 1, np.float32)
    for zone in range(out.size):
        count = indptr[zone + 1] - indptr[zone]
        if count == 0:
            continue
        rank = int(np.ceil(share * count - 1e-9))  # 0.1 * 30 is a little more than 3 in binary
        values = np.empty(count, np.float32)
        wet = 0
        for k in range(indptr[zone], indptr[zone + 1]):
            value = flat[places[k]]
            if value > 0.0:
                values[wet] = value
                wet += 1
        if wet >= rank:
            out[zone] = np.sort(values[:wet])[wet - rank]
    return out
