"""Clock skew of devices, estimated from when their readings say they were taken and when they arrived.

A reading arrives later than it was taken by the way it travels, which varies and is never negative, plus what the
device's clock is wrong by, which does not vary. Of each delivery the smallest lag is kept, for it travelled fastest
(the clock filter of NTP, RFC 5905 section 10, in one direction); of the last 31 deliveries the median, so that a
backlog sent after a cut, or one odd stamp, does not count. What all devices of a feed have in common is the way, what
one has alone is its clock.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "LAGS", "SKEW_STATE", "add_lags", "lag_medians_s", "skew_s", "usual_lag_s"]

LAGS = 31
"""Deliveries remembered of a device."""

FEWEST = 5
"""Deliveries before anything is said of a device: the median of five survives two that are wrong."""

SKEW_STATE = np.dtype([("lag_s", "<f4", (LAGS,)), ("count", "<i8")])
"""Of one device: its last lags in seconds as a ring, and how many there were. 132 bytes: 277 MB for 2.1 M sensors."""


def add_lags(
    state: NDArray[np.void], device: NDArray[np.int64], event_us: NDArray[np.int64], arrived_us: int
) -> NDArray[np.int64]:
    """Learn from one delivery; the state is changed in place.

    Parameters
    ----------
    state : structured array of :data:`SKEW_STATE`, shape (devices,)
        Zeros for devices never heard.
    device : array of int, shape (n,)
        Row of the state for each reading.
    event_us : array of int, shape (n,)
        When each reading says it was taken, microseconds since 1970.
    arrived_us : int
        When the delivery arrived.

    Returns
    -------
    array of int
        The devices that delivered, each once, ascending.

    Examples
    --------
    >>> state = np.zeros(1, SKEW_STATE)
    >>> _ = add_lags(state, np.array([0, 0]), np.array([0, 3_000_000]), 5_000_000)
    >>> float(state["lag_s"][0, 0]), int(state["count"][0])
    (2.0, 1)
    """
    heard, place = np.unique(device, return_inverse=True)
    newest = np.full(len(heard), np.iinfo(np.int64).min)
    np.maximum.at(newest, place, event_us)
    at = state["count"][heard] % LAGS
    state["lag_s"][heard, at] = ((arrived_us - newest) / 1e6).astype(np.float32)
    state["count"][heard] += 1
    return heard


def lag_medians_s(state: NDArray[np.void]) -> NDArray[np.float64]:
    """Median lag of each device, seconds; NaN for those with fewer than five deliveries."""
    known = np.arange(LAGS) < state["count"][:, None]
    enough = state["count"] >= FEWEST
    median = np.full(len(state), np.nan)
    if enough.any():
        median[enough] = np.nanmedian(
            np.where(known[enough], state["lag_s"][enough].astype(np.float64), np.nan), axis=1
        )
    return median


def usual_lag_s(median_s: NDArray[np.float64]) -> float:
    """What a feed's readings usually take on their way: the median over its devices; NaN while none is known."""
    known = median_s[~np.isnan(median_s)]
    return float(np.median(known)) if len(known) else float("nan")


def skew_s(median_s: NDArray[np.float64], usual_s: float) -> NDArray[np.float64]:
    """How far each device's clock is ahead, seconds; negative if behind, NaN where nothing is known.

    Parameters
    ----------
    median_s : array, shape (devices,)
        Of :func:`lag_medians_s`.
    usual_s : float
        Of :func:`usual_lag_s`, or what the operator knows of the line.

    Examples
    --------
    >>> skew_s(np.array([2.0, -58.0, 3602.0]), 2.0).tolist()
    [0.0, 60.0, -3600.0]
    """
    return usual_s - median_s
