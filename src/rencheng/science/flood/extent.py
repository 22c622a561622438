"""Which land a standing water level reaches: connected to the water over every sill, and how surely.

A level fills low ground only where a path below it leads there (Poulter & Halpin 2008, Int. J. Geogr. Inf. Sci. 22).
Where the terrain is known only roughly, the extent is a probability: many plausible terrains, each with its own
connections (Hawker et al. 2018, Front. Earth Sci. 6:233). Rasters have row 0 in the south; NaN is ground unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.kernel import InvalidInput

__all__ = [
    "TerrainError",
    "connected_extent",
    "correlated_field",
    "expected_extent_threshold",
    "extent_members",
    "levees_opened",
    "levees_raised",
    "spill_level",
]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_RANGE_TO_SIGMA = 2.0 * np.sqrt(np.log(20.0))
"""A Gaussian mean with standard deviation s leaves a correlation of 0.05 at this many s."""


def connected_extent(
    ground_m: NDArray[np.floating], level_m: float | Floats, source: Mask, *, diagonal: bool = True
) -> Mask:
    """Cells below the level that water reaches from its source over ground below the level.

    Parameters
    ----------
    ground_m : float array, shape (ny, nx)
        Ground height; unknown ground stays dry.
    level_m : float or float64 array, shape (ny, nx)
        Water level, in the heights of the ground.
    source : bool array, shape (ny, nx)
        The river, lake or sea.
    diagonal : bool
        Whether water passes between cells that touch at a corner.

    Returns
    -------
    bool array, shape (ny, nx)
        Flooded land; the source itself is not part of it.

    Examples
    --------
    A pit of 0 m behind a ridge of 3 m stays dry at 2 m and fills at 4 m.

    >>> ground, water = np.array([[0.0, 1.0, 3.0, 0.0]]), np.array([[True, False, False, False]])
    >>> connected_extent(ground, 2.0, water)[0].tolist(), connected_extent(ground, 4.0, water)[0].tolist()
    ([False, True, False, False], [False, True, True, True])
    """
    if ground_m.shape != source.shape or ground_m.ndim != 2:
        raise InvalidInput(
            f"ground {ground_m.shape} and water {source.shape} are not the same raster", mend="Give both on one grid"
        )
    open_water = (np.nan_to_num(ground_m, nan=np.inf) < level_m) | source
    label, count = ndimage.label(open_water, structure=np.ones((3, 3)) if diagonal else None)
    wet = np.zeros(count + 1, np.bool_)
    wet[label[source]] = True
    wet[0] = False
    return np.asarray(wet[label] & ~source, np.bool_)


def spill_level(ground_m: NDArray[np.floating], source: Mask) -> Floats:
    """Lowest level at which water from the source reaches each cell: the highest sill on the easiest way.

    A minimax path over the eight neighbours (the priority-flood of Barnes et al. 2014 started from the water).

    Parameters
    ----------
    ground_m, source
        As of :func:`connected_extent`.

    Returns
    -------
    float64 array, shape (ny, nx)
        -inf in the source, NaN where the ground is unknown or no way leads.

    Examples
    --------
    >>> ground, water = np.array([[0.0, 1.0, 3.0, 0.0]]), np.array([[True, False, False, False]])
    >>> spill_level(ground, water)[0].tolist()
    [-inf, 1.0, 3.0, 3.0]
    """
    level: Floats = _minimax(np.ascontiguousarray(ground_m, np.float64), np.ascontiguousarray(source))
    return level


def levees_raised(ground_m: Floats, crest_m: NDArray[np.floating]) -> Floats:
    """Ground with levees standing on it; ``crest_m`` is NaN where none is, and never lowers the ground."""
    return np.asarray(np.fmax(ground_m, crest_m), np.float64) + 0.0 * ground_m


def levees_opened(ground_m: Floats, line: Mask, *, reach_cells: int = 2) -> Floats:
    """Ground without the embankments that the terrain itself shows along levees.

    Every cell on a levee, or beside it, takes the lowest ground within reach, so that the lower side decides.

    Parameters
    ----------
    line : bool array, shape (ny, nx)
        Cells that levees cross.
    reach_cells : int
        Half width of the square that is searched; an embankment of 30 m and its foot are within 2 cells of 30 m.
    """
    size = 2 * reach_cells + 1
    known = np.isfinite(ground_m)
    low = ndimage.grey_erosion(np.where(known, ground_m, np.inf), size=(size, size), mode="nearest")
    beside = ndimage.binary_dilation(line, structure=np.ones((3, 3), np.bool_))
    return np.asarray(np.where(beside & known, low, ground_m), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainError:
    """What is not known of the ground: three independent Gaussian errors.

    Parameters
    ----------
    noise_m, noise_range_m : float
        Standard deviation of what is left of the instrument's noise, and the distance at which it is forgotten.
    cover_m : float64 array, shape (ny, nx)
        Standard deviation of the correction for buildings and trees.
    cover_range_m : float
        Distance at which an error of that correction is forgotten: a district.
    datum_m : float
        Standard deviation of the water level against the terrain, the same everywhere.
    """

    noise_m: float
    noise_range_m: float
    cover_m: Floats
    cover_range_m: float
    datum_m: float


def correlated_field(shape: tuple[int, int], range_cells: float, rng: np.random.Generator) -> Floats:
    """A random field of mean 0 and standard deviation 1 whose correlation has fallen to 0.05 at ``range_cells``.

    White noise under a Gaussian mean, wrapped at the edges; below one cell it is white noise.
    """
    white = rng.standard_normal(shape)
    sigma = range_cells / _RANGE_TO_SIGMA
    if sigma < 0.3:
        return white
    spread = 1.0
    for size in shape:
        spike = np.zeros(size)
        spike[0] = 1.0
        spread *= float((ndimage.gaussian_filter1d(spike, sigma, mode="wrap") ** 2).sum())
    return np.asarray(ndimage.gaussian_filter(white, sigma, mode="wrap") / np.sqrt(spread), np.float64)


def extent_members(
    ground_m: Floats,
    level_m: float,
    source: Mask,
    error: TerrainError,
    *,
    cell_m: float,
    members: int,
    rng: np.random.Generator,
    surveyed: Mask | None = None,
) -> Iterator[Floats]:
    """Depths over plausible terrains, one raster after the other.

    Parameters
    ----------
    ground_m, level_m, source
        As of :func:`connected_extent`.
    error : TerrainError
        What is not known of the ground.
    cell_m : float
        Edge of a cell.
    members : int
        How many terrains.
    rng : numpy.random.Generator
        Seeded by the caller; the same seed gives the same rasters.
    surveyed : bool array, shape (ny, nx), optional
        Cells whose height against the level is known, such as levee crests on the gauge's datum.

    Yields
    ------
    float64 array, shape (ny, nx)
        Depth, 0 where dry.
    """
    shape = (ground_m.shape[0], ground_m.shape[1])
    for _ in range(members):
        noise = error.noise_m * correlated_field(shape, error.noise_range_m / cell_m, rng)
        noise += error.cover_m * correlated_field(shape, error.cover_range_m / cell_m, rng)
        noise += error.datum_m * rng.standard_normal()
        if surveyed is not None:
            noise[surveyed] = 0.0
        ground = ground_m + noise
        wet = connected_extent(ground, level_m, source)
        yield np.where(wet, level_m - ground, 0.0)


def expected_extent_threshold(prob: NDArray[np.floating], *, least: float = 0.25, most: float = 0.5) -> float:
    """Probability above which land makes up the expected extent: its area is the mean area over the terrains.

    Land that is more likely wet than dry is less than floods on the average where much land is possible and little is
    sure. The set that agrees best with what will be seen (critical success index) is drawn below one half as well: at
    half of the F-score it reaches (Lipton, Elkan & Naryanaswamy 2014, ECML PKDD).

    Parameters
    ----------
    prob : float array
        Probability of each cell of land.
    least, most : float
        The threshold is kept between them; ``most`` is returned for land that is all dry.

    Examples
    --------
    Four cells that flood half of the time in the mean: two of them are shown.

    >>> expected_extent_threshold(np.array([0.9, 0.45, 0.4, 0.25]))
    0.45
    """
    ordered = np.sort(prob[prob > 0.0].ravel())[::-1]
    if ordered.size == 0:
        return most
    rank = min(max(round(float(ordered.sum(dtype=np.float64))), 1), ordered.size)
    return float(np.clip(ordered[rank - 1], least, most))


@njit(cache=True)
def _minimax(ground, source):  # type: ignore[no-untyped-def]  # numba types it
    ny, nx = ground.shape
    n = ny * nx
    flat = ground.ravel()
    start = source.ravel()
    level = np.full(n, np.nan)
    seen = np.zeros(n, np.bool_)
    heap = np.empty(n, np.int64)
    key = np.empty(n)
    size = 0
    for c in range(n):
        if start[c]:
            level[c] = -np.inf
            seen[c] = True
            size = _push(heap, key, size, c, -np.inf)
    while size > 0:
        c = heap[0]
        size = _drop(heap, key, size)
        y, x = c // nx, c % nx
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                yy, xx = y + dy, x + dx
                if yy < 0 or yy >= ny or xx < 0 or xx >= nx:
                    continue
                neighbour = yy * nx + xx
                if seen[neighbour] or np.isnan(flat[neighbour]):
                    continue
                seen[neighbour] = True
                level[neighbour] = max(flat[neighbour], level[c])
                size = _push(heap, key, size, neighbour, level[neighbour])
    return level.reshape((ny, nx))


@njit(cache=True)
def _push(heap, key, size, item, value):  # type: ignore[no-untyped-def]  # numba types it
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if key[parent] <= value:
            break
        key[child] = key[parent]
        heap[child] = heap[parent]
        child = parent
    key[child] = value
    heap[child] = item
    return size + 1


@njit(cache=True)
def _drop(heap, key, size):  # type: ignore[no-untyped-def]  # numba types it
    size -= 1
    value = key[size]
    item = heap[size]
    hole = 0
    child = 1
    while child < size:
        if child + 1 < size and key[child + 1] < key[child]:
            child += 1
        if value <= key[child]:
            break
        key[hole] = key[child]
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 1
    key[hole] = value
    heap[hole] = item
    return size
