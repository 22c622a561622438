"""What a river forecast says, gauge by gauge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import NotFound
from rencheng.science.river_outlook import QUANTILES

__all__ = ["GaugeOutlook", "RiverForecast", "exceed_prob"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeOutlook:
    """Stage of one gauge ahead.

    Parameters
    ----------
    sensor_id, name : str
        The gauge.
    observed_m : float
        Last stage known at the hour the forecast stands on.
    past_m : float64 array, shape (past hours,)
        Hourly stages up to then, NaN where unknown.
    stage_m : float64 array, shape (quantiles, hours ahead)
        Quantiles :data:`rencheng.science.river_outlook.QUANTILES`, hour by hour.
    discharge_m3_s : float64 array, shape (quantiles, hours ahead), or None
        Of what reaches the gauge; None where none is routed.
    """

    sensor_id: str
    name: str
    observed_m: float
    past_m: Floats
    stage_m: Floats
    discharge_m3_s: Floats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverForecast:
    """A forecast of a river.

    Parameters
    ----------
    based_at : datetime
        Whole hour it stands on; the first hour ahead ends one later.
    model : str
        ``river-basin/1``, ``stage-nnridge/1`` or ``persistence/1``.
    target : str
        The gauge it was made for.
    gauges : tuple of GaugeOutlook
        The target and the others it says something of, in the order of the river.
    members : int
        Size of the ensemble; 0 without one.
    effective_members : float
        How many of them the past left weight to.
    notes : tuple of str
        What was missing, and what was done instead.
    """

    based_at: datetime
    model: str
    target: str
    gauges: tuple[GaugeOutlook, ...]
    members: int
    effective_members: float
    notes: tuple[str, ...]

    def gauge(self, sensor_id: str) -> GaugeOutlook:
        """Give the outlook of one gauge.

        Raises
        ------
        NotFound
            If nothing is forecast for it.
        """
        for found in self.gauges:
            if found.sensor_id == sensor_id:
                return found
        known = ", ".join(g.sensor_id for g in self.gauges)
        raise NotFound(f"no forecast for gauge {sensor_id!r}", mend=f"Forecast are: {known}")


def exceed_prob(stage_m: Floats, threshold_m: float) -> Floats:
    """Probability of being at or above a threshold, shape (hours,), from quantiles of shape (quantiles, hours).

    Straight lines between the quantiles; beyond the outermost ones they go on as steep as there.

    Examples
    --------
    >>> exceed_prob(np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]), 3.0).tolist()
    [0.5]
    """
    level = np.array(QUANTILES)
    low = stage_m[:1] - (stage_m[1:2] - stage_m[:1]) * level[0] / (level[1] - level[0])
    high = stage_m[-1:] + (stage_m[-1:] - stage_m[-2:-1]) * (1.0 - level[-1]) / (level[-1] - level[-2])
    ladder = np.vstack([low, stage_m, high])
    level = np.r_[0.0, level, 1.0]
    return np.array([1.0 - float(np.interp(threshold_m, ladder[:, t], level)) for t in range(ladder.shape[1])])
