"""How dangerous moving water is to people and buildings, by three published rules.

The rules answer different questions and are kept apart by name: the British hazard rating with its debris factor (what
a development or an evacuation plan asks), the Australian general classes H1 … H6 (what a map shows), and the limits at
which a person is swept off the feet (what a street asks). What stops a vehicle stands in
:mod:`rencheng.science.flood.vehicle_limits`.

All of them want depth and velocity *at the same instant*: rate each saved picture and take the largest class. Peak
depth with peak velocity, which seldom meet, errs on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "GENERAL_HAZARD_CLASSES",
    "HAZARD_RATING_CLASSES",
    "PEOPLE_HAZARD_CLASSES",
    "FloodedLand",
    "HazardClass",
    "Stature",
    "debris_factor",
    "general_hazard_class",
    "hazard_rating",
    "hazard_rating_class",
    "people_hazard_class",
]

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardClass:
    """One class of a rule: its code and what it means, in both languages of the house."""

    code: str
    zh: str
    en: str


class FloodedLand(StrEnum):
    """What the water flows over, as the debris factor distinguishes it."""

    PASTURE = "pasture"
    """Pasture or arable land."""
    WOODLAND = "woodland"
    """Woodland."""
    URBAN = "urban"
    """Streets with cars and street furniture."""
    CONSERVATIVE = "conservative"
    """The factors that the clarification of 2008 recommends where the land use is not looked at."""


class Stature(StrEnum):
    """Who stands in the water, by height times mass (m·kg)."""

    ADULT = "adult"
    """Above 50 m·kg."""
    CHILD = "child"
    """25 to 50 m·kg."""
    INFANT = "infant"
    """Below 25 m·kg: small children, and frail older people."""


HAZARD_RATING_CLASSES = (
    HazardClass(code="dry", zh="无水", en="No water"),
    HazardClass(code="low", zh="低危险:注意", en="Very low hazard: caution"),
    HazardClass(
        code="some", zh="对部分人危险(儿童、老人、体弱者)", en="Danger for some: children, the elderly, the infirm"
    ),
    HazardClass(code="most", zh="对多数人危险(一般公众)", en="Danger for most: the general public"),
    HazardClass(code="all", zh="对所有人危险(含救援人员)", en="Danger for all: emergency services too"),
)
"""Classes of :func:`hazard_rating_class` (FD2320/TR2, Table 13.1, clarified 2008)."""

GENERAL_HAZARD_CLASSES = (
    HazardClass(code="dry", zh="无水", en="No water"),
    HazardClass(code="H1", zh="对人、车、房一般安全", en="Generally safe for people, vehicles and buildings"),
    HazardClass(code="H2", zh="小型车不安全", en="Unsafe for small vehicles"),
    HazardClass(code="H3", zh="车辆、儿童和老人不安全", en="Unsafe for vehicles, children and the elderly"),
    HazardClass(code="H4", zh="人和车辆不安全", en="Unsafe for people and vehicles"),
    HazardClass(
        code="H5",
        zh="人和车辆不安全;房屋可能受损,不坚固的可能倒塌",
        en="Unsafe for people and vehicles; buildings may be damaged, less robust ones may fail",
    ),
    HazardClass(
        code="H6", zh="人和车辆不安全;各类房屋都可能倒塌", en="Unsafe for people and vehicles; all buildings may fail"
    ),
)
"""Classes of :func:`general_hazard_class` (Smith, Davey and Cox 2014)."""

PEOPLE_HAZARD_CLASSES = (
    HazardClass(code="none", zh="无危险", en="No hazard"),
    HazardClass(code="low", zh="低危险", en="Low hazard"),
    HazardClass(code="moderate", zh="中等危险:对部分人危险", en="Moderate hazard: dangerous to some"),
    HazardClass(code="significant", zh="较高危险:对多数人危险", en="Significant hazard: dangerous to most"),
    HazardClass(code="extreme", zh="极高危险:对所有人危险", en="Extreme hazard: dangerous to all"),
)
"""Classes of :func:`people_hazard_class` (Cox, Shand and Blacka 2010)."""

# depth bands of the debris factor: up to 0.25 m, up to 0.75 m, deeper (or faster than 2 m/s)
_DEBRIS = {
    FloodedLand.PASTURE: (0.0, 0.0, 0.5),
    FloodedLand.WOODLAND: (0.0, 0.5, 1.0),
    FloodedLand.URBAN: (0.0, 1.0, 1.0),
    FloodedLand.CONSERVATIVE: (0.5, 1.0, 1.0),
}
_RATING_FROM = np.array([0.75, 1.25, 2.0])

# H1 … H5: largest depth × velocity (m²/s), depth (m) and velocity (m/s) of the class
_GENERAL = ((0.3, 0.3, 2.0), (0.6, 0.5, 2.0), (0.6, 1.2, 2.0), (1.0, 2.0, 2.0), (4.0, 4.0, 4.0))

# largest depth × velocity (m²/s) of the classes low, moderate, significant; then the limits of depth (m)
_PEOPLE = {
    Stature.ADULT: ((0.6, 0.8, 1.2), 1.2),
    Stature.CHILD: ((0.4, 0.4, 0.6), 0.5),
    Stature.INFANT: ((0.0, 0.0, 0.0), 0.0),
}
_PEOPLE_VELOCITY_M_S = 3.0


def debris_factor(depth_m: ArrayLike, velocity_m_s: ArrayLike, *, land: FloodedLand | str = FloodedLand.URBAN) -> F64:
    """What floating debris adds to the hazard rating.

    Parameters
    ----------
    depth_m, velocity_m_s : array, any shape that broadcasts
        Depth (m) and speed (m/s) of the water.
    land : FloodedLand
        What the water flows over.

    Returns
    -------
    array
        0, 0.5 or 1.

    Raises
    ------
    InvalidInput
        Where depth or speed is negative or not a number.

    Notes
    -----
    Defra and Environment Agency, *Flood Risks to People*, FD2321/TR1 (2006), Table 3.1; the conservative
    factors from the *Supplementary Note on Flood Hazard Ratings* (Surendran et al., May 2008).

    Examples
    --------
    >>> debris_factor([0.2, 0.5, 1.0], 0.3).tolist()
    [0.0, 1.0, 1.0]
    """
    depth, speed = _checked(depth_m, velocity_m_s)
    shallow, middle, deep = _DEBRIS[FloodedLand(land)]
    factor = np.where(depth <= 0.25, shallow, np.where(depth <= 0.75, middle, deep))
    if FloodedLand(land) is not FloodedLand.CONSERVATIVE:
        factor = np.where(speed > 2.0, deep, factor)
    return np.asarray(np.where(depth > 0.0, factor, 0.0), dtype=np.float64)


def hazard_rating(depth_m: ArrayLike, velocity_m_s: ArrayLike, *, land: FloodedLand | str = FloodedLand.URBAN) -> F64:
    """British hazard rating ``HR = d (v + 0.5) + DF``.

    Parameters
    ----------
    depth_m, velocity_m_s : array, any shape that broadcasts
        Depth (m) and speed (m/s) of the water at one instant.
    land : FloodedLand
        What the water flows over; decides the debris factor DF.

    Returns
    -------
    array
        The rating (m²/s by its units, used as a plain number); 0 where there is no water.

    Raises
    ------
    InvalidInput
        Where depth or speed is negative or not a number.

    Notes
    -----
    Defra and Environment Agency, FD2320/TR2 (2005), §13, and FD2321/TR1 (2006), eq. 3.1.

    Examples
    --------
    Half a metre at 1 m/s in a street: 0.5 (1 + 0.5) + 1:

    >>> float(hazard_rating(0.5, 1.0))
    1.75
    """
    depth, speed = _checked(depth_m, velocity_m_s)
    return np.asarray(depth * (speed + 0.5) + debris_factor(depth, speed, land=land), dtype=np.float64)


def hazard_rating_class(rating: ArrayLike) -> U8:
    """Index into :data:`HAZARD_RATING_CLASSES` of each hazard rating.

    Parameters
    ----------
    rating : array, any shape
        Ratings of :func:`hazard_rating`.

    Returns
    -------
    uint8 array
        0 no water, 1 below 0.75, 2 from 0.75, 3 from 1.25, 4 from 2.0 (FD2320/TR2, Table 13.1).

    Examples
    --------
    >>> hazard_rating_class([0.0, 0.5, 1.0, 1.75, 2.5]).tolist()
    [0, 1, 2, 3, 4]
    """
    value = np.asarray(rating, dtype=np.float64)
    found = np.searchsorted(_RATING_FROM, value, side="right") + 1
    return np.asarray(np.where(value > 0.0, found, 0), dtype=np.uint8)


def general_hazard_class(depth_m: ArrayLike, velocity_m_s: ArrayLike) -> U8:
    """Australian general flood hazard, H1 … H6.

    Parameters
    ----------
    depth_m, velocity_m_s : array, any shape that broadcasts
        Depth (m) and speed (m/s) of the water at one instant.

    Returns
    -------
    uint8 array
        Index into :data:`GENERAL_HAZARD_CLASSES`: 0 where there is no water, else the first class whose limits of
        depth × velocity, depth and velocity all hold.

    Raises
    ------
    InvalidInput
        Where depth or speed is negative or not a number.

    Notes
    -----
    G. P. Smith, E. K. Davey and R. J. Cox, *Flood Hazard*, WRL Technical Report 2014/07, Tables 5 and 6; adopted by
    Australian Disaster Resilience Guideline 7-3 (2017), Table 2. Limits (d·v; d; v): H1 0.3; 0.3; 2 · H2 0.6; 0.5; 2 ·
    H3 0.6; 1.2; 2 · H4 1.0; 2.0; 2 · H5 4.0; 4.0; 4 · H6 beyond.

    Examples
    --------
    >>> general_hazard_class([0.2, 0.4, 1.0, 1.5, 1.5, 5.0], [0.5, 0.5, 0.2, 0.5, 2.5, 0.0]).tolist()
    [1, 2, 3, 4, 5, 6]
    """
    depth, speed = _checked(depth_m, velocity_m_s)
    product = depth * speed
    found = np.full(product.shape, len(_GENERAL) + 1, np.uint8)
    for index in range(len(_GENERAL), 0, -1):
        unit, deepest, fastest = _GENERAL[index - 1]
        found[(product <= unit) & (depth <= deepest) & (speed <= fastest)] = index
    found[depth <= 0.0] = 0
    return found


def people_hazard_class(depth_m: ArrayLike, velocity_m_s: ArrayLike, *, stature: Stature | str = Stature.ADULT) -> U8:
    """How likely a person who stands in the water loses the footing.

    Parameters
    ----------
    depth_m, velocity_m_s : array, any shape that broadcasts
        Depth (m) and speed (m/s) of the water at one instant.
    stature : Stature
        Who stands there.

    Returns
    -------
    uint8 array
        Index into :data:`PEOPLE_HAZARD_CLASSES`. Adults: low to 0.6 m²/s, moderate to 0.8 (the working limit of trained
        and equipped rescuers), significant to 1.2; children: low to 0.4, significant to 0.6; infants: any water is
        extreme. Extreme too above 1.2 m (adults) or 0.5 m (children) of depth, or 3 m/s.

    Raises
    ------
    InvalidInput
        Where depth or speed is negative or not a number.

    Notes
    -----
    R. J. Cox, T. D. Shand and M. J. Blacka, *Appropriate Safety Criteria for People*, Australian Rainfall and Runoff,
    Revision Project 10, Stage 1 report P10/S1/006 (2010), Table 2.

    Examples
    --------
    Water at 0.7 m and 1 m/s lets a rescuer work but takes a child:

    >>> int(people_hazard_class(0.7, 1.0)), int(people_hazard_class(0.7, 1.0, stature="child"))
    (2, 4)
    """
    depth, speed = _checked(depth_m, velocity_m_s)
    (low, moderate, significant), deepest = _PEOPLE[Stature(stature)]
    product = depth * speed
    found = 1 + (product > low).astype(np.uint8) + (product > moderate) + (product > significant)
    found = np.where((depth > deepest) | (speed > _PEOPLE_VELOCITY_M_S), 4, found)
    return np.asarray(np.where(depth > 0.0, found, 0), dtype=np.uint8)


def _checked(depth_m: ArrayLike, velocity_m_s: ArrayLike) -> tuple[F64, F64]:
    """Depth and speed as arrays of one shape, or a refusal that names the first wrong place."""
    depth, speed = np.broadcast_arrays(np.asarray(depth_m, np.float64), np.asarray(velocity_m_s, np.float64))
    for name, value in (("depth_m", depth), ("velocity_m_s", speed)):
        wrong = ~(value >= 0.0)
        if wrong.any():
            place = np.unravel_index(int(np.argmax(wrong)), value.shape)
            raise InvalidInput(
                f"{value[place]} at {tuple(int(i) for i in place)} is no {name}",
                where=name,
                mend="Give depths and speeds (not components) that are zero or more; mask cells without data first.",
            )
    return depth, speed
