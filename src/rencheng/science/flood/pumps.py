"""Pumps: when they start and stop, and what they lift at a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput

__all__ = ["PumpCurve", "pump_discharge_m3_s", "pumps_running"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpCurve:
    """What a pump lifts at a head, straight between its points.

    Parameters
    ----------
    head_m, discharge_m3_s : tuple of float
        Heads ascending and the discharge at each, descending; beyond the last head nothing is lifted.
    """

    head_m: tuple[float, ...]
    discharge_m3_s: tuple[float, ...]

    def __post_init__(self) -> None:
        heads, flows = np.asarray(self.head_m), np.asarray(self.discharge_m3_s)
        fits = len(heads) == len(flows) > 0 and bool(np.isfinite(heads).all()) and bool((flows >= 0.0).all())
        if not fits or (np.diff(heads) <= 0.0).any() or (np.diff(flows) > 0.0).any():
            raise InvalidInput(
                f"no pump curve: heads {self.head_m}, discharges {self.discharge_m3_s}",
                where="head_m, discharge_m3_s",
                mend="Give heads ascending and as many discharges, none negative, descending",
            )


def pumps_running(
    running: NDArray[np.bool_], level_m: ArrayLike, *, start_m: ArrayLike, stop_m: ArrayLike
) -> NDArray[np.bool_]:
    """Whether each pump runs now: it starts at its start level and runs on until its stop level.

    Parameters
    ----------
    running : bool array, shape (n,)
        Whether it ran before.
    level_m, start_m, stop_m : arrays, shape (n,)
        Water level in the sump, and the levels of its float switches.

    Examples
    --------
    >>> pumps_running(np.array([False, True]), 1.0, start_m=1.5, stop_m=0.5).tolist()
    [False, True]
    """
    level, start, stop = (np.asarray(v, dtype=np.float64) for v in (level_m, start_m, stop_m))
    return np.asarray((level >= start) | (running & (level > stop)), dtype=np.bool_)


def pump_discharge_m3_s(curve: PumpCurve, head_m: ArrayLike) -> F64:
    """Discharge at a head (delivery level over sump level); the first point's below the curve, nothing beyond it.

    Examples
    --------
    >>> pump_discharge_m3_s(PumpCurve(head_m=(0.0, 10.0), discharge_m3_s=(0.5, 0.1)), [5.0, 12.0]).tolist()
    [0.3, 0.0]
    """
    head = np.asarray(head_m, dtype=np.float64)
    flow = np.interp(head, curve.head_m, curve.discharge_m3_s)
    beyond = (head > curve.head_m[-1]) & (len(curve.head_m) > 1)
    return np.asarray(np.where(beyond, 0.0, flow), dtype=np.float64)
