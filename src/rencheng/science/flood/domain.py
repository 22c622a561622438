"""The ground a flood runs over, checked before the first step: bed, roughness, walls, start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = [
    "NO_WALL_M",
    "Domain",
    "domain_from",
]

NO_WALL_M = -1e30
"""Crest of a face without a wall."""

ABOVE_ALL_M = 1000.0
"""How far above the highest bed the ground outside the domain is taken to stand, so that nothing flows there."""

HIGHEST_RELIEF_M = 9000.0
"""Relief above which a bed cannot be in metres (Everest above the sea is 8,849 m)."""

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Checked ground and start of a run.

    Parameters
    ----------
    bed_m, depth_m, velocity_x_m_s, velocity_y_m_s : float64 array, shape (ny, nx)
        Bed level and start; cells outside the domain stand far above everything and are dry. The arrays belong to the
        run, which may overwrite the start.
    cell_m : float
        Cell width, m.
    manning : float64 array, shape (1, 1) or (ny, nx)
        Roughness, s/m^(1/3).
    crest_x_m, crest_y_m : float64 array, shape (ny or 1, nx + 1) and (ny + 1 or 1, nx)
        Wall crests on the faces across x and across y; −1e30 where there is no wall.
    active : bool array, shape (ny, nx), or None
        Cells of the domain; None for all.
    open_ground : uint8 array, shape (ny or 1, nx)
        The same for the kernels: 1 where rain counts.
    """

    bed_m: F64
    depth_m: F64
    velocity_x_m_s: F64
    velocity_y_m_s: F64
    cell_m: float
    manning: F64
    crest_x_m: F64
    crest_y_m: F64
    active: NDArray[np.bool_] | None
    open_ground: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ny, nx = self.bed_m.shape
        return ny, nx


def domain_from(
    bed_m: ArrayLike,
    cell_m: float,
    *,
    depth_m: ArrayLike | None,
    velocity_x_m_s: ArrayLike | None,
    velocity_y_m_s: ArrayLike | None,
    manning: ArrayLike,
    walls: tuple[ArrayLike, ArrayLike] | None,
    active: ArrayLike | None,
) -> Domain:
    """Check ground and start.

    Raises
    ------
    InvalidInput
        Naming the first wrong cell and the mend.
    """
    bed = np.array(bed_m, dtype=np.float64, order="C")
    if bed.ndim != 2 or min(bed.shape, default=0) < 1:
        raise InvalidInput(f"bed has shape {bed.shape}", where="bed_m", mend="Give a raster (ny, nx)")
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise InvalidInput(f"cell width of {cell_m} m", where="cell_m", mend="Give a positive number of metres")
    mask = None if active is None else _grid(active, bed.shape, "active").astype(bool)
    mask = None if mask is None or mask.all() else mask
    bed = _checked_bed(bed, mask)
    depth = _start(depth_m, bed.shape, mask, "depth_m")
    if (depth < 0).any():
        raise InvalidInput(
            f"negative depth at {_first(depth < 0)}",
            where="depth_m",
            mend="Depth is above the bed: level minus bed, or 0",
        )
    crest_x, crest_y = _crests(walls, bed)
    return Domain(
        bed_m=bed,
        depth_m=depth,
        velocity_x_m_s=_velocity(velocity_x_m_s, depth, mask, "velocity_x_m_s"),
        velocity_y_m_s=_velocity(velocity_y_m_s, depth, mask, "velocity_y_m_s"),
        cell_m=float(cell_m),
        manning=_roughness(manning, bed.shape, mask),
        crest_x_m=crest_x,
        crest_y_m=crest_y,
        active=mask,
        open_ground=np.ones((1, bed.shape[1]), dtype=np.uint8) if mask is None else mask.astype(np.uint8),
    )


def _first(wrong: NDArray[np.bool_]) -> str:
    row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return f"cell (row {row}, column {column})"


def _grid(values: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    grid = np.asarray(values)
    if grid.shape != shape:
        raise InvalidInput(
            f"{name} has shape {grid.shape}, the bed {shape}", where=name, mend="Give one value for each cell"
        )
    return grid


def _checked_bed(bed: F64, mask: NDArray[np.bool_] | None) -> F64:
    inside = np.ones(bed.shape, dtype=bool) if mask is None else mask
    if not inside.any():
        raise InvalidInput("no cell is active", where="active", mend="Mark the cells of the domain with True")
    holes = ~np.isfinite(bed) & inside
    if holes.any():
        raise InvalidInput(
            f"the bed is not a number in {int(holes.sum())} cells, the first at {_first(holes)}",
            where="bed_m",
            mend="Fill the holes (rencheng.science.flood.repair_bed) or leave them out with an active mask",
        )
    low, high = float(bed.min(where=inside, initial=np.inf)), float(bed.max(where=inside, initial=-np.inf))
    if high - low > HIGHEST_RELIEF_M or max(abs(low), abs(high)) > 3 * HIGHEST_RELIEF_M:
        raise InvalidInput(
            f"the bed runs from {low:g} to {high:g}, lowest at {_first(bed == low)}",
            where="bed_m",
            mend="Is it in metres, not feet or centimetres? Does a no-data number stand in it?",
        )
    if mask is not None:
        bed[~mask] = high + ABOVE_ALL_M
    return np.ascontiguousarray(bed)


def _start(values: ArrayLike | None, shape: tuple[int, ...], mask: NDArray[np.bool_] | None, name: str) -> F64:
    if values is None:
        return np.zeros(shape)
    grid = np.array(_grid(values, shape, name), dtype=np.float64, order="C")
    if mask is not None:
        grid[~mask] = 0.0
    if not np.isfinite(grid).all():
        raise InvalidInput(
            f"{name} is not a number at {_first(~np.isfinite(grid))}", where=name, mend="Give 0 where there is no water"
        )
    return grid


def _velocity(values: ArrayLike | None, depth: F64, mask: NDArray[np.bool_] | None, name: str) -> F64:
    """Velocity at the start: none of its own where it is dry; no memory where nothing moves."""
    if values is None:
        return np.broadcast_to(np.zeros(1), depth.shape)
    velocity = _start(values, depth.shape, mask, name)
    velocity[~(depth > 0)] = 0.0
    return velocity


def _roughness(manning: ArrayLike, shape: tuple[int, ...], mask: NDArray[np.bool_] | None) -> F64:
    rough = np.array(manning, dtype=np.float64, order="C")
    rough = (
        rough.reshape(1, 1)
        if rough.ndim == 0
        else np.array(_grid(rough, shape, "manning"), dtype=np.float64, order="C")
    )
    if mask is not None and rough.shape == shape:
        rough[~mask] = 0.03
    wrong = ~np.isfinite(rough) | (rough < 0) | (rough > 2)
    if wrong.any():
        raise InvalidInput(
            f"Manning's n of {rough[wrong][0]:g} at {_first(wrong)}",
            where="manning",
            mend="Give n in s/m^(1/3): 0.01 (glass) to 0.5 (dense wood); 0 is no friction at all",
        )
    return rough


def _crests(walls: tuple[ArrayLike, ArrayLike] | None, bed: F64) -> tuple[F64, F64]:
    ny, nx = bed.shape
    if walls is None:
        return np.full((1, nx + 1), NO_WALL_M), np.full((1, nx), NO_WALL_M)
    across_x = np.array(_grid(walls[0], (ny, nx + 1), "walls[0]"), dtype=np.float64, order="C")
    across_y = np.array(_grid(walls[1], (ny + 1, nx), "walls[1]"), dtype=np.float64, order="C")
    for crest, axis, name in ((across_x, 1, "walls[0]"), (across_y, 0, "walls[1]")):
        if np.isposinf(crest).any():
            raise InvalidInput(
                f"endless wall at {_first(np.isposinf(crest))}", where=name, mend="Give a crest level in m"
            )
        inner = (slice(None), slice(1, -1)) if axis == 1 else (slice(1, -1), slice(None))
        ground = np.maximum(np.delete(bed, 0, axis=axis), np.delete(bed, -1, axis=axis))
        part = crest[inner]
        part[~(part > ground)] = NO_WALL_M
        crest[np.isnan(crest) | np.isneginf(crest)] = NO_WALL_M
    return np.ascontiguousarray(across_x), np.ascontiguousarray(across_y)
