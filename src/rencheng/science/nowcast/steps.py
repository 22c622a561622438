"""Radar nowcast with members: pictures carried along their motion, the smaller scales drawn anew as they die.

After Seed (2003, J. Appl. Meteorol. 42:381) and Bowler, Pierce & Seed (2006, Q. J. R. Meteorol. Soc. 132:2127), in the
order of work of pysteps (Pulkkinen et al. 2019, Geosci. Model Dev. 12:4185).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from rencheng.kernel.errors import InvalidInput
from rencheng.science.nowcast.cascade import Cascade, band_filters, decompose, noise_spectrum, recompose, spectral_noise
from rencheng.science.nowcast.extrapolation import displacement, extrapolate
from rencheng.science.nowcast.motion import DRY_DB, WET_MM_H, rain_decibel, rain_motion

__all__ = ["RadarNowcast", "radar_nowcast"]

F64 = NDArray[np.float64]

_SPEED_SPREAD = 0.12
_HEADING_SPREAD_RAD = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarNowcast:
    """Members of a radar nowcast.

    Parameters
    ----------
    rate_mm_h : float32 array, shape (members, leads + 1, places)
        Rain rate at the places; lead 0 is the last picture.
    motion : float64 array, shape (2, ny, nx)
        Motion, cells per picture interval, rows first.
    correlation : float64 array, shape (levels,)
        Correlation of each scale with itself one interval later, moving along.
    """

    rate_mm_h: NDArray[np.float32]
    motion: F64
    correlation: F64


def radar_nowcast(
    rate_mm_h: NDArray[np.floating],
    *,
    cell_m: float,
    interval_s: float,
    leads: int,
    members: int,
    rng: np.random.Generator,
    at: F64 | None = None,
) -> RadarNowcast:
    """Draw members of the rain to come from the last radar pictures.

    Parameters
    ----------
    rate_mm_h : array, shape (k, ny, nx)
        Rain rates of the last pictures at equal intervals, oldest first; NaN where unknown. Three serve best; with one
        alone the rain is held to stand still and the life of its scales is assumed.
    cell_m, interval_s : float
        Edge of a cell and time between pictures.
    leads : int
        Intervals to look ahead.
    members : int
        Members to draw.
    rng : numpy.random.Generator
        Source of all chance.
    at : float64 array, shape (2, places), optional
        Places to give, as fractional rows and columns of the picture; else every cell.

    Raises
    ------
    InvalidInput
        If the pictures hold no grid, or nothing is known in the last one.

    Notes
    -----
    In decibel the last picture is split into bands of scale; each follows its own autoregressive process in coordinates
    that move along, its parameters estimated from the pictures, its innovations with the spectrum of the rain. The
    bands are summed, the values replaced by rank with those of the last picture (so that the distribution of rates
    and the wet share stay), and carried along the motion, whose speed and heading differ a little per member. Rain from
    beyond the picture is drawn: the same texture and distribution, and nothing of it known.
    """
    pictures = np.asarray(rate_mm_h, dtype=np.float64)
    if pictures.ndim != 3 or not len(pictures) or np.isnan(pictures[-1]).all():
        raise InvalidInput("no rain picture to start from", where="radar nowcast", mend="Wait for the next picture")
    pictures = np.stack([_filled(p) for p in pictures[-3:]])
    shape = (pictures.shape[1], pictures.shape[2])
    places = np.asarray(np.mgrid[0 : shape[0], 0 : shape[1]], np.float64).reshape(2, -1) if at is None else at
    moving = len(pictures) > 1 and bool((pictures >= WET_MM_H).any())
    motion = rain_motion(pictures) if moving else np.zeros((2, *shape))
    texture = _texture_of(pictures, motion, cell_m, interval_s)
    out = np.zeros((members, leads + 1, places.shape[1]), dtype=np.float32)
    out[:, 0] = map_coordinates(pictures[-1], places, order=1, mode="nearest")
    if (pictures[-1] >= WET_MM_H).any():
        for member in range(members):
            out[member, 1:] = _member(texture, motion, places, leads, rng)
    return RadarNowcast(rate_mm_h=out, motion=motion, correlation=texture.gamma)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texture:
    """What all members share: bands now and before, their processes, the noise's spectrum, the rates by rank."""

    now: Cascade
    before: F64
    phi: F64
    gamma: F64
    filters: F64
    spectrum: F64
    sorted_mm_h: F64


def _filled(picture: F64) -> F64:
    """Unknown cells from their surroundings; dry where nothing near is known."""
    unknown = np.isnan(picture)
    if not unknown.any():
        return picture
    near = gaussian_filter(np.where(unknown, 0.0, picture), 3.0, mode="nearest")
    mass = gaussian_filter((~unknown).astype(np.float64), 3.0, mode="nearest")
    return np.where(unknown, np.where(mass > 0.05, near / np.maximum(mass, 0.05), 0.0), picture)


def _texture_of(pictures: F64, motion: F64, cell_m: float, interval_s: float) -> _Texture:
    shape = (pictures.shape[1], pictures.shape[2])
    levels = int(np.clip(round(np.log2(max(shape))) - 1, 2, 7))
    filters = band_filters(shape, levels)
    decibel = [rain_decibel(p) for p in pictures]
    count = len(decibel)
    moved = [extrapolate(d, displacement(motion, count - 1 - i), outside=DRY_DB) for i, d in enumerate(decibel)]
    bands = [decompose(field, filters) for field in moved]
    if count > 1:
        gamma = _correlations(bands)
    else:
        gamma = np.tile(_assumed_correlation(shape, levels, cell_m, interval_s), (2, 1))
    return _Texture(
        now=bands[-1],
        before=bands[-2].level if count > 1 else bands[-1].level,
        phi=_processes(gamma),
        gamma=gamma[0],
        filters=filters,
        spectrum=noise_spectrum(decibel[-1]),
        sorted_mm_h=np.sort(pictures[-1], axis=None),
    )


def _correlations(bands: list[Cascade]) -> F64:
    """Correlation of every level one and two intervals apart, shape (2, levels)."""
    lag1 = np.array([float((a * b).mean()) for a, b in zip(bands[-2].level, bands[-1].level, strict=True)])
    lag1 = np.clip(lag1, 0.0, 0.9999)
    if len(bands) < 3:
        return np.stack([lag1, lag1**2])
    lag2 = np.array([float((a * b).mean()) for a, b in zip(bands[-3].level, bands[-1].level, strict=True)])
    # a process with a longer memory than its step allows would swing: the least lag-2 of a stationary one is 2γ₁²-1
    return np.stack([lag1, np.clip(lag2, np.maximum(2.0 * lag1**2 - 0.9999, lag1**4), lag1)])


def _assumed_correlation(shape: tuple[int, int], levels: int, cell_m: float, interval_s: float) -> F64:
    """Correlation over an interval where one picture tells none: life of 10 min at 4 km, growing as scale^0.6.

    The exponent is that of dynamic scaling in convective rain (Venugopal et al. 1999, J. Geophys. Res. 104:31599).
    """
    wavelength_km = max(shape) * cell_m / 1000.0 / np.geomspace(1.0, max(shape) / 2.0, levels)
    life_s = 600.0 * (wavelength_km / 4.0) ** 0.6
    return np.asarray(np.exp(-interval_s / life_s))


def _processes(gamma: F64) -> F64:
    """Parameters φ1, φ2, φ0 of stationary AR(2) processes of unit variance, shape (3, levels) (Yule–Walker)."""
    g1, g2 = gamma
    free = 1.0 - g1**2
    phi1 = g1 * (1.0 - g2) / free
    phi2 = (g2 - g1**2) / free
    variance = 1.0 - phi1 * g1 - phi2 * g2
    return np.stack([phi1, phi2, np.sqrt(np.clip(variance, 0.0, 1.0))])


def _member(texture: _Texture, motion: F64, places: F64, leads: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One member at the places, shape (leads, places)."""
    shape = motion.shape[1:]
    mine = _perturbed(motion, rng)
    beyond = _drawn(texture, (shape[0], shape[1]), rng)
    level, before = texture.now.level, texture.before
    phi1, phi2, phi0 = (p[:, None, None] for p in texture.phi)
    out = np.zeros((leads, places.shape[1]), dtype=np.float32)
    source = places.copy()
    for lead in range(leads):
        noise = decompose(spectral_noise(texture.spectrum, (shape[0], shape[1]), rng), texture.filters).level
        level, before = phi1 * level + phi2 * before + phi0 * noise, level
        field = recompose(Cascade(level=level, mean=texture.now.mean, spread=texture.now.spread))
        rate = _by_rank(field, texture.sorted_mm_h)
        source = source - displacement(mine, 1.0, at=source)
        inside = map_coordinates(rate, source, order=1, mode="nearest")
        outside = map_coordinates(beyond, source, order=1, mode="grid-wrap")
        y, x = source
        here = (y >= -0.5) & (y <= shape[0] - 0.5) & (x >= -0.5) & (x <= shape[1] - 0.5)
        out[lead] = np.where(here, inside, outside)
    return out


def _perturbed(motion: F64, rng: np.random.Generator) -> F64:
    """Motion of a member: speed and heading off by about an eighth (Bowler et al. 2006, §3c)."""
    stretch, turn = 1.0 + _SPEED_SPREAD * rng.standard_normal(), _HEADING_SPREAD_RAD * rng.standard_normal()
    cos, sin = stretch * np.cos(turn), stretch * np.sin(turn)
    return np.stack([cos * motion[0] + sin * motion[1], cos * motion[1] - sin * motion[0]])


def _drawn(texture: _Texture, shape: tuple[int, int], rng: np.random.Generator) -> F64:
    """Rain of which nothing is known but its texture and distribution."""
    return _by_rank(spectral_noise(texture.spectrum, shape, rng), texture.sorted_mm_h)


def _by_rank(field: F64, sorted_mm_h: F64) -> F64:
    """Values of a field replaced by those of a distribution of the same size, rank by rank."""
    out = np.empty(field.size)
    out[np.argsort(field, axis=None, kind="stable")] = sorted_mm_h
    return out.reshape(field.shape)
