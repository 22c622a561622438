"""Culverts by FHWA HDS-5: the discharge that headwater and tailwater drive through a pipe or box, either way.

The inlet or the barrel and outlet controls, whichever passes less (Schall, Thompson, Zerges, Kilgore & Morris 2012,
*Hydraulic Design of Highway Culverts*, Hydraulic Design Series 5, 3rd ed., FHWA-HIF-12-026).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput
from rencheng.science.flood.weirs import GRAVITY_M_S2

__all__ = [
    "INLETS",
    "Culvert",
    "CulvertInlet",
    "circular_critical_depth_m",
    "culvert_discharge_m3_s",
    "inlet_control_headwater_m",
    "outlet_control_headwater_m",
]

F64 = NDArray[np.float64]

_UNIT = 1.811
"""K_u of HDS-5 in SI units: Q/(A D^0.5) in m, s stands for 1.811 of it in ft, s."""
_UNSUBMERGED, _SUBMERGED = 3.5, 4.0
"""K_u Q / (A D^0.5) up to which the inlet runs as a weir, and from which as an orifice (HDS-5, § A.2)."""

_PART_FULL, _RUNS_FULL = 0.75, 1.2
"""Headwater in heights of the barrel up to which the inlet alone governs a free outlet, and from which it runs full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CulvertInlet:
    """Edge of a culvert's inlet: the constants of HDS-5, table A.1, and the entrance loss of table C.2.

    Parameters
    ----------
    form : int
        Equation of unsubmerged flow, 1 (specific head) or 2 (power law).
    k, m, c, y : float
        Constants K, M, c, Y.
    slope_ratio : float
        Slope correction K_s, -0.5; 0.7 for inlets mitered to the slope.
    entrance_loss_ratio : float
        k_e of full flow.
    """

    form: int
    k: float
    m: float
    c: float
    y: float
    slope_ratio: float = -0.5
    entrance_loss_ratio: float = 0.5


INLETS: dict[str, CulvertInlet] = {
    "circular_concrete_square_edge": CulvertInlet(form=1, k=0.0098, m=2.0, c=0.0398, y=0.67),
    "circular_concrete_groove_end": CulvertInlet(form=1, k=0.0018, m=2.0, c=0.0292, y=0.74, entrance_loss_ratio=0.2),
    "circular_concrete_groove_projecting": CulvertInlet(
        form=1, k=0.0045, m=2.0, c=0.0317, y=0.69, entrance_loss_ratio=0.2
    ),
    "circular_metal_headwall": CulvertInlet(form=1, k=0.0078, m=2.0, c=0.0379, y=0.69),
    "circular_metal_mitered": CulvertInlet(
        form=1, k=0.0210, m=1.33, c=0.0463, y=0.75, slope_ratio=0.7, entrance_loss_ratio=0.7
    ),
    "circular_metal_projecting": CulvertInlet(form=1, k=0.0340, m=1.50, c=0.0553, y=0.54, entrance_loss_ratio=0.9),
    "box_wingwall_30_75": CulvertInlet(form=1, k=0.026, m=1.0, c=0.0347, y=0.81, entrance_loss_ratio=0.4),
    "box_wingwall_15_90": CulvertInlet(form=1, k=0.061, m=0.75, c=0.0400, y=0.80),
    "box_wingwall_0": CulvertInlet(form=1, k=0.061, m=0.75, c=0.0423, y=0.82, entrance_loss_ratio=0.7),
}
"""Inlets by name (HDS-5, table A.1, charts 1, 2 and 8; entrance losses of table C.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Culvert:
    """A culvert of one or more equal barrels.

    Parameters
    ----------
    invert_1_m, invert_2_m : float
        Invert levels at both mouths.
    length_m : float
        Length of the barrel.
    height_m : float
        Diameter, or height of a box.
    width_m : float, optional
        Width of a box; ``None`` for a pipe.
    barrels : int
        Number of barrels side by side.
    manning : float
        Roughness of the barrel.
    inlet : CulvertInlet
        Edge of both mouths.
    """

    invert_1_m: float
    invert_2_m: float
    length_m: float
    height_m: float
    width_m: float | None = None
    barrels: int = 1
    manning: float = 0.013
    inlet: CulvertInlet = INLETS["circular_concrete_square_edge"]

    def __post_init__(self) -> None:
        sizes = (
            self.length_m,
            self.height_m,
            self.manning,
            self.barrels,
            1.0 if self.width_m is None else self.width_m,
        )
        if not all(np.isfinite(s) and s > 0 for s in sizes):
            raise InvalidInput(
                "a culvert without size",
                where="length_m, height_m, width_m, barrels, manning",
                mend="Give sizes above zero in metres",
            )
        if not np.isfinite(self.invert_1_m) or not np.isfinite(self.invert_2_m):
            raise InvalidInput("a culvert without invert levels", where="invert_1_m, invert_2_m", mend="Give both")

    @property
    def area_m2(self) -> float:
        """Full area of one barrel."""
        if self.width_m is None:
            return float(np.pi * self.height_m**2 / 4.0)
        return self.width_m * self.height_m

    @property
    def hydraulic_radius_m(self) -> float:
        """Hydraulic radius of the full barrel."""
        if self.width_m is None:
            return self.height_m / 4.0
        return self.area_m2 / (2.0 * (self.width_m + self.height_m))


def _circle(depth: F64, diameter_m: float) -> tuple[F64, F64]:
    """Area and top width of a circle filled to a depth."""
    angle = 2.0 * np.arccos(np.clip(1.0 - 2.0 * depth / diameter_m, -1.0, 1.0))
    return diameter_m**2 / 8.0 * (angle - np.sin(angle)), diameter_m * np.sin(angle / 2.0)


def circular_critical_depth_m(discharge_m3_s: ArrayLike, diameter_m: float) -> F64:
    """Critical depth in a circular pipe by bisection of Q² T = g A³; never above 0.99 of the diameter.

    Examples
    --------
    A 1 m pipe with 1 m³/s: A = 0.475, T = 0.98 at 0.573 m gives Q = sqrt(9.81 · 0.475³ / 0.99) = 1.0

    >>> round(float(circular_critical_depth_m(1.0, 1.0)), 2)
    0.57
    """
    flow = np.asarray(discharge_m3_s, dtype=np.float64)
    low, high = np.zeros_like(flow), np.full_like(flow, 0.99 * diameter_m)
    for _ in range(50):
        middle = 0.5 * (low + high)
        area, top = _circle(middle, diameter_m)
        deeper = flow**2 * top > GRAVITY_M_S2 * area**3
        low, high = np.where(deeper, middle, low), np.where(deeper, high, middle)
    return np.asarray(np.where(flow > 0.0, high, 0.0), dtype=np.float64)


def _critical(flow: F64, culvert: Culvert) -> tuple[F64, F64]:
    """Critical depth and specific head at it."""
    if culvert.width_m is None:
        depth = circular_critical_depth_m(flow, culvert.height_m)
        area, _ = _circle(depth, culvert.height_m)
    else:
        depth = np.minimum((flow**2 / (culvert.width_m**2 * GRAVITY_M_S2)) ** (1.0 / 3.0), culvert.height_m)
        area = depth * culvert.width_m
    velocity = flow / np.where(area > 0.0, area, 1.0)
    return depth, depth + velocity**2 / (2.0 * GRAVITY_M_S2)


def inlet_control_headwater_m(discharge_m3_s: ArrayLike, culvert: Culvert, *, slope_m_m: float = 0.0) -> F64:
    r"""Headwater over the inlet's invert that one barrel under inlet control needs.

    HDS-5, eqs. A.1 … A.3: unsubmerged :math:`HW/D = H_c/D + K x^M + K_s S` (form 1) or :math:`K x^M` (form 2) up to
    x = 3.5, submerged :math:`c x^2 + Y + K_s S` from x = 4.0, straight between; :math:`x = 1.811\,Q / (A D^{0.5})`.

    Parameters
    ----------
    discharge_m3_s : array
        Discharge of one barrel.
    slope_m_m : float
        Slope of the barrel.

    Returns
    -------
    array
        Metres.

    Examples
    --------
    Chart 1: 42 in pipe, square edge, 120 ft³/s: HW/D = 2.5.

    >>> pipe = Culvert(invert_1_m=0.0, invert_2_m=0.0, length_m=30.0, height_m=42 * 0.0254)
    >>> round(float(inlet_control_headwater_m(120 * 0.3048**3, pipe)) / pipe.height_m, 1)
    2.4
    """
    flow = np.maximum(np.asarray(discharge_m3_s, dtype=np.float64), 0.0)
    inlet, height = culvert.inlet, culvert.height_m
    lean = inlet.slope_ratio * slope_m_m
    factor = _UNIT / (culvert.area_m2 * height**0.5)

    def weir(at: F64) -> F64:
        power = inlet.k * (factor * at) ** inlet.m
        if inlet.form == 2:
            return np.asarray(height * power)
        return np.asarray(_critical(at, culvert)[1] + height * (power + lean))

    def submerged(at: F64) -> F64:
        return np.asarray(height * (inlet.c * (factor * at) ** 2 + inlet.y + lean))

    x = factor * flow
    first, second = np.array(_UNSUBMERGED / factor), np.array(_SUBMERGED / factor)
    share = np.clip((x - _UNSUBMERGED) / (_SUBMERGED - _UNSUBMERGED), 0.0, 1.0)
    between = (1.0 - share) * weir(first) + share * submerged(second)
    head = np.where(x <= _UNSUBMERGED, weir(flow), np.where(x >= _SUBMERGED, submerged(flow), between))
    return np.asarray(np.maximum(head, 0.0), dtype=np.float64)


def outlet_control_headwater_m(
    discharge_m3_s: ArrayLike, culvert: Culvert, *, tailwater_m: ArrayLike, fall_m: float
) -> F64:
    r"""Headwater over the inlet's invert that one full barrel needs against its tailwater.

    :math:`HW = h_o + H - L S` with :math:`H = (1 + k_e + 2 g n^2 L / R^{4/3}) V^2 / 2g` and
    :math:`h_o = \max(TW, (d_c + D)/2)` (HDS-5, eqs. 3.6 … 3.9).

    Parameters
    ----------
    discharge_m3_s : array
        Discharge of one barrel.
    tailwater_m : array
        Tailwater depth over the outlet's invert.
    fall_m : float
        Inlet invert over outlet invert.
    """
    flow = np.maximum(np.asarray(discharge_m3_s, dtype=np.float64), 0.0)
    return _outlet_control(flow, np.asarray(tailwater_m, dtype=np.float64), fall_m, np.array(1.0), culvert)


def _loss_ratio(culvert: Culvert) -> float:
    """Entrance, friction and exit loss of the full barrel in velocity heads."""
    friction = 2.0 * GRAVITY_M_S2 * culvert.manning**2 * culvert.length_m / culvert.hydraulic_radius_m ** (4.0 / 3.0)
    return float(1.0 + culvert.inlet.entrance_loss_ratio + friction)


def _outlet_control(flow: F64, tail_m: F64, fall_m: float, filled: F64, culvert: Culvert) -> F64:
    """Headwater needed; ``filled`` 0 … 1 leads h_o from the critical depth of a part-full outlet to (d_c + D)/2."""
    loss = _loss_ratio(culvert) * (flow / culvert.area_m2) ** 2 / (2.0 * GRAVITY_M_S2)
    depth, _ = _critical(flow, culvert)
    outlet = np.maximum(tail_m, depth + 0.5 * filled * (culvert.height_m - depth))
    return np.asarray(outlet + loss - fall_m, dtype=np.float64)


def culvert_discharge_m3_s(level_1_m: ArrayLike, level_2_m: ArrayLike, culvert: Culvert) -> F64:
    """Discharge that two water levels drive through a culvert, positive from mouth 1 to mouth 2.

    The greatest discharge at which the headwater suffices for inlet and for outlet control, found by bisection, and
    never more than full flow under the difference of levels. Below 1.2 D of headwater the level at a free outlet is
    led from (d_c + D)/2, which HDS-5 gives for a full barrel, to the critical depth at 0.75 D, so that more headwater
    always passes more.

    Parameters
    ----------
    level_1_m, level_2_m : arrays
        Water levels at the mouths.

    Returns
    -------
    array
        m³/s of all barrels; 0 where the higher level does not reach the inverts.
    """
    one, two = np.broadcast_arrays(np.asarray(level_1_m, np.float64), np.asarray(level_2_m, np.float64))
    forward = _one_way(one, two, culvert, culvert.invert_1_m, culvert.invert_2_m)
    back = _one_way(two, one, culvert, culvert.invert_2_m, culvert.invert_1_m)
    return np.asarray(np.where(one >= two, forward, -back), dtype=np.float64)


def _one_way(up_m: F64, down_m: F64, culvert: Culvert, up_invert_m: float, down_invert_m: float) -> F64:
    """Discharge from the higher level to the lower one; anything where the order is the other way."""
    fall = up_invert_m - down_invert_m
    head = np.maximum(up_m - max(up_invert_m, down_invert_m), 0.0)
    tail = np.maximum(down_m - down_invert_m, 0.0)
    over = up_m - up_invert_m
    drop = np.maximum(up_m - down_m, 0.0)
    most = culvert.area_m2 * np.sqrt(2.0 * GRAVITY_M_S2 * drop / _loss_ratio(culvert))
    slope = max(fall, 0.0) / culvert.length_m
    low, high = np.zeros_like(head), most
    for _ in range(40):
        middle = 0.5 * (low + high)
        enough = inlet_control_headwater_m(middle, culvert, slope_m_m=slope) <= over
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    flow = np.where(inlet_control_headwater_m(most, culvert, slope_m_m=slope) <= over, most, low)
    flow = np.minimum(flow, _barrel_limit(over, tail, fall, most, culvert))
    return np.asarray(culvert.barrels * np.where(head > 0.0, flow, 0.0), dtype=np.float64)


def _barrel_limit(over_m: F64, tail_m: F64, fall_m: float, most: F64, culvert: Culvert) -> F64:
    """Most that the barrel passes under outlet control."""
    # (d_c + D)/2 stands for a barrel that runs full; below 0.75 D of headwater it does not hold (HDS-5, § 3.3.2)
    filled = np.clip((over_m / culvert.height_m - _PART_FULL) / (_RUNS_FULL - _PART_FULL), 0.0, 1.0)
    low, high = np.zeros_like(most), most
    for _ in range(40):
        middle = 0.5 * (low + high)
        enough = _outlet_control(middle, tail_m, fall_m, filled, culvert) <= over_m
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    at_most = _outlet_control(most, tail_m, fall_m, filled, culvert) <= over_m + 1e-12
    return np.asarray(np.where(at_most, most, low), dtype=np.float64)
