"""Where the flood ends: the edge of an extent, how far two edges lie apart, and the area at high risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["HIGH_RISK_CHANCE", "MEDIAN_CHANCE", "EdgeDistance", "edge_distance", "flood_edge", "overrun_m"]

Mask = NDArray[np.bool_]

HIGH_RISK_CHANCE = 0.1
"""Land that floods with at least this chance is at high risk: the one in ten that the National Hurricane Center draws
on its Potential Storm Surge Flooding Map as the reasonable worst case."""
MEDIAN_CHANCE = 0.5
"""The single edge drawn of many: as likely too far as not far enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDistance:
    """How far two edges lie apart, in metres, each way and then the larger.

    ``mean_m`` is the mean over an edge of the distance to the nearest point of the other, ``p95_m`` its 95 % quantile.
    """

    mean_m: float
    p95_m: float


def flood_edge(flooded: Mask, sea: Mask) -> Mask:
    """Cells under water that border on dry land; land within a ring of water counts as wet, so islands have no edge.

    Parameters
    ----------
    flooded, sea : bool arrays, shape (ny, nx)
        Land under water, and the sea; with no land under water the edge is the shore.

    Examples
    --------
    >>> sea, wet = np.array([[True, False, False, False]]), np.array([[False, True, False, False]])
    >>> flood_edge(wet, sea).tolist()
    [[False, True, False, False]]
    """
    wet = np.asarray(ndimage.binary_fill_holes(flooded | sea), np.bool_)
    return wet & ~ndimage.binary_erosion(wet, border_value=1)


def edge_distance(predicted: Mask, truth: Mask, sea: Mask, cell_m: float) -> EdgeDistance:
    """Distance between the edges of a predicted and a true flood.

    Parameters
    ----------
    predicted, truth : bool arrays, shape (ny, nx)
        Land under water.
    sea : bool array, shape (ny, nx)
        The sea.
    cell_m : float
        Edge of a cell.

    Returns
    -------
    EdgeDistance
        NaN where one of them has no edge, because all land is under water.

    Examples
    --------
    A flood of one cell and one of three: the edges are two cells apart.

    >>> sea = np.array([[True, False, False, False, False]])
    >>> one, three = np.array([[0, 1, 0, 0, 0]], bool), np.array([[0, 1, 1, 1, 0]], bool)
    >>> edge_distance(one, three, sea, 100.0).mean_m
    200.0
    """
    first, second = flood_edge(predicted, sea), flood_edge(truth, sea)
    if not (first.any() and second.any()):
        return EdgeDistance(mean_m=np.nan, p95_m=np.nan)
    ways = [
        ndimage.distance_transform_edt(~target)[origin] * cell_m
        for origin, target in ((first, second), (second, first))
    ]
    return EdgeDistance(
        mean_m=max(float(way.mean()) for way in ways), p95_m=max(float(np.quantile(way, 0.95)) for way in ways)
    )


def overrun_m(area: Mask, truth: Mask, sea: Mask, cell_m: float) -> float:
    """How far the true flood's edge gets beyond an area: the 95 % quantile along the edge, 0 where it stays inside.

    Examples
    --------
    >>> sea = np.array([[True, False, False, False, False]])
    >>> one, three = np.array([[0, 1, 0, 0, 0]], bool), np.array([[0, 1, 1, 1, 0]], bool)
    >>> overrun_m(one, three, sea, 100.0), overrun_m(three, one, sea, 100.0)
    (200.0, 0.0)
    """
    edge = flood_edge(truth, sea)
    if not edge.any():
        return 0.0 if area.all() else np.nan
    beyond = ndimage.distance_transform_edt(~(area | sea))[edge] * cell_m
    return float(np.quantile(beyond, 0.95))
