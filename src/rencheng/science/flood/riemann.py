"""The flux of water through one cell face: bed reconstruction and the HLLC Riemann solver, one face at a time.

The functions are plain scalar Python on purpose: the CPU kernels and the GPU kernels compile the same text. All
constants come as arguments, so that the arithmetic stays in the type of the arrays (float32 or float64).
"""

from __future__ import annotations

import math

__all__ = ["face_bed", "hllc_flux"]


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


def hllc_flux(
    depth_left: float,
    normal_left: float,
    depth_right: float,
    normal_right: float,
    gravity: float,
    half: float,
    tiny: float,
) -> tuple[float, float]:
    """Flux of mass and of normal momentum through a face by HLL with two-rarefaction wave speeds.

    Toro (2001, *Shock-Capturing Methods for Free-Surface Shallow Flows*, §10.3-10.5). The third wave of HLLC, the shear
    wave, is carried by the caller: tangential momentum flux is the mass flux times the tangential velocity of the side
    the water comes from, which is what HLLC gives.

    Parameters
    ----------
    depth_left, depth_right : float
        Reconstructed depth on both sides, m, not negative; zero is a dry bed.
    normal_left, normal_right : float
        Velocity across the face, positive from left to right, m/s.
    gravity : float
        Acceleration of gravity, m/s².
    half : float
        The number 0.5 in the type of the arithmetic.
    tiny : float
        A number so small that it never matters but keeps 0/0 from happening (1e-30).

    Returns
    -------
    tuple of float
        Mass flux h u (m²/s) and momentum flux h u² + g h²/2 (m³/s²).
    """
    zero = half - half
    celerity_left = math.sqrt(gravity * depth_left)
    celerity_right = math.sqrt(gravity * depth_right)
    star_speed = half * (normal_left + normal_right) + celerity_left - celerity_right
    star_celerity = half * (celerity_left + celerity_right) + half * half * (normal_left - normal_right)
    slow = min(normal_left - celerity_left, star_speed - star_celerity)
    fast = max(normal_right + celerity_right, star_speed + star_celerity)
    slow = normal_right - celerity_right - celerity_right if depth_left <= zero else slow
    fast = normal_left + celerity_left + celerity_left if depth_right <= zero else fast
    slow = min(slow, zero)
    fast = max(fast, zero)
    share = (half + half) / max(fast - slow, tiny)
    flow_left = depth_left * normal_left
    flow_right = depth_right * normal_right
    mass = (fast * flow_left - slow * flow_right + slow * fast * (depth_right - depth_left)) * share
    push_left = flow_left * normal_left + half * gravity * depth_left * depth_left
    push_right = flow_right * normal_right + half * gravity * depth_right * depth_right
    momentum = (fast * push_left - slow * push_right + slow * fast * (flow_right - flow_left)) * share
    return mass, momentum
