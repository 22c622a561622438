"""Verification of ensembles and probabilities: CRPS, Brier score, reliability, and weights from observations.

Definitions follow Gneiting & Raftery 2007 (Strictly proper scoring rules, JASA 102), Hersbach 2000 (CRPS of ensembles,
Weather and Forecasting 15) and Wilks 2011, *Statistical Methods in the Atmospheric Sciences*, ch. 8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["crps_ensemble", "effective_size", "member_weights", "reliability_bins"]

F64 = NDArray[np.float64]


def crps_ensemble(members: F64, observed: F64, weights: F64 | None = None) -> F64:
    """Continuous ranked probability score of weighted ensembles; 0 is perfect, in the unit of the quantity.

    Parameters
    ----------
    members : float array, shape (cases, members)
        Forecast values.
    observed : float array, shape (cases,)
        What came.
    weights : float array, shape (members,), optional
        Weights that sum to 1; equal unless given.

    Returns
    -------
    float array, shape (cases,)

    Notes
    -----
    ``CRPS = Σ w_i |x_i − y| − ½ Σ_i Σ_j w_i w_j |x_i − x_j|`` (Gneiting & Raftery 2007, eq. 21). Of one member it is
    the absolute error.

    Examples
    --------
    Two members 0 and 2, and 1 came: ½·1 + ½·1 − ½·(2·¼·2) = 0.5.

    >>> crps_ensemble(np.array([[0.0, 2.0]]), np.array([1.0])).tolist()
    [0.5]
    """
    count = members.shape[1]
    w = np.full(count, 1.0 / count) if weights is None else np.asarray(weights, np.float64)
    if w.shape != (count,) or not np.isclose(w.sum(), 1.0) or (w < 0).any():
        raise InvalidInput(f"weights {w.shape} must be {count} numbers that sum to 1", where="weights")
    away = np.abs(members - observed[:, None]) @ w
    order = np.argsort(members, axis=1, kind="stable")
    x = np.take_along_axis(members, order, axis=1)
    sorted_w = w[order]
    below = np.cumsum(sorted_w, axis=1) - sorted_w / 2.0  # Σ_ij w_i w_j |x_i − x_j| = 2 Σ_i w_i x_i (2 P_i − 1)
    spread = 2.0 * (sorted_w * x * (2.0 * below - 1.0)).sum(axis=1)
    return np.asarray(away - 0.5 * spread)


def reliability_bins(prob: F64, happened: NDArray[np.bool_], edges: F64) -> list[tuple[float, float, int]]:
    """Mean forecast probability, observed frequency and count of every bin that holds a case.

    Parameters
    ----------
    prob : float array, shape (cases,)
        Forecast probability, 0 … 1.
    happened : bool array, shape (cases,)
        Whether it came.
    edges : float array, shape (bins + 1,)
        Bin edges, ascending; the last bin includes its upper edge.

    Examples
    --------
    >>> reliability_bins(np.array([0.1, 0.1, 0.9]), np.array([False, True, True]), np.array([0.0, 0.5, 1.0]))
    [(0.1, 0.5, 2), (0.9, 1.0, 1)]
    """
    place = np.clip(np.searchsorted(edges, prob, side="right") - 1, 0, len(edges) - 2)
    found = []
    for k in range(len(edges) - 1):
        held = place == k
        if held.any():
            found.append((float(prob[held].mean()), float(happened[held].mean()), int(held.sum())))
    return found


def member_weights(members: F64, observed: F64, *, prior: F64, sigma: float, least_effective: float = 0.25) -> F64:
    """Weights of members after observations: likelihood weighting, tempered so that no few members take all.

    Parameters
    ----------
    members : float array, shape (observations, members)
        What each member said where and when it was observed.
    observed : float array, shape (observations,)
        What was observed.
    prior : float array, shape (members,)
        Weights before; sum to 1.
    sigma : float
        Standard deviation of the model at a point, the sensor's included, in the unit of the quantity.
    least_effective : float
        Share of the members that the effective sample size must keep; the likelihood is tempered until it does.

    Returns
    -------
    float array, shape (members,)
        Weights that sum to 1; the prior where nothing was observed.

    Notes
    -----
    ``w_i ∝ p_i exp(−β Σ (x_i − y)² / 2σ²)`` with the largest ``β ≤ 1`` for which ``1 / Σ w²`` is at least
    ``least_effective`` of the count (tempering as in Neal 2001; particle weighting as in van Leeuwen 2009).

    Examples
    --------
    >>> w = member_weights(np.array([[0.0, 0.5]]), np.array([0.5]), prior=np.array([0.5, 0.5]), sigma=0.5)
    >>> bool(w[1] > w[0]), round(float(w.sum()), 6)
    (True, 1.0)
    """
    if not len(observed):
        return prior
    misfit = ((members - observed[:, None]) ** 2).sum(axis=0) / (2.0 * sigma**2)
    misfit = misfit - misfit.min()

    def tempered(beta: float) -> F64:
        w = prior * np.exp(-beta * misfit)
        return np.asarray(w / w.sum())

    least = min(least_effective * len(prior), effective_size(prior))
    low, high = 0.0, 1.0
    if effective_size(tempered(1.0)) >= least:
        return tempered(1.0)
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if effective_size(tempered(middle)) >= least else (low, middle)
    return tempered(low)


def effective_size(weights: F64) -> float:
    """Effective sample size ``1 / Σ w²`` of weights that sum to 1.

    Examples
    --------
    >>> effective_size(np.array([0.5, 0.5]))
    2.0
    """
    return float(1.0 / (weights**2).sum())
