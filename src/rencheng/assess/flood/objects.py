"""Who stands in the water: the table of buildings, road links and facilities of a flood forecast."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["OBJECT_KINDS", "OBJECT_SCHEMA", "THRESHOLDS_M", "exceed_column", "prob_of_depth"]

THRESHOLDS_M = (0.15, 0.3, 0.6, 1.2)
"""Depths whose exceedance is forecast: a kerb, a car's exhaust, a person's footing, rescue by boat."""

OBJECT_KINDS = ("cell", "road_link", "building", "facility")


def exceed_column(threshold_m: float) -> str:
    """Name of the probability column of a threshold.

    Examples
    --------
    >>> exceed_column(0.15)
    'exceed_150mm_prob'
    """
    return f"exceed_{round(threshold_m * 1000)}mm_prob"


def prob_of_depth(exceeded: NDArray[np.float64], depth_m: float) -> NDArray[np.float64]:
    """Probability of a depth out of those of the thresholds, straight between them; shape (n,).

    Below the least threshold it is the probability of that, too low; above the greatest, of that, too high.

    Parameters
    ----------
    exceeded : float array, shape (n, thresholds)
        Exceedance probabilities in the order of :data:`THRESHOLDS_M`.

    Examples
    --------
    27 cm lie four fifths of the way from 15 to 30 cm:

    >>> prob_of_depth(np.array([[1.0, 0.5, 0.0, 0.0]]), 0.27).round(3).tolist()
    [0.6]
    """
    at = np.asarray(THRESHOLDS_M)
    upper = int(np.clip(np.searchsorted(at, depth_m, side="left"), 1, len(at) - 1))
    part = float(np.clip((depth_m - at[upper - 1]) / (at[upper] - at[upper - 1]), 0.0, 1.0))
    return np.asarray((1.0 - part) * exceeded[:, upper - 1] + part * exceeded[:, upper])


OBJECT_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("object_id", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("lead_min", pa.int32(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("depth_m", pa.float32(), nullable=False),
        pa.field("depth_high_m", pa.float32(), nullable=False),
        *[pa.field(exceed_column(t), pa.float32(), nullable=False) for t in THRESHOLDS_M],
        pa.field("people", pa.float32(), nullable=False),
    ]
)
"""One row per object and lead time with any chance of 0.15 m.

``kind`` is one of :data:`OBJECT_KINDS`; ``object_id`` the H3 cell as decimal, link_id, building_id or facility_id;
``detail`` the road class (``underpass`` for underpasses), the building's use or the facility's kind; ``depth_m`` the
median and ``depth_high_m`` the 90 % quantile over members (deepest along a link, at the wall of a building);
``people`` residents or capacity.
Ordered by kind (in the order of OBJECT_KINDS), object_id, lead_min.
"""
