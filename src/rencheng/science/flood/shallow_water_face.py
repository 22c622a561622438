"""The first-order shallow-water scheme at one face and in one cell, as the GPU kernels compile it.

Plain scalar Python; all constants come as arguments, so that the arithmetic stays in the type of the arrays. The
processor's rows (:mod:`rencheng.science.flood.rows`) say the same over whole rows; a test holds both to each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ["affordable_fluxes", "face_flux_with", "rubbed_share"]


def affordable_fluxes(
    depth: float, u: float, v: float, gravity: float, zero: float, tiny: float, cells_per_step: float
) -> tuple[float, float, float, float]:
    """Largest mass flux that a cell can afford through its west, east, south and north face, m²/s.

    Its water is shared among the faces by their outward wave speeds, so that the four together never take more than it
    holds (a local form of the draining limit of Bollermann, Noelle & Lukáčová-Medviďová 2011).
    """
    c = math.sqrt(gravity * depth)
    west, east = max(c - u, zero), max(c + u, zero)
    south, north = max(c - v, zero), max(c + v, zero)
    share = depth * cells_per_step / max(west + east + (south + north), tiny)
    return share * west, share * east, share * south, share * north


def face_flux_with(face_bed: Callable[..., Any], hllc_flux: Callable[..., Any]) -> Callable[..., Any]:
    """The flux through a face, made of a bed reconstruction and a Riemann solver compiled for the same machine."""

    def face_flux(  # noqa: PLR0917  # compiled functions take their numbers by place
        step: float,
        wall: float,
        ramp: float,
        ha: float,
        normal_a: float,
        shear_a: float,
        most_a: float,
        hb: float,
        normal_b: float,
        shear_b: float,
        most_b: float,
        gravity: float,
        half: float,
        tiny: float,
    ) -> tuple[float, float, float, float]:
        """Mass flux, normal momentum flux as each side feels it, flux of tangential momentum (see ``face_fluxes``)."""
        zero = half - half
        one = half + half
        four = one + one + one + one
        fall = step + (hb - ha)
        uphill = hb if fall > zero else ha
        slope = max(min(ramp, fall), zero) + min(max(ramp, fall), zero)
        slope = slope * min(four * uphill / max(max(ha, hb), tiny), one)  # noqa: PLW3301  # as the row kernel has it
        can_a = ha > step
        can_b = hb > -step
        rise = step - slope
        sill_a = face_bed(zero, rise, wall)
        sill_b = face_bed(zero, -rise, wall - rise)
        ha_face = max(ha - sill_a, zero)
        hb_face = max(hb - sill_b, zero)
        flow, push = hllc_flux(ha_face, normal_a, hb_face, normal_b, gravity, half, tiny)
        flow = max(min(flow, most_a if can_a else zero), -(most_b if can_b else zero))
        push_a = push + half * gravity * ((ha + ha_face) * min(sill_a, ha) + ha * slope)
        push_b = push + half * gravity * ((hb + hb_face) * min(sill_b, hb) - hb * slope)
        return flow, push_a, push_b, flow * (shear_a if flow > zero else shear_b)

    return face_flux


def rubbed_share(speed: float, rub: float, one: float) -> float:
    """Share of its speed that water keeps over a step with bed friction ``rub = g Δt n² / h^(4/3)`` (s/m)."""
    two = one + one
    return two / (one + math.sqrt(one + (two + two) * rub * speed))
