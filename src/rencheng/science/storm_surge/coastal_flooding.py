"""The sea on the land: how far a surge of some hours gets, for many storms at once.

The levels of a surge at the shore are held on the sea's cells of a fine raster and the flood engine lets the water run
inland over sills and dikes in the time the surge has. Storms stand side by side on one raster with walls between them,
so that a step of the engine serves all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rencheng.kernel import InvalidInput
from rencheng.science.flood import Surface, Transfers, simulate
from rencheng.science.flood.extent import connected_extent

__all__ = ["Coast", "SeaLevel", "coastal_floods", "highest_reach"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]

SHORE_CELLS = 1
STRIP_DEPTH_M = 1.5
"""Depth of the computed strip of sea below its lowest level: enough to feed the shore."""
TOWN_MANNING = 0.06
"""Roughness of built land on cells of 30 m and more (Chow 1959: 0.05 to 0.1 for flood plains with obstacles)."""
MOST_CELLS = 400_000
"""Cells of one call of the engine; more storms than fit are computed one batch after the other."""
BEFORE_S, AFTER_S = 8 * 3600.0, 4 * 3600.0
"""Part of a surge that is let onto the land, about its peak: a cyclone's lasts some six hours, and what a lower tide
did before has run off. The peaks of all storms are put at one instant, so that they share their steps."""
SPAN_STEP_S = 600.0
SMALL_CELLS = 50_000
"""Fewer cells are done by one thread before two have agreed on who does what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coast:
    """Land and the sea before it; arrays have shape (ny, nx), row 0 in the south.

    Parameters
    ----------
    ground_m : float64 array
        Height of the land in the datum of the levels; NaN where unknown.
    sea : bool array
        The sea.
    cell_m : float
        Edge of a cell.
    series : int64 array
        For every cell of the sea which series of levels holds there; read nowhere else.
    walls : (array (ny, nx + 1), array (ny + 1, nx)), optional
        Crests of dikes on the faces between cells; NaN where none is.
    """

    ground_m: Floats
    sea: Mask
    cell_m: float
    series: Ints
    walls: tuple[Floats, Floats] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeaLevel:
    """Sea that stands as high as its series says, whatever it gives: an exchange with the world outside.

    Parameters
    ----------
    cells : int64 array, shape (n,)
        Flat indices of the cells held.
    times_s : float64 array, shape (nt,)
        Instants.
    level_m : float64 array, shape (nt, n)
        Level of each cell.
    """

    cells: Ints
    times_s: Floats
    level_m: Floats

    def exchange(self, time_s: float, step_s: float, surface: Surface) -> Transfers:
        """Water to fill up or take off, cell by cell, to the level at the end of the step."""
        at = float(
            np.clip(np.interp(time_s + step_s, self.times_s, np.arange(len(self.times_s))), 0, len(self.times_s) - 1)
        )
        k = min(int(at), len(self.times_s) - 2)
        level = self.level_m[k] + (at - k) * (self.level_m[k + 1] - self.level_m[k])
        stage = surface.bed_m.reshape(-1)[self.cells] + surface.depth_m.reshape(-1)[self.cells]
        short = (level - stage) * surface.cell_m**2
        outside = np.full(len(self.cells), -1, np.int64)
        return Transfers(
            from_cells=np.where(short < 0.0, self.cells, outside),
            to_cells=np.where(short < 0.0, outside, self.cells),
            volume_m3=np.abs(short),
        )

    def moved(self, volume_m3: Floats) -> None:
        """Nothing to keep account of: the sea is endless."""


def highest_reach(coast: Coast, level_m: Floats) -> Mask:
    """Land that the highest levels would reach if they stood for ever, dikes in their way.

    Parameters
    ----------
    level_m : float64 array, shape (nt, k)
        Levels of the series.
    """
    ground = coast.ground_m if coast.walls is None else _behind_walls(coast)
    return connected_extent(ground, float(level_m.max()), coast.sea, diagonal=coast.walls is None)


def _behind_walls(coast: Coast) -> Floats:
    """Ground on which cells beside a dike are as high as its crest on the landward side, for the screening only."""
    assert coast.walls is not None
    across_x, across_y = (np.nan_to_num(w, nan=-np.inf) for w in coast.walls)
    away = ndimage.distance_transform_edt(~coast.sea)
    ground = coast.ground_m.copy()
    for crest, cells in (
        (across_x[:, 1:-1], (np.s_[:, :-1], np.s_[:, 1:])),
        (across_y[1:-1], (np.s_[:-1], np.s_[1:])),
    ):
        low, high = cells
        landward = away[low] > away[high]
        ground[low] = np.where(landward, np.fmax(ground[low], crest), ground[low])
        ground[high] = np.where(landward, ground[high], np.fmax(ground[high], crest))
    return np.where(np.isfinite(coast.ground_m), ground, np.nan)


def coastal_floods(
    coast: Coast,
    times_s: Floats,
    levels_m: Sequence[Floats],
    *,
    engine: bool = True,
    manning: float = TOWN_MANNING,
    threads: int | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> NDArray[np.float32]:
    """Highest depth on land for each of many surges.

    Parameters
    ----------
    coast : Coast
        Land, sea and dikes.
    times_s : float64 array, shape (nt,)
        Instants of the levels.
    levels_m : sequence of float64 arrays, shape (nt, k)
        Levels of the series for each storm.
    engine : bool
        Let water run in the time it has (local inertia); else the land that is joined to the sea below the highest
        level of the nearest series, which is too much on wide flat coasts.
    manning : float
        Roughness of the land, s/m^(1/3).
    threads : int, optional
        Threads of the engine; if absent all there are, and one for a small map.

    Returns
    -------
    float32 array, shape (storms, ny, nx)
        Depth, 0 in the sea and on dry land.

    Raises
    ------
    InvalidInput
        If there is no sea.
    """
    if not coast.sea.any():
        raise InvalidInput("the map has no sea", where="sea", mend="Does the bathymetry meet the terrain?")
    depths = np.zeros((len(levels_m), *coast.ground_m.shape), np.float32)
    reach = [highest_reach(coast, level) for level in levels_m]
    wet = [k for k, cells in enumerate(reach) if cells.any()]
    wet.sort(key=lambda k: (float(levels_m[k].max()), k))  # deep water takes short steps: like with like
    if not engine:
        for k in wet:
            depths[k] = _connected(coast, levels_m[k])
        return depths
    batch = max(1, MOST_CELLS // coast.ground_m.size)
    for start in range(0, len(wet), batch):
        chosen = wet[start : start + batch]
        depths[chosen] = _run(
            coast, times_s, [levels_m[k] for k in chosen], [reach[k] for k in chosen], manning, threads
        )
        progress(min(start + batch, len(wet)) / len(wet))
    return depths


def _connected(coast: Coast, level_m: Floats) -> NDArray[np.float32]:
    """Depth below the highest level of the nearest series on land that is joined to the sea at it."""
    place = ndimage.distance_transform_edt(~coast.sea, return_distances=False, return_indices=True)
    level = level_m.max(axis=0)[coast.series[tuple(place)]]
    ground = coast.ground_m if coast.walls is None else _behind_walls(coast)
    joined = connected_extent(ground, level, coast.sea, diagonal=coast.walls is None)
    return np.where(joined, np.maximum(level - coast.ground_m, 0.0), 0.0).astype(np.float32)


def _run(
    coast: Coast, times_s: Floats, levels: Sequence[Floats], reach: Sequence[Mask], manning: float, threads: int | None
) -> NDArray[np.float32]:
    """Peak depths of some storms that stand side by side, one row of walls between them."""
    ny, nx = coast.ground_m.shape
    count = len(levels)
    square = np.ones((3, 3), np.bool_)
    bed = np.zeros((count, ny + 1, nx))
    depth, active = np.zeros_like(bed), np.zeros(bed.shape, np.bool_)
    cells, held = [], []
    span = np.arange(0.0, BEFORE_S + AFTER_S + SPAN_STEP_S, SPAN_STEP_S)
    for k, (level, land) in enumerate(zip(levels, reach, strict=True)):
        strip = coast.sea & ndimage.binary_dilation(land, structure=square, iterations=SHORE_CELLS)
        near = ndimage.binary_dilation(land, structure=square) & np.isfinite(coast.ground_m) & ~coast.sea
        series = _about_the_peak(times_s, level[:, coast.series[strip]], span)
        bed[k, :ny] = np.where(np.isfinite(coast.ground_m), coast.ground_m, 0.0)
        bed[k, :ny][strip] = series.min(axis=0) - STRIP_DEPTH_M
        depth[k, :ny][strip] = series[0] - bed[k, :ny][strip]
        active[k, :ny] = strip | near
        cells.append(np.flatnonzero(strip) + k * (ny + 1) * nx)
        held.append(series)
    sea = SeaLevel(cells=np.concatenate(cells), times_s=span, level_m=np.concatenate(held, axis=1))
    result = simulate(
        bed.reshape(-1, nx),
        coast.cell_m,
        float(span[-1]),
        depth_m=depth.reshape(-1, nx),
        manning=manning,
        exchanges=(sea,),
        walls=None if coast.walls is None else _side_by_side(coast.walls, count),
        active=active.reshape(-1, nx),
        scheme="local_inertial",
        threads=1 if threads is None and bed.size < SMALL_CELLS else threads,
    )
    if result.stopped:
        raise InvalidInput(f"the water on the land diverged: {result.stopped}", mend="Look at the terrain by the shore")
    peak = result.peak_depth_m.reshape(bed.shape)[:, :ny]
    return np.where(coast.sea, 0.0, peak).astype(np.float32)


def _about_the_peak(times_s: Floats, level_m: Floats, span_s: Floats) -> Floats:
    """Levels at ``span_s`` seconds from eight hours before the storm's highest one; shape (len(span_s), n)."""
    peak_s = times_s[int(level_m.max(axis=1).argmax())]
    at = np.clip(peak_s - BEFORE_S + span_s, times_s[0], times_s[-1])
    k = np.clip(np.searchsorted(times_s, at, "right") - 1, 0, len(times_s) - 2)
    part = ((at - times_s[k]) / (times_s[k + 1] - times_s[k]))[:, None]
    return np.asarray(level_m[k] + part * (level_m[k + 1] - level_m[k]), np.float64)


def _side_by_side(walls: tuple[Floats, Floats], count: int) -> tuple[Floats, Floats]:
    """Walls of one coast repeated for storms that stand side by side."""
    across_x, across_y = walls
    nx = across_y.shape[1]
    rows_x = np.concatenate([across_x, np.full((1, nx + 1), np.nan)])
    block = np.concatenate([across_y[:-1], np.full((1, nx), np.nan)])
    rows_y = np.concatenate([*[block] * count, np.full((1, nx), np.nan)])
    rows_y[across_y.shape[0] - 1 :: across_y.shape[0]] = across_y[-1]
    return np.concatenate([rows_x] * count), rows_y
