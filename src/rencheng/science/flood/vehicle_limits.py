"""How deep, at a given speed of the water, a vehicle may still drive.

Two published rules cover the classes of units that a city sends out. Where a class has no test of its own (bus,
ambulance, pump truck), the nearest tested class *below* it is taken, and the row says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "VEHICLE_LIMITS",
    "VehicleClass",
    "VehicleLimit",
    "passable",
    "passable_depth_m",
    "stability_limit_m2_s",
    "vehicle_class_of_unit",
]

F64 = NDArray[np.float64]
_GRAVITY_M_S2 = 9.81


class VehicleClass(StrEnum):
    """Classes of vehicles that water stops at different depths."""

    CAR = "car"
    """小客车 Small passenger car: what the public drives."""
    LARGE_CAR = "large_car"
    """大客车以下客车 Large passenger car or van: above 4.3 m, 1,250 kg and 0.12 m of clearance."""
    FOUR_WHEEL_DRIVE = "four_wheel_drive"
    """越野车 Large off-road vehicle: above 4.5 m, 2,000 kg and 0.22 m of clearance."""
    AMBULANCE = "ambulance"
    """救护车 Ambulance on a van."""
    BUS = "bus"
    """公交车 City bus."""
    FIRE_ENGINE = "fire_engine"
    """消防车 Fire engine on a lorry."""
    PUMP_TRUCK = "pump_truck"
    """排涝车 Mobile pump on a lorry."""
    RESCUE_BOAT = "rescue_boat"
    """救援艇 Boat with an outboard motor: needs water instead of fearing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleLimit:
    """What one class of vehicles withstands.

    Parameters
    ----------
    deepest_m : float
        Limit of depth in still water, m (infinite for boats).
    unit_discharge_m2_s : float
        Limit of depth × velocity, m²/s (infinite where the rule is one of head).
    head_m : float
        Limit of the total head ``d + v²/2g``, m (infinite where the rule is one of depth × velocity).
    fastest_m_s : float
        Limit of velocity at any depth, m/s.
    least_m : float
        Depth that the vehicle needs to move at all, m.
    source : str
        Whose rule, and why it stands for this class.
    """

    deepest_m: float
    unit_discharge_m2_s: float = np.inf
    head_m: float = np.inf
    fastest_m_s: float = 3.0
    least_m: float = 0.0
    source: str


_ARR = "Shand et al. 2011, Australian Rainfall and Runoff P10/S2/020, Table 2"
_KRAMER = (
    "Kramer, Terheiden and Wieprecht 2016, Int. J. Disaster Risk Reduction 17: emergency vehicles, total head 0.6 m"
)

VEHICLE_LIMITS = MappingProxyType(
    {
        VehicleClass.CAR: VehicleLimit(deepest_m=0.3, unit_discharge_m2_s=0.3, source=f"{_ARR}: small passenger"),
        VehicleClass.LARGE_CAR: VehicleLimit(
            deepest_m=0.4, unit_discharge_m2_s=0.45, source=f"{_ARR}: large passenger"
        ),
        VehicleClass.FOUR_WHEEL_DRIVE: VehicleLimit(
            deepest_m=0.5, unit_discharge_m2_s=0.6, source=f"{_ARR}: large four-wheel drive"
        ),
        VehicleClass.AMBULANCE: VehicleLimit(
            deepest_m=0.4, unit_discharge_m2_s=0.45, source=f"{_ARR}: a van exceeds the large passenger class"
        ),
        VehicleClass.BUS: VehicleLimit(
            deepest_m=0.4, unit_discharge_m2_s=0.45, source=f"{_ARR}: a low-floor bus exceeds the large passenger class"
        ),
        VehicleClass.FIRE_ENGINE: VehicleLimit(deepest_m=0.6, head_m=0.6, source=_KRAMER),
        VehicleClass.PUMP_TRUCK: VehicleLimit(
            deepest_m=0.6, head_m=0.6, source=f"{_KRAMER}, taken for a lorry of the same build"
        ),
        VehicleClass.RESCUE_BOAT: VehicleLimit(
            deepest_m=np.inf, least_m=0.5, source="no published test: 0.5 m is the shaft of a long outboard motor"
        ),
    }
)
"""Limits of every class; parked or slowly driven vehicles, water across the road."""

_CLASS_OF_UNIT = {
    "patrol_car": VehicleClass.LARGE_CAR,
    "repair_crew": VehicleClass.LARGE_CAR,
    "volunteer_team": VehicleClass.CAR,
}


def passable_depth_m(vehicle: VehicleClass | str, velocity_m_s: ArrayLike) -> F64:
    """Greatest depth in which a vehicle may still drive through water of a given speed.

    Parameters
    ----------
    vehicle : VehicleClass
        The class of the vehicle.
    velocity_m_s : array, any shape
        Speed of the water, m/s; not negative.

    Returns
    -------
    array
        Depth, m: the least of the still-water limit, ``(d·v) / v`` and ``head − v²/2g``; 0 above the greatest velocity;
        infinite for boats, whose *least* depth stands in :data:`VEHICLE_LIMITS`.

    Raises
    ------
    InvalidInput
        Where the class is unknown, or a speed is negative or not a number.

    Notes
    -----
    T. D. Shand, R. J. Cox, M. J. Blacka and G. P. Smith, *Appropriate Safety Criteria for Vehicles*,
    Australian Rainfall and Runoff, Revision Project 10, Stage 2 report P10/S2/020 (2011). M. Kramer, K. Terheiden and
    S. Wieprecht, *Safety criteria for the trafficability of inundated roads in urban floodings*, Int. J. Disaster Risk
    Reduction 17 (2016), 77–84.

    Examples
    --------
    A small car in 0.3 m still water, and at 2 m/s (0.3 / 2); a fire engine at 2 m/s (0.6 − 2²/19.62):

    >>> passable_depth_m("car", [0.0, 2.0]).tolist()
    [0.3, 0.15]
    >>> round(float(passable_depth_m("fire_engine", 2.0)), 3)
    0.396
    """
    limit = VEHICLE_LIMITS[_known(vehicle)]
    speed = np.asarray(velocity_m_s, dtype=np.float64)
    if not (speed >= 0.0).all():
        raise InvalidInput(
            "a speed of the water is negative or not a number",
            where="velocity_m_s",
            mend="Give the speed, not a component.",
        )
    depth = np.minimum(limit.deepest_m, limit.unit_discharge_m2_s / np.maximum(speed, 1e-6))
    depth = np.minimum(depth, np.maximum(limit.head_m - speed**2 / (2.0 * _GRAVITY_M_S2), 0.0))
    return np.asarray(np.where(speed > limit.fastest_m_s, 0.0, depth), dtype=np.float64)


def passable(vehicle: VehicleClass | str, depth_m: ArrayLike, velocity_m_s: ArrayLike = 0.0) -> NDArray[np.bool_]:
    """Whether a vehicle may go through water of a depth and a speed.

    Parameters
    ----------
    vehicle : VehicleClass
        The class of the vehicle.
    depth_m, velocity_m_s : array, shapes that broadcast
        Depth (m) and speed (m/s) of the water; speed may be left out where only the depth is known.

    Returns
    -------
    bool array
        True where the depth lies between what the vehicle needs and what it withstands.

    Raises
    ------
    InvalidInput
        Where the class is unknown, or a speed is negative or not a number.

    Examples
    --------
    >>> passable("ambulance", [0.1, 0.5]).tolist(), passable("rescue_boat", [0.1, 0.6]).tolist()
    ([True, False], [False, True])
    """
    depth = np.asarray(depth_m, dtype=np.float64)
    limit = VEHICLE_LIMITS[_known(vehicle)]
    speed = np.asarray(velocity_m_s, dtype=np.float64)
    return np.asarray(
        (depth <= passable_depth_m(vehicle, speed)) & (depth >= limit.least_m) & (speed <= limit.fastest_m_s)
    )


def vehicle_class_of_unit(kind: str) -> VehicleClass:
    """Vehicle class of a unit of the city package by its ``kind``; what is not known drives a small car.

    Parameters
    ----------
    kind : str
        ``units.kind`` of a city package, say ``"pump_truck"`` or ``"patrol_car"``.

    Examples
    --------
    >>> vehicle_class_of_unit("fire_engine").value, vehicle_class_of_unit("patrol_car").value
    ('fire_engine', 'large_car')
    """
    if kind in VehicleClass.__members__.values():
        return VehicleClass(kind)
    return _CLASS_OF_UNIT.get(kind, VehicleClass.CAR)


def stability_limit_m2_s(
    *, mass_kg: ArrayLike, length_m: ArrayLike, width_m: ArrayLike, clearance_m: ArrayLike, friction: float = 0.25
) -> F64:
    """Limit of depth × velocity at which a parked vehicle of given build begins to slide.

    Parameters
    ----------
    mass_kg, length_m, width_m, clearance_m : array, shapes that broadcast
        Mass (kg), length and width (m) and ground clearance (m) of the vehicle.
    friction : float
        Coefficient of friction between tyre and wet road.

    Returns
    -------
    array
        ``0.0158 SC + 0.32`` with ``SC = clearance · mass · friction / (length · width)``, m²/s.

    Notes
    -----
    E. Martínez-Gomariz, M. Gómez, B. Russo and S. Djordjević, *A new experiments-based methodology to
    define the stability threshold for any vehicle exposed to flooding*, Urban Water Journal 14 (2017), 930–939: twelve
    models, lower envelope.

    Examples
    --------
    A car of 1,200 kg on 4.0 × 1.7 m with 0.15 m of clearance: SC = 0.15 · 1200 · 0.25 / 6.8 = 6.62 kg/m:

    >>> round(float(stability_limit_m2_s(mass_kg=1200.0, length_m=4.0, width_m=1.7, clearance_m=0.15)), 3)
    0.425
    """
    mass, length, width, clearance = (np.asarray(x, np.float64) for x in (mass_kg, length_m, width_m, clearance_m))
    return np.asarray(0.0158 * clearance * mass * friction / (length * width) + 0.32, dtype=np.float64)


def _known(vehicle: VehicleClass | str) -> VehicleClass:
    """The class of this name, or a refusal that lists the names."""
    try:
        return VehicleClass(vehicle)
    except ValueError:
        names = ", ".join(VehicleClass)
        raise InvalidInput(
            f"no vehicle class is called {vehicle!r}", where="vehicle", mend=f"One of {names}."
        ) from None
