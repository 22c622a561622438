"""How the rain moves: a dense field of motion between radar pictures by multiscale Lucas–Kanade optical flow."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from rencheng.kernel.errors import InvalidInput

__all__ = ["DRY_DB", "WET_MM_H", "rain_decibel", "rain_from_decibel", "rain_motion"]

F64 = NDArray[np.float64]

WET_MM_H = 0.1
"""Rates below this count as dry."""
DRY_DB = -15.0
"""Decibel given to dry cells, 5 dB below the lightest rain so that the rain's edge is an edge."""

_SMALLEST = 24
_ITERATIONS = 3


def rain_decibel(rate_mm_h: NDArray[np.floating]) -> F64:
    """Rain rate in decibel, 10·log10(R / 1 mm/h), :data:`DRY_DB` below :data:`WET_MM_H` and where unknown.

    Examples
    --------
    >>> rain_decibel(np.array([10.0, 1.0, 0.0])).tolist()
    [10.0, 0.0, -15.0]
    """
    rate = np.nan_to_num(np.asarray(rate_mm_h, dtype=np.float64), nan=0.0)
    wet = rate >= WET_MM_H
    return np.where(wet, 10.0 * np.log10(np.where(wet, rate, 1.0)), DRY_DB)


def rain_from_decibel(decibel: F64) -> F64:
    """Inverse of :func:`rain_decibel`; whatever lies below the lightest rain is dry.

    Examples
    --------
    >>> rain_from_decibel(np.array([10.0, -12.0])).tolist()
    [10.0, 0.0]
    """
    return np.where(decibel >= 10.0 * np.log10(WET_MM_H), 10.0 ** (decibel / 10.0), 0.0)


def rain_motion(rate_mm_h: NDArray[np.floating], *, window_cells: float = 8.0) -> F64:
    r"""Motion of the rain over successive pictures, cells per picture interval.

    For each pair of pictures the optical flow constraint is solved by least squares in a Gaussian window
    (Lucas & Kanade 1981, IJCAI), from coarse to fine with warping (Bouguet 2000), starting from the one shift of the
    whole picture that phase correlation finds. Where a window holds too little structure the flow leans on that of its
    surroundings: :math:`(A + \lambda I)\,d = b + \lambda\,d_0`. The fields of all pairs are averaged by structure.

    Parameters
    ----------
    rate_mm_h : array, shape (k, ny, nx)
        Rain rates of ``k ≥ 2`` pictures at equal intervals, oldest first; NaN where unknown.
    window_cells : float
        Standard deviation of the window in cells.

    Returns
    -------
    float64 array, shape (2, ny, nx)
        Motion towards growing row (first) and growing column (second).

    Raises
    ------
    InvalidInput
        With fewer than two pictures.
    """
    pictures = np.asarray(rate_mm_h)
    if pictures.ndim != 3 or len(pictures) < 2:
        raise InvalidInput(
            f"motion needs two pictures or more, not an array of shape {pictures.shape}",
            where="rain pictures",
            mend="Wait for the next picture",
        )
    field = np.stack([gaussian_filter(rain_decibel(p) - DRY_DB, 1.0, mode="nearest") for p in pictures])
    total = np.zeros((2, *pictures.shape[1:]))
    weight = np.full(pictures.shape[1:], 1e-12)
    for before, after in itertools.pairwise(field):
        flow, structure = _pair_motion(before, after, window_cells)
        total += flow * structure
        weight += structure
    return total / weight


def _pair_motion(before: F64, after: F64, window: float) -> tuple[F64, F64]:
    """Motion between two smoothed pictures and how much structure it stands on, shapes (2, ny, nx), (ny, nx)."""
    shift = _whole_shift(before, after)
    flow = np.broadcast_to(shift[:, None, None], (2, *before.shape)).copy()
    levels = max(0, int(np.floor(np.log2(max(min(before.shape) / _SMALLEST, 1.0)))))
    structure = np.ones(before.shape)
    for level in range(levels, -1, -1):
        scale = 2.0**level
        coarse = [gaussian_filter(p, 0.5 * scale, mode="nearest") if level else p for p in (before, after)]
        small = [zoom(p, 1.0 / scale, order=1, grid_mode=True, mode="nearest") for p in coarse]
        flow_small = np.stack([_resized(f, small[0].shape) for f in flow]) / scale
        for _ in range(_ITERATIONS):
            flow_small, structure_small = _refined(small[0], small[1], flow_small, max(window / scale, 3.0))
        flow = np.stack([_resized(f, before.shape) for f in flow_small]) * scale
        structure = np.maximum(_resized(structure_small, before.shape), 0.0)
    return flow, structure


def _resized(field: F64, shape: tuple[int, ...]) -> F64:
    if field.shape == shape:
        return field
    factors = [target / have for target, have in zip(shape, field.shape, strict=True)]
    return np.asarray(zoom(field, factors, order=1, grid_mode=True, mode="nearest"))


def _whole_shift(before: F64, after: F64) -> F64:
    """One shift (rows, columns) of the whole picture, by phase correlation with zero padding."""
    shape = tuple(2 * n for n in before.shape)
    if before.std() < 1e-9 or after.std() < 1e-9:
        return np.zeros(2)
    a = np.fft.rfft2(before - before.mean(), shape)
    b = np.fft.rfft2(after - after.mean(), shape)
    cross = np.conj(a) * b
    peak = np.fft.irfft2(cross / np.sqrt(np.abs(cross) + 1e-12), shape)  # half-whitened: robust in smooth fields
    row, column = np.unravel_index(int(np.argmax(peak)), shape)
    wrapped = [i - n if i > n // 2 else i for i, n in ((row, shape[0]), (column, shape[1]))]
    most = 0.5 * np.array(before.shape)
    shift = np.array(wrapped, dtype=np.float64)
    return shift if (np.abs(shift) <= most).all() else np.zeros(2)


def _refined(before: F64, after: F64, flow: F64, window: float) -> tuple[F64, F64]:
    """One Lucas–Kanade step from a first guess; pictures are warped half way each, so that errors cancel."""
    ny, nx = before.shape
    rows, columns = np.mgrid[0:ny, 0:nx].astype(np.float64)
    behind, ahead = (np.stack([rows, columns]) + sign * flow / 2.0 for sign in (-1.0, 1.0))
    back = map_coordinates(before, behind, order=1, mode="nearest")
    forth = map_coordinates(after, ahead, order=1, mode="nearest")
    last = np.array([ny - 1.0, nx - 1.0])[:, None, None]
    seen = np.logical_and.reduce([((p >= 0.0) & (p <= last)).all(axis=0) for p in (behind, ahead)])
    slope_y, slope_x = np.gradient((back + forth) / 2.0)
    change = forth - back
    ayy, axx, axy, by, bx = (
        gaussian_filter(np.where(seen, p, 0.0), window, mode="constant")  # what left the picture has no say
        for p in (slope_y**2, slope_x**2, slope_x * slope_y, -slope_y * change, -slope_x * change)
    )
    trace = ayy + axx
    lean = 0.02 * trace + 0.05 * float(trace.mean()) + 1e-9
    wide = 2.0 * window
    mass = gaussian_filter(trace, wide, mode="nearest") + 1e-9
    around = np.stack([gaussian_filter(f * trace, wide, mode="nearest") / mass for f in flow])
    pull = around - flow
    det = (ayy + lean) * (axx + lean) - axy**2
    step_y = ((by + lean * pull[0]) * (axx + lean) - (bx + lean * pull[1]) * axy) / det
    step_x = ((bx + lean * pull[1]) * (ayy + lean) - (by + lean * pull[0]) * axy) / det
    limit = window
    return flow + np.stack([np.clip(step_y, -limit, limit), np.clip(step_x, -limit, limit)]), trace
