"""Probability that land is under water when both the stage and the ground are uncertain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = ["Z90", "exceedance_probability", "flooded_share", "two_piece_normal_nodes"]

Z90 = 1.2815515655446004
"""Standard normal quantile of 0.9."""


def _spreads(median: float, low: float, high: float) -> tuple[float, float]:
    return max(median - low, 1e-6) / Z90, max(high - median, 1e-6) / Z90


def two_piece_normal_nodes(median: float, *, low: float, high: float, nodes: int = 21) -> NDArray[np.float64]:
    """Equally likely values of a two-piece normal with a median and a central 80 % interval.

    Each half is normal with its own spread (Wallis 2014, Stat. Sci. 29:106), joined at the median so that both have
    half of the probability.

    Returns
    -------
    float64 array, shape (nodes,)
        Values at the probabilities (i + 0.5) / nodes, ascending.

    Examples
    --------
    >>> two_piece_normal_nodes(2.0, low=1.0, high=4.0, nodes=5).round(2).tolist()
    [1.0, 1.59, 2.0, 2.82, 4.0]
    """
    z = ndtri((np.arange(nodes) + 0.5) / nodes)
    below, above = _spreads(median, low, high)
    return np.asarray(median + np.where(z < 0, z * below, z * above), dtype=np.float64)


def exceedance_probability(threshold: float, median: float, *, low: float, high: float) -> float:
    """Probability of the two-piece normal of :func:`two_piece_normal_nodes` to be at or above a threshold.

    Examples
    --------
    >>> round(exceedance_probability(4.0, 2.0, low=1.0, high=4.0), 3)
    0.1
    """
    below, above = _spreads(median, low, high)
    z = (threshold - median) / (above if threshold >= median else below)
    return float(1.0 - ndtr(z))


def flooded_share(
    rise_m: NDArray[np.float64],
    reach_m: NDArray[np.float64],
    hand_m: NDArray[np.float64],
    *,
    error_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Expected share of the land of each place under water, and the mean depth on it.

    A river that has not left its banks (rise not above 0) floods nothing; above them land is reached with probability

    .. math:: P = \overline{1[r > 0]\;\Phi\!\left(\frac{r - reach}{\sigma}\right)}

    the mean taken over the equally likely rises and over the points that sum a place's land up.

    Parameters
    ----------
    rise_m : float64 array, shape (r,)
        Equally likely rises of the river above its banks.
    reach_m, hand_m : float64 arrays, shape (places, q)
        Rise that reaches each point, and its height above the river (never above ``reach_m``); inf for never.
    error_m : float
        Standard error of a height difference in the terrain.

    Returns
    -------
    share, depth_m : float64 arrays, shape (places,)
        0 … 1; mean depth where under water, 0 where nothing is.

    Examples
    --------
    >>> share, depth = flooded_share(np.array([1.0]), np.array([[1.0, np.inf]]), np.array([[0.5, np.inf]]), error_m=0.3)
    >>> share.round(2).tolist(), depth.round(2).tolist()
    ([0.25], [0.5])
    """
    share = np.zeros(len(reach_m))
    depth = np.zeros(len(reach_m))
    out = rise_m[rise_m > 0.0]
    if len(out) == 0:
        return share, depth
    near = np.flatnonzero(reach_m.min(axis=1, initial=np.inf) < out.max() + 4.0 * error_m)
    if len(near) == 0:
        return share, depth
    reached = ndtr((out[:, None, None] - reach_m[near][None]) / error_m)
    water = np.maximum(out[:, None, None] - hand_m[near][None], 0.0)
    weight = reached.sum(axis=(0, 2))
    share[near] = weight / (len(rise_m) * reach_m.shape[1])
    depth[near] = np.where(weight > 0.0, (reached * water).sum(axis=(0, 2)) / np.where(weight > 0, weight, 1.0), 0.0)
    return share, depth
