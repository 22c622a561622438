"""The flux of water through one cell face: bed reconstruction and the HLLC Riemann solver, one face at a time.

The functions are plain scalar Python on purpose: the CPU kernels and the GPU kernels compile the same text. All
constants come as arguments, so that the arithmetic stays in the type of the arrays (float32 or float64).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["face_bed", "hll_flux", "hll_weights", "hllc_flux_with"]


def face_bed(bed_left: float, bed_right: float, crest: float) -> float:
    """Height of the bed at a face between two cells, metres: the highest of both beds and of a wall's crest.

    Hydrostatic reconstruction (Audusse et al. 2004, SIAM J. Sci. Comput. 25:2050): what stands above this height on
    either side flows, what stands below rests against the step. Only steps come here: where the ground slopes, the
    schemes have brought the beds of both sides together before (ramps in the first order, reconstruction in the
    second), without which a film thinner than the step would lose the slope (Delestre et al. 2012).

    Parameters
    ----------
    bed_left, bed_right : float
        Bed level on both sides, m.
    crest : float
        Crest level of a wall on the face, m; very low (-1e30) where there is none.

    Returns
    -------
    float
        Bed level at the face, m.
    """
    return max(max(bed_left, bed_right), crest)  # noqa: PLW3301  # two at a time, as every compiler has it


def hll_weights(
    depth_left: float, normal_left: float, depth_right: float, normal_right: float, gravity: float, tiny: float
) -> tuple[Any, Any]:
    """How the two sides of a face weigh in its flux: the lean θ/2 and the spread κ (m/s), float32 in any case.

    With wave speeds ``s_l ≤ 0 ≤ s_r``: ``θ = (s_r + s_l)/(s_r − s_l)``, ``κ = s_l s_r/(s_r − s_l)``. Speeds are those
    of two rarefactions, and those of the dam break where a side is dry (Toro 2001, *Shock-Capturing Methods for
    Free-Surface Shallow Flows*, §10.3-10.5).

    Parameters
    ----------
    depth_left, depth_right : float
        Reconstructed depth on both sides, m, not negative; zero is a dry bed.
    normal_left, normal_right : float
        Velocity across the face, positive from left to right, m/s.
    gravity : float
        Acceleration of gravity, m/s².
    tiny : float
        A number so small that it never matters but keeps 0/0 from happening (1e-30).

    Returns
    -------
    tuple of float
        θ/2, between −1/2 (all from the right) and 1/2 (all from the left), and κ, m/s, not positive.
    """
    zero, middle = np.float32(0.0), np.float32(0.5)
    weight = np.float32(gravity)
    u_left, u_right = np.float32(normal_left), np.float32(normal_right)
    h_left, h_right = np.float32(depth_left), np.float32(depth_right)
    c_left = np.float32(math.sqrt(weight * h_left))
    c_right = np.float32(math.sqrt(weight * h_right))
    star_speed = middle * (u_left + u_right) + (c_left - c_right)
    star_celerity = middle * (c_left + c_right) + middle * middle * (u_left - u_right)
    slow = min(u_left - c_left, star_speed - star_celerity)
    fast = max(u_right + c_right, star_speed + star_celerity)
    slow = u_right - c_right - c_right if h_left <= zero else slow
    fast = u_left + c_left + c_left if h_right <= zero else fast
    slow = min(slow, zero)
    fast = max(fast, zero)
    share = np.float32(1.0) / max(fast - slow, np.float32(tiny))
    return middle * (fast + slow) * share, slow * fast * share


def hll_flux(
    depth_left: float,
    normal_left: float,
    depth_right: float,
    normal_right: float,
    lean: float,
    spread: float,
    gravity: float,
    half: float,
) -> tuple[float, float]:
    """Flux of mass (m²/s) and of normal momentum (m³/s²) through a face from the weights of its sides.

    ``(F_l + F_r)/2 + lean (F_l − F_r) + spread (U_r − U_l)`` with ``U = (h, h u)``, ``F = (h u, h u² + g h²/2)``. Equal
    sides give their own flux to rounding whatever the weights are. The third wave of HLLC, the shear wave, is carried
    by the caller: the flux of tangential momentum is the mass flux times the tangential velocity of the side the water
    comes from.

    Parameters
    ----------
    depth_left, normal_left, depth_right, normal_right, gravity
        As in :func:`hll_weights`.
    lean, spread : float
        Weights from :func:`hll_weights`.
    half : float
        The number 0.5 in the type of the arithmetic.
    """
    flow_left = depth_left * normal_left
    flow_right = depth_right * normal_right
    push_left = flow_left * normal_left + half * gravity * (depth_left * depth_left)
    push_right = flow_right * normal_right + half * gravity * (depth_right * depth_right)
    mass = half * (flow_left + flow_right) + lean * (flow_left - flow_right) + spread * (depth_right - depth_left)
    momentum = half * (push_left + push_right) + lean * (push_left - push_right) + spread * (flow_right - flow_left)
    return mass, momentum


def hllc_flux_with(weights: Callable[..., Any], flux: Callable[..., Any]) -> Callable[..., Any]:
    """Both in one, made of :func:`hll_weights` and :func:`hll_flux` compiled for the same machine."""

    def hllc_flux(
        depth_left: float,
        normal_left: float,
        depth_right: float,
        normal_right: float,
        gravity: float,
        half: float,
        tiny: float,
    ) -> tuple[float, float]:
        """Flux of mass and of normal momentum through a face."""
        lean, spread = weights(depth_left, normal_left, depth_right, normal_right, gravity, tiny)
        mass, momentum = flux(depth_left, normal_left, depth_right, normal_right, lean, spread, gravity, half)
        return mass, momentum

    return hllc_flux
