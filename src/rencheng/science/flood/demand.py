"""What forecast water asks for: sandbags, pumps, boats and places in shelters, building by building."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["DemandRates", "building_demand", "pumps_for", "sandbags_per_m"]

F64 = NDArray[np.float64]

_FOOT_M = 0.3048


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandRates:
    """How much water of a depth asks for; values come from a data file with their sources.

    Parameters
    ----------
    sandbag_from_m, sandbag_to_m : float
        Depths at the wall between which a doorway is worth sandbagging; deeper water is left to evacuation.
    freeboard_m : float
        Height of bags above the water expected.
    doorway_m : float
        Width to be closed per building.
    shelter_from_m : float
        Depth at the wall from which people of the ground floor leave.
    shelter_ratio : float
        Share of those who leave that goes to a public shelter.
    boat_from_m : float
        Depth from which people are fetched by boat.
    boat_people : float
        People that one boat fetches in the time there is.
    pump_m3_h : float
        Discharge of one mobile pump.
    drawdown_h : float
        Time within which an underpass is to be empty.
    underpass_m2 : float
        Water surface of an underpass.
    """

    sandbag_from_m: float
    sandbag_to_m: float
    freeboard_m: float
    doorway_m: float
    shelter_from_m: float
    shelter_ratio: float
    boat_from_m: float
    boat_people: float
    pump_m3_h: float
    drawdown_h: float
    underpass_m2: float

    def __post_init__(self) -> None:
        for name in ("doorway_m", "boat_people", "pump_m3_h", "drawdown_h", "underpass_m2"):
            if not getattr(self, name) > 0.0:
                raise InvalidInput(f"{name} is {getattr(self, name)}", where="flood demand", mend="Give more than 0")


def sandbags_per_m(height_m: F64) -> F64:
    r"""Sandbags per metre of a pyramid-laid dike.

    Notes
    -----
    ``N = L (3 H + 9 H²) / 2`` with L and H in feet (US Army Corps of Engineers, *Sandbagging Techniques*, 2004; the
    tables of the pamphlet give 600, 2,100 and 4,500 bags per 100 ft for 1, 2 and 3 ft).

    Examples
    --------
    One foot high: 6 bags per foot, 19.7 per metre.

    >>> round(float(sandbags_per_m(np.array(0.3048))), 1)
    19.7
    """
    feet = np.maximum(np.asarray(height_m, dtype=np.float64), 0.0) / _FOOT_M
    return np.asarray((3.0 * feet + 9.0 * feet**2) / 2.0 / _FOOT_M)


def building_demand(depth_m: F64, residents: F64, storeys: F64, rates: DemandRates) -> dict[str, F64]:
    """Demand of each building for sandbags, shelter places and boats.

    Parameters
    ----------
    depth_m : float array, shape (n,)
        Deepest water expected at the wall, m.
    residents : float array, shape (n,)
        Residents.
    storeys : float array, shape (n,)
        Storeys; residents live on them evenly and only the ground floor leaves.
    rates : DemandRates
        How much is asked for.

    Returns
    -------
    dict of str to float array
        ``sandbag`` (bags), ``shelter_place`` (people), ``boat`` (boats, with fractions), shape (n,) each.
    """
    bagged = (depth_m >= rates.sandbag_from_m) & (depth_m <= rates.sandbag_to_m)
    ground_floor = residents / np.maximum(storeys, 1.0)
    return {
        "sandbag": np.where(bagged, rates.doorway_m * sandbags_per_m(depth_m + rates.freeboard_m), 0.0),
        "shelter_place": np.where(depth_m >= rates.shelter_from_m, rates.shelter_ratio * ground_floor, 0.0),
        "boat": np.where(depth_m >= rates.boat_from_m, ground_floor / rates.boat_people, 0.0),
    }


def pumps_for(depth_m: F64, rates: DemandRates) -> F64:
    """Mobile pumps that empty underpasses in time, shape as ``depth_m``.

    Examples
    --------
    600 m² under 3 m, 1,000 m³/h, two hours: 1,800 m³ in 2 h is one pump.

    >>> rates = DemandRates(sandbag_from_m=0.1, sandbag_to_m=0.6, freeboard_m=0.15, doorway_m=2.0, shelter_from_m=0.6,
    ...     shelter_ratio=0.15, boat_from_m=1.2, boat_people=24.0, pump_m3_h=1000.0, drawdown_h=2.0, underpass_m2=600.0)
    >>> pumps_for(np.array([0.0, 3.0, 4.0]), rates).tolist()
    [0.0, 1.0, 2.0]
    """
    return np.asarray(np.ceil(depth_m * rates.underpass_m2 / (rates.pump_m3_h * rates.drawdown_h)))
