"""From rain to water in the river, by lumped storages that conserve mass exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nash_cascade_step", "stage_from_discharge"]

F64 = NDArray[np.float64]


def nash_cascade_step(storage_m3: F64, inflow_m3_s: float, step_s: float, residence_s: float) -> tuple[F64, float]:
    """One step of a cascade of equal linear reservoirs, exact for inflow constant over the step.

    Parameters
    ----------
    storage_m3 : array, shape (n,)
        Water in each reservoir, upstream first.
    inflow_m3_s : float
        Into the first.
    step_s, residence_s : float
        Step, and residence time k of each reservoir (Nash 1957, "The form of the instantaneous unit hydrograph").

    Returns
    -------
    storage_m3 : array, shape (n,)
        After the step.
    outflow_m3_s : float
        Mean outflow of the last over the step; inflow·Δt + storage before = outflow·Δt + storage after.
    """
    after = np.empty_like(storage_m3)
    keep = np.exp(-step_s / residence_s)
    flow = inflow_m3_s
    for i, held in enumerate(storage_m3):
        after[i] = held * keep + flow * residence_s * (1.0 - keep)
        flow = flow + (held - after[i]) / step_s
    return after, float(flow)


def stage_from_discharge(discharge_m3_s: F64, *, bankfull_m3_s: float, bankfull_m: float, bed_m: float) -> F64:
    """Stage of a wide rectangular channel in uniform flow, h ∝ Q^(3/5) (Manning).

    Parameters
    ----------
    discharge_m3_s : array
        Discharge.
    bankfull_m3_s, bankfull_m, bed_m : float
        Discharge and stage at the bank's top, stage of the bed.

    Returns
    -------
    array
        Stage in metres over the gauge's zero.

    Examples
    --------
    >>> float(stage_from_discharge(np.array(100.0), bankfull_m3_s=100.0, bankfull_m=4.0, bed_m=0.0))
    4.0
    """
    return np.asarray(bed_m + (bankfull_m - bed_m) * (np.maximum(discharge_m3_s, 0.0) / bankfull_m3_s) ** 0.6)
