"""The ground of a city under its roofs and trees, as well as its terrain lets one know it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from scipy import ndimage

from rencheng.assess.flood.exposure_index import ObjectIndex
from rencheng.assess.flood.extent_config import ExtentConfig, Survey
from rencheng.assess.flood.river_water import RiverWater
from rencheng.city import City, Terrain
from rencheng.science.flood.extent import TerrainError
from rencheng.science.terrain_correction import (
    CoverEffect,
    cover_effect,
    cover_from_density,
    denoised,
    neighbourhood_mean,
    objects_removed,
    scaled_to_survey,
)

__all__ = ["BareGround", "bare_ground"]

SURFACE_CELL_M = 20.0
"""Terrain of coarser cells is taken for a surface model unless the package says otherwise."""
SURFACE_NOISE_M, GROUND_NOISE_M = 0.8, 0.3
"""Error of single cells after denoising; SRTM's own is about 1.5 m before (Rodriguez et al. 2006)."""
LOWLAND_M, LOW_BLOCK_M = 10.0, 270.0
"""The correction is learnt from blocks whose lowest ground is this little above the water; floods matter only there."""
COVER_RADIUS_M = 90.0
"""What a radar cell of 30 m sees of its surroundings, and how finely people are placed."""
PLACES_RADIUS_M = 240.0
NEIGHBOURHOOD_M = 600.0
PATCH_M = 300.0
BESIDE_M = 90.0
COMMON = 100
"""A kind of facility with fewer places says nothing of where the town is dense."""
LEAST_PRIOR_ERROR = 0.25
"""Quarters differ in height and greenery by at least this share, whatever the regression says of their mean."""
SATURATION_KM2 = (1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0)
"""Candidate densities at which 63 % is covered; the one that explains most is taken."""
LEAST_EXPLAINED = 0.02
DEFAULT_COVER_M = 5.0
"""Rise of SRTM over the densest quarters where a city cannot teach it (Olajubu et al. 2021: 1.25 to 5.07 m)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BareGround:
    """Ground and what is not known of it; arrays of shape (ny, nx).

    Parameters
    ----------
    ground_m : float64 array
        Ground height, NaN where unknown.
    bias_m : float64 array
        What was taken off for buildings and trees in the mean of a district; 0 for bare-earth terrain.
    error : TerrainError
        Errors that are left.
    notes : tuple of str
        How it was made, for people.
    """

    ground_m: Floats
    bias_m: Floats
    error: TerrainError
    notes: tuple[str, ...]


def bare_ground(
    city: City,
    terrain: Terrain,
    water: RiverWater,
    index: ObjectIndex,
    config: ExtentConfig,
    *,
    surveyed_m: Floats,
    datum_error_m: float,
) -> BareGround:
    """Take buildings and trees off a surface model; bare-earth terrain comes back as it is.

    Parameters
    ----------
    index : ObjectIndex
        Says which raster cells an H3 cell of the city has.
    surveyed_m : float64 array, shape (surveys,)
        Height of every ``[[survey]]`` of the configuration, in the heights of the terrain.
    datum_error_m : float
        Standard error of the water level against the terrain.
    """
    ground = terrain.ground_m.astype(np.float64)
    section = config.terrain
    surface = section.kind == "surface" or (section.kind == "auto" and terrain.cell_m >= SURFACE_CELL_M)
    noise_m = section.noise_m or (SURFACE_NOISE_M if surface else GROUND_NOISE_M)
    error = TerrainError(
        noise_m=noise_m,
        noise_range_m=section.noise_range_m,
        cover_m=np.zeros(ground.shape),
        cover_range_m=section.cover_range_m,
        datum_m=datum_error_m,
    )
    if not surface:
        note = f"Terrain of {terrain.cell_m:g} m is taken as bare ground, error {noise_m:g} m."
        return BareGround(ground_m=ground, bias_m=np.zeros(ground.shape), error=error, notes=(note,))
    cut = objects_removed(ground, cell_m=terrain.cell_m)
    smooth = denoised(cut, keep=water.standing, radius_cells=max(1.0, 30.0 / terrain.cell_m))
    learnt = _learnt(city, terrain, water, index, smooth)
    relative_error = max(learnt.error_ratio, LEAST_PRIOR_ERROR)
    scale, scale_error, told = _surveyed(
        terrain, config.survey, surveyed_m, smooth, learnt.bias_m, datum_error_m, relative_error
    )
    bias = np.where(water.standing, 0.0, scale * learnt.bias_m)
    bare = _evened(smooth - bias, learnt.cover, water.standing, terrain.cell_m)
    floor = np.where(np.isfinite(smooth), np.minimum(smooth, water.base_m), np.nan)
    ratio = float(np.hypot(section.cover_error_ratio, scale_error / max(scale, 0.1)))
    return BareGround(
        ground_m=np.fmax(np.fmin(bare, smooth), floor),
        bias_m=bias,
        error=replace(error, cover_m=np.hypot(ratio * bias, scale * learnt.spread_m)),
        notes=(*learnt.notes, *told),
    )


def _evened(bare: Floats, cover: Floats, keep: NDArray[np.bool_], cell_m: float) -> Floats:
    """Even out what single roofs leave behind where a town is dense; streets and alluvial plains are smooth."""
    wide = denoised(bare, keep=keep, radius_cells=COVER_RADIUS_M / cell_m)
    return np.asarray(bare + cover * (wide - bare), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Learnt:
    """The correction as the city teaches it; rasters of shape (ny, nx)."""

    bias_m: Floats
    spread_m: Floats
    cover: Floats
    error_ratio: float
    notes: tuple[str, ...]


def _learnt(city: City, terrain: Terrain, water: RiverWater, index: ObjectIndex, smooth: Floats) -> _Learnt:
    """Cover by people at home and at work, and how much it lifts the surface.

    How fast cover saturates with density is not known. Every candidate that explains at least half as much as the best
    speaks, and their spread is part of the error.
    """
    known = np.isfinite(smooth) & ~water.standing
    density = _density_km2(city, terrain, index, known)
    block = max(3, round(LOW_BLOCK_M / terrain.cell_m) | 1)
    above = np.where(known, smooth - water.base_m, np.inf)
    use = known & (ndimage.minimum_filter(above, block) < LOWLAND_M)
    shore_km = ndimage.distance_transform_edt(~water.standing) * terrain.cell_m / 1000.0
    places = _places(city, terrain, known)
    found: list[tuple[CoverEffect, Floats]] = []
    for saturation in SATURATION_KM2:
        cover = cover_from_density(density, saturation)
        effect = cover_effect(
            smooth,
            cover,
            use,
            window_cells=NEIGHBOURHOOD_M / terrain.cell_m,
            controls=(shore_km, np.minimum(shore_km, 0.15)),
            instruments=places,
            patch_cells=(PATCH_M / terrain.cell_m) ** 2,
        )
        if effect is not None and effect.height_m > effect.error_m:
            found.append((effect, cover))
    best = max((e.explained_ratio for e, _ in found), default=0.0)
    found = [(e, c) for e, c in found if e.explained_ratio >= 0.5 * best]
    if best < LEAST_EXPLAINED or not found:
        return _default(cover_from_density(density, 5000.0))
    each = np.stack([e.height_m * c for e, c in found])
    effect = found[len(found) // 2][0]
    how = f"{effect.instruments} instruments" if effect.instruments else "no instrument, so at least so much"
    heights = [e.height_m for e, _ in found]
    note = (
        f"Where people live and work densely the terrain reads {min(heights):.1f} to {max(heights):.1f} m higher than "
        f"beside it ({how}; standard error {effect.error_m:.1f} m; {effect.cells:,} cells of low ground)."
    )
    return _Learnt(
        bias_m=each.mean(axis=0),
        spread_m=each.std(axis=0),
        cover=np.mean([c for _, c in found], axis=0),
        error_ratio=effect.error_m / effect.height_m,
        notes=(note,),
    )


def _default(cover: Floats) -> _Learnt:
    note = (
        "The city does not show how much its buildings lift the terrain; "
        f"{DEFAULT_COVER_M:g} m at the densest is taken (Olajubu et al. 2021)."
    )
    return _Learnt(
        bias_m=DEFAULT_COVER_M * cover, spread_m=np.zeros(cover.shape), cover=cover, error_ratio=0.5, notes=(note,)
    )


def _density_km2(city: City, terrain: Terrain, index: ObjectIndex, known: NDArray[np.bool_]) -> Floats:
    """Residents, and jobs where the package counts them, per km² of land."""
    indptr, places = index.zones_of("cell")
    count = np.diff(indptr)
    row_of = {name: k for k, name in enumerate(str(c) for c in city.column("cells", "cell").tolist())}
    order = np.array([row_of[name] for name in index.object_id[index.rows_of("cell")]], np.int64)
    people = np.nan_to_num(city.column("cells", "residents").astype(np.float64))
    if "jobs" in city.table("cells").column_names:
        people = people + np.nan_to_num(city.column("cells", "jobs").astype(np.float64))
    per_km2 = people[order] / np.maximum(count * terrain.cell_m**2 / 1e6, 1e-9)
    raster = np.zeros(known.size)
    raster[places] = np.repeat(per_km2, count)
    return neighbourhood_mean(raster.reshape(known.shape), known, COVER_RADIUS_M / terrain.cell_m)


def _places(city: City, terrain: Terrain, known: NDArray[np.bool_]) -> list[Floats]:
    """Density of every kind of facility that is common: other counts of where the town is, made by other people."""
    if not city.has("facilities"):
        return []
    kind = np.array(city.table("facilities").column("kind").to_pylist())
    x, y = city.to_metric.transform(city.column("facilities", "lon"), city.column("facilities", "lat"))
    row, column = terrain.rows_columns(x, y)
    ny, nx = known.shape
    inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
    out = []
    for name in sorted(set(kind.tolist()) - {"shelter"}):  # shelters are schools once more
        mine = inside & (kind == name)
        if mine.sum() >= COMMON:
            count = np.bincount(row[mine] * nx + column[mine], minlength=ny * nx).reshape(ny, nx).astype(np.float64)
            out.append(neighbourhood_mean(count, known, PLACES_RADIUS_M / terrain.cell_m))
    return out


def _surveyed(
    terrain: Terrain,
    surveys: tuple[Survey, ...],
    surveyed_m: Floats,
    smooth: Floats,
    bias: Floats,
    datum_error_m: float,
    prior_error: float,
) -> tuple[float, float, tuple[str, ...]]:
    """Scale of the correction after the surveyed heights; each survey counts as one sight, however many points."""
    model, excess, error, notes = [], [], [], []
    for survey, height in zip(surveys, surveyed_m.tolist(), strict=True):
        at = _sampled(terrain, survey, smooth, bias)
        if at is None:
            continue
        if survey.of == "open":
            notes.append(f"{survey.name}: the terrain reads {at[0] - height:+.1f} m over the survey, on open ground.")
            continue
        model.append(at[1])
        excess.append(at[0] - height)
        error.append(float(np.sqrt(survey.error_m**2 + datum_error_m**2 + SURFACE_NOISE_M**2 + at[2] ** 2)))
        notes.append(
            f"{survey.name}: the terrain reads {at[0] - height:+.1f} m over the survey, expected {at[1]:+.1f} m."
        )
    if not model:
        return 1.0, prior_error, (*notes, "No surveyed built ground; the correction stands as learnt.")
    scale, scale_error = scaled_to_survey(np.array(model), np.array(excess), np.array(error), prior_error=prior_error)
    return scale, scale_error, (*notes, f"Surveyed ground scales the correction by {scale:.2f} ± {scale_error:.2f}.")


def _sampled(terrain: Terrain, survey: Survey, smooth: Floats, bias: Floats) -> tuple[float, float, float] | None:
    """Mean height and correction at the points of a survey, and how much the heights around them differ.

    What stands beside a surveyed street differs from block to block, and so does what the terrain reads there.
    """
    to_metric = Transformer.from_crs("EPSG:4326", terrain.crs, always_xy=True)
    x, y = to_metric.transform(*np.array(survey.points).T)
    row, column = terrain.rows_columns(x, y)
    ny, nx = smooth.shape
    inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
    height, lift = smooth[row[inside], column[inside]], bias[row[inside], column[inside]]
    known = np.isfinite(height)
    if not known.any():
        return None
    reach = max(1, round(BESIDE_M / terrain.cell_m))
    around = [
        smooth[max(r - reach, 0) : r + reach + 1, max(c - reach, 0) : c + reach + 1]
        for r, c in zip(row[inside][known].tolist(), column[inside][known].tolist(), strict=True)
    ]
    spread = float(np.mean([np.nanstd(a) for a in around]))
    return float(height[known].mean()), float(lift[known].mean()), spread
