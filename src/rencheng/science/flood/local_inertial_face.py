"""The local inertial momentum equation at one face.

The functions are plain scalar Python on purpose: the CPU kernels and the GPU kernels compile the same text. All
constants come as arguments, so that the arithmetic stays in the type of the arrays (float32 or float64).
"""

from __future__ import annotations

import math

__all__ = ["face_discharge"]


def face_discharge(
    centred: float,
    old: float,
    transverse: float,
    flow_depth: float,
    push: float,
    share: float,
    most: float,
    one: float,
) -> float:
    """Unit discharge through a face at the end of a time step.

    Parameters
    ----------
    centred : float
        Unit discharge before the step, blended with its neighbours along the flow
        (``θ q + (1 − θ)/2 (q₋ + q₊)``, the θ damping of de Almeida et al. 2012), m²/s.
    old : float
        Size of the unit discharge before the step at the face itself, m²/s; above zero (what stands still is given as
        a number that never matters).
    transverse : float
        Unit discharge along the face before the step, m²/s.
    flow_depth : float
        Depth through which the water flows at the face, m; positive.
    push : float
        ``g Δt/Δx`` times the rise of the surface across the face, m²/s per m of depth.
    share : float
        ``g Δt n² / h^(7/3)`` over the length of the discharge vector before the step, s²/m⁴.
    most : float
        Greatest unit discharge allowed, m²/s (a Froude number times ``h √(g h)``; infinite for no limit).
    one : float
        The number 1 in the type of the arithmetic.

    Returns
    -------
    float
        Unit discharge after the step, m²/s.

    Notes
    -----
    Bates, Horritt & Fewtrell 2010 (J. Hydrol. 387:33) with the centred discharge of de Almeida, Bates, Freer &
    Souvignet 2012 (Water Resour. Res. 48:W05528) and friction by the length of the discharge vector (de Almeida & Bates
    2013, Water Resour. Res. 49:4833)::

        q' (1 + r |Q'|) = q̄ − g h Δt ∂η/∂x,   r = g Δt n² / h^(7/3)

    They take ``|Q|`` from before the step; in thin films (``r |Q| ≫ 1``) that answer swings about the true one with a
    factor close to −1. Here the part of ``|Q'|`` that stems from this face is taken after the step,
    ``|Q'| ≈ (q q' + w²)/|Q|`` with ``w`` the transverse part, which is a quadratic in ``q'``, keeps their steady
    state exactly and tends to it from one side.

    Examples
    --------
    No push and no friction: what was moving moves on.

    >>> face_discharge(0.2, 0.2, 0.0, 1.0, 0.0, 0.0, 9.0, 1.0)
    0.2
    """
    two = one + one
    bare = centred - flow_depth * push
    size = abs(bare)
    bend = share * old
    drag = one + share * (transverse * transverse)
    q = two * size / (drag + math.sqrt(drag * drag + (two + two) * bend * size))
    return math.copysign(min(q, most), bare)
