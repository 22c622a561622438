"""Leaks of a water network from what its sensors read beyond a hydraulic model: evidence, doubts, candidates.

The readings' departure from the model is explained by three things: the model's own error (a few directions that are
known to be doubtful, learned day by day), leaks (each with a response of the sensors that the model gives) and noise.
All are linear in their sizes, so a Kalman filter in information form holds what is known, and the question "does one
more leak, here, explain the last days better?" is a likelihood ratio for every place at once.

Source: the likelihood-ratio form follows the generalised likelihood ratio test for a jump in a linear dynamic system
(Willsky and Jones 1976, IEEE Trans. Autom. Control 21(1), 108–112); leaks are found and explained one after another as
in the sequential methods of the leak detection contest (Daniel et al. 2022, J. Water Resour. Plann. Manage. 148(6);
Steffelbauer et al. 2022, same journal 148(3), where the leak becomes part of the model).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Belief",
    "Candidates",
    "Evidence",
    "best_place",
    "day_evidence",
    "leak_scan",
    "learn",
    "marginal_evidence",
    "place_probability",
    "sum_evidence",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What some time of readings says of departures ``z`` (D,): up to a constant, ``log p = u·z − z·M z / 2``.

    Attributes
    ----------
    pull : ndarray, shape (D,)
        ``u``: precision-weighted sum of residuals.
    precision : ndarray, shape (D, D)
        ``M``.
    square : float
        Sum of precision-weighted squared residuals, the constant of the log likelihood.
    count : float
        Number of independent readings.
    """

    pull: Floats
    precision: Floats
    square: float
    count: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """A Gaussian over the model's errors and the sizes of known leaks: ``mean`` (K,), ``cov`` (K, K)."""

    mean: Floats
    cov: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """One more leak at each place and size level.

    Attributes
    ----------
    ratio : ndarray, shape (J, L)
        Twice the log likelihood ratio, 0 where the size would be negative or far from its level.
    size_ratio : ndarray, shape (J, L)
        Estimated size over the level's size.
    """

    ratio: Floats
    size_ratio: Floats


def day_evidence(
    residual: Floats, weight: Floats, nearest: Ints, precision: Floats, *, hours_per_reading: float
) -> Evidence:
    """Gather blocks of residuals into evidence on departures at the reference states.

    Parameters
    ----------
    residual : ndarray, shape (H, m)
        Read minus modelled; NaN where a sensor is silent.
    weight : ndarray, shape (H, S)
        Share of each reference state in the block (rows sum to 1).
    nearest : ndarray, shape (H,)
        The state whose noise applies.
    precision : ndarray, shape (S, m, m)
        Inverse noise covariance at each state.
    hours_per_reading : float
        Blocks that together count as one independent reading.
    """
    n_states, m = precision.shape[0], precision.shape[1]
    pull = np.zeros((n_states, m))
    gram = np.zeros((n_states, n_states, m, m))
    square, count = 0.0, 0.0
    for row, share, state in zip(residual, weight, nearest, strict=True):
        given = ~np.isnan(row)
        if not given.any():
            continue
        inverse = _inverse_of_given(precision[state], given) / hours_per_reading
        weighted = inverse @ np.where(given, row, 0.0)
        square += float(np.where(given, row, 0.0) @ weighted)
        count += given.sum() / hours_per_reading
        used = np.flatnonzero(share)
        for s in used:
            pull[s] += share[s] * weighted
            for other in used:
                gram[s, other] += share[s] * share[other] * inverse
    flat = gram.transpose(0, 2, 1, 3).reshape(n_states * m, n_states * m)
    return Evidence(pull=pull.ravel(), precision=flat, square=square, count=count)


def _inverse_of_given(precision: Floats, given: NDArray[np.bool_]) -> Floats:
    """Precision of the sensors that spoke, the silent ones marginalised (Schur complement)."""
    if given.all():
        return precision
    out = np.zeros_like(precision)
    a, b = np.ix_(given, given), np.ix_(given, ~given)
    out[a] = precision[a] - precision[b] @ np.linalg.solve(precision[np.ix_(~given, ~given)], precision[b].T)
    return out


def sum_evidence(parts: list[Evidence]) -> Evidence:
    """Evidence of several days together."""
    return Evidence(
        pull=np.sum([p.pull for p in parts], axis=0),
        precision=np.sum([p.precision for p in parts], axis=0),
        square=float(sum(p.square for p in parts)),
        count=float(sum(p.count for p in parts)),
    )


def learn(belief: Belief, design: Floats, evidence: Evidence) -> tuple[Belief, float]:
    """Update a belief by evidence on ``design @ x``; gives the normalised innovation too.

    Parameters
    ----------
    belief : Belief
        Over x (K,).
    design : ndarray, shape (D, K)
        What each component of x adds to the departures.
    evidence : Evidence
        Of one day.

    Returns
    -------
    tuple of Belief and float
        The new belief, and the squared innovation per independent reading (about 1 where the noise is right).
    """
    gain = evidence.precision @ design
    information = np.linalg.inv(belief.cov)
    cov = np.linalg.inv(information + design.T @ gain)
    cov = (cov + cov.T) / 2
    off = evidence.pull - gain @ belief.mean
    step = design.T @ off
    mean = belief.mean + cov @ step
    left = evidence.square - 2 * float((design @ belief.mean) @ evidence.pull)
    left += float((design @ belief.mean) @ (gain @ belief.mean)) - float(step @ cov @ step)
    return Belief(mean=mean, cov=cov), left / max(evidence.count, 1.0)


def marginal_evidence(belief: Belief, design: Floats, evidence: Evidence) -> Evidence:
    """What is left of evidence when the belief's doubts are taken out of it.

    ``M`` becomes ``N = M − M B (P⁻¹ + BᵀMB)⁻¹ BᵀM`` and ``u`` the pull left after the belief.
    """
    gain = evidence.precision @ design
    inner = np.linalg.inv(np.linalg.inv(belief.cov) + design.T @ gain)
    off = evidence.pull - gain @ belief.mean
    return Evidence(
        pull=off - gain @ (inner @ (design.T @ off)),
        precision=evidence.precision - gain @ inner @ gain.T,
        square=evidence.square,
        count=evidence.count,
    )


def leak_scan(left: Evidence, response: Floats) -> Candidates:
    """Twice the log likelihood ratio of one more leak at each place, by evidence with the doubts taken out.

    A leak with response ``t`` of free size gains ``(t·u)² / (t·N t)``.

    Parameters
    ----------
    left : Evidence
        From :func:`marginal_evidence`.
    response : ndarray, shape (J, L, D)
        Departures by a leak at each place and size level.
    """
    flat = response.reshape(-1, response.shape[-1])
    along = flat @ left.pull
    across = np.maximum(np.einsum("ij,ij->i", flat @ left.precision, flat), 1e-12)
    size = (along / across).reshape(response.shape[:2])
    ratio = (np.where(along > 0, along, 0.0) ** 2 / across).reshape(response.shape[:2])
    fits = np.ones_like(ratio, dtype=bool)
    if response.shape[1] > 1:
        fits[:, 1:] &= size[:, 1:] > 0.6
        fits[:, :-1] &= size[:, :-1] < 1.7
    return Candidates(ratio=np.where(fits, ratio, 0.0), size_ratio=size)


def place_probability(
    ratio: Floats, near: NDArray[np.bool_], weight: Floats, *, temper: float
) -> tuple[Floats, Floats]:
    """Probability that the leak is in each pipe, and that it is within reach of it, shapes (P,) and (P,).

    Parameters
    ----------
    ratio : ndarray, shape (P,)
        Twice the log likelihood ratio of each pipe.
    near : ndarray of bool, shape (P, P)
        Pipes that count as the same place.
    weight : ndarray, shape (P,)
        Prior weight of each pipe.
    temper : float
        Divides the log likelihood: how many times the model believes each reading too much.
    """
    post = np.exp((ratio - ratio.max()) / (2 * temper)) * weight
    post /= post.sum()
    return post, np.minimum(near @ post, 1.0)


def best_place(post: Floats, nearer: NDArray[np.bool_]) -> int:
    """The pipe round which the leak most probably is: most of the probability ``post`` (P,) is ``nearer`` (P, P)."""
    mass = nearer @ post
    good = mass > mass.max() - 0.02
    return int(np.flatnonzero(good)[np.argmax(post[good])])
