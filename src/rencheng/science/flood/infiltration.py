"""Water that the ground takes: Green–Ampt, the SCS curve number and constant losses, cell by cell.

Lengths are in millimetres and times in hours, as in soil tables; every increment is limited by the water there is.
The compiled scalar functions are what an engine calls per cell; the functions without ``_cell`` take arrays.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput

__all__ = [
    "INITIAL_ABSTRACTION_RATIO",
    "constant_loss_cell",
    "constant_loss_step",
    "curve_number_retention_mm",
    "curve_number_runoff_cell",
    "curve_number_runoff_mm",
    "green_ampt_cell",
    "green_ampt_ponded_cell",
    "green_ampt_ponded_mm",
    "green_ampt_ponding_time_h",
    "green_ampt_rate_mm_h",
    "green_ampt_step",
]

F64 = NDArray[np.float64]

INITIAL_ABSTRACTION_RATIO = 0.2
"""Initial abstraction as a share of the potential retention (NRCS 2004, NEH 630, ch. 10, eq. 10-9)."""


@njit(cache=True)
def green_ampt_ponded_cell(
    infiltrated_mm: float, conductivity_mm_h: float, storage_suction_mm: float, step_h: float
) -> float:
    r"""Water that infiltrates under ponding during a step, mm; the compiled kernel of :func:`green_ampt_ponded_mm`.

    Newton's iteration on the convex :math:`g(x) = x - S \ln(1 + x / (F + S)) - K t`, from the explicit root of its
    second-order expansion (Li, Stagnitti & Das 1976, J. Irrig. Drain. 102:185).
    """
    gravity = conductivity_mm_h * step_h
    if gravity <= 0.0:
        return 0.0
    if storage_suction_mm <= 0.0:
        return gravity
    held = infiltrated_mm + storage_suction_mm
    lead = gravity - 2.0 * infiltrated_mm
    taken = 0.5 * (lead + np.sqrt(lead * lead + 8.0 * gravity * held))
    for _ in range(30):
        residual = taken - storage_suction_mm * np.log1p(taken / held) - gravity
        change = residual * (held + taken) / (infiltrated_mm + taken)
        taken -= change
        if abs(change) <= 1e-7 * taken:  # the next change would be of the order of its square
            break
    return max(float(taken), gravity)


@njit(cache=True)
def green_ampt_cell(
    infiltrated_mm: float, supply_mm: float, conductivity_mm_h: float, storage_suction_mm: float, step_h: float
) -> float:
    """Water that infiltrates in one step at one place, mm; the compiled kernel of :func:`green_ampt_step`."""
    rate = supply_mm / step_h
    if rate <= conductivity_mm_h:
        return supply_mm
    if conductivity_mm_h <= 0.0:
        return 0.0
    at_ponding = conductivity_mm_h * storage_suction_mm / (rate - conductivity_mm_h)
    if infiltrated_mm >= at_ponding:
        before = 0.0
    else:
        before = at_ponding - infiltrated_mm
        if before >= supply_mm:
            return supply_mm
    left_h = step_h - before / rate
    ponded = green_ampt_ponded_cell(infiltrated_mm + before, conductivity_mm_h, storage_suction_mm, left_h)
    return min(before + ponded, supply_mm)


@njit(cache=True)
def _green_ampt_cells(infiltrated: F64, supply: F64, conductivity: F64, suction: F64, step_h: float) -> F64:
    taken = np.empty_like(infiltrated)
    for i in range(len(infiltrated)):
        taken[i] = green_ampt_cell(infiltrated[i], supply[i], conductivity[i], suction[i], step_h)
    return taken


@njit(cache=True)
def _ponded_cells(infiltrated: F64, conductivity: F64, suction: F64, step_h: F64) -> F64:
    taken = np.empty_like(infiltrated)
    for i in range(len(infiltrated)):
        taken[i] = green_ampt_ponded_cell(infiltrated[i], conductivity[i], suction[i], step_h[i])
    return taken


def _together(**values: ArrayLike) -> tuple[list[F64], tuple[int, ...]]:
    """Flat arrays of one shape, refused where NaN or negative."""
    arrays = [np.asarray(v, dtype=np.float64) for v in values.values()]
    for name, array in zip(values, arrays, strict=True):
        bad = ~(array >= 0.0)
        if bad.any():
            place = np.unravel_index(int(np.argmax(bad)), array.shape)
            at = [int(i) for i in place]
            raise InvalidInput(f"{name} is negative or NaN", where=f"cell {at}", mend="Fill holes in the soil map")
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return [np.ascontiguousarray(np.broadcast_to(a, shape)).ravel() for a in arrays], shape


def green_ampt_rate_mm_h(
    infiltrated_mm: ArrayLike, *, conductivity_mm_h: ArrayLike, suction_mm: ArrayLike, deficit_ratio: ArrayLike
) -> F64:
    r"""Infiltration capacity of soil that has taken a depth of water, :math:`f = K (1 + \psi \Delta\theta / F)`.

    Green & Ampt (1911), in the form of Chow, Maidment & Mays (1988), *Applied Hydrology*, eq. 4.3.7.

    Parameters
    ----------
    infiltrated_mm : array
        Cumulative infiltration F; infinite capacity at 0.
    conductivity_mm_h, suction_mm, deficit_ratio : arrays
        Hydraulic conductivity K, wetting-front suction head ψ, moisture deficit Δθ = (1 - s_e) θ_e.

    Examples
    --------
    Chow et al., example 4.3.1: silt loam, 31.7 mm taken in the first hour.

    >>> round(float(green_ampt_rate_mm_h(31.7, conductivity_mm_h=6.5, suction_mm=167.0, deficit_ratio=0.34)), 1)
    18.1
    """
    flat, shape = _together(
        infiltrated_mm=infiltrated_mm,
        conductivity_mm_h=conductivity_mm_h,
        suction_mm=suction_mm,
        deficit_ratio=deficit_ratio,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(flat[0] > 0.0, flat[1] * (1.0 + flat[2] * flat[3] / flat[0]), np.inf)
    return np.asarray(rate.reshape(shape), dtype=np.float64)


def green_ampt_ponding_time_h(
    rain_mm_h: ArrayLike, *, conductivity_mm_h: ArrayLike, suction_mm: ArrayLike, deficit_ratio: ArrayLike
) -> F64:
    r"""Time from the start of steady rain until water stands on the ground, :math:`K\psi\Delta\theta / (i (i - K))`.

    Mein & Larson (1973), Water Resour. Res. 9:384; Chow et al. (1988), eq. 4.4.2. Infinite where the rain is no harder
    than the conductivity.

    Examples
    --------
    Chow et al., example 4.4.1: rain of 50 mm/h on silt loam ponds after 10 minutes.

    >>> t = green_ampt_ponding_time_h(50.0, conductivity_mm_h=6.5, suction_mm=167.0, deficit_ratio=0.34)
    >>> round(float(t), 2)
    0.17
    """
    flat, shape = _together(
        rain_mm_h=rain_mm_h, conductivity_mm_h=conductivity_mm_h, suction_mm=suction_mm, deficit_ratio=deficit_ratio
    )
    rain, conductivity, storage = flat[0], flat[1], flat[2] * flat[3]
    ponds = rain > conductivity
    spare = np.where(ponds, rain - conductivity, 1.0)
    time = np.where(ponds, conductivity * storage / (np.where(ponds, rain, 1.0) * spare), np.inf)
    return np.asarray(time.reshape(shape), dtype=np.float64)


def green_ampt_ponded_mm(
    infiltrated_mm: ArrayLike,
    step_h: ArrayLike,
    *,
    conductivity_mm_h: ArrayLike,
    suction_mm: ArrayLike,
    deficit_ratio: ArrayLike,
) -> F64:
    r"""Depth that infiltrates while water stands on the ground all the time, to rounding.

    The root of :math:`F_2 - F_1 - S \ln\frac{F_2 + S}{F_1 + S} = K \Delta t` with :math:`S = \psi\Delta\theta`
    (Chow et al. 1988, eq. 4.4.5).

    Parameters
    ----------
    infiltrated_mm : array
        Cumulative infiltration F₁ before.
    step_h : array
        Time Δt under ponding.

    Returns
    -------
    array
        F₂ - F₁.

    Examples
    --------
    Chow et al., example 4.3.1: 3.17 cm in the first hour.

    >>> mm = green_ampt_ponded_mm(0.0, 1.0, conductivity_mm_h=6.5, suction_mm=167.0, deficit_ratio=0.34)
    >>> round(float(mm), 1)
    31.7
    """
    flat, shape = _together(
        infiltrated_mm=infiltrated_mm,
        step_h=step_h,
        conductivity_mm_h=conductivity_mm_h,
        suction_mm=suction_mm,
        deficit_ratio=deficit_ratio,
    )
    taken = _ponded_cells(flat[0], flat[2], flat[3] * flat[4], flat[1])
    return np.asarray(taken.reshape(shape), dtype=np.float64)


def green_ampt_step(
    infiltrated_mm: ArrayLike,
    supply_mm: ArrayLike,
    step_h: float,
    *,
    conductivity_mm_h: ArrayLike,
    suction_mm: ArrayLike,
    deficit_ratio: ArrayLike,
) -> F64:
    """Depth that infiltrates in one step of steady supply, with the moment of ponding inside the step found exactly.

    Parameters
    ----------
    infiltrated_mm : array
        Cumulative infiltration before the step.
    supply_mm : array
        Water there is during the step: rain of the step and depth standing.
    step_h : float
        Step.
    conductivity_mm_h, suction_mm, deficit_ratio : arrays
        Soil; zero conductivity is a sealed surface.

    Returns
    -------
    array
        Never above ``supply_mm``.

    Notes
    -----
    The flow chart of Chow et al. (1988), § 5.4: ponded throughout, not ponded at all, or ponding at
    F_p = KS / (i - K) within the step. Because each branch is exact, cutting a step in two changes nothing.

    Examples
    --------
    >>> soil = {"conductivity_mm_h": 6.5, "suction_mm": 167.0, "deficit_ratio": 0.34}
    >>> round(float(green_ampt_step(0.0, 50.0, 1.0, **soil)), 1)
    30.2
    """
    if not step_h > 0.0:
        raise InvalidInput(f"a step of {step_h} h is no step", where="step_h", mend="Give a positive step")
    flat, shape = _together(
        infiltrated_mm=infiltrated_mm,
        supply_mm=supply_mm,
        conductivity_mm_h=conductivity_mm_h,
        suction_mm=suction_mm,
        deficit_ratio=deficit_ratio,
    )
    taken = _green_ampt_cells(flat[0], flat[1], flat[2], flat[3] * flat[4], step_h)
    return np.asarray(taken.reshape(shape), dtype=np.float64)


def curve_number_retention_mm(curve_number: ArrayLike) -> F64:
    """Potential maximum retention S = 25400 / CN - 254 (NRCS 2004, NEH 630, ch. 10, eq. 10-13).

    Raises
    ------
    InvalidInput
        If a curve number is outside 0 (exclusive) … 100.

    Examples
    --------
    >>> curve_number_retention_mm([100.0, 50.0]).tolist()
    [0.0, 254.0]
    """
    number = np.asarray(curve_number, dtype=np.float64)
    bad = ~((number > 0.0) & (number <= 100.0))
    if bad.any():
        at = [int(i) for i in np.unravel_index(int(np.argmax(bad)), number.shape)]
        raise InvalidInput("no curve number", where=f"cell {at}", mend="Curve numbers lie above 0 and up to 100")
    return np.asarray(25400.0 / number - 254.0, dtype=np.float64)


@njit(cache=True)
def curve_number_runoff_cell(rain_mm: float, retention_mm: float, abstraction_ratio: float) -> float:
    """Runoff of the rain so far at one place, mm; the compiled kernel of :func:`curve_number_runoff_mm`."""
    excess = rain_mm - abstraction_ratio * retention_mm
    if excess <= 0.0:
        return 0.0
    return excess * excess / (excess + retention_mm)


def curve_number_runoff_mm(
    rain_mm: ArrayLike, curve_number: ArrayLike, *, abstraction_ratio: float = INITIAL_ABSTRACTION_RATIO
) -> F64:
    r"""Runoff of the rain since the storm began, :math:`Q = (P - \lambda S)^2 / (P + (1 - \lambda) S)`.

    NRCS (2004), NEH 630, ch. 10, eq. 10-11. Differences of Q between two times are the runoff between them, so the
    law may be applied step by step: loss of a step = its rain - its runoff.

    Parameters
    ----------
    rain_mm : array
        Rain since the storm began.
    curve_number : array
        CN, 0 … 100.
    abstraction_ratio : float
        λ, 0.2 by the handbook; 0.05 by Woodward et al. (2003) with their curve numbers.

    Examples
    --------
    TR-55, table 2-1: 5 inches of rain on CN 80 give 2.89 inches of runoff.

    >>> round(float(curve_number_runoff_mm(5 * 25.4, 80.0)) / 25.4, 2)
    2.89
    """
    retention = curve_number_retention_mm(curve_number)
    (rain,), _ = _together(rain_mm=np.asarray(rain_mm, dtype=np.float64))
    excess = np.maximum(rain.reshape(np.shape(rain_mm)) - abstraction_ratio * retention, 0.0)
    # nothing has fallen on a sealed surface: 0/0 is 0
    return np.asarray(excess * excess / np.maximum(excess + retention, np.finfo(np.float64).tiny), dtype=np.float64)


@njit(cache=True)
def constant_loss_cell(taken_mm: float, supply_mm: float, initial_mm: float, rate_mm_h: float, step_h: float) -> float:
    """Loss of one step at one place, mm; the compiled kernel of :func:`constant_loss_step`."""
    first = min(max(initial_mm - taken_mm, 0.0), supply_mm)
    left_h = step_h if supply_mm <= 0.0 else step_h * (1.0 - first / supply_mm)
    return first + min(supply_mm - first, rate_mm_h * left_h)


def constant_loss_step(
    taken_mm: ArrayLike, supply_mm: ArrayLike, step_h: float, *, initial_mm: ArrayLike = 0.0, rate_mm_h: ArrayLike
) -> F64:
    """Initial loss first, then a constant rate (the IL/CL model of Australian Rainfall and Runoff 2019, book 5, ch. 3).

    Parameters
    ----------
    taken_mm, supply_mm : arrays
        Lost before the step; water there is during the step, arriving steadily.
    step_h : float
        Step.
    initial_mm, rate_mm_h : arrays
        Initial loss and continuing loss rate.

    Examples
    --------
    10 mm in half an hour on dry ground with 5 mm of initial loss: half the step is left for 12 mm/h.

    >>> float(constant_loss_step(0.0, 10.0, 0.5, initial_mm=5.0, rate_mm_h=12.0))
    8.0
    """
    if not step_h > 0.0:
        raise InvalidInput(f"a step of {step_h} h is no step", where="step_h", mend="Give a positive step")
    flat, shape = _together(taken_mm=taken_mm, supply_mm=supply_mm, initial_mm=initial_mm, rate_mm_h=rate_mm_h)
    taken, supply, initial, rate = flat
    first = np.minimum(np.maximum(initial - taken, 0.0), supply)
    left_h = step_h * (1.0 - first / np.maximum(supply, np.finfo(np.float64).tiny))
    lost = first + np.minimum(supply - first, rate * left_h)
    return np.asarray(lost.reshape(shape), dtype=np.float64)
