"""The frame a sandbox city is drawn in: its size, and a curved street frame in which the river runs straight.

Everything is laid out in the *street frame* (u along the river, v across it, metres) where blocks are rectangles
and the river is a straight band, and is then bent onto the map by one smooth, invertible warp. What does not
overlap in the street frame does not overlap on the map.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from rencheng.kernel import InvalidInput

__all__ = ["CRS", "DENSITY_PER_KM2", "Frame", "frame_of"]

Floats = NDArray[np.float64]

CRS = "EPSG:32650"
DENSITY_PER_KM2 = 7400.0
"""Residents per square kilometre of urban land (requirement OPS-17)."""
_ORIGIN_X_M, _ORIGIN_Y_M = 524_000.0, 3_392_000.0
_FEWEST, _MOST = 5_000, 2_000_000


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Size of the city and the warp from the street frame (u, v) to the map.

    Parameters
    ----------
    residents : int
        How many people live in the city.
    seed : int
        What makes this city differ from others of its size.
    """

    residents: int
    seed: int

    def rng(self, name: str) -> np.random.Generator:
        """Random numbers of one part of the city; parts do not disturb one another."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    @cached_property
    def urban_m2(self) -> float:
        """Urban land, m²."""
        return self.residents / DENSITY_PER_KM2 * 1e6

    @cached_property
    def radius_m(self) -> float:
        """Radius of a disc with the area of the urban land, m."""
        return math.sqrt(self.urban_m2 / math.pi)

    @cached_property
    def river_width_m(self) -> float:
        """Width between the banks: 40 m at 10,000 residents, about 200 m at a million."""
        return 40.0 * float((self.residents / 1e4) ** 0.35)

    @cached_property
    def bank_height_m(self) -> float:
        """Height of the bank over the river bed."""
        return 3.5 + 0.015 * self.river_width_m

    @cached_property
    def _waves(self) -> tuple[float, float, float]:
        phases = self.rng("warp").uniform(0.0, 2.0 * math.pi, 3)
        return float(phases[0]), float(phases[1]), float(phases[2])

    def _meander(self, u: Floats) -> Floats:
        r = self.radius_m
        first, second, _ = self._waves
        long_wave = 0.10 * r * np.sin(2.0 * math.pi * u / (2.6 * r) + first)
        return long_wave + 0.02 * r * np.sin(2.0 * math.pi * u / (1.1 * r) + second)

    def _fade(self, v: Floats) -> Floats:
        return 1.0 / (1.0 + (v / (1.3 * self.radius_m)) ** 2)

    def _sway(self, v: Floats) -> Floats:
        r = self.radius_m
        return 0.045 * r * np.sin(2.0 * math.pi * v / (2.1 * r) + self._waves[2])

    def to_map(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Bend street-frame points onto the map (metres in :data:`CRS`); arrays that broadcast."""
        return _ORIGIN_X_M + u + self._sway(v), _ORIGIN_Y_M + v + self._meander(u) * self._fade(v)

    def to_frame(self, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Invert :meth:`to_map` by fixed-point iteration (the warp is a contraction of factor < 0.2)."""
        x, y = x_m - _ORIGIN_X_M, y_m - _ORIGIN_Y_M
        u, v = x.copy(), y.copy()
        for _ in range(14):
            u = x - self._sway(v)
            v = y - self._meander(u) * self._fade(v)
        return u, v

    def direction(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Unit vector on the map of growing u (along the streets) at street-frame points."""
        step = 0.5
        x0, y0 = self.to_map(u - step, v)
        x1, y1 = self.to_map(u + step, v)
        length = np.hypot(x1 - x0, y1 - y0)
        return (x1 - x0) / length, (y1 - y0) / length

    @cached_property
    def _transformer(self) -> Transformer:
        return Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)

    def to_lonlat(self, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Longitude and latitude of map points, rounded to 1e-7 degree (1 cm)."""
        lon, lat = self._transformer.transform(x_m, y_m)
        return np.round(lon, 7), np.round(lat, 7)

    def to_xy(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """Map points of longitudes and latitudes."""
        x, y = self._transformer.transform(lon, lat, direction="INVERSE")
        return np.asarray(x), np.asarray(y)


def frame_of(residents: int, seed: int) -> Frame:
    """Frame of a city of so many residents.

    Raises
    ------
    InvalidInput
        If the size is not between 5,000 and 2,000,000 or the seed is negative.
    """
    if not _FEWEST <= residents <= _MOST:
        raise InvalidInput(
            f"a sandbox city of {residents} residents cannot be made",
            where="residents",
            mend=f"Ask for {_FEWEST:,} to {_MOST:,} residents",
        )
    if seed < 0:
        raise InvalidInput(f"seed {seed} is negative", where="seed", mend="Give a whole number from 0 up")
    return Frame(residents=residents, seed=seed)
