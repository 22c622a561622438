"""Members of a rain forecast whose maker says how sure it is: drawn through its quantiles, or taken as they are."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from rencheng.kernel.errors import InvalidInput

__all__ = ["burst_members", "quantile_members"]

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]

_MEMORY_H = 6.0
_BURST_SHAPE = 0.8


def quantile_members(
    edges_s: F64, rate_mm_h: NDArray[np.floating], levels: tuple[float, ...], *, members: int, rng: np.random.Generator
) -> F32:
    """Draw members whose rates have given quantiles at every step.

    A member's rank is a standard normal number that remembers itself over six hours, turned to a probability; its rate
    is read between the quantiles, linearly from 0 mm/h at probability 0, and above the highest in proportion to the
    distance of its logarithm of exceedance (an exponential tail, as of rain amounts: Wilks 2011, § 4.4.3).

    Parameters
    ----------
    edges_s : float64 array, shape (steps + 1,)
        Edges of the steps.
    rate_mm_h : float array, shape (levels, steps, ...)
        Quantiles of the rate.
    levels : tuple of float
        Their probabilities, ascending, between 0 and 1.
    members : int
        Members to draw, their ranks spread evenly at every step's start (Latin hypercube).
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    float32 array, shape (members, steps, ...)
    """
    rate = np.asarray(rate_mm_h, np.float64)
    steps, step_h = rate.shape[1], np.diff(edges_s) / 3600.0
    normal = rng.standard_normal((members, steps))
    for k in range(1, steps):
        keep = np.exp(-step_h[k] / _MEMORY_H)
        normal[:, k] = keep * normal[:, k - 1] + np.sqrt(1.0 - keep**2) * normal[:, k]
    rank = (np.argsort(np.argsort(normal, axis=0, kind="stable"), axis=0, kind="stable") + ndtr(normal)) / members
    known = np.concatenate([[0.0], levels])
    value = np.concatenate([np.zeros((1, *rate.shape[1:])), rate])
    upper = np.clip(np.searchsorted(known, rank), 1, len(known) - 1)
    part = np.clip((rank - known[upper - 1]) / (known[upper] - known[upper - 1]), 0.0, 1.0)
    step = np.arange(steps)[None, :]
    widen = (..., *[None] * (rate.ndim - 2))
    low, high = value[upper - 1, step], value[upper, step]
    drawn = low + part[widen] * (high - low)
    beyond = rank > known[-1]
    tail = np.log((1.0 - known[-1]) / np.maximum(1.0 - rank, 0.5 / members**2)) * _tail_scale(levels)
    above = value[-1][None] * (1.0 + np.maximum(tail, 0.0))[widen]
    return np.asarray(np.where(beyond[widen], above, drawn), np.float32)


def _tail_scale(levels: tuple[float, ...]) -> float:
    """Growth per logarithm of exceedance, as of an exponential law that has the highest quantile."""
    return 1.0 / -float(np.log(1.0 - levels[-1]))


def burst_members(
    edges_s: F64, rate_mm_h: NDArray[np.floating], *, members: int, rng: np.random.Generator, parts: int
) -> tuple[F64, F32]:
    """Give each member one of the given courses of rain, with bursts of its own within the steps.

    Parameters
    ----------
    edges_s : float64 array, shape (steps + 1,)
        Edges of the steps.
    rate_mm_h : float array, shape (given, steps, gy, gx)
        Courses given; with more members than these some are taken again, with fewer every so-manieth.
    members : int
        Members wanted.
    rng : numpy.random.Generator
        Source of chance.
    parts : int
        Parts that each step is split into, by shares from a symmetric Dirichlet law (Olsson 1998).

    Returns
    -------
    edges_s : float64 array, shape (steps * parts + 1,)
    rate_mm_h : float32 array, shape (members, steps * parts, gy, gx)

    Raises
    ------
    InvalidInput
        If there are no members or parts.

    Examples
    --------
    Two courses of one hour, 1 and 3 mm/h, split into one part for four members: 1, 1, 3, 3.
    """
    if members < 1 or parts < 1:
        raise InvalidInput(f"{members} members in {parts} parts", where="rain forecast", mend="Give both above 0")
    given, steps = rate_mm_h.shape[:2]
    chosen = np.asarray(rate_mm_h, np.float32)[((np.arange(members) + 0.5) * given / members).astype(np.int64)]
    share = rng.dirichlet(np.full(parts, _BURST_SHAPE), (members, steps)).astype(np.float32) * np.float32(parts)
    out = chosen[:, :, None] * share[:, :, :, None, None]
    fine = np.concatenate([np.linspace(a, b, parts, endpoint=False) for a, b in itertools.pairwise(edges_s)])
    return np.append(fine, edges_s[-1]), out.reshape(members, steps * parts, *rate_mm_h.shape[2:])
