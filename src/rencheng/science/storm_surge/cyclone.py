"""A tropical cyclone as a few numbers along a track: its pressure and its wind over the sea.

Pressure after Holland (1980, Mon. Wea. Rev. 108, 1212), surface wind after Holland, Belanger & Fritz (2010, Mon. Wea.
Rev. 138, 4393) with the exponent 0.5 that is theirs where no outer wind is known, inflow after Sobey, Harper & Stark
(1977), asymmetry by the storm's own motion after Lin & Chavas (2012, J. Geophys. Res. 117, D09120).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = [
    "AIR_KG_M3",
    "AMBIENT_HPA",
    "HPA",
    "CycloneTrack",
    "coriolis_per_s",
    "holland_b",
    "pressure_and_wind",
    "r_max_vickery_wadhera_m",
]

Floats = NDArray[np.float64]

AIR_KG_M3 = 1.15
"""Density of air near the surface in a cyclone (Holland 1980)."""
AMBIENT_HPA = 1010.0
"""Pressure far from a cyclone of the western North Pacific (Atkinson & Holliday 1977, Mon. Wea. Rev. 105, 421)."""
HPA = 100.0
LEAST_B, MOST_B = 1.0, 2.5
"""Range of B in nature (Holland 1980)."""
MOTION_RATIO, MOTION_TURN_DEG = 0.55, 20.0
"""The wind far around a storm as a share of its motion, and how far it is turned cyclonically (Lin & Chavas 2012)."""
EARTH_PER_S = 7.292e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class CycloneTrack:
    """Where a cyclone is and how strong, at instants; between them everything is linear in time.

    Parameters
    ----------
    times_s : float64 array, shape (n,)
        Seconds from the start, increasing.
    x_m, y_m : float64 arrays, shape (n,)
        Centre in the raster's metric system, eastwards and northwards.
    lat : float64 array, shape (n,)
        Latitude of the centre, degrees; south of the equator winds turn clockwise.
    central_hpa : float64 array, shape (n,)
        Pressure in the centre.
    max_wind_m_s : float64 array, shape (n,)
        Highest ten-minute mean wind 10 m above the sea, the storm's motion included.
    r_max_m : float64 array, shape (n,)
        Radius of the highest wind.
    ambient_hpa : float
        Pressure far away.
    """

    times_s: Floats
    x_m: Floats
    y_m: Floats
    lat: Floats
    central_hpa: Floats
    max_wind_m_s: Floats
    r_max_m: Floats
    ambient_hpa: float = AMBIENT_HPA

    def __post_init__(self) -> None:
        n = len(self.times_s)
        for name in ("x_m", "y_m", "lat", "central_hpa", "max_wind_m_s", "r_max_m"):
            values = getattr(self, name)
            if values.shape != (n,) or not np.isfinite(values).all():
                raise InvalidInput(f"track needs {n} numbers, not {values.shape}", where=name)
        if n < 2 or not (np.diff(self.times_s) > 0).all():
            raise InvalidInput("a track needs two instants or more, increasing", where="times_s")
        if not (self.central_hpa < self.ambient_hpa).all():
            raise InvalidInput(
                f"central pressure {float(self.central_hpa.max()):g} hPa is not below {self.ambient_hpa:g} hPa around",
                where="central_hpa",
                mend="End the track where the storm has filled",
            )
        if not ((self.max_wind_m_s > 0).all() and (self.r_max_m > 0).all()):
            raise InvalidInput("wind and radius of a storm are above 0", where="max_wind_m_s, r_max_m")

    def motion_m_s(self, time_s: float) -> tuple[float, float]:
        """Velocity of the centre, eastwards and northwards; 0 before the first and after the last instant."""
        if not self.times_s[0] <= time_s <= self.times_s[-1]:
            return 0.0, 0.0
        k = int(np.clip(np.searchsorted(self.times_s, time_s, "right") - 1, 0, len(self.times_s) - 2))
        span = float(self.times_s[k + 1] - self.times_s[k])
        return float(self.x_m[k + 1] - self.x_m[k]) / span, float(self.y_m[k + 1] - self.y_m[k]) / span


def coriolis_per_s(lat: float | Floats) -> Floats:
    """Coriolis parameter ``2 Ω sin φ``: 1.0e-4 per second at 43.3 degrees north, negative in the south."""
    return np.asarray(2.0 * EARTH_PER_S * np.sin(np.radians(lat)), np.float64)


def holland_b(max_wind_m_s: float, deficit_hpa: float) -> float:
    """Peakedness ``B = ρ e v² / Δp`` of the surface wind (Holland et al. 2010, eq. 7), kept within 1 and 2.5.

    Examples
    --------
    40 m/s with 50 hPa: 1.15 · 2.718 · 1600 / 5000 = 1.00.

    >>> round(holland_b(40.0, 50.0), 3)
    1.0
    """
    return float(np.clip(AIR_KG_M3 * np.e * max_wind_m_s**2 / (deficit_hpa * HPA), LEAST_B, MOST_B))


def r_max_vickery_wadhera_m(deficit_hpa: float | Floats, lat: float | Floats) -> Floats:
    """Radius of the highest wind where nobody measured it: ``ln R = 3.015 − 6.291e-5 Δp² + 0.0337 |φ|``, R in km.

    Vickery & Wadhera (2008, J. Appl. Meteor. Climatol. 47, 2497), all hurricanes.

    Examples
    --------
    >>> round(float(r_max_vickery_wadhera_m(50.0, 25.0)) / 1000.0, 1)
    40.5
    """
    km = np.exp(3.015 - 6.291e-5 * np.square(deficit_hpa) + 0.0337 * np.abs(lat))
    return np.asarray(1000.0 * km, np.float64)


def pressure_and_wind(track: CycloneTrack, time_s: float, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Sea-level pressure and ten-minute wind at points; before and after the track the storm stands at its ends.

    Parameters
    ----------
    time_s : float
        Seconds from the track's start.
    x_m, y_m : float64 arrays of one shape
        Points.

    Returns
    -------
    pressure_pa, wind_x_m_s, wind_y_m_s : float64 arrays
        Pressure, and the wind towards the east and the north.
    """
    cx, cy, lat, central, top, r_max = (
        float(np.interp(time_s, track.times_s, v))
        for v in (track.x_m, track.y_m, track.lat, track.central_hpa, track.max_wind_m_s, track.r_max_m)
    )
    ux, uy = track.motion_m_s(time_s)
    deficit = track.ambient_hpa - central
    own = max(top - MOTION_RATIO * float(np.hypot(ux, uy)), 0.2 * top)
    b = holland_b(own, deficit)
    dx, dy = x_m - cx, y_m - cy
    r = np.maximum(np.hypot(dx, dy), 1.0)
    hill = (r_max / r) ** b
    shell = np.exp(-hill)
    pressure = HPA * (central + deficit * shell)
    shape = np.sqrt(hill * shell * np.e)
    spin = 1.0 if lat >= 0.0 else -1.0
    inward = np.radians(_inflow_deg(r / r_max))
    tangent, radial = spin * np.cos(inward), -np.sin(inward)
    turn = np.radians(spin * MOTION_TURN_DEG)
    ex = MOTION_RATIO * (ux * np.cos(turn) - uy * np.sin(turn))
    ey = MOTION_RATIO * (ux * np.sin(turn) + uy * np.cos(turn))
    wind_x = shape * (own * (radial * dx - tangent * dy) / r + ex)
    wind_y = shape * (own * (radial * dy + tangent * dx) / r + ey)
    return pressure, wind_x, wind_y


def _inflow_deg(ratio: Floats) -> Floats:
    """Angle by which the surface wind turns inwards: 10° to the eyewall, 25° from 1.2 radii on (Sobey et al. 1977)."""
    return np.interp(ratio, [0.0, 1.0, 1.2], [0.0, 10.0, 25.0])
