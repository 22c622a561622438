"""How hard the wind pulls at the sea."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rencheng.science.storm_surge.cyclone import AIR_KG_M3

__all__ = ["drag_coefficient", "wind_stress_pa"]

Floats = NDArray[np.float64]

CAP_WIND_M_S = 33.0
"""Wind from which drag grows no more: foam smooths the sea (Powell, Vickery & Reinhold 2003, Nature 422, 279)."""


def drag_coefficient(wind_m_s: Floats) -> Floats:
    """Drag of the sea for a ten-minute wind at 10 m (Large & Pond 1981, J. Phys. Oceanogr. 11, 324).

    ``1000 C = 1.2`` up to 11 m/s, then ``0.49 + 0.065 U`` up to the 33 m/s at which Powell et al. (2003) saw it level
    off.

    Examples
    --------
    >>> drag_coefficient(np.array([8.0, 20.0, 33.0, 60.0])).round(6).tolist()
    [0.0012, 0.00179, 0.002635, 0.002635]
    """
    speed = np.minimum(wind_m_s, CAP_WIND_M_S)
    return np.asarray(1e-3 * np.where(speed < 11.0, 1.2, 0.49 + 0.065 * speed), np.float64)


def wind_stress_pa(wind_x_m_s: Floats, wind_y_m_s: Floats, *, ratio: float = 1.0) -> tuple[Floats, Floats]:
    """Stress ``τ = ρ C |U| U`` towards the east and the north.

    Parameters
    ----------
    ratio : float
        Multiplies the drag; 1 as published.

    Examples
    --------
    20 m/s from the west: 1.15 · 0.00179 · 400 = 0.82 Pa.

    >>> float(wind_stress_pa(np.array([20.0]), np.array([0.0]))[0].round(3)[0])
    0.823
    """
    speed = np.hypot(wind_x_m_s, wind_y_m_s)
    pull = ratio * AIR_KG_M3 * drag_coefficient(speed) * speed
    return pull * wind_x_m_s, pull * wind_y_m_s
