"""The ground of the sandbox city: a valley that drains by construction, then the few hollows that do not.

The land is the solution of the eikonal equation ``|∇z| = s`` with the water courses as its boundary, so that every
cell has a lower neighbour towards the water (Zhao 2005, "A fast sweeping method for eikonal equations", Mathematics
of Computation 74). Underpasses and low-lying old quarters are then dug in; they are the only closed depressions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from rencheng.city.sandbox.frame import CRS, Frame
from rencheng.city.sandbox.streetplan import StreetPlan
from rencheng.city.sandbox.waters import Waters
from rencheng.city.terrain import Terrain

__all__ = ["Relief", "cell_size_m", "dig_dips", "dig_underpasses", "extent_m", "relief_of", "slope_climb"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_UNDERPASS_DEPTH_M = 3.8
_FLAT_M, _RAMP_M = 12.0, 52.0  # ramps of 7 %, CJJ 37-2012 allows 8 %


@dataclass(frozen=True, kw_only=True)
class Relief:
    """Ground of the whole domain with the street-frame position of every cell; arrays of shape (ny, nx)."""

    ground_m: Floats
    u: Floats
    v: Floats
    west_m: float
    south_m: float
    cell_m: float

    def terrain(self) -> Terrain:
        """The terrain as the package keeps it, heights rounded to a millimetre."""
        return Terrain(
            ground_m=np.round(self.ground_m, 3).astype(np.float32),
            west_m=self.west_m,
            south_m=self.south_m,
            cell_m=self.cell_m,
            crs=CRS,
        )


def cell_size_m(frame: Frame) -> float:
    """Edge of a terrain cell: 10 m up to 300,000 residents, 20 m above."""
    return 10.0 if frame.residents <= 300_000 else 20.0


def extent_m(frame: Frame, plan: StreetPlan) -> tuple[float, float]:
    """Half width and half height of the terrain around the middle of the city, all urban tiles well inside."""
    cell, kept = cell_size_m(frame), plan.tiles.kept
    sway = 0.15 * frame.radius_m + 250.0
    wide = max(np.abs(plan.tiles.u0[kept]).max(), np.abs(plan.tiles.u1[kept]).max()) + sway
    high = max(np.abs(plan.tiles.v0[kept]).max(), np.abs(plan.tiles.v1[kept]).max()) + sway
    return (
        float(np.ceil(max(1.55 * frame.radius_m + 200.0, wide) / cell) * cell),
        float(np.ceil(max(1.45 * frame.radius_m + 200.0, high) / cell) * cell),
    )


def relief_of(frame: Frame, plan: StreetPlan, waters: Waters) -> Relief:
    """Raise the land from the waters."""
    cell = cell_size_m(frame)
    half_x, half_y = extent_m(frame, plan)
    centre_x, centre_y = frame.to_map(np.zeros(1), np.zeros(1))
    west = float(np.round(centre_x[0] / cell) * cell - half_x)
    south = float(np.round(centre_y[0] / cell) * cell - half_y)
    nx, ny = round(2 * half_x / cell), round(2 * half_y / cell)
    x, y = np.meshgrid(west + (np.arange(nx) + 0.5) * cell, south + (np.arange(ny) + 0.5) * cell)
    u, v = frame.to_frame(x, y)
    bed, bank = _beds(frame, waters, u, v)
    water = np.isfinite(bed)
    still = _still_water(waters, u, v) & ~water
    lake = np.where(water, bed, np.inf)
    slope_climb(lake, np.where(still, 0.0005, np.inf), still, cell)
    bed = np.where(still, lake, bed)
    water |= still
    land = np.where(water, bed + np.where(still, waters.stream_bank_m, bank), np.inf)
    slope_climb(land, _slopes(frame, u, v), ~water, cell)
    return Relief(ground_m=np.where(water, bed, land), u=u, v=v, west_m=west, south_m=south, cell_m=cell)


def _beds(frame: Frame, waters: Waters, u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Bed height in the river and streams (NaN elsewhere) and the height of the bank over it."""
    bed, bank = np.full(u.shape, np.nan), np.full(u.shape, 0.0)
    for stream in waters.streams:
        inside = (np.abs(u - stream.at(v)) <= stream.half_m) & (v * stream.side > 0.0)
        bed[inside] = waters.stream_bed_m(stream, v[inside])
        bank[inside] = waters.stream_bank_m
    river = np.abs(v) <= frame.river_width_m / 2.0
    bed[river] = waters.river_bed_m(u[river])
    bank[river] = frame.bank_height_m
    return bed, bank


def _still_water(waters: Waters, u: Floats, v: Floats) -> Flags:
    lake = waters.lake
    oval = ((u - lake.u_m) / lake.half_u_m) ** 2 + ((v - lake.v_m) / lake.half_v_m) ** 2 <= 1.0
    stream = waters.lake_stream
    canal = (np.abs(v - lake.v_m) <= stream.half_m) & (u >= stream.u_m) & (u <= lake.u_m - 0.8 * lake.half_u_m)
    return np.asarray(oval | canal)


def _slopes(frame: Frame, u: Floats, v: Floats) -> Floats:
    """Slope of the land: floodplain, terraces, then hills around the city, uneven in all directions."""
    r = frame.radius_m
    away = np.hypot(u / 1.6, v) / r
    base = np.interp(away, [0.0, 0.25, 0.5, 0.95, 1.2, 1.6], [0.0035, 0.0035, 0.006, 0.010, 0.045, 0.06])
    coarse = _noise(frame.rng("relief"), u / (0.33 * r), v / (0.33 * r))
    fine = _noise(frame.rng("relief-fine"), u / (0.09 * r), v / (0.09 * r))
    steep = base * np.exp(0.45 * coarse + 0.25 * fine) * (2_000.0 / r) ** 0.3
    return np.asarray(np.maximum(steep, 0.0006))


def _noise(rng: np.random.Generator, p: Floats, q: Floats) -> Floats:
    """Smooth noise of about unit variance, one bump per unit of p and q."""
    low_p, low_q = np.floor(p.min()) - 2.0, np.floor(q.min()) - 2.0
    knots = rng.standard_normal((int(q.max() - low_q) + 4, int(p.max() - low_p) + 4))
    return np.asarray(1.3 * map_coordinates(knots, [q - low_q, p - low_p], order=2, mode="nearest"))


@njit(cache=True)
def slope_climb(height: Floats, slope: Floats, free: Flags, cell_m: float) -> None:
    """Solve ``|∇height| = slope`` on the free cells from the fixed ones, in place, by fast sweeping.

    Parameters
    ----------
    height : float64 array, shape (ny, nx)
        Heights of the fixed cells; infinite on the free cells, where the solution is written.
    slope : float64 array, shape (ny, nx)
        Slope m/m on the free cells.
    free : bool array, shape (ny, nx)
        Cells to solve for.
    cell_m : float
        Edge of a cell.

    Notes
    -----
    Godunov upwind update, sweeps in the four diagonal orders until nothing changes by more than a micrometre. A
    solved cell is higher than its lowest neighbour by at least ``slope * cell_m / sqrt(2)``.
    """
    ny, nx = height.shape
    for _ in range(400):
        change = 0.0
        for sweep in range(4):
            for i in range(ny):
                row = i if sweep < 2 else ny - 1 - i
                for j in range(nx):
                    column = j if sweep % 2 == 0 else nx - 1 - j
                    if not free[row, column]:
                        continue
                    a, b = np.inf, np.inf
                    if column > 0:
                        a = height[row, column - 1]
                    if column < nx - 1:
                        a = min(a, height[row, column + 1])
                    if row > 0:
                        b = height[row - 1, column]
                    if row < ny - 1:
                        b = min(b, height[row + 1, column])
                    low, high = min(a, b), max(a, b)
                    if low == np.inf:
                        continue
                    rise = slope[row, column] * cell_m
                    if high - low >= rise:
                        new = low + rise
                    else:
                        new = 0.5 * (low + high + np.sqrt(2.0 * rise * rise - (high - low) ** 2))
                    old = height[row, column]
                    if new < old:
                        height[row, column] = new
                        change = max(change, old - new)
        if change < 1e-6:
            break


def dig_underpasses(relief: Relief, u: Floats, v: Floats, *, half_width_m: float) -> None:
    """Lower the ground, in place, where streets along v dive under the railway at street-frame points (n,)."""
    for at_u, at_v in zip(u.tolist(), v.tolist(), strict=True):
        across, along = np.abs(relief.u - at_u), np.abs(relief.v - at_v)
        deep = 1.0 - np.maximum(along - _FLAT_M, 0.0) / _RAMP_M
        road = (across <= half_width_m) & (deep > 0.0)
        ground = relief.ground_m[road]
        # the floor lies deep below the lower end too, so that the street is a hollow on a slope as well
        depth_m = _UNDERPASS_DEPTH_M + float(ground[along[road] <= _FLAT_M].max() - ground.min())
        _lower(relief, road, depth_m * deep)


def dig_dips(relief: Relief, u: Floats, v: Floats, depth_m: Floats, radius_m: Floats) -> None:
    """Lower the ground, in place, into shallow bowls at street-frame points; arrays of shape (n,)."""
    for at_u, at_v, depth, radius in zip(u.tolist(), v.tolist(), depth_m.tolist(), radius_m.tolist(), strict=True):
        away = np.hypot(relief.u - at_u, relief.v - at_v) / radius
        _lower(relief, away < 1.0, depth * (1.0 - away**2) ** 2)


def _lower(relief: Relief, where: Flags, by_m: Floats) -> None:
    relief.ground_m[where] -= by_m[where]
