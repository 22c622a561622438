"""Ground from a surface that reads roofs and trees as ground, without looking at any flood.

A 30 m radar surface such as SRTM stands metres above the ground of a town. What stands on the ground is told apart in
two ways: single things rise above the opened surface (progressive morphological filter), and whole districts rise with
how densely they are built (regression within neighbourhoods, where relief and density have nothing to do with each
other). Rasters have row 0 in the south; NaN is ground unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.kernel import InvalidInput

__all__ = [
    "CoverEffect",
    "cover_effect",
    "cover_from_density",
    "denoised",
    "neighbourhood_mean",
    "objects_removed",
    "scaled_to_survey",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_CORRELATION = 0.2
"""An instrument that goes with the cover less than this is weak and would add noise, and bias, instead of taking it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverEffect:
    """How much higher a surface reads where the ground is covered.

    Parameters
    ----------
    height_m : float
        Rise of the surface from cover 0 to cover 1, never negative.
    error_m : float
        Standard error of it.
    explained_ratio : float
        Share of the height variance within neighbourhoods that the cover explains.
    cells : int
        Raster cells used.
    instruments : int
        Instruments used; with none the height is a lower bound.
    """

    height_m: float
    error_m: float
    explained_ratio: float
    cells: int
    instruments: int


def neighbourhood_mean(values: NDArray[np.floating], known: Mask, radius_cells: float) -> Floats:
    """Gaussian mean over known cells; 0 where none is near; shape as ``values``.

    Parameters
    ----------
    radius_cells : float
        Standard deviation of the Gaussian.

    Examples
    --------
    >>> float(neighbourhood_mean(np.array([[1.0, np.nan, 3.0]]), np.array([[True, False, True]]), 1.0)[0, 1].round(6))
    2.0
    """
    weight = ndimage.gaussian_filter(known.astype(np.float64), radius_cells, mode="constant")
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), radius_cells, mode="constant")
    return np.asarray(np.where(weight > 1e-9, total / np.maximum(weight, 1e-9), 0.0), np.float64)


def cover_from_density(density: NDArray[np.floating], saturation: float) -> Floats:
    """Cover 0 … 1 of a density that saturates: ``1 - exp(-density / saturation)``.

    A street with twice the people is not twice as covered; it is built on already. The form is that of light in a
    canopy (Beer–Lambert).

    Examples
    --------
    >>> cover_from_density(np.array([0.0, 5000.0]), 5000.0).round(3).tolist()
    [0.0, 0.632]
    """
    if not saturation > 0.0:
        raise InvalidInput(f"saturation {saturation} is not above 0", mend="Give the density at which 63 % is covered")
    return np.asarray(1.0 - np.exp(-np.maximum(density, 0.0) / saturation), np.float64)


def objects_removed(
    surface_m: NDArray[np.floating],
    *,
    cell_m: float,
    widest_m: float = 210.0,
    slope: float = 0.1,
    least_m: float = 4.0,
) -> Floats:
    """Cut what rises steeply above its surroundings: towers, single blocks, clumps of trees.

    The progressive morphological filter (Zhang et al. 2003, IEEE Trans. Geosci. Remote Sens. 41:872): the surface is
    opened by ever wider windows; a cell that stands above the opened surface by more than terrain of the given slope
    would is an object and takes the opened height. Never raises a cell; leaves a plane and any slope gentler than
    ``slope`` as they are.

    Parameters
    ----------
    surface_m : float array, shape (ny, nx)
        Heights; NaN where unknown.
    cell_m : float
        Edge of a cell.
    widest_m : float
        Widest object that is looked for.
    slope : float
        Steepest natural ground, m per m.
    least_m : float
        Objects lower than this are left: they are within the noise of such a surface.

    Returns
    -------
    float64 array, shape (ny, nx)

    Examples
    --------
    >>> plain = np.zeros((7, 7)); plain[3, 3] = 30.0
    >>> float(objects_removed(plain, cell_m=30.0).max())
    0.0
    """
    surface = np.array(surface_m, np.float64)
    known = np.isfinite(surface)
    if not known.any():
        return surface
    filled = np.where(known, surface, surface[known].max())
    opened = filled
    reach = 1
    while (2 * reach + 1) * cell_m <= max(widest_m, 3 * cell_m):
        size = 2 * reach + 1
        opened = ndimage.grey_opening(filled, size=(size, size), mode="nearest")
        limit = least_m + slope * reach * cell_m
        filled = np.where(filled - opened > limit, opened, filled)
        reach += 1
    return np.where(known, np.minimum(filled, surface), np.nan)


def denoised(ground_m: NDArray[np.floating], *, keep: Mask | None = None, radius_cells: float = 1.0) -> Floats:
    """Even out speckle and the steps of whole metres by a Gaussian mean over a plane fitted through the neighbours.

    Only differences from the local plane are averaged, so that a plane comes out as it went in, also at its edges.

    Parameters
    ----------
    ground_m : float array, shape (ny, nx)
        Heights; NaN where unknown.
    keep : bool array, shape (ny, nx), optional
        Cells that neither change nor speak for others, such as water.
    radius_cells : float
        Standard deviation of the Gaussian.
    """
    ground = np.asarray(ground_m, np.float64)
    known = np.isfinite(ground) if keep is None else np.isfinite(ground) & ~keep
    y, x = np.mgrid[0 : ground.shape[0], 0 : ground.shape[1]].astype(np.float64)
    trend = neighbourhood_mean(ground, known, radius_cells)
    slope_y, slope_x = _slopes(np.where(known, ground, 0.0), known, radius_cells)
    trend = trend + slope_y * (y - neighbourhood_mean(y, known, radius_cells))
    trend = trend + slope_x * (x - neighbourhood_mean(x, known, radius_cells))
    return np.asarray(np.where(known, trend, ground), np.float64)


def _slopes(ground: Floats, known: Mask, radius: float) -> tuple[Floats, Floats]:
    """Slopes per cell of the plane that fits the known neighbours best, by weighted least squares."""
    y, x = np.mgrid[0 : ground.shape[0], 0 : ground.shape[1]].astype(np.float64)

    def mean(values: Floats) -> Floats:
        return neighbourhood_mean(values, known, 2.0 * radius)

    my, mx, mz = mean(y), mean(x), mean(ground)
    yy, xx, xy = mean(y * y) - my * my, mean(x * x) - mx * mx, mean(x * y) - mx * my
    zy, zx = mean(ground * y) - mz * my, mean(ground * x) - mz * mx
    ridge = 1e-6
    det = np.maximum((yy + ridge) * (xx + ridge) - xy * xy, ridge * ridge)
    return (zy * (xx + ridge) - zx * xy) / det, (zx * (yy + ridge) - zy * xy) / det


def cover_effect(
    surface_m: NDArray[np.floating],
    cover: Floats,
    use: Mask,
    *,
    window_cells: float = 20.0,
    controls: Sequence[Floats] = (),
    instruments: Sequence[Floats] = (),
    patch_cells: float = 100.0,
) -> CoverEffect | None:
    r"""Estimate from the town itself how much its cover lifts the surface.

    Heights and cover are taken against their own Gaussian neighbourhood mean, which takes the relief away, and
    regressed (a fixed-effects regression, the neighbourhood being the effect):

    .. math:: z - \bar z = \beta\,(c - \bar c) + \gamma\,(x - \bar x) + \varepsilon, \quad \beta \ge 0

    A cover known only roughly gives too small a coefficient (attenuation). Instruments mend that: other counts of the
    same town, wrong in their own way, such as where its schools and hydrants stand. The cover is first regressed on
    them, and the heights on what they explain of it (two-stage least squares; Wooldridge 2010, ch. 5). Instruments
    that say little of the cover (correlation below 0.2) are left out.

    Parameters
    ----------
    surface_m : float array, shape (ny, nx)
        Surface heights.
    cover : float64 array, shape (ny, nx)
        Cover 0 … 1, as of :func:`cover_from_density`.
    use : bool array, shape (ny, nx)
        Cells to learn from. They must not be chosen by their own height, which would hide the effect; the lowest
        ground near them may.
    window_cells : float
        Standard deviation of the neighbourhood; wide against a block, narrow against a hill.
    controls : sequence of float64 arrays, shape (ny, nx)
        What else the ground goes with, such as the distance from the shore.
    instruments : sequence of float64 arrays, shape (ny, nx)
        Other measures of the cover, in any unit.
    patch_cells : float
        Cells that speak with one voice, for the standard error.

    Returns
    -------
    CoverEffect or None
        None where too few cells (fewer than 500) are at hand or the cover does not vary.

    Examples
    --------
    Ground that rises 1 cm per cell with houses of 5 m on every covered cell:

    >>> y, x = np.mgrid[0:60, 0:60]
    >>> cover = ((x // 10 + y // 10) % 2).astype(float)
    >>> effect = cover_effect(0.01 * x + 5.0 * cover, cover, np.ones((60, 60), bool))
    >>> round(effect.height_m, 1)
    5.0
    """
    cells = int(use.sum())
    if cells < 500:
        return None

    def within(values: NDArray[np.floating]) -> Floats:
        return np.asarray((values - neighbourhood_mean(values, use, window_cells))[use], np.float64)

    others = np.column_stack([np.ones(cells), *[within(c) for c in controls]])
    height = _residual(within(surface_m), others)
    covered = _residual(within(cover), others)
    if covered.std() < 1e-3:
        return None
    sights = [_residual(within(i), others) for i in instruments]
    strong = [i for i in sights if i.std() > 0.0 and float(np.corrcoef(i, covered)[0, 1]) >= LEAST_CORRELATION]
    seen = covered if not strong else covered - _residual(covered, np.column_stack(strong))
    slope = float(seen @ height) / float(seen @ covered)
    left = height - slope * covered
    error = float(np.sqrt((left @ left) / cells / (seen @ seen) * patch_cells))
    plain = float(covered @ height) / float(covered @ covered)
    explained = plain * float(covered @ height) / max(float(height @ height), 1e-12)
    return CoverEffect(
        height_m=max(slope, 0.0), error_m=error, explained_ratio=explained, cells=cells, instruments=len(strong)
    )


def _residual(values: Floats, columns: Floats) -> Floats:
    return np.asarray(values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0], np.float64)


def scaled_to_survey(
    bias_m: Floats,
    excess_m: Floats,
    error_m: Floats,
    *,
    prior_scale: float = 1.0,
    prior_error: float = 0.5,
) -> tuple[float, float]:
    """Scale of a bias model after a few surveyed heights have been seen, and its standard error.

    One-parameter Bayesian regression through the origin: prior ``N(prior_scale, prior_error²)`` and at every survey
    point ``excess = scale * bias + N(0, error²)``.

    Parameters
    ----------
    bias_m : float64 array, shape (n,)
        Bias that the model gives at the points.
    excess_m : float64 array, shape (n,)
        Surface minus surveyed ground there.
    error_m : float64 array, shape (n,)
        Standard error of that difference; points that are close together should share one.

    Returns
    -------
    scale, error : float

    Examples
    --------
    >>> scale, error = scaled_to_survey(np.array([3.0]), np.array([6.0]), np.array([1.5]))
    >>> round(scale, 2), round(error, 2)
    (1.5, 0.35)
    """
    weight = bias_m / error_m**2
    precision = 1.0 / prior_error**2 + float((bias_m * weight).sum())
    mean = (prior_scale / prior_error**2 + float((excess_m * weight).sum())) / precision
    return max(mean, 0.0), float(precision**-0.5)
