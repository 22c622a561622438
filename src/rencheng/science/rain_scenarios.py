"""Rain after now where nobody forecasts it: it stops, dies away or goes on, and new rain comes as it came before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEIGHTS", "rain_scenarios"]

Floats = NDArray[np.float64]

WEIGHTS = {"none": 0.25, "fading": 0.5, "lasting": 0.25}
"""Share of the members for which the rain of now stops, fades from the rate of the last day, or goes on at it."""
FADING_H = (6.0, 36.0)
LASTING_H = (12.0, 60.0)
RECENT_H = 24


def rain_scenarios(rain_mm: Floats, hours: int, members: int, rng: np.random.Generator) -> Floats:
    """Hourly rain after now by member: what is left of the rain of now, and new rain as in the record.

    Of the rain of now a quarter of the members see no more; half see it fade with a memory of 6 to 36 hours, the
    passage of a front; a quarter see it last 12 to 60 hours and end, as under a blocked one. Besides, every member
    gets the rain of a stretch of the record drawn at random, the same one for all catchments: the climate, as far as
    the record knows it (resampling of ensembles of past weather: Day 1985, J. Water Resour. Plann. Manag. 111:157).

    Parameters
    ----------
    rain_mm : float64 array, shape (past hours, nodes)
        Hourly rain up to now.
    hours, members : int
        How far ahead, and how many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    float64 array, shape (hours, nodes, members)
    """
    lead = np.arange(1, hours + 1)[:, None] - 0.5
    kind = (np.arange(members) + 0.5) / members
    fading = np.exp(-lead / rng.uniform(*FADING_H, members))
    lasting = (lead < rng.uniform(*LASTING_H, members)).astype(np.float64)
    share = np.where(kind < WEIGHTS["none"], 0.0, np.where(kind < 1.0 - WEIGHTS["lasting"], fading, lasting))
    share = share[:, rng.permutation(members)]
    rate = rain_mm[-RECENT_H:].mean(axis=0)
    ahead = rate[None, :, None] * share[:, None, :]
    if len(rain_mm) > hours:
        start = rng.integers(0, len(rain_mm) - hours + 1, members)
        for m in range(members):
            ahead[:, :, m] += rain_mm[start[m] : start[m] + hours]
    return np.asarray(ahead, dtype=np.float64)
