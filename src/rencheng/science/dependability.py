"""Dependability of repairable items from the times of their failures and restorations (IEC 60050-192)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

__all__ = ["NEVER_US", "Dependability", "dependability", "down_time"]

Micros = NDArray[np.int64]
NEVER_US = np.iinfo(np.int64).max
"""End of a fault that is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependability:
    """Figures of a group of items over a window; times in seconds, None where nothing was seen to reckon from.

    Parameters
    ----------
    items : int
        How many items.
    failures, restorations : int
        Events within the window. A fault that stood at its begin is no failure of it, one that stands at its end is
        not restored in it.
    up_s, down_s : float
        Operating and down time within the window, over all items.
    mtbf_s : float, optional
        Mean operating time between failures: up time over failures.
    mtbf_low_s, mtbf_high_s : float, optional
        Two-sided 90 % confidence limits of it; without a failure only the lower one.
    mttr_s : float, optional
        Mean time to restoration: down time over restorations.
    availability_ratio : float, optional
        Mean availability: up time over up and down time.
    failure_rate_per_h : float, optional
        Failures per hour of operating time.
    """

    items: int
    failures: int
    restorations: int
    up_s: float
    down_s: float
    mtbf_s: float | None
    mtbf_low_s: float | None
    mtbf_high_s: float | None
    mttr_s: float | None
    availability_ratio: float | None
    failure_rate_per_h: float | None


def down_time(item: NDArray[np.int64], begin_us: Micros, end_us: Micros, *, start_us: int, stop_us: int) -> Micros:
    """Merge the faults of every item and cut them to a window.

    Parameters
    ----------
    item, begin_us, end_us : ndarray of int64, shape (n,)
        Faults: whose, from when, until when (:data:`NEVER_US` while it stands). Faults of one item may overlap: it is
        down while any of them stands.
    start_us, stop_us : int
        The window.

    Returns
    -------
    ndarray of int64, shape (m, 5)
        Item, begin and end within the window, and 1 where it failed and where it was restored within it; by item and
        begin. Spells outside the window and of no length are left out.

    Examples
    --------
    Two faults that overlap, the second still standing, are one spell that began in the window and is not over:

    >>> down_time(np.array([0, 0]), np.array([10, 20]), np.array([25, NEVER_US]), start_us=0, stop_us=50).tolist()
    [[0, 10, 50, 1, 0]]
    """
    order = np.lexsort((end_us, begin_us, item))
    who, begin, end = item[order], begin_us[order], end_us[order]
    spells: list[tuple[int, int, int]] = []
    for k, a, b in zip(who.tolist(), begin.tolist(), end.tolist(), strict=True):
        if spells and spells[-1][0] == k and a <= spells[-1][2]:
            spells[-1] = (k, spells[-1][1], max(b, spells[-1][2]))
        else:
            spells.append((k, a, b))
    cut = [
        (k, max(a, start_us), min(b, stop_us), int(start_us <= a), int(b <= stop_us))
        for k, a, b in spells
        if b > start_us and a < stop_us and b > a
    ]
    return np.array(cut, dtype=np.int64).reshape(-1, 5)


def dependability(spells: Micros, in_service_us: Micros) -> Dependability:
    """Reckon the figures of a group of items.

    Parameters
    ----------
    spells : ndarray of int64, shape (m, 5)
        Down time of the items, from :func:`down_time`.
    in_service_us : ndarray of int64, shape (items,)
        How long each item was meant to serve within the window.

    Notes
    -----
    With up time :math:`U` and down time :math:`D` of all items within the window, :math:`r` failures and :math:`q`
    restorations, MTBF = U / r, MTTR = D / q, mean availability = U / (U + D) (terms of IEC 60050-192:2015, expressions
    of IEC 61703:2016). Spells cut by the ends of the window count with the part inside it and with the end that lies in
    it: for constant rates these are the maximum-likelihood estimates under that censoring, while the mean of the spells
    that are over would leave out the longest. Limits of MTBF for a test ended by time: 2U / χ²(0.95; 2r + 2) and
    2U / χ²(0.05; 2r) (IEC 60605-4:2001).

    Examples
    --------
    One item over 100 h that was down from hour 20 to 30 and is down since hour 95: U = 85 h, D = 15 h.

    >>> h = 3_600_000_000
    >>> found = dependability(np.array([[0, 20 * h, 30 * h, 1, 1], [0, 95 * h, 100 * h, 1, 0]]), np.array([100 * h]))
    >>> (found.mtbf_s / 3600, found.mttr_s / 3600, found.availability_ratio)
    (42.5, 15.0, 0.85)
    """
    down_s = int((spells[:, 2] - spells[:, 1]).sum()) / 1e6
    up_s = int(in_service_us.sum()) / 1e6 - down_s
    failures, restorations = int(spells[:, 3].sum()), int(spells[:, 4].sum())
    low = up_s / _gamma_quantile(failures + 1, 0.95) if up_s > 0 else None
    return Dependability(
        items=len(in_service_us),
        failures=failures,
        restorations=restorations,
        up_s=up_s,
        down_s=down_s,
        mtbf_s=up_s / failures if failures else None,
        mtbf_low_s=low,
        mtbf_high_s=up_s / _gamma_quantile(failures, 0.05) if failures else None,
        mttr_s=down_s / restorations if restorations else None,
        availability_ratio=up_s / (up_s + down_s) if up_s + down_s > 0 else None,
        failure_rate_per_h=failures / (up_s / 3600.0) if up_s > 0 else None,
    )


def _gamma_quantile(shape: int, probability: float) -> float:
    """Quantile of the gamma distribution, half that of χ² with twice as many degrees of freedom."""
    return float(gammaincinv(shape, probability))
