"""Rain over a window of event time, with the share of the window that was really observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["accumulations", "rates_in_bins", "typical_interval_s"]

_MICROS = 1_000_000.0


def typical_interval_s(
    gauge: NDArray[np.int64], at_us: NDArray[np.int64], *, gauges: int, default_s: float = 3600.0
) -> NDArray[np.float64]:
    """Median time between successive readings of each gauge.

    Parameters
    ----------
    gauge : int64 array, shape (n,)
        Gauge index of each reading, ascending.
    at_us : int64 array, shape (n,)
        Stamps in microseconds since 1970, ascending within a gauge.
    gauges : int
        Number of gauges.
    default_s : float
        Given where a gauge has fewer than two readings.

    Returns
    -------
    float64 array, shape (gauges,)
        Seconds.

    Examples
    --------
    >>> import numpy as np
    >>> typical_interval_s(np.zeros(3, np.int64), np.array([0, 900_000_000, 1_800_000_000]), gauges=1).tolist()
    [900.0]
    """
    out = np.full(gauges, default_s)
    same = gauge[1:] == gauge[:-1]
    step = (at_us[1:] - at_us[:-1])[same]
    owner = gauge[1:][same]
    keep = step > 0
    step, owner = step[keep], owner[keep]
    if len(step) == 0:
        return out
    order = np.lexsort((step, owner))
    step, owner = step[order], owner[order]
    first = np.searchsorted(owner, np.arange(gauges), side="left")
    count = np.searchsorted(owner, np.arange(gauges), side="right") - first
    known = count > 0
    out[known] = step[first[known] + (count[known] - 1) // 2] / _MICROS
    return out


def accumulations(
    gauge: NDArray[np.int64],
    at_us: NDArray[np.int64],
    amount_mm: NDArray[np.float64],
    *,
    gauges: int,
    now_us: int,
    windows_h: tuple[float, ...] = (1.0, 3.0, 6.0, 12.0, 24.0),
    interval_s: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rain of each gauge in the windows ``(now - w, now]`` and how much of each window was observed.

    A reading is the amount since the reading before it, but never since longer than 1.5 typical intervals: what
    fell in a gap is unknown and counts as unobserved time. A reading that straddles the start of a window counts by the
    share of its interval that lies inside (WMO-No. 168, vol. I, §3.3: totals of unequal intervals).

    Parameters
    ----------
    gauge, at_us : int64 arrays, shape (n,)
        Gauge index (ascending) and stamp in microseconds (ascending within a gauge).
    amount_mm : float64 array, shape (n,)
        Amount since the reading before, mm.
    gauges : int
        Number of gauges.
    now_us : int
        End of all windows; later readings are ignored.
    windows_h : tuple of float
        Window lengths, hours.
    interval_s : float64 array, shape (gauges,), optional
        Reporting interval; learnt by :func:`typical_interval_s` where not given.

    Returns
    -------
    amount_mm : float64 array, shape (gauges, windows)
        What was observed to fall: a lower bound where completeness is below 1. NaN where nothing was observed.
    completeness_ratio : float64 array, shape (gauges, windows)
        Observed share of the window, 0 … 1.

    Examples
    --------
    >>> import numpy as np
    >>> hour = 3_600_000_000
    >>> mm, share = accumulations(
    ...     np.zeros(3, np.int64), np.array([1, 2, 3]) * hour, np.array([5.0, 0.0, 7.0]),
    ...     gauges=1, now_us=3 * hour, windows_h=(1.0, 3.0))
    >>> mm.tolist(), share.tolist()
    ([[7.0, 12.0]], [[1.0, 1.0]])
    """
    good = (at_us <= now_us) & np.isfinite(amount_mm)
    gauge, at_us, amount_mm = gauge[good], at_us[good], amount_mm[good]
    begin, end = _intervals_us(gauge, at_us, gauges, interval_s)
    span = end - begin
    amount = np.full((gauges, len(windows_h)), np.nan)
    share = np.zeros((gauges, len(windows_h)))
    for column, window in enumerate(windows_h):
        start = now_us - window * 3600.0 * _MICROS
        inside = np.clip(end - np.maximum(begin, start), 0.0, None)
        part = np.where(span > 0, inside / np.where(span > 0, span, 1.0), 0.0)
        observed = np.bincount(gauge, weights=inside, minlength=gauges)
        total = np.bincount(gauge, weights=amount_mm * part, minlength=gauges)
        share[:, column] = np.minimum(observed / (window * 3600.0 * _MICROS), 1.0)
        amount[:, column] = np.where(observed > 0, total, np.nan)
    return amount, share


def _intervals_us(
    gauge: NDArray[np.int64], at_us: NDArray[np.int64], gauges: int, interval_s: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From when to when each reading fell: since the one before, but never longer than 1.5 typical intervals."""
    typical = typical_interval_s(gauge, at_us, gauges=gauges) if interval_s is None else interval_s
    limit = typical[gauge] * 1.5 * _MICROS
    span = typical[gauge] * _MICROS
    if len(gauge) > 1:
        step = (at_us[1:] - at_us[:-1]).astype(np.float64)
        same = gauge[1:] == gauge[:-1]
        span[1:] = np.where(same, np.where(step <= limit[1:], step, span[1:]), span[1:])
    end = at_us.astype(np.float64)
    return end - span, end


def rates_in_bins(
    gauge: NDArray[np.int64],
    at_us: NDArray[np.int64],
    amount_mm: NDArray[np.float64],
    *,
    gauges: int,
    edges_us: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Mean rain rate of each gauge in consecutive bins of time, NaN where less than half of a bin was observed.

    Parameters
    ----------
    gauge, at_us, amount_mm, gauges
        As of :func:`accumulations`.
    edges_us : int64 array, shape (bins + 1,)
        Bin edges, microseconds, ascending.

    Returns
    -------
    float64 array, shape (bins, gauges)
        mm/h over the observed part of each bin.

    Examples
    --------
    Three millimetres in the first ten of twenty minutes, then none:

    >>> minute = 60_000_000
    >>> rates_in_bins(
    ...     np.zeros(2, np.int64), np.array([10, 20]) * minute, np.array([3.0, 0.0]),
    ...     gauges=1, edges_us=np.array([0, 10, 20]) * minute).tolist()
    [[18.0], [0.0]]
    """
    good = np.isfinite(amount_mm)
    gauge, at_us, amount_mm = gauge[good], at_us[good], amount_mm[good]
    begin, end = _intervals_us(gauge, at_us, gauges, None)
    span = np.maximum(end - begin, 1.0)
    out = np.full((len(edges_us) - 1, gauges), np.nan)
    for k, (left, right) in enumerate(zip(edges_us[:-1].tolist(), edges_us[1:].tolist(), strict=True)):
        inside = np.clip(np.minimum(end, right) - np.maximum(begin, left), 0.0, None)
        observed = np.bincount(gauge, weights=inside, minlength=gauges)
        fell = np.bincount(gauge, weights=amount_mm * inside / span, minlength=gauges)
        enough = observed >= 0.5 * (right - left)
        out[k, enough] = fell[enough] / (observed[enough] / (3600.0 * _MICROS))
    return out
