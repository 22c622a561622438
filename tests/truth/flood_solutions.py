"""Exact solutions of the shallow water equations, as functions of place and time.

Most stand in the collection of Delestre et al. 2013 (SWASHES, Int. J. Numer. Meth. Fluids 72:269–300), which names
the first authors; each was derived again here and the tests of this module check the derivation itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

G = 9.80665
"""Standard gravity, m/s²."""

Floats = NDArray[np.float64]
AnyFloats = NDArray[Any]
"""Real or complex."""


def cell_means(profile: Callable[[Floats], Floats], edges_m: AnyFloats, parts: int = 20) -> Floats:
    """Means of a profile over cells between ``edges_m``, by the midpoint rule with ``parts`` points a cell."""
    width = np.diff(edges_m)
    at = edges_m[:-1, None] + width[:, None] * (np.arange(parts) + 0.5) / parts
    return np.asarray(profile(at).mean(axis=1), np.float64)


def ritter(x_m: Floats, t_s: float, left_m: float) -> tuple[Floats, Floats]:
    """Dam break at x = 0 onto a dry frictionless bed (Ritter 1892): depth and velocity.

    Between −c₀t and 2c₀t, c₀ = √(g·h_left): h = (2c₀ − x/t)²/9g and u = ⅔(c₀ + x/t). At the dam h = 4/9 h_left always.
    """
    c0 = np.sqrt(G * left_m)
    xi = np.clip(x_m / t_s, -c0, 2.0 * c0)
    depth = (2.0 * c0 - xi) ** 2 / (9.0 * G)
    velocity = np.where(x_m / t_s < 2.0 * c0, 2.0 / 3.0 * (c0 + xi), 0.0)
    return depth, velocity


def stoker_plateau(left_m: float, right_m: float) -> tuple[float, float, float]:
    """Depth and velocity between rarefaction and bore, and the bore's speed (Stoker 1957).

    The rarefaction gives u = 2(√(g·h_left) − √(g·h)); the bore gives u = (h − h_right)·√(g(h + h_right)/(2h·h_right)).
    """

    def gap(h: float) -> float:
        behind = 2.0 * (np.sqrt(G * left_m) - np.sqrt(G * h))
        return float(behind - (h - right_m) * np.sqrt(G * (h + right_m) / (2.0 * h * right_m)))

    depth = float(brentq(gap, right_m, left_m, xtol=1e-14))
    velocity = float(2.0 * (np.sqrt(G * left_m) - np.sqrt(G * depth)))
    return depth, velocity, depth * velocity / (depth - right_m)


def stoker(x_m: Floats, t_s: float, left_m: float, right_m: float) -> tuple[Floats, Floats]:
    """Dam break at x = 0 onto still water of depth ``right_m`` (Stoker 1957): depth and velocity."""
    middle, u_middle, bore = stoker_plateau(left_m, right_m)
    depth, velocity = ritter(x_m, t_s, left_m)
    xi = x_m / t_s
    tail = u_middle - np.sqrt(G * middle)
    plateau, ahead = (xi >= tail) & (xi < bore), xi >= bore
    return (
        np.where(ahead, right_m, np.where(plateau, middle, depth)),
        np.where(ahead, 0.0, np.where(plateau, u_middle, velocity)),
    )


BOWL_M, BOWL_DEPTH_M = 1.0, 0.1
"""Thacker's paraboloid as SWASHES sets it: z = −h₀(1 − r²/a²), a = 1 m, h₀ = 0.1 m."""


def bowl_bed(x_m: Floats, y_m: Floats) -> Floats:
    """Bed of Thacker's paraboloid, centre at the origin."""
    return np.asarray(BOWL_DEPTH_M * ((x_m**2 + y_m**2) / BOWL_M**2 - 1.0), np.float64)


PLANAR_S = float(2.0 * np.pi * BOWL_M / np.sqrt(2.0 * G * BOWL_DEPTH_M))
"""Period of the planar oscillation, 4.486 s."""
RADIAL_S = float(2.0 * np.pi * BOWL_M / np.sqrt(8.0 * G * BOWL_DEPTH_M))
"""Period of the radial oscillation, 2.243 s."""


def thacker_planar(x_m: Floats, y_m: Floats, t_s: float, swing_m: float = 0.5) -> tuple[Floats, Floats, Floats]:
    """Water whose surface stays a plane turns round in a paraboloid (Thacker 1981): depth and both velocities."""
    omega = 2.0 * np.pi / PLANAR_S
    cos, sin = np.cos(omega * t_s), np.sin(omega * t_s)
    level = swing_m * BOWL_DEPTH_M / BOWL_M**2 * (2.0 * x_m * cos + 2.0 * y_m * sin - swing_m)
    depth = np.maximum(level - bowl_bed(x_m, y_m), 0.0)
    wet = depth > 0.0
    return depth, np.where(wet, -swing_m * omega * sin, 0.0), np.where(wet, swing_m * omega * cos, 0.0)


def thacker_radial(x_m: Floats, y_m: Floats, t_s: float, shore_m: float = 0.8) -> tuple[Floats, Floats, Floats]:
    """Water swings to and fro in a paraboloid, its surface a paraboloid (Thacker 1981): depth and both velocities.

    ``shore_m`` is the radius of the shore at the start, when all is at rest.
    """
    omega = 2.0 * np.pi / RADIAL_S
    bend = (BOWL_M**2 - shore_m**2) / (BOWL_M**2 + shore_m**2)
    open_ = 1.0 - bend * np.cos(omega * t_s)
    r2 = (x_m**2 + y_m**2) / BOWL_M**2
    level = BOWL_DEPTH_M * (np.sqrt(1.0 - bend**2) / open_ - 1.0 - r2 * ((1.0 - bend**2) / open_**2 - 1.0))
    depth = np.maximum(level - bowl_bed(x_m, y_m), 0.0)
    pull = np.where(depth > 0.0, 0.5 * omega * bend * np.sin(omega * t_s) / open_, 0.0)
    return depth, pull * x_m, pull * y_m


def hunter_wave(x_m: Floats, t_s: float, manning: float, velocity_m_s: float) -> Floats:
    """Depth of a wave that advances over a dry horizontal plane at a constant velocity (Hunter et al. 2005).

    With u constant in time and space both accelerations vanish and g ∂h/∂x = −g n²u²/h^(4/3), so
    h = (7/3 · n²u²(ut − x))^(3/7): an exact solution of the whole momentum equation.
    """
    ahead = np.maximum(velocity_m_s * t_s - x_m, 0.0)
    return np.asarray((7.0 / 3.0 * manning**2 * velocity_m_s**2 * ahead) ** (3.0 / 7.0), np.float64)


def kinematic_depth(x_m: Floats, t_s: float, rain_m_s: float, slope: float, manning: float) -> Floats:
    """Depth on a plane under steady rain from dry, kinematic wave (Woolhiser & Liggett 1967).

    h = min(r·t, (n·r·x/√S)^(3/5)), x from the ridge.
    """
    steady = (manning * rain_m_s * x_m / np.sqrt(slope)) ** 0.6
    return np.asarray(np.minimum(rain_m_s * t_s, steady), np.float64)


def kinematic_outflow(t_s: Floats, length_m: float, rain_m_s: float, slope: float, manning: float) -> Floats:
    """Discharge per metre of width at the foot of the plane, m²/s: √S/n·(r·t)^(5/3) until r·L is reached."""
    return np.asarray(np.minimum(np.sqrt(slope) / manning * (rain_m_s * t_s) ** (5.0 / 3.0), rain_m_s * length_m))


def kinematic_gone(t_s: Floats, length_m: float, rain_m_s: float, slope: float, manning: float) -> Floats:
    """Volume per metre of width that has left the plane, m²: the integral of ``kinematic_outflow``."""
    steady_s = (length_m * manning / (np.sqrt(slope) * rain_m_s ** (2.0 / 3.0))) ** 0.6
    early = np.minimum(t_s, steady_s)
    rising = 0.375 * np.sqrt(slope) / manning * rain_m_s ** (5.0 / 3.0) * early ** (8.0 / 3.0)
    return np.asarray(rising + rain_m_s * length_m * (t_s - early))


class SteadyFlow(NamedTuple):
    """A steady flow over a bed made for it, in a channel 1000 m long, very wide (SWASHES 3.2, MacDonald et al. 1997).

    ``depth_m`` takes complex places too, so that its slope is exact (Squire & Trapp 1998).
    """

    discharge_m2_s: float
    manning: float
    depth_m: Callable[[AnyFloats], AnyFloats]


CHANNEL_M = 1000.0
CRITICAL_M = float(np.cbrt(4.0 / G))
"""Critical depth at 2 m²/s, the unit of all these profiles."""


def _bulge(height: float, width: float) -> Callable[[AnyFloats], AnyFloats]:
    return lambda x: CRITICAL_M * (1.0 + height * np.exp(-width * (x / CHANNEL_M - 0.5) ** 2))


def _falling(x: AnyFloats) -> AnyFloats:
    s = x / CHANNEL_M - 0.5
    return CRITICAL_M * (1.0 - np.where(s.real < 0.0, np.tanh(3.0 * s) / 3.0, np.tanh(6.0 * s) / 6.0))


def _jump(x: AnyFloats) -> AnyFloats:
    s = x / CHANNEL_M - 0.5
    above = 0.9 - np.exp(-x / 250.0) / 6.0
    waves = zip((-0.348427, 0.552264, -0.55558), (20.0, 40.0, 60.0), strict=True)
    below = 1.0 + sum(a * np.exp(-k * np.maximum(s.real, 0.0) - 1j * k * s.imag) for a, k in waves)
    return CRITICAL_M * np.where(s.real <= 0.0, above, below + 0.8 * np.exp(x / CHANNEL_M - 1.0))


STEADY_FLOWS = {
    "subcritical": SteadyFlow(2.0, 0.033, _bulge(0.5, 16.0)),
    "supercritical": SteadyFlow(2.5, 0.04, _bulge(-0.2, 36.0)),
    "subcritical to supercritical": SteadyFlow(2.0, 0.0218, _falling),
    "supercritical to subcritical": SteadyFlow(2.0, 0.0218, _jump),
}


APPROACH_M = 400.0
"""Length of channel before a supercritical flow, in which it passes from a calm inflow through critical depth."""


def approached(flow: SteadyFlow) -> SteadyFlow:
    """The same flow with a calm approach before it: a discharge alone does not say the depth of a supercritical inflow.

    From 1.5 times the critical depth at −400 m to the flow's own depth at 0, smoothly.
    """
    critical = float(np.cbrt(flow.discharge_m2_s**2 / G))
    begun = float(np.real(flow.depth_m(np.array([0j])))[0])

    def depth_m(x: AnyFloats) -> AnyFloats:
        before = begun + (1.5 * critical - begun) * 0.5 * (1.0 - np.tanh((x + 0.5 * APPROACH_M) / 60.0))
        return np.where(x.real < 0.0, before, flow.depth_m(np.where(x.real < 0.0, 0.0, x)))

    return SteadyFlow(flow.discharge_m2_s, flow.manning, depth_m)


def steady_bed(flow: SteadyFlow, cells: int, *, before: int = 0, parts: int = 40) -> tuple[Floats, Floats]:
    """Means over equal cells of the bed under a steady flow, zero at the outlet, and of its depth.

    dz/dx = (q²/(g·h³) − 1)·dh/dx − n²q²/h^(10/3), by the midpoint rule on ``parts`` pieces a cell. ``before``
    more cells lie upstream of the channel's ``cells``.
    """
    width = CHANNEL_M / (cells * parts)
    x = (np.arange(-before * parts, cells * parts) + 0.5) * width
    h = np.real(flow.depth_m(x + 0j))
    slope_h = np.imag(flow.depth_m(x + 1e-30j)) / 1e-30
    q2 = flow.discharge_m2_s**2
    rise = ((q2 / (G * h**3) - 1.0) * slope_h - flow.manning**2 * q2 / h ** (10.0 / 3.0)) * width
    z = np.cumsum(rise) - 0.5 * rise - rise.sum()
    return z.reshape(-1, parts).mean(axis=1), h.reshape(-1, parts).mean(axis=1)
