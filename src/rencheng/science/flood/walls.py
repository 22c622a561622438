"""Levees and walls: polylines laid along the edges of cells, so that no water slips through between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rencheng.kernel import InvalidInput

__all__ = ["Faces", "faces_along", "wall_crests"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """Edges between cells along a line, arrays of shape (n,), in the order of the line.

    Parameters
    ----------
    across_x : bool array
        Whether the face stands across x (between west and east cells); otherwise across y.
    row, column : int64 arrays
        Index into the crest array of that direction: (ny, nx + 1) across x, (ny + 1, nx) across y.
    cells_1, cells_2 : int64 arrays
        Flat cells on the two sides, -1 outside the raster: all of ``cells_1`` to the right of the line's direction.
    station_m : float64 array
        Distance of the face's middle along the line.
    """

    across_x: NDArray[np.bool_]
    row: I64
    column: I64
    cells_1: I64
    cells_2: I64
    station_m: F64

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.row)


def _corners(x: F64, y: F64) -> tuple[I64, I64, F64]:
    """Corners of a 4-connected way along a polyline, and the station of each in cell widths."""
    columns, rows, stations = [np.rint(x[:1])], [np.rint(y[:1])], [np.zeros(1)]
    run = 0.0
    for k in range(len(x) - 1):
        start, stop = np.rint([x[k], y[k]]), np.rint([x[k + 1], y[k + 1]])
        steps = np.abs(stop - start).astype(np.int64)
        length = float(np.hypot(x[k + 1] - x[k], y[k + 1] - y[k]))
        along = np.concatenate([(np.arange(n) + 0.5) / max(n, 1) for n in steps])
        is_x = np.repeat([True, False], steps)
        order = np.argsort(along, kind="stable")
        sign = np.sign(stop - start)
        moved_x = np.cumsum(is_x[order]) * sign[0]
        moved_y = np.cumsum(~is_x[order]) * sign[1]
        columns.append(start[0] + moved_x)
        rows.append(start[1] + moved_y)
        stations.append(run + np.arange(1, len(order) + 1) / max(len(order), 1) * length)
        run += length
    return (
        np.concatenate(columns).astype(np.int64),
        np.concatenate(rows).astype(np.int64),
        np.concatenate(stations),
    )


def faces_along(
    x_m: ArrayLike,
    y_m: ArrayLike,
    shape: tuple[int, int],
    *,
    cell_m: float,
    west_m: float = 0.0,
    south_m: float = 0.0,
    name: str = "line",
) -> Faces:
    """Lay a polyline along the edges of cells.

    Each vertex goes to the nearest corner of cells, and the way between two corners moves by one edge at a time, never
    diagonally, so that the faces form an unbroken wall.

    Parameters
    ----------
    x_m, y_m : arrays, shape (k,)
        Vertices, metres.
    shape : (ny, nx)
        Shape of the raster.
    cell_m, west_m, south_m : float
        Cell edge, and the outer corner of cell (0, 0).
    name : str
        What the line is called in messages.

    Raises
    ------
    InvalidInput
        If the line has fewer than two vertices, NaN in it, or no edge on the raster.

    Examples
    --------
    A wall across a strip of 1 by 4 cells at x = 2: one face, between cells 2 (to the right of a line that runs north)
    and 1.

    >>> faces = faces_along([2.0, 2.0], [0.0, 1.0], (1, 4), cell_m=1.0)
    >>> faces.column.tolist(), faces.cells_1.tolist(), faces.cells_2.tolist()
    ([2], [2], [1])
    """
    x, y = np.asarray(x_m, dtype=np.float64), np.asarray(y_m, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInput(
            f"a line needs two vertices or more, all of them numbers: {x.shape} x, {y.shape} y",
            where=name,
            mend="Give the vertices in metres of the raster's reference system",
        )
    column, row, station = _corners((x - west_m) / cell_m, (y - south_m) / cell_m)
    across_x = np.diff(row) != 0
    at_row = np.minimum(row[:-1], row[1:])
    at_column = np.minimum(column[:-1], column[1:])
    ny, nx = shape
    right = np.where(across_x, np.where(np.diff(row) > 0, 0, -1), np.where(np.diff(column) > 0, -1, 0))
    left = -1 - right

    def cells(offset: I64) -> I64:
        r = np.where(across_x, at_row, at_row + offset)
        c = np.where(across_x, at_column + offset, at_column)
        inside = (r >= 0) & (r < ny) & (c >= 0) & (c < nx)
        return np.where(inside, r * nx + c, -1)

    cells_1, cells_2 = cells(right), cells(left)
    on = (cells_1 >= 0) | (cells_2 >= 0)
    if not on.any():
        raise InvalidInput(
            "no edge of it lies on the raster", where=name, mend="Is it in the raster's reference system, in metres?"
        )
    middle = 0.5 * (station[:-1] + station[1:]) * cell_m
    return Faces(
        across_x=across_x[on],
        row=at_row[on],
        column=at_column[on],
        cells_1=cells_1[on],
        cells_2=cells_2[on],
        station_m=middle[on],
    )


def wall_crests(walls: Sequence[tuple[Faces, ArrayLike]], shape: tuple[int, int]) -> tuple[F64, F64]:
    """Crest levels on the faces of a raster, for the engine's ``walls``.

    Parameters
    ----------
    walls : sequence of (Faces, crest_m)
        Each wall and its crest level: one number or one per face. Where walls meet the higher crest holds.
    shape : (ny, nx)
        Shape of the raster.

    Returns
    -------
    crest_x_m : float64 array, shape (ny, nx + 1)
        On the faces across x; NaN where there is no wall.
    crest_y_m : float64 array, shape (ny + 1, nx)
        On the faces across y.
    """
    ny, nx = shape
    across_x, across_y = np.full((ny, nx + 1), np.nan), np.full((ny + 1, nx), np.nan)
    for number, (faces, crest_m) in enumerate(walls):
        crest = np.broadcast_to(np.asarray(crest_m, dtype=np.float64), (len(faces),))
        if not np.isfinite(crest).all():
            raise InvalidInput(
                f"crest of face {int(np.argmin(np.isfinite(crest)))} is not a number",
                where=f"wall {number}",
                mend="Give crest levels in metres",
            )
        for target, chosen in ((across_x, faces.across_x), (across_y, ~faces.across_x)):
            place = (faces.row[chosen], faces.column[chosen])
            flat = np.ravel_multi_index(place, target.shape)
            np.fmax.at(target.reshape(-1), flat, crest[chosen])
    return across_x, across_y
