"""Resilience of a service over time, after Bruneau et al. (2003), Earthquake Spectra 19(4):733–752."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["Resilience", "resilience"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resilience:
    """The resilience triangle in numbers.

    Parameters
    ----------
    loss_h : float
        Loss area ∫ (1 - Q) dt in hours of full service lost.
    robustness_ratio : float
        Lowest service level reached.
    recovery_h : float
        From the lowest level back to (nearly) full service; infinite where it does not come back.
    mean_ratio : float
        Mean service level over the window.
    """

    loss_h: float
    robustness_ratio: float
    recovery_h: float
    mean_ratio: float


def resilience(time_h: F64, service_ratio: F64, *, full_ratio: float = 0.999) -> Resilience:
    """Measure a service-level curve.

    Parameters
    ----------
    time_h : array, shape (n,)
        Times, ascending, hours.
    service_ratio : array, shape (n,)
        Service level Q(t), 0 … 1; it holds from its time until the next (a step curve).
    full_ratio : float
        Level that counts as recovered.

    Examples
    --------
    Half of the service lost for two hours is one hour of loss:

    >>> resilience(np.array([0.0, 1.0, 3.0, 4.0]), np.array([1.0, 0.5, 1.0, 1.0])).loss_h
    1.0
    """
    if len(time_h) < 2 or len(time_h) != len(service_ratio) or np.any(np.diff(time_h) < 0):
        raise InvalidInput("a service curve needs two or more ascending times and as many levels")
    if np.any((service_ratio < 0) | (service_ratio > 1)):
        raise InvalidInput("a service level lies outside 0 … 1")
    span = np.diff(time_h)
    loss = float(np.sum((1.0 - service_ratio[:-1]) * span))
    lowest = int(np.argmin(service_ratio))
    back = np.flatnonzero(service_ratio[lowest:] >= full_ratio)
    recovery = float(time_h[lowest + back[0]] - time_h[lowest]) if len(back) else float("inf")
    total = float(time_h[-1] - time_h[0])
    return Resilience(
        loss_h=loss,
        robustness_ratio=float(service_ratio[lowest]),
        recovery_h=recovery,
        mean_ratio=1.0 - loss / total if total > 0 else float(service_ratio[0]),
    )
