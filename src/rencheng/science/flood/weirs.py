"""Weirs, orifices and gates: discharge from the water levels on both sides.

Signs follow the levels: positive from the first side to the second, negative back. All functions take arrays that
broadcast together and need no iteration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "GRAVITY_M_S2",
    "broad_crested_weir_m3_s",
    "deck_m3_s",
    "gate_m3_s",
    "orifice_m3_s",
    "villemonte_ratio",
]

F64 = NDArray[np.float64]

GRAVITY_M_S2 = 9.81
"""Acceleration of gravity."""

BROAD_CRESTED_M_S = (2.0 / 3.0) ** 1.5 * GRAVITY_M_S2**0.5
"""Discharge per metre of crest and head^1.5 at critical depth, 1.705 m^0.5/s (Chow 1959, § 3-5)."""


def villemonte_ratio(upstream_head_m: ArrayLike, downstream_head_m: ArrayLike, *, exponent: float = 1.5) -> F64:
    """Share of free weir flow that is left when the tailwater stands above the crest, (1 - (h₂/h₁)^n)^0.385.

    Villemonte (1947), "Submerged-weir discharge studies", Eng. News-Record 139:866.

    Examples
    --------
    (1 - 0.5^1.5)^0.385 = 0.6464^0.385 = 0.845

    >>> round(float(villemonte_ratio(1.0, 0.5)), 3)
    0.845
    """
    up, down = np.asarray(upstream_head_m, dtype=np.float64), np.asarray(downstream_head_m, dtype=np.float64)
    ratio = np.clip(down, 0.0, None) / np.where(up > 0.0, up, 1.0)
    return np.asarray(np.maximum(1.0 - np.minimum(ratio, 1.0) ** exponent, 0.0) ** 0.385, dtype=np.float64)


def broad_crested_weir_m3_s(
    level_1_m: ArrayLike,
    level_2_m: ArrayLike,
    *,
    crest_m: ArrayLike,
    width_m: ArrayLike,
    coefficient_ratio: ArrayLike = 1.0,
) -> F64:
    r"""Flow over a broad crest, :math:`C \sqrt{g} (2/3)^{1.5} b h^{1.5}`, reduced by the tailwater.

    Parameters
    ----------
    level_1_m, level_2_m : arrays
        Water levels on both sides.
    crest_m, width_m : arrays
        Crest level and length.
    coefficient_ratio : array
        1 for critical flow without loss; 0.85 … 1.0 for road embankments (Bradley 1978, HDS-1).

    Examples
    --------
    >>> round(float(broad_crested_weir_m3_s(1.0, 0.0, crest_m=0.0, width_m=2.0)), 2)
    3.41
    """
    one, two = np.asarray(level_1_m, dtype=np.float64), np.asarray(level_2_m, dtype=np.float64)
    up = np.maximum(np.maximum(one, two) - crest_m, 0.0)
    down = np.maximum(np.minimum(one, two) - crest_m, 0.0)
    flow = BROAD_CRESTED_M_S * np.asarray(coefficient_ratio) * np.asarray(width_m) * up**1.5
    return np.asarray(np.sign(one - two) * flow * villemonte_ratio(up, down), dtype=np.float64)


def orifice_m3_s(head_m: ArrayLike, *, area_m2: ArrayLike, coefficient_ratio: ArrayLike = 0.61) -> F64:
    r"""Flow through an opening under a difference of heads, :math:`C A \sqrt{2 g |h|}` with the sign of the head.

    Examples
    --------
    0.61 · 1 · sqrt(2 · 9.81 · 1) = 2.70

    >>> round(float(orifice_m3_s(1.0, area_m2=1.0)), 2)
    2.7
    """
    head = np.asarray(head_m, dtype=np.float64)
    flow = np.asarray(coefficient_ratio) * np.asarray(area_m2) * np.sqrt(2.0 * GRAVITY_M_S2 * np.abs(head))
    return np.asarray(np.sign(head) * flow, dtype=np.float64)


def gate_m3_s(
    level_1_m: ArrayLike,
    level_2_m: ArrayLike,
    *,
    sill_m: ArrayLike,
    opening_m: ArrayLike,
    width_m: ArrayLike,
    contraction_ratio: float = 0.61,
) -> F64:
    r"""Flow beneath a vertical sluice gate; over its sill as over a weir where the water does not touch the gate.

    Free flow :math:`C_c a b \sqrt{2 g h_1 / (1 + C_c a / h_1)}` (Henry 1950; Chow 1959, § 17-4), or driven by the
    difference of levels where the tailwater drowns the jet (above the vena contracta's level). The lesser of weir and
    gate flow, so that opening the gate further never makes the flow jump.

    Parameters
    ----------
    level_1_m, level_2_m : arrays
        Water levels.
    sill_m, opening_m, width_m : arrays
        Sill level, height of the gate's lip over the sill, clear width.
    contraction_ratio : float
        Vena contracta, 0.61.

    Examples
    --------
    h = 2 m, a = 0.5 m, b = 1 m: 0.305 · sqrt(2 · 9.81 · 2 / (1 + 0.1525)) = 1.78

    >>> round(float(gate_m3_s(2.0, 0.0, sill_m=0.0, opening_m=0.5, width_m=1.0)), 2)
    1.78
    """
    one, two = np.asarray(level_1_m, dtype=np.float64), np.asarray(level_2_m, dtype=np.float64)
    up = np.maximum(np.maximum(one, two) - sill_m, 0.0)
    down = np.maximum(np.minimum(one, two) - sill_m, 0.0)
    jet = contraction_ratio * np.asarray(opening_m, dtype=np.float64)
    free_head = up / (1.0 + jet / np.where(up > 0.0, up, 1.0))
    drowned = np.minimum(free_head, up - down)
    head = np.where(down > jet, drowned, free_head)
    beneath = jet * np.asarray(width_m) * np.sqrt(2.0 * GRAVITY_M_S2 * np.maximum(head, 0.0))
    over = BROAD_CRESTED_M_S * np.asarray(width_m) * up**1.5 * villemonte_ratio(up, down)
    return np.asarray(np.sign(one - two) * np.minimum(beneath, over), dtype=np.float64)


def deck_m3_s(
    level_1_m: ArrayLike,
    level_2_m: ArrayLike,
    *,
    bed_m: ArrayLike,
    soffit_m: ArrayLike,
    crest_m: ArrayLike,
    width_m: ArrayLike,
    orifice_ratio: float = 0.8,
    weir_ratio: float = 0.85,
) -> F64:
    r"""Flow past a bridge deck: beneath it as over a broad sill, pressed under it as an orifice, over it as a weir.

    Below the soffit the opening runs as a broad-crested weir at bed level; once the water stands at the soffit the
    opening flows full as an orifice :math:`0.8\,A\sqrt{2 g \Delta h}` (Bradley 1978, HDS-1, § 10; Brunner 2016,
    HEC-RAS Hydraulic Reference Manual, eq. 5-12), and what stands over the parapet spills as a weir besides. The
    lesser of the first two keeps the change steady.

    Parameters
    ----------
    level_1_m, level_2_m : arrays
        Water levels on both sides.
    bed_m, soffit_m, crest_m, width_m : arrays
        Bed beneath the bridge, underside of the deck, top of the parapet, clear width.

    Examples
    --------
    Opening of 1 m by 10 m, levels 2 m and 1.5 m over the bed: 0.8 · 10 · sqrt(2 · 9.81 · 0.5) = 25.06

    >>> round(float(deck_m3_s(2.0, 1.5, bed_m=0.0, soffit_m=1.0, crest_m=3.0, width_m=10.0)), 2)
    25.06
    """
    one, two = np.asarray(level_1_m, dtype=np.float64), np.asarray(level_2_m, dtype=np.float64)
    up, down = np.maximum(one, two), np.minimum(one, two)
    bed, soffit = np.asarray(bed_m, dtype=np.float64), np.asarray(soffit_m, dtype=np.float64)
    beneath = broad_crested_weir_m3_s(up, down, crest_m=bed, width_m=width_m)
    # free outflow from the full opening is driven by the level over its middle
    tail = np.maximum(down, 0.5 * (bed + soffit))
    area = np.maximum(soffit - bed, 0.0) * np.asarray(width_m)
    pressed = orifice_m3_s(np.maximum(up - tail, 0.0), area_m2=area, coefficient_ratio=orifice_ratio)
    below = np.where(up > soffit, np.minimum(beneath, pressed), beneath)
    above = broad_crested_weir_m3_s(up, down, crest_m=crest_m, width_m=width_m, coefficient_ratio=weir_ratio)
    return np.asarray(np.sign(one - two) * (below + above), dtype=np.float64)
