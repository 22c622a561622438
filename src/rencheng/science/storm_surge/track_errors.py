"""What a forecast track may turn out to be: an ensemble of tracks from published forecast errors.

Positions, strength and size are drawn around the forecast from the errors that forecast centres publish of themselves,
as the National Hurricane Center's P-Surge does (Taylor & Glahn 2008, 19th Conf. Probability and Statistics, AMS).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats.qmc import LatinHypercube

from rencheng.kernel import InvalidInput
from rencheng.science.storm_surge.cyclone import CycloneTrack

__all__ = ["NORTHWEST_PACIFIC", "StormMember", "TrackErrors", "displaced", "storm_members"]

Floats = NDArray[np.float64]
MEAN_TO_SIGMA = float(np.sqrt(2.0 / np.pi))
"""Standard deviation in one direction from the mean distance of a round Gaussian cloud: σ = mean √(2/π)."""
ABSOLUTE_TO_SIGMA = float(np.sqrt(np.pi / 2.0))
"""Standard deviation of a Gaussian from its mean absolute error."""
LEAST_WIND_RATIO = 0.4
DEEPEST_HPA = 150.0
"""No deeper deficit is drawn: the deepest typhoon known, Tip in 1979, had 870 hPa."""
DRAWS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackErrors:
    """Errors of a forecast centre by lead time, linear between leads and held after the last.

    Parameters
    ----------
    lead_h : tuple of float
        Lead times, increasing from 0.
    position_km : tuple of float
        Mean distance between forecast and true centre.
    wind_m_s : tuple of float
        Mean absolute error of the highest wind.
    r_max_ln : float
        Standard deviation of the logarithm of the radius of highest wind.
    deficit_ln : float
        The same of the pressure deficit that belongs to a wind: how peaked the storm is.
    drag_ln : float
        The same of the drag of the sea, which no two laws agree on.
    """

    lead_h: tuple[float, ...]
    position_km: tuple[float, ...]
    wind_m_s: tuple[float, ...]
    r_max_ln: float = 0.3
    deficit_ln: float = 0.17
    drag_ln: float = 0.15

    def scaled(self, ratio: float) -> TrackErrors:
        """Errors of position and wind times a ratio: 0 is a perfect track, the unknown of the model stays."""
        return replace(
            self,
            position_km=tuple(ratio * v for v in self.position_km),
            wind_m_s=tuple(ratio * v for v in self.wind_m_s),
        )


NORTHWEST_PACIFIC = TrackErrors(
    lead_h=(0.0, 12.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0),
    position_km=(44.4, 63.0, 85.2, 113.0, 144.5, 216.7, 305.6, 413.0),
    wind_m_s=(1.5, 3.0, 4.5, 5.5, 6.5, 7.5, 8.0, 8.5),
)
"""Western North Pacific.

Positions: mean errors of the Joint Typhoon Warning Center 2014 to 2018 (24, 34, 46, 61, 78, 117, 165, 223 nautical
miles; Tropical Storm Risk, "Tracker errors"). China's were much the same (143 km at 48 h, verification of 2013 in
Meteorological Monthly), those of the Hong Kong Observatory 121 km (2015). Wind: rounded to about 13 kt at 48 h, the
order of DeMaria et al. (2014, Bull. Amer. Meteor. Soc. 95, 387). The spread of the deficit is that of Holland's B
beside its mean (0.22 of 1.3: Vickery & Wadhera 2008); those of radius and drag are assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormMember:
    """One storm that may come: its track and how hard its wind pulls."""

    track: CycloneTrack
    drag_ratio: float = 1.0


def displaced(track: CycloneTrack, draw: Floats, errors: TrackErrors, *, issued_s: float = 0.0) -> StormMember:
    """Give the storm that a draw of errors makes of a forecast.

    Parameters
    ----------
    track : CycloneTrack
        The forecast.
    draw : float64 array, shape (6,)
        Standard normal numbers: ahead, left of the track, wind, radius, deficit, drag. One number holds along the
        whole track and its error grows with lead time, as in P-Surge.
    errors : TrackErrors
        Size of the errors.
    issued_s : float
        Time of the forecast on the track's clock; before it the errors are those of lead 0.

    Examples
    --------
    No error gives the forecast itself.

    >>> hours = np.array([0.0, 172800.0])
    >>> track = CycloneTrack(times_s=hours, x_m=hours * 5.0, y_m=0.0 * hours, lat=0.0 * hours + 20.0,
    ...     central_hpa=0.0 * hours + 950.0, max_wind_m_s=0.0 * hours + 40.0, r_max_m=0.0 * hours + 4e4)
    >>> bool((displaced(track, np.zeros(6), NORTHWEST_PACIFIC).track.x_m == track.x_m).all())
    True
    >>> ahead = displaced(track, np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), NORTHWEST_PACIFIC).track
    >>> round((ahead.x_m[1] - track.x_m[1]) / 1000.0, 1)  # 144.5 km · √(2/π)
    115.3
    """
    lead = np.maximum(track.times_s - issued_s, 0.0) / 3600.0
    far = 1000.0 * MEAN_TO_SIGMA * np.interp(lead, errors.lead_h, errors.position_km)
    off = ABSOLUTE_TO_SIGMA * np.interp(lead, errors.lead_h, errors.wind_m_s)
    ex, ey = _heading(track)
    ahead, left, stronger, wider, deeper, rougher = draw.tolist()
    wind = np.maximum(track.max_wind_m_s + off * stronger, LEAST_WIND_RATIO * track.max_wind_m_s)
    deficit = (track.ambient_hpa - track.central_hpa) * np.square(wind / track.max_wind_m_s)
    deficit = np.minimum(deficit * np.exp(errors.deficit_ln * deeper), DEEPEST_HPA)
    moved = replace(
        track,
        x_m=track.x_m + far * (ahead * ex - left * ey),
        y_m=track.y_m + far * (ahead * ey + left * ex),
        central_hpa=track.ambient_hpa - deficit,
        max_wind_m_s=wind,
        r_max_m=track.r_max_m * np.exp(errors.r_max_ln * wider),
    )
    return StormMember(track=moved, drag_ratio=float(np.exp(errors.drag_ln * rougher)))


def storm_members(
    track: CycloneTrack,
    errors: TrackErrors,
    members: int,
    rng: np.random.Generator,
    *,
    issued_s: float = 0.0,
) -> tuple[StormMember, ...]:
    """Draw storms around a forecast, all equally likely, spread evenly over every error (Latin hypercube).

    Parameters
    ----------
    members : int
        How many.
    rng : numpy.random.Generator
        Seeded by the caller; the same seed gives the same storms.
    track, errors, issued_s
        As of :func:`displaced`.

    Raises
    ------
    InvalidInput
        If there are no members.
    """
    if members < 1:
        raise InvalidInput(f"{members} members are none", where="members", mend="Try 40")
    draws = ndtri(np.clip(LatinHypercube(DRAWS, rng=rng).random(members), 1e-9, 1.0 - 1e-9))
    return tuple(displaced(track, draw, errors, issued_s=issued_s) for draw in draws)


def _heading(track: CycloneTrack) -> tuple[Floats, Floats]:
    """Unit vector of the motion at every instant; eastwards where the storm stands."""
    dx, dy = np.gradient(track.x_m, track.times_s), np.gradient(track.y_m, track.times_s)
    speed = np.hypot(dx, dy)
    moving = speed > 1e-6
    safe = np.where(moving, speed, 1.0)
    return np.where(moving, dx / safe, 1.0), np.where(moving, dy / safe, 0.0)
