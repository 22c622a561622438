"""Street inlets and manholes: what a sewer may take by design, and what an opening passes at the heads of a moment.

Two levels. By design: each served place drains at the rain its sewer was built for (GB 50014-2021, § 4.1). By
hydraulics: a grate or manhole as weir and orifice between street and node, both ways (HEC-22; Rubinato et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.design_storm import IntensityFormula
from rencheng.science.flood.weirs import GRAVITY_M_S2

__all__ = [
    "HEC_22",
    "RUBINATO_2017",
    "OpeningLaw",
    "ServedPlace",
    "design_capacity_mm_h",
    "design_return_period_a",
    "opening_exchange_m3_s",
]

F64 = NDArray[np.float64]

_ROOT_2G = (2.0 * GRAVITY_M_S2) ** 0.5


class ServedPlace(StrEnum):
    """What kind of place a sewer serves, by the columns of GB 50014-2021, table 4.1.3."""

    CENTRE = "centre"
    """Central urban area 中心城区."""
    OUTSIDE = "outside"
    """Urban area outside the centre 非中心城区."""
    IMPORTANT = "important"
    """Important part of the centre 中心城区的重要地区: government, hospitals, transport hubs."""
    UNDERGROUND = "underground"
    """Underpasses and sunken squares of the centre 中心城区地下通道和下沉式广场."""


_RETURN_PERIODS_A: tuple[tuple[float, dict[ServedPlace, tuple[float, float]]], ...] = (
    (
        5e6,
        {
            ServedPlace.CENTRE: (3.0, 5.0),
            ServedPlace.OUTSIDE: (2.0, 3.0),
            ServedPlace.IMPORTANT: (5.0, 10.0),
            ServedPlace.UNDERGROUND: (30.0, 50.0),
        },
    ),
    (
        1e6,
        {
            ServedPlace.CENTRE: (2.0, 5.0),
            ServedPlace.OUTSIDE: (2.0, 3.0),
            ServedPlace.IMPORTANT: (5.0, 10.0),
            ServedPlace.UNDERGROUND: (20.0, 30.0),
        },
    ),
    (
        0.0,
        {
            ServedPlace.CENTRE: (2.0, 3.0),
            ServedPlace.OUTSIDE: (2.0, 3.0),
            ServedPlace.IMPORTANT: (3.0, 5.0),
            ServedPlace.UNDERGROUND: (10.0, 20.0),
        },
    ),
)
"""GB 50014-2021, table 4.1.3: residents of the urban area from which a row holds, years by place."""


def design_return_period_a(residents: float, place: ServedPlace) -> tuple[float, float]:
    """Range of design return periods of storm sewers in years (GB 50014-2021, table 4.1.3).

    Parameters
    ----------
    residents : float
        Permanent residents of the urban area: a megacity from 5 million, a large city from 1 million.
    place : ServedPlace
        What the sewer serves.

    Examples
    --------
    >>> design_return_period_a(6e6, ServedPlace.UNDERGROUND)
    (30.0, 50.0)
    """
    if not residents >= 0.0:
        raise InvalidInput(f"a city of {residents} residents", where="residents", mend="Give zero or more")
    return next(row for least, row in _RETURN_PERIODS_A if residents >= least)[place]


def design_capacity_mm_h(
    formula: IntensityFormula,
    *,
    return_period_a: ArrayLike,
    concentration_min: float = 15.0,
    runoff_ratio: ArrayLike = 1.0,
) -> F64:
    r"""Rate at which sewers of a design return period drain the area they serve, in mm/h over that area.

    :math:`\Psi q(t, P) = 167 \Psi A (1 + C \lg P) / (t + b)^n` in L/(s·hm²) (GB 50014-2021, eqs. 4.1.7 and 4.1.9);
    1 L/(s·hm²) is 0.36 mm/h.

    Parameters
    ----------
    formula : IntensityFormula
        The city's storm formula.
    return_period_a : array
        Design return period, a year or more.
    concentration_min : float
        Time of concentration t: inlet time of 5 … 15 min and travel in the pipes.
    runoff_ratio : array
        Ψ, the share of rain that the designer let run off.

    Examples
    --------
    >>> from rencheng.science.design_storm import SHANGHAI_2017
    >>> round(float(design_capacity_mm_h(SHANGHAI_2017, return_period_a=5.0, concentration_min=60.0)), 1)
    58.0
    """
    period = np.asarray(return_period_a, dtype=np.float64)
    if not (period >= 1.0).all() or not concentration_min >= 0.0:
        raise InvalidInput(
            "a design storm of less than a year, or of negative duration",
            where="return_period_a, concentration_min",
            mend="Give return periods of a year or more and a time of zero or more",
        )
    scale = 60.0 * formula.a_mm_min * (1.0 + formula.c_ratio * np.log10(period))
    rate = np.asarray(runoff_ratio) * scale / (concentration_min + formula.b_min) ** formula.n_ratio
    return np.asarray(rate, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningLaw:
    r"""Coefficients of the flow between street and sewer through an opening of perimeter P and area A.

    Parameters
    ----------
    weir_ratio : float
        Free weir, :math:`\tfrac23 C P \sqrt{2g}\, h^{1.5}`.
    orifice_ratio : float
        Orifice, :math:`C A \sqrt{2 g \Delta H}`.
    submerged_weir_ratio : float, optional
        Submerged weir, :math:`C P h \sqrt{2 g \Delta H}` at street depths below A/P while the node's head stands above
        the street; ``None`` takes the lesser of free weir and orifice there.
    source : str
        Where they are published.
    """

    weir_ratio: float
    orifice_ratio: float
    submerged_weir_ratio: float | None
    source: str


HEC_22 = OpeningLaw(
    weir_ratio=1.66 / (2.0 / 3.0 * _ROOT_2G),
    orifice_ratio=0.67,
    submerged_weir_ratio=None,
    source="Brown, Schall, Morris et al. 2009, HEC-22, 3rd ed., FHWA-NHI-10-009, eqs. 4-26 and 4-27",
)
"""Grate inlets in a sag: Q = 1.66 P d^1.5 as a weir, 0.67 A (2 g d)^0.5 as an orifice."""

RUBINATO_2017 = OpeningLaw(
    weir_ratio=0.54,
    orifice_ratio=0.167,
    submerged_weir_ratio=0.056,
    source="Rubinato, Martins, Kesserwani, Leandro, Djordjević & Shucksmith 2017, J. Hydrol. 552:720",
)
"""Open manholes, as measured at scale."""


def opening_exchange_m3_s(
    street_depth_m: ArrayLike,
    node_head_m: ArrayLike,
    *,
    perimeter_m: ArrayLike,
    area_m2: ArrayLike,
    law: OpeningLaw = HEC_22,
) -> F64:
    r"""Flow from the street into a sewer node, negative where the node surcharges onto the street.

    Parameters
    ----------
    street_depth_m : array
        Depth of water over the opening.
    node_head_m : array
        Head in the node over the street's ground; negative while the node is not full.
    perimeter_m, area_m2 : arrays
        Of the opening, clogging taken off.
    law : OpeningLaw
        Coefficients.

    Returns
    -------
    array
        m³/s. Node below the street: the lesser of weir and orifice under the street's depth. Node above the street
        but below its water: driven by the difference of heads. Node above the street's water: back out.

    Examples
    --------
    HEC-22 by hand, P = 2 m, A = 0.1 m². At d = 0.1 m the weir would pass 1.66 · 2 · 0.1^1.5 = 0.105, the orifice
    0.67 · 0.1 · 1.40 = 0.094; at 1 m the orifice 0.67 · 0.1 · 4.43 = 0.297.

    >>> q = opening_exchange_m3_s([0.1, 1.0], -1.0, perimeter_m=2.0, area_m2=0.1)
    >>> [round(float(v), 3) for v in q]
    [0.094, 0.297]
    """
    depth = np.maximum(np.asarray(street_depth_m, dtype=np.float64), 0.0)
    node = np.asarray(node_head_m, dtype=np.float64)
    length, area = np.asarray(perimeter_m, dtype=np.float64), np.asarray(area_m2, dtype=np.float64)
    head = depth - np.maximum(node, 0.0)
    pressed = law.orifice_ratio * area * _ROOT_2G * np.sqrt(np.abs(head))
    weir = 2.0 / 3.0 * law.weir_ratio * length * _ROOT_2G * depth**1.5
    into = np.minimum(weir, pressed)
    if law.submerged_weir_ratio is not None:
        drowned = law.submerged_weir_ratio * length * depth * _ROOT_2G * np.sqrt(np.maximum(head, 0.0))
        shallow = depth * length < area
        into = np.where(node > 0.0, np.where(shallow, drowned, pressed), into)
    return np.asarray(np.where(head >= 0.0, into, -pressed), dtype=np.float64)
