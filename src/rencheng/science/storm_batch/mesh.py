"""The open cells of a raster and the faces between them, as lists: what lies outside the city costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel.errors import InvalidInput

__all__ = ["BatchMesh", "batch_mesh"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMesh:
    """Cells and faces of a raster; the number after the last face is a face that water never passes.

    Parameters
    ----------
    shape : (ny, nx)
        Raster.
    cells : int64 array, shape (cells,)
        Flat index of every open cell, ascending.
    sides : int32 array, shape (2, faces)
        Cell to the west or south of a face, and to its east or north, as numbers in ``cells``.
    along : int32 array, shape (2, faces)
        The face before and the one behind it in the direction of its flow.
    across : int32 array, shape (4, faces)
        The four faces about it that water crosses in the other direction.
    faces : int32 array, shape (4, cells)
        West, east, south and north face of each cell.
    edges : int32 array, shape (3, n)
        Faces at the edge of the raster (numbered after the inner ones): the face itself, the one on the other side of
        its cell, and +1 where outwards is east or north, −1 elsewhere.
    """

    shape: tuple[int, int]
    cells: I64
    sides: I32
    along: I32
    across: I32
    faces: I32
    edges: I32


def batch_mesh(active: NDArray[np.bool_]) -> BatchMesh:
    """List the cells of a raster and their faces.

    Parameters
    ----------
    active : bool array, shape (ny, nx)
        Open cells; water does not pass to the others, but leaves over the edge of the raster.

    Raises
    ------
    InvalidInput
        If no cell is open.

    Examples
    --------
    Two cells side by side have one face between them and six on the edge of their raster:

    >>> mesh = batch_mesh(np.ones((1, 2), np.bool_))
    >>> mesh.sides.tolist(), mesh.edges.shape
    ([[0], [1]], (3, 6))
    """
    if not active.any():
        raise InvalidInput("no cell is open", where="active", mend="Mark the cells of the city with True")
    x_face, y_face, inner, total = _numbered(active)
    pairs = np.full((2, total), -1, np.int64)
    along = np.full((2, total), total, np.int64)
    across = np.full((4, total), total, np.int64)
    number = np.cumsum(active.ravel()).reshape(active.shape) - 1
    for face, other, axis in ((x_face, y_face, 1), (y_face, x_face, 0)):
        _around(face, other, axis, number, total, (pairs, along, across))
    faces = np.stack([x_face[:, :-1], x_face[:, 1:], y_face[:-1], y_face[1:]])[:, active]
    return BatchMesh(
        shape=(active.shape[0], active.shape[1]),
        cells=np.flatnonzero(active.ravel()).astype(np.int64),
        sides=_i32(pairs[:, :inner]),
        along=_i32(along[:, :inner]),
        across=_i32(across[:, :inner]),
        faces=_i32(faces),
        edges=_i32(_edges(x_face, y_face, inner, total)),
    )


def _numbered(active: NDArray[np.bool_]) -> tuple[I64, I64, int, int]:
    """Numbers of x and y faces, inner ones first, then those at the edge; the total where there is none."""
    ny, nx = active.shape
    open_x, open_y = np.zeros((ny, nx + 1), np.int64), np.zeros((ny + 1, nx), np.int64)
    open_x[:, 1:-1], open_y[1:-1] = active[:, :-1] & active[:, 1:], active[:-1] & active[1:]
    open_x[:, 0], open_x[:, -1] = 2 * active[:, 0], 2 * active[:, -1]
    open_y[0], open_y[-1] = 2 * active[0], 2 * active[-1]
    kind = np.concatenate([open_x.ravel(), open_y.ravel()])
    inner, total = int((kind == 1).sum()), int((kind > 0).sum())
    number = np.full(len(kind), total, np.int64)
    number[kind == 1] = np.arange(inner)
    number[kind == 2] = np.arange(inner, total)
    return number[: open_x.size].reshape(open_x.shape), number[open_x.size :].reshape(open_y.shape), inner, total


def _around(face: I64, other: I64, axis: int, number: I64, total: int, out: tuple[I64, I64, I64]) -> None:
    """Fill in what lies about the faces of one direction."""
    pairs, along, across = out
    if axis == 0:
        face, other, number = face.T, other.T, number.T
    this = face[:, 1:-1]
    held = this < total
    at = this[held]
    pairs[0, at], pairs[1, at] = number[:, :-1][held], number[:, 1:][held]
    along[0, at], along[1, at] = face[:, :-2][held], face[:, 2:][held]
    low, high = other[:-1], other[1:]
    for k, beside in enumerate((low[:, :-1], low[:, 1:], high[:, :-1], high[:, 1:])):
        across[k, at] = beside[held]


def _edges(x_face: I64, y_face: I64, inner: int, total: int) -> I64:
    lines = (
        (x_face[:, 0], x_face[:, 1], -1),
        (x_face[:, -1], x_face[:, -2], 1),
        (y_face[0], y_face[1], -1),
        (y_face[-1], y_face[-2], 1),
    )
    outer = np.concatenate([a for a, _, _ in lines])
    opposite = np.concatenate([b for _, b, _ in lines])
    outwards = np.concatenate([np.full(len(a), sign) for a, _, sign in lines])
    edge = (outer >= inner) & (outer < total)
    return np.stack([outer[edge], opposite[edge], outwards[edge]])


def _i32(values: I64) -> I32:
    return np.ascontiguousarray(values, dtype=np.int32)
