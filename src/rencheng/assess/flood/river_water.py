"""The river in the terrain: which cells are standing water, at which height, and which of them a gauge speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.assess.flood.exposure_index import metric_geometries
from rencheng.city import City, Terrain
from rencheng.kernel import MissingData
from rencheng.science.terrain_correction import neighbourhood_mean

__all__ = ["RIVER_KINDS", "RiverWater", "burnt", "river_water"]

RIVER_KINDS = ("river", "canal", "lake", "reservoir", "sea")
"""Waters that a river gauge speaks for."""
FLAT_KINDS = ("lake", "reservoir", "sea")
REACH_M = 25_000.0
"""Farther from the gauge, its stage says nothing of the water."""
SLOPE = 1.0e-3
"""Steepest water surface that a rise at the gauge follows up other rivers; lowland rivers lie well below 1 m per km."""
POND_M2 = 100_000.0
"""Lakes smaller than this do not rise with a river that they are not drawn as part of."""
AT_WATER_M = 2_000.0
"""A gauge farther from all water stands at none that the package knows."""
LEVEL_STEP_M = 0.6
"""Ground so little above a lake, and open to it, is the lake: elevation of whole metres knows no better."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverWater:
    """Water that rises with a gauge; arrays of shape (ny, nx), row 0 south.

    Parameters
    ----------
    standing : bool array
        Water at its ordinary level, of all rivers and lakes.
    rising : bool array
        The part of it that the gauge speaks for.
    base_m : float64 array
        Ordinary water level of the rising water nearest to each cell, in the heights of the terrain.
    at_gauge_m : float
        The same at the gauge.
    names : tuple of str
        Names of the rising waters, where they have one.
    """

    standing: Mask
    rising: Mask
    base_m: Floats
    at_gauge_m: float
    names: tuple[str, ...]


def river_water(city: City, terrain: Terrain, *, gauge_xy: tuple[float, float], river: str = "") -> RiverWater:
    """Find the water that rises when a gauge does.

    It is what the package calls river, canal, lake, reservoir or sea within 25 km of the gauge and no higher above
    the water at the gauge than 1 m per km, and all water that bears the name of the gauge's river. A lake is as high
    as the median of its cells, and takes in ground at its level that is open to it; a river is as high as its lowest
    ground from bank to bank, evened out over ten cells. Ponds stand still.

    Parameters
    ----------
    gauge_xy : tuple of float
        Metric position of the gauge.
    river : str
        Name of the gauge's river, empty where unknown.

    Raises
    ------
    MissingData
        If the package has no such water, the terrain does not cover it, or none lies within 2 km of the gauge.
    """
    if not city.has("waters"):
        raise MissingData(f"city {city.manifest.id!r} has no waters, which a flood extent needs", mend="Import waters")
    table = city.table("waters")
    ground = terrain.ground_m.astype(np.float64)
    known = np.isfinite(ground)
    kinds = table.column("kind").to_pylist()
    names = (
        [str(n or "") for n in table.column("name").to_pylist()] if "name" in table.column_names else [""] * len(table)
    )
    geometry = metric_geometries(city, table.column("geometry").to_pylist())
    level = np.full(ground.shape, np.nan)
    named, ponds = np.zeros(ground.shape, np.bool_), np.zeros(ground.shape, np.bool_)
    for flat in (False, True):  # a lake lies over the river that runs into it
        for row in [i for i, k in enumerate(kinds) if k in RIVER_KINDS and (k in FLAT_KINDS) == flat]:
            if flat and shapely.area(geometry[row]) < POND_M2:
                ponds |= burnt(terrain, [geometry[row]], touched=False) & known
                continue
            cells = burnt(terrain, [geometry[row]], touched=not flat) & known
            if not cells.any():
                continue
            cells, height = _lake(ground, cells) if flat else (cells, _river(ground, cells))
            level = np.where(cells, height, level)
            named |= cells & bool(river and names[row] and names[row].casefold() in river.casefold())
    return _rising(terrain, level, named, ponds, gauge_xy, tuple(sorted({n for n in names if n})))


def burnt(terrain: Terrain, geometries: list[Any], *, touched: bool) -> Mask:
    """Cells of a terrain whose centre lies in metric geometries, or that they touch."""
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    shapes = [(g, 1) for g in geometries if g is not None and not shapely.is_empty(g)]
    if not shapes:
        return np.zeros(terrain.ground_m.shape, np.bool_)
    affine = Affine(terrain.cell_m, 0.0, terrain.west_m, 0.0, terrain.cell_m, terrain.south_m)
    out = rasterize(shapes, out_shape=terrain.ground_m.shape, transform=affine, all_touched=touched, dtype="uint8")
    return np.asarray(out, np.uint8) > 0


def _lake(ground: Floats, cells: Mask) -> tuple[Mask, float]:
    height = float(np.median(ground[cells]))
    flat = np.abs(ground - height) <= LEVEL_STEP_M
    wide = ndimage.binary_opening(flat, structure=np.ones((3, 3), np.bool_)) | (cells & flat)
    label, count = ndimage.label(wide)
    open_to = np.zeros(count + 1, np.bool_)
    open_to[label[cells & flat]] = True
    open_to[0] = False
    return np.asarray(cells | open_to[label], np.bool_), height


def _river(ground: Floats, cells: Mask) -> Floats:
    """Level along a river: its lowest ground from bank to bank, in a Gaussian mean of ten cells."""
    known = np.where(np.isfinite(ground), ground, np.inf)
    lowest = ndimage.grey_erosion(known, size=(3, 3), mode="nearest")
    return np.where(cells, neighbourhood_mean(lowest, cells & np.isfinite(lowest), 10.0), np.nan)


def _rising(
    terrain: Terrain, level: Floats, named: Mask, ponds: Mask, gauge_xy: tuple[float, float], names: tuple[str, ...]
) -> RiverWater:
    standing = np.isfinite(level)
    if not standing.any():
        raise MissingData(
            "no river, canal, lake, reservoir or sea lies in the terrain", mend="Import waters and a DEM that meet"
        )
    x, y = terrain.centres()
    distance = np.hypot(x[None, :] - gauge_xy[0], y[:, None] - gauge_xy[1])
    nearest = int(np.where(standing, distance, np.inf).argmin())
    if distance.flat[nearest] > AT_WATER_M:
        raise MissingData(
            f"the nearest water in the terrain is {distance.flat[nearest] / 1000:.1f} km from the gauge",
            mend="Choose a gauge of this city, or import the waters it stands at",
        )
    at_gauge = float(level.flat[nearest])
    near = distance <= REACH_M
    rising = standing & near & (named | (level - at_gauge <= SLOPE * distance + 0.5))
    index = ndimage.distance_transform_edt(~rising, return_distances=False, return_indices=True)
    return RiverWater(
        standing=standing | ponds, rising=rising, base_m=level[index[0], index[1]], at_gauge_m=at_gauge, names=names
    )
