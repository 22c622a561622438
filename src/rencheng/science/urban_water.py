"""Rain on a city's streets: what is likely still to fall, what drains cannot take, and what people saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["accumulation_outlook", "any_of", "drain_excess_mm", "threshold_probability"]


def accumulation_outlook(
    windows_h: tuple[float, ...],
    amount_mm: NDArray[np.float64],
    error_mm: NDArray[np.float64],
    *,
    window_h: float,
    lead_h: float,
    fading_h: float = 2.0,
    nowcast_error_ratio: float = 0.8,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Rain in the window of ``window_h`` hours that ends ``lead_h`` hours from now.

    What is still in the window was measured; what is to come is the rain of the last hour fading exponentially,
    :math:`R_1 \tau (1 - e^{-L/\tau})`: without radar, persistence that loses its memory within hours (Germann &
    Zawadzki 2002, Mon. Weather Rev. 130:2859, find lifetimes of one to a few hours).

    Parameters
    ----------
    windows_h : tuple of float
        Windows of the columns, ascending, the first of 1 h.
    amount_mm, error_mm : float64 arrays, shape (places, windows)
        Measured amounts and standard errors; NaN counts as none measured.
    window_h, lead_h : float
        Length and end of the window.
    fading_h, nowcast_error_ratio : float
        Memory of the rain rate; standard error of the rain to come as a share of it.

    Returns
    -------
    amount_mm, error_mm : float64 arrays, shape (places,)

    Examples
    --------
    >>> import numpy as np
    >>> windows, none = (1.0, 3.0), np.zeros((1, 2))
    >>> mm, error = accumulation_outlook(windows, np.array([[10.0, 20.0]]), none, window_h=3.0, lead_h=0.0)
    >>> mm.tolist(), error.tolist()
    ([20.0], [0.0])
    """
    amount, error = np.nan_to_num(amount_mm), np.nan_to_num(error_mm)
    columns = np.array([0.0, *windows_h])
    kept = max(window_h - lead_h, 0.0)
    right = int(np.clip(np.searchsorted(columns, kept), 1, len(windows_h)))
    share = (min(kept, columns[right]) - columns[right - 1]) / (columns[right] - columns[right - 1])
    left_mm = amount[:, right - 2] if right > 1 else np.zeros(len(amount))
    measured = left_mm + share * np.maximum(amount[:, right - 1] - left_mm, 0.0)
    fallen = min(lead_h, window_h)
    begun = lead_h - fallen
    to_come = amount[:, 0] * fading_h * (np.exp(-begun / fading_h) - np.exp(-lead_h / fading_h))
    spread = np.hypot(error[:, right - 1] if kept > 0 else 0.0, nowcast_error_ratio * to_come)
    return measured + to_come, spread


def drain_excess_mm(
    amount_mm: NDArray[np.float64], *, window_h: float, capacity_mm_h: float, exponent: float = 0.4
) -> NDArray[np.float64]:
    r"""Rain beyond what storm drains take: :math:`\max(R - c\,w^{n}, 0)`.

    Design rain grows with duration as a power below one (Chicago-type intensity formula of GB 50014-2021, §4.1, with
    intensity falling as :math:`w^{-0.6}`); ``capacity_mm_h`` is the design rain of one hour.

    Examples
    --------
    >>> import numpy as np
    >>> drain_excess_mm(np.array([30.0, 50.0]), window_h=1.0, capacity_mm_h=36.0).tolist()
    [0.0, 14.0]
    """
    design_mm = capacity_mm_h * window_h**exponent
    return np.asarray(np.maximum(np.nan_to_num(amount_mm) - design_mm, 0.0), dtype=np.float64)


def threshold_probability(
    value: NDArray[np.float64], error: NDArray[np.float64], threshold: float
) -> NDArray[np.float64]:
    """Probability that a normally uncertain value is at or above a threshold; certain where the error is 0.

    Examples
    --------
    >>> import numpy as np
    >>> threshold_probability(np.array([50.0, 50.0]), np.array([5.0, 0.0]), 50.0).tolist()
    [0.5, 1.0]
    """
    sure = error <= 0.0
    z = (value - threshold) / np.where(sure, 1.0, error)
    return np.where(sure, (value >= threshold).astype(np.float64), np.asarray(ndtr(z), dtype=np.float64))


def any_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that one of two independent causes suffices (noisy-or, Pearl 1988, §4.3.2).

    Examples
    --------
    >>> import numpy as np
    >>> any_of(np.array([0.5]), np.array([0.5])).tolist()
    [0.75]
    """
    return 1.0 - (1.0 - first) * (1.0 - second)
