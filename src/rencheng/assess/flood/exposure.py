"""Who stands in the water of an ensemble: depth at every object, with its chances, from depth rasters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.assess.flood.exposure_index import ObjectIndex, exposure_index
from rencheng.assess.flood.objects import OBJECT_KINDS, OBJECT_SCHEMA, THRESHOLDS_M, exceed_column
from rencheng.kernel import InvalidInput
from rencheng.science.zonal import zonal_max, zonal_upper

__all__ = ["CELL_SHARE", "ObjectIndex", "exposure_index", "object_depths", "objects_table", "objects_under"]

CELL_SHARE = 0.1
"""An H3 cell stands as deep as the water over a tenth of its ground; its deepest puddle would alarm for nothing."""


def object_depths(index: ObjectIndex, depth_m: NDArray[np.floating]) -> NDArray[np.float32]:
    """Depth at every object in every raster: deepest along a link or at a wall, over a tenth of an H3 cell.

    Parameters
    ----------
    index : ObjectIndex
        Objects on the same grid.
    depth_m : float array, shape (members, ny, nx) or (ny, nx)
        Depths; NaN counts as dry.

    Returns
    -------
    float32 array, shape (members, n) or (n,)

    Raises
    ------
    InvalidInput
        If the rasters are not of the index's grid.
    """
    shape = (index.grid.ny, index.grid.nx)
    if depth_m.shape[-2:] != shape or depth_m.ndim not in {2, 3}:
        raise InvalidInput(
            f"depth rasters of shape {depth_m.shape} are not on the grid {shape}", mend="Index the grid of the depths"
        )
    if depth_m.ndim == 3:
        return np.stack([object_depths(index, member) for member in depth_m])
    raster = np.ascontiguousarray(depth_m, np.float32)
    areas = index.rows_of("cell")
    out = zonal_max(index.indptr, index.places, raster)
    out[areas] = zonal_upper(*index.zones_of("cell"), raster, share=CELL_SHARE)
    return out


def objects_under(
    index: ObjectIndex,
    depth_m: NDArray[np.floating],
    lead_min: Sequence[int],
    *,
    weights: NDArray[np.float64] | None = None,
) -> pa.Table:
    """Table of objects (``OBJECT_SCHEMA``) of an ensemble of depth rasters.

    Parameters
    ----------
    depth_m : float array, shape (leads, members, ny, nx)
        Depths.
    lead_min, weights
        As of :func:`objects_table`.
    """
    return objects_table(index, np.stack([object_depths(index, d) for d in depth_m]), lead_min, weights=weights)


def objects_table(
    index: ObjectIndex,
    depths_m: NDArray[np.float32],
    lead_min: Sequence[int],
    *,
    weights: NDArray[np.float64] | None = None,
) -> pa.Table:
    """Median, 90 % quantile and exceedance probabilities of every object with any chance of 0.15 m.

    Quantiles are those of the weighted distribution of members: the least depth whose members and all shallower ones
    weigh at least so much.

    Parameters
    ----------
    depths_m : float32 array, shape (leads, members, n)
        As of :func:`object_depths`, per lead time.
    lead_min : sequence of int
        Lead times in minutes, ascending.
    weights : float64 array, shape (members,), optional
        Weight of each member; equal where absent.

    Returns
    -------
    pyarrow.Table
        In ``OBJECT_SCHEMA``, ordered by kind, id and lead time.

    Raises
    ------
    InvalidInput
        If the shapes do not fit or the weights are negative or all 0.
    """
    leads, members, objects = depths_m.shape
    share = np.full(members, 1.0 / members) if weights is None else np.asarray(weights, np.float64)
    if objects != len(index) or leads != len(lead_min) or share.shape != (members,):
        raise InvalidInput(
            f"depths of shape {depths_m.shape} do not fit {len(lead_min)} lead times, {share.size} weights and "
            f"{len(index)} objects",
            mend="Give (leads, members, objects)",
        )
    if not (share.min(initial=0.0) >= 0.0 and share.sum() > 0.0):
        raise InvalidInput("weights of members must not be negative, nor all 0", mend="Give equal weights")
    share = share / share.sum()
    object_row, lead_row = np.nonzero((depths_m >= THRESHOLDS_M[0]).any(axis=1).T)
    members_m = depths_m[lead_row, :, object_row]
    median, high = _weighted_quantiles(members_m, share, (0.5, 0.9))
    columns = {
        "kind": pa.array(OBJECT_KINDS).take(pa.array(index.kind[object_row].astype(np.int64))),
        "object_id": pa.array(index.object_id, pa.string()).take(pa.array(object_row)),
        "detail": pa.array(index.detail, pa.string()).take(pa.array(object_row)),
        "lead_min": np.asarray(lead_min, np.int32)[lead_row],
        "lon": index.lon[object_row],
        "lat": index.lat[object_row],
        "depth_m": median,
        "depth_high_m": high,
        "people": index.people[object_row],
    }
    for threshold in THRESHOLDS_M:
        chance = ((members_m >= np.float32(threshold)) * share).sum(axis=1)
        columns[exceed_column(threshold)] = np.minimum(chance, 1.0).astype(np.float32)
    return pa.table([pa.array(columns[f.name], f.type) for f in OBJECT_SCHEMA], schema=OBJECT_SCHEMA)


def _weighted_quantiles(
    values: NDArray[np.float32], share: NDArray[np.float64], levels: tuple[float, ...]
) -> list[NDArray[np.float32]]:
    """Quantiles over the last axis; shape (rows,) each."""
    order = np.argsort(values, axis=1, kind="stable")
    reached = np.cumsum(share[order], axis=1)
    out = []
    for level in levels:
        at = np.minimum((reached < level - 1e-9).sum(axis=1), values.shape[1] - 1)
        out.append(np.take_along_axis(values, order, axis=1)[np.arange(len(values)), at])
    return out
