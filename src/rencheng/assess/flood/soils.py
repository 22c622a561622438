"""Soils and covers by name: the published parameters of infiltration, from the tables in ``assess/data``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput, NotFound

__all__ = ["SoilTexture", "curve_number", "soil_texture", "soil_textures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoilTexture:
    """Mean Green–Ampt parameters of a texture class (Rawls, Brakensiek & Miller 1983).

    Parameters
    ----------
    name : str
        Texture class of the USDA triangle, in snake case.
    porosity_ratio, effective_porosity_ratio : float
        Pore space, and the part of it that water can fill from residual saturation on.
    suction_mm, conductivity_mm_h : float
        Suction head at the wetting front and hydraulic conductivity.
    """

    name: str
    porosity_ratio: float
    effective_porosity_ratio: float
    suction_mm: float
    conductivity_mm_h: float

    def deficit_ratio(self, effective_saturation: ArrayLike) -> NDArray[np.float64]:
        """Moisture deficit Δθ = (1 - s_e) θ_e of soil at an effective saturation.

        Examples
        --------
        >>> round(float(soil_texture("silt_loam").deficit_ratio(0.3)), 2)
        0.34
        """
        saturation = np.asarray(effective_saturation, dtype=np.float64)
        if not ((saturation >= 0.0) & (saturation <= 1.0)).all():
            raise InvalidInput(
                "an effective saturation outside 0 … 1", where=self.name, mend="Give 0 (dry) to 1 (full)"
            )
        return np.asarray((1.0 - saturation) * self.effective_porosity_ratio, dtype=np.float64)


def _rows(file: str) -> list[dict[str, str]]:
    text = (resources.files("rencheng.assess") / "data" / file).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


@cache
def soil_textures() -> dict[str, SoilTexture]:
    """All texture classes by name, coarse to fine."""
    return {
        row["texture"]: SoilTexture(
            name=row["texture"],
            porosity_ratio=float(row["porosity_ratio"]),
            effective_porosity_ratio=float(row["effective_porosity_ratio"]),
            suction_mm=float(row["suction_mm"]),
            conductivity_mm_h=float(row["conductivity_mm_h"]),
        )
        for row in _rows("soils-green-ampt.csv")
    }


def soil_texture(name: str) -> SoilTexture:
    """Parameters of a texture class.

    Raises
    ------
    NotFound
        If there is no such class.
    """
    known = soil_textures()
    if name not in known:
        raise NotFound(f"no soil texture {name!r}", mend=f"Use one of: {', '.join(known)}")
    return known[name]


def curve_number(cover: str, soil_group: str) -> float:
    """Runoff curve number of an urban cover on a hydrologic soil group (TR-55, table 2-2a).

    Parameters
    ----------
    cover : str
        A cover of the table, e.g. ``"open_space_fair"``, ``"paved"``, ``"commercial"``.
    soil_group : str
        ``"a"`` (sand) to ``"d"`` (clay).

    Raises
    ------
    NotFound
        If the table has no such cover or group.

    Examples
    --------
    >>> curve_number("open_space_good", "b")
    61.0
    """
    table = _curve_numbers()
    if cover not in table or soil_group.lower() not in table[cover]:
        raise NotFound(
            f"no curve number for {cover!r} on soil group {soil_group!r}",
            mend=f"Covers: {', '.join(table)}; groups: a, b, c, d",
        )
    return table[cover][soil_group.lower()]


@cache
def _curve_numbers() -> dict[str, dict[str, float]]:
    return {row["cover"]: {group: float(row[group]) for group in "abcd"} for row in _rows("curve-numbers.csv")}
