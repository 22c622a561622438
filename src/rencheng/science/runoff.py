"""From rain to water in the street and in the river, by lumped storages that conserve mass exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ponds", "nash_cascade_step", "pond_depth", "pond_step", "stage_from_discharge"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ponds:
    """Low places that collect water: underpasses and hollows.

    Parameters
    ----------
    catchment_m2 : array, shape (n,)
        Area that drains to each.
    runoff_ratio : array, shape (n,)
        Share of the rain that runs off (GB 50014-2021, table 4.1.8).
    drain_m3_s : array, shape (n,)
        What sewers and pumps take away at most.
    area_m2 : array, shape (n,)
        Water surface at one metre depth; the place is a parabolic bowl.
    rim_m : array, shape (n,)
        Depth at which the water spills over and leaves.
    """

    catchment_m2: F64
    runoff_ratio: F64
    drain_m3_s: F64
    area_m2: F64
    rim_m: F64


def pond_depth(ponds: Ponds, volume_m3: F64) -> F64:
    """Depth of a parabolic bowl that holds a volume, V = ½ A₁ h² with A(h) = A₁ h; shape (n,), metres.

    Examples
    --------
    A bowl of 200 m² at one metre holds 100 m³ there: h = sqrt(2·100/200) = 1.
    """
    return np.sqrt(2.0 * volume_m3 / ponds.area_m2)


def pond_step(ponds: Ponds, volume_m3: F64, rain_mm_h: F64, step_s: float) -> tuple[F64, F64, F64]:
    """One step of the water balance of every pond.

    Parameters
    ----------
    volume_m3, rain_mm_h : arrays, shape (n,)
        Water held and rain on the catchments.
    step_s : float
        Step in seconds.

    Returns
    -------
    volume_m3, drained_m3, spilled_m3 : arrays, shape (n,)
        New volume and what left; old + inflow = new + drained + spilled to rounding.
    """
    inflow = ponds.catchment_m2 * ponds.runoff_ratio * rain_mm_h / 3.6e6 * step_s
    held = volume_m3 + inflow
    drained = np.minimum(held, ponds.drain_m3_s * step_s)
    held = held - drained
    spilled = np.maximum(held - 0.5 * ponds.area_m2 * ponds.rim_m**2, 0.0)
    return held - spilled, drained, spilled


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
